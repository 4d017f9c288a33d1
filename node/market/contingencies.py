"""What margin rows know beside the window: dampened tails, the near range of a correlated pair, skew and basis by
expiry, and the stated depth of markets.

Prices and linear values are exact integers. Options are valued in floating point like everything in `grid`, at the
price and volatility in force; tails at every volatility level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from node.market.charges import slippage
from node.market.curved import Quoted
from node.market.errors import InvalidInput
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
from node.market.surface import PPB
from node.market.valuation import LEAST_DEVIATION, Floats, black, option_sign, years_to
from node.market.widths import PriceRange, price_range

_ROW_UNITS_PER_USD: Final = 10**9
_BOTH_WAYS: Final = np.array([1.0, -1.0])


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
    entry: Perpetual | Future, beyond: Beyond, carry: int, market: MarketState, parameters: MarketParameters
) -> Contingencies:
    """Of what is worth the forward, `carry` parts per billion above the price: to the nearest unit, the basis away from
    zero."""
    multiple, unit = ROW_UNITS_PER_FEED_UNIT * (PPB + carry), entry.lot_scale * PPB
    expiry, basis = 0, tuple[int, ...]()
    if isinstance(entry, Future):
        expiry = entry.expiry
        shock = market.price(entry.underlying) * ROW_UNITS_PER_FEED_UNIT * basis_ppm(expiry, market.time, parameters)
        moved = -(-shock // (PPM * entry.lot_scale))
        basis = (moved, -moved)
    return Contingencies(
        expiry=expiry,
        tails=tuple((price * multiple + unit // 2) // unit for price in (beyond.tails.low, beyond.tails.high)),
        near=tuple((price * multiple + unit // 2) // unit for price in (beyond.near.low, beyond.near.high)),
        skew=(),
        basis=basis,
        slippage=slippage(entry, beyond.high, market, parameters),
    )


def collateral_contingencies(asset: CollateralAsset, beyond: Beyond, kept_ppm: int) -> Contingencies:
    """Of the `kept_ppm` of its value that count, rounded down."""
    kept = ROW_UNITS_PER_FEED_UNIT * kept_ppm
    whole = PPM * asset.unit_scale
    return Contingencies(
        expiry=0,
        tails=tuple(price * kept // whole for price in (beyond.tails.low, beyond.tails.high)),
        near=tuple(price * kept // whole for price in (beyond.near.low, beyond.near.high)),
        skew=(),
        basis=(),
        slippage=0,
    )


def nothing_beyond(entry: Curved, levels: int) -> Contingencies:
    """Of an out whose barrier was crossed."""
    return Contingencies(entry.expiry, (0,) * (2 * levels), (), (0, 0), (0, 0), 0)


def curved_contingencies(
    options: Sequence[Quoted], beyond: Beyond, market: MarketState, parameters: MarketParameters
) -> list[Contingencies]:
    """Of living options on one underlying, in their order; values to the nearest unit.

    Raises:
        InvalidInput: a value that is not a number, by instrument.
    """
    made: dict[int, Contingencies] = {}
    for kind in (Option, Digital, Barrier):
        places = [place for place, quoted in enumerate(options) if isinstance(quoted.entry, kind)]
        if places:
            found = _of_kind([options[place] for place in places], beyond, market, parameters)
            made |= zip(places, found, strict=True)
    return [made[place] for place in range(len(options))]


def _of_kind(
    options: Sequence[Quoted], beyond: Beyond, market: MarketState, parameters: MarketParameters
) -> list[Contingencies]:
    """Of one kind; arrays of shape (options, 1, scenarios)."""
    price = float(market.price(options[0].entry.underlying))
    root = np.sqrt(_column([years_to(quoted.entry.expiry, market.time) for quoted in options]))
    deviation = _column([quoted.volatility for quoted in options]) * root
    levels = np.array([quoted.levels for quoted in options], dtype=np.float64)[:, None, :] * root
    value = _formula(options)
    spot = np.full((1, 1, 1), price)
    mark = value(spot, deviation)
    tails = [value(np.full((1, 1, 1), float(at)), levels) for at in (beyond.tails.low, beyond.tails.high)]
    tilt = 1 + _BOTH_WAYS * parameters.skew_shock_ppm / PPM * _moneyness(options, price, deviation)
    shocks = _column([basis_ppm(quoted.entry.expiry, market.time, parameters) / PPM for quoted in options])
    skewed = value(spot, deviation * tilt) - mark
    moved = value(spot * (1 + _BOTH_WAYS * shocks), deviation) - mark
    parts = (np.concatenate(tails, axis=2), skewed, moved)
    made = []
    for place, quoted in enumerate(options):
        entry = quoted.entry
        if not all(np.isfinite(part[place]).all() for part in parts):
            raise InvalidInput(entry.id, "contingencies", "not finite")
        per_lot = ROW_UNITS_PER_FEED_UNIT / entry.lot_scale
        tail, skew, basis = (tuple(np.rint(part[place].ravel() * per_lot).astype(np.int64).tolist()) for part in parts)
        cost = slippage(entry, beyond.high, market, parameters)
        made.append(Contingencies(entry.expiry, tail, (), skew, basis, cost))
    return made


def _column(figures: Sequence[float]) -> Floats:
    return np.array(figures, dtype=np.float64).reshape(-1, 1, 1)


def _moneyness(options: Sequence[Quoted], price: float, deviation: Floats) -> Floats:
    """Standard deviations from the forward to each strike, at most `SKEW_REACH`."""
    ratios = _column([quoted.entry.strike / (price * quoted.forward) for quoted in options])
    return np.clip(np.log(ratios) / np.maximum(deviation, LEAST_DEVIATION), -SKEW_REACH, SKEW_REACH)


def _formula(options: Sequence[Quoted]) -> Callable[[Floats, Floats], Floats]:
    """Value by spot price and deviation of options of one kind, each at its own forward (see `curved`)."""
    forwards = _column([quoted.forward for quoted in options])
    if isinstance(options[0].entry, Digital):
        book = digital_book([quoted.entry for quoted in options if isinstance(quoted.entry, Digital)])
        return replace(book, strike=book.strike / forwards).values
    if isinstance(options[0].entry, Barrier):
        return barrier_book([quoted.entry for quoted in options if isinstance(quoted.entry, Barrier)]).values
    strikes = _column([float(quoted.entry.strike) for quoted in options]) / forwards
    signs = _column([option_sign(quoted.entry) for quoted in options])
    return lambda price, deviation: np.asarray(black(price, strikes, deviation, signs) * forwards)
