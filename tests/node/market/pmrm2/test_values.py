"""Unit values: forwards, volatilities and discounts as each scenario has them."""

import math
from dataclasses import replace

import pytest

from node.market.pmrm2.model import Account, OptionHolding, Pmrm2Parameters, ScenarioRule, VolatilityShock
from node.market.pmrm2.values import expiry_values
from node.market.valuation import black76

CALL = OptionHolding(0, 1_000.0, True, 0.6, 1.0)
DAY = 86_400


def value(account: Account, parameters: Pmrm2Parameters, rule: ScenarioRule, option: OptionHolding = CALL) -> float:
    held = replace(account, options=(option,))
    (found,) = expiry_values(held, replace(parameters, scenarios=(rule,)))
    return float(found.scenarios[0, 0])


def expected(account: Account, forward: float, volatility: float, strike: float = 1_000.0) -> float:
    feed = account.feeds[0]
    years = feed.seconds / (365 * DAY)
    return math.exp(-max(feed.rate, 0.0) * years) * float(black76(forward, strike, volatility, years, 1.0))


def aged(account: Account, seconds: int, rate: float = 0.05) -> Account:
    return replace(account, feeds=(replace(account.feeds[0], seconds=seconds, rate=rate),))


def rule(factor: float, shock: VolatilityShock) -> ScenarioRule:
    return ScenarioRule(factor, shock, 1.0)


def test_an_expiry_without_options_has_no_entry(empty: Account, parameters: Pmrm2Parameters) -> None:
    assert expiry_values(empty, parameters) == ()


def test_the_forward_moves_with_the_price(empty: Account, parameters: Pmrm2Parameters) -> None:
    assert value(empty, parameters, rule(1.2, VolatilityShock.NONE)) == pytest.approx(expected(empty, 1_212.0, 0.6))


def test_in_the_last_half_hour_only_what_is_not_averaged_yet_moves(empty: Account, parameters: Pmrm2Parameters) -> None:
    late = aged(empty, 450)

    moved = value(late, parameters, rule(1.2, VolatilityShock.NONE))
    assert moved == pytest.approx(expected(late, 1_010 * (0.75 + 0.25 * 1.2), 0.6))


@pytest.mark.parametrize("shock", list(VolatilityShock))
def test_an_expired_option_is_its_payoff_in_every_scenario(
    empty: Account, parameters: Pmrm2Parameters, shock: VolatilityShock
) -> None:
    for seconds in (0, -5):
        assert value(aged(empty, seconds), parameters, rule(1.5, shock)) == pytest.approx(10.0)


def test_an_expired_option_is_not_discounted(empty: Account, parameters: Pmrm2Parameters) -> None:
    (found,) = expiry_values(replace(aged(empty, 0), options=(CALL,)), parameters)

    assert (found.long_discount, found.short_discount) == (1.0, 1.0)


@pytest.mark.parametrize(("days", "power"), [(10, "short_power"), (30, "short_power"), (60, "long_power")])
def test_volatility_shocks_by_time_to_expiry(
    empty: Account, parameters: Pmrm2Parameters, days: int, power: str
) -> None:
    account = aged(empty, days * DAY)
    weight = (30 / days) ** getattr(parameters.volatility, power)

    up = value(account, parameters, rule(1.0, VolatilityShock.UP))
    down = value(account, parameters, rule(1.0, VolatilityShock.DOWN))
    assert up == pytest.approx(expected(account, 1_010.0, 0.6 * (1 + 0.5 * weight)))
    assert down == pytest.approx(expected(account, 1_010.0, 0.6 * (1 - 0.275 * weight)))


def test_a_volatility_shocked_up_has_a_floor_and_one_shocked_down_stops_at_none(
    empty: Account, parameters: Pmrm2Parameters
) -> None:
    calm = replace(CALL, volatility=0.1)
    steep = replace(parameters, volatility=replace(parameters.volatility, range_down=50.0))

    up = value(empty, parameters, rule(1.0, VolatilityShock.UP), calm)
    down = value(empty, steep, rule(1.0, VolatilityShock.DOWN), calm)
    assert up == pytest.approx(expected(empty, 1_010.0, parameters.volatility.least_shocked_up))
    assert down == pytest.approx(10 * math.exp(-0.05 * 90 / 365))


def test_time_is_floored_before_the_power(empty: Account, parameters: Pmrm2Parameters) -> None:
    account = aged(empty, DAY // 2)
    weight = 30**parameters.volatility.short_power

    up = value(account, parameters, rule(1.0, VolatilityShock.UP))
    assert up == pytest.approx(expected(account, 1_010.0, 0.6 * (1 + 0.5 * weight)))


@pytest.mark.parametrize(("strike", "linear", "absolute"), [(1_100.0, 1, 1), (900.0, -1, 1), (9e4, 2, 2), (9.0, -2, 2)])
def test_skews_turn_volatility_by_strike_up_to_a_cap(
    empty: Account, parameters: Pmrm2Parameters, strike: float, linear: int, absolute: int
) -> None:
    root, skew = math.sqrt(90 / 365), parameters.skew
    cap = skew.linear_base_cap + skew.linear_cap_slope * root
    width = skew.width_scale * root * (skew.width_static + skew.width_slope * root)
    size = min(cap, abs(math.log(strike / 1_010)) * cap / width)
    assert (size == cap) == (abs(linear) == 2)
    option = replace(CALL, strike=strike)

    for shock, sign in ((VolatilityShock.LINEAR_SKEW, linear), (VolatilityShock.ABSOLUTE_SKEW, absolute)):
        volatility = 0.6 * (1 + math.copysign(size, sign))
        found = value(empty, parameters, rule(1.0, shock), option)
        assert found == pytest.approx(expected(empty, 1_010.0, volatility, strike))


def test_a_negative_rate_counts_as_none(empty: Account, parameters: Pmrm2Parameters) -> None:
    negative, none = aged(empty, 90 * DAY, -0.2), aged(empty, 90 * DAY, 0.0)
    (first,) = expiry_values(replace(negative, options=(CALL,)), parameters)
    (second,) = expiry_values(replace(none, options=(CALL,)), parameters)

    assert first.marked == second.marked
    assert (first.long_discount, first.short_discount) == (second.long_discount, second.short_discount)


def test_a_price_of_nothing_leaves_a_put_its_strike(empty: Account, parameters: Pmrm2Parameters) -> None:
    put = replace(CALL, is_call=False)
    gone = rule(0.0, VolatilityShock.UP)

    assert value(empty, parameters, gone) == 0.0
    assert value(empty, parameters, gone, put) == pytest.approx(1_000 * math.exp(-0.05 * 90 / 365))
