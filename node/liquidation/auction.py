"""The falling-price auction of a defaulted portfolio, in integers of micro-dollars and hub blocks.

The asking price is what a buyer pays for all lots together. It falls in a straight line from the portfolio's mark by at
most a stated share of gross notional, and no further than the bankruptcy price, at which the defaulter's account would
end at exactly zero, while the account is solvent at mark. So an owner who was merely away loses a share of its
position, never its equity; and what an insolvent portfolio fetches below bankruptcy the insurance fund makes good.
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
class AuctionTerms:
    """What the asking price depends on besides time; micro-dollars for the whole portfolio."""

    mark: int
    bankruptcy: int
    gross: int
    duration: int
    """Hub blocks from mark to floor."""
    discount_ppm: int

    @property
    def floor(self) -> int:
        """The lowest asking price: what the backstop pays when nobody has bid."""
        lowest = self.mark - self.gross * self.discount_ppm // PPM
        return max(lowest, self.bankruptcy) if self.bankruptcy < self.mark else lowest

    def asking_price(self, elapsed: int) -> int:
        """The price after `elapsed` hub blocks, rounded up, never below the floor."""
        passed = min(max(elapsed, 0), self.duration)
        return self.mark - (self.mark - self.floor) * passed // self.duration

    def over(self, elapsed: int) -> bool:
        """Whether bidders had their time and the backstop is next."""
        return elapsed >= self.duration


def portfolio_mark(lots: Sequence[MarkedLot]) -> int:
    """Σ quantity·mark: what the lots are worth, in micro-dollars."""
    return sum(lot.quantity * lot.mark for lot in lots)


def gross_notional(lots: Sequence[MarkedLot]) -> int:
    """Σ |quantity|·mark, in micro-dollars."""
    return sum(abs(lot.quantity) * lot.mark for lot in lots)
