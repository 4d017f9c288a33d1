"""The risk grid of one oracle round: what each listed instrument is worth, per lot, throughout a window of
its underlying.

The proposer computes it, in floating point where options are concerned, and publishes these
integers in the batch. Every node computes its own and accepts the published one within the last unit:
machines may differ in the last bit of a float, the ledger may not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from node.market import canonical
from node.market.charges import closing_charge, settlement_rounding, short_minimum
from node.market.contingencies import (
    Beyond,
    Contingencies,
    DepthCharge,
    collateral_contingencies,
    curved_contingencies,
    depth_charges,
    linear_contingencies,
    near_range,
    nothing_beyond,
    tail_range,
)
from node.market.curved import Frame, Quoted, Valuation, after_crossing, valuations
from node.market.errors import InvalidInput, MissingFeed, UnknownInstrument
from node.market.forwards import NO_CARRY, CarryRange, covered_carry, valued_carry
from node.market.instruments import (
    FEED_UNITS,
    PPM,
    ROW_UNITS_PER_FEED_UNIT,
    Barrier,
    CollateralAsset,
    Curved,
    Future,
    Instrument,
    Perpetual,
    Registry,
)
from node.market.lattice import lattice_of
from node.market.levels import levels_of
from node.market.parameters import CorrelatedPair, MarketParameters
from node.market.state import MarketState, spot_per_lot
from node.market.surface import PPB
from node.market.widths import PriceRange, initial_width, maintenance_width, price_range

VALUE_LIMIT: Final = 2**63
"""Values and charges in rows stay below this, and proofs rely on it: prices and payouts are below 10¹⁷ feed units, or
10¹⁸ row units for the largest lot; a lattice step at most doubles one, and no charge exceeds price and strike."""
RELATIVE_TOLERANCE: Final = 10**9
"""Published values may differ by one part in this many, or by one unit (`agreement`)."""


@dataclass(frozen=True, slots=True)
class UnderlyingGrid:
    """Price nodes (feed units, ascending, the first and last are the window's edges) and volatility levels
    (ppm).

    `levels` are down, mid (the realised volatility in force) and up, by which a level is called; each option is valued
    at its own (`InstrumentGrid.levels`). The two widths are the ones the window was made for. `tails` are the prices
    beyond it, `near` the range of a correlated pair, `depth` the stated steps.
    """

    symbol: str
    price: int
    sigma_ppm: int
    nodes: tuple[int, ...]
    levels: tuple[int, ...]
    maintenance_width_ppm: int
    initial_width_ppm: int
    tails: PriceRange
    near: PriceRange
    depth: tuple[DepthCharge, ...]

    @property
    def beyond(self) -> Beyond:
        """The prices that contingencies are valued at."""
        return Beyond(self.tails, self.near, self.nodes[-1])


@dataclass(frozen=True, slots=True)
class InstrumentGrid:
    """One instrument, or one collateral asset, as margin rows see it.

    Attributes:
        id: of the instrument or asset.
        underlying: the symbol whose nodes `values` belong to.
        mark: µUSD per lot at the current price and volatility; of an asset: row units per ledger unit, no
        haircut. values: row units per lot (an asset: per ledger unit, after the haircut, rounded down).
        Linear: one per node.
            Option: node by node, within a node level by level.
        gap_charge: row units per |lot|; at least the largest |value − its interpolation| inside any cell of
        price,
            volatility and time up to the largest age of a proof.
        wide_gap_charge: the same where only the two edge nodes are used. Of no meaning, and 0, for options.
        closing_charge: row units per |lot| for closing the position, the oracle's confidence and φ included.
        short_minimum: row units per lot sold; even; options only.
        funding: the cumulative funding index, µUSD per lot.
        beyond: what rows know of it outside the window.
        carry: forward over spot less 1, parts per billion, at which it is valued, and the range that charges cover.
        levels: the volatilities (ppm) at which an option is valued: down, mid, up. Empty for everything linear.
    """

    id: str
    underlying: str
    mark: int
    values: tuple[int, ...]
    gap_charge: int
    wide_gap_charge: int
    closing_charge: int
    short_minimum: int
    funding: int
    beyond: Contingencies
    carry: int = 0
    carries: CarryRange = NO_CARRY
    levels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskGrid:
    """The grid of one round; `instruments` are the living ones and the collateral other than cash, by id.

    What is lost at a tail beyond the window's worst counts `tail_part` parts of `tail_whole`.
    """

    round: int
    time: int
    tail_part: int
    tail_whole: int
    pairs: tuple[CorrelatedPair, ...]
    underlyings: tuple[UnderlyingGrid, ...]
    instruments: tuple[InstrumentGrid, ...]
    _instruments: Mapping[str, InstrumentGrid] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_instruments", {entry.id: entry for entry in self.instruments})

    def underlying(self, symbol: str) -> UnderlyingGrid:
        """The nodes of one underlying. Raises MissingFeed."""
        for entry in self.underlyings:
            if entry.symbol == symbol:
                return entry
        raise MissingFeed(symbol)

    def instrument(self, name: str) -> InstrumentGrid:
        """The values of an instrument or asset. Raises UnknownInstrument, also for cash and the expired."""
        if name not in self._instruments:
            raise UnknownInstrument(name)
        return self._instruments[name]

    def lists(self, name: str) -> bool:
        """Whether an instrument or asset has values in it."""
        return name in self._instruments

    def is_linear(self, name: str) -> bool:
        """Whether an instrument's value is a multiple of its underlying's price. Raises UnknownInstrument."""
        entry = self.instrument(name)
        return len(entry.values) == len(self.underlying(entry.underlying).nodes)

    def mark_price(self, name: str) -> int:
        """The published mark of an instrument: whole µUSD per lot. Raises UnknownInstrument."""
        return self.instrument(name).mark

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "RiskGrid":
        """The grid that `data` encodes. Raises EncodingInvalid."""
        return canonical.decode(RiskGrid, data)

    @property
    def digest(self) -> bytes:
        """32 bytes, over the encoding."""
        return canonical.digest(self)


def compute_grid(
    registry: Registry, parameters: MarketParameters, market: MarketState, worthless: Collection[str] = ()
) -> RiskGrid:
    """The grid of the market's last round, over the window of initial width around each price.

    Expired instruments are left out: they settle. The assets in `worthless` are worth nothing at any node.

    Raises:
        MissingFeed: an underlying that never had a valid price.
        ValueOutOfRange: a price that the lattice cannot serve.
        InvalidInput: a price or volatility that is not positive, by underlying; a value that is not a number, by
            instrument.
    """
    living = tuple(
        entry for entry in registry.instruments if isinstance(entry, Perpetual) or entry.expiry > market.time
    )
    symbols = [symbol for symbol in registry.underlyings if symbol != parameters.stablecoin]
    underlyings = tuple(_underlying(symbol, living, parameters, market) for symbol in symbols)
    entries: list[InstrumentGrid] = []
    for grid in underlyings:
        listed = [entry for entry in living if entry.underlying == grid.symbol]
        entries += [_linear(entry, grid, parameters, market) for entry in listed if not isinstance(entry, Curved)]
        options = [entry for entry in listed if isinstance(entry, Curved)]
        if options:
            entries += _curved(options, grid, parameters, market)
        assets = [asset for asset in registry.collateral if asset.underlying == grid.symbol]
        entries += [_collateral(asset, grid, counts=asset.id not in worthless) for asset in assets]
    return RiskGrid(
        round=market.round,
        time=market.time,
        tail_part=parameters.tail_part,
        tail_whole=parameters.tail_whole,
        pairs=tuple(pair for pair in parameters.correlated if {pair.first, pair.second} <= set(symbols)),
        underlyings=underlyings,
        instruments=tuple(sorted(entries, key=lambda entry: entry.id)),
    )


def _underlying(
    symbol: str, living: Sequence[Instrument], parameters: MarketParameters, market: MarketState
) -> UnderlyingGrid:
    price, sigma = market.price(symbol), market.sigma_ppm(symbol)
    for name, figure in (("price", price), ("volatility", sigma)):
        if figure <= 0:
            raise InvalidInput(symbol, name, str(figure))
    age = market.price_age(symbol)
    initial = initial_width(sigma, parameters, age)
    options = [entry for entry in living if isinstance(entry, Curved) and entry.underlying == symbol]
    edges = [entry.strike for entry in options]
    edges += [entry.barrier for entry in options if isinstance(entry, Barrier)]
    return UnderlyingGrid(
        symbol=symbol,
        price=price,
        sigma_ppm=sigma,
        nodes=lattice_of(symbol, parameters).window(price_range(price, initial), edges),
        levels=(sigma * parameters.level_down_ppm // PPM, sigma, -(-sigma * parameters.level_up_ppm // PPM)),
        maintenance_width_ppm=maintenance_width(sigma, parameters, age),
        initial_width_ppm=initial,
        tails=tail_range(price, initial, parameters),
        near=near_range(price, initial, parameters),
        depth=depth_charges(symbol, parameters),
    )


def _linear(
    entry: Perpetual | Future, grid: UnderlyingGrid, parameters: MarketParameters, market: MarketState
) -> InstrumentGrid:
    """Worth the forward, a fixed multiple of the price, to the nearest row unit; half a unit at a chord's ends makes a
    gap of 1, and edges that were moved outward by whole units one of 2."""
    carry = valued_carry(entry, market)
    multiple, unit = ROW_UNITS_PER_FEED_UNIT * (PPB + carry), entry.lot_scale * PPB
    gap = 1 + settlement_rounding(entry, market.time, parameters)
    return InstrumentGrid(
        id=entry.id,
        underlying=entry.underlying,
        mark=spot_per_lot(grid.price * (PPB + carry) // PPB, entry.lot_scale),
        values=tuple((node * multiple + unit // 2) // unit for node in grid.nodes),
        gap_charge=gap,
        wide_gap_charge=gap + 1,
        closing_charge=closing_charge(entry, grid.price, grid.nodes[-1], market, parameters),
        short_minimum=0,
        funding=market.funding_index(entry.id),
        beyond=linear_contingencies(entry, grid.beyond, carry, market, parameters),
        carry=carry,
        carries=covered_carry(entry, market, parameters),
    )


def _collateral(asset: CollateralAsset, grid: UnderlyingGrid, *, counts: bool) -> InstrumentGrid:
    """Rounded down at the nodes, so that no chord exceeds the true value; the haircut pays for its sale. Of what does
    not count nothing is kept."""
    kept = PPM - asset.haircut_ppm if counts else 0
    return InstrumentGrid(
        id=asset.id,
        underlying=grid.symbol,
        mark=grid.price * ROW_UNITS_PER_FEED_UNIT // asset.unit_scale if counts else 0,
        values=tuple(node * ROW_UNITS_PER_FEED_UNIT * kept // (PPM * asset.unit_scale) for node in grid.nodes),
        gap_charge=0,
        wide_gap_charge=0,
        closing_charge=0,
        short_minimum=0,
        funding=0,
        beyond=collateral_contingencies(asset, grid.beyond, kept),
    )


def _curved(
    options: Sequence[Curved], grid: UnderlyingGrid, parameters: MarketParameters, market: MarketState
) -> list[InstrumentGrid]:
    """All options on one underlying at once. Values are rounded to the nearest unit, gap charges up."""
    frame = Frame(
        price=float(grid.price),
        nodes=np.array(grid.nodes, dtype=np.float64),
        time=market.time,
        last_time=market.time + parameters.max_proof_age_seconds,
        average_seconds=parameters.settlement_average_seconds,
    )
    knocked = {entry.id for entry in market.knocks}
    current = {entry.id: after_crossing(entry) if entry.id in knocked else entry for entry in options}
    living = {name: entry for name, entry in current.items() if entry is not None}
    quoted = [_quoted(entry, parameters, market) for entry in living.values()]
    valued = dict(zip(living, valuations(quoted, frame), strict=True))
    outside = dict(zip(living, curved_contingencies(quoted, grid.beyond, market, parameters), strict=True))
    return [
        _option(entry.id, living[entry.id], valued[entry.id], outside[entry.id], grid, parameters, market)
        if entry.id in living
        else _over(entry, grid, parameters, market)
        for entry in options
    ]


def _quoted(entry: Curved, parameters: MarketParameters, market: MarketState) -> Quoted:
    levels = levels_of(entry, market, parameters)
    fractions = tuple(level / PPM for level in levels)
    return Quoted(entry, fractions[1], fractions, 1 + valued_carry(entry, market) / PPB)


def _option(
    name: str,
    entry: Curved,
    valued: Valuation,
    outside: Contingencies,
    grid: UnderlyingGrid,
    parameters: MarketParameters,
    market: MarketState,
) -> InstrumentGrid:
    """`entry` is what the option called `name` is now. Raises InvalidInput for a value that is not a number."""
    for figure, values in (("values", valued.values), ("mark", valued.mark), ("gap", valued.gap)):
        if not np.isfinite(values).all():
            raise InvalidInput(name, figure, "not finite")
    per_lot = ROW_UNITS_PER_FEED_UNIT / entry.lot_scale
    units = tuple(np.rint(valued.values.ravel() * per_lot).astype(np.int64).tolist())
    rounding = _disagreement(units) + settlement_rounding(entry, market.time, parameters)
    return InstrumentGrid(
        id=name,
        underlying=grid.symbol,
        mark=int(np.rint(valued.mark * PPM / (FEED_UNITS * entry.lot_scale))),
        values=units,
        gap_charge=int(np.ceil(valued.gap * per_lot)) + rounding,
        wide_gap_charge=0,
        closing_charge=closing_charge(entry, grid.price, grid.nodes[-1], market, parameters),
        short_minimum=short_minimum(entry, grid.nodes[-1], parameters),
        funding=0,
        beyond=outside,
        carry=valued_carry(entry, market),
        carries=covered_carry(entry, market, parameters),
        levels=levels_of(entry, market, parameters),
    )


def _over(entry: Curved, grid: UnderlyingGrid, parameters: MarketParameters, market: MarketState) -> InstrumentGrid:
    """An out whose barrier was crossed: worth nothing at any node and level."""
    levels = levels_of(entry, market, parameters)
    values = (0,) * (len(grid.nodes) * len(levels))
    gap = _disagreement(values) + settlement_rounding(entry, market.time, parameters)
    return InstrumentGrid(
        id=entry.id,
        underlying=grid.symbol,
        mark=0,
        values=values,
        gap_charge=gap,
        wide_gap_charge=0,
        closing_charge=0,
        short_minimum=0,
        funding=0,
        beyond=nothing_beyond(entry, len(levels)),
        carries=covered_carry(entry, market, parameters),
        levels=levels,
    )


def _disagreement(values: Sequence[int]) -> int:
    """What rounding to units, and the latitude of `check_grid`, can take from a chord."""
    return 3 + max(values) // RELATIVE_TOLERANCE
