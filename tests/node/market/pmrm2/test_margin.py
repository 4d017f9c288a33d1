"""The PMRM_2 twin: published cases, and each part of the rule against a calculation by hand."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from node.market.errors import InvalidParameters
from node.market.pmrm2.margin import margin
from node.market.pmrm2.model import (
    Account,
    CollateralHolding,
    OptionHolding,
    PerpHolding,
    Pmrm2Parameters,
    ScenarioRule,
    VolatilityShock,
)
from node.risk.cases import read_case
from node.risk.conformance import worst_deviation

CASES = sorted((Path(__file__).parents[3] / "vectors" / "pmrm2").glob("*.json"))
ALL_CASES = os.environ.get("ZKCLEAR_PMRM2_CASES", "")
CALL = OptionHolding(0, 1_000.0, True, 0.6, 1.0)
COIN = CollateralHolding("COIN", 2.0, 1_000.0, 1.0, True, 0.02, 0.03)


def only(parameters: Pmrm2Parameters, *scenarios: ScenarioRule) -> Pmrm2Parameters:
    return replace(parameters, scenarios=scenarios)


def plain(factor: float, shock: VolatilityShock = VolatilityShock.NONE, dampening: float = 1.0) -> ScenarioRule:
    return ScenarioRule(factor, shock, dampening)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_published_case_is_reproduced(path: Path) -> None:
    case = read_case(path)

    assert worst_deviation(margin(case.account, case.parameters), case.expected).relative_error < 1e-11


@pytest.mark.skipif(not ALL_CASES, reason="ZKCLEAR_PMRM2_CASES names no folder of further published cases")
def test_every_case_of_a_folder_is_reproduced() -> None:
    paths = sorted(Path(ALL_CASES).glob("*.json"))
    assert paths
    for path in paths:
        case = read_case(path)
        assert worst_deviation(margin(case.account, case.parameters), case.expected).relative_error < 1e-9, path.name


def test_nothing_held_is_worth_its_cash(empty: Account, parameters: Pmrm2Parameters) -> None:
    found = margin(replace(empty, cash=-12.5), parameters)

    assert (found.initial, found.maintenance, found.marked) == (-12.5, -12.5, -12.5)
    assert set(found.profits) == {0.0}


def test_a_perpetual_moves_with_its_own_price_and_is_charged_at_the_spot_price(
    empty: Account, parameters: Pmrm2Parameters
) -> None:
    perp = PerpHolding(-3.0, 1_100.0, 1.0, 40.0)
    found = margin(replace(empty, perp=perp), only(parameters, plain(1.1)))

    assert found.profits == pytest.approx((-330.0,))
    assert found.maintenance == pytest.approx(40 - 0.8 * 330 - 3_000 * 0.015)
    assert found.initial == pytest.approx(40 - 330 - 3_000 * 0.02)


def test_dampening_scales_a_scenarios_profit(empty: Account, parameters: Pmrm2Parameters) -> None:
    account = replace(empty, perp=PerpHolding(1.0, 1_000.0, 1.0, 0.0))
    found = margin(account, only(parameters, plain(0.5, dampening=0.1)))

    assert found.profits == pytest.approx((-50.0,))


def test_collateral_moves_only_where_it_cancels_risk(empty: Account, parameters: Pmrm2Parameters) -> None:
    down = only(parameters, plain(0.9))
    moving = margin(replace(empty, collateral=(COIN,)), down)
    still = margin(replace(empty, collateral=(replace(COIN, cancels_risk=False),)), down)

    assert moving.profits == pytest.approx((-200.0,))
    assert still.profits == (0.0,)
    assert still.initial == pytest.approx(2_000 * 0.95)
    assert still.maintenance == pytest.approx(2_000 * 0.98)


def test_collateral_is_counted_in_the_stablecoin(empty: Account, parameters: Pmrm2Parameters) -> None:
    account = replace(empty, collateral=(COIN,), stable_price=0.8)

    assert margin(account, only(parameters, plain(1.0))).marked == pytest.approx(2_500.0)


def test_a_stablecoin_below_its_peg_raises_the_initial_factor_alone(
    empty: Account, parameters: Pmrm2Parameters
) -> None:
    account = replace(empty, perp=PerpHolding(1.0, 1_000.0, 1.0, 0.0), stable_price=0.93)
    found = margin(account, only(parameters, plain(0.9)))

    assert found.initial == pytest.approx(-100 * (1 + 0.05 * 2) - 20)
    assert found.maintenance == pytest.approx(-80 - 15)


def test_collateral_is_believed_as_its_own_price_and_the_spot_price_not_the_perpetuals(
    empty: Account, risky: Account, parameters: Pmrm2Parameters
) -> None:
    rule, at_rest = parameters.contingencies, only(parameters, plain(1.0))
    perp = PerpHolding(1e-9, 1_000.0, 0.1, 0.0)
    assert rule.confidence_threshold == 0.55

    doubted_perp = margin(replace(empty, collateral=(COIN,), perp=perp), at_rest)
    doubted_spot = margin(replace(risky, collateral=(COIN,)), at_rest)

    assert doubted_perp.initial == pytest.approx(2_000 * 0.95, abs=1e-5)
    assert doubted_spot.initial == pytest.approx(2_000 * (0.95 - 0.5 * rule.confidence_factor))


def test_the_perpetuals_confidence_counts_only_where_one_is_held(empty: Account, parameters: Pmrm2Parameters) -> None:
    at_rest = only(parameters, plain(1.0))
    doubted = PerpHolding(0.0, 1_000.0, 0.1, 0.0)
    without = margin(replace(empty, options=(CALL,), perp=doubted), at_rest)
    held = margin(replace(empty, options=(CALL,), perp=replace(doubted, amount=1e-9)), at_rest)

    assert without.initial - held.initial == pytest.approx(0.9 * 1_000 * parameters.contingencies.confidence_factor)


def test_what_is_sold_at_one_strike_nets_calls_against_puts(empty: Account, parameters: Pmrm2Parameters) -> None:
    rule = parameters.contingencies
    put = replace(CALL, is_call=False)

    def charge(*options: OptionHolding) -> float:
        account = replace(empty, options=options)
        quiet = replace(parameters, initial_factor=0.0)
        found = margin(account, only(quiet, plain(1.0)))
        return (found.marked - found.initial) / (1_000 * (rule.option_maintenance + rule.option_initial))

    assert charge(replace(CALL, amount=-2.0), replace(put, amount=0.5)) == pytest.approx(1.5)
    assert charge(replace(CALL, amount=-2.0), replace(put, amount=-0.5)) == pytest.approx(2.5)
    assert charge(replace(CALL, amount=-2.0), replace(put, amount=3.0)) == pytest.approx(0.0, abs=1e-9)
    assert charge(replace(CALL, amount=-2.0), replace(put, amount=3.0, strike=999.0)) == pytest.approx(2.0)


def test_options_of_one_expiry_net_before_their_value_is_discounted(
    empty: Account, parameters: Pmrm2Parameters
) -> None:
    at_rest = only(parameters, plain(1.0))
    bought = margin(replace(empty, options=(CALL,)), at_rest)
    sold = margin(replace(empty, options=(replace(CALL, amount=-1.0),)), at_rest)
    years = 90 / 365
    long = 0.95 * math.exp(-years * (0.05 * 1 + 0.08))
    short = min(1.04 * math.exp(years * (0.05 * 0.5 + 0.08)), math.exp(years * 0.05))

    assert bought.profits == pytest.approx((bought.marked * (long - 1),))
    assert sold.profits == pytest.approx((sold.marked * (short - 1),))
    assert short == math.exp(years * 0.05)
    both = margin(replace(empty, options=(CALL, replace(CALL, amount=-1.0))), at_rest)
    assert both.profits == pytest.approx((0.0,))


def test_a_skew_scenario_takes_each_expirys_profit_for_a_loss(empty: Account, parameters: Pmrm2Parameters) -> None:
    skew = only(parameters, plain(1.0, VolatilityShock.LINEAR_SKEW))
    far = replace(CALL, strike=3_000.0)
    undiscounted = replace(
        skew,
        long_discount=replace(skew.long_discount, base=1.0, rate_factor=0.0, rate_add=0.0),
        short_discount=replace(skew.short_discount, base=1.0, rate_factor=0.0, rate_add=0.0),
    )
    bought = margin(replace(empty, options=(far,)), undiscounted)
    sold = margin(replace(empty, options=(replace(far, amount=-1.0),)), undiscounted)

    assert bought.profits[0] < 0
    assert bought.profits == pytest.approx(sold.profits)


def test_the_basis_contingency_grows_with_time(empty: Account, parameters: Pmrm2Parameters) -> None:
    account = replace(empty, options=(CALL,))
    rule = parameters.basis

    def contingency(days: int) -> float:
        feed = replace(empty.feeds[0], seconds=days * 86_400, rate=0.0)
        found = margin(replace(account, feeds=(feed,)), parameters)
        moved = margin(replace(account, feeds=(feed,)), only(parameters, plain(rule.down)))
        at_mark = margin(replace(account, feeds=(replace(feed, forward=feed.forward * rule.down),)), parameters)
        assert moved.basis_contingency == found.basis_contingency
        return found.basis_contingency / (at_mark.marked - found.marked)

    assert contingency(73) == pytest.approx(rule.add + rule.per_year * 0.2)
    assert contingency(365) == pytest.approx(rule.add + rule.per_year)


def test_the_basis_contingency_is_a_floor_under_the_scenarios(empty: Account, parameters: Pmrm2Parameters) -> None:
    found = margin(replace(empty, options=(CALL,)), only(parameters, plain(10.0)))

    assert found.profits[0] > 0
    assert found.initial == pytest.approx(found.marked + found.basis_contingency)


def test_a_skew_without_width_is_refused(empty: Account, parameters: Pmrm2Parameters) -> None:
    flat = replace(parameters, skew=replace(parameters.skew, least_width=0.0, width_scale=0.0))

    with pytest.raises(InvalidParameters):
        margin(replace(empty, options=(CALL,)), flat)
