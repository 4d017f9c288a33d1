"""Which actions a price allows: one table, asked before anything is done on a price.

A price can be unfit in four ways, the worst first:

    stale      this round had no quorum of fresh observations near their median: the last price stands
    jumped     it moved by more than a stated share in one round, and no second round has confirmed that yet
    uncertain  its confidence interval is wider than a stated share
    volatile   the volatility in force is above a stated level

So no liquidation begins on a price without a quorum, and a price that someone bent for one round (a flash wick, a
manipulated market) calls nobody, opens nobody and sells nothing; nor does it cross a barrier or enter a settlement
average (`node.market.state`). The idea of such a matrix is Drift's (protocol-v2,
`is_oracle_valid_for_action`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from node.liquidation.auction import PPM

MAX_UNCONFIRMED: Final = 3
"""Rounds in a row that may each jump away from the last; the next price counts whatever it is, or none ever would."""


class Condition(IntEnum):
    """How fit a price is, ascending in what it forbids."""

    FRESH = 0
    VOLATILE = 1
    UNCERTAIN = 2
    JUMPED = 3
    STALE = 4


class Action(IntEnum):
    """What is done on prices."""

    TRADE = 0
    """Trades, and transfers between accounts."""
    WITHDRAW = 1
    """Payouts, and changes of the default fund."""
    DEADLINE = 2
    """Deadlines of proofs run."""
    CALL = 3
    """Accounts are marked due, and called."""
    FREEZE = 4
    OPEN = 5
    """The committee's openings, and plans."""
    BID = 6
    """Bids; the clock of auctions runs."""
    BACKSTOP = 7
    """The end of an auction without bids: reset, backstop and tear-up; seizures of collateral."""
    SETTLE = 8
    """Settlement of what has expired."""
    OFFER = 9
    """New auctions, and orders to seize collateral, which begin one on its chain."""
    CLOSE = 10
    """The end of a default that nothing is left to sell of: it needs no price."""


ALLOWED: Final[dict[Condition, frozenset[Action]]] = {
    Condition.FRESH: frozenset(Action),
    Condition.VOLATILE: frozenset(Action) - {Action.WITHDRAW},
    Condition.UNCERTAIN: frozenset({Action.TRADE, Action.DEADLINE, Action.CALL, Action.SETTLE, Action.CLOSE}),
    Condition.JUMPED: frozenset({Action.DEADLINE, Action.CLOSE}),
    Condition.STALE: frozenset({Action.CLOSE}),
}
"""The matrix: a row for each condition."""


@dataclass(frozen=True, slots=True)
class ValidityLimits:
    """In parts per million: of the price per round, of its confidence, of volatility a year."""

    jump_ppm: int
    uncertain_ppm: int
    volatile_ppm: int


@dataclass(frozen=True, slots=True)
class Reference:
    """What the next price of a feed is measured by: the last confirmed price (feed units) and the time it was taken,
    and the one that jumped away from it in the last `unconfirmed` rounds (0 and 0 if none did)."""

    feed: str
    price: int
    taken_at: int = 0
    pending: int = 0
    unconfirmed: int = 0

    @property
    def jumped(self) -> bool:
        """Whether the price in force waits for a confirming round."""
        return self.unconfirmed > 0

    def stands_by(self, price: int, jump_ppm: int) -> bool:
        """Whether one more valid price confirms the pending one: it lies within the limit of it and did not come back.

        It came back if it lies within the limit of the confirmed price too, and no further from that one.
        """
        came_back = _within(price, self.price, jump_ppm) and abs(price - self.price) <= abs(price - self.pending)
        return self.jumped and _within(price, self.pending, jump_ppm) and not came_back

    def after(self, price: int, time: int, jump_ppm: int) -> "Reference":
        """The reference after one more valid price, which confirms the pending one by standing near it."""
        near = _within(price, self.price, jump_ppm)
        confirmed = self.jumped and _within(price, self.pending, jump_ppm)
        if near or confirmed or self.unconfirmed >= MAX_UNCONFIRMED:
            return Reference(self.feed, price, time)
        return Reference(self.feed, self.price, self.taken_at, price, self.unconfirmed + 1)


@dataclass(frozen=True, slots=True)
class Quote:
    """One feed in the current round: confidence and volatility in ppm."""

    reference: Reference
    stale: bool
    confidence_ppm: int
    sigma_ppm: int


def condition_of(quote: Quote, limits: ValidityLimits) -> Condition:
    """The worst that is true of a feed's price."""
    if quote.stale:
        return Condition.STALE
    if quote.reference.jumped:
        return Condition.JUMPED
    if quote.confidence_ppm > limits.uncertain_ppm:
        return Condition.UNCERTAIN
    return Condition.VOLATILE if quote.sigma_ppm > limits.volatile_ppm else Condition.FRESH


def worst(conditions: Iterable[Condition]) -> Condition:
    """The condition of an action that concerns several feeds."""
    return max(conditions, default=Condition.FRESH)


def _within(price: int, reference: int, jump_ppm: int) -> bool:
    return abs(price - reference) * PPM <= jump_ppm * reference
