"""Digitals and barrier options hide nothing between the nodes, nor before their expiry."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.market.curved import Frame, Quoted, valuations
from node.market.errors import InvalidInstrument
from node.market.exotic_valuation import barrier_book, digital_book
from node.market.instruments import Barrier, BarrierKind, Digital, Future, Option, OptionKind
from node.market.state import intrinsic_price
from node.market.surface import Slice, check_surface
from node.market.valuation import black76, option_sign
from tests.support.market import interpolated

USD = 10**8
HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
NOW = 1_583_020_800
AVERAGE = 1_800
SAMPLES = 3_000


def frame_of(nodes, age=4 * HOUR, price=100.0):
    return Frame(price * USD, np.array(nodes, dtype=float) * USD, NOW, NOW + age, AVERAGE)


def true_values(entry, prices, volatilities, times, *, knocked, forward=1.0):
    """Feed units per unit: the model's value while the option lives, what it pays once its time has come."""
    deviations = volatilities * np.sqrt(np.maximum(entry.expiry - times, 0) / YEAR)
    if isinstance(entry, Digital):
        living = digital_book([entry]).values(forward * prices, deviations).ravel()
    elif isinstance(entry, Option):
        living = black76(forward * prices, entry.strike, deviations, 1.0, option_sign(entry))
    elif knocked:
        plain = black76(prices, entry.strike, deviations, 1.0, option_sign(entry))
        living = plain if entry.barrier_kind.is_in else np.zeros_like(plain)
    else:
        living = barrier_book([entry]).values(prices, deviations).ravel()
    over = np.flatnonzero(times >= entry.expiry)
    living[over] = [
        100 * entry.lot_scale * intrinsic_price(entry, int(forward * prices[place]), knocked=knocked) for place in over
    ]
    return living


def sampled(entry, frame, levels, seed):
    """Random prices, volatilities and times of a window, crowded at nodes, and just before and at expiry."""
    rng = np.random.default_rng(seed)
    nodes = frame.nodes
    near = np.clip(rng.choice(nodes, SAMPLES) * (1 + rng.normal(0, 0.003, SAMPLES)), nodes[0], nodes[-1])
    prices = np.where(rng.random(SAMPLES) < 0.5, rng.uniform(nodes[0], nodes[-1], SAMPLES), near)
    prices = np.rint(np.where(rng.random(SAMPLES) < 0.1, rng.choice(nodes, SAMPLES), prices))
    volatilities = np.where(rng.random(SAMPLES) < 0.5, rng.choice(levels, SAMPLES), rng.uniform(levels[0], levels[-1]))
    last = min(frame.last_time, entry.expiry)
    times = np.where(rng.random(SAMPLES) < 0.5, rng.uniform(frame.time, last, SAMPLES), last)
    times = np.where(rng.random(SAMPLES) < 0.2, np.maximum(last - rng.choice([0.1, 1, 10, 100], SAMPLES), NOW), times)
    return prices, volatilities, times


def gap_ratio(entry, frame, levels, seed=1, forward=1.0):
    """The largest sampled gap over the charge; above 1 something hides."""
    other = Quoted(entry, 1.0, tuple(2 * level for level in levels), 1.0)  # its levels are no business of the first's
    made = valuations([Quoted(entry, levels[1], tuple(levels), forward), other], frame)[0]
    levels = np.array(levels)
    prices, volatilities, times = sampled(entry, frame, levels, seed)
    rows = interpolated(made.values, frame.nodes, levels, prices, volatilities)
    worlds = [False]
    if isinstance(entry, Barrier) and frame.nodes[0] <= entry.barrier <= frame.nodes[-1]:
        worlds.append(True)
    truth = [true_values(entry, prices, volatilities, times, knocked=known, forward=forward) for known in worlds]
    return max(np.abs(values - rows).max() for values in truth) / (made.gap + 100)


