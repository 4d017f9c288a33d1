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
from typing import Final

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from circuits.solvency import SolvencyTerms
from circuits.solvency_terms import POSITION_OFFSET, QUANTITY_BITS, ROW_UNITS_PER_MICRO_USD
from node.margin.book import Portfolio, in_order
from node.margin.errors import FileInvalid, MarketUnusable, NotRestorable
from node.margin.figures import MarginFigures, margin_figures
from node.margin.market import Market, require_listed
from node.margin.whatif import Change, Trade, changed_portfolio
from node.market.instruments import PPM
from node.market.rows import compile_terms

DEPOSIT_COST_PPM: Final = 1_000
"""A tenth of a percent of the deposit: about a week of it at five percent a year."""
_ROW_UNITS_PER_USD: Final = 10**9
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
        bound: no way costs less, lots being divisible; row units, as exact as the programme's floats (about 1e-9).
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
    programme = _Programme(portfolio, market, tuple(sorted(set(names))), deposit_cost_ppm)
    return programme.restoration(alone)


@dataclass(frozen=True, slots=True)
class _Solution:
    """Signed lots by instrument, divisible, and the cost in USD."""

    lots: tuple[float, ...]
    cost: float


class _Programme:
    """The linear programme of one portfolio: columns b, s (each tradable), a (each position), W (each underlying), d."""

    def __init__(
        self, portfolio: Portfolio, market: Market, tradable: tuple[str, ...], deposit_cost_ppm: int | None
    ) -> None:
        self._portfolio, self._market, self._tradable = portfolio, market, tradable
        self._deposit_cost = deposit_cost_ppm
        self._held = tuple(sorted({*portfolio.positions, *tradable}))
        amounts = {name: portfolio.positions.get(name, 0) for name in self._held}
        self._amounts = in_order(portfolio.cash, amounts, portfolio.collateral)[1:]
        self._terms: SolvencyTerms = compile_terms(market.grid, self._held, tuple(portfolio.collateral))
        grid = market.grid
        # Whole micro-dollars a lot, up: what is paid beside the mark.
        self._costs = [-(-grid.instrument(name).closing_charge // ROW_UNITS_PER_MICRO_USD) for name in tradable]

    def restoration(self, alone: tuple[Deposit, ...]) -> Restoration:
        """The solution in whole lots."""
        solution = self._solve(0.0)
        found = self._rounded(solution)
        if found is None:  # every rounding falls short: ask for as much more as rounding can take
            found = self._rounded(self._solve(self._rounding_loss()))
        if found is None:
            raise NotRestorable("no trade in whole lots restores margin")
        trades, deposit, cost, after = found
        return Restoration(trades, deposit, cost, int(solution.cost * _ROW_UNITS_PER_USD), after, alone)

    def _solve(self, spare: float) -> _Solution:
        """The programme in USD, with `spare` USD left over at the end. Raises NotRestorable, MarketUnusable."""
        n, p, u = len(self._tradable), len(self._held), len(self._terms.nodes)
        rows, limits = self._rows(spare)
        costs = np.array(self._costs, dtype=np.float64) / 10**6
        free = self._deposit_cost is not None
        objective = np.concatenate([costs, costs, np.zeros(p + u), [(self._deposit_cost or 0) / PPM]])
        most = float(POSITION_OFFSET)
        bounds = [(0.0, most)] * (2 * n) + [(0.0, most)] * p + [(None, None)] * u + [(0.0, None if free else 0.0)]
        solved = linprog(objective, A_ub=rows, b_ub=limits, bounds=bounds, method="highs")
        if solved.status == 2:
            raise NotRestorable("no trade of these instruments restores margin")
        if solved.status != 0:
            raise MarketUnusable(f"the linear programme has no solution: {solved.message}")
        lots = tuple(float(solved.x[j] - solved.x[n + j]) for j in range(n))
        return _Solution(lots, float(solved.fun))

    def _rows(self, spare: float) -> tuple[coo_array, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """Rows A·x ≤ limit in USD: nodes, sizes, cash."""
        writer = _Rows(len(self._tradable), {self._held.index(name): j for j, name in enumerate(self._tradable)})
        sizes, worst = 2 * len(self._tradable), 2 * len(self._tradable) + len(self._held)
        for underlying, count in enumerate(self._terms.nodes):
            members = [(j, e) for j, e in enumerate(self._terms.exposures) if e.underlying == underlying]
            for node in range(count):
                fixed = 0.0
                for j, exposure in members:
                    fixed += exposure.values[node] * self._amounts[j] / _ROW_UNITS_PER_USD
                    writer.trade(j, -exposure.values[node] / _ROW_UNITS_PER_USD)
                    if exposure.is_position:
                        writer.put(sizes + j, exposure.gap_charge / _ROW_UNITS_PER_USD)
                    else:
                        fixed -= exposure.gap_charge * self._amounts[j] / _ROW_UNITS_PER_USD
                writer.put(worst + underlying, 1.0)
                writer.end(fixed)
        for j in range(len(self._held)):
            for sign in (1.0, -1.0):
                writer.trade(j, sign)
                writer.put(sizes + j, -1.0)
                writer.end(-sign * self._amounts[j])
        self._cash_row(writer, sizes, worst, spare)
        return writer.matrix(worst + len(self._terms.nodes) + 1)

    def _cash_row(self, writer: "_Rows", sizes: int, worst: int, spare: float) -> None:
        fixed = ROW_UNITS_PER_MICRO_USD * self._portfolio.cash
        for j, exposure in enumerate(self._terms.exposures):
            q, half = self._amounts[j], exposure.short_minimum // 2
            own = half - ROW_UNITS_PER_MICRO_USD * exposure.funding
            if not exposure.is_position:
                fixed -= exposure.closing_charge * q
                continue
            fixed += own * q
            writer.trade(j, -own / _ROW_UNITS_PER_USD)
            writer.put(sizes + j, (exposure.closing_charge + half) / _ROW_UNITS_PER_USD)
        for place, (name, cost) in enumerate(zip(self._tradable, self._costs, strict=True)):
            entry = self._market.grid.instrument(name)
            price = entry.mark - entry.funding
            writer.put(place, (price + cost) / 10**6)
            writer.put(len(self._tradable) + place, (cost - price) / 10**6)
        for underlying in range(len(self._terms.nodes)):
            writer.put(worst + underlying, -1.0)
        writer.put(worst + len(self._terms.nodes), -1.0)
        writer.end(fixed / _ROW_UNITS_PER_USD - spare)

    def _rounded(self, solution: _Solution) -> "tuple[tuple[Trade, ...], int, int, MarginFigures] | None":
        """The cheapest way to round the solution's lots with which the exact rows hold."""
        traded = [(j, lots) for j, lots in enumerate(solution.lots) if abs(lots) > 1e-6]
        choices = [sorted({int(np.floor(lots)), int(np.ceil(lots))}) for _, lots in traded]
        if len(traded) > _MOST_ROUNDED:
            choices = [[int(np.copysign(np.ceil(abs(lots)), lots))] for _, lots in traded]
        best = None
        for whole in product(*choices):
            trades = tuple(self._trade(j, lots) for (j, _), lots in zip(traded, whole, strict=True) if lots)
            found = self._checked(trades, [(j, lots) for (j, _), lots in zip(traded, whole, strict=True)])
            if found is not None and (best is None or found[2] < best[2]):
                best = found
        return best

    def _checked(
        self, trades: tuple[Trade, ...], lots: list[tuple[int, int]]
    ) -> "tuple[tuple[Trade, ...], int, int, MarginFigures] | None":
        """The trades with the deposit that exact rows still ask for; None where that is not allowed."""
        figures = margin_figures(changed_portfolio(self._portfolio, self._market, Change(trades)), self._market)
        if figures.slack < 0 and self._deposit_cost is None:
            return None
        deposit = figures.deposit
        after = margin_figures(
            changed_portfolio(self._portfolio, self._market, Change(trades, cash=deposit)), self._market
        )
        cost = ROW_UNITS_PER_MICRO_USD * sum(self._costs[j] * abs(size) for j, size in lots)
        cost += -(-ROW_UNITS_PER_MICRO_USD * deposit * (self._deposit_cost or 0) // PPM)
        return trades, deposit, cost, after

    def _trade(self, place: int, lots: int) -> Trade:
        mark, cost = self._market.grid.instrument(self._tradable[place]).mark, self._costs[place]
        return Trade(self._tradable[place], lots, mark + cost if lots > 0 else mark - cost)

    def _rounding_loss(self) -> float:
        """USD: what one lot more or less of each instrument can cost at most."""
        total = 0
        for name in self._tradable:
            entry = self._market.grid.instrument(name)
            charges = entry.gap_charge + entry.wide_gap_charge + 2 * entry.closing_charge + entry.short_minimum
            moved = max(abs(value - ROW_UNITS_PER_MICRO_USD * entry.mark) for value in entry.values)
            total += moved + charges + ROW_UNITS_PER_MICRO_USD
        return total / _ROW_UNITS_PER_USD


class _Rows:
    """A sparse matrix, written row by row. `places` maps an exposure to the column of its purchase."""

    def __init__(self, tradable: int, places: dict[int, int]) -> None:
        self._tradable, self._places = tradable, places
        self._entries: list[float] = []
        self._row: list[int] = []
        self._column: list[int] = []
        self._limits: list[float] = []

    def put(self, column: int, factor: float) -> None:
        """One coefficient of the row being written; several of one column add up."""
        if factor:
            self._entries.append(factor)
            self._row.append(len(self._limits))
            self._column.append(column)

    def trade(self, exposure: int, factor: float) -> None:
        """The coefficient of an exposure's change, bought less sold."""
        place = self._places.get(exposure)
        if place is not None:
            self.put(place, factor)
            self.put(self._tradable + place, -factor)

    def end(self, limit: float) -> None:
        """The row is complete, and at most `limit`."""
        self._limits.append(limit)

    def matrix(self, columns: int) -> tuple[coo_array, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """A and the limits."""
        places = (np.array(self._row), np.array(self._column))
        shape = (len(self._limits), columns)
        return coo_array((np.array(self._entries), places), shape=shape).tocsr(), np.array(self._limits)


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
