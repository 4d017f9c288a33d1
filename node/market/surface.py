"""A forward and a volatility smile per expiry, in integers, and whether together they admit arbitrage.

A slice is an SSVI smile (Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", 2014) in three figures that
make the conditions plain. With k = ln(K/F), their θ, ρ, ψ = θφ become the wings p = ψ(1+ρ)/2 and q = ψ(1−ρ)/2, the
slopes of total variance w far out on the side of calls and of puts, and the bend t = θ/ψ, a distance in k; w is the
positive root of

    w² − w·((p − q)·k + (p + q)·t) − p·q·k² = 0                                                                     (1)

**Butterfly.** Their theorem 4.2, ψ(1+|ρ|) < 4 and ψ²(1+|ρ|) ≤ 4θ, reads max(p, q) < 2 and max(p, q) ≤ 2t.

**Calendar.** w rises with each of p, q, t, so slices whose figures rise from expiry to expiry never cross. For t: (1)
falls in t, and its root rises. For p: the derivative of (1) is −(w·(k + t) + q·k²), negative unless
w > q·k²/(|k| − t) for some k < −t; but at that bound (1) is w·q·t²/(|k| − t) > 0, so the root lies below it. For q the
same with k mirrored.

Both conditions are sufficient, not necessary, and comparisons of integers: every machine refuses the same surfaces. The
volatility of a strike is an integer too. Logarithm and roots are those of `decimal` at a stated precision, which the
General Decimal Arithmetic Specification rounds correctly: the same digits everywhere.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

from node.market.errors import InvalidInput, SurfaceArbitrage
from node.market.instruments import MAXIMUM_PRICE, PPM
from node.market.parameters import YEAR_SECONDS

PPB: Final = 10**9
MOST_SLICES: Final = 32
LEAST_VOLATILITY_PPM: Final = 10_000
MOST_VOLATILITY_PPM: Final = 10_000_000
"""Between 1 % and 1000 %: implied volatilities beyond are taken as these."""
_MOST_BASIS_PPB: Final = PPB // 2
_MOST_BEND: Final = 100 * PPM
_STEEPEST: Final = 2 * PPM
_EXACT: Final = Context(prec=34, rounding=ROUND_HALF_EVEN)
_FIGURES: Final = ("call_wing", "put_wing", "bend")


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry: forward over spot less 1 in parts per billion; wings p (calls) and q (puts) and bend t in ppm."""

    expiry: int
    basis_ppb: int
    call_wing: int
    put_wing: int
    bend: int


@dataclass(frozen=True, slots=True)
class Surface:
    """The slices of one underlying, by expiry, as of `time`, when the spot price was `price` (feed units)."""

    underlying: str
    time: int
    price: int
    slices: tuple[Slice, ...]

    def slice_of(self, expiry: int) -> Slice | None:
        """What is quoted for an expiry, if anything."""
        return next((entry for entry in self.slices if entry.expiry == expiry), None)


def check_surface(surface: Surface) -> None:
    """Accepts a surface without butterfly or calendar arbitrage.

    Raises:
        InvalidInput: no slice or too many, or a figure that cannot be, named by underlying and expiry.
        SurfaceArbitrage: a condition that does not hold.
    """
    if not 0 < surface.price < MAXIMUM_PRICE:
        raise InvalidInput(surface.underlying, "price", str(surface.price))
    if not 0 < len(surface.slices) <= MOST_SLICES:
        raise InvalidInput(surface.underlying, "slices", str(len(surface.slices)))
    latest = surface.time
    for entry in surface.slices:
        check_slice(surface.underlying, entry)
        if entry.expiry <= latest:
            raise InvalidInput(surface.underlying, "expiry", f"{entry.expiry} after {latest}")
        latest = entry.expiry
        steepest = max(entry.call_wing, entry.put_wing)
        if steepest >= _STEEPEST or steepest > 2 * entry.bend:
            raise SurfaceArbitrage(surface.underlying, entry.expiry, "butterfly", "a wing is too steep for its bend")
    for before, after in pairwise(surface.slices):
        for name in _FIGURES:
            if getattr(after, name) < getattr(before, name):
                raise SurfaceArbitrage(surface.underlying, after.expiry, "calendar", f"{name} falls")


def check_slice(underlying: str, entry: Slice) -> None:
    """Raises InvalidInput, naming underlying, figure and expiry, where a figure of a slice cannot be."""
    if abs(entry.basis_ppb) > _MOST_BASIS_PPB:
        raise InvalidInput(underlying, f"basis of {entry.expiry}", str(entry.basis_ppb))
    for name in _FIGURES:
        if not 0 < getattr(entry, name) <= _MOST_BEND:
            raise InvalidInput(underlying, f"{name} of {entry.expiry}", str(getattr(entry, name)))


def implied_ppm(surface: Surface, entry: Slice, strike: int) -> int:
    """Black's volatility at a strike (feed units) at the surface's time, ppm per year, to the nearest."""
    return _implied(entry, surface.price, entry.expiry - surface.time, strike)


@lru_cache(maxsize=1 << 14)
def _implied(entry: Slice, price: int, seconds: int, strike: int) -> int:
    exact = _EXACT
    forward = exact.divide(Decimal(price * (PPB + entry.basis_ppb)), Decimal(PPB))
    k = exact.ln(exact.divide(Decimal(strike), forward))
    million = Decimal(PPM)
    p, q, t = (exact.divide(Decimal(getattr(entry, name)), million) for name in _FIGURES)
    linear = exact.add(exact.multiply(exact.subtract(p, q), k), exact.multiply(exact.add(p, q), t))
    square = exact.multiply(exact.multiply(p, q), exact.multiply(k, k))
    root = exact.sqrt(exact.add(exact.multiply(linear, linear), exact.multiply(Decimal(4), square)))
    if linear >= 0:
        variance = exact.divide(exact.add(linear, root), Decimal(2))
    else:  # the same number, without the cancellation
        variance = exact.divide(exact.multiply(Decimal(2), square), exact.subtract(root, linear))
    yearly = exact.divide(exact.multiply(variance, Decimal(YEAR_SECONDS)), Decimal(seconds))
    volatility = exact.multiply(exact.sqrt(yearly), million)
    nearest = int(volatility.to_integral_value(rounding=ROUND_HALF_EVEN))
    return min(max(nearest, LEAST_VOLATILITY_PPM), MOST_VOLATILITY_PPM)


def widening_ppm(surface: Surface, time: int, ppm_per_day: int) -> int:
    """By how much levels around a surface that is still in force at `time` move apart, rounded up.

    Raises:
        InvalidInput: a time before the surface's.
    """
    if time < surface.time:
        raise InvalidInput(surface.underlying, "time", f"{time} before {surface.time}")
    return -(-ppm_per_day * (time - surface.time) // 86_400)
