"""The integer averages, by hand, and the slow descent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import InvalidInput
from node.market.volatility import initial_volatility, update
from node.market.widths import initial_width, maintenance_width, price_range

DAY = 86_400


def test_a_rise_of_a_tenth_in_an_hour_by_hand(house):
    start = initial_volatility(house.parameters)
    assert (start.fast, start.sigma_ppm) == (640_000_000_000, 800_000)
    after = update(start, 8_000, 8_800, 3_600, house.parameters)
    # move 100,000 ppm; surge = 10^10 · 31,536,000; memories of 43,200 and 864,000 seconds
    assert after.fast == (640_000_000_000 * 43_200 + 315_360_000_000_000_000) // 46_800 == 7_329_230_769_230
    assert after.slow == (640_000_000_000 * 864_000 + 315_360_000_000_000_000) // 867_600
    assert after.sigma_ppm == 2_707_255


def test_volatility_rises_at_once_and_falls_by_a_step_a_day(house):
    after = update(initial_volatility(house.parameters), 8_000, 8_800, 3_600, house.parameters)
    day_later = update(after, 8_800, 8_800, DAY, house.parameters)
    assert day_later.fast < after.fast // 2
    assert day_later.sigma_ppm == after.sigma_ppm - house.parameters.volatility_fall_ppm_per_day


def test_short_rounds_add_up_to_the_same_descent(house):
    state = after = update(initial_volatility(house.parameters), 8_000, 8_800, 3_600, house.parameters)
    for _ in range(DAY // 60):
        state = update(state, 8_800, 8_800, 60, house.parameters)
    assert state.sigma_ppm == after.sigma_ppm - house.parameters.volatility_fall_ppm_per_day


def test_volatility_never_falls_below_the_stressed_floor(house):
    state = initial_volatility(house.parameters)
    for _ in range(100):
        state = update(state, 8_000, 8_000, DAY, house.parameters)
    assert state.sigma_ppm == house.parameters.volatility_floor_ppm


def test_a_round_without_time_or_move_changes_nothing(house):
    start = initial_volatility(house.parameters)
    assert update(start, 8_000, 8_000, 0, house.parameters) == start


@pytest.mark.parametrize("prices", [(0, 8_000), (8_000, 0), (8_000, -1)])
def test_a_price_that_is_none_is_refused(house, prices):
    with pytest.raises(InvalidInput):
        update(initial_volatility(house.parameters), *prices, 60, house.parameters)


@given(
    moves=st.lists(st.tuples(st.integers(1, 10**13), st.integers(0, 10 * DAY)), min_size=1, max_size=20),
)
def test_volatility_stays_between_floor_and_ceiling(house, moves):
    state, price = initial_volatility(house.parameters), 8_000 * 10**8
    for now, seconds in moves:
        before, state = state, update(state, price, now, seconds, house.parameters)
        price = now
        assert house.parameters.volatility_floor_ppm <= state.sigma_ppm
        assert state.sigma_ppm <= house.parameters.volatility_ceiling_ppm
        assert before.sigma_ppm - state.sigma_ppm <= (
            house.parameters.volatility_fall_ppm_per_day * (seconds + DAY) // DAY
        )


@given(sigma=st.integers(0, 6_000_000), more=st.integers(0, 6_000_000))
def test_widths_are_monotone_in_volatility_and_initial_exceeds_maintenance(house, sigma, more):
    parameters = house.parameters
    assert maintenance_width(sigma, parameters) <= maintenance_width(sigma + more, parameters)
    assert initial_width(sigma, parameters) <= initial_width(sigma + more, parameters)
    assert maintenance_width(sigma, parameters) < initial_width(sigma, parameters) < 600_000


def test_widths_by_hand(house):
    # 3 · 300 % · √(4 h / 8760 h) = 0.19232; ·1.7 = 0.32695
    assert maintenance_width(3_000_000, house.parameters) == pytest.approx(192_321, abs=12)
    assert initial_width(3_000_000, house.parameters) == pytest.approx(326_946, abs=20)
    assert maintenance_width(600_000, house.parameters) == 95_000
    assert maintenance_width(10**7, house.parameters) == 350_000
    assert initial_width(10**7, house.parameters) == 550_000


def test_widths_grow_with_the_root_of_the_age_within_their_caps(house):
    four_hours = 4 * 3_600
    assert maintenance_width(600_000, house.parameters, four_hours) == pytest.approx(95_000 * 2**0.5, abs=2)
    assert maintenance_width(3_000_000, house.parameters, 3 * four_hours) == 350_000
    assert initial_width(3_000_000, house.parameters, 3 * four_hours) == 550_000
    ages = [maintenance_width(600_000, house.parameters, age) for age in range(0, 10**6, 900)]
    assert ages == sorted(ages)
    with pytest.raises(InvalidInput):
        maintenance_width(600_000, house.parameters, -1)


def test_a_range_is_rounded_outward():
    reach = price_range(1_001, 95_000)
    assert (reach.low, reach.high) == (905, 1_097)
    with pytest.raises(InvalidInput):
        price_range(-5, 95_000)
