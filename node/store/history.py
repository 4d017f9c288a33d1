"""Reading the past: events, postings, messages, account versions, latencies."""

from typing import Any

from sqlalchemy import Row, insert, select, update

from node.ledger.effects import EventKind, LedgerEvent, Posting, PostingKind
from node.ledger.types import AccountId, AssetId, Digest, InstrumentId, Status
from node.store import schema
from node.store.database import Database
from node.store.records import AccountVersion, Latency, StoredEvent, StoredMessage, StoredPosting


class History(Database):
    """What final batches left behind."""

    def events(self, after_sequence: int = 0, limit: int = 1000, account: AccountId | None = None) -> list[StoredEvent]:
        """Up to `limit` events after a sequence number, of one account or of all."""
        table = schema.events
        query = select(table).where(table.c.sequence > after_sequence).order_by(table.c.sequence).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        with self._reading() as connection:
            return [_event(row) for row in connection.execute(query)]

    def postings(self, account: AccountId, after: int = 0, limit: int = 1000) -> list[StoredPosting]:
        """Up to `limit` postings of an account after sequence number `after`, with the messages behind them."""
        table, bodies = schema.postings, schema.messages
        query = (
            select(table, bodies.c.body)
            .join_from(table, bodies, table.c.message == bodies.c.digest, isouter=True)
            .where((table.c.account == account) & (table.c.sequence > after))
            .order_by(table.c.sequence)
            .limit(limit)
        )
        with self._reading() as connection:
            return [_posting(row) for row in connection.execute(query)]

    def message(self, digest: Digest) -> StoredMessage | None:
        """An applied message by its id."""
        with self._reading() as connection:
            row = connection.execute(select(schema.messages).where(schema.messages.c.digest == digest)).first()
        return None if row is None else StoredMessage(**row._asdict())

    def account_versions(self, account: AccountId) -> list[AccountVersion]:
        """How an account stood after each batch that touched it, oldest first."""
        table = schema.account_versions
        query = select(table).where(table.c.account == account).order_by(table.c.batch)
        with self._reading() as connection:
            return [
                AccountVersion(AccountId(row.account), row.batch, row.version, Status(row.status))
                for row in connection.execute(query)
            ]

    def record_latency(self, sample: Latency) -> None:
        """Keeps a batch's timing; a second sample of the same batch replaces the first."""
        table = schema.latencies
        values = {"certified_ms": sample.certified_ms, "final_ms": sample.final_ms}
        with self._writing() as connection:
            changed = connection.execute(update(table).where(table.c.batch == sample.batch).values(values))
            if changed.rowcount == 0:
                connection.execute(insert(table).values(batch=sample.batch, **values))

    def latencies(self, limit: int = 256) -> list[Latency]:
        """The newest samples, newest first."""
        table = schema.latencies
        query = select(table).order_by(table.c.batch.desc()).limit(limit)
        with self._reading() as connection:
            return [Latency(**row._asdict()) for row in connection.execute(query)]


def _event(row: Row[Any]) -> StoredEvent:
    account = None if row.account is None else AccountId(row.account)
    attributes = tuple((str(name), str(value)) for name, value in row.attributes)
    return StoredEvent(row.sequence, row.batch, LedgerEvent(EventKind(row.kind), account, attributes))


def _posting(row: Row[Any]) -> StoredPosting:
    posting = Posting(
        kind=PostingKind(row.kind),
        account=AccountId(row.account),
        amount=row.amount,
        asset=None if row.asset is None else AssetId(row.asset),
        instrument=None if row.instrument is None else InstrumentId(row.instrument),
        message=None if row.message is None else Digest(row.message),
    )
    return StoredPosting(row.sequence, row.batch, posting, row.body)