@st.composite
def windows(draw):
    nodes = sorted({80.0, 125.0, *draw(st.lists(st.floats(81, 124), min_size=0, max_size=4))})
    low = draw(st.floats(0.05, 1.5))
    return nodes, (low, low * draw(st.floats(1.05, 2)), low * draw(st.floats(2.1, 4)))


lives = st.sampled_from([1, 60, AVERAGE, HOUR, 4 * HOUR, 5 * HOUR, 6 * HOUR, DAY, 30 * DAY, YEAR])


@settings(max_examples=150)
@given(
    windows(),
    lives,
    st.integers(50, 200),
    st.sampled_from(OptionKind),
    st.sampled_from([1.0, 0.9, 0.99, 1.05]),
    st.integers(0, 99),
)
def test_no_option_with_a_forward_and_volatilities_of_its_own_is_further_from_the_rows_than_its_charge(
    window, life, strike, kind, forward, seed
):
    nodes, levels = window
    entry = Option("BTC", 1, NOW + life, strike * USD, kind)
    assert gap_ratio(entry, frame_of(nodes), levels, seed, forward) <= 1


@settings(max_examples=150)
@given(
    windows(),
    lives,
    st.integers(70, 140),
    st.sampled_from(OptionKind),
    st.booleans(),
    st.sampled_from([1.0, 0.93, 1.04]),
    st.integers(0, 99),
)
def test_no_digital_is_ever_further_from_the_rows_than_its_charge(window, life, strike, kind, listed, forward, seed):
    nodes, levels = window
    if listed and nodes[0] < strike < nodes[-1]:
        nodes = sorted({*nodes, float(strike)})
    entry = Digital("BTC", 1, NOW + life, strike * USD, kind, 1_000 * USD)
    assert gap_ratio(entry, frame_of(nodes), levels, seed, forward) <= 1


@settings(max_examples=250)
@given(
    windows(),
    lives,
    st.integers(60, 150),
    st.sampled_from(OptionKind),
    st.integers(60, 150),
    st.sampled_from(BarrierKind),
    st.integers(0, 99),
)
def test_no_barrier_option_is_ever_further_from_the_rows_than_its_charge(
    window, life, strike, kind, barrier, barrier_kind, seed
):
    try:
        entry = Barrier("BTC", 1, NOW + life, strike * USD, kind, barrier * USD, barrier_kind)
    except InvalidInstrument:
        assume(False)
    assume(not entry.is_crossed(100 * USD))
    nodes, levels = window
    nodes = sorted({*nodes, 100.0, *([float(barrier)] if nodes[0] < barrier < nodes[-1] else [])})
    assert gap_ratio(entry, frame_of(nodes), levels, seed) <= 1


