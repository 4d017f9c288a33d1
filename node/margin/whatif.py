"""What a trade, a deposit or a move of the market would do to a portfolio's margin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.margin.book import Portfolio
from node.margin.errors import FileInvalid
from node.margin.figures import MarginFigures, margin_figures
from node.margin.market import Market, require_listed


@dataclass(frozen=True, slots=True)
class Trade:
    """Signed lots of an instrument; `price` is µUSD per lot, None for the mark before any move."""

    instrument: str
    lots: int = field(repr=False)
    price: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What is supposed: trades and deposits first, then the market moves.

    `cash` is µUSD paid in (negative: out), `collateral` ledger units paid in by asset, `prices` feed units and
    `volatilities` ppm by symbol.
    """

    trades: Sequence[Trade] = ()
    cash: int = 0
    collateral: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, int] = field(default_factory=dict)
    volatilities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The margin before and after, and the portfolio and the market it is after."""

    before: MarginFigures
    after: MarginFigures
    portfolio: Portfolio
    market: Market = field(repr=False)


def what_if(portfolio: Portfolio, market: Market, change: Change) -> WhatIf:
    """Evaluate the portfolio as it is, and as the change leaves it: the integers of its proof, both times.

    Raises:
        FileInvalid: an id that the market does not list, or that has expired there; an amount out of range.
        MarketUnusable: no grid follows from the moves.
    """
    before = margin_figures(portfolio, market)
    changed = changed_portfolio(portfolio, market, change)
    moved = market.moved(change.prices, change.volatilities) if change.prices or change.volatilities else market
    return WhatIf(before, margin_figures(changed, moved), changed, moved)


def changed_portfolio(portfolio: Portfolio, market: Market, change: Change) -> Portfolio:
    """The portfolio after trades and deposits. What comes to zero is no longer held.

    Raises:
        FileInvalid: an id that the market does not list; more collateral paid out than is held.
    """
    require_listed(market, "change", [trade.instrument for trade in change.trades], change.collateral)
    cash, positions, collateral = portfolio.cash + change.cash, dict(portfolio.positions), dict(portfolio.collateral)
    for trade in change.trades:
        entry = market.grid.instrument(trade.instrument)
        price = entry.mark if trade.price is None else trade.price
        # A position is carried at full value and its funding index, so that who joins it now pays the index back.
        cash -= (price - entry.funding) * trade.lots
        positions[trade.instrument] = positions.get(trade.instrument, 0) + trade.lots
    for asset, units in change.collateral.items():
        collateral[asset] = collateral.get(asset, 0) + units
        if collateral[asset] < 0:
            raise FileInvalid("change", f"collateral.{asset}", "pays out more than is held")
    changed = Portfolio(cash, _held(positions), _held(collateral))
    changed.check("change")
    return changed


def _held(amounts: Mapping[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in amounts.items() if amount}
