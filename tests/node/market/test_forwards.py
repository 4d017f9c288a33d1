"""Forwards: quoted, shrinking to spot at expiry, and paid for as far as a proof may meet them."""

from dataclasses import replace

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from node.market.charges import closing_charge
from node.market.errors import InvalidInstrument
from node.market.forwards import carry_move_ppm, carry_ppb, covered_carry, valued_carry
from node.market.instruments import Barrier, BarrierKind, Digital, Future, Option, OptionKind, Perpetual
from node.market.state import settlement_price
from node.market.surface import Slice
from node.market.window import LapseKind, lapse, window_of

USD = 10**8
HOUR, DAY = 3_600, 86_400
START = 1_583_020_800
LOTS = 10_000
EXPIRY = START + 10 * DAY
QUOTE = Slice(EXPIRY, 20_000_000, 60_000, 100_000, 90_000)
FUTURE = Future("BTC", LOTS, EXPIRY)


@pytest.fixture
def quoted(house):
    return house.listing(FUTURE).quoting(QUOTE)


def test_a_future_is_worth_the_same_multiple_of_every_node(quoted):
    grid = quoted.grid()
    row, nodes = grid.instrument(FUTURE.id), grid.underlying("BTC").nodes
    assert row.carry == 20_000_000
    assert row.mark == 816_000
    for value, node in zip(row.values, nodes, strict=True):
        assert abs(value * LOTS - node * 10 * 102 // 100) <= LOTS // 2
    assert grid.instrument("BTC-PERP").carry == 0
    assert grid.mark_price("BTC-PERP") == 800_000
    assert grid.is_linear(FUTURE.id)


def test_the_multiple_stays_while_the_price_moves_and_shrinks_with_the_time_left(quoted):
    moved = quoted.after(DAY, BTC=9_000)
    assert carry_ppb(FUTURE, moved.state) == 18_000_000
    assert moved.grid().mark_price(FUTURE.id) == 916_200


def test_at_expiry_the_forward_is_the_spot_price_and_it_settles_at_that(quoted):
    assert carry_ppb(FUTURE, quoted.after(10 * DAY - 1).state) == 23
    over = quoted.after(10 * DAY)
    assert carry_ppb(FUTURE, over.state) == 0
    assert settlement_price(FUTURE, over.state) == 800_000


def test_without_a_quote_for_the_expiry_the_forward_is_the_spot_price_and_costs_nothing(house, quoted):
    other = Future("BTC", LOTS, EXPIRY + DAY)
    for entry in (other, Perpetual("BTC", LOTS)):
        assert valued_carry(entry, quoted.state) == carry_move_ppm(entry, quoted.state, house.parameters) == 0
    assert not covered_carry(other, quoted.state, house.parameters).contains(1)


@pytest.mark.parametrize("basis", [20_000_000, -20_000_000, 0])
def test_charges_pay_for_what_the_forward_may_do_until_the_proof_is_too_old(house, basis):
    quoted = house.listing(FUTURE).quoting(Slice(EXPIRY, basis, 60_000, 100_000, 90_000))
    covered = covered_carry(FUTURE, quoted.state, house.parameters)
    drift = abs(basis) * 4 // 240
    least, most = sorted((basis, basis - np.sign(basis) * drift))
    assert (covered.low, covered.high) == pytest.approx((least - 1_000_000, most + 1_000_000), abs=1)
    move = carry_move_ppm(FUTURE, quoted.state, house.parameters)
    assert 1_000 + drift // 1_000 <= move <= (1_000 + drift // 1_000) * 1.022 + 2
    high = quoted.grid().underlying("BTC").nodes[-1]
    charges = [closing_charge(FUTURE, 8_000 * USD, high, at.state, house.parameters) for at in (quoted, house)]
    assert charges[0] - charges[1] == -(-high * 10 * move // (10**6 * LOTS))


def test_a_digital_whose_gap_charge_is_its_payout_pays_no_more_for_the_forward(house):
    hours = house.parameters.max_proof_age_seconds + house.parameters.settlement_average_seconds
    moves = []
    for life in (hours, hours + 1):
        entry = Digital("BTC", LOTS, START + life, 8_000 * USD, OptionKind.CALL, 1_000 * USD)
        quoted = house.listing(entry).quoting(Slice(entry.expiry, 1_000_000, 6_000, 10_000, 9_000))
        moves.append(carry_move_ppm(entry, quoted.state, house.parameters))
        row = quoted.grid().instrument(entry.id)
        assert (row.gap_charge >= 1_000 * 10**9 // LOTS) is (life == hours)
    assert moves[0] == 0
    assert moves[1] > 1_000


def test_a_window_holds_while_the_forward_shrinks_as_foreseen_and_lapses_when_it_jumps(quoted):
    call = Option("BTC", LOTS, EXPIRY, 8_000 * USD, OptionKind.CALL)
    listed = quoted.listing(call)
    held = [FUTURE.id, call.id, "BTC-PERP"]
    window = window_of(listed.grid(), held, [])

    def reason(house):
        return lapse(window, house.state, held, [], house.registry, house.parameters)

    assert reason(listed.after(4 * HOUR)) is None
    for basis, lapses in ((21_000_000, False), (21_000_100, True), (18_800_000, False), (18_600_000, True)):
        figures = QUOTE.call_wing, QUOTE.put_wing, QUOTE.bend
        found = reason(listed.quoting(Slice(EXPIRY, basis, *figures)))
        assert (found is not None) is lapses
        if found is not None:
            assert (found.kind, found.needed_low) == (LapseKind.FORWARD, basis)
            assert found.subject in (FUTURE.id, call.id)


def test_a_forward_quoted_for_the_first_time_ends_the_windows_that_took_it_for_spot(house):
    listed = house.listing(FUTURE)
    window = window_of(listed.grid(), [FUTURE.id, "BTC-PERP"], [])
    state = listed.quoting(QUOTE).state
    found = lapse(window, state, [FUTURE.id], [], listed.registry, listed.parameters)
    assert found is not None
    assert (found.kind, found.subject) == (LapseKind.FORWARD, FUTURE.id)
    assert lapse(window, state, ["BTC-PERP"], [], listed.registry, listed.parameters) is None


def with_carry(entry, spot, volatility, life, carry):
    """QuantLib's barrier option on a price that drifts to the forward; USD, undiscounted."""
    today = QuantLib.Date(1, 3, 2020)
    QuantLib.Settings.instance().evaluationDate = today
    day = QuantLib.Actual365Fixed()

    def curve(rate):
        return QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(today, rate, day))

    level = QuantLib.BlackVolTermStructureHandle(
        QuantLib.BlackConstantVol(today, QuantLib.NullCalendar(), volatility, day)
    )
    quote = QuantLib.QuoteHandle(QuantLib.SimpleQuote(spot))
    dividend = -np.log1p(carry) * 365 / life
    process = QuantLib.BlackScholesMertonProcess(quote, curve(dividend), curve(0.0), level)
    kinds = {
        BarrierKind.DOWN_OUT: QuantLib.Barrier.DownOut,
        BarrierKind.DOWN_IN: QuantLib.Barrier.DownIn,
        BarrierKind.UP_OUT: QuantLib.Barrier.UpOut,
        BarrierKind.UP_IN: QuantLib.Barrier.UpIn,
    }
    side = QuantLib.Option.Call if entry.kind is OptionKind.CALL else QuantLib.Option.Put
    made = QuantLib.BarrierOption(
        kinds[entry.barrier_kind],
        entry.barrier / USD,
        0.0,
        QuantLib.PlainVanillaPayoff(side, entry.strike / USD),
        QuantLib.EuropeanExercise(today + life),
    )
    made.setPricingEngine(QuantLib.AnalyticBarrierEngine(process))
    return made.NPV()


@settings(max_examples=200)
@given(
    life=st.sampled_from([1, 3, 10, 60, 300]),
    strike=st.integers(6_000, 11_000),
    kind=st.sampled_from(OptionKind),
    level=st.integers(5_000, 12_000),
    barrier_kind=st.sampled_from(BarrierKind),
    basis=st.integers(-60, 60),
    place=st.integers(0, 20),
    volatility_level=st.integers(0, 2),
)
def test_a_barrier_option_under_its_carry_is_within_the_charge_of_its_value_without(
    house, life, strike, kind, level, barrier_kind, basis, place, volatility_level
):
    """Valued at forward = spot, whatever the forward is: the closing charge pays for the difference."""
    try:
        entry = Barrier("BTC", LOTS, START + life * DAY, strike * USD, kind, level * USD, barrier_kind)
    except InvalidInstrument:
        return
    total = int((0.64 * life / 365) ** 0.5 * 1e6)
    bare = replace(house, parameters=replace(house.parameters, closing_charge_bps=1), state=certain(house.state))
    quoted = bare.listing(entry).quoting(Slice(entry.expiry, basis * 1_000_000, total // 3, total // 2, total))
    spot = 6_700 + place * 150
    if entry.is_crossed(8_000 * USD) or entry.is_crossed(spot * USD):
        return
    row = quoted.grid().instrument(entry.id)
    volatility = row.levels[volatility_level] / 1e6
    moved = with_carry(entry, spot, volatility, life, basis / 1_000)
    still = with_carry(entry, spot, volatility, life, 0.0)
    assert row.carry == 0
    assert abs(moved - still) <= row.closing_charge * LOTS / 1e9


def certain(state):
    """The same prices, of which the oracle is sure."""
    return replace(state, underlyings=tuple(replace(entry, confidence_ppm=0) for entry in state.underlyings))
