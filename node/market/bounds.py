"""The part of an account's margin statement that lies outside the window: lower bounds over cases (see
`circuits.lower_bounds`), built from the grid's figures.

For every underlying u with its worst window outcome W_u:

    tails        T_u ≤ W_u,   whole·T_u ≤ (whole − part)·W_u + part·V(tail, level)
    depth        X_u ≤ 0,     X_u ≤ −(rate beyond a step)·Σ slippage_j·a_j + what the steps before it had allowed
    skew         S_e ≤ 0,     S_e ≤ ±Σ skew_j·q_j        per expiry with options
    basis        B_e ≤ 0,     B_e ≤ ±Σ basis_j·q_j       per expiry

and for a correlated pair (u, v), with W over the near range only, D over everything below its upper end and U over
everything above its lower end, each with its own tail:

    D_u ≤ W_u, D_u ≤ V(node below)      U_u ≤ W_u, U_u ≤ V(node above)      P ≤ D_u + D_v,  P ≤ U_u + U_v

so that an account answers for every pair of prices but those of which one is far down while the other is far up. The
cash row adds what no other bound builds on.

Where only linear instruments are held, W and its tails come down to the window's edges moved outward: a convex mean of
edge and tail is a price between them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from circuits.lower_bounds import NOTHING, Case, LowerBound, Weight
from node.market.grid import InstrumentGrid, RiskGrid, UnderlyingGrid
from node.market.widths import PriceRange


@dataclass(frozen=True, slots=True)
class Held:
    """One entry of an account, its place among the statement's exposures, and whether it is a position."""

    place: int
    entry: InstrumentGrid
    is_position: bool


@dataclass(frozen=True, slots=True)
class Side:
    """What an account holds on one underlying.

    Attributes:
        grid: the underlying's prices and levels.
        held: everything on it.
        full: whether something is not linear, so that every node counts, at every level.
        paired: whether the account also holds something on the underlying's partner.
    """

    grid: UnderlyingGrid
    held: tuple[Held, ...]
    full: bool
    paired: bool


def sides_of(grid: RiskGrid, held: Sequence[Held]) -> tuple[Side, ...]:
    """The account's underlyings in alphabetical order."""
    symbols = sorted({member.entry.underlying for member in held})
    partners = {pair.first: pair.second for pair in grid.pairs} | {pair.second: pair.first for pair in grid.pairs}
    made = []
    for symbol in symbols:
        members = tuple(member for member in held if member.entry.underlying == symbol)
        full = not all(grid.is_linear(member.entry.id) for member in members)
        made.append(Side(grid.underlying(symbol), members, full, partners.get(symbol) in symbols))
    return tuple(made)


def stretched_edges(grid: RiskGrid, entry: InstrumentGrid) -> tuple[int, int]:
    """The values of a linear entry at the window's edges, moved outward for the tails; rounded down."""
    edges = (entry.values[0], entry.values[-1])
    low, high = (
        ((grid.tail_whole - grid.tail_part) * edge + grid.tail_part * tail) // grid.tail_whole
        for edge, tail in zip(edges, entry.beyond.tails, strict=True)
    )
    return low, high


def near_places(side: UnderlyingGrid) -> range:
    """Which nodes make the near range of an underlying: from the last at or below its lower end to the first at or
    above its upper end."""
    first = max(place for place, node in enumerate(side.nodes) if node <= side.near.low)
    last = min(place for place, node in enumerate(side.nodes) if node >= side.near.high)
    return range(first, last + 1)


def near_nodes(side: UnderlyingGrid) -> PriceRange:
    """The near range as far as nodes make it."""
    places = near_places(side)
    return PriceRange(side.nodes[places.start], side.nodes[places.stop - 1])


def window_values(grid: RiskGrid, side: Side, entry: InstrumentGrid) -> tuple[int, ...]:
    """The values at the nodes of W: of the whole window, or of a pair's near range."""
    if not side.full:
        return entry.beyond.near if side.paired else stretched_edges(grid, entry)
    places = near_places(side.grid) if side.paired else range(len(side.grid.nodes))
    return tuple(value for place in places for value in node_values(grid, side, entry, place))


def node_values(grid: RiskGrid, side: Side, entry: InstrumentGrid, place: int) -> tuple[int, ...]:
    """The values at one node, level by level; of a linear entry the same at each."""
    levels = len(side.grid.levels)
    if grid.is_linear(entry.id):
        return (entry.values[place],) * levels
    return entry.values[place * levels : (place + 1) * levels]


def lower_bounds(grid: RiskGrid, sides: Sequence[Side]) -> tuple[LowerBound, ...]:
    """All bounds after the W of `sides`."""
    return _Builder(grid, sides).build()


