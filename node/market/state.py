"""The market as the ledger knows it after an oracle round, and the step to the next: integers only, no clock.

Also what instruments are worth without a model: exact marks of linear instruments, and settlement prices.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from node.market import canonical, volatility
from node.market.errors import (
    ExpiredInstrument,
    InvalidInstrument,
    MissingFeed,
    NotMonotone,
    NotSettling,
    UnknownInstrument,
)
from node.market.instruments import PPM, Barrier, Digital, Expiry, Instrument, Option, OptionKind, Perpetual, Registry
from node.market.oracle_rules import Price, PriceResult
from node.market.parameters import FUNDING_PERIOD_SECONDS, MarketParameters
from node.market.surface import Surface
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
class Knock:
    """A barrier option whose barrier was crossed, by the price of `round`."""

    id: str
    round: int


@dataclass(frozen=True, slots=True)
class SettlementAverage:
    """What an expiry's average has gathered: Σ price · seconds (feed units), and Σ seconds, over valid prices."""

    expiry: Expiry
    weighted: int
    seconds: int


@dataclass(frozen=True, slots=True)
class MarketState:
    """After oracle round `round`, taken at hub block `height` with header time `time`.

    `stale` names the feeds that had no valid price in this round: their last price stands. `knocks` are in the order of
    rounds, `averages` in that of expiries, `surfaces`, the ones in force, in that of underlyings.
    """

    round: int
    height: int
    time: int
    underlyings: tuple[UnderlyingState, ...]
    funding: tuple[FundingIndex, ...]
    stale: tuple[str, ...]
    knocks: tuple[Knock, ...] = ()
    averages: tuple[SettlementAverage, ...] = ()
    surfaces: tuple[Surface, ...] = ()

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

    def price_age(self, symbol: str) -> int:
        """Seconds since the last valid price of a feed; 0 in a round that brought one. Raises MissingFeed."""
        self.price(symbol)
        return self.time - self.underlying(symbol).priced_at

    def sigma_ppm(self, symbol: str) -> int:
        """The volatility in force. Raises MissingFeed."""
        return self.underlying(symbol).volatility.sigma_ppm

    def funding_index(self, instrument: str) -> int:
        """The cumulative funding of an instrument, µUSD per lot; 0 for what has none."""
        for entry in self.funding:
            if entry.id == instrument:
                return entry.index
        return 0

    def surface(self, symbol: str) -> Surface | None:
        """The forwards and smiles in force for an underlying; None where none was ever quoted."""
        return next((entry for entry in self.surfaces if entry.underlying == symbol), None)

    def old_surfaces(self, parameters: MarketParameters) -> tuple[str, ...]:
        """The underlyings whose surface in force is older than a surface should be."""
        oldest = self.time - parameters.surface_staleness_seconds
        return tuple(entry.underlying for entry in self.surfaces if entry.time < oldest)

    def knocked_in_round(self, instrument: str) -> int | None:
        """The round whose price crossed an instrument's barrier; None while none has."""
        return next((entry.round for entry in self.knocks if entry.id == instrument), None)

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


@dataclass(frozen=True, slots=True)
class Confirmations:
    """What the house believes of prices that jumped, by feed.

    `waited`: the price before this round waited to be confirmed; `confirmed`: this round stands by it; `waiting`: the
    price of this round has jumped itself.
    """

    waited: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


NOTHING_WAITS: Final = Confirmations()
"""Every price counts at once."""


