"""Digitals and barrier options on the grid: what rows make of them, what they refuse, and what a crossing changes."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.solvency import evaluate_solvency
from node.market.agreement import check_grid
from node.market.charges import averaging_ppm, closing_charge, short_minimum
from node.market.errors import GridDisagreement
from node.market.exotic_valuation import barrier_book, digital_book
from node.market.grid import VALUE_LIMIT, RiskGrid
from node.market.instruments import Barrier, BarrierKind, Digital, Future, Option, OptionKind, Perpetual, Registry
from node.market.parameters import FUNDING_TOLERANCE_LIMIT, UnderlyingParameters
from node.market.rows import compile_terms
from node.market.window import LapseKind, lapse, window_of

START = 1_583_020_800
USD = 10**8
HOUR, DAY = 3_600, 86_400
LOTS = 10_000
CALL, PUT = OptionKind
MICRO = 10**6


def digital(life, strike, kind=CALL, payout=1_000):
    return Digital("BTC", LOTS, START + life, strike * USD, kind, payout * USD)


def barrier(life, strike, kind, level, crossing):
    return Barrier("BTC", LOTS, START + life, strike * USD, kind, level * USD, crossing)


def spare(terms, cash, quantities, *, charges=True):
    """By how many row units the tightest row holds; without charges if told so."""
    if not charges:
        bare = {"gap_charge": 0, "closing_charge": 0, "short_minimum": 0}
        terms = replace(terms, exposures=tuple(replace(entry, **bare) for entry in terms.exposures))
    return evaluate_solvency(terms, cash, quantities)


def refused_though_the_nodes_look_well(house, book):
    """The least cash (µUSD) that rows without charges would accept, once it is clear that real rows refuse it."""
    grid = house.listing(*book).grid()
    held = {entry.id: lots for entry, lots in book.items()}
    terms = compile_terms(grid, list(held), [])
    quantities = [held[name] for name in sorted(held)]
    cash = -(spare(terms, 0, quantities, charges=False) // 1_000)
    assert spare(terms, cash, quantities, charges=False) >= 0
    assert spare(terms, cash, quantities) < 0
    return cash


def test_strikes_and_barriers_inside_the_window_are_nodes(house):
    entries = [digital(DAY, 7_777), barrier(DAY, 8_100, CALL, 7_350, BarrierKind.DOWN_OUT)]
    nodes = house.listing(*entries).grid().underlying("BTC").nodes
    assert {7_777 * USD, 8_100 * USD, 7_350 * USD} <= set(nodes)


def test_a_range_that_was_sold_inside_a_cell_is_refused(house):
    """A call at 8,100 and a put at 8,500 both pay between the strikes only; at each strike one of them is in doubt."""
    book = {digital(6 * HOUR, 8_100): -LOTS, digital(6 * HOUR, 8_500, PUT): -LOTS}
    cash = refused_though_the_nodes_look_well(house, book)
    middle = np.array(8_300.0 * USD)
    quiet = 0.16 * np.sqrt(2 * HOUR / (365 * DAY))  # the lowest level, when the proof is four hours old
    worth = sum(float(digital_book([entry]).values(middle, quiet).squeeze()) / USD for entry in book)
    assert cash / MICRO - worth < -80


def test_an_out_sold_just_before_its_expiry_is_refused(house):
    """Worth next to nothing at the nodes, 8,000 and its barrier, and some 500 between them when time has passed."""
    sold = barrier(6 * HOUR, 8_000, CALL, 8_700, BarrierKind.UP_OUT)
    cash = refused_though_the_nodes_look_well(house, {sold: -LOTS})
    quiet = 0.16 * np.sqrt(2 * HOUR / (365 * DAY))  # the lowest level, when the proof is four hours old
    worth = float(barrier_book([sold]).values(np.array(8_520.0 * USD), quiet).squeeze()) / USD
    assert cash / MICRO - worth < -100


def test_an_out_that_was_bought_is_refused_where_a_crossing_would_break_it(house):
    """Long an out against the plain option sold: equal at high prices, until 7,400 is touched on the way there."""
    out = barrier(15 * DAY, 8_000, CALL, 7_400, BarrierKind.DOWN_OUT)
    plain = Option("BTC", LOTS, START + 15 * DAY, 8_000 * USD, CALL)
    grid = house.listing(out, plain).grid()
    terms = compile_terms(grid, [out.id, plain.id], [])
    held = {out.id: LOTS, plain.id: -LOTS}
    quantities = [held[name] for name in sorted(held)]
    top = grid.underlying("BTC").nodes[-1]
    loss = (top - 8_000 * USD) // 100  # at the window's edge the out may be gone and the call is in the money
    assert spare(terms, loss, quantities) < 0


def test_a_digital_is_charged_its_whole_payout_once_its_average_may_begin(house):
    last = START + house.parameters.max_proof_age_seconds + house.parameters.settlement_average_seconds
    payout = 1_000 * 10 * USD // LOTS
    charges = [
        house.listing(entry).grid().instrument(entry.id).gap_charge
        for entry in (
            digital(last - START, 8_000),
            digital(last - START + 1, 8_000),
        )
    ]
    assert payout <= charges[0] <= payout + 1_010
    assert charges[1] < payout


def test_a_crossed_in_is_the_plain_option_and_a_crossed_out_is_worth_nothing(house):
    out = barrier(15 * DAY, 8_000, CALL, 7_500, BarrierKind.DOWN_OUT)
    into, plain = (
        replace(out, barrier_kind=BarrierKind.DOWN_IN),
        Option("BTC", LOTS, START + 15 * DAY, 8_000 * USD, CALL),
    )
    listed = house.listing(out, into, plain)
    alive = listed.grid()
    assert 0 < alive.mark_price(out.id) < alive.mark_price(plain.id)
    total = alive.mark_price(out.id) + alive.mark_price(into.id)
    assert abs(total - alive.mark_price(plain.id)) <= 1
    crossed = listed.after(900, BTC=7_450).after(900, BTC=8_000).grid()
    became, expected = crossed.instrument(into.id), crossed.instrument(plain.id)
    assert became == replace(expected, id=into.id)
    gone = crossed.instrument(out.id)
    assert (set(gone.values), gone.mark, gone.gap_charge) == ({0}, 0, 3)
    assert gone.closing_charge == gone.short_minimum == 0
    assert not crossed.is_linear(out.id)


def test_two_ins_that_became_one_option_are_both_valued(house):
    ins = [barrier(15 * DAY, 8_000, CALL, level, BarrierKind.DOWN_IN) for level in (7_500, 7_600)]
    grid = house.listing(*ins).after(900, BTC=7_400).grid()
    assert grid.instrument(ins[0].id).values == grid.instrument(ins[1].id).values


def test_marks_are_the_model_at_the_price_and_volatility_in_force(house):
    entries = digital(DAY, 8_100), barrier(DAY, 8_000, PUT, 7_000, BarrierKind.DOWN_IN)
    grid, deviation = house.listing(*entries).grid(), 0.8 * np.sqrt(1 / 365)
    for entry, book in zip(entries, (digital_book(entries[:1]), barrier_book(entries[1:])), strict=True):
        value = float(book.values(np.array(8_000.0 * USD), np.array(deviation)).squeeze()) / (100 * LOTS)
        assert abs(grid.mark_price(entry.id) - value) <= 0.5


def test_a_crossing_ends_the_window_of_its_holders_only(house):
    out = barrier(15 * DAY, 8_000, CALL, 7_900, BarrierKind.DOWN_OUT)
    listed = house.listing(out)
    before = window_of(listed.grid(), [out.id], [])
    after = listed.after(900, BTC=7_890).after(900, BTC=8_000)
    lapsed = lapse(before, after.state, [out.id], [], after.registry, after.parameters)
    assert lapsed is not None
    assert (lapsed.kind, lapsed.subject, lapsed.needed_low, lapsed.low) == (LapseKind.KNOCK, out.id, 2, 1)
    assert lapse(before, after.state, ["BTC-PERP"], [], after.registry, after.parameters) is not lapsed
    renewed = window_of(after.grid(), [out.id], [])
    assert lapse(renewed, after.state, [out.id], [], after.registry, after.parameters) is None


@pytest.mark.parametrize("entry", [digital(15 * DAY, 8_000), barrier(15 * DAY, 8_000, PUT, 7_000, BarrierKind.DOWN_IN)])
def test_holders_depend_on_volatility(house, entry):
    listed = house.listing(entry)
    window = window_of(listed.grid(), [entry.id], [])
    state = listed.state
    shaken = replace(
        state,
        underlyings=tuple(replace(e, volatility=replace(e.volatility, sigma_ppm=1_100_000)) for e in state.underlyings),
    )
    wide = replace(window, underlyings=tuple(replace(e, low=1, high=10**14) for e in window.underlyings))
    reason = lapse(wide, shaken, [entry.id], [], listed.registry, listed.parameters)
    assert reason is not None
    assert reason.kind is LapseKind.VOLATILITY


def test_a_digital_has_charges_of_its_payout_by_hand(house):
    entry = digital(365 * DAY, 8_000)
    high = 9_680 * USD
    # s = 0.8 · (1 − 0.4 · (30/365)^¼) = 0.62866 at the lowest level; 1/√(2π) · 0.002 / s and · 0.0005 / s, in ppm
    # rounded up, of 0.1 dollars a lot
    assert closing_charge(entry, 8_000 * USD, high, house.state, house.parameters) == (1_270 + 318) * 100
    assert short_minimum(entry, high, house.parameters) == 1_000_000


def test_a_barrier_option_has_charges_by_hand(house):
    high = 9_680 * USD
    regular = barrier(365 * DAY, 8_000, CALL, 6_400, BarrierKind.DOWN_OUT)
    # the plain option's 2,336,000 and 8,000/6,400 of it for the reflected one
    assert closing_charge(regular, 8_000 * USD, high, house.state, house.parameters) == 2_336_000 * 9 // 4
    reverse = barrier(365 * DAY, 8_000, PUT, 6_400, BarrierKind.DOWN_OUT)
    # 0.002 · 9,680/6,400, which exceeds 2/√(2π) · 0.002 / s, and 2/√(2π) · 0.0005 / s, of |8,000 − 6,400| dollars
    touch = (3_025 + 635) * 160
    assert closing_charge(reverse, 8_000 * USD, high, house.state, house.parameters) == 2_336_000 * 9 // 4 + touch


def test_the_average_is_charged_where_it_may_begin_before_a_proof_is_too_old(house):
    hours = house.parameters.max_proof_age_seconds + house.parameters.settlement_average_seconds
    near, far = (Future("BTC", LOTS, START + hours + wait) for wait in (0, 1))
    # 3 · 0.8 · √(600 s / a year) = 1.0469 %
    assert averaging_ppm(near, house.state, house.parameters) == 10_469
    assert averaging_ppm(far, house.state, house.parameters) == 0
    assert averaging_ppm(Perpetual("BTC", LOTS), house.state, house.parameters) == 0
    extra = [closing_charge(entry, 8_000 * USD, 9_680 * USD, house.state, house.parameters) for entry in (near, far)]
    assert extra[0] - extra[1] == 10_469 * 800


def test_a_grid_with_every_kind_survives_encoding_and_a_value_off_by_a_millionth_is_refused(house):
    out = barrier(15 * DAY, 8_000, CALL, 6_000, BarrierKind.DOWN_OUT)
    grid = house.listing(digital(15 * DAY, 8_100), out).grid()
    assert RiskGrid.decode(grid.encode()) == grid
    entry = grid.instrument(out.id)
    off = replace(entry, values=(*entry.values[:-1], round(entry.values[-1] * (1 + 1e-6))))
    published = replace(grid, instruments=tuple(off if e.id == out.id else e for e in grid.instruments))
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(published, grid)
    assert (refusal.value.instrument, refusal.value.node) == (out.id, len(entry.values) - 1)


def test_at_the_largest_figures_everything_fits_in_63_bits(house):
    price, expiry = 6 * 10**16, house.state.time + 600
    most = 10**17 - 1
    entries = (
        Digital("BTC", 1, expiry, most, PUT, most),
        Barrier("BTC", 1, expiry, most, CALL, 1, BarrierKind.DOWN_OUT),
        Barrier("BTC", 1, expiry, most, PUT, 1, BarrierKind.DOWN_IN),
        Barrier("BTC", 1, expiry, 1, CALL, most, BarrierKind.UP_IN),
    )
    underlyings = (UnderlyingParameters("BTC", price, FUNDING_TOLERANCE_LIMIT),)
    state = replace(
        house.state,
        underlyings=tuple(replace(e, price=price) for e in house.state.underlyings if e.symbol == "BTC"),
        stale=(),
    )
    parameters = replace(house.parameters, underlyings=underlyings, correlated=())
    house = replace(house, registry=Registry(("BTC",), entries, ()), parameters=parameters, state=state)
    for entry in house.grid().instruments:
        charges = (entry.gap_charge, entry.closing_charge, entry.short_minimum, entry.mark)
        assert all(0 <= figure < VALUE_LIMIT for figure in (*entry.values, *entry.beyond.tails, *charges))
