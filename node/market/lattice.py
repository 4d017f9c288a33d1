"""The price lattice: nodes origin · (numerator/denominator)^i in exact integers, fixed at listing.

Windows of successive rounds share nodes, because the lattice does not move with the price. Node i is rounded
down; every machine computes the same integers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.market.errors import ValueOutOfRange
from node.market.instruments import MAXIMUM_PRICE
from node.market.parameters import MarketParameters
from node.market.widths import PriceRange

_LEAST_NODE: Final = 1000
"""Below it, rounding would spoil the ratio of neighbouring nodes."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """The lattice of one underlying; `origin` in feed units."""

    symbol: str
    origin: int
    numerator: int
    denominator: int

    def node(self, place: int) -> int:
        """The price of a node, feed units, rounded down."""
        if place >= 0:
            return int(self.origin * self.numerator**place // self.denominator**place)
        return int(self.origin * self.denominator**-place // self.numerator**-place)

    def floor(self, price: int) -> int:
        """The place of the highest node at or below `price`."""
        place = 0
        while self.node(place) > price:
            place -= 1
        while self.node(place + 1) <= price:
            place += 1
        return place

    def window(self, reach: PriceRange, strikes: Iterable[int]) -> tuple[int, ...]:
        """The nodes of a window that contains `reach`, edges outward, and every strike between the edges;
        ascending.

        Raises:
            ValueOutOfRange: a price so small or so large that the lattice cannot serve it.
        """
        if reach.low < _LEAST_NODE or reach.high >= MAXIMUM_PRICE:
            raise ValueOutOfRange(self.symbol, 0, reach.low if reach.low < _LEAST_NODE else reach.high)
        first = self.floor(reach.low)
        last = self.floor(reach.high)
        if self.node(last) < reach.high:
            last += 1
        nodes = {self.node(place) for place in range(first, last + 1)}
        inside = {strike for strike in strikes if self.node(first) < strike < self.node(last)}
        return tuple(sorted(nodes | inside))


def lattice_of(symbol: str, parameters: MarketParameters) -> Lattice:
    """The lattice of an underlying. Raises MissingFeed."""
    origin = parameters.underlying(symbol).lattice_origin
    return Lattice(symbol, origin, parameters.step_numerator, parameters.step_denominator)
