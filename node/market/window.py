"""Margin windows: the ranges of price and volatility within which an accepted proof speaks for an account,
and their end.

A proof made on the grid of one round stays good while its window contains the maintenance window around the
current price, the shocked volatility of each held option lies within the levels it was valued at, no held option's
volatility has moved by much more than another's, forwards lie in the range that charges cover, funding has not moved by
more than φ, and it is young enough. Whether the account's commitments have changed since, or it was settled, is for the
ledger to know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from node.market import canonical
from node.market.bounds import near_nodes
from node.market.contingencies import near_range
from node.market.divergence import Reach, reaches_apart
from node.market.forwards import CarryRange, carry_ppb
from node.market.grid import InstrumentGrid, RiskGrid, UnderlyingGrid
from node.market.instruments import PPM, Barrier, Curved, Dated, Instrument, Perpetual, Registry
from node.market.levels import maintenance_levels, volatility_ppm
from node.market.parameters import CorrelatedPair, MarketParameters
from node.market.state import MarketState
from node.market.widths import PriceRange, maintenance_width, price_range


@dataclass(frozen=True, slots=True)
class UnderlyingWindow:
    """Prices (feed units) and volatilities (ppm) of one underlying, all bounds included.

    The volatilities reach from the lowest to the highest level of an option held there, or are the underlying's own
    where none is. They are for readers: what counts is `PositionMark.levels`. From `near_low` to `near_high` every
    price is covered whatever a correlated underlying does.
    """

    symbol: str
    low: int
    high: int
    level_low: int
    level_high: int
    near_low: int
    near_high: int


@dataclass(frozen=True, slots=True)
class PositionMark:
    """What was in force for an instrument when the proof was made: its funding index (µUSD per lot), the carries that
    charges cover, and the volatilities (ppm) at which an option was valued, down, mid, up; none for others."""

    id: str
    index: int
    carries: CarryRange
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MarginWindow:
    """What the proof of round `round`, whose grid was taken at `time`, covers."""

    round: int
    time: int
    underlyings: tuple[UnderlyingWindow, ...]
    positions: tuple[PositionMark, ...]

    def underlying(self, symbol: str) -> UnderlyingWindow | None:
        """The range of one underlying, if the proof covers it."""
        return next((entry for entry in self.underlyings if entry.symbol == symbol), None)

    def position(self, instrument: str) -> PositionMark | None:
        """What the proof names for an instrument, if anything."""
        return next((entry for entry in self.positions if entry.id == instrument), None)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "MarginWindow":
        """The window that `data` encodes. Raises EncodingInvalid."""
        return canonical.decode(MarginWindow, data)


class LapseKind(Enum):
    """Why a window no longer speaks for its account."""

    AGE = "the proof is too old"
    COVERAGE = "the window lacks an underlying or an instrument"
    PRICE = "the maintenance window leaves the price range"
    APART = "a correlated pair may go further apart than the proof covers"
    VOLATILITY = "the shocked volatility leaves the levels"
    SMILE = "volatilities of held options have moved apart"
    FORWARD = "the forward leaves the range that charges cover"
    FUNDING = "the funding index has moved beyond its tolerance"
    KNOCK = "a barrier was crossed after the proof's round"


@dataclass(frozen=True, slots=True)
class LapseReason:
    """The first reason found: what is needed now (`needed_low` to `needed_high`), against what the window
    holds.

    Units follow the kind: seconds, feed units, ppm, parts per billion (FORWARD), µUSD per lot, rounds; all zero for
    COVERAGE and APART. For SMILE they are ratios of volatility to that of the proof, least and greatest, and what the
    greatest may be. `subject` is an underlying, a pair or an instrument, empty for AGE.
    """

    kind: LapseKind
    subject: str
    needed_low: int = 0
    needed_high: int = 0
    low: int = 0
    high: int = 0

    def __str__(self) -> str:
        if self.kind in (LapseKind.COVERAGE, LapseKind.APART):
            return f"{self.kind.value}: {self.subject}"
        figures = f"{self.needed_low}..{self.needed_high} against {self.low}..{self.high}"
        return f"{self.kind.value}: {self.subject} {figures}"


def window_of(grid: RiskGrid, positions: Iterable[str], collateral: Iterable[str]) -> MarginWindow:
    """The window that a proof on `grid` gives an account with these instruments and assets (cash not among
    them).

    Raises:
        UnknownInstrument: one the grid does not list.
    """
    held = sorted(set(positions))
    symbols = {grid.instrument(name).underlying for name in (*held, *collateral)}
    marks = tuple(_mark(grid.instrument(name)) for name in held)
    ranges = tuple(
        _underlying(entry, [grid.instrument(name) for name in held])
        for entry in grid.underlyings
        if entry.symbol in symbols
    )
    return MarginWindow(grid.round, grid.time, ranges, marks)


def _mark(entry: InstrumentGrid) -> PositionMark:
    return PositionMark(entry.id, entry.funding, entry.carries, entry.levels)


def _underlying(entry: UnderlyingGrid, held: Sequence[InstrumentGrid]) -> UnderlyingWindow:
    reached = [level for option in held if option.underlying == entry.symbol for level in option.levels]
    levels = reached or entry.levels
    near = near_nodes(entry) if reached else entry.near
    return UnderlyingWindow(
        entry.symbol, entry.nodes[0], entry.nodes[-1], min(levels), max(levels), near.low, near.high
    )


def maintenance_range(symbol: str, state: MarketState, parameters: MarketParameters) -> PriceRange:
    """The maintenance window around an underlying's current price. Raises MissingFeed."""
    width = maintenance_width(state.sigma_ppm(symbol), parameters, state.price_age(symbol))
    return price_range(state.price(symbol), width)


