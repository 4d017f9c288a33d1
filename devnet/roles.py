"""Who takes part in the scenario, with what: roles, collateral and the trades they agree on.

Quantities are fixed in BTC and ETH, dollars scale with the replay's first price, so that any market file makes the same
books. Sizes are primes of at least eight digits: a test searches every byte that leaves an owner for them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devnet.errors import SettingsInvalid
from devnet.market import PriceTick
from node.ledger.types import InstrumentId
from node.market.instruments import Future, Instrument, Option, OptionKind, Perpetual, Registry


class Role(StrEnum):
    """The actors, named by what they do."""

    MARKET_MAKER = "market_maker"
    HEDGED_DESK = "hedged_desk"
    ISOLATED_DESK = "isolated_desk"
    TOPPED_UP_LONG = "topped_up_long"
    STRETCHED_LONG = "stretched_long"
    LEVERAGED_LONG = "leveraged_long"
    BACKSTOP = "backstop"


class Kind(StrEnum):
    """The kinds of instrument that the planned trades need."""

    PERPETUAL = "perpetual"
    FUTURE = "future"
    PUT = "put"


@dataclass(frozen=True, slots=True)
class Funding:
    """Collateral for account `index`: `amount` ledger units of `symbol` on the chain in place `chain`.

    For USD, `amount` is in micro-dollars at a BTC price of 8,000 dollars and scales with the first price.
    """

    role: Role
    index: int
    chain: int
    symbol: str
    amount: int


@dataclass(frozen=True, slots=True)
class PlannedTrade:
    """`role`'s account `index` takes `size` lots (negative: sells) from the market maker in round `round`.

    `premium_ppm` moves the price off the mark, in the market maker's favour.
    """

    round: int
    role: Role
    index: int
    underlying: str
    kind: Kind
    size: int
    premium_ppm: int = 500

    def listed(self, registry: Registry) -> InstrumentId:
        """The listed instrument that is meant; of several puts the one with the lowest strike.

        Raises:
            SettingsInvalid: the house lists none of the kind.
        """
        found = [entry for entry in registry.instruments if entry.underlying == self.underlying and self._is(entry)]
        if not found:
            raise SettingsInvalid("trades", f"no {self.kind} on {self.underlying} is listed")
        return InstrumentId(min(found, key=lambda e: e.strike if isinstance(e, Option) else 0).id)

    def _is(self, entry: Instrument) -> bool:
        match self.kind:
            case Kind.PERPETUAL:
                return isinstance(entry, Perpetual)
            case Kind.FUTURE:
                return isinstance(entry, Future)
            case Kind.PUT:
                return isinstance(entry, Option) and entry.kind is OptionKind.PUT


USD: Final = 10**6
WBTC: Final = 10**6
WETH: Final = 10**5
REFERENCE_BTC_PRICE: Final = 8_000 * 10**8

FUNDINGS: Final = (
    Funding(Role.MARKET_MAKER, 0, 0, "USD", 40_000_000 * USD),
    Funding(Role.MARKET_MAKER, 0, 2, "WETH", 20_000 * WETH),
    Funding(Role.HEDGED_DESK, 0, 1, "USD", 2_600_000 * USD),
    Funding(Role.HEDGED_DESK, 0, 3, "WBTC", 60 * WBTC),
    Funding(Role.ISOLATED_DESK, 0, 1, "USD", 2_000_000 * USD),
    Funding(Role.ISOLATED_DESK, 1, 1, "USD", 600_000 * USD),
    Funding(Role.ISOLATED_DESK, 1, 3, "WBTC", 60 * WBTC),
    Funding(Role.TOPPED_UP_LONG, 0, 2, "USD", 650_000 * USD),
    Funding(Role.STRETCHED_LONG, 0, 3, "USD", 2_800_000 * USD),
    Funding(Role.LEVERAGED_LONG, 0, 0, "USD", 1_300_000 * USD),
    Funding(Role.LEVERAGED_LONG, 0, 1, "WETH", 5_000 * WETH),
    Funding(Role.LEVERAGED_LONG, 0, 2, "WBTC", 150 * WBTC),
    Funding(Role.BACKSTOP, 0, 0, "USD", 20_000_000 * USD),
)
INSURANCE: Final = Funding(Role.BACKSTOP, 0, 0, "USD", 5_000_000 * USD)
TOP_UP: Final = Funding(Role.TOPPED_UP_LONG, 0, 3, "USD", 2_500_000 * USD)
"""Paid in on a second chain when the call comes."""
RESCUE: Final = Funding(Role.ISOLATED_DESK, 0, 0, "USD", 6_000_000 * USD)
"""What the split book has to find when its naked leg is called."""

TRADES: Final = (
    PlannedTrade(1, Role.HEDGED_DESK, 0, "BTC", Kind.FUTURE, 10_000_139),
    PlannedTrade(1, Role.LEVERAGED_LONG, 0, "BTC", Kind.PERPETUAL, 10_000_019),
    PlannedTrade(2, Role.TOPPED_UP_LONG, 0, "ETH", Kind.PERPETUAL, 10_000_079),
    PlannedTrade(2, Role.ISOLATED_DESK, 0, "BTC", Kind.FUTURE, 10_000_189),
    PlannedTrade(3, Role.HEDGED_DESK, 0, "BTC", Kind.PUT, 10_000_169),
    PlannedTrade(3, Role.LEVERAGED_LONG, 0, "ETH", Kind.PERPETUAL, 10_000_229),
    PlannedTrade(4, Role.ISOLATED_DESK, 1, "BTC", Kind.PUT, 10_000_223),
    PlannedTrade(4, Role.STRETCHED_LONG, 0, "BTC", Kind.PERPETUAL, 10_000_247),
    PlannedTrade(5, Role.HEDGED_DESK, 0, "ETH", Kind.PUT, 10_000_103),
)


@dataclass(frozen=True, slots=True)
class PlannedOutage:
    """The chain in place `chain` goes down when `role` is in default, and is back `blocks` hub blocks later."""

    chain: int
    role: Role
    blocks: int


OUTAGE: Final = PlannedOutage(2, Role.LEVERAGED_LONG, 176)
"""Where a part of the collateral is that the default needs, for longer than the default waits for it."""


def dollars(funding: Funding, first: PriceTick) -> int:
    """The funding's amount in ledger units, with dollars scaled to the replay's first price."""
    if funding.symbol != "USD":
        return funding.amount
    return funding.amount * first.btc // REFERENCE_BTC_PRICE
