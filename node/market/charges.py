"""Charges of the margin rows that grow with |quantity|: closing, the oracle's uncertainty, funding, short
options.

All are exact integers in row units (1e-9 USD) per lot, rounded up.
"""

from math import isqrt
from typing import Final

from node.market.forwards import carry_move_ppm
from node.market.instruments import (
    FEED_UNITS,
    PPM,
    ROW_UNITS_PER_FEED_UNIT,
    Barrier,
    Curved,
    Digital,
    Instrument,
    OptionKind,
    Perpetual,
)
from node.market.levels import levels_of
from node.market.parameters import BASIS_POINTS, YEAR_SECONDS, MarketParameters
from node.market.state import MarketState

ROW_UNITS_PER_MICRO_USD: Final = 1000
_NORMAL_PEAK_PPM: Final = 398_943
"""1/√(2π), the peak of the normal density, rounded up."""
_AVERAGING_QUANTILE_PPM: Final = 3_000_000


def closing_charge(
    instrument: Instrument, price: int, high: int, market: MarketState, parameters: MarketParameters
) -> int:
    """What closing one lot costs anywhere in the window, per |lot|.

    Slippage at the window's upper edge `high`, and how far forwards may move there before a lapse; the oracle's
    confidence, what the settlement's average may differ from the spot price, and how far the settlement token has lost
    its peg, of the current `price`; and for a perpetual φ, what funding may move before a lapse. A move of the price
    counts at the largest rate at which the instrument can follow it.
    """
    contingency = market.underlying(instrument.underlying).confidence_ppm
    contingency += averaging_ppm(instrument, market, parameters) + depeg_ppm(market, parameters)
    least = _least_deviation(instrument, market, parameters, market.time)
    charge = slippage(instrument, high, market, parameters)
    charge += _row_units(_response(instrument, price, contingency, least), PPM, instrument.lot_scale)
    if carry := carry_move_ppm(instrument, market, parameters):
        last = _least_deviation(instrument, market, parameters, market.time + parameters.max_proof_age_seconds)
        charge += _row_units(_response(instrument, high, carry, last), PPM, instrument.lot_scale)
    if isinstance(instrument, Perpetual):
        tolerance = parameters.underlying(instrument.underlying).funding_tolerance
        charge += tolerance * ROW_UNITS_PER_MICRO_USD
    return charge


def slippage(instrument: Instrument, high: int, market: MarketState, parameters: MarketParameters) -> int:
    """The cost of the market order that closes one lot within the market's first depth: basis points of the price at
    the window's upper edge `high`, at the largest rate at which the instrument can follow it."""
    portion = parameters.closing_charge_bps * PPM // BASIS_POINTS
    least = _least_deviation(instrument, market, parameters, market.time)
    return _row_units(_response(instrument, high, portion, least), PPM, instrument.lot_scale)


def depeg_ppm(market: MarketState, parameters: MarketParameters) -> int:
    """What the loss of the settlement token's peg adds to the uncertainty of every price, as ppm, at most the whole.

    A multiple of what the token is worth below the threshold: gains and losses are counted in dollars and paid in it.
    """
    if not parameters.stablecoin:
        return 0
    worth = market.price(parameters.stablecoin) * PPM // FEED_UNITS
    lost = max(parameters.depeg_threshold_ppm - worth, 0)
    return min(-(-lost * parameters.depeg_multiple_ppm // PPM), PPM)


def averaging_ppm(instrument: Instrument, market: MarketState, parameters: MarketParameters) -> int:
    """How far the average that settles an instrument may lie from the spot price: 3·σ·√(seconds/3), as ppm.

    That is three standard deviations of an average over the last seconds before expiry against their end. Due only
    where averaging may begin before a proof made now is too old.
    """
    seconds = parameters.settlement_average_seconds
    if isinstance(instrument, Perpetual):
        return 0
    if instrument.expiry - seconds > market.time + parameters.max_proof_age_seconds:
        return 0
    root_ppm = isqrt(seconds * PPM * PPM // (3 * YEAR_SECONDS)) + 1
    sigma = market.sigma_ppm(instrument.underlying)
    return min(-(-_AVERAGING_QUANTILE_PPM * sigma * root_ppm // PPM**2), PPM)


def short_minimum(option: Curved, high: int, parameters: MarketParameters) -> int:
    """The least margin of one option sold, whatever hedges it: even, since rows charge m/2 · (a − q).

    A portion of the underlying's price at the window's upper edge; of a digital, of its payout.
    """
    whole = option.payout if isinstance(option, Digital) else high
    minimum = _row_units(whole * parameters.short_option_minimum_ppm, PPM, option.lot_scale)
    return minimum + minimum % 2


def settlement_rounding(instrument: Instrument, time: int, parameters: MarketParameters) -> int:
    """Settlement pays whole µUSD, rounded down: up to 1000 row units a lot that no value in the rows shows.

    Due only where the expiry may come before a proof made at `time` is too old.
    """
    if isinstance(instrument, Perpetual) or instrument.expiry > time + parameters.max_proof_age_seconds:
        return 0
    return ROW_UNITS_PER_MICRO_USD


def _least_deviation(instrument: Instrument, market: MarketState, parameters: MarketParameters, time: int) -> int:
    """v·√τ at the lowest level and `time`, ppm, rounded down."""
    if not isinstance(instrument, Curved):
        return 0
    level = levels_of(instrument, market, parameters)[0]
    return level * isqrt(max(instrument.expiry - time, 0) * PPM * PPM // YEAR_SECONDS) // PPM


def _response(instrument: Instrument, price: int, move_ppm: int, least: int) -> int:
    """How much a whole unit's value changes at most when `price` moves by `move_ppm`: feed units · ppm.

    Price and plain option: the move itself. Digital: N(d₂) has slope φ(d₂)/s in the logarithm. Barrier option: the
    plain option, the scaled one, and the touch probability, whose slope in the logarithm is between that of −2·φ(d₂)/s
    and S/H (see `exotic_valuation`). No probability moves by more than 1, and no option by more than price and strike.
    """
    match instrument:
        case Digital():
            return instrument.payout * _probability(_NORMAL_PEAK_PPM * move_ppm, least)
        case Barrier():
            return _barrier_response(instrument, price, move_ppm, least)
    return price * move_ppm


def _barrier_response(entry: Barrier, price: int, move_ppm: int, least: int) -> int:
    down = entry.barrier_kind.is_down
    beyond = entry.strike >= entry.barrier if down else entry.strike <= entry.barrier
    response = price * move_ppm
    response += -(-response * entry.strike // entry.barrier) if beyond else response
    if not beyond or (entry.kind is OptionKind.CALL) is not down:
        slope = max(_probability(2 * _NORMAL_PEAK_PPM * move_ppm, least), -(-move_ppm * price // entry.barrier))
        response += abs(entry.strike - entry.barrier) * min(slope, PPM)
    return min(response, (price + entry.strike) * PPM)


def _probability(numerator: int, least: int) -> int:
    """numerator / least in ppm, rounded up, at most 1."""
    return PPM if numerator >= PPM * least else -(-numerator // least)


def _row_units(figure: int, denominator: int, lot_scale: int) -> int:
    """`figure/denominator` in feed units per whole unit, as row units per lot, rounded up."""
    return -(-figure * ROW_UNITS_PER_FEED_UNIT // (denominator * lot_scale))
