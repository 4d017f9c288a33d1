"""What sequencing refuses, and why: disputes against a proposal, malformed payloads, a full pool."""

from dataclasses import dataclass
from enum import StrEnum

from node.ledger.types import AccountId


class Rule(StrEnum):
    """The rules that a validator holds a proposal to before it votes; stable codes for logs and metrics."""

    MALFORMED = "MALFORMED"
    WRONG_PROPOSER = "WRONG_PROPOSER"
    WRONG_PREDECESSOR = "WRONG_PREDECESSOR"
    HUB_HEADER_UNKNOWN = "HUB_HEADER_UNKNOWN"
    HUB_HEADER_STALE = "HUB_HEADER_STALE"
    HUB_HEADER_DIFFERS = "HUB_HEADER_DIFFERS"
    CHAIN_NOT_SEEN = "CHAIN_NOT_SEEN"
    SEGMENT_DIFFERS = "SEGMENT_DIFFERS"
    ROUND_MISSING = "ROUND_MISSING"
    ROUND_DIFFERS = "ROUND_DIFFERS"
    PRICE_DEVIATES = "PRICE_DEVIATES"
    GRID_DIFFERS = "GRID_DIFFERS"
    BATCH_INVALID = "BATCH_INVALID"
    PROOF_INVALID = "PROOF_INVALID"
    BREACH_DISPROVEN = "BREACH_DISPROVEN"
    MESSAGE_LEFT_OUT = "MESSAGE_LEFT_OUT"


class SequencingError(Exception):
    """Root of every error that `node.sequencing` raises on purpose."""


@dataclass
class Dispute(SequencingError):
    """The first thing in a proposal that this validator will not sign."""

    rule: Rule
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


@dataclass
class PayloadMalformed(SequencingError):
    """Bytes of a peer that are no payload of their topic."""

    topic: str
    detail: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.detail}"


@dataclass
class PoolFull(SequencingError):
    """The pool holds as many messages as it may; the sender should wait for a batch."""

    limit: int

    def __str__(self) -> str:
        return f"the pool holds its {self.limit} messages"


@dataclass
class AccountQueueFull(SequencingError):
    """One account has as many messages pending as it may."""

    account: AccountId
    limit: int

    def __str__(self) -> str:
        return f"account {self.account.hex()} has {self.limit} messages pending"


@dataclass
class FinalBatchInvalid(SequencingError):
    """The hub made a batch final that this node cannot accept: it must stop signing and be looked at."""

    number: int
    detail: str

    def __str__(self) -> str:
        return f"final batch {self.number}: {self.detail}"
