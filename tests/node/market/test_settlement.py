"""Expiry: the average that settles, what each kind pays at it, and barriers that rounds have crossed."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.instruments import Barrier, BarrierKind, Digital, Expiry, Future, OptionKind
from node.market.oracle_rules import Price
from node.market.state import Knock, MarketState, advance, intrinsic_price, settlement_price

START = 1_583_020_800
USD = 10**8
CALL, PUT = OptionKind
EXPIRY = START + 7_200
FUTURE = Future("BTC", 10_000, EXPIRY)
DIGITAL_CALL = Digital("BTC", 10_000, EXPIRY, 8_000 * USD, CALL, 1_000 * USD)
DIGITAL_PUT = replace(DIGITAL_CALL, kind=PUT)
DOWN_OUT = Barrier("BTC", 10_000, EXPIRY, 8_000 * USD, CALL, 7_500 * USD, BarrierKind.DOWN_OUT)
DOWN_IN = replace(DOWN_OUT, barrier_kind=BarrierKind.DOWN_IN)
UP_OUT = Barrier("BTC", 10_000, EXPIRY, 8_000 * USD, CALL, 8_500 * USD, BarrierKind.UP_OUT)
UP_IN = replace(UP_OUT, barrier_kind=BarrierKind.UP_IN)
ALL = (FUTURE, DIGITAL_CALL, DIGITAL_PUT, DOWN_OUT, DOWN_IN, UP_OUT, UP_IN)


@pytest.fixture(scope="module")
def listed(house):
    return house.listing(*ALL)


def along(listed, path):
    """The house after rounds at given seconds from the start, with BTC's price or None for a stale feed."""
    for seconds, price in path:
        step = START + seconds - listed.state.time
        if price is None:
            eth = {"ETH": Price(200 * USD, 500, 4)}
            height, time = listed.state.height + 4, listed.state.time + step
            state = advance(listed.state, eth, height, time, listed.registry, listed.parameters)
        else:
            state = listed.at(step, BTC=price)
        listed = replace(listed, state=state)
    return listed


def test_the_last_half_hour_before_expiry_settles_weighted_by_time(listed):
    state = along(listed, [(5_000, 7_000), (6_000, 8_200), (7_000, 8_600), (7_500, 99)]).state
    # 7,000 from 5,400 to 6,000, 8,200 from there to 7,000, 8,600 to 7,200; nothing of 99
    average = (7_000 * 600 + 8_200 * 1_000 + 8_600 * 200) * USD // 1_800
    assert settlement_price(FUTURE, state) == average // (100 * 10_000)


@given(
    moves=st.lists(st.tuples(st.integers(1, 7_199), st.integers(10**8, 10**12) | st.none()), max_size=12),
    late=st.integers(0, 5_000),
)
def test_the_average_is_that_of_the_step_function_however_the_rounds_fall(listed, moves, late):
    path = sorted(dict(moves).items())
    in_force, weighted, seconds = 8_000 * USD, 0, 0
    for (begin, price), (end, _) in zip([(0, in_force), *path], [*path, (7_200, None)], strict=True):
        inside = max(end - max(begin, 5_400), 0)
        if price is not None:
            weighted, seconds = weighted + price * inside, seconds + inside
    rounds = [(at, None if price is None else price / USD) for at, price in path]
    state = along(listed, [*rounds, (7_200 + late, 7_777)]).state
    expected = Fraction(weighted, seconds) if seconds else Fraction(7_777 * USD)
    assert settlement_price(FUTURE, state) == int(expected) // (100 * 10_000)


def test_stale_prices_do_not_count_and_without_any_valid_one_the_next_round_settles(listed):
    half = along(listed, [(5_400, None), (6_300, 8_200), (7_200, 9_000)])
    assert settlement_price(FUTURE, half.state) == 820_000
    none = along(listed, [(5_000, None), (7_200, None), (8_100, 9_000)])
    assert settlement_price(FUTURE, none.state) == 900_000
    assert none.state.averages == ()


def test_a_settlement_price_once_made_stays(listed):
    settled = along(listed, [(5_400, 8_100), (7_200, 9_000)])
    later = along(settled, [(9_000, 5_000), (99_000, 4_000)])
    assert settlement_price(FUTURE, later.state) == settlement_price(FUTURE, settled.state) == 810_000


def test_instruments_of_one_expiry_share_one_average(listed):
    state = along(listed, [(6_000, 8_100)]).state
    assert [entry.expiry for entry in state.averages] == [Expiry("BTC", EXPIRY)]
    assert MarketState.decode(state.encode()) == state


@pytest.mark.parametrize(
    ("price", "call", "put"), [(7_999.99, 0, 100_000), (8_000, 100_000, 0), (8_000.01, 100_000, 0), (1, 0, 100_000)]
)
def test_a_digital_pays_all_at_or_above_its_strike_or_all_below(price, call, put):
    at = round(price * USD)
    assert intrinsic_price(DIGITAL_CALL, at, knocked=False) == call
    assert intrinsic_price(DIGITAL_PUT, at, knocked=False) == put


@given(price=st.integers(1, 2 * 10**12), knocked=st.booleans())
def test_an_in_and_an_out_pay_what_the_plain_option_pays(price, knocked):
    for out, into in ((DOWN_OUT, DOWN_IN), (UP_OUT, UP_IN)):
        both = [intrinsic_price(entry, price, knocked=knocked) for entry in (out, into)]
        assert sum(both) == max(price - 8_000 * USD, 0) // (100 * 10_000)
        assert 0 in both


def test_a_round_at_the_barrier_crosses_it_for_good(listed):
    touched = along(listed, [(600, 7_500), (1_200, 8_400)])
    assert touched.state.knocks == (
        Knock(DOWN_IN.id, touched.state.round - 1),
        Knock(DOWN_OUT.id, touched.state.round - 1),
    )
    settled = along(touched, [(5_400, 8_400), (7_200, 8_400)]).state
    assert settlement_price(DOWN_OUT, settled) == 0
    assert settlement_price(DOWN_IN, settled) == settlement_price(UP_OUT, settled) == 40_000
    assert settlement_price(UP_IN, settled) == 0
    assert MarketState.decode(settled.encode()) == settled


def test_a_price_short_of_the_barrier_crosses_nothing(listed):
    assert along(listed, [(600, 7_500.01), (1_200, 8_499.99)]).state.knocks == ()


def test_a_round_at_expiry_still_crosses_and_a_later_one_does_not(listed):
    assert {entry.id for entry in along(listed, [(7_200, 7_000)]).state.knocks} == {DOWN_OUT.id, DOWN_IN.id}
    assert along(listed, [(7_201, 7_000)]).state.knocks == ()


def test_a_stale_feed_crosses_nothing(listed):
    crossed = along(listed, [(600, 8_600)]).state
    assert {entry.id for entry in crossed.knocks} == {UP_OUT.id, UP_IN.id}
    again = along(replace(listed, state=replace(crossed, knocks=())), [(900, None)]).state
    assert again.knocks == ()


def test_where_no_round_saw_the_end_the_settlement_price_is_the_last_observation(listed):
    """Nobody may be paid beyond a barrier that only the settling round has seen crossed."""
    state = along(listed, [(5_000, None), (8_100, 8_900)]).state
    assert state.knocks == ()
    assert settlement_price(UP_OUT, state) == 0
    assert settlement_price(UP_IN, state) == 90_000
