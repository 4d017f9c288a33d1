"""Why the ledger refuses: one reason code per rule, which the API hands to clients unchanged."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Stable reason codes (UPPER_SNAKE, as in google.rpc.ErrorInfo)."""

    MALFORMED = "MALFORMED"
    EXPIRED = "EXPIRED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    ACCOUNT_EXISTS = "ACCOUNT_EXISTS"
    ACCOUNT_UNKNOWN = "ACCOUNT_UNKNOWN"
    ACCOUNT_NOT_ACTIVE = "ACCOUNT_NOT_ACTIVE"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    CREDITS_UNKNOWN = "CREDITS_UNKNOWN"
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    ASSET_UNKNOWN = "ASSET_UNKNOWN"
    CHAIN_UNKNOWN = "CHAIN_UNKNOWN"
    AMOUNT_INVALID = "AMOUNT_INVALID"
    ROUND_UNKNOWN = "ROUND_UNKNOWN"
    WINDOW_LAPSED = "WINDOW_LAPSED"
    ORACLE_STALE = "ORACLE_STALE"
    PRICE_UNFIT = "PRICE_UNFIT"
    SELF_TRADE = "SELF_TRADE"
    SELF_TRANSFER = "SELF_TRANSFER"
    COMMITMENT_REUSED = "COMMITMENT_REUSED"
    AUDITOR_INVALID = "AUDITOR_INVALID"
    HANDLE_MISSING = "HANDLE_MISSING"
    HANDLE_UNEXPECTED = "HANDLE_UNEXPECTED"
    PROOF_INVALID = "PROOF_INVALID"
    VAULT_SHORT = "VAULT_SHORT"
    CHAIN_SILENT = "CHAIN_SILENT"
    WITHDRAWALS_GATED = "WITHDRAWALS_GATED"
    FUND_LOCKED = "FUND_LOCKED"
    AUCTION_UNKNOWN = "AUCTION_UNKNOWN"
    PRICE_TOO_LOW = "PRICE_TOO_LOW"
    SELF_BID = "SELF_BID"
    BID_PENDING = "BID_PENDING"
    BREAKER_SET = "BREAKER_SET"
    ASSET_WRITTEN_OFF = "ASSET_WRITTEN_OFF"
    ORDER_OUT_OF_TURN = "ORDER_OUT_OF_TURN"
    ORDER_INVALID = "ORDER_INVALID"


class LedgerError(Exception):
    """Root of every error that the ledger raises on purpose."""


@dataclass
class Refused(LedgerError):
    """A message that breaks a rule. The state is as before; `metadata` carries what the sender needs to mend it."""

    reason: Reason
    detail: str
    metadata: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass
class BatchInvalid(LedgerError):
    """A batch that no honest proposer would have sent, with the first thing that is wrong in it."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


@dataclass
class InvariantBroken(LedgerError):
    """The books do not add up after a batch. Never expected; a node that sees it stops signing."""

    invariant: str
    subject: str

    def __str__(self) -> str:
        return f"{self.invariant} does not hold for {self.subject}"


@dataclass
class RulesInvalid(LedgerError):
    """House rules that could not be followed: `field` is out of its range."""

    field: str
    value: int

    def __str__(self) -> str:
        return f"{self.field} cannot be {self.value}"


@dataclass
class RotationInvalid(LedgerError):
    """New members that the house cannot be handed to, with the part at fault."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"rotation {self.part}: {self.reason}"


@dataclass
class WireError(LedgerError):
    """Bytes that do not decode into a message or batch, with the field at fault."""

    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}"
