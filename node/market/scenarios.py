"""What a node of a margin statement stands for: an underlying at a price, and at a volatility where options count.

The statement numbers its nodes; whoever is told of a bad one wants to read where it lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from node.market.grid import RiskGrid
from node.market.instruments import FEED_UNITS, PPM


@dataclass(frozen=True, slots=True)
class Scenario:
    """`symbol` at `price` (feed units) and `volatility_ppm`, which is None where only linear instruments are held."""

    symbol: str
    price: int
    volatility_ppm: int | None

    def __str__(self) -> str:
        """`BTC at 8000 USD and a volatility of 120 %`."""
        place = f"{self.symbol} at {_plain(Decimal(self.price) / FEED_UNITS)} USD"
        if self.volatility_ppm is None:
            return place
        return f"{place} and a volatility of {_plain(Decimal(100 * self.volatility_ppm) / PPM)} %"


def scenario(grid: RiskGrid, held: Sequence[str], underlying: int, node: int) -> Scenario:
    """The scenario that the terms of `held` (ids of positions and assets, see `rows`) number `underlying`, `node`.

    Raises:
        UnknownInstrument: an id that the grid does not list.
    """
    entries = [grid.instrument(name) for name in held]
    symbol = sorted({entry.underlying for entry in entries})[underlying]
    nodes = grid.underlying(symbol)
    if all(grid.is_linear(entry.id) for entry in entries if entry.underlying == symbol):
        return Scenario(symbol, (nodes.nodes[0], nodes.nodes[-1])[node], None)
    place, level = divmod(node, len(nodes.levels))
    return Scenario(symbol, nodes.nodes[place], nodes.levels[level])


def _plain(figure: Decimal) -> str:
    return format(figure.normalize(), "f")