@pytest.mark.parametrize(
    "entry",
    [
        Digital("BTC", 1, NOW + 15 * DAY, 100 * USD, OptionKind.CALL, 1_000 * USD),
        Digital("BTC", 1, NOW + 5 * HOUR, 110 * USD, OptionKind.PUT, 1_000 * USD),
        Barrier("BTC", 1, NOW + 15 * DAY, 100 * USD, OptionKind.CALL, 90 * USD, BarrierKind.DOWN_OUT),
        Barrier("BTC", 1, NOW + 15 * DAY, 100 * USD, OptionKind.CALL, 90 * USD, BarrierKind.DOWN_IN),
        Barrier("BTC", 1, NOW + 15 * DAY, 100 * USD, OptionKind.CALL, 70 * USD, BarrierKind.DOWN_IN),
        Barrier("BTC", 1, NOW + 5 * HOUR, 110 * USD, OptionKind.PUT, 90 * USD, BarrierKind.DOWN_OUT),
        Barrier("BTC", 1, NOW + 30 * DAY, 100 * USD, OptionKind.CALL, 150 * USD, BarrierKind.UP_OUT),
    ],
    ids=lambda entry: entry.id,
)
def test_the_charge_is_a_bound_and_not_a_lazy_one(entry):
    nodes = (80.0, 90.0, 100.0, 110.0, 121.0)
    assert 0.3 <= gap_ratio(entry, frame_of(nodes), (0.5, 0.8, 1.2)) <= 1


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("life", [HOUR, 6 * HOUR, 15 * DAY])
def test_rows_never_overstate_a_portfolio_of_all_kinds_anywhere_in_its_window(house, life, quoted):
    """On the integers of the grid: any book, price, multiple of volatility and moment of a proof, barriers crossed or
    not; with a smile and a forward too, which shrinks, and moves as far as charges cover."""
    expiry = NOW + life
    out = Barrier("BTC", 10_000, expiry, 8_000 * USD, OptionKind.CALL, 7_500 * USD, BarrierKind.DOWN_OUT)
    into = Barrier("BTC", 10_000, expiry, 8_200 * USD, OptionKind.CALL, 8_600 * USD, BarrierKind.UP_IN)
    cash = [Digital("BTC", 10_000, expiry, 8_100 * USD, kind, 1_000 * USD) for kind in OptionKind]
    plain = [Option("BTC", 10_000, expiry, strike * USD, kind) for strike in (7_000, 8_100) for kind in OptionKind]
    future = Future("BTC", 10_000, expiry)
    entries = [out, into, *cash, *plain, future]
    listed, rng = house.listing(*entries), np.random.default_rng(life)
    if quoted:
        total = 0.64 * life / YEAR * 1e6
        wings = int(total**0.5 * 300), int(total**0.5 * 900)
        listed = listed.quoting(Slice(expiry, 12_000_000, *wings, int(total * 1e6 / sum(wings))))
        check_surface(listed.state.surfaces[0])
    grid = listed.grid()
    frame = frame_of([node / USD for node in grid.underlying("BTC").nodes])
    prices, places, times = sampled(out, frame, np.array([0.0, 1.0, 2.0]), life)
    rows = {entry: grid.instrument(entry.id) for entry in entries}
    said = np.array([said_of(row, frame, prices, places) for row in rows.values()])
    moves = rng.uniform(size=SAMPLES)
    for crossed in ((False, False), (True, False), (False, True), (True, True)):
        known = {out: crossed[0], into: crossed[1]}
        truth = np.array(
            [truth_of(e, row, prices, places, times, moves, known.get(e, False)) for e, row in rows.items()]
        )
        for _ in range(20):
            lots = rng.integers(-1_000, 1_001, len(entries))
            charge = sum(
                abs(q) * (row.gap_charge + row.closing_charge) for q, row in zip(lots, rows.values(), strict=True)
            )
            if not quoted:  # then the gap charges alone are enough
                charge = sum(abs(q) * row.gap_charge for q, row in zip(lots, rows.values(), strict=True))
            assert (lots @ truth - (lots @ said - charge)).min() >= 0


def said_of(row, frame, prices, places):
    """What the rows say, at places between 0 and 2 from level to level; row units per lot."""
    if not row.levels:
        return np.interp(prices, frame.nodes, row.values)
    corners = np.array(row.values, dtype=float).reshape(frame.nodes.size, len(row.levels))
    return interpolated(corners, frame.nodes, np.array([0.0, 1.0, 2.0]), prices, places)


def truth_of(entry, row, prices, places, times, moves, knocked):
    """The model's value at the forwards that charges cover, each sample's at a place of its own; row units per lot."""
    carries = np.where(times < entry.expiry, row.carries.low + (row.carries.high - row.carries.low) * moves, 0) / 1e9
    if isinstance(entry, Future):
        return prices * (1 + carries) * 10 / entry.lot_scale
    volatilities = np.interp(places, [0, 1, 2], np.array(row.levels) / 1e6)
    if isinstance(entry, Option):
        deviations = volatilities * np.sqrt(np.maximum(entry.expiry - times, 0) / YEAR)
        values = black76(prices * (1 + carries), entry.strike, deviations, 1.0, option_sign(entry))
    elif isinstance(entry, Digital):
        values = true_values(entry, prices * (1 + carries), volatilities, times, knocked=knocked)
    else:
        values = true_values(entry, prices, volatilities, times, knocked=knocked)
    return values * 10 / entry.lot_scale
