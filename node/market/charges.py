"""Charges of the margin rows that grow with |quantity|: closing, the oracle's uncertainty, funding, short
options.

All are exact integers in row units (1e-9 USD) per lot, rounded up.
"""

from typing import Final

from node.market.instruments import PPM, ROW_UNITS_PER_FEED_UNIT, Future, Instrument, Option, Perpetual
from node.market.parameters import BASIS_POINTS, MarketParameters
from node.market.state import MarketState

ROW_UNITS_PER_MICRO_USD: Final = 1000


def closing_charge(
    instrument: Instrument, price: int, high: int, market: MarketState, parameters: MarketParameters
) -> int:
    """What closing one lot costs anywhere in the window, per |lot|.

    Slippage in basis points of the underlying's price at the window's upper edge `high`; the oracle's
    confidence, of the current `price` (an option's delta is at most 1); and for a perpetual φ, what funding
    may move before a lapse.
    """
    slippage = _portion(high, parameters.closing_charge_bps, BASIS_POINTS, instrument.lot_scale)
    confidence = market.underlying(instrument.underlying).confidence_ppm
    contingency = _portion(price, confidence, PPM, instrument.lot_scale)
    funding = 0
    if isinstance(instrument, Perpetual):
        tolerance = parameters.underlying(instrument.underlying).funding_tolerance
        funding = tolerance * ROW_UNITS_PER_MICRO_USD
    return slippage + contingency + funding


def short_minimum(option: Option, high: int, parameters: MarketParameters) -> int:
    """The least margin of one option sold, whatever hedges it: even, since rows charge m/2 · (a − q)."""
    minimum = _portion(high, parameters.short_option_minimum_ppm, PPM, option.lot_scale)
    return minimum + minimum % 2


def settlement_rounding(instrument: Instrument, time: int, parameters: MarketParameters) -> int:
    """Settlement pays whole µUSD, rounded down: up to 1000 row units a lot that no value in the rows shows.

    Due only where the expiry may come before a proof made at `time` is too old.
    """
    if isinstance(instrument, Future | Option) and instrument.expiry <= time + parameters.max_proof_age_seconds:
        return ROW_UNITS_PER_MICRO_USD
    return 0


def _portion(price: int, numerator: int, denominator: int, lot_scale: int) -> int:
    """`numerator/denominator` of a price in feed units, as row units per lot, rounded up."""
    return -(-price * ROW_UNITS_PER_FEED_UNIT * numerator // (denominator * lot_scale))
