"""What a batch asks the world to do, and what it tells observers: data, never actions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd


@dataclass(frozen=True, slots=True)
class PayAction:
    """Pay ledger units of an asset out of its chain's vault."""

    action_id: Digest
    asset: AssetId
    recipient: Address
    amount: int


@dataclass(frozen=True, slots=True)
class SeizeAction:
    """Hand collateral to its chain's auction; prices in micro-dollars for the whole lot, falling over `seconds`."""

    action_id: Digest
    asset: AssetId
    amount: int
    start_price: MicroUsd
    floor_price: MicroUsd
    seconds: int


Action: TypeAlias = PayAction | SeizeAction


class EventKind(StrEnum):
    """What observers are told about."""

    ACCOUNT_OPENED = "ACCOUNT_OPENED"
    DEPOSITED = "DEPOSITED"
    TRADED = "TRADED"
    TRANSFERRED = "TRANSFERRED"
    MARGIN_PROVEN = "MARGIN_PROVEN"
    AUDITOR_NAMED = "AUDITOR_NAMED"
    AUDITOR_REMOVED = "AUDITOR_REMOVED"
    WITHDRAWN = "WITHDRAWN"
    PAID = "PAID"
    PAY_FAILED = "PAY_FAILED"
    ROUND = "ROUND"
    FEED_STALE = "FEED_STALE"
    SURFACE_REFUSED = "SURFACE_REFUSED"
    """The round's quotes of forwards and smiles came to nothing: the surface before stays."""
    SURFACE_STALE = "SURFACE_STALE"
    """The surface in force is older than it should be: margins widen with its age."""
    ROUND_NOT_VALUED = "ROUND_NOT_VALUED"
    """No grid can be made of the round's figures: the one before stays."""
    DUE = "DUE"
    CALLED = "CALLED"
    FROZEN = "FROZEN"
    OPENED = "OPENED"
    PLANNED = "PLANNED"
    ON_AUCTION = "ON_AUCTION"
    AUCTION_RESET = "AUCTION_RESET"
    PORTFOLIO_SOLD = "PORTFOLIO_SOLD"
    RESTORED = "RESTORED"
    SEIZED = "SEIZED"
    SOLD = "SOLD"
    SEIZURE_SET_ASIDE = "SEIZURE_SET_ASIDE"
    """A seizure was not carried out, or a lot not sold, in its time: its default goes on without it."""
    SEIZURE_RESUMED = "SEIZURE_RESUMED"
    """One that was set aside is carried out after all."""
    COLLATERAL_AWAITED = "COLLATERAL_AWAITED"
    """What is left of a default's collateral is out of reach; its loss is shared at hub block `until`."""
    TORN_UP = "TORN_UP"
    SETTLED = "SETTLED"
    INSURANCE_PAID = "INSURANCE_PAID"
    FUND_CHANGED = "FUND_CHANGED"
    FUND_PAID = "FUND_PAID"
    FUND_REPAID = "FUND_REPAID"
    SHORTFALL = "SHORTFALL"
    DEFAULT_CLOSED = "DEFAULT_CLOSED"
    REOPENED = "REOPENED"
    EXITED = "EXITED"
    SHORTAGE = "SHORTAGE"
    VALIDATORS_ROTATED = "VALIDATORS_ROTATED"
    BREAKER_SET = "BREAKER_SET"
    BREAKER_ENDED = "BREAKER_ENDED"
    """The level's last hub block has passed."""
    WRITTEN_OFF = "WRITTEN_OFF"
    REINSTATED = "REINSTATED"
    GIVEN_UP = "GIVEN_UP"
    """A seizure whose chain's token was written off."""
    STRANDED = "STRANDED"
    """Dollars that came in on a chain whose dollars are written off."""
    RECOVERED = "RECOVERED"
    """Dollars that were written off and are not lost."""


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One line of the public record: everything in it is public. `attributes` are name and decimal or hex value."""

    kind: EventKind
    account: AccountId | None = None
    attributes: tuple[tuple[str, str], ...] = ()


class PostingKind(StrEnum):
    """How a posting moves the hidden amounts of its account: every kind is linear in what the owner knows."""

    CREDITED = "CREDITED"
    """`amount` waits in the inbox, of `asset`, or of cash if that is empty."""
    MERGED = "MERGED"
    """The first `amount` waiting credits are booked."""
    CASH = "CASH"
    """Cash moves by `amount` micro-dollars."""
    COLLATERAL = "COLLATERAL"
    """Collateral `asset` moves by `amount` ledger units."""
    POSITION = "POSITION"
    """Position `instrument` moves by `amount` public lots."""
    TRADE_TAKEN = "TRADE_TAKEN"
    """Position `instrument` grows by the size of trade `message`; cash shrinks by `amount` (price less F) times it."""
    TRADE_MADE = "TRADE_MADE"
    """Position `instrument` shrinks by the size of trade `message`; cash grows by `amount` times it."""
    SETTLED = "SETTLED"
    """Cash grows by `amount` times position `instrument`, which then is nothing."""
    OPENED = "OPENED"
    """Every amount stays and becomes public (blinding zero)."""
    TRANSFER_SENT = "TRANSFER_SENT"
    """Cash or collateral, as `asset` says, shrinks by the amount of transfer `message`."""
    TRANSFER_RECEIVED = "TRANSFER_RECEIVED"
    """Cash or collateral, as `asset` says, grows by the amount of transfer `message`."""
    AUDITOR = "AUDITOR"
    """Nothing moves; who reads the account from now on is what message `message` says."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One linear step of one account, from which its owner keeps or restores the openings of its commitments."""

    kind: PostingKind
    account: AccountId
    amount: int = 0
    asset: AssetId | None = None
    instrument: InstrumentId | None = None
    message: Digest | None = None


Effect: TypeAlias = PayAction | SeizeAction | LedgerEvent | Posting


def event(kind: EventKind, account: AccountId | None = None, **attributes: int | str | bytes) -> LedgerEvent:
    """A LedgerEvent whose attributes are rendered the same everywhere: bytes as hex, integers as decimals."""
    rendered = ((name, v.hex() if isinstance(v, bytes) else str(v)) for name, v in attributes.items())
    return LedgerEvent(kind, account, tuple(rendered))
