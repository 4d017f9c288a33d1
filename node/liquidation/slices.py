"""Which slices of an opened book to sell, so that what is left has its initial margin again: the same on every node.

A slice is a part of one position: each is cut into a stated number of equal parts, the last one smaller. Slices are
picked one by one, the one that restores most margin for each dollar that its sale is expected to cost: for naked risk
the largest first, in a hedged book the legs whose loss hurts least. Then every slice is dropped that the rest restores
margin without. What is left is irreducible: without any one slice the account would be short.

Everything is evaluated in plain integers by the very rows that a margin proof is about (`circuits.solvency_terms`), so
that the ledger can vouch for the account afterwards as if its owner had proven it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from circuits.solvency_terms import ROW_UNITS_PER_MICRO_USD, SolvencyTerms, evaluate_solvency
from node.liquidation.auction import PPM
from node.liquidation.bundles import BUNDLE_UNITS
from node.market.grid import RiskGrid
from node.market.rows import compile_terms

MAX_CANDIDATES: Final = 16
"""Positions that a plan looks at, those that restore most: a book of hundreds costs no node more than this."""


@dataclass(frozen=True, slots=True)
class OpenBook:
    """An opened account in plain integers: cash′ (micro-dollars), signed lots by instrument, ledger units by asset."""

    cash: int
    positions: Mapping[str, int]
    collateral: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What a plan assumes; fractions in parts per million."""

    slices: int
    """Parts that a position is cut into."""
    cost_ppm: int
    """What a sale is expected to cost, of its notional: the buyer's discount and the penalty."""
    buffer_ppm: int
    """By how much of the requirement the margin that is left exceeds it."""
    full_below: int
    """An account worth less than this (micro-dollars) is sold whole."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Signed lots of one instrument to be sold."""

    instrument: str
    quantity: int


@dataclass(frozen=True, slots=True)
class LiquidationPlan:
    """Slices in the order of sale. Without any, the account has its margin as it is; `full` ones are the whole book."""

    slices: tuple[Slice, ...]
    full: bool


def margin_slack(grid: RiskGrid, book: OpenBook) -> int:
    """The slack of the book's margin statement in row units of 1e-9 dollars: not negative if it has initial margin."""
    return _Margin(grid).slack(book)


def plan_liquidation(grid: RiskGrid, book: OpenBook, value: int, rules: PlanRules) -> LiquidationPlan:
    """The slices to sell of a book that is worth `value` micro-dollars at mark.

    Nothing if it has its initial margin; an irreducible set that is expected to restore it with the buffer; or the
    whole book, if the account is worth less than the floor, or if nothing that the search tries restores it.
    """
    if margin_slack(grid, book) >= 0:
        return LiquidationPlan((), full=False)
    search = _Search(grid, book, value, rules)
    if value >= rules.full_below:
        found = search.restoring()
        if found is not None and len(found) < len(search.everything):
            return LiquidationPlan(found, full=False)
    return LiquidationPlan(search.everything, full=True)


def within_cap(grid: RiskGrid, slices: Sequence[Slice], cap: int, least: int = 1) -> int:
    """How many of the slices, in their order, have at most `cap` micro-dollars of notional; the first `least` may."""
    used = 0
    for count, item in enumerate(slices):
        used += abs(item.quantity) * grid.mark_price(item.instrument)
        if used > cap and count >= least:
            return count
    return len(slices)


def total_lots(slices: Iterable[Slice]) -> dict[str, int]:
    """Signed lots by instrument, by id."""
    total: dict[str, int] = {}
    for item in slices:
        total[item.instrument] = total.get(item.instrument, 0) + item.quantity
    return dict(sorted(total.items()))


