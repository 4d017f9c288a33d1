"""What has to reach the chains: written before it is sent, closed when its effect is final there.

Contracts accept an id once, so an entry may be sent as often as needed: after a crash, an outage, a reorg.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from node.ledger.effects import Action, PayAction, SeizeAction
from node.ledger.types import Address, AssetId, Digest, MicroUsd
from node.store import schema
from node.store.database import Database
from node.store.errors import ConflictingEntry, UnknownEntry
from node.store.records import CertifiedBatch, OutboxEntry, OutboxKind


class Outbox(Database):
    """Certified batches and actions on their way to the chains."""

    def save_certified(self, batch: CertifiedBatch) -> None:
        """Keeps a certified batch, with an entry for its commit on the hub. Saving it again changes nothing.

        Two attempts at one number may both be certified: the hub decides.
        """
        with self._writing() as connection:
            add_certified(connection, batch, self.deployment.hub_chain_id)

    def certified(self, number: int) -> tuple[CertifiedBatch, ...]:
        """The certified batches of this number that are not final yet, by hash."""
        table = schema.certified
        query = select(table).where(table.c.number == number).order_by(table.c.batch_hash)
        with self._reading() as connection:
            return tuple(CertifiedBatch(**row._asdict()) for row in connection.execute(query))

    def add(self, batch: int, action: Action) -> None:
        """Adds an action outside a batch's own transaction; a known one stays as it is.

        Raises:
            ConflictingEntry: its id stands for another action.
        """
        with self._writing() as connection:
            add_action(connection, batch, action)

    def entry(self, entry_id: Digest) -> OutboxEntry | None:
        """One entry, open or closed."""
        with self._reading() as connection:
            row = connection.execute(select(schema.outbox).where(schema.outbox.c.id == entry_id)).first()
        return None if row is None else _entry(row)

    def pending(self, *, include_closed: bool = False) -> list[OutboxEntry]:
        """Entries that are not closed (or all), in the order of their batches."""
        table = schema.outbox
        query = select(table).order_by(table.c.batch, table.c.kind, table.c.id)
        if not include_closed:
            query = query.where(table.c.closed.is_(False))
        with self._reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def mark_sent(self, entry_id: Digest, transaction: bytes) -> None:
        """Notes that a transaction with this hash carries the entry. Raises UnknownEntry."""
        values = {"transaction_hash": transaction, "attempts": schema.outbox.c.attempts + 1}
        self._change(entry_id, values)

    def close_entry(self, entry_id: Digest) -> None:
        """Notes that the entry's effect is final on its chain. Raises UnknownEntry."""
        self._change(entry_id, {"closed": True})

    def reopen(self, entry_id: Digest) -> None:
        """Puts an entry back that a reorganisation undid. Raises UnknownEntry."""
        self._change(entry_id, {"closed": False, "transaction_hash": b""})

    def _change(self, entry_id: Digest, values: Mapping[str, Any]) -> None:
        with self._writing() as connection:
            changed = connection.execute(update(schema.outbox).where(schema.outbox.c.id == entry_id).values(**values))
            if changed.rowcount != 1:
                raise UnknownEntry(entry_id)


def chain_of(asset: AssetId) -> int:
    """The chain on which an asset such as `WETH@31338` lives."""
    return int(asset.rpartition("@")[2])


def add_action(connection: Connection, batch: int, action: Action) -> None:
    """Adds an action within the caller's transaction. Raises ConflictingEntry."""
    kind = OutboxKind.PAY if isinstance(action, PayAction) else OutboxKind.SEIZE
    _add(connection, OutboxEntry(action.action_id, kind, chain_of(action.asset), batch, action))


def add_certified(connection: Connection, batch: CertifiedBatch, hub_chain_id: int) -> None:
    """Keeps a certified batch and the entry for its commit within the caller's transaction."""
    table = schema.certified
    known = connection.execute(select(table.c.number).where(table.c.batch_hash == batch.batch_hash)).first()
    if known is not None:
        return
    values = {
        "batch_hash": batch.batch_hash,
        "number": batch.number,
        "previous_root": batch.previous_root,
        "new_root": batch.new_root,
        "body": batch.body,
        "certificate": batch.certificate,
    }
    connection.execute(insert(table).values(values))
    _add(connection, OutboxEntry(batch.batch_hash, OutboxKind.COMMIT, hub_chain_id, batch.number, None))


def _add(connection: Connection, entry: OutboxEntry) -> None:
    known = connection.execute(select(schema.outbox).where(schema.outbox.c.id == entry.id)).first()
    if known is not None:
        if _entry(known).action != entry.action:
            raise ConflictingEntry(entry.id)
        return
    values = {
        "id": entry.id,
        "kind": entry.kind.value,
        "chain_id": entry.chain_id,
        "batch": entry.batch,
        "action": _action_fields(entry.action),
    }
    connection.execute(insert(schema.outbox).values(values))


def _action_fields(action: Action | None) -> dict[str, str]:
    """As JSON; amounts as decimals, since JSON readers may round large numbers."""
    match action:
        case PayAction(_, asset, recipient, amount):
            return {"asset": asset, "recipient": recipient.hex(), "amount": str(amount)}
        case SeizeAction(_, asset, amount, start_price, floor_price, seconds):
            return {
                "asset": asset,
                "amount": str(amount),
                "start_price": str(start_price),
                "floor_price": str(floor_price),
                "seconds": str(seconds),
            }
    return {}


def _action(kind: OutboxKind, action_id: Digest, fields: Mapping[str, str]) -> Action | None:
    match kind:
        case OutboxKind.PAY:
            recipient = Address(bytes.fromhex(fields["recipient"]))
            return PayAction(action_id, AssetId(fields["asset"]), recipient, int(fields["amount"]))
        case OutboxKind.SEIZE:
            return SeizeAction(
                action_id=action_id,
                asset=AssetId(fields["asset"]),
                amount=int(fields["amount"]),
                start_price=MicroUsd(int(fields["start_price"])),
                floor_price=MicroUsd(int(fields["floor_price"])),
                seconds=int(fields["seconds"]),
            )
    return None


def _entry(row: Row[Any]) -> OutboxEntry:
    kind = OutboxKind(row.kind)
    return OutboxEntry(
        id=Digest(row.id),
        kind=kind,
        chain_id=row.chain_id,
        batch=row.batch,
        action=_action(kind, Digest(row.id), row.action),
        transaction=row.transaction_hash,
        attempts=row.attempts,
        closed=row.closed,
    )
