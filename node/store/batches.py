"""Final batches and all that follows from them, written in one transaction each."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from node.ledger.effects import LedgerEvent, PayAction, Posting, SeizeAction
from node.ledger.execution import Executed
from node.ledger.state import LedgerState
from node.ledger.types import AccountId, Digest
from node.ledger.wire import decode_batch, encode_message
from node.store import schema
from node.store.database import Database
from node.store.errors import BatchGap, BrokenChain
from node.store.outbox import add_action, add_certified
from node.store.records import CertifiedBatch, OutboxKind, StoredBatch

_DERIVED: Final = (
    schema.messages,
    schema.account_versions,
    schema.events,
    schema.postings,
    schema.latencies,
)


class Batches(Database):
    """The chain of final batches."""

    def commit_batch(
        self,
        number: int,
        root: Digest,
        body: bytes,
        batch_hash: Digest,
        certificate: bytes,
        executed: Executed,
        final_hub_block: int,
    ) -> None:
        """Writes the next final batch with its messages, account versions, events, postings and actions; or nothing
        at all.

        That settles the commits of this number: certified batches up to it are dropped, their entries closed.

        Raises:
            BatchGap: it is not the next one.
            BrokenChain: it builds on another root.
            WireError: `body` is no batch.
        """
        batch = decode_batch(body)
        messages = [
            {"digest": message.digest(self.deployment), "batch": number, "body": encode_message(message)}
            for message in batch.messages
        ]
        with self._writing() as connection:
            expected, last_root = _head(connection, self.deployment.digest)
            if number != expected or batch.number != number:
                raise BatchGap(expected, number if number != expected else batch.number)
            if batch.previous_root != last_root:
                raise BrokenChain(number, last_root, batch.previous_root)
            values = {
                "number": number,
                "root": root,
                "batch_hash": batch_hash,
                "body": body,
                "certificate": certificate,
                "final_hub_block": final_hub_block,
            }
            connection.execute(insert(schema.batches).values(values))
            if messages:
                connection.execute(insert(schema.messages), messages)
            _write_effects(connection, number, executed)
            _settle_commits(connection, number)

    def rewind(self, number: int) -> None:
        """Forgets every batch after `number` and all that followed from it; votes stay.

        For a hub reorganisation, after which the node applies the surviving batches again. The first batch that is
        undone is certified still, so it waits for the hub again.
        """
        box = schema.outbox
        following = (box.c.kind == OutboxKind.COMMIT.value) & (box.c.batch == number + 1)
        with self._writing() as connection:
            undone = _undone(connection, number, self.deployment.digest)
            connection.execute(delete(schema.batches).where(schema.batches.c.number > number))
            for table in _DERIVED:
                connection.execute(delete(table).where(table.c.batch > number))
            connection.execute(delete(box).where((box.c.batch > number) & ~following))
            connection.execute(delete(schema.certified).where(schema.certified.c.number > number + 1))
            if undone is not None:
                connection.execute(delete(box).where(box.c.id == undone.batch_hash))
                add_certified(connection, undone, self.deployment.hub_chain_id)

    def last(self) -> StoredBatch | None:
        """The last final batch; None before the first."""
        query = select(schema.batches).order_by(schema.batches.c.number.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _stored(row)

    def batch(self, number: int) -> StoredBatch | None:
        """One final batch."""
        with self._reading() as connection:
            row = connection.execute(select(schema.batches).where(schema.batches.c.number == number)).first()
        return None if row is None else _stored(row)

    def batches(self, first: int, count: int) -> list[bytes]:
        """Bodies of up to `count` final batches from number `first` on, in order."""
        table = schema.batches
        query = select(table.c.body).where(table.c.number >= first).order_by(table.c.number).limit(count)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())


def _head(connection: Connection, genesis_root: bytes) -> tuple[int, bytes]:
    """The next number, and the root that it must build on."""
    table = schema.batches
    row = connection.execute(select(table.c.number, table.c.root).order_by(table.c.number.desc()).limit(1)).first()
    return (1, genesis_root) if row is None else (row.number + 1, row.root)


def _undone(connection: Connection, number: int, genesis_root: bytes) -> CertifiedBatch | None:
    """The stored batch after `number`, if there is one."""
    table = schema.batches
    row = connection.execute(select(table).where(table.c.number == number + 1)).first()
    if row is None:
        return None
    previous = connection.execute(select(table.c.root).where(table.c.number == number)).scalar()
    return CertifiedBatch(
        row.number, Digest(previous or genesis_root), row.root, row.batch_hash, row.body, row.certificate
    )


def _stored(row: Row[tuple[object, ...]]) -> StoredBatch:
    return StoredBatch(**row._asdict())


def _write_effects(connection: Connection, number: int, executed: Executed) -> None:
    effects = executed.effects
    _write_events(connection, number, [effect for effect in effects if isinstance(effect, LedgerEvent)])
    _write_postings(connection, number, [effect for effect in effects if isinstance(effect, Posting)])
    for effect in effects:
        if isinstance(effect, PayAction | SeizeAction):
            add_action(connection, number, effect)
    touched = {e.account for e in effects if isinstance(e, LedgerEvent | Posting) and e.account is not None}
    _write_versions(connection, number, touched, executed.state)


def _write_events(connection: Connection, number: int, entries: Sequence[LedgerEvent]) -> None:
    last = connection.execute(select(func.max(schema.events.c.sequence))).scalar() or 0
    rows = [
        {
            "sequence": sequence,
            "batch": number,
            "kind": entry.kind.value,
            "account": entry.account,
            "attributes": [list(pair) for pair in entry.attributes],
        }
        for sequence, entry in enumerate(entries, last + 1)
    ]
    if rows:
        connection.execute(insert(schema.events), rows)


def _write_postings(connection: Connection, number: int, entries: Sequence[Posting]) -> None:
    table = schema.postings
    last: dict[AccountId, int] = {}
    rows = []
    for entry in entries:
        if entry.account not in last:
            query = select(func.max(table.c.sequence)).where(table.c.account == entry.account)
            last[entry.account] = connection.execute(query).scalar() or 0
        last[entry.account] += 1
        rows.append(
            {
                "account": entry.account,
                "sequence": last[entry.account],
                "batch": number,
                "kind": entry.kind.value,
                "amount": entry.amount,
                "asset": entry.asset,
                "instrument": entry.instrument,
                "message": entry.message,
            }
        )
    if rows:
        connection.execute(insert(table), rows)


def _write_versions(connection: Connection, number: int, touched: Iterable[AccountId], state: LedgerState) -> None:
    rows = [
        {"account": name, "batch": number, "version": account.version, "status": int(account.status)}
        for name in sorted(touched)
        if (account := state.accounts.get(name)) is not None
    ]
    if rows:
        connection.execute(insert(schema.account_versions), rows)


def _settle_commits(connection: Connection, number: int) -> None:
    connection.execute(delete(schema.certified).where(schema.certified.c.number <= number))
    box = schema.outbox
    settled = (box.c.kind == OutboxKind.COMMIT.value) & (box.c.batch <= number)
    connection.execute(update(box).where(settled).values(closed=True))
