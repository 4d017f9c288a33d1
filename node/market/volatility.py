"""Realised volatility as ledger integers: a fast and a slow exponential average, a stressed floor, a slow
descent.

An average with memory T takes a return r over s seconds as

    variance' = (variance · T + r² · year) / (T + s)

which is the exponentially weighted average with decay T/(T+s), exact for irregular spacing and free of
division by s. The volatility in force is the largest of fast, slow and floor; it rises at once, and falls by
no more than a stated step a day, so that margins do not drop in a pause between two waves of a crash.
"""

from dataclasses import dataclass
from math import isqrt

from node.market.errors import InvalidInput
from node.market.instruments import PPM
from node.market.parameters import DAY_SECONDS, YEAR_SECONDS, MarketParameters


@dataclass(frozen=True, slots=True)
class VolatilityState:
    """Annualised variances (ppm²), volatility in force (ppm), descent not yet used (ppm · seconds)."""

    fast: int
    slow: int
    sigma_ppm: int
    descent: int


def initial_volatility(parameters: MarketParameters) -> VolatilityState:
    """The state before the first price."""
    variance = parameters.volatility_start_ppm**2
    return VolatilityState(variance, variance, parameters.volatility_start_ppm, 0)


def update(
    state: VolatilityState, price_before: int, price_now: int, seconds: int, parameters: MarketParameters
) -> VolatilityState:
    """The state after the price moved from `price_before` to `price_now` (feed units) within `seconds` ≥ 0.

    Raises:
        InvalidInput: a price that is not positive, or time running backwards.
    """
    for name, price in (("price_before", price_before), ("price_now", price_now)):
        if price <= 0:
            raise InvalidInput("volatility", name, str(price))
    if seconds < 0:
        raise InvalidInput("volatility", "seconds", str(seconds))
    move = abs(price_now - price_before) * PPM // price_before
    surge = move * move * YEAR_SECONDS
    most = parameters.volatility_ceiling_ppm**2
    fast, slow = (
        min((variance * memory + surge) // (memory + seconds), most)
        for variance, memory in (
            (state.fast, parameters.volatility_fast_seconds),
            (state.slow, parameters.volatility_slow_seconds),
        )
    )
    target = max(isqrt(fast), isqrt(slow), parameters.volatility_floor_ppm)
    budget = state.descent + parameters.volatility_fall_ppm_per_day * seconds
    allowed, descent = divmod(budget, DAY_SECONDS)
    if target >= state.sigma_ppm - allowed:
        return VolatilityState(fast, slow, target, 0)
    return VolatilityState(fast, slow, state.sigma_ppm - allowed, descent)