def _maintenance_reach(symbol: str, state: MarketState, parameters: MarketParameters) -> Reach:
    width = maintenance_width(state.sigma_ppm(symbol), parameters, state.price_age(symbol))
    return Reach(price_range(state.price(symbol), width), near_range(state.price(symbol), width, parameters))


def lapse(
    window: MarginWindow,
    state: MarketState,
    positions: Sequence[str],
    collateral: Sequence[str],
    registry: Registry,
    parameters: MarketParameters,
) -> LapseReason | None:
    """Why `window` no longer covers an account with these instruments and assets in `state`; None while it
    does.

    Volatility matters only to an account that holds an option of any kind on that underlying; cash has no window.

    Raises:
        UnknownInstrument: a position or asset that is not listed.
    """
    age = state.time - window.time
    if age > parameters.max_proof_age_seconds:
        return LapseReason(LapseKind.AGE, "", age, age, 0, parameters.max_proof_age_seconds)
    held = [registry.instrument(name) for name in positions]
    symbols = {registry.underlying_of(name) for name in (*positions, *collateral)}
    for symbol in sorted(symbol for symbol in symbols if symbol is not None):
        reason = _price_lapse(window, symbol, state, parameters)
        if reason is None:
            options = [entry for entry in held if isinstance(entry, Curved) and entry.underlying == symbol]
            reason = _volatility_lapse(window, options, state, parameters)
        if reason is not None:
            return reason
    for pair in parameters.correlated:
        if {pair.first, pair.second} <= symbols and _apart(window, pair, state, parameters):
            return LapseReason(LapseKind.APART, f"{pair.first}/{pair.second}")
    return next((reason for entry in held if (reason := _position_lapse(window, entry, state, parameters))), None)


def _position_lapse(
    window: MarginWindow, entry: Instrument, state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    mark = window.position(entry.id)
    if mark is None:
        return LapseReason(LapseKind.COVERAGE, entry.id)
    if isinstance(entry, Perpetual):
        return _funding_lapse(mark, entry, state, parameters)
    reason = _knock_lapse(window, entry, state) if isinstance(entry, Barrier) else None
    return reason or _forward_lapse(mark, entry, state)


def _price_lapse(
    window: MarginWindow, symbol: str, state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    covered = window.underlying(symbol)
    if covered is None:
        return LapseReason(LapseKind.COVERAGE, symbol)
    needed = maintenance_range(symbol, state, parameters)
    if PriceRange(covered.low, covered.high).contains(needed):
        return None
    return LapseReason(LapseKind.PRICE, symbol, needed.low, needed.high, covered.low, covered.high)


def _apart(window: MarginWindow, pair: CorrelatedPair, state: MarketState, parameters: MarketParameters) -> bool:
    first, second = window.underlying(pair.first), window.underlying(pair.second)
    if first is None or second is None:
        return True
    return reaches_apart(
        _maintenance_reach(pair.first, state, parameters),
        _maintenance_reach(pair.second, state, parameters),
        PriceRange(first.near_low, first.near_high),
        PriceRange(second.near_low, second.near_high),
    )


def _volatility_lapse(
    window: MarginWindow, options: Sequence[Curved], state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    """Of the options that an account holds on one underlying.

    Rows move all volatilities by one multiple. How far multiples may differ without a new proof is the smile's
    tolerance.
    """
    ratios: list[int] = []
    for entry in options:
        mark = window.position(entry.id)
        if mark is None or not mark.levels:
            return LapseReason(LapseKind.COVERAGE, entry.id)
        needed = maintenance_levels(entry, state, parameters)
        if needed.low < mark.levels[0] or needed.high > mark.levels[-1]:
            return LapseReason(LapseKind.VOLATILITY, entry.id, needed.low, needed.high, mark.levels[0], mark.levels[-1])
        ratios.append(volatility_ppm(entry, state) * PPM // mark.levels[1])
    if not ratios:
        return None
    least, greatest = min(ratios), max(ratios)
    most = least * (PPM + parameters.smile_tolerance_ppm) // PPM
    if greatest <= most:
        return None
    return LapseReason(LapseKind.SMILE, options[0].underlying, least, greatest, least, most)


def _forward_lapse(mark: PositionMark, entry: Dated, state: MarketState) -> LapseReason | None:
    now = carry_ppb(entry, state)
    if mark.carries.contains(now):
        return None
    return LapseReason(LapseKind.FORWARD, entry.id, now, now, mark.carries.low, mark.carries.high)


def _funding_lapse(
    mark: PositionMark, instrument: Perpetual, state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    tolerance = parameters.underlying(instrument.underlying).funding_tolerance
    now = state.funding_index(instrument.id)
    if abs(now - mark.index) <= tolerance:
        return None
    return LapseReason(LapseKind.FUNDING, instrument.id, now, now, mark.index - tolerance, mark.index + tolerance)


def _knock_lapse(window: MarginWindow, instrument: Barrier, state: MarketState) -> LapseReason | None:
    crossed = state.knocked_in_round(instrument.id)
    if crossed is None or crossed <= window.round:
        return None
    return LapseReason(LapseKind.KNOCK, instrument.id, crossed, crossed, window.round, window.round)
