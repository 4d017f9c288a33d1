"""Price impact: what trading in the laboratory does to the recorded path.

    price = path · exp(impact)      impact grows by COEFFICIENT · thinness · notional / open interest with each order,
                                    and decays by half in HALF_LIFE
    thinness = 1 + WIDENING · fall  of the last six hours: market makers quote less, and wider, while the price falls

Permanent impact is left to the path. Forced impact (sales of defaulted portfolios, and of what was bought from them) is
kept apart from the rest, so that one can tell what the price would be without it.
"""

from collections import deque
from dataclasses import dataclass, field
from math import exp
from typing import Final

from node.market.instruments import FEED_UNITS

COEFFICIENT: Final = 0.15
"""An order of 10 % of open interest moves a calm market by 1.5 %."""
HALF_LIFE: Final = 2 * 3600
WIDENING: Final = 10.0
"""After a fall of 30 % an order moves the price four times as far."""
HALF_SPREAD: Final = 0.0005
_ROUNDS_OF_FALL: Final = 24
_MOST: Final = 0.6


@dataclass(slots=True)
class ImpactMarket:
    """One symbol's market. `open_interest` in dollars; prices in feed units."""

    open_interest: float
    path_price: int
    forced: float = 0.0
    other: float = 0.0
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=_ROUNDS_OF_FALL))

    @property
    def price(self) -> int:
        """With all impact."""
        return self._at(self.forced + self.other)

    @property
    def price_without_forced(self) -> int:
        """What it would be without forced sales."""
        return self._at(self.other)

    @property
    def thinness(self) -> float:
        """How many times further than in a calm market an order moves the price."""
        highest = max(self._recent, default=self.path_price)
        return 1 + WIDENING * max(0.0, 1 - self.price / highest)

    @property
    def momentum(self) -> float:
        """The return over the last hour."""
        return self.price / self._recent[-5] - 1 if len(self._recent) > 4 else 0.0

    def advance(self, path_price: int, seconds: int) -> None:
        """The next round: impact decays, the path goes on."""
        kept = 0.5 ** (seconds / HALF_LIFE)
        self.forced *= kept
        self.other *= kept
        self.path_price = path_price

    def quote(self) -> int:
        """The price that the oracle sees in this round, once its first orders are in."""
        self._recent.append(self.price)
        return self.price

    def fill(self, notional: float) -> float:
        """The factor on the quote at which an order of so many signed dollars would be filled."""
        thinness = self.thinness
        moved = COEFFICIENT * thinness * notional / self.open_interest
        return exp(moved / 2 + HALF_SPREAD * thinness * (1 if notional > 0 else -1))

    def trade(self, notional: float, *, forced: bool) -> None:
        """An order of so many signed dollars is filled: the next quotes have its impact."""
        total = self.forced + self.other
        moved = COEFFICIENT * self.thinness * notional / self.open_interest
        moved = max(-_MOST, min(total + moved, _MOST)) - total
        if forced:
            self.forced += moved
        else:
            self.other += moved

    def expected_move(self, notional: float) -> float:
        """How far an order of so many dollars would move the price, as a fraction."""
        return COEFFICIENT * self.thinness * abs(notional) / self.open_interest

    def dollars(self, lots: int, lot_scale: int) -> float:
        """Signed dollars of lots at the present price."""
        return self.price / FEED_UNITS * lots / lot_scale

    def _at(self, impact: float) -> int:
        return int(self.path_price * exp(impact))
