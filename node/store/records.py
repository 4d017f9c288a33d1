"""What the store hands out: frozen data, decoded."""

from dataclasses import dataclass
from enum import StrEnum

from node.ledger.effects import Action, LedgerEvent, Posting
from node.ledger.types import AccountId, Digest, Status


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A final batch: `body` as validators signed it; `final_hub_block` is the hub block that held its commit."""

    number: int
    root: Digest
    batch_hash: Digest
    body: bytes
    certificate: bytes
    final_hub_block: int


@dataclass(frozen=True, slots=True)
class CertifiedBatch:
    """A batch that a quorum signed and the hub has not ordered yet."""

    number: int
    previous_root: Digest
    new_root: Digest
    batch_hash: Digest
    body: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Vote:
    """The one batch that this validator signed for a number and attempt; `digest` is what was signed."""

    number: int
    attempt: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An applied message: `body` is its serialized ClientMessage."""

    digest: Digest
    batch: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A line of the public record; `sequence` counts all events from 1, the same on every node."""

    sequence: int
    batch: int
    event: LedgerEvent


@dataclass(frozen=True, slots=True)
class StoredPosting:
    """A step of an account; `sequence` counts the account's postings from 1. `message` is the
    ClientMessage behind it, where that is stored."""

    sequence: int
    batch: int
    posting: Posting
    message: bytes | None = None


@dataclass(frozen=True, slots=True)
class AccountVersion:
    """An account after a batch that touched it."""

    account: AccountId
    batch: int
    version: int
    status: Status


class OutboxKind(StrEnum):
    """What has to reach a chain."""

    COMMIT = "COMMIT"
    """A certified batch, to the hub."""
    PAY = "PAY"
    """A payout, to a vault."""
    SEIZE = "SEIZE"
    """A seizure, to a vault."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One thing that must happen once on a chain.

    `id` is the action id, or the hash of the batch to commit; `action` is None for a commit. `transaction` is the
    hash sent last, empty before the first of `attempts`. An entry is closed when its effect is final on its chain.
    """

    id: Digest
    kind: OutboxKind
    chain_id: int
    batch: int
    action: Action | None
    transaction: bytes = b""
    attempts: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the first message of a batch to its certificate and to its finality on the hub."""

    batch: int
    certified_ms: float
    final_ms: float
