"""At which volatilities options are valued: the strike's own, moved further the nearer the expiry and the older the
smile."""

from dataclasses import replace

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import InvalidParameters
from node.market.instruments import PPM, Digital, Future, Option, OptionKind
from node.market.levels import level_scale_ppm, levels_of, maintenance_levels, volatility_ppm
from node.market.surface import Slice, implied_ppm

USD = 10**8
HOUR, DAY = 3_600, 86_400
START = 1_583_020_800
LOTS = 10_000
NEAR, FAR = START + 5 * DAY, START + 90 * DAY
SMILE = Slice(NEAR, 2_000_000, 40_000, 90_000, 60_000), Slice(FAR, 12_500_000, 150_000, 250_000, 390_000)


def option(strike, kind=OptionKind.CALL, expiry=NEAR):
    return Option("BTC", LOTS, expiry, strike * USD, kind)


@pytest.mark.parametrize(
    ("seconds", "scale"),
    [(1, 2_000_000), (DAY, 2_000_000), (30 * DAY, 1_000_000), (480 * DAY, 500_000), (3_000 * DAY, 500_000)],
)
def test_shocks_grow_with_the_fourth_root_of_nearness_between_floor_and_cap(house, seconds, scale):
    assert level_scale_ppm(seconds, house.parameters) == scale


@given(st.integers(2 * DAY, 470 * DAY))
def test_the_scale_is_the_root_to_the_ppm(house, seconds):
    assert abs(level_scale_ppm(seconds, house.parameters) - (30 * DAY / seconds) ** 0.25 * PPM) <= 1


def test_parameters_that_shock_a_volatility_to_nothing_are_refused(house):
    with pytest.raises(InvalidParameters) as refusal:
        replace(house.parameters, level_scale_cap_ppm=2_500_000)
    assert refusal.value.field == "level_scale_cap_ppm"


def test_without_a_surface_or_a_slice_for_the_expiry_the_realised_volatility_counts(house):
    assert volatility_ppm(option(8_000), house.state) == 800_000
    quoted = house.quoting(SMILE[1])
    assert volatility_ppm(option(8_000), quoted.state) == 800_000
    assert volatility_ppm(option(8_000, expiry=FAR), quoted.state) != 800_000


def test_every_strike_has_its_own_volatility_and_keeps_it_while_the_price_moves(house):
    quoted = house.quoting(*SMILE)
    surface = quoted.state.surfaces[0]
    volatilities = [volatility_ppm(option(strike), quoted.state) for strike in (6_000, 8_000, 10_000)]
    assert volatilities == [implied_ppm(surface, SMILE[0], strike * USD) for strike in (6_000, 8_000, 10_000)]
    assert volatilities[0] > volatilities[2] > volatilities[1]
    moved = quoted.after(900, BTC=7_500)
    assert [volatility_ppm(option(strike), moved.state) for strike in (6_000, 8_000, 10_000)] == volatilities


def test_levels_move_outward_with_the_age_of_the_surface(house):
    fresh, old = house.quoting(*SMILE), house.quoting(*SMILE, age=DAY)
    low, mid, high = levels_of(option(8_000), fresh.state, house.parameters)
    scale = level_scale_ppm(5 * DAY, house.parameters) / PPM
    assert low == pytest.approx(mid * (1 - 0.4 * scale), abs=2)
    assert high == pytest.approx(mid * (1 + 0.5 * scale), abs=2)
    lower, same, higher = levels_of(option(8_000), old.state, house.parameters)
    middle = implied_ppm(old.state.surfaces[0], SMILE[0], 8_000 * USD)
    assert same == middle
    assert lower == pytest.approx(middle * (1 - 0.4 * scale) / 1.25, abs=2)
    assert higher == pytest.approx(middle * (1 + 0.5 * scale) * 1.25, abs=2)


