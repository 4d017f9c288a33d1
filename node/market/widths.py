"""How far from the current price a margin window reaches, as integer fractions of it (ppm)."""

from dataclasses import dataclass
from math import isqrt

from node.market.errors import InvalidInput
from node.market.instruments import MAXIMUM_PRICE, PPM
from node.market.parameters import YEAR_SECONDS, MarketParameters


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices from `low` to `high`, both included, in feed units."""

    low: int
    high: int

    def contains(self, other: "PriceRange") -> bool:
        """Whether every price of `other` lies in this range."""
        return self.low <= other.low and other.high <= self.high


def maintenance_width(sigma_ppm: int, parameters: MarketParameters, age: int = 0) -> int:
    """clamp(z · σ · √horizon, floor, cap), rounded up; of a price `age` seconds old √((horizon + age)/horizon) times
    that, within the cap.

    The price has had so much longer to move unseen; the floor grows too, since it stands for jumps in the horizon.

    Raises:
        InvalidInput: a negative age.
    """
    if age < 0:
        raise InvalidInput("window", "age", str(age))
    root_ppm = isqrt(parameters.width_horizon_seconds * PPM * PPM // YEAR_SECONDS) + 1
    raw = -(-parameters.width_quantile_ppm * sigma_ppm * root_ppm // (PPM * PPM))
    return min(
        max(parameters.maintenance_floor_ppm, raw) * _growth_ppm(age, parameters) // PPM, parameters.maintenance_cap_ppm
    )


def _growth_ppm(age: int, parameters: MarketParameters) -> int:
    horizon = parameters.width_horizon_seconds
    return PPM if age == 0 else isqrt((horizon + age) * PPM * PPM // horizon) + 1


def initial_width(sigma_ppm: int, parameters: MarketParameters, age: int = 0) -> int:
    """A stated multiple of the maintenance width, capped below 0.6; always the wider of the two. Raises
    InvalidInput."""
    multiple = maintenance_width(sigma_ppm, parameters, age) * parameters.initial_multiple_ppm
    return min(-(-multiple // PPM), parameters.initial_cap_ppm)


def price_range(price: int, width_ppm: int) -> PriceRange:
    """[price · (1 − width), price · (1 + width)], rounded outward. Raises InvalidInput."""
    if not 0 < price < MAXIMUM_PRICE:
        raise InvalidInput("window", "price", str(price))
    return PriceRange(price * (PPM - width_ppm) // PPM, -(-price * (PPM + width_ppm) // PPM))
