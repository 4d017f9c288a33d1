"""What a batch asks the world to do, and what it tells observers: data, never actions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from node.ledger.types import AccountId, Address, AssetId, Digest, MicroUsd


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
    MARGIN_PROVEN = "MARGIN_PROVEN"
    WITHDRAWN = "WITHDRAWN"
    PAID = "PAID"
    PAY_FAILED = "PAY_FAILED"
    ROUND = "ROUND"
    FEED_STALE = "FEED_STALE"
    DUE = "DUE"
    CALLED = "CALLED"
    FROZEN = "FROZEN"
    OPENED = "OPENED"
    PORTFOLIO_SOLD = "PORTFOLIO_SOLD"
    SEIZED = "SEIZED"
    SOLD = "SOLD"
    TORN_UP = "TORN_UP"
    SETTLED = "SETTLED"
    INSURANCE_PAID = "INSURANCE_PAID"
    SHORTFALL = "SHORTFALL"
    DEFAULT_CLOSED = "DEFAULT_CLOSED"


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One line of the public record: everything in it is public. `attributes` are name and decimal or hex value."""

    kind: EventKind
    account: AccountId | None = None
    attributes: tuple[tuple[str, str], ...] = ()


Effect: TypeAlias = PayAction | SeizeAction | LedgerEvent


def event(kind: EventKind, account: AccountId | None = None, **attributes: int | str | bytes) -> LedgerEvent:
    """A LedgerEvent whose attributes are rendered the same everywhere: bytes as hex, integers as decimals."""
    rendered = ((name, v.hex() if isinstance(v, bytes) else str(v)) for name, v in attributes.items())
    return LedgerEvent(kind, account, tuple(rendered))
