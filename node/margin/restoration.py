"""The cheapest way back to margin: which trades, which deposit, by linear programme, checked in exact integers.

The margin statement is linear, so that the least cost of meeting it is a linear programme (solved by HiGHS) over lots
bought b_j and sold s_j and a deposit d, with the statement's own auxiliaries W_u and a_j:

    minimise    Σ c_j·(b_j + s_j) + ϑ·d
    subject to  Σ_j (V_j(u,k)·q'_j − e_j·a_j) − W_u ≥ 0             for every node k of u
                a_j ≥ |q'_j|,   q' = q + b − s
                cash + d − Σ p_j·(b_j − s_j) − Σ c_j·(b_j + s_j) − charges(q', a) + ΣW_u ≥ 0

A trade is taken to cost the closing charge c_j of its instrument beside the mark p_j, and a deposit ϑ of its amount.
Lots are then rounded: of all ways to round each trade down or up, the cheapest whose exact rows hold, with the deposit
that is still missing to the micro-dollar.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from math import ceil, copysign, floor
from typing import Final

from circuits.solvency_terms import QUANTITY_BITS, ROW_UNITS_PER_MICRO_USD
from node.margin.book import Portfolio
from node.margin.errors import FileInvalid, NotRestorable
from node.margin.figures import MarginFigures, margin_figures
from node.margin.market import Market, require_listed
from node.margin.programme import Programme, trade_cost
from node.margin.whatif import Change, Trade, changed_portfolio
from node.market.instruments import PPM

DEPOSIT_COST_PPM: Final = 1_000
"""A tenth of a percent of the deposit: about a week of it at five percent a year."""
_ROW_UNITS_PER_USD: Final = 10**9
_NO_TRADE: Final = 1e-6
_MOST_ROUNDED: Final = 6
"""More trades than this in one solution are rounded outward at once rather than in all 2^n ways."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What alone restores margin, without a trade: `amount` µUSD of "USD", or ledger units of an asset."""

    asset: str
    amount: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restoration:
    """The cheapest way found, and what it leads to.

    Attributes:
        trades: at prices that include their cost.
        deposit: µUSD of cash beside them.
        cost: of trades and deposit, in row units of 1e-9 USD.
        bound: no way costs less, lots being divisible; row units, as exact as the programme's floats.
        after: the margin with all of it, in exact integers; its slack is not negative.
        deposits: what would do alone, by asset. One that no proof could bear is left out.
    """

    trades: tuple[Trade, ...]
    deposit: int = field(repr=False)
    cost: int = field(repr=False)
    bound: int = field(repr=False)
    after: MarginFigures = field(repr=False)
    deposits: tuple[Deposit, ...]


def restore(
    portfolio: Portfolio,
    market: Market,
    *,
    tradable: Sequence[str] | None = None,
    deposit_cost_ppm: int | None = DEPOSIT_COST_PPM,
) -> Restoration:
    """The cheapest trades and deposit after which a margin proof exists; nothing at all where one exists already.

    Args:
        tradable: instruments that may be traded; by default all that live.
        deposit_cost_ppm: what a deposit costs of its amount; None for trades alone.

    Raises:
        NotRestorable: no trade does it, and a deposit is not allowed.
        FileInvalid, MarketUnusable: as `margin_figures`.
    """
    before = margin_figures(portfolio, market)
    if deposit_cost_ppm is not None and not 0 <= deposit_cost_ppm <= PPM:
        raise FileInvalid("restore", "deposit_cost_ppm", "is no fraction")
    listed = {entry.id for entry in market.registry.instruments}
    names = [entry.id for entry in market.grid.instruments if entry.id in listed] if tradable is None else tradable
    require_listed(market, "restore", names, ())
    alone = _deposits(portfolio, market, before)
    if before.slack >= 0:
        return Restoration((), 0, 0, 0, before, alone)
    allowed = tuple(sorted(set(names)))
    programme = Programme(portfolio, market, allowed, deposit_cost_ppm)
    rounding = _Rounding(portfolio, market, allowed, deposit_cost_ppm)
    solution = programme.solve(0.0)
    way = rounding.cheapest(solution.lots)
    if way is None:  # every rounding falls short: ask for as much more as rounding can take
        way = rounding.cheapest(programme.solve(programme.rounding_loss()).lots)
    if way is None:
        raise NotRestorable("no trade in whole lots restores margin")
    bound = int(solution.cost * _ROW_UNITS_PER_USD)
    return Restoration(way.trades, way.deposit, way.cost, bound, way.after, alone)


