"""The margin of open quantities: the plain-code twin of the statement that `rows` and `bounds` compile.

Written from the rule and not from the rows, in loops over scenarios: whoever knows an account's quantities reads off
what its proof would say, to the row unit, and where the account does worst.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from node.market.grid import InstrumentGrid, RiskGrid, UnderlyingGrid
from node.market.instruments import FEED_UNITS, PPM

ROW_UNITS_PER_MICRO_USD = 1000


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


@dataclass(frozen=True, slots=True)
class Margin:
    """`slack` is what the worst outcome leaves after all charges, in row units of 1e-9 USD: a proof exists where it is
    not negative. `worst` is the scenario behind it of every underlying held, in alphabetical order."""

    slack: int
    worst: tuple[Scenario, ...]


def open_margin(grid: RiskGrid, cash: int, positions: Mapping[str, int], collateral: Mapping[str, int]) -> Margin:
    """The margin of `cash` (stored cash′, µUSD), signed lots and ledger units of collateral other than cash.

    Raises:
        UnknownInstrument: an id that the grid does not list.
    """
    held = {name: (grid.instrument(name), lots) for name, lots in positions.items()}
    assets = {name: (grid.instrument(name), units) for name, units in collateral.items()}
    books: dict[str, _Book] = {}
    for entry, amount in (*held.values(), *assets.values()):
        books.setdefault(entry.underlying, _Book(grid, grid.underlying(entry.underlying), [])).held.append(
            (entry, amount)
        )
    outcome = _outcome(grid, books)
    slack = ROW_UNITS_PER_MICRO_USD * cash + outcome.value
    for entry, lots in held.values():
        slack -= ROW_UNITS_PER_MICRO_USD * entry.funding * lots + entry.closing_charge * abs(lots)
        slack -= entry.short_minimum * max(-lots, 0)
    for symbol in books:
        slack -= _crowding(grid.underlying(symbol), [pair for pair in held.values() if pair[0].underlying == symbol])
    expiries = {(entry.underlying, entry.beyond.expiry) for entry, _ in held.values() if entry.beyond.expiry}
    for underlying, expiry in expiries:
        members = [p for p in held.values() if (p[0].underlying, p[0].beyond.expiry) == (underlying, expiry)]
        slack -= _loss((entry.beyond.skew, lots) for entry, lots in members)
        slack -= _loss((entry.beyond.basis, lots) for entry, lots in members)
    return Margin(slack, outcome.scenarios)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A value in row units, and the scenarios that lead to it."""

    value: int
    scenarios: tuple[Scenario, ...]

    def __add__(self, other: "_Outcome") -> "_Outcome":
        return _Outcome(self.value + other.value, self.scenarios + other.scenarios)


@dataclass(frozen=True, slots=True)
class _Book:
    """What is held on one underlying: entries with their amounts."""

    grid: RiskGrid
    prices: UnderlyingGrid
    held: list[tuple[InstrumentGrid, int]]

    @property
    def is_linear(self) -> bool:
        return all(self.grid.is_linear(entry.id) for entry, _ in self.held)

    def worst(self, *, low: bool = True, high: bool = True) -> _Outcome:
        """Over the whole window and its tails; without `low` from the near range's lower end on, without `high` up to
        its upper end."""
        return self._worst_edge(low, high) if self.is_linear else self._worst_node(low, high)

    def _worst_edge(self, low: bool, high: bool) -> _Outcome:
        """A linear book does worst at an end: of the near range, or of the window moved outward towards the tail."""
        whole, part = self.grid.tail_whole, self.grid.tail_part
        ends = []
        for place, reaches in enumerate((low, high)):
            node = (0, -1)[place]
            price = self.prices.nodes[node] if reaches else (self.prices.near.low, self.prices.near.high)[place]
            total = 0
            for entry, amount in self.held:
                stretched = ((whole - part) * entry.values[node] + part * entry.beyond.tails[place]) // whole
                value = stretched if reaches else entry.beyond.near[place]
                total += value * amount - entry.wide_gap_charge * abs(amount)
            ends.append(_Outcome(total, (Scenario(self.prices.symbol, price, None),)))
        return min(ends, key=lambda end: end.value)

    def _worst_node(self, low: bool, high: bool) -> _Outcome:
        nodes = self.prices.nodes
        first = 0 if low else max(i for i, node in enumerate(nodes) if node <= self.prices.near.low)
        last = len(nodes) - 1 if high else min(i for i, node in enumerate(nodes) if node >= self.prices.near.high)
        levels = range(len(self.prices.levels))
        window = min(
            (self._at(place, level) for place in range(first, last + 1) for level in levels), key=lambda end: end.value
        )
        ends = [window]
        whole, part = self.grid.tail_whole, self.grid.tail_part
        for place, reaches in enumerate((low, high)):
            for level in levels if reaches else ():
                tail = self._tail(place, level)
                ends.append(_Outcome(((whole - part) * window.value + part * tail.value) // whole, tail.scenarios))
        return min(ends, key=lambda end: end.value)

    def _at(self, place: int, level: int) -> _Outcome:
        total = 0
        for entry, amount in self.held:
            linear = self.grid.is_linear(entry.id)
            value = entry.values[place if linear else place * len(self.prices.levels) + level]
            total += value * amount - entry.gap_charge * abs(amount)
        return _Outcome(total, (self._scenario(self.prices.nodes[place], level),))

    def _tail(self, place: int, level: int) -> _Outcome:
        total = 0
        for entry, amount in self.held:
            linear = self.grid.is_linear(entry.id)
            total += entry.beyond.tails[place if linear else place * len(self.prices.levels) + level] * amount
        price = (self.prices.tails.low, self.prices.tails.high)[place]
        return _Outcome(total, (self._scenario(price, level),))

    def _scenario(self, price: int, level: int) -> Scenario:
        return Scenario(self.prices.symbol, price, self.prices.levels[level])


def _outcome(grid: RiskGrid, books: Mapping[str, _Book]) -> _Outcome:
    """The sum over underlyings; the two of a correlated pair do worst together, both downward or both upward."""
    total = _Outcome(0, ())
    single = set(books)
    for pair in grid.pairs:
        if {pair.first, pair.second} <= set(books):
            single -= {pair.first, pair.second}
            both = (books[pair.first], books[pair.second])
            down = both[0].worst(high=False) + both[1].worst(high=False)
            up = both[0].worst(low=False) + both[1].worst(low=False)
            total += min(down, up, key=lambda end: end.value)
    for symbol in sorted(single):
        total += books[symbol].worst()
    return _Outcome(total.value, tuple(sorted(total.scenarios, key=lambda scenario: scenario.symbol)))


def _crowding(prices: UnderlyingGrid, positions: list[tuple[InstrumentGrid, int]]) -> int:
    """What closing costs beyond the market's stated depth."""
    cost = sum(entry.beyond.slippage * abs(lots) for entry, lots in positions)
    return sum(step.extra * max(cost - step.threshold, 0) for step in prices.depth)


def _loss(moves: Iterable[tuple[tuple[int, ...], int]]) -> int:
    """The worse of two opposite shocks to one expiry, at least 0."""
    shocked = [(shock, lots) for shock, lots in moves if shock]
    return max(0, *(-sum(shock[sign] * lots for shock, lots in shocked) for sign in (0, 1)))


def _plain(figure: Decimal) -> str:
    return format(figure.normalize(), "f")