def genesis_state(registry: Registry, parameters: MarketParameters, height: int, time: int) -> MarketState:
    """Round 0: no feed has a price yet.

    Raises:
        MissingFeed: an underlying without parameters.
        ExpiredInstrument, InvalidInstrument: a listing that is over, or a barrier that the listing price has crossed.
    """
    for entry in registry.instruments:
        check_alive(entry, time)
        check_barrier(entry, parameters.underlying(entry.underlying).lattice_origin)
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
    surfaces: Sequence[Surface] = (),
    confirmations: Confirmations = NOTHING_WAITS,
) -> MarketState:
    """The state one round later. A feed that is refused or absent keeps its price and is marked stale.

    `surfaces` are the ones that the round brings, at most one an underlying, and come into force; where it brings none,
    the one before stays. A price that waits to be confirmed is in force like any other, but crosses no barrier and
    enters no settlement average before it is.

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
    averages = _averaged(state, time, registry, parameters, confirmations.waited - confirmations.confirmed)
    moved = replace(
        state,
        round=state.round + 1,
        height=height,
        time=time,
        underlyings=underlyings,
        funding=funding,
        stale=stale,
        averages=averages,
        surfaces=_in_force(state.surfaces, surfaces),
    )
    return replace(moved, knocks=(*state.knocks, *_knocked(state, moved, registry, confirmations)))


def _in_force(before: Sequence[Surface], brought: Sequence[Surface]) -> tuple[Surface, ...]:
    made = {entry.underlying: entry for entry in (*before, *brought)}
    return tuple(made[symbol] for symbol in sorted(made))


def _knocked(
    before: MarketState, after: MarketState, registry: Registry, confirmations: Confirmations
) -> tuple[Knock, ...]:
    """The barriers that prices cross first which count from this round on, taken until expiry inclusive.

    A price that the round confirms crosses as of when it was taken, but is booked in this round: what was proven since,
    on grids that did not know of it, must not speak for a crossed barrier.
    """
    known = {entry.id for entry in after.knocks}
    counted = [entry for entry in before.underlyings if entry.symbol in confirmations.confirmed]
    kept_out = {*after.stale, *confirmations.waiting}
    counted += [entry for entry in after.underlyings if entry.symbol not in kept_out]
    return tuple(
        Knock(entry.id, after.round)
        for entry in registry.barriers
        if entry.id not in known
        and any(
            seen.symbol == entry.underlying and seen.priced_at <= entry.expiry and entry.is_crossed(seen.price)
            for seen in counted
        )
    )


def _averaged(
    state: MarketState, time: int, registry: Registry, parameters: MarketParameters, unconfirmed: Collection[str]
) -> tuple[SettlementAverage, ...]:
    """The averages once `state`'s prices were in force until `time`.

    Neither a price that was stale counts nor one that jumped and was not confirmed by the next round.
    """
    known = {entry.expiry: entry for entry in state.averages}
    for expiry in registry.expiries:
        first = max(state.time, expiry.time - parameters.settlement_average_seconds)
        seconds = min(time, expiry.time) - first
        if seconds <= 0 or expiry.underlying in state.stale or expiry.underlying in unconfirmed:
            continue
        before = known.get(expiry, SettlementAverage(expiry, 0, 0))
        weighted = before.weighted + state.price(expiry.underlying) * seconds
        known[expiry] = SettlementAverage(expiry, weighted, before.seconds + seconds)
    return tuple(known[expiry] for expiry in sorted(known))


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


def intrinsic_price(instrument: Instrument, price: int, *, knocked: bool) -> int:
    """What the instrument pays if it settles at `price` (feed units): whole µUSD per lot, rounded down.

    `knocked`: whether a round crossed its barrier. The settlement price is the barrier's last observation.
    """
    if isinstance(instrument, Digital):
        pays = (price >= instrument.strike) is (instrument.kind is OptionKind.CALL)
        return spot_per_lot(instrument.payout if pays else 0, instrument.lot_scale)
    if (
        isinstance(instrument, Barrier)
        and (knocked or instrument.is_crossed(price)) is not instrument.barrier_kind.is_in
    ):
        return 0
    if isinstance(instrument, Option | Barrier):
        sign = 1 if instrument.kind is OptionKind.CALL else -1
        return spot_per_lot(max(sign * (price - instrument.strike), 0), instrument.lot_scale)
    return spot_per_lot(price, instrument.lot_scale)


def settlement_price(instrument: Instrument, state: MarketState) -> int:
    """The one price at which all positions settle at expiry: whole µUSD per lot, rounded down.

    What the instrument pays at the average of the prices in force over the last `settlement_average_seconds` before
    expiry, weighted by time and rounded down; where none of them was valid, at the round's price.

    Raises:
        NotSettling: a perpetual, or an expiry after the state's time.
        MissingFeed: the underlying has no price.
    """
    expiry = None if isinstance(instrument, Perpetual) else instrument.expiry
    if expiry is None or expiry > state.time:
        raise NotSettling(instrument.id, expiry, state.time)
    price = state.price(instrument.underlying)
    moment = Expiry(instrument.underlying, expiry)
    for average in state.averages:
        if average.expiry == moment:
            price = average.weighted // average.seconds
    return intrinsic_price(instrument, price, knocked=state.knocked_in_round(instrument.id) is not None)


def check_alive(instrument: Instrument, time: int) -> None:
    """Raises ExpiredInstrument at and after expiry."""
    if not isinstance(instrument, Perpetual) and instrument.expiry <= time:
        raise ExpiredInstrument(instrument.id, instrument.expiry, time)


def check_barrier(instrument: Instrument, price: int) -> None:
    """Raises InvalidInstrument where the price (feed units) is at or beyond the barrier of what is to be listed."""
    if isinstance(instrument, Barrier) and instrument.is_crossed(price):
        side = "below" if instrument.barrier_kind.is_down else "above"
        raise InvalidInstrument(instrument.id, "barrier", f"is crossed already: it must lie {side} the price {price}")