class _Builder:
    """Numbers bounds as it adds them."""

    def __init__(self, grid: RiskGrid, sides: Sequence[Side]) -> None:
        self._grid, self._sides = grid, sides
        self._bounds: list[LowerBound] = []

    def build(self) -> tuple[LowerBound, ...]:
        paired: dict[str, tuple[int, int]] = {}
        for place, side in enumerate(self._sides):
            if side.paired:
                paired[side.grid.symbol] = (self._below(place, side), self._above(place, side))
            elif side.full:
                self._tails(place, side, (0, 1))
        for pair in self._grid.pairs:
            if pair.first in paired:
                both = zip(paired[pair.first], paired[pair.second], strict=True)
                self._add(tuple(Case(shares=(Weight(one, 1), Weight(other, 1))) for one, other in both))
        for side in self._sides:
            self._depth(side)
            self._expiries(side)
        return tuple(self._bounds)

    def _add(self, cases: Iterable[Case]) -> int:
        """The place of a new bound; of equal cases one is kept."""
        self._bounds.append(tuple(dict.fromkeys(cases)))
        return len(self._sides) + len(self._bounds) - 1

    def _below(self, place: int, side: Side) -> int:
        """Everything below the near range's upper end."""
        chain = Case(shares=(Weight(place, 1),))
        if not side.full:
            return self._add((chain, self._case(side, lambda entry: stretched_edges(self._grid, entry)[0], wide=True)))
        nodes = range(near_places(side.grid).start)
        return self._tails(self._add((chain, *self._nodes(side, nodes))), side, (0,))

    def _above(self, place: int, side: Side) -> int:
        """Everything above the near range's lower end."""
        chain = Case(shares=(Weight(place, 1),))
        if not side.full:
            return self._add((chain, self._case(side, lambda entry: stretched_edges(self._grid, entry)[1], wide=True)))
        nodes = range(near_places(side.grid).stop, len(side.grid.nodes))
        return self._tails(self._add((chain, *self._nodes(side, nodes))), side, (1,))

    def _nodes(self, side: Side, places: range) -> Iterator[Case]:
        for place in places:
            for level in range(len(side.grid.levels)):
                yield self._case(side, self._at(side, place, level), wide=False)

    def _at(self, side: Side, place: int, level: int) -> Callable[[InstrumentGrid], int]:
        return lambda entry: node_values(self._grid, side, entry, place)[level]

    def _case(self, side: Side, value: Callable[[InstrumentGrid], int], *, wide: bool) -> Case:
        charges = ((held.place, held.entry.wide_gap_charge if wide else held.entry.gap_charge) for held in side.held)
        return Case(
            _weights((held.place, value(held.entry)) for held in side.held),
            _weights(charges),
        )

    def _tails(self, window: int, side: Side, which: tuple[int, ...]) -> int:
        """The bound with tail prices `which`, below (0) and above (1), over the bound `window`."""
        cases = [Case(shares=(Weight(window, 1),))]
        levels, part, whole = len(side.grid.levels), self._grid.tail_part, self._grid.tail_whole
        for place in which:
            for level in range(levels):
                values = ((held.place, part * self._tail(held.entry, place, level, levels)) for held in side.held)
                cases.append(Case(_weights(values), (), (Weight(window, whole - part),), 0, whole))
        return self._add(cases)

    def _tail(self, entry: InstrumentGrid, place: int, level: int, levels: int) -> int:
        return entry.beyond.tails[place if self._grid.is_linear(entry.id) else place * levels + level]

    def _depth(self, side: Side) -> None:
        """Convex in the sizes: beyond each step a steeper line."""
        costs = [(held.place, held.entry.beyond.slippage) for held in side.held if held.is_position]
        if not costs or not side.grid.depth:
            return
        rate = allowed = 0
        cases = [NOTHING]
        for step in side.grid.depth:
            rate += step.extra
            allowed += step.extra * step.threshold
            cases.append(Case(charges=_weights((place, rate * cost) for place, cost in costs), constant=allowed))
        self._add(cases)

    def _expiries(self, side: Side) -> None:
        expiries = sorted({held.entry.beyond.expiry for held in side.held} - {0})
        for expiry in expiries:
            members = [held for held in side.held if held.entry.beyond.expiry == expiry]
            for name in ("skew", "basis"):
                found = [(held.place, getattr(held.entry.beyond, name)) for held in members]
                shocked = [(place, moves) for place, moves in found if moves]
                if shocked:
                    cases = (Case(_weights((place, moves[sign]) for place, moves in shocked)) for sign in (0, 1))
                    self._add((NOTHING, *cases))


def _weights(pairs: "Iterator[tuple[int, int]] | Sequence[tuple[int, int]]") -> tuple[Weight, ...]:
    return tuple(Weight(place, factor) for place, factor in pairs if factor)
