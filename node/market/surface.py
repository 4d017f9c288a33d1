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

Both conditions are sufficient, not necessary, and comparisons of integers: every machine refuses the same surfaces.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from node.market.errors import InvalidInput, MarketError, SurfaceArbitrage
from node.market.instruments import MAXIMUM_PRICE, PPM
from node.market.parameters import DAY_SECONDS
from node.market.valuation import Floats, Numeric, years_to

_STEEPEST: Final = 2 * PPM
_WIDENING_PPM_PER_DAY: Final = 250_000
"""How fast the levels around an old surface move apart: as fast as volatility may fall."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The smile of one expiry: forward in feed units; wings p (calls) and q (puts) and bend t in ppm."""

    expiry: int
    forward: int
    call_wing: int
    put_wing: int
    bend: int


@dataclass(frozen=True, slots=True)
class Surface:
    """The slices of one underlying as of `time`, by expiry."""

    underlying: str
    time: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The surface in force, and why the last one offered is not it; None if it is."""

    surface: Surface | None
    refusal: MarketError | None


def check_surface(surface: Surface) -> None:
    """Accepts a surface without butterfly or calendar arbitrage.

    Raises:
        InvalidInput: no slice, or a figure that cannot be, named by underlying and expiry.
        SurfaceArbitrage: a condition that does not hold.
    """
    if not surface.slices:
        raise InvalidInput(surface.underlying, "slices", "none")
    latest = surface.time
    for entry in surface.slices:
        _check_figures(surface.underlying, entry)
        if entry.expiry <= latest:
            raise InvalidInput(surface.underlying, "expiry", f"{entry.expiry} after {latest}")
        latest = entry.expiry
        steepest = max(entry.call_wing, entry.put_wing)
        if steepest >= _STEEPEST or steepest > 2 * entry.bend:
            raise SurfaceArbitrage(surface.underlying, entry.expiry, "butterfly", "a wing is too steep for its bend")
    for before, after in pairwise(surface.slices):
        for name in ("call_wing", "put_wing", "bend"):
            if getattr(after, name) < getattr(before, name):
                raise SurfaceArbitrage(surface.underlying, after.expiry, "calendar", f"{name} falls")


def _check_figures(underlying: str, entry: Slice) -> None:
    if not 0 < entry.forward < MAXIMUM_PRICE:
        raise InvalidInput(underlying, f"forward of {entry.expiry}", str(entry.forward))
    for name in ("call_wing", "put_wing", "bend"):
        if getattr(entry, name) <= 0:
            raise InvalidInput(underlying, f"{name} of {entry.expiry}", str(getattr(entry, name)))


def offer(before: Surface | None, offered: Surface) -> Standing:
    """The surface in force after another was offered: that one, or if it is refused or older, the one before."""
    try:
        check_surface(offered)
        if before is not None and offered.time < before.time:
            raise InvalidInput(offered.underlying, "time", f"{offered.time} before {before.time}")
    except MarketError as refusal:
        return Standing(before, refusal)
    return Standing(offered, None)


def total_variance(entry: Slice, strike: Numeric) -> Floats:
    """w at strikes (feed units): the variance of the logarithm from the surface's time to the slice's expiry."""
    k = np.log(np.asarray(strike, dtype=np.float64) / entry.forward)
    p, q, t = entry.call_wing / PPM, entry.put_wing / PPM, entry.bend / PPM
    linear = (p - q) * k + (p + q) * t
    root = np.hypot(linear, 2 * np.sqrt(p * q) * k)
    # The two forms are the same; each is free of cancellation on its side.
    return np.asarray(np.where(linear >= 0, (linear + root) / 2, 2 * p * q * k**2 / (root - np.minimum(linear, 0.0))))


def implied_volatility(surface: Surface, entry: Slice, strike: Numeric) -> Floats:
    """Black's volatility at strikes (feed units), a fraction per year."""
    return np.asarray(np.sqrt(total_variance(entry, strike) / years_to(entry.expiry, surface.time)))


def widening_ppm(surface: Surface, time: int) -> int:
    """By how much levels around a surface that is still in force at `time` move apart. Raises InvalidInput."""
    if time < surface.time:
        raise InvalidInput(surface.underlying, "time", f"{time} before {surface.time}")
    return -(-_WIDENING_PPM_PER_DAY * (time - surface.time) // DAY_SECONDS)
