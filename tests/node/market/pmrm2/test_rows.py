"""The rows' margin is the twin's, rounded against the account, for whatever is held."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from node.market.pmrm2.forms import PiecewiseStatement
from node.market.pmrm2.lots import in_lots
from node.market.pmrm2.margin import margin
from node.market.pmrm2.model import (
    Account,
    CollateralHolding,
    ExpiryFeed,
    OptionHolding,
    PerpHolding,
    Pmrm2Parameters,
    VolatilityShock,
)
from node.market.pmrm2.rows import UNITS_PER_USD, initial_statement
from node.market.pmrm2.values import expiry_values

AMOUNTS = st.one_of(st.sampled_from((0.0, 1.0, -1.0, 0.25)), st.floats(-50, 50, allow_subnormal=False))
CONFIDENCES = st.sampled_from((0.1, 0.5, 0.9, 1.0))
FEEDS = (
    ExpiryFeed(20 * 86_400, 1_003.0, 1.0, 0.04, 1.0, 0.9),
    ExpiryFeed(300 * 86_400, 1_060.0, 0.9, 0.09, 1.0, 0.4),
    ExpiryFeed(0, 1_000.0, 1.0, 0.04, 1.0, 0.9),
)


@st.composite
def options(draw: st.DrawFn) -> OptionHolding:
    strike = draw(st.sampled_from((600.0, 1_000.0, 1_001.0, 2_500.0)))
    volatility = draw(st.sampled_from((0.2, 0.6, 1.4)))
    return OptionHolding(draw(st.integers(0, 2)), strike, draw(st.booleans()), volatility, draw(AMOUNTS))


@st.composite
def collateral(draw: st.DrawFn) -> CollateralHolding:
    price = draw(st.sampled_from((1.0003, 990.0)))
    amount = draw(st.floats(0, 1e4, allow_subnormal=False))
    return CollateralHolding("C", amount, price, draw(CONFIDENCES), draw(st.booleans()), 0.1, 0.02)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    return Account(
        draw(st.floats(-1e6, 1e6, allow_subnormal=False)),
        1_000.0,
        draw(CONFIDENCES),
        draw(st.sampled_from((1.0002, 0.9))),
        PerpHolding(draw(AMOUNTS), 1_002.0, draw(CONFIDENCES), draw(st.sampled_from((0.0, -3.7)))),
        FEEDS,
        tuple(draw(st.lists(options(), max_size=6))),
        tuple(draw(st.lists(collateral(), max_size=2))),
    )


def micro_usd(statement: PiecewiseStatement, account: Account, parameters: Pmrm2Parameters) -> float:
    values = statement.complete(in_lots(account, parameters).quantities)
    rows = zip(statement.rows[:-1], statement.linear.shape.rows[:-1], strict=True)
    assert all(0 <= row.evaluate(values) < digits.limit for row, digits in rows)
    return statement.slack.evaluate(values) / UNITS_PER_USD * 1e6


def assert_agrees(account: Account, parameters: Pmrm2Parameters) -> None:
    statement, lots = initial_statement(account, parameters), in_lots(account, parameters)
    apart = margin(account, parameters).initial * 1e6 - micro_usd(statement, account, parameters)

    assert -lots.noise <= apart <= lots.tolerance


@settings(max_examples=150)
@given(accounts())
def test_rows_agree_with_the_twin_and_never_flatter(parameters: Pmrm2Parameters, account: Account) -> None:
    assert_agrees(account, parameters)


@settings(max_examples=100)
@given(accounts(), st.floats(0, 2), st.floats(0, 2), st.floats(0, 3))
def test_rows_agree_where_discounts_stand_the_wrong_way_round(
    parameters: Pmrm2Parameters, account: Account, long: float, short: float, factor: float
) -> None:
    odd = replace(
        parameters,
        initial_factor=factor,
        long_discount=replace(parameters.long_discount, base=long),
        short_discount=replace(parameters.short_discount, base=short),
    )

    assert_agrees(account, odd)


def test_whole_lots_are_not_charged_for_rounding_amounts(parameters: Pmrm2Parameters, empty: Account) -> None:
    whole = replace(empty, options=(OptionHolding(0, 1_000.0, True, 0.6, 0.3),))
    split = replace(empty, options=(OptionHolding(0, 1_000.0, True, 0.6, 1 / 3),))

    assert in_lots(whole, parameters).quantities == (0, 300_000_000)
    assert in_lots(split, parameters).quantities == (-1, 333_333_333)


def test_collateral_and_cash_are_rounded_down(parameters: Pmrm2Parameters, empty: Account) -> None:
    held = CollateralHolding("C", 1.9999999999, 1.0, 1.0, False, 0.0, 0.0)
    account = replace(empty, cash=-0.0000001, collateral=(held,))

    assert in_lots(account, parameters).quantities == (-1, 1_999_999_999)


def test_one_option_in_each_expiry_needs_no_choice_and_two_do(parameters: Pmrm2Parameters, empty: Account) -> None:
    call = OptionHolding(0, 1_000.0, True, 0.6, 1.0)
    one = replace(empty, feeds=FEEDS, options=(call, replace(call, expiry=1)))
    two = replace(empty, feeds=FEEDS, options=(call, replace(call, strike=1_001.0)))

    assert initial_statement(one, parameters).choices == 0
    assert initial_statement(two, parameters).choices == 2  # a linear and an absolute skew


def test_two_options_of_one_expiry_are_not_convex(parameters: Pmrm2Parameters, empty: Account) -> None:
    """What a hidden choice is for: two accounts meet the requirement, and the one halfway between them does not."""
    linear = next(rule for rule in parameters.scenarios if rule.shock is VolatilityShock.LINEAR_SKEW)
    skew = replace(
        parameters, scenarios=(linear,), initial_factor=5.0, basis=replace(parameters.basis, add=0.0, per_year=0.0)
    )
    low, high = OptionHolding(0, 800.0, True, 0.6, -1.0), OptionHolding(0, 1_500.0, True, 0.6, 1.0)
    (values,) = expiry_values(replace(empty, options=(low, high)), skew)
    # Where the skewed value of both is nothing, and the mark is owed.
    worth = values.scenarios[0]
    level = float(worth[0] / worth[1])
    assert level * values.marked[1] < values.marked[0]

    def left(bought: float) -> float:
        return margin(replace(empty, options=(low, replace(high, amount=bought))), skew).initial

    assert left(level) < (left(level - 0.1) + left(level + 0.1)) / 2 - 0.1


def test_the_statement_depends_on_no_amount(parameters: Pmrm2Parameters, empty: Account) -> None:
    call = OptionHolding(0, 1_000.0, True, 0.6, 1.0)
    first = replace(empty, cash=5.0, options=(call, replace(call, strike=900.0)))
    second = replace(empty, cash=-7.0, options=(replace(call, amount=-3.0), replace(call, strike=900.0, amount=0.0)))

    assert initial_statement(first, parameters).linear.digest == initial_statement(second, parameters).linear.digest
