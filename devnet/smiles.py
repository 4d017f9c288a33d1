"""The forwards and smiles that the devnet quotes: deterministic, from the volatility of the replayed prices.

At the money the implied volatility is the realised one. The rest is stated: a correlation of −0.3, a curvature of 1
(ρ and η of Gatheral and Jacquier's power law φ = η/√θ, which admits no arbitrage at these figures), and forwards that
lie 5 % a year above the spot price.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final

from node.market.parameters import YEAR_SECONDS
from node.market.surface import Slice

BASIS_PPB_PER_YEAR: Final = 50_000_000
_CALL_SHARE: Final = 35
_PUT_SHARE: Final = 65
"""Of a hundred: (1 ± ρ)/2."""
_MOST_DEVIATION: Final = 3_000_000
"""Beyond it the wing of the puts would be steeper than 2: at 400 % that takes half a year."""


def quoted(volatility_ppm: int, time: int, expiries: Sequence[int]) -> tuple[Slice, ...]:
    """The slices of the expiries (unix seconds, ascending) that lie after `time`."""
    return tuple(_slice(volatility_ppm, expiry, expiry - time) for expiry in expiries if expiry > time)


def _slice(volatility_ppm: int, expiry: int, seconds: int) -> Slice:
    deviation = min(max(isqrt(volatility_ppm**2 * seconds // YEAR_SECONDS), 3), _MOST_DEVIATION)
    return Slice(
        expiry=expiry,
        basis_ppb=BASIS_PPB_PER_YEAR * seconds // YEAR_SECONDS,
        call_wing=deviation * _CALL_SHARE // 100,
        put_wing=deviation * _PUT_SHARE // 100,
        bend=deviation,
    )
