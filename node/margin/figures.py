"""What the owner alone can compute: a portfolio's equity, margin requirement and slack, and where it does worst."""

from dataclasses import dataclass, field

from circuits.errors import StatementUnsound
from node.margin.book import Portfolio
from node.margin.errors import MarketUnusable
from node.margin.market import Market, require_listed
from node.market.grid import RiskGrid
from node.market.margin import ROW_UNITS_PER_MICRO_USD, Scenario, open_margin
from node.market.rows import compile_terms


@dataclass(frozen=True, slots=True)
class MarginFigures:
    """One portfolio on one market, in row units of 1e-9 USD; no repr shows an amount.

    Attributes:
        equity: cash, positions at mark, collateral at mark without haircut.
        slack: what remains in the worst scenario of the initial window after charges; a proof exists if it is ≥ 0.
        scenarios: per underlying the one in which the portfolio does worst.
    """

    equity: int = field(repr=False)
    slack: int = field(repr=False)
    scenarios: tuple[Scenario, ...] = field(repr=False)

    @property
    def requirement(self) -> int:
        """Initial margin: the equity that would just do."""
        return self.equity - self.slack

    @property
    def deposit(self) -> int:
        """The cash in µUSD that brings the slack to zero; 0 where nothing is missing."""
        return max(0, -(self.slack // ROW_UNITS_PER_MICRO_USD))


def margin_figures(portfolio: Portfolio, market: Market) -> MarginFigures:
    """The margin of a portfolio, in the integers of its proof.

    Raises:
        FileInvalid: an id that the market does not list, or that has expired there; an amount out of range.
        MarketUnusable: no statement follows from the market.
    """
    portfolio.check("portfolio")
    require_listed(market, "portfolio", portfolio.positions, portfolio.collateral)
    try:
        compile_terms(market.grid, tuple(portfolio.positions), tuple(portfolio.collateral), vouched=False)
    except StatementUnsound as error:
        raise MarketUnusable(str(error)) from error
    margin = open_margin(market.grid, portfolio.cash, portfolio.positions, portfolio.collateral)
    return MarginFigures(_equity(portfolio, market.grid), margin.slack, margin.worst)


def _equity(portfolio: Portfolio, grid: RiskGrid) -> int:
    total = ROW_UNITS_PER_MICRO_USD * portfolio.cash
    for name, lots in portfolio.positions.items():
        entry = grid.instrument(name)
        total += ROW_UNITS_PER_MICRO_USD * (entry.mark - entry.funding) * lots
    return total + sum(grid.instrument(asset).mark * units for asset, units in portfolio.collateral.items())
