"""At which volatilities an option is valued: that of its strike, and how far it is moved down and up.

The volatility in force is the implied one of the strike where the surface in force has a slice for the expiry, and the
underlying's realised one elsewhere. A strike keeps its volatility while the spot price moves (sticky strike). A
multiple m of it stands for 1 + (m − 1)·s, where s grows as expiry comes near, as implied volatilities move:

    s = clamp((30 days / τ)^¼, floor, cap)

and an old surface moves both outward by its widening w: down · 1/(1 + w), up · (1 + w). Integers throughout (ppm).
"""

from dataclasses import dataclass
from math import isqrt
from typing import Final

from node.market.instruments import PPM, Curved
from node.market.parameters import MarketParameters
from node.market.state import MarketState
from node.market.surface import implied_ppm, widening_ppm

_FOURTH: Final = PPM**4


@dataclass(frozen=True, slots=True)
class VolatilityRange:
    """Both bounds included, ppm."""

    low: int
    high: int


def volatility_ppm(option: Curved, market: MarketState) -> int:
    """The volatility in force for an option. Raises MissingFeed."""
    surface = market.surface(option.underlying)
    entry = None if surface is None else surface.slice_of(option.expiry)
    if surface is None or entry is None:
        return market.sigma_ppm(option.underlying)
    return implied_ppm(surface, entry, option.strike)


def levels_of(option: Curved, market: MarketState, parameters: MarketParameters) -> tuple[int, int, int]:
    """Down, mid and up: where the grid values an option. Raises MissingFeed."""
    sigma = volatility_ppm(option, market)
    reach = _shocked(option, sigma, parameters.level_down_ppm, parameters.level_up_ppm, market, parameters)
    return reach.low, sigma, reach.high


def maintenance_levels(option: Curved, market: MarketState, parameters: MarketParameters) -> VolatilityRange:
    """What a proof's levels must hold for as long as it is to count. Raises MissingFeed."""
    down, up = parameters.maintenance_level_down_ppm, parameters.maintenance_level_up_ppm
    return _shocked(option, volatility_ppm(option, market), down, up, market, parameters)


def _shocked(
    option: Curved, sigma: int, down: int, up: int, market: MarketState, parameters: MarketParameters
) -> VolatilityRange:
    scale = level_scale_ppm(option.expiry - market.time, parameters)
    wider = PPM + _widening(option, market, parameters)
    low = sigma * (PPM * PPM - (PPM - down) * scale) // (PPM * wider)
    high = -(-sigma * (PPM * PPM + (up - PPM) * scale) * wider // PPM**3)
    return VolatilityRange(max(low, 1), high)


def _widening(option: Curved, market: MarketState, parameters: MarketParameters) -> int:
    """Of the surface in force where it quotes the option's expiry, at most 1; 0 elsewhere."""
    surface = market.surface(option.underlying)
    if surface is None or surface.slice_of(option.expiry) is None:
        return 0
    return min(widening_ppm(surface, market.time, parameters.surface_widening_ppm_per_day), PPM)


def level_scale_ppm(seconds: int, parameters: MarketParameters) -> int:
    """s at `seconds` to expiry, ppm; the fourth root rounded down."""
    root = isqrt(isqrt(parameters.level_reference_seconds * _FOURTH // max(seconds, 1)))
    return min(max(root, parameters.level_scale_floor_ppm), parameters.level_scale_cap_ppm)
