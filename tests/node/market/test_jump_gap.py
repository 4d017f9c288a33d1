"""Digitals and barrier options hide nothing between the nodes, nor before their expiry."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.market.curved import Frame, surfaces
from node.market.errors import InvalidInstrument
from node.market.exotic_valuation import barrier_book, digital_book
from node.market.instruments import Barrier, BarrierKind, Digital, OptionKind
from node.market.state import intrinsic_price
from node.market.valuation import black76, option_sign
from tests.support.market import interpolated

USD = 10**8
HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
NOW = 1_583_020_800
AVERAGE = 1_800
SAMPLES = 3_000


def frame_of(nodes, levels, age=4 * HOUR, price=100.0):
    arrays = np.array(nodes, dtype=float) * USD, np.array(levels, dtype=float)
    return Frame(price * USD, float(levels[-1]), *arrays, NOW, NOW + age, AVERAGE)


def true_values(entry, prices, volatilities, times, *, knocked):
    """Feed units per unit: the model's value while the option lives, what it pays once its time has come."""
    deviations = volatilities * np.sqrt(np.maximum(entry.expiry - times, 0) / YEAR)
    if isinstance(entry, Digital):
        living = digital_book([entry]).values(prices, deviations).ravel()
    elif knocked:
        plain = black76(prices, entry.strike, deviations, 1.0, option_sign(entry))
        living = plain if entry.barrier_kind.is_in else np.zeros_like(plain)
    else:
        living = barrier_book([entry]).values(prices, deviations).ravel()
    over = np.flatnonzero(times >= entry.expiry)
    living[over] = [
        100 * entry.lot_scale * intrinsic_price(entry, int(prices[place]), knocked=knocked) for place in over
    ]
    return living


def sampled(entry, frame, seed):
    """Random prices, volatilities and times of a window, crowded at nodes, and just before and at expiry."""
    rng = np.random.default_rng(seed)
    nodes, levels = frame.nodes, frame.levels
    near = np.clip(rng.choice(nodes, SAMPLES) * (1 + rng.normal(0, 0.003, SAMPLES)), nodes[0], nodes[-1])
    prices = np.where(rng.random(SAMPLES) < 0.5, rng.uniform(nodes[0], nodes[-1], SAMPLES), near)
    prices = np.rint(np.where(rng.random(SAMPLES) < 0.1, rng.choice(nodes, SAMPLES), prices))
    volatilities = np.where(rng.random(SAMPLES) < 0.5, rng.choice(levels, SAMPLES), rng.uniform(levels[0], levels[-1]))
    last = min(frame.last_time, entry.expiry)
    times = np.where(rng.random(SAMPLES) < 0.5, rng.uniform(frame.time, last, SAMPLES), last)
    times = np.where(rng.random(SAMPLES) < 0.2, np.maximum(last - rng.choice([0.1, 1, 10, 100], SAMPLES), NOW), times)
    return prices, volatilities, times


def gap_ratio(entry, frame, seed=1):
    """The largest sampled gap over the charge; above 1 something hides."""
    surface = surfaces([entry], frozenset(), frame)[entry.id]
    prices, volatilities, times = sampled(entry, frame, seed)
    rows = interpolated(surface.values, frame.nodes, frame.levels, prices, volatilities)
    worlds = [False]
    if isinstance(entry, Barrier) and frame.nodes[0] <= entry.barrier <= frame.nodes[-1]:
        worlds.append(True)
    gaps = [np.abs(true_values(entry, prices, volatilities, times, knocked=known) - rows) for known in worlds]
    return max(gap.max() for gap in gaps) / (surface.gap + 100)


@st.composite
def windows(draw):
    nodes = sorted({80.0, 125.0, *draw(st.lists(st.floats(81, 124), min_size=0, max_size=4))})
    low = draw(st.floats(0.05, 1.5))
    return nodes, (low, low * draw(st.floats(1.05, 2)), low * draw(st.floats(2.1, 4)))


lives = st.sampled_from([1, 60, AVERAGE, HOUR, 4 * HOUR, 5 * HOUR, 6 * HOUR, DAY, 30 * DAY, YEAR])


@settings(max_examples=150, deadline=None)
@given(windows(), lives, st.integers(70, 140), st.sampled_from(OptionKind), st.booleans(), st.integers(0, 99))
def test_no_digital_is_ever_further_from_the_rows_than_its_charge(window, life, strike, kind, listed, seed):
    nodes, levels = window
    if listed and nodes[0] < strike < nodes[-1]:
        nodes = sorted({*nodes, float(strike)})
    entry = Digital("BTC", 1, NOW + life, strike * USD, kind, 1_000 * USD)
    assert gap_ratio(entry, frame_of(nodes, levels), seed) <= 1


@settings(max_examples=250, deadline=None)
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
    assert gap_ratio(entry, frame_of(nodes, levels), seed) <= 1


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
    assert 0.3 <= gap_ratio(entry, frame_of(nodes, (0.5, 0.8, 1.2))) <= 1


@pytest.mark.parametrize("life", [HOUR, 6 * HOUR, 15 * DAY])
def test_rows_never_overstate_a_portfolio_of_all_kinds_anywhere_in_its_window(house, life):
    """On the integers of the grid: any book, price, volatility and moment of a proof, barriers crossed or not."""
    expiry = NOW + life
    out = Barrier("BTC", 10_000, expiry, 8_000 * USD, OptionKind.CALL, 7_500 * USD, BarrierKind.DOWN_OUT)
    into = Barrier("BTC", 10_000, expiry, 8_200 * USD, OptionKind.CALL, 8_600 * USD, BarrierKind.UP_IN)
    cash = [Digital("BTC", 10_000, expiry, 8_100 * USD, kind, 1_000 * USD) for kind in OptionKind]
    listed, rng = house.listing(out, into, *cash), np.random.default_rng(life)
    grid, entries = listed.grid(), [out, into, *cash]
    btc = grid.underlying("BTC")
    frame = frame_of([node / USD for node in btc.nodes], [level / 1e6 for level in btc.levels])
    prices, volatilities, times = sampled(out, frame, life)
    rows = [grid.instrument(entry.id) for entry in entries]
    corners = [np.array(row.values, dtype=float).reshape(len(btc.nodes), len(btc.levels)) for row in rows]
    said = [interpolated(surface, frame.nodes, frame.levels, prices, volatilities) for surface in corners]
    for crossed in ((False, False), (True, False), (False, True), (True, True)):
        worlds = zip(entries, (*crossed, False, False), strict=True)
        truth = [true_values(e, prices, volatilities, times, knocked=knocked) * 10 / 10_000 for e, knocked in worlds]
        for _ in range(20):
            lots = rng.integers(-1_000, 1_001, len(entries))
            charge = sum(abs(q) * row.gap_charge for q, row in zip(lots, rows, strict=True))
            assert (lots @ np.array(truth) - (lots @ np.array(said) - charge)).min() >= 0
