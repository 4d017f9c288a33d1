"""Windows: what they contain, and each reason for their end."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.market.errors import UnknownInstrument
from node.market.window import LapseKind, MarginWindow, lapse, maintenance_range, window_of

CALL = "BTC-20200316-8000-C"


def lapse_of(house, window, state, positions, collateral=()):
    return lapse(window, state, positions, collateral, house.registry, house.parameters)


def test_a_window_names_ranges_and_funding_of_what_the_account_holds(house):
    window = window_of(house.grid(), ["ETH-PERP", CALL], ["WETH@1"])
    assert [entry.symbol for entry in window.underlyings] == ["BTC", "ETH"]
    assert [entry.id for entry in window.funding] == [CALL, "ETH-PERP"]
    assert window_of(house.grid(), [], ["WETH@1"]).underlying("BTC") is None
    assert MarginWindow.decode(window.encode()) == window


@settings(deadline=None)
@given(
    btc=st.integers(100, 200_000),
    moves=st.lists(st.integers(-300, 300), max_size=6),
)
def test_a_fresh_window_contains_the_maintenance_window(house, btc, moves):
    state, price = house.at(3_600, BTC=btc), float(btc)
    for move in moves:
        price *= 1 + move / 1_000
        state = replace(house, state=state).at(900, BTC=price)
    window = window_of(house.grid(state), ["BTC-PERP", CALL], ["WBTC@2"])
    assert lapse_of(house, window, state, ["BTC-PERP", CALL], ["WBTC@2"]) is None
    reach = maintenance_range("BTC", state, house.parameters)
    covered = window.underlying("BTC")
    assert covered.low <= reach.low < state.price("BTC") < reach.high <= covered.high


def test_a_small_move_lapses_nothing(house):
    window = window_of(house.grid(), ["BTC-PERP", CALL], ["WETH@1"])
    assert lapse_of(house, window, house.at(900, BTC=8_020, ETH=199.5), ["BTC-PERP", CALL], ["WETH@1"]) is None


@pytest.mark.parametrize("price", [6_400, 9_600])
def test_a_tick_of_a_fifth_lapses_the_price_range(house, price):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    reason = lapse_of(house, window, house.at(900, BTC=price), ["BTC-PERP"])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.PRICE, "BTC")
    assert reason.needed_low < reason.low or reason.needed_high > reason.high
    assert (reason.low, reason.high) == (661_157_024_793, 968_000_000_000)


def test_collateral_alone_lapses_with_its_underlying(house):
    window = window_of(house.grid(), ["BTC-PERP"], ["WETH@1"])
    reason = lapse_of(house, window, house.at(900, ETH=150), ["BTC-PERP"], ["WETH@1"])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.PRICE, "ETH")


def test_a_move_elsewhere_does_not_concern_an_account(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    assert lapse_of(house, window, house.at(900, ETH=100), ["BTC-PERP"]) is None


def test_a_rise_of_volatility_lapses_only_who_holds_options(house):
    state = house.at(900, BTC=8_000)
    wild = replace(
        state,
        underlyings=tuple(
            replace(entry, volatility=replace(entry.volatility, sigma_ppm=1_000_001)) for entry in state.underlyings
        ),
    )
    window = window_of(house.grid(), ["BTC-PERP", CALL], [])
    reason = lapse_of(house, window, wild, ["BTC-PERP", CALL])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.VOLATILITY, "BTC")
    assert (reason.needed_high, reason.high) == (1_200_002, 1_200_000)
    assert lapse_of(house, window, wild, ["BTC-PERP"]) is None


def test_a_proof_lapses_by_age(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    age = house.parameters.max_proof_age_seconds
    assert lapse_of(house, window, house.at(age), ["BTC-PERP"]) is None
    reason = lapse_of(house, window, house.at(age + 1), ["BTC-PERP"])
    assert reason is not None
    assert reason.kind is LapseKind.AGE


@pytest.mark.parametrize("sign", [1, -1])
def test_funding_beyond_its_tolerance_lapses_a_perpetual(house, sign):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    tolerance = house.parameters.underlying("BTC").funding_tolerance
    state = house.at(60)
    for moved, expected in ((tolerance, None), (tolerance + 1, LapseKind.FUNDING)):
        funding = tuple(replace(entry, index=sign * moved) for entry in state.funding)
        reason = lapse_of(house, window, replace(state, funding=funding), ["BTC-PERP"])
        assert (reason and reason.kind) == expected


def test_a_window_that_lacks_what_the_account_holds_has_lapsed(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    reason = lapse_of(house, window, house.state, ["BTC-PERP", "ETH-PERP"])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.COVERAGE, "ETH")
    without = replace(window, funding=())
    reason = lapse_of(house, without, house.state, ["BTC-PERP"])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.COVERAGE, "BTC-PERP")


def test_what_is_not_listed_has_no_window(house):
    with pytest.raises(UnknownInstrument):
        window_of(house.grid(), ["DOGE-PERP"], [])
    with pytest.raises(UnknownInstrument):
        lapse_of(house, window_of(house.grid(), [], []), house.state, ["DOGE-PERP"])
