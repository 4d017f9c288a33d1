"""The market as the ledger knows it after an oracle round, and the step to the next: integers only, no clock.

Also what instruments are worth without a model: exact marks of linear instruments, and settlement prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.market import canonical, volatility
from node.market.errors import ExpiredInstrument, MissingFeed, NotMonotone, NotSettling, UnknownInstrument
from node.market.instruments import PPM, Future, Instrument, Option, OptionKind, Perpetual, Registry
from node.market.oracle_rules import Price, PriceResult
from node.market.parameters import FUNDING_PERIOD_SECONDS, MarketParameters
from node.market.volatility import VolatilityState

_FEED_UNITS_PER_MICRO_USD = 100


@dataclass(frozen=True, slots=True)
class UnderlyingState:
    """The last valid price (feed units), its confidence (ppm), the time it was taken (0: never), and the
    volatility.

    Before the first valid price, `price` is the listing price and `priced_at` is 0.
    """

    symbol: str
    price: int
    confidence_ppm: int
    priced_at: int
    volatility: VolatilityState


@dataclass(frozen=True, slots=True)
class FundingIndex:
    """A perpetual's cumulative funding: whole µUSD per lot, paid by longs, and the carried fraction.

    `fraction` is the numerator over `funding_denominator(instrument)`, at least 0 and below it.
    """

    id: str
    index: int
    fraction: int


@dataclass(frozen=True, slots=True)
class MarketState:
    """After oracle round `round`, taken at hub block `height` with header time `time`.

    `stale` names the feeds that had no valid price in this round: their last price stands.
    """

    round: int
    height: int
    time: int
    underlyings: tuple[UnderlyingState, ...]
    funding: tuple[FundingIndex, ...]
    stale: tuple[str, ...]

    def underlying(self, symbol: str) -> UnderlyingState:
        """The state of one underlying. Raises MissingFeed."""
        for entry in self.underlyings:
            if entry.symbol == symbol:
                return entry
        raise MissingFeed(symbol)

    def price(self, symbol: str) -> int:
        """The last valid price of a feed. Raises MissingFeed where there has been none."""
        entry = self.underlying(symbol)
        if entry.priced_at == 0:
            raise MissingFeed(symbol)
        return entry.price

    def sigma_ppm(self, symbol: str) -> int:
        """The volatility in force. Raises MissingFeed."""
        return self.underlying(symbol).volatility.sigma_ppm

    def funding_index(self, instrument: str) -> int:
        """The cumulative funding of an instrument, µUSD per lot; 0 for what has none."""
        for entry in self.funding:
            if entry.id == instrument:
                return entry.index
        return 0

    @property
    def priced(self) -> bool:
        """Whether every feed has had a valid price, so that a grid can be made."""
        return all(entry.priced_at for entry in self.underlyings)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "MarketState":
        """The state that `data` encodes. Raises EncodingInvalid."""
        return canonical.decode(MarketState, data)

    @property
    def digest(self) -> bytes:
        """32 bytes, over the encoding."""
        return canonical.digest(self)


def genesis_state(registry: Registry, parameters: MarketParameters, height: int, time: int) -> MarketState:
    """Round 0: no feed has a price yet. Raises MissingFeed for an underlying without parameters."""
    start = volatility.initial_volatility(parameters)
    underlyings = tuple(
        UnderlyingState(symbol, parameters.underlying(symbol).lattice_origin, 0, 0, start)
        for symbol in registry.underlyings
    )
    funding = tuple(FundingIndex(entry.id, 0, 0) for entry in registry.instruments if isinstance(entry, Perpetual))
    return MarketState(0, height, time, underlyings, funding, registry.underlyings)


def advance(
    state: MarketState,
    aggregated: Mapping[str, PriceResult],
    height: int,
    time: int,
    registry: Registry,
    parameters: MarketParameters,
) -> MarketState:
    """The state one round later. A feed that is refused or absent keeps its price and is marked stale.

    Funding accrues on the price in force since the last round. The first price of a feed starts its
    volatility's clock and moves nothing.

    Raises:
        NotMonotone: a height not above the last round's, or an earlier time.
    """
    if height <= state.height:
        raise NotMonotone("height", state.height, height)
    if time < state.time:
        raise NotMonotone("time", state.time, time)
    underlyings = tuple(
        _advance_underlying(entry, aggregated.get(entry.symbol), time, parameters) for entry in state.underlyings
    )
    stale = tuple(entry.symbol for entry in state.underlyings if not isinstance(aggregated.get(entry.symbol), Price))
    funding = tuple(_accrue(entry, state, time - state.time, registry, parameters) for entry in state.funding)
    return MarketState(state.round + 1, height, time, underlyings, funding, stale)


def _advance_underlying(
    entry: UnderlyingState, result: PriceResult | None, time: int, parameters: MarketParameters
) -> UnderlyingState:
    if not isinstance(result, Price):
        return entry
    moved = entry.volatility
    if entry.priced_at:
        moved = volatility.update(moved, entry.price, result.price, time - entry.priced_at, parameters)
    return UnderlyingState(entry.symbol, result.price, result.confidence, time, moved)


def funding_denominator(instrument: Perpetual) -> int:
    """The denominator under `FundingIndex.fraction`."""
    return PPM * FUNDING_PERIOD_SECONDS * _FEED_UNITS_PER_MICRO_USD * instrument.lot_scale


def _accrue(
    entry: FundingIndex, state: MarketState, seconds: int, registry: Registry, parameters: MarketParameters
) -> FundingIndex:
    instrument = registry.instrument(entry.id)
    if not isinstance(instrument, Perpetual):
        raise UnknownInstrument(entry.id)
    underlying = state.underlying(instrument.underlying)
    if underlying.priced_at == 0:
        return entry
    accrued = entry.fraction + parameters.funding_rate_ppm * underlying.price * seconds
    whole, fraction = divmod(accrued, funding_denominator(instrument))
    return FundingIndex(entry.id, entry.index + whole, fraction)


def spot_per_lot(price: int, lot_scale: int) -> int:
    """A price in feed units as whole µUSD per lot, rounded down."""
    return price // (_FEED_UNITS_PER_MICRO_USD * lot_scale)


def intrinsic_price(instrument: Instrument, price: int) -> int:
    """What the instrument pays if it settles at `price` (feed units): whole µUSD per lot, rounded down."""
    if isinstance(instrument, Option):
        sign = 1 if instrument.kind is OptionKind.CALL else -1
        return spot_per_lot(max(sign * (price - instrument.strike), 0), instrument.lot_scale)
    return spot_per_lot(price, instrument.lot_scale)


def settlement_price(instrument: Instrument, state: MarketState) -> int:
    """The one price at which all positions settle at expiry: whole µUSD per lot, rounded down, from the
    round's price.

    Raises:
        NotSettling: a perpetual, or an expiry after the state's time.
        MissingFeed: the underlying has no price.
    """
    expiry = None if isinstance(instrument, Perpetual) else instrument.expiry
    if expiry is None or expiry > state.time:
        raise NotSettling(instrument.id, expiry, state.time)
    return intrinsic_price(instrument, state.price(instrument.underlying))


def check_alive(instrument: Instrument, time: int) -> None:
    """Raises ExpiredInstrument at and after expiry."""
    if isinstance(instrument, Future | Option) and instrument.expiry <= time:
        raise ExpiredInstrument(instrument.id, instrument.expiry, time)
