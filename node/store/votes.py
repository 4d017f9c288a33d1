"""This validator's own votes: at most one batch per number and attempt, whatever happens to the process."""

from sqlalchemy import delete, insert, select

from node.ledger.types import Digest
from node.store import schema
from node.store.database import Database
from node.store.errors import DoubleVote
from node.store.records import Vote


class Votes(Database):
    """What this validator has signed."""

    def record_vote(self, number: int, attempt: int, digest: Digest) -> None:
        """Writes down a vote, before its signature leaves the node. The same vote again changes nothing.

        Raises:
            DoubleVote: another digest was voted for in this attempt.
        """
        table = schema.votes
        place = (table.c.number == number) & (table.c.attempt == attempt)
        with self._writing() as connection:
            voted = connection.execute(select(table.c.digest).where(place)).scalar()
            if voted is None:
                values = {"number": number, "attempt": attempt, "digest": digest}
                connection.execute(insert(table).values(values))
            elif voted != digest:
                raise DoubleVote(number, attempt, voted, digest)

    def votes(self, number: int) -> tuple[Vote, ...]:
        """The votes for a batch number, by attempt."""
        table = schema.votes
        query = select(table).where(table.c.number == number).order_by(table.c.attempt)
        with self._reading() as connection:
            return tuple(Vote(**row._asdict()) for row in connection.execute(query))

    def forget_votes(self, below: int) -> None:
        """Drops the votes for batch numbers under `below`, which must be beyond any reorganisation."""
        with self._writing() as connection:
            connection.execute(delete(schema.votes).where(schema.votes.c.number < below))
