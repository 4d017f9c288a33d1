"""What an expiry's forward is worth in spot prices: quoted with the surface, and shrinking to nothing at expiry.

The forward of an expiry is spot · (1 + carry). The carry is the surface's basis for that expiry, in proportion to the
time that is left of what was left when it was quoted; 0 without a slice, and at expiry, where A is an average of spot
prices. It stays while the spot price moves, so that a node of the grid, a spot price, has one forward per expiry.

A proof is made at one carry and has to stand for others: as it shrinks until the proof is too old, and as new surfaces
come. `covered_carry` is the range that its closing charges pay for; beyond it the window lapses.

Barrier options are valued at forward = spot, since their barrier is on the spot price; the charge pays for the
difference. With M the driftless martingale from 1, and c the carry: the payoff is the one at S·(1 + c)·M. The price on
the way lies between S·M and S·(1 + c)·M, hence so does what decides about a crossing. So the value lies between that of
a start at S·(1 + c), and the one with the crossing decided from S and the payoff from S·(1 + c). The first differs from
the value at S as a move of the price by c makes it, the second by no more than c·S; `charges._response` is no less than
either.
"""

from dataclasses import dataclass
from typing import Final

from node.market.instruments import PPM, Barrier, Dated, Digital, Instrument, Perpetual
from node.market.parameters import MarketParameters
from node.market.state import MarketState
from node.market.surface import PPB

_PPB_PER_PPM: Final = PPB // PPM


@dataclass(frozen=True, slots=True)
class CarryRange:
    """Forward over spot less 1, parts per billion, both bounds included."""

    low: int
    high: int

    def contains(self, carry: int) -> bool:
        """Whether a carry lies in this range."""
        return self.low <= carry <= self.high


NO_CARRY: Final = CarryRange(0, 0)


def carry_ppb(instrument: Dated, market: MarketState) -> int:
    """Forward over spot less 1 for the instrument's expiry, parts per billion; rounded down."""
    surface = market.surface(instrument.underlying)
    entry = None if surface is None else surface.slice_of(instrument.expiry)
    if surface is None or entry is None:
        return 0
    left = max(instrument.expiry - market.time, 0)
    return entry.basis_ppb * left // (instrument.expiry - surface.time)


def valued_carry(instrument: Instrument, market: MarketState) -> int:
    """The carry at which the grid values an instrument."""
    if isinstance(instrument, Perpetual | Barrier):
        return 0
    return carry_ppb(instrument, market)


def covered_carry(instrument: Instrument, market: MarketState, parameters: MarketParameters) -> CarryRange:
    """The carries that a proof made now stands for; only 0 where no forward is quoted."""
    if isinstance(instrument, Perpetual):
        return NO_CARRY
    surface = market.surface(instrument.underlying)
    if surface is None or surface.slice_of(instrument.expiry) is None:
        return NO_CARRY
    now, left = carry_ppb(instrument, market), max(instrument.expiry - market.time, 1)
    later = now * max(left - parameters.max_proof_age_seconds, 0) // left
    tolerance = parameters.carry_tolerance_ppm * _PPB_PER_PPM
    return CarryRange(min(now, later) - tolerance, max(now, later) + tolerance)


def carry_move_ppm(instrument: Instrument, market: MarketState, parameters: MarketParameters) -> int:
    """How far the covered carries are from the one in the values, as a move of the price, ppm, rounded up.

    0 for a digital whose averaging may begin before a proof made now is too old: its gap charge is the payout then,
    which holds at whatever forward.
    """
    if isinstance(instrument, Digital):
        begins = instrument.expiry - parameters.settlement_average_seconds
        if begins <= market.time + parameters.max_proof_age_seconds:
            return 0
    covered, valued = covered_carry(instrument, market, parameters), valued_carry(instrument, market)
    furthest = max(covered.high - valued, valued - covered.low)
    # Over the least forward, so that the move is none the less one of the logarithm.
    return -(-furthest * PPM // (PPB + min(covered.low, valued, 0)))