@dataclass(frozen=True, slots=True)
class _Way:
    """Trades and a deposit (µUSD), what they cost (row units), and the margin with them."""

    trades: tuple[Trade, ...]
    deposit: int
    cost: int
    after: MarginFigures


class _Rounding:
    """From divisible lots to whole ones."""

    def __init__(
        self, portfolio: Portfolio, market: Market, tradable: tuple[str, ...], deposit_cost_ppm: int | None
    ) -> None:
        self._portfolio, self._market, self._deposit_cost = portfolio, market, deposit_cost_ppm
        self._tradable, self._costs = tradable, [trade_cost(market, name) for name in tradable]

    def cheapest(self, lots: Sequence[float]) -> _Way | None:
        """The cheapest way to round `lots`, one per tradable instrument, with which the exact rows hold."""
        traded = [(j, size) for j, size in enumerate(lots) if abs(size) > _NO_TRADE]
        choices = [sorted({floor(size), ceil(size)}) for _, size in traded]
        if len(traded) > _MOST_ROUNDED:
            choices = [[int(copysign(ceil(abs(size)), size))] for _, size in traded]
        ways = (
            self._way([(j, size) for (j, _), size in zip(traded, whole, strict=True)]) for whole in product(*choices)
        )
        return min((way for way in ways if way is not None), key=lambda way: way.cost, default=None)

    def _way(self, lots: list[tuple[int, int]]) -> _Way | None:
        """The trades with the deposit that exact rows still ask for; None where that is not allowed."""
        trades = tuple(self._trade(j, size) for j, size in lots if size)
        figures = self._figures(trades, 0)
        if figures.slack < 0 and self._deposit_cost is None:
            return None
        deposit = figures.deposit
        cost = ROW_UNITS_PER_MICRO_USD * sum(self._costs[j] * abs(size) for j, size in lots)
        cost += -(-ROW_UNITS_PER_MICRO_USD * deposit * (self._deposit_cost or 0) // PPM)
        return _Way(trades, deposit, cost, self._figures(trades, deposit) if deposit else figures)

    def _figures(self, trades: tuple[Trade, ...], deposit: int) -> MarginFigures:
        changed = changed_portfolio(self._portfolio, self._market, Change(trades, cash=deposit))
        return margin_figures(changed, self._market)

    def _trade(self, place: int, lots: int) -> Trade:
        mark, cost = self._market.grid.instrument(self._tradable[place]).mark, self._costs[place]
        return Trade(self._tradable[place], lots, mark + cost if lots > 0 else mark - cost)


def _deposits(portfolio: Portfolio, market: Market, before: MarginFigures) -> tuple[Deposit, ...]:
    """What would do alone: cash, and each asset's least units by bisection, since more collateral never hurts."""
    if before.slack >= 0:
        return ()
    found = [Deposit("USD", before.deposit)]
    for asset in market.grid.instruments:
        if asset.id not in {entry.id for entry in market.registry.collateral}:
            continue
        most = (1 << QUANTITY_BITS) - 1 - portfolio.collateral.get(asset.id, 0)
        units = _least_units(portfolio, market, asset.id, most)
        if units is not None:
            found.append(Deposit(asset.id, units))
    return tuple(found)


def _least_units(portfolio: Portfolio, market: Market, asset: str, most: int) -> int | None:
    def enough(units: int) -> bool:
        paid_in = changed_portfolio(portfolio, market, Change(collateral={asset: units}))
        return margin_figures(paid_in, market).slack >= 0

    if most <= 0 or not enough(most):
        return None
    least, enough_at = 0, most
    while enough_at - least > 1:
        middle = (least + enough_at) // 2
        least, enough_at = (least, middle) if enough(middle) else (middle, enough_at)
    return enough_at
