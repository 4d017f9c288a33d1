"""Rounds: prices, staleness, funding, settlement."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import MissingFeed, NotMonotone, NotSettling
from node.market.grid import compute_grid
from node.market.oracle_rules import Price, RefusalReason, Refused
from node.market.state import MarketState, advance, genesis_state, settlement_price

START = 1_583_020_800
USD = 10**8
EIGHT_HOURS = 8 * 3600


def test_before_the_first_price_there_is_no_grid(house):
    genesis = genesis_state(house.registry, house.parameters, 1, START)
    assert genesis.stale == ("BTC", "ETH")
    assert not genesis.priced
    with pytest.raises(MissingFeed) as refusal:
        compute_grid(house.registry, house.parameters, genesis)
    assert refusal.value.feed == "BTC"


def test_the_first_price_moves_no_volatility_and_no_funding(house):
    genesis = genesis_state(house.registry, house.parameters, 1, START)
    first = advance(genesis, {"BTC": Price(4_000 * USD, 500, 4)}, 5, START + 999, house.registry, house.parameters)
    assert first.price("BTC") == 4_000 * USD
    assert first.sigma_ppm("BTC") == house.parameters.volatility_start_ppm
    assert first.funding_index("BTC-PERP") == 0
    assert first.stale == ("ETH",)
    with pytest.raises(MissingFeed):
        first.price("ETH")


def test_a_refused_or_absent_feed_keeps_its_price_and_is_marked_stale(house):
    refused = Refused(RefusalReason.NO_QUORUM, 1, 3)
    before = house.state
    after = advance(before, {"BTC": refused}, before.height + 4, START + 60, house.registry, house.parameters)
    assert after.round == before.round + 1
    assert after.stale == ("BTC", "ETH")
    assert after.price("BTC") == before.price("BTC")
    assert after.underlying("BTC").volatility == before.underlying("BTC").volatility


def test_a_return_over_a_stale_spell_is_spread_over_the_whole_spell(house):
    quick = house.at(60, BTC=8_100)
    stale = advance(house.state, {}, house.state.height + 4, START + 1_800, house.registry, house.parameters)
    late = advance(
        stale, {"BTC": Price(8_100 * USD, 500, 4)}, stale.height + 4, START + 3_600, house.registry, house.parameters
    )
    assert late.underlying("BTC").volatility.fast < quick.underlying("BTC").volatility.fast


def test_funding_of_eight_hours_is_the_listed_rate_of_the_price(house):
    # 100 ppm of 0.8 dollars a lot is 80 µUSD; of 0.2 dollars, 20
    after = house.at(EIGHT_HOURS)
    assert (after.funding_index("BTC-PERP"), after.funding_index("ETH-PERP")) == (80, 20)
    assert after.funding_index("BTC-20200316") == 0


@given(cuts=st.lists(st.integers(1, EIGHT_HOURS - 1), max_size=8, unique=True))
def test_funding_is_the_same_however_many_rounds_it_accrues_in(house, cuts):
    prices = {"BTC": Price(8_000 * USD, 500, 4), "ETH": Price(200 * USD, 500, 4)}
    state = house.state
    for seconds in (*sorted(cuts), EIGHT_HOURS):
        state = advance(state, prices, state.height + 4, START + seconds, house.registry, house.parameters)
    assert state.funding == house.at(EIGHT_HOURS).funding


def test_a_negative_rate_pays_longs(house):
    parameters = replace(house.parameters, funding_rate_ppm=-100)
    prices = {"BTC": Price(8_000 * USD, 500, 4)}
    after = advance(house.state, prices, house.state.height + 4, START + EIGHT_HOURS, house.registry, parameters)
    assert after.funding_index("BTC-PERP") == -80


@pytest.mark.parametrize(("height", "time", "field"), [(104, START, "height"), (105, START - 1, "time")])
def test_a_round_cannot_run_backwards(house, height, time, field):
    with pytest.raises(NotMonotone) as refusal:
        advance(house.state, {}, height, time, house.registry, house.parameters)
    assert refusal.value.field == field


def test_a_round_without_time_or_move_changes_round_and_height_only(house):
    after = house.at(0)
    assert replace(after, round=house.state.round, height=house.state.height) == house.state


def test_state_survives_encoding(house):
    state = house.at(3_600, BTC=7_000)
    assert MarketState.decode(state.encode()) == state
    assert state.digest != house.state.digest


def test_settlement_pays_the_payoff_in_whole_micro_usd_rounded_down(house_opener):
    house = house_opener(expires_in=3_600, future_in=3_600)
    state = replace(house, state=house.at(1_800, BTC=7_123.456789)).at(1_800, BTC=9_000)
    settled = {
        entry.id.split("-", 2)[2] if entry.id.count("-") > 1 else "future": settlement_price(entry, state)
        for entry in house.registry.expiring(state.time)
        if entry.underlying == "BTC"
    }
    assert settled == {"future": 712_345, "7200-P": 7_654, "8000-C": 0, "8000-P": 87_654, "8800-C": 0}


def test_nothing_settles_before_its_expiry_and_a_perpetual_never(house):
    for name in ("BTC-PERP", "BTC-20200316", "BTC-20200316-8000-C"):
        with pytest.raises(NotSettling) as refusal:
            settlement_price(house.registry.instrument(name), house.state)
        assert refusal.value.instrument == name


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 10**6), st.none() | st.integers(10**8, 10**14), st.integers(1, 9)), max_size=12
    )
)
def test_any_history_leaves_a_state_of_sound_integers(house, moves):
    state = house.state
    for seconds, price, blocks in moves:
        results = {} if price is None else {"BTC": Price(price, 500, 4)}
        before = state
        state = advance(state, results, state.height + blocks, state.time + seconds, house.registry, house.parameters)
        assert ("BTC" in state.stale) == (price is None)
        assert all(entry.fraction >= 0 for entry in state.funding)
        assert state.funding_index("BTC-PERP") >= before.funding_index("BTC-PERP")
    assert MarketState.decode(state.encode()) == state