@dataclass(slots=True)
class _Margin:
    """Slack on one grid; the terms of each list of holdings are compiled once."""

    grid: RiskGrid
    _terms: dict[tuple[tuple[str, ...], tuple[str, ...]], SolvencyTerms] = field(default_factory=dict)

    def slack(self, book: OpenBook) -> int:
        positions = tuple(sorted(name for name, quantity in book.positions.items() if quantity))
        assets = tuple(sorted(name for name, amount in book.collateral.items() if amount))
        terms = self._terms.get((positions, assets))
        if terms is None:
            terms = self._terms[positions, assets] = compile_terms(self.grid, positions, assets)
        quantities = [book.positions[name] for name in positions] + [book.collateral[name] for name in assets]
        return evaluate_solvency(terms, book.cash, quantities)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A slice with what it restores (row units, negative if it takes) and what selling it costs (micro-dollars)."""

    slice: Slice
    gain: int
    cost: int

    def better_than(self, other: "_Ranked | None") -> bool:
        """More restored per dollar; the larger among equals. What only takes compares by how little it takes."""
        if other is None:
            return True
        if self.gain <= 0 or other.gain <= 0:
            return self.gain > other.gain
        mine, theirs = self.gain * (other.cost + 1), other.gain * (self.cost + 1)
        return mine > theirs or (mine == theirs and self.gain > other.gain)


class _Search:
    """One plan in the making."""

    def __init__(self, grid: RiskGrid, book: OpenBook, value: int, rules: PlanRules) -> None:
        self._grid, self._book, self._value, self._rules = grid, book, value, rules
        self._margin = _Margin(grid)
        cut = {
            name: _cut(name, quantity, rules.slices) for name, quantity in sorted(book.positions.items()) if quantity
        }
        ranked = [self._ranked((), parts[0]) for parts in cut.values()]
        ordered: list[str] = []
        while ranked:
            best = self._best(ranked)
            ranked.remove(best)
            ordered.append(best.slice.instrument)
        self.everything = tuple(part for name in ordered for part in cut[name])
        self._candidates = {name: cut[name] for name in ordered[:MAX_CANDIDATES]}

    def restoring(self) -> tuple[Slice, ...] | None:
        """An irreducible set that restores margin, in the order in which it was picked; None if none was found."""
        left = {name: list(parts) for name, parts in self._candidates.items()}
        picked: list[Slice] = []
        while not self._restores(picked):
            ranked = [self._ranked(picked, parts[0]) for parts in left.values() if parts]
            if not ranked:
                return None
            chosen = self._best(ranked).slice
            picked.append(chosen)
            left[chosen.instrument].pop(0)
        return self._irreducible(picked)

    def _irreducible(self, picked: Sequence[Slice]) -> tuple[Slice, ...]:
        kept = list(picked)
        while True:
            tried: set[Slice] = set()
            for place in reversed(range(len(kept))):
                item = kept[place]
                if item in tried:
                    continue
                tried.add(item)
                rest = kept[:place] + kept[place + 1 :]
                if self._restores(rest):
                    kept = rest
                    break
            else:
                return tuple(kept)

    @staticmethod
    def _best(ranked: Sequence[_Ranked]) -> _Ranked:
        best: _Ranked | None = None
        for item in ranked:
            if item.better_than(best):
                best = item
        assert best is not None
        return best

    def _ranked(self, picked: Sequence[Slice], item: Slice) -> _Ranked:
        notional = abs(item.quantity) * self._grid.mark_price(item.instrument)
        gain = self._margin.slack(self._after((*picked, item))) - self._margin.slack(self._after(picked))
        return _Ranked(item, gain, -(-notional * self._rules.cost_ppm // PPM))

    def _restores(self, picked: Sequence[Slice]) -> bool:
        slack = self._margin.slack(self._after(picked))
        worth = ROW_UNITS_PER_MICRO_USD * (self._value - self._cost(picked))
        return slack >= 0 and slack * PPM >= self._rules.buffer_ppm * (worth - slack)

    def _cost(self, picked: Sequence[Slice]) -> int:
        notional = sum(abs(item.quantity) * self._grid.mark_price(item.instrument) for item in picked)
        return -(-notional * self._rules.cost_ppm // PPM)

    def _after(self, picked: Sequence[Slice]) -> OpenBook:
        """The book once the slices are sold at the expected price: cash′ gives back their funding."""
        positions, cash = dict(self._book.positions), self._book.cash - self._cost(picked)
        for item in picked:
            entry = self._grid.instrument(item.instrument)
            positions[item.instrument] -= item.quantity
            cash += item.quantity * (entry.mark - entry.funding)
        return OpenBook(cash, positions, self._book.collateral)


def _cut(instrument: str, quantity: int, parts: int) -> tuple[Slice, ...]:
    """`quantity` in `parts` equal slices (fewer, if it has fewer lots), the last one smaller.

    Large ones are multiples of a bundle's units, so that they are sold without a remainder.
    """
    unit = BUNDLE_UNITS if abs(quantity) >= parts * BUNDLE_UNITS else 1
    size, sign = -(-abs(quantity) // (parts * unit)) * unit, 1 if quantity > 0 else -1
    cuts = range(0, abs(quantity), size)
    return tuple(Slice(instrument, sign * min(size, abs(quantity) - at)) for at in cuts)
