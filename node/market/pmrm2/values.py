"""The public side of PMRM_2: what one unit of each option is worth in each scenario, and each expiry's factors.

Black's formula on the shocked forward and volatility, times the market's discount. In the last half hour before its
expiry an option settles at an average: the part of the forward that is already averaged does not move.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from node.market.errors import InvalidParameters
from node.market.parameters import YEAR_SECONDS
from node.market.pmrm2.model import (
    Account,
    DiscountRule,
    ExpiryFeed,
    OptionHolding,
    Pmrm2Parameters,
    ScenarioRule,
    SkewRule,
    VolatilityRule,
    VolatilityShock,
)
from node.market.valuation import Floats, black76

_AVERAGING_SECONDS: Final = 1800
_DAY_SECONDS: Final = 86_400
_SHORT_SECONDS: Final = 30 * _DAY_SECONDS


@dataclass(frozen=True, slots=True)
class ExpiryValues:
    """The options of one expiry: their places in the account, and USD per coin of each.

    `scenarios` has one row per scenario and one column per option; `marked`, `basis_up` and `basis_down` have one entry
    per option. `long_discount` and `short_discount` apply to the expiry's value in a scenario, by its sign.
    """

    options: tuple[int, ...]
    marked: Floats
    scenarios: Floats
    basis_up: Floats
    basis_down: Floats
    basis_factor: float
    long_discount: float
    short_discount: float
    confidence: float


def expiry_values(account: Account, parameters: Pmrm2Parameters) -> tuple[ExpiryValues, ...]:
    """One entry per expiry in which the account holds options, in the order of its feeds.

    Raises:
        InvalidParameters: a skew of no width.
    """
    found = []
    for place, feed in enumerate(account.feeds):
        held = tuple(at for at, option in enumerate(account.options) if option.expiry == place)
        if held:
            found.append(_values(account, parameters, feed, held))
    return tuple(found)


def _values(account: Account, parameters: Pmrm2Parameters, feed: ExpiryFeed, held: tuple[int, ...]) -> ExpiryValues:
    strip = _Strip(feed, [account.options[at] for at in held])
    years = strip.years
    basis = parameters.basis
    long, short = _discounts(parameters, feed)
    quoted = min(feed.forward_confidence, feed.rate_confidence, feed.volatility_confidence)
    return ExpiryValues(
        held,
        strip.value(1.0, strip.volatility),
        np.stack([strip.value(rule.price_factor, strip.shocked(rule, parameters)) for rule in parameters.scenarios]),
        strip.value(basis.up, strip.volatility),
        strip.value(basis.down, strip.volatility),
        basis.add + basis.per_year * years,
        long,
        short,
        min(quoted, account.confidence),
    )


class _Strip:
    """The options of one expiry as arrays."""

    def __init__(self, feed: ExpiryFeed, options: list[OptionHolding]) -> None:
        self._seconds = max(feed.seconds, 0)
        self.years = self._seconds / YEAR_SECONDS
        moving = min(self._seconds, _AVERAGING_SECONDS) / _AVERAGING_SECONDS
        self._moving, self._fixed = feed.forward * moving, feed.forward * (1 - moving)
        self._discount = _market_discount(feed)
        self._strikes = np.array([option.strike for option in options])
        self._signs = np.array([1.0 if option.is_call else -1.0 for option in options])
        self.volatility = np.array([option.volatility for option in options])

    def value(self, price_factor: float, volatility: Floats) -> Floats:
        """USD per coin, at the forward whose moving part is multiplied."""
        forward = self._moving * price_factor + self._fixed
        if forward <= 0:
            return np.asarray(self._discount * np.maximum(self._signs * (forward - self._strikes), 0.0))
        value = black76(forward, self._strikes, volatility, self.years, self._signs)
        return np.asarray(self._discount * value)

    def shocked(self, rule: ScenarioRule, parameters: Pmrm2Parameters) -> Floats:
        """The options' volatilities in a scenario. At expiry there is none left to shock."""
        shock = rule.shock
        if shock is VolatilityShock.NONE or not self._seconds:
            return self.volatility
        if shock.is_skew:
            return self._skewed(parameters.skew, absolute=shock is VolatilityShock.ABSOLUTE_SKEW)
        weight = _time_weight(parameters.volatility, self._seconds)
        if shock is VolatilityShock.UP:
            raised = self.volatility * (1 + parameters.volatility.range_up * weight)
            return np.asarray(np.maximum(raised, parameters.volatility.least_shocked_up))
        return np.asarray(self.volatility * max(0.0, 1 - parameters.volatility.range_down * weight))

    def _skewed(self, rule: SkewRule, *, absolute: bool) -> Floats:
        root = self.years**0.5
        base = rule.absolute_base_cap if absolute else rule.linear_base_cap
        slope = rule.absolute_cap_slope if absolute else rule.linear_cap_slope
        cap = base + slope * root
        width = max(rule.least_width, rule.width_scale * root * (rule.width_static + rule.width_slope * root))
        if width <= 0:
            raise InvalidParameters("skew.least_width", "leaves no width to the skew")
        distance = np.log(self._strikes / (self._moving + self._fixed))
        if absolute:
            distance = np.abs(distance)
        steps = distance * cap / width
        turn = np.where(distance >= 0, np.minimum(cap, steps), np.maximum(-cap, steps))
        return np.asarray(self.volatility * np.maximum(1 + turn, 0.0))


def _time_weight(rule: VolatilityRule, seconds: int) -> float:
    power = rule.short_power if seconds <= _SHORT_SECONDS else rule.long_power
    return float((_SHORT_SECONDS / max(seconds, rule.floor_days * _DAY_SECONDS)) ** power)


def _market_discount(feed: ExpiryFeed) -> float:
    """exp(−r·τ); a negative rate counts as 0."""
    return float(np.exp(-max(feed.rate, 0.0) * max(feed.seconds, 0) / YEAR_SECONDS))


def _discounts(parameters: Pmrm2Parameters, feed: ExpiryFeed) -> tuple[float, float]:
    """For an expiry that is worth something in a scenario, and for one that owes; 1 at expiry.

    What is owed is never discounted up to more than its undiscounted value.
    """
    if feed.seconds <= 0:
        return 1.0, 1.0
    years = feed.seconds / YEAR_SECONDS
    long = parameters.long_discount.base * np.exp(-years * _shocked_rate(parameters.long_discount, feed))
    short = parameters.short_discount.base * np.exp(years * _shocked_rate(parameters.short_discount, feed))
    return float(long), float(min(short, 1 / _market_discount(feed)))


def _shocked_rate(rule: DiscountRule, feed: ExpiryFeed) -> float:
    return max(feed.rate, 0.0) * rule.rate_factor + rule.rate_add
