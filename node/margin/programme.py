"""The margin statement as a linear programme over trades and a deposit, solved by HiGHS (see `restoration`)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from circuits.lower_bounds import Case, uppermost
from circuits.solvency import SolvencyTerms
from circuits.solvency_terms import POSITION_OFFSET, ROW_UNITS_PER_MICRO_USD
from node.margin.book import Portfolio, in_order
from node.margin.errors import MarketUnusable, NotRestorable
from node.margin.market import Market
from node.market.instruments import PPM
from node.market.rows import compile_terms

_ROW_UNITS_PER_USD: Final = 10**9
_KILO: Final = 1000
"""Columns count thousands of lots: of one lot, charges of a row unit are below what HiGHS takes for zero (1e-9)."""


def trade_cost(market: Market, instrument: str) -> int:
    """What a lot is taken to cost beside the mark: its closing charge, in whole µUSD, rounded up."""
    return -(-market.grid.instrument(instrument).closing_charge // ROW_UNITS_PER_MICRO_USD)


@dataclass(frozen=True, slots=True)
class Solution:
    """Signed lots by instrument, divisible, and the cost in USD."""

    lots: tuple[float, ...]
    cost: float


class Programme:
    """The linear programme of one portfolio.

    Columns: b, s of each tradable instrument, a of each position (in thousands of lots), W of each underlying and the
    bounds after them, d (USD).
    """

    def __init__(
        self, portfolio: Portfolio, market: Market, tradable: tuple[str, ...], deposit_cost_ppm: int | None
    ) -> None:
        self._portfolio, self._market, self._tradable = portfolio, market, tradable
        self._deposit_cost = deposit_cost_ppm
        self._held = tuple(sorted({*portfolio.positions, *tradable}))
        amounts = {name: portfolio.positions.get(name, 0) for name in self._held}
        self._amounts = in_order(portfolio.cash, amounts, portfolio.collateral)[1:]
        self._terms: SolvencyTerms = compile_terms(market.grid, self._held, tuple(portfolio.collateral))
        self._costs = [trade_cost(market, name) for name in tradable]

    def solve(self, spare: float) -> Solution:
        """The programme in USD, with `spare` USD left over at the end. Raises NotRestorable, MarketUnusable."""
        n, p, u = len(self._tradable), len(self._held), len(self._terms.nodes) + len(self._terms.bounds)
        rows, limits = self._rows(spare)
        costs = np.array(self._costs, dtype=np.float64) * _KILO / 10**6
        free = self._deposit_cost is not None
        objective = np.concatenate([costs, costs, np.zeros(p + u), [(self._deposit_cost or 0) / PPM]])
        most = POSITION_OFFSET / _KILO
        bounds = [(0.0, most)] * (2 * n) + [(0.0, most)] * p + [(None, None)] * u + [(0.0, None if free else 0.0)]
        solved = linprog(objective, A_ub=rows, b_ub=limits, bounds=bounds, method="highs")
        if solved.status == 2:
            raise NotRestorable("no trade of these instruments restores margin")
        if solved.status != 0:
            raise MarketUnusable(f"the linear programme has no solution: {solved.message}")
        lots = tuple(float(solved.x[j] - solved.x[n + j]) * _KILO for j in range(n))
        return Solution(lots, float(solved.fun))

    def _rows(self, spare: float) -> tuple[coo_array, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """Rows A·x ≤ limit in USD: nodes, sizes, cash."""
        sizes, worst = 2 * len(self._tradable), 2 * len(self._tradable) + len(self._held)
        places = {self._held.index(name): j for j, name in enumerate(self._tradable)}
        writer = _Rows(len(self._tradable), worst, places)
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
        for place, bound in enumerate(self._terms.bounds, worst + len(self._terms.nodes)):
            for case in bound:
                self._case(writer, case, place, sizes, worst)
        for j in range(len(self._held)):
            for sign in (1.0, -1.0):
                writer.trade(j, sign)
                writer.put(sizes + j, -1.0)
                writer.end(-sign * self._amounts[j])
        self._cash_row(writer, sizes, worst, spare)
        return writer.matrix(worst + len(self._terms.nodes) + len(self._terms.bounds) + 1)

    def _case(self, writer: "_Rows", case: Case, own: int, sizes: int, worst: int) -> None:
        """One case of a lower bound, in USD of the bound."""
        unit = _ROW_UNITS_PER_USD * case.divisor
        fixed = case.constant / unit
        for weight in case.values:
            fixed += weight.factor * self._amounts[weight.place] / unit
            writer.trade(weight.place, -weight.factor / unit)
        for weight in case.charges:
            if self._terms.exposures[weight.place].is_position:
                writer.put(sizes + weight.place, weight.factor / unit)
            else:
                fixed -= weight.factor * self._amounts[weight.place] / unit
        for weight in case.shares:
            writer.put(worst + weight.place, -weight.factor / case.divisor)
        writer.put(own, 1.0)
        writer.end(fixed)

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
        for place in uppermost(self._terms.bounds, len(self._terms.nodes)):
            writer.put(worst + place, -1.0)
        writer.put(worst + len(self._terms.nodes) + len(self._terms.bounds), -1.0)
        writer.end(fixed / _ROW_UNITS_PER_USD - spare)

    def rounding_loss(self) -> float:
        """USD: what one lot more or less of each instrument can cost at most."""
        total = 0
        for name in self._tradable:
            entry = self._market.grid.instrument(name)
            charges = entry.gap_charge + entry.wide_gap_charge + 2 * entry.closing_charge + entry.short_minimum
            charges += max((abs(shock) for shock in (*entry.beyond.skew, *entry.beyond.basis)), default=0)
            charges += sum(step.extra for step in self._market.grid.underlying(entry.underlying).depth) * (
                entry.beyond.slippage
            )
            values = (*entry.values, *entry.beyond.tails, *entry.beyond.near)
            moved = max(abs(value - ROW_UNITS_PER_MICRO_USD * entry.mark) for value in values)
            total += moved + charges + ROW_UNITS_PER_MICRO_USD
        return total / _ROW_UNITS_PER_USD


class _Rows:
    """A sparse matrix, written row by row, with coefficients per lot of the first `lots` columns.

    `places` maps an exposure to the column of its purchase.
    """

    def __init__(self, tradable: int, lots: int, places: dict[int, int]) -> None:
        self._tradable, self._lots, self._places = tradable, lots, places
        self._entries: list[float] = []
        self._row: list[int] = []
        self._column: list[int] = []
        self._limits: list[float] = []

    def put(self, column: int, factor: float) -> None:
        """One coefficient of the row being written; several of one column add up."""
        if factor:
            self._entries.append(factor * _KILO if column < self._lots else factor)
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
