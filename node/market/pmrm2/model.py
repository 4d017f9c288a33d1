"""What PMRM_2 margins, and by which public figures: parameters, feeds, an account.

Prices and amounts are floats in USD and whole coins, as in Derive's published cases; rates, volatilities, haircuts
and confidences are fractions, times to expiry whole seconds.
"""

from dataclasses import dataclass
from enum import Enum


class VolatilityShock(Enum):
    """What a scenario does to the volatility surface; the values are the words of Derive's cases."""

    NONE = "None"
    UP = "Up"
    DOWN = "Down"
    LINEAR_SKEW = "LINEAR"
    """Raises volatility above the forward and lowers it below, by the logarithm of strike over forward."""
    ABSOLUTE_SKEW = "ABS"
    """Raises volatility on both sides of the forward."""

    @property
    def is_skew(self) -> bool:
        """Whether the scenario turns the surface; every expiry then counts with its loss, whichever way it turns."""
        return self in (VolatilityShock.LINEAR_SKEW, VolatilityShock.ABSOLUTE_SKEW)


@dataclass(frozen=True, slots=True)
class ScenarioRule:
    """Prices times `price_factor`, volatilities as `shock` says, and `dampening` of the resulting profit counts."""

    price_factor: float
    shock: VolatilityShock
    dampening: float


@dataclass(frozen=True, slots=True)
class VolatilityRule:
    """1 ± range·(30 days / max(time, floor))^power; shocked up, a volatility is at least `least_shocked_up`."""

    range_up: float
    range_down: float
    least_shocked_up: float
    short_power: float
    """Up to 30 days."""
    long_power: float
    """Beyond 30 days."""
    floor_days: float


@dataclass(frozen=True, slots=True)
class SkewRule:
    """By what a skew multiplies volatilities: 1 + cap·k/k*, within 1 ± cap, where with τ years to expiry

    cap = base_cap + cap_slope·√τ          k* = max(least_width, width_scale·√τ·(width_static + width_slope·√τ))
    """

    linear_base_cap: float
    linear_cap_slope: float
    absolute_base_cap: float
    absolute_cap_slope: float
    least_width: float
    width_scale: float
    width_static: float
    width_slope: float


@dataclass(frozen=True, slots=True)
class DiscountRule:
    """A shocked discount: `base`·exp(∓τ·(rate·`rate_factor` + `rate_add`))."""

    base: float
    rate_factor: float
    rate_add: float


@dataclass(frozen=True, slots=True)
class BasisRule:
    """Per expiry, the loss at `up` or `down` times the spot price, times `add` + `per_year`·τ."""

    up: float
    down: float
    add: float
    per_year: float


@dataclass(frozen=True, slots=True)
class ContingencyRule:
    """Charges by notional at the spot price, for low confidence, and for a stablecoin below its peg.

    The `initial` charges come on top of the `maintenance` ones.
    """

    peg_threshold: float
    peg_factor: float
    confidence_threshold: float
    confidence_factor: float
    perp_maintenance: float
    perp_initial: float
    option_maintenance: float
    option_initial: float


@dataclass(frozen=True, slots=True)
class Pmrm2Parameters:
    """The whole parameter set of one market."""

    scenarios: tuple[ScenarioRule, ...]
    volatility: VolatilityRule
    skew: SkewRule
    maintenance_factor: float
    initial_factor: float
    long_discount: DiscountRule
    short_discount: DiscountRule
    basis: BasisRule
    contingencies: ContingencyRule


@dataclass(frozen=True, slots=True)
class ExpiryFeed:
    """What is quoted for one expiry, `seconds` from now (0 or less: it has expired)."""

    seconds: int
    forward: float
    forward_confidence: float
    rate: float
    rate_confidence: float
    volatility_confidence: float


@dataclass(frozen=True, slots=True)
class OptionHolding:
    """A signed amount of one European option; `expiry` counts in the account's feeds."""

    expiry: int
    strike: float
    is_call: bool
    volatility: float
    amount: float


@dataclass(frozen=True, slots=True)
class CollateralHolding:
    """Collateral of one asset; where it `cancels_risk`, scenarios move its value with the price."""

    name: str
    amount: float
    price: float
    confidence: float
    cancels_risk: bool
    maintenance_haircut: float
    initial_haircut: float
    """On top of the maintenance haircut."""


@dataclass(frozen=True, slots=True)
class PerpHolding:
    """A signed number of perpetuals, and what is owed on them: unrealised profit and funding, in USD."""

    amount: float
    price: float
    confidence: float
    owed: float


@dataclass(frozen=True, slots=True)
class Account:
    """Everything one account holds, with the prices it is held at."""

    cash: float
    spot: float
    spot_confidence: float
    stable_price: float
    perp: PerpHolding
    feeds: tuple[ExpiryFeed, ...]
    options: tuple[OptionHolding, ...]
    collateral: tuple[CollateralHolding, ...]

    @property
    def confidence(self) -> float:
        """In the price of everything but collateral: the perpetual's counts where one is held."""
        return min(self.spot_confidence, self.perp.confidence) if self.perp.amount else self.spot_confidence
