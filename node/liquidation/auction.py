"""The falling-price auction of a bundle out of a defaulted account, in integers of micro-dollars and hub blocks.

All prices are for one unit of the bundle (`bundles`). They fall from the mark in two phases, each of a stated length:

    solvent     from mark to the bankruptcy price, at which the account would end at exactly zero: first fast, then
                slowly (Derive's DutchAuction). What the price gives away is the owner's equity.
    insolvent   on below the bankruptcy price, as far as insurance and default fund can make good. An account that is
                worth less than nothing begins here, at the mark.

In both the price stays above the mark less a stated share of notional: an owner who was merely away loses a share of
its position, never its equity. Each unit has its own share of the account's equity, so that buying in two parts is
never cheaper than buying at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class MarkedLot:
    """Signed lots of one instrument with their mark (micro-dollars per lot)."""

    quantity: int
    mark: int


@dataclass(frozen=True, slots=True)
class AuctionSchedule:
    """How the price falls. `start_ppm` of the solvent phase's depth is still kept at the start, `fast_ppm` after the
    fast blocks, nothing after the slow ones; the insolvent phase falls in a straight line."""

    start_ppm: int
    fast_ppm: int
    fast_blocks: int
    slow_blocks: int
    insolvent_blocks: int


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What stands behind a bundle: the account's equity at mark (its collateral as in a forced sale), as if no unit had
    been sold below mark, and what the funds can add. Micro-dollars."""

    equity: int
    funds: int

    @property
    def coverable(self) -> bool:
        """Whether a sale at mark would leave no loss that nobody covers."""
        return self.equity + self.funds >= 0


@dataclass(frozen=True, slots=True)
class AuctionTerms:
    """What the asking price of one unit depends on besides time."""

    mark: int
    solvent_depth: int
    """How far it falls at the owner's expense."""
    insolvent_depth: int
    """How much further at the funds'."""
    schedule: AuctionSchedule

    @property
    def solvent_blocks(self) -> int:
        """The length of the solvent phase: none for an account without equity."""
        return self.schedule.fast_blocks + self.schedule.slow_blocks if self.solvent_depth else 0

    @property
    def duration(self) -> int:
        """Hub blocks from the start to the lowest price."""
        return self.solvent_blocks + (self.schedule.insolvent_blocks if self.insolvent_depth else 0)

    @property
    def backstop_after(self) -> int:
        """When the backstop is next: after the solvent phase, or after the insolvent one where there is no other."""
        return self.solvent_blocks or self.duration

    @property
    def floor(self) -> int:
        """The lowest asking price."""
        return self.mark - self.solvent_depth - self.insolvent_depth

    def asking_price(self, elapsed: int) -> int:
        """The price after `elapsed` hub blocks, rounded up, never below the floor."""
        passed = max(elapsed, 0)
        price = self.mark - self._given_away(min(passed, self.solvent_blocks))
        beyond = min(max(passed - self.solvent_blocks, 0), self.schedule.insolvent_blocks)
        if beyond and self.insolvent_depth:
            price -= self.insolvent_depth * beyond // self.schedule.insolvent_blocks
        return price

    def _given_away(self, passed: int) -> int:
        if not self.solvent_depth:
            return 0
        schedule = self.schedule
        first = self.solvent_depth * (PPM - schedule.start_ppm) // PPM
        second = self.solvent_depth * (PPM - schedule.fast_ppm) // PPM
        if passed < schedule.fast_blocks:
            return first + (second - first) * passed // schedule.fast_blocks
        return second + (self.solvent_depth - second) * (passed - schedule.fast_blocks) // schedule.slow_blocks

    def over(self, elapsed: int) -> bool:
        """Whether bidders had their time at every price."""
        return elapsed >= self.duration


def terms_of(
    unit: Sequence[MarkedLot], units: int, standing: AccountStanding, discount_ppm: int, schedule: AuctionSchedule
) -> AuctionTerms:
    """The auction of a bundle that began with `units` of `unit`: each may give away its share of what stands behind all
    of them, and no more than `discount_ppm` of its notional."""
    limit = gross_notional(unit) * discount_ppm // PPM
    own = min(max(standing.equity, 0) // units, limit)
    rest = standing.funds + min(standing.equity, 0)
    return AuctionTerms(
        mark=portfolio_mark(unit),
        solvent_depth=own,
        insolvent_depth=min(max(rest, 0) // units, limit - own),
        schedule=schedule,
    )


def portfolio_mark(lots: Sequence[MarkedLot]) -> int:
    """Σ quantity·mark: what the lots are worth, in micro-dollars."""
    return sum(lot.quantity * lot.mark for lot in lots)


def gross_notional(lots: Sequence[MarkedLot]) -> int:
    """Σ |quantity|·mark, in micro-dollars."""
    return sum(abs(lot.quantity) * lot.mark for lot in lots)
