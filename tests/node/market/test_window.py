"""Windows: what they contain, and each reason for their end."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.market.errors import UnknownInstrument
from node.market.margin import open_margin
from node.market.oracle_rules import Price
from node.market.state import advance
from node.market.surface import Slice
from node.market.valuation import option_value
from node.market.window import LapseKind, MarginWindow, lapse, maintenance_range, window_of

CALL = "BTC-20200316-8000-C"


def lapse_of(house, window, state, positions, collateral=()):
    return lapse(window, state, positions, collateral, house.registry, house.parameters)


def test_a_window_names_ranges_and_funding_of_what_the_account_holds(house):
    window = window_of(house.grid(), ["ETH-PERP", CALL], ["WETH@1"])
    assert [entry.symbol for entry in window.underlyings] == ["BTC", "ETH"]
    assert [entry.id for entry in window.positions] == [CALL, "ETH-PERP"]
    assert window_of(house.grid(), [], ["WETH@1"]).underlying("BTC") is None
    assert MarginWindow.decode(window.encode()) == window


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
            replace(entry, volatility=replace(entry.volatility, sigma_ppm=1_040_000)) for entry in state.underlyings
        ),
    )
    window = window_of(house.grid(), ["BTC-PERP", CALL], [])
    reason = lapse_of(house, window, wild, ["BTC-PERP", CALL])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.VOLATILITY, CALL)
    # Fifteen days and eight hours ahead: 1.04 · (1 + 0.2 · 1.18) now, against 0.8 · (1 + 0.5 · 1.18) at the proof.
    assert (reason.needed_high, reason.high) == (1_286_042, 1_273_076)
    assert lapse_of(house, window, wild, ["BTC-PERP"]) is None


SMILE = Slice(1_584_345_600, 0, 60_000, 100_000, 100_000)
PUT, CALL_ABOVE = "BTC-20200316-7200-P", "BTC-20200316-8800-C"


def reason_after(house, change):
    """Why a proof made under SMILE does not speak for three options under the changed one, if it does not."""
    before, after = house.quoting(SMILE), house.quoting(replace(SMILE, **change))
    held = [CALL, PUT, CALL_ABOVE]
    return lapse_of(house, window_of(before.grid(), held, []), after.state, held)


@pytest.mark.parametrize(("figure", "kind"), [(160_000, None), (190_000, LapseKind.VOLATILITY)])
def test_implied_volatility_may_rise_within_the_levels_of_a_proof(house, figure, kind):
    """A bend of 1.6 raises variance at the money as much, volatility by 26 %."""
    reason = reason_after(house, {"bend": figure})
    assert (reason and reason.kind) == kind
    if reason is not None:
        assert reason.subject in (CALL, PUT, CALL_ABOVE)
        assert reason.needed_high > reason.high


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"put_wing": 108_000}, None), ({"put_wing": 150_000, "call_wing": 30_000, "bend": 95_000}, LapseKind.SMILE)],
)
def test_a_smile_that_turns_ends_the_windows_of_those_who_hold_both_sides(house, change, kind):
    reason = reason_after(house, change)
    assert (reason and reason.kind) == kind
    if reason is not None:
        assert reason.subject == "BTC"
        assert reason.needed_high > reason.high == reason.needed_low * 11 // 10
        one = window_of(house.quoting(SMILE).grid(), [CALL], [])
        assert lapse_of(house, one, house.quoting(replace(SMILE, **change)).state, [CALL]) is None


def test_the_maintenance_window_and_the_grid_grow_with_the_age_of_a_price(house):
    silent = house
    reaches, spans = [maintenance_range("BTC", house.state, house.parameters)], []
    for _ in range(3):
        results = {"ETH": Price(200 * 10**8, 500, 4)}
        state = advance(
            silent.state, results, silent.state.height + 4, silent.state.time + 3_600, house.registry, house.parameters
        )
        silent = replace(silent, state=state)
        reaches.append(maintenance_range("BTC", state, house.parameters))
        btc = silent.grid().underlying("BTC")
        spans.append((btc.maintenance_width_ppm, btc.initial_width_ppm))
        assert silent.grid().underlying("ETH").maintenance_width_ppm == 95_000
    assert all(later.low < sooner.low and later.high > sooner.high for sooner, later in pairwise(reaches))
    # 9.5 % · √((4 h + age) / 4 h), and 1.7 times that
    assert [span[0] for span in spans] == [106_213, 116_350, 125_673]
    assert [span[1] for span in spans] == [180_563, 197_795, 213_645]
    window = window_of(house.grid(), ["BTC-PERP"], [])
    assert lapse_of(house, window, silent.state, ["BTC-PERP"]) is None
    low_window = replace(window, underlyings=(replace(window.underlyings[0], low=reaches[2].low),))
    reason = lapse_of(house, low_window, silent.state, ["BTC-PERP"])
    assert reason is not None
    assert (reason.kind, reason.needed_low) == (LapseKind.PRICE, reaches[3].low)
    assert maintenance_range("BTC", silent.at(900), house.parameters) == reaches[0]


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
    without = replace(window, positions=())
    reason = lapse_of(house, without, house.state, ["BTC-PERP"])
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.COVERAGE, "BTC-PERP")


PAIR = ["BTC-PERP", "ETH-PERP"]


def test_a_correlated_pair_that_goes_apart_lapses_though_each_stays_within_its_own_range(house):
    window = window_of(house.grid(), PAIR, [])
    apart = house.at(900, BTC=7_680, ETH=208)
    reason = lapse_of(house, window, apart, PAIR)
    assert (reason.kind, reason.subject) == (LapseKind.APART, "BTC/ETH")
    assert str(reason) == "a correlated pair may go further apart than the proof covers: BTC/ETH"
    for alone in PAIR:
        assert lapse_of(house, window_of(house.grid(), [alone], []), apart, [alone]) is None


@pytest.mark.parametrize(("btc", "eth"), [(7_680, 192), (8_320, 208), (8_060, 198.5)])
def test_a_correlated_pair_that_moves_together_or_a_little_lapses_nothing(house, btc, eth):
    window = window_of(house.grid(), PAIR, [])
    assert lapse_of(house, window, house.at(900, BTC=btc, ETH=eth), PAIR) is None


def test_collateral_of_one_and_a_position_in_the_other_are_a_pair_too(house):
    window = window_of(house.grid(), ["BTC-PERP"], ["WETH@1"])
    reason = lapse_of(house, window, house.at(900, BTC=7_680, ETH=208), ["BTC-PERP"], ["WETH@1"])
    assert reason.kind is LapseKind.APART


def test_with_an_option_the_near_range_ends_at_nodes(house):
    near = house.grid().underlying("BTC").near
    linear, full = (window_of(house.grid(), held, []).underlying("BTC") for held in (["BTC-PERP"], [CALL]))
    assert (linear.near_low, linear.near_high) == (near.low, near.high)
    nodes = house.grid().underlying("BTC").nodes
    assert (full.near_low, full.near_high) == (
        max(node for node in nodes if node <= near.low),
        min(node for node in nodes if node >= near.high),
    )


@settings(max_examples=80)
@given(
    lots=st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)),
    option=st.integers(-(10**5), 10**5),
    places=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_at_every_pair_of_prices_that_a_window_covers_a_proven_account_is_worth_something(house, lots, option, places):
    """At any pair within the ranges that does not go apart, the book's model value, with cash at the proven least, does
    not fall below the charges that are set aside for gaps."""
    grid = house.grid()
    positions = {"BTC-PERP": lots[0], "ETH-PERP": lots[1], CALL: option}
    window = window_of(grid, list(positions), [])
    btc, eth = (window.underlying(symbol) for symbol in ("BTC", "ETH"))
    at = [
        entry.low + (entry.high - entry.low) * place // 10**6 for entry, place in zip((btc, eth), places, strict=True)
    ]
    assume(not (at[0] < btc.near_low and at[1] > eth.near_high))
    assume(not (at[0] > btc.near_high and at[1] < eth.near_low))
    cash = -(open_margin(grid, 0, positions, {}).slack // 1_000)
    worth = 1_000 * cash + at[0] * 10 * lots[0] // 10_000 + at[1] * 10 * lots[1] // 1_000
    call = house.registry.instrument(CALL)
    for level in grid.instrument(CALL).levels:
        value = float(option_value(call, float(at[0]), level / 10**6, house.state.time)) * 10 / 10_000
        assert worth + value * option >= -10


def test_what_is_not_listed_has_no_window(house):
    with pytest.raises(UnknownInstrument):
        window_of(house.grid(), ["DOGE-PERP"], [])
    with pytest.raises(UnknownInstrument):
        lapse_of(house, window_of(house.grid(), [], []), house.state, ["DOGE-PERP"])
