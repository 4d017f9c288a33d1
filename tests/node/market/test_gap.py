"""Between the nodes nothing hides: the gap charge bounds every value the rows do not see."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.market.gap import corner_values, gap_bounds, option_book
from node.market.instruments import Future, Option, OptionKind, Registry
from node.market.valuation import black76, option_sign, years_to
from tests.support.market import interpolated

USD = 10**8
HOUR = 3600
LIVES = (1, 1_800, HOUR, 4 * HOUR, 5 * HOUR, 86_400, 15 * 86_400, 365 * 86_400)


PLACES = np.array([0.0, 1.0, 2.0])
"""Of the levels: each option has volatilities of its own there, and rows move all of them at once."""


def sample_window(grid, count, rng):
    """Random prices of BTC's window, crowded near the strikes and nodes as well as spread, and places between
    levels."""
    nodes = np.array(grid.underlying("BTC").nodes, dtype=float)
    spread = rng.uniform(nodes[0], nodes[-1], count)
    near = np.clip(rng.choice(nodes, count) * (1 + rng.normal(0, 0.01, count)), nodes[0], nodes[-1])
    prices = np.where(rng.random(count) < 0.5, spread, near)
    return nodes, prices, rng.uniform(0, 2, count)


def true_values(option, prices, volatilities, times):
    """Row units per lot; the payoff at and after expiry."""
    years = np.maximum(option.expiry - times, 0) / (365 * 86_400)
    return black76(prices, float(option.strike), volatilities, years, option_sign(option)) * 10 / option.lot_scale


def volatilities_at(entry, places):
    """An option's own volatilities at places between its levels."""
    return np.interp(places, PLACES, np.array(entry.levels) / 10**6)


def btc_options(house):
    return [e for e in house.registry.instruments if isinstance(e, Option) and e.underlying == "BTC"]


@pytest.mark.parametrize("life", LIVES)
def test_the_gap_charge_dominates_every_finely_sampled_gap(house_opener, life):
    house = house_opener(expires_in=life, future_in=life + 7)
    grid, rng = house.grid(), np.random.default_rng(life)
    nodes, prices, places = sample_window(grid, 40_000, rng)
    age = min(house.parameters.max_proof_age_seconds, life)
    times = grid.time + np.where(rng.random(prices.size) < 0.5, age, rng.uniform(0, age, prices.size))
    for option in btc_options(house):
        entry = grid.instrument(option.id)
        corners = np.array(entry.values, dtype=float).reshape(len(nodes), len(PLACES))
        rows = interpolated(corners, nodes, PLACES, prices, places)
        gaps = np.abs(true_values(option, prices, volatilities_at(entry, places), times) - rows)
        assert gaps.max() <= entry.gap_charge
        assert entry.gap_charge <= 1.5 * gaps.max() + 1_010  # a bound, and not a lazy one