def test_the_widening_ends_at_a_factor_of_two_and_concerns_quoted_expiries_only(house):
    old = house.quoting(SMILE[0], age=400 * DAY)
    low, mid, high = levels_of(option(8_000), old.state, house.parameters)
    scale = level_scale_ppm(5 * DAY, house.parameters) / PPM
    assert high == pytest.approx(mid * (1 + 0.5 * scale) * 2, abs=2)
    assert low == pytest.approx(mid * (1 - 0.4 * scale) / 2, abs=2)
    unquoted = option(8_000, expiry=FAR)
    assert levels_of(unquoted, old.state, house.parameters) == levels_of(unquoted, house.state, house.parameters)


@given(
    life=st.integers(1, 800 * DAY),
    age=st.integers(0, 10 * DAY),
    figures=st.tuples(st.integers(1, 500_000), st.integers(1, 500_000), st.integers(1, 500_000)),
    strike=st.integers(100, 100_000),
)
def test_the_maintenance_shock_of_the_moment_lies_within_the_levels_of_the_moment(house, life, age, figures, strike):
    quoted = house.quoting(Slice(START + life, 0, *figures), age=age)
    entry = option(strike, expiry=START + life)
    low, mid, high = levels_of(entry, quoted.state, house.parameters)
    held = maintenance_levels(entry, quoted.state, house.parameters)
    assert 0 < low <= held.low <= mid <= held.high <= high


def test_the_grid_values_options_at_their_own_forward_and_volatilities_as_quantlib_does(house):
    call, put = option(7_000), option(7_000, OptionKind.PUT)
    far = option(9_000, expiry=FAR)
    grid = house.listing(call, put, far).quoting(*SMILE).grid()
    nodes = grid.underlying("BTC").nodes
    for entry, basis in ((call, 0.002), (put, 0.002), (far, 0.0125)):
        row = grid.instrument(entry.id)
        kind = QuantLib.Option.Call if entry.kind is OptionKind.CALL else QuantLib.Option.Put
        years = (entry.expiry - START) / (365 * DAY)
        theirs = [
            QuantLib.blackFormula(kind, entry.strike / USD, node / USD * (1 + basis), level / PPM * np.sqrt(years), 1.0)
            for node in nodes
            for level in row.levels
        ]
        np.testing.assert_allclose(np.array(row.values) * LOTS / 1e9, theirs, rtol=1e-10, atol=1.0 * LOTS / 1e9)


def test_a_digital_is_valued_at_the_forward_and_volatility_of_its_strike(house):
    entry = Digital("BTC", LOTS, FAR, 9_000 * USD, OptionKind.CALL, 1_000 * USD)
    grid = house.listing(entry).quoting(*SMILE).grid()
    row = grid.instrument(entry.id)
    deviation = np.array(row.levels) / PPM * np.sqrt(90 / 365)
    forwards = np.array(grid.underlying("BTC").nodes)[:, None] / USD * 1.0125
    payoff = QuantLib.CashOrNothingPayoff(QuantLib.Option.Call, 9_000, 1_000)
    theirs = [
        [QuantLib.BlackCalculator(payoff, forward, spread, 1.0).value() for spread in deviation]
        for forward in forwards.ravel()
    ]
    np.testing.assert_allclose(
        np.array(row.values).reshape(forwards.size, 3) * LOTS / 1e9, theirs, rtol=1e-9, atol=LOTS / 1e9
    )


def test_call_less_put_is_the_future_less_the_strike_at_every_node_and_level(house):
    future = Future("BTC", LOTS, FAR)
    call, put = (option(8_000, kind, FAR) for kind in OptionKind)
    grid = house.listing(future, call, put).quoting(*SMILE).grid()
    forward = np.repeat(np.array(grid.instrument(future.id).values), 3)
    difference = np.array(grid.instrument(call.id).values) - np.array(grid.instrument(put.id).values)
    assert np.abs(forward - 8_000 * 10**9 // LOTS - difference).max() <= 2
