"""What margin rows know beside the window: dampened tails, the near range of a correlated pair, skew and basis by
expiry, and the stated depth of markets.

Prices and linear values are exact integers. Options are valued in floating point like everything in `grid`, at the
price and volatility in force; tails at every volatility level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from node.market.charges import slippage
from node.market.curved import after_crossing
from node.market.exotic_valuation import barrier_book, digital_book
from node.market.instruments import (
    PPM,
    ROW_UNITS_PER_FEED_UNIT,
    Barrier,
    CollateralAsset,
    Curved,
    Digital,
    Future,
    Option,
    Perpetual,
)
from node.market.parameters import BASIS_POINTS, SKEW_REACH, YEAR_SECONDS, MarketParameters
from node.market.state import MarketState
from node.market.valuation import LEAST_DEVIATION, Floats, black, option_sign, years_to
from node.market.widths import PriceRange, price_range

_ROW_UNITS_PER_USD = 10**9


@dataclass(frozen=True, slots=True)
class DepthCharge:
    """Where the slippage of all positions on an underlying exceeds `threshold` row units, what exceeds it counts
    `extra` times more."""

    threshold: int
    extra: int


@dataclass(frozen=True, slots=True)
class Contingencies:
    """One instrument, or one asset, outside the window; row units per lot (an asset: per ledger unit).

    Attributes:
        expiry: unix seconds; 0 where there is none.
        tails: values at the two tail prices, of an option level by level.
        near: linear: values at the ends of the near range.
        skew: options: what a steeper and a flatter smile of this expiry add to the mark.
        basis: dated: what a forward higher and lower by the basis shock adds to the mark.
        slippage: the first step of the closing charge, which depth multiplies.
    """

    expiry: int
    tails: tuple[int, ...]
    near: tuple[int, ...]
    skew: tuple[int, ...]
    basis: tuple[int, ...]
    slippage: int


def tail_range(price: int, width_ppm: int, parameters: MarketParameters) -> PriceRange:
    """The tail prices: `tail_multiple_ppm` of the initial width away, and no lower than a stated part of the price."""
    away = -(-width_ppm * parameters.tail_multiple_ppm // PPM)
    low = max(PPM - away, parameters.tail_floor_ppm)
    return PriceRange(price * low // PPM, -(-price * (PPM + away) // PPM))


def near_range(price: int, width_ppm: int, parameters: MarketParameters) -> PriceRange:
    """How far one of a correlated pair may go one way while the other goes further the other way."""
    return price_range(price, -(-width_ppm * parameters.near_ppm // PPM))


def depth_charges(symbol: str, parameters: MarketParameters) -> tuple[DepthCharge, ...]:
    """The stated depth of an underlying as slippage. Raises MissingFeed."""
    return tuple(
        DepthCharge(step.notional_usd * _ROW_UNITS_PER_USD * parameters.closing_charge_bps // BASIS_POINTS, step.extra)
        for step in parameters.underlying(symbol).depth
    )


def basis_ppm(expiry: int, time: int, parameters: MarketParameters) -> int:
    """How far the forward of an expiry may move against the spot price: more, the later it is; at most half."""
    seconds = max(expiry - time, 0)
    return min(parameters.basis_shock_ppm + parameters.basis_shock_ppm_per_year * seconds // YEAR_SECONDS, PPM // 2)


@dataclass(frozen=True, slots=True)
class Beyond:
    """The prices outside an underlying's window, and the window's upper edge, in feed units."""

    tails: PriceRange
    near: PriceRange
    high: int


def linear_contingencies(
    entry: Perpetual | Future, beyond: Beyond, market: MarketState, parameters: MarketParameters
) -> Contingencies:
    """Of what is worth the price itself: to the nearest unit, the basis rounded away from zero."""
    lots = entry.lot_scale
    expiry, basis = 0, tuple[int, ...]()
    if isinstance(entry, Future):
        expiry = entry.expiry
        shock = market.price(entry.underlying) * ROW_UNITS_PER_FEED_UNIT * basis_ppm(expiry, market.time, parameters)
        moved = -(-shock // (PPM * lots))
        basis = (moved, -moved)
    return Contingencies(
        expiry=expiry,
        tails=tuple((at * ROW_UNITS_PER_FEED_UNIT + lots // 2) // lots for at in (beyond.tails.low, beyond.tails.high)),
        near=tuple((at * ROW_UNITS_PER_FEED_UNIT + lots // 2) // lots for at in (beyond.near.low, beyond.near.high)),
        skew=(),
        basis=basis,
        slippage=slippage(entry, beyond.high, market, parameters),
    )


def collateral_contingencies(asset: CollateralAsset, beyond: Beyond) -> Contingencies:
    """After the haircut, rounded down."""
    kept = ROW_UNITS_PER_FEED_UNIT * (PPM - asset.haircut_ppm)
    whole = PPM * asset.unit_scale
    return Contingencies(
        expiry=0,
        tails=tuple(at * kept // whole for at in (beyond.tails.low, beyond.tails.high)),
        near=tuple(at * kept // whole for at in (beyond.near.low, beyond.near.high)),
        skew=(),
        basis=(),
        slippage=0,
    )


def curved_contingencies(
    options: Sequence[Curved],
    beyond: Beyond,
    levels: Sequence[int],
    market: MarketState,
    parameters: MarketParameters,
) -> dict[str, Contingencies]:
    """Of options on one underlying at the `levels` (ppm) of its grid, by id; values to the nearest unit."""
    current = {
        entry.id: entry if market.knocked_in_round(entry.id) is None else after_crossing(entry) for entry in options
    }
    living = {entry.id: entry for entry in current.values() if entry is not None}
    valued: dict[str, _Valued] = {}
    for kind in (Option, Digital, Barrier):
        of_kind = [entry for entry in living.values() if isinstance(entry, kind)]
        if of_kind:
            valued |= _values(of_kind, beyond, levels, market, parameters)
    nothing = _Valued((0,) * (2 * len(levels)), (0, 0), (0, 0))
    made = {}
    for entry in options:
        now = current[entry.id]
        found = nothing if now is None else valued[now.id]
        cost = 0 if now is None else slippage(now, beyond.high, market, parameters)
        made[entry.id] = Contingencies(entry.expiry, found.tails, (), found.skew, found.basis, cost)
    return made


@dataclass(frozen=True, slots=True)
class _Valued:
    tails: tuple[int, ...]
    skew: tuple[int, int]
    basis: tuple[int, int]


def _values(
    options: Sequence[Curved],
    beyond: Beyond,
    levels: Sequence[int],
    market: MarketState,
    parameters: MarketParameters,
) -> dict[str, _Valued]:
    """Options of one kind; arrays of shape (options, 1, scenarios)."""
    symbol = options[0].underlying
    price, sigma = float(market.price(symbol)), market.sigma_ppm(symbol) / PPM
    root = np.sqrt(np.array([years_to(entry.expiry, market.time) for entry in options])).reshape(-1, 1, 1)
    value = _formula(options)
    mark = value(np.full((1, 1, 1), price), sigma * root)
    tails = [
        value(np.full((1, 1, 1), float(at)), np.array(levels, dtype=np.float64) / PPM * root)
        for at in (beyond.tails.low, beyond.tails.high)
    ]
    away = np.clip(_moneyness(options, price) / np.maximum(sigma * root, LEAST_DEVIATION), -SKEW_REACH, SKEW_REACH)
    tilt = 1 + np.array([1.0, -1.0]) * parameters.skew_shock_ppm / PPM * away
    skew = value(np.full((1, 1, 1), price), sigma * root * tilt) - mark
    shocks = np.array([basis_ppm(entry.expiry, market.time, parameters) / PPM for entry in options]).reshape(-1, 1, 1)
    basis = value(price * (1 + np.array([1.0, -1.0]) * shocks), sigma * root) - mark
    made = {}
    for place, entry in enumerate(options):
        per_lot = ROW_UNITS_PER_FEED_UNIT / entry.lot_scale
        tail, tilted, moved = (
            tuple(np.rint(found[place].ravel() * per_lot).astype(np.int64).tolist())
            for found in (np.concatenate(tails, axis=2), skew, basis)
        )
        made[entry.id] = _Valued(tail, tilted, moved)
    return made


def _moneyness(options: Sequence[Curved], price: float) -> Floats:
    strikes = np.array([float(entry.strike) for entry in options]).reshape(-1, 1, 1)
    return np.asarray(np.log(strikes / price))


def _formula(options: Sequence[Curved]) -> Callable[[Floats, Floats], Floats]:
    """Value by price and deviation of options of one kind."""
    if isinstance(options[0], Digital):
        return digital_book([entry for entry in options if isinstance(entry, Digital)]).values
    if isinstance(options[0], Barrier):
        return barrier_book([entry for entry in options if isinstance(entry, Barrier)]).values
    strikes = np.array([float(entry.strike) for entry in options]).reshape(-1, 1, 1)
    signs = np.array([option_sign(entry) for entry in options]).reshape(-1, 1, 1)
    return lambda price, deviation: black(price, strikes, deviation, signs)
