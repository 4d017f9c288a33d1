"""Margin windows: the ranges of price and volatility within which an accepted proof speaks for an account,
and their end.

A proof made on the grid of one round stays good while its window contains the maintenance window around the
current price, the shocked volatility lies within its levels, funding has not moved by more than φ, and it is
young enough. Whether the account's commitments have changed since, or it was settled, is for the ledger to
know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from node.market import canonical
from node.market.bounds import near_nodes
from node.market.contingencies import near_range
from node.market.divergence import Reach, reaches_apart
from node.market.errors import MissingFeed
from node.market.grid import RiskGrid, UnderlyingGrid
from node.market.instruments import PPM, Barrier, Curved, Perpetual, Registry
from node.market.parameters import CorrelatedPair, MarketParameters
from node.market.state import MarketState
from node.market.widths import PriceRange, maintenance_width, price_range


@dataclass(frozen=True, slots=True)
class UnderlyingWindow:
    """Prices (feed units) and volatilities (ppm) of one underlying, all bounds included.

    From `near_low` to `near_high` every price is covered whatever a correlated underlying does.
    """

    symbol: str
    low: int
    high: int
    level_low: int
    level_high: int
    near_low: int
    near_high: int


@dataclass(frozen=True, slots=True)
class FundingMark:
    """The funding index (µUSD per lot) of an instrument when the proof was made."""

    id: str
    index: int


@dataclass(frozen=True, slots=True)
class MarginWindow:
    """What the proof of round `round`, whose grid was taken at `time`, covers."""

    round: int
    time: int
    underlyings: tuple[UnderlyingWindow, ...]
    funding: tuple[FundingMark, ...]

    def underlying(self, symbol: str) -> UnderlyingWindow | None:
        """The range of one underlying, if the proof covers it."""
        return next((entry for entry in self.underlyings if entry.symbol == symbol), None)

    def funding_index(self, instrument: str) -> int | None:
        """The index the proof names for an instrument, if any."""
        return next((entry.index for entry in self.funding if entry.id == instrument), None)

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
    COVERAGE = "the window lacks an underlying or a funding index"
    PRICE = "the maintenance window leaves the price range"
    APART = "a correlated pair may go further apart than the proof covers"
    VOLATILITY = "the shocked volatility leaves the levels"
    FUNDING = "the funding index has moved beyond its tolerance"
    KNOCK = "a barrier was crossed after the proof's round"


@dataclass(frozen=True, slots=True)
class LapseReason:
    """The first reason found: what is needed now (`needed_low` to `needed_high`), against what the window
    holds.

    Units follow the kind: seconds, feed units, ppm, µUSD per lot, rounds; all zero for COVERAGE and APART. `subject` is
    an underlying, a pair or an instrument, empty for AGE.
    """

    kind: LapseKind
    subject: str
    needed_low: int = 0
    needed_high: int = 0
    low: int = 0
    high: int = 0

    def __str__(self) -> str:
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
    curved = {grid.instrument(name).underlying for name in held if not grid.is_linear(name)}
    ranges = tuple(
        _underlying(entry, full=entry.symbol in curved) for entry in grid.underlyings if entry.symbol in symbols
    )
    funding = tuple(FundingMark(name, grid.instrument(name).funding) for name in held)
    return MarginWindow(grid.round, grid.time, ranges, funding)


def _underlying(entry: UnderlyingGrid, *, full: bool) -> UnderlyingWindow:
    near = near_nodes(entry) if full else entry.near
    return UnderlyingWindow(
        entry.symbol, entry.nodes[0], entry.nodes[-1], entry.levels[0], entry.levels[-1], near.low, near.high
    )


def maintenance_range(symbol: str, state: MarketState, parameters: MarketParameters) -> PriceRange:
    """The maintenance window around an underlying's current price. Raises MissingFeed."""
    return price_range(state.price(symbol), maintenance_width(state.sigma_ppm(symbol), parameters))


def _maintenance_reach(symbol: str, state: MarketState, parameters: MarketParameters) -> Reach:
    width = maintenance_width(state.sigma_ppm(symbol), parameters)
    near = near_range(state.price(symbol), width, parameters)
    return Reach(maintenance_range(symbol, state, parameters), near)


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
    with_options = {entry.underlying for entry in held if isinstance(entry, Curved)}
    symbols = {registry.underlying_of(name) for name in (*positions, *collateral)}
    for symbol in sorted(symbol for symbol in symbols if symbol is not None):
        reason = _price_lapse(window, symbol, state, parameters)
        if reason is None and symbol in with_options:
            reason = _volatility_lapse(window, symbol, state, parameters)
        if reason is not None:
            return reason
    for pair in parameters.correlated:
        if {pair.first, pair.second} <= symbols and _apart(window, pair, state, parameters):
            return LapseReason(LapseKind.APART, f"{pair.first}/{pair.second}")
    for entry in held:
        if isinstance(entry, Perpetual):
            reason = _funding_lapse(window, entry, state, parameters)
        elif isinstance(entry, Barrier):
            reason = _knock_lapse(window, entry, state)
        else:
            continue
        if reason is not None:
            return reason
    return None


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
    window: MarginWindow, symbol: str, state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    covered = window.underlying(symbol)
    if covered is None:
        raise MissingFeed(symbol)
    sigma = state.sigma_ppm(symbol)
    low = sigma * parameters.maintenance_level_down_ppm // PPM
    high = -(-sigma * parameters.maintenance_level_up_ppm // PPM)
    if covered.level_low <= low and high <= covered.level_high:
        return None
    return LapseReason(LapseKind.VOLATILITY, symbol, low, high, covered.level_low, covered.level_high)


def _funding_lapse(
    window: MarginWindow, instrument: Perpetual, state: MarketState, parameters: MarketParameters
) -> LapseReason | None:
    proven = window.funding_index(instrument.id)
    if proven is None:
        return LapseReason(LapseKind.COVERAGE, instrument.id)
    tolerance = parameters.underlying(instrument.underlying).funding_tolerance
    now = state.funding_index(instrument.id)
    if abs(now - proven) <= tolerance:
        return None
    return LapseReason(LapseKind.FUNDING, instrument.id, now, now, proven - tolerance, proven + tolerance)


def _knock_lapse(window: MarginWindow, instrument: Barrier, state: MarketState) -> LapseReason | None:
    crossed = state.knocked_in_round(instrument.id)
    if crossed is None or crossed <= window.round:
        return None
    return LapseReason(LapseKind.KNOCK, instrument.id, crossed, crossed, window.round, window.round)
