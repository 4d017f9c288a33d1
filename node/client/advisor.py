"""What the owner alone can compute: equity, the slack of the margin statement, and the way to the window's edges."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from node.client.holdings import Holdings
from node.client.prover import margin_of
from node.ledger.types import MicroUsd
from node.market.grid import RiskGrid
from node.market.instruments import PPM
from node.market.widths import price_range
from node.market.window import MarginWindow

_ROW_UNITS_PER_USD: Final = 10**9
_ROW_UNITS_PER_MICRO: Final = 1000


@dataclass(frozen=True, slots=True)
class EdgeDistance:
    """How far one underlying may move before the account's window lapses, ppm of the price; negative: it has lapsed.

    `price`, `low` and `high` are feed units. The maintenance window moves with the price and must stay inside.
    """

    symbol: str
    price: int
    low: int
    high: int
    down_ppm: int
    up_ppm: int


@dataclass(frozen=True, slots=True)
class MarginReport:
    """An owner's view of one account in one round. Dollars; its repr shows no amount.

    `slack` is what remains in the worst scenario of the initial window after charges: a proof exists if it is ≥ 0.
    `deposit` is the cash, in micro-dollars, that brings a negative slack to zero.
    """

    round: int
    equity: Decimal = field(repr=False)
    slack: Decimal = field(repr=False)
    deposit: MicroUsd = field(repr=False)
    edges: tuple[EdgeDistance, ...]


def report(holdings: Holdings, grid: RiskGrid, window: MarginWindow | None) -> MarginReport:
    """The margin of `holdings` on `grid`; `window` is the account's last accepted one.

    Raises:
        UnknownInstrument: the grid lacks something the account holds.
    """
    slack = margin_of(holdings, grid).slack
    return MarginReport(
        round=grid.round,
        equity=Decimal(equity(holdings, grid)) / _ROW_UNITS_PER_USD,
        slack=Decimal(slack) / _ROW_UNITS_PER_USD,
        deposit=MicroUsd(max(0, -(slack // _ROW_UNITS_PER_MICRO))),
        edges=() if window is None else edges(grid, window),
    )


def equity(holdings: Holdings, grid: RiskGrid) -> int:
    """Cash, positions at mark and collateral without haircut, in row units of 1e-9 USD."""
    total = _ROW_UNITS_PER_MICRO * holdings.cash.value
    for instrument, opening in holdings.positions.items():
        entry = grid.instrument(instrument)
        total += _ROW_UNITS_PER_MICRO * (entry.mark - entry.funding) * opening.value
    for asset, opening in holdings.collateral.items():
        total += grid.instrument(asset).mark * opening.value
    return total


def edges(grid: RiskGrid, window: MarginWindow) -> tuple[EdgeDistance, ...]:
    """For each underlying of the window, how far its price may fall and rise."""
    return tuple(_edge(grid, covered.symbol, covered.low, covered.high) for covered in window.underlyings)


def _edge(grid: RiskGrid, symbol: str, low: int, high: int) -> EdgeDistance:
    underlying = grid.underlying(symbol)
    width = underlying.maintenance_width_ppm
    needed = price_range(underlying.price, width)
    # The maintenance window scales with the price, so that the price may move by the same fraction as its edge.
    return EdgeDistance(
        symbol,
        underlying.price,
        low,
        high,
        down_ppm=PPM - -(-low * PPM // needed.low),
        up_ppm=high * PPM // needed.high - PPM,
    )