@settings(max_examples=40)
@given(
    strike=st.floats(50, 200),
    life=st.floats(0, 0.5),
    spent=st.floats(0, 1),
    sign=st.sampled_from([1.0, -1.0]),
    low=st.floats(0.05, 1),
    ratio=st.floats(1.05, 4),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_the_bound_holds_for_any_strike_also_inside_a_cell(strike, life, spent, sign, low, ratio, place):
    nodes, levels = np.array([90.0, 100.0, 115.0]), np.array([low, low * ratio])
    book = option_book([strike], [sign], [life], [life * (1 - spent)])
    price = nodes[0] + place[0] * (nodes[-1] - nodes[0])
    volatility = levels[0] + place[1] * (levels[1] - levels[0])
    corners = corner_values(book, nodes, levels)[0]
    value = black76(price, strike, volatility, life * (1 - spent * place[2]), sign)
    rows = interpolated(corners, nodes, levels, np.array([price]), np.array([volatility]))
    assert abs(value - rows[0]) <= gap_bounds(book, nodes, levels)[0] + 1e-9


@pytest.mark.parametrize("life", [HOUR, 4 * HOUR, 15 * 86_400])
def test_rows_never_overstate_a_portfolio_anywhere_in_its_window(house_opener, life):
    house = house_opener(expires_in=life, future_in=life)
    grid, rng = house.grid(), np.random.default_rng(life)
    options = btc_options(house)
    entries = [grid.instrument(option.id) for option in options]
    linear = np.array(grid.instrument("BTC-PERP").values, dtype=float)
    _, prices, places = sample_window(grid, 2_000, rng)
    age = min(house.parameters.max_proof_age_seconds, life)
    times = grid.time + rng.uniform(0, age, prices.size)
    columns = [
        true_values(option, prices, volatilities_at(entry, places), times)
        for option, entry in zip(options, entries, strict=True)
    ]
    truth = np.column_stack([*columns, prices * 10 / 10_000])
    table = np.column_stack(
        [*(np.array(entry.values, dtype=float) for entry in entries), np.repeat(linear, len(PLACES))]
    )
    charges = np.array([*(entry.gap_charge for entry in entries), grid.instrument("BTC-PERP").gap_charge])
    for _ in range(60):
        quantities = rng.integers(-1_000, 1_001, len(options) + 1)
        window = (table @ quantities - charges @ np.abs(quantities)).min()
        assert (truth @ quantities).min() >= window


def butterfly_house(house_opener, width):
    """A house that lists three calls an hour before expiry, `width` dollars apart around 8,400, inside one cell."""
    house = house_opener(expires_in=HOUR)
    expiry = house.state.time + HOUR
    strikes = [(8_400 + offset) * USD for offset in (-width, 0, width)]
    calls = tuple(Option("BTC", 10_000, expiry, strike, OptionKind.CALL) for strike in strikes)
    registry = Registry(house.registry.underlyings, calls, ())
    return replace(house, registry=registry), calls


def test_a_butterfly_inside_a_cell_an_hour_before_expiry_is_refused(house_opener):
    """Sold around 8,400, it is worth nothing at every lattice node; at 8,400 it loses its width."""
    house, calls = butterfly_house(house_opener, width=150)
    nodes = np.array([8_000.0, 8_800.0]) * USD
    levels = np.array([0.01, 0.02])
    last = [years_to(call.expiry, house.state.time + house.parameters.max_proof_age_seconds) for call in calls]
    now = [years_to(call.expiry, house.state.time) for call in calls]
    book = option_book([float(call.strike) for call in calls], [1.0] * 3, now, last)
    sold = np.array([-10_000, 20_000, -10_000])  # lots: one butterfly on one bitcoin
    per_lot = 10 / 10_000
    corners = corner_values(book, nodes, levels) * per_lot
    assert np.abs(np.tensordot(sold, corners, 1)).max() < 10**6  # a thousandth of a dollar: the rows see nothing
    charge = np.abs(sold) @ (gap_bounds(book, nodes, levels) * per_lot)
    loss = 150 * 10**9
    assert charge >= loss


def test_listed_strikes_are_nodes_so_that_a_sold_butterfly_shows_its_loss(house_opener):
    house, calls = butterfly_house(house_opener, width=150)
    grid = house.grid()
    assert {call.strike for call in calls} <= set(grid.underlying("BTC").nodes)
    sold = [-10_000, 20_000, -10_000]
    entries = [grid.instrument(call.id) for call in calls]
    window = min(
        sum(entry.values[k] * lots - entry.gap_charge * abs(lots) for entry, lots in zip(entries, sold, strict=True))
        for k in range(len(entries[0].values))
    )
    assert window <= -150 * 10**9


def test_a_calendar_spread_pays_for_what_time_takes(house_opener):
    """Short the near call, long the far one, both at the strike: their gap over time must be charged."""
    house = house_opener(expires_in=6 * HOUR)
    far = Option("BTC", 10_000, house.state.time + 30 * 86_400, 8_000 * USD, OptionKind.CALL)
    registry = replace(house.registry, instruments=(*house.registry.instruments, far))
    grid = replace(house, registry=registry).grid()
    near = next(e for e in btc_options(house) if e.kind is OptionKind.CALL and e.strike == far.strike)
    levels = len(grid.underlying("BTC").levels)
    node = grid.underlying("BTC").nodes.index(far.strike) * levels + 1
    later = float(true_values(far, 8e11, 0.8, grid.time + 4 * HOUR))
    later -= float(true_values(near, 8e11, 0.8, grid.time + 4 * HOUR))
    entries = grid.instrument(far.id), grid.instrument(near.id)
    assert entries[0].values[node] - entries[1].values[node] - sum(e.gap_charge for e in entries) <= later


def test_a_straddle_pays_for_what_hides_between_volatility_levels(house_opener):
    """Far from the strike the value bends with volatility: a chord between levels overstates a long option."""
    house = house_opener(expires_in=86_400)
    grid = house.grid()
    option = next(e for e in btc_options(house) if e.strike == 8_800 * USD)
    entry, underlying = grid.instrument(option.id), grid.underlying("BTC")
    node = underlying.nodes.index(8 * 10**11) * 3
    low, mid = entry.levels[0], entry.levels[1]
    chord = (entry.values[node] + entry.values[node + 1]) / 2
    value = float(true_values(option, 8e11, (low + mid) / 2e6, grid.time))
    assert 0 < chord - value <= entry.gap_charge


def test_futures_and_perpetuals_have_no_gap_but_rounding(house):
    grid = house.grid()
    nodes = grid.underlying("BTC").nodes
    for name in ("BTC-PERP", Future("BTC", 10_000, 1_584_345_600).id):
        values = grid.instrument(name).values
        for price in range(nodes[0], nodes[-1], 10**9 + 7):
            weight = (price - nodes[0]) / (nodes[-1] - nodes[0])
            wide = values[0] * (1 - weight) + values[-1] * weight
            assert abs(wide - price * 10 / 10_000) <= grid.instrument(name).wide_gap_charge
