"""The grid: exact nodes, agreed values, refused differences."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market import curved
from node.market.agreement import check_grid
from node.market.charges import short_minimum
from node.market.errors import GridDisagreement, MissingFeed, UnknownInstrument, ValueOutOfRange
from node.market.gap import corner_values
from node.market.grid import VALUE_LIMIT, RiskGrid, compute_grid
from node.market.instruments import Option, OptionKind, Perpetual, Registry
from node.market.lattice import Lattice
from node.market.parameters import FUNDING_TOLERANCE_LIMIT, UnderlyingParameters
from node.market.valuation import black76
from node.market.widths import price_range

USD = 10**8
CALL = "BTC-20200316-8000-C"


def nudged(grid: RiskGrid, name: str, node: int, by: int) -> RiskGrid:
    """The grid with one value changed."""
    entry = grid.instrument(name)
    values = list(entry.values)
    values[node] += by
    changed = replace(entry, values=tuple(values))
    return replace(grid, instruments=tuple(changed if e.id == name else e for e in grid.instruments))


def test_lattice_nodes_are_exact_powers_of_the_ratio():
    lattice = Lattice("BTC", 8_000 * USD, 11, 10)
    assert [lattice.node(place) for place in (-2, -1, 0, 1, 2)] == [
        661_157_024_793,
        727_272_727_272,
        800_000_000_000,
        880_000_000_000,
        968_000_000_000,
    ]


def test_a_window_of_initial_width_ends_on_lattice_nodes_outside_it(house):
    grid = house.grid().underlying("BTC")
    assert grid.initial_width_ppm == 161_500
    assert grid.nodes == (661_157_024_793, 720_000_000_000, 727_272_727_272, 8 * 10**11, 88 * 10**10, 968 * 10**9)


@given(price=st.integers(10**6, 10**15), width=st.integers(50_000, 599_999), strike=st.integers(1, 10**16))
def test_every_window_contains_its_range_with_edges_on_the_lattice(price, width, strike):
    lattice = Lattice("BTC", 8_000 * USD, 11, 10)
    reach = price_range(price, width)
    nodes = lattice.window(reach, [strike])
    assert nodes[0] <= reach.low
    assert reach.high <= nodes[-1]
    assert lattice.node(lattice.floor(reach.low)) == nodes[0]
    assert nodes[-1] == lattice.node(lattice.floor(nodes[-1]))
    assert (strike in nodes) == (nodes[0] <= strike <= nodes[-1])
    assert all(left < right for left, right in pairwise(nodes))
    assert all(right * 10 <= left * 11 + 20 for left, right in pairwise(nodes))


def test_a_price_the_lattice_cannot_serve_is_refused():
    lattice = Lattice("BTC", 8_000 * USD, 11, 10)
    for price in (900, 10**17 - 1):
        with pytest.raises(ValueOutOfRange):
            lattice.window(price_range(price, 100_000), [])


def test_successive_rounds_share_their_lattice(house):
    before, after = house.grid(), house.grid(house.at(60, BTC=8_100))
    assert set(before.underlying("BTC").nodes[1:]) <= set(after.underlying("BTC").nodes) | {661_157_024_793}


def test_linear_values_are_the_price_to_the_nearest_unit(house):
    grid = house.grid()
    nodes = grid.underlying("BTC").nodes
    for name in ("BTC-PERP", "BTC-20200316"):
        values = grid.instrument(name).values
        assert all(abs(value * 10_000 - node * 10) <= 5_000 for value, node in zip(values, nodes, strict=True))
        assert grid.instrument(name).gap_charge == 1
        assert grid.instrument(name).wide_gap_charge == 2
    assert grid.mark_price("BTC-PERP") == 800_000


def test_collateral_is_floored_after_its_haircut(house):
    grid = house.grid()
    weth = grid.instrument("WETH@1")
    assert weth.mark == 2_000_000
    for value, node in zip(weth.values, grid.underlying("ETH").nodes, strict=True):
        exact = node * 10 * 95
        assert value * 100 * 10**5 <= exact < (value + 1) * 100 * 10**5
    assert weth.gap_charge == weth.closing_charge == 0


def test_cash_is_no_part_of_the_grid(house):
    with pytest.raises(UnknownInstrument):
        house.grid().instrument("USD@1")
    with pytest.raises(MissingFeed):
        house.grid().underlying("USD")


def test_an_option_has_a_value_for_each_node_and_level(house):
    grid = house.grid()
    underlying, call = grid.underlying("BTC"), grid.instrument(CALL)
    assert underlying.levels == (480_000, 800_000, 1_200_000)
    assert len(call.values) == len(underlying.nodes) * 3
    by_node = [call.values[3 * place : 3 * place + 3] for place in range(len(underlying.nodes))]
    assert all(low < mid < high for low, mid, high in by_node)
    assert [mid for _, mid, _ in by_node] == sorted(mid for _, mid, _ in by_node)
    at_the_money = by_node[underlying.nodes.index(8_000 * USD)][1]
    assert abs(call.mark * 1_000 - at_the_money) <= 500


def test_an_expired_instrument_is_off_the_grid(house_opener):
    house = house_opener(expires_in=3_600)
    last = house.grid(house.at(3_599))
    assert last.instrument("BTC-20200301T010000-8000-C")
    with pytest.raises(UnknownInstrument):
        house.grid(house.at(3_600)).instrument("BTC-20200301T010000-8000-C")


def test_charges_by_hand(house):
    grid = house.grid()
    perpetual, call = grid.instrument("BTC-PERP"), grid.instrument(CALL)
    # 20 bp of 9,680 dollars and 500 ppm of 8,000, over 10,000 lots; φ is 0.1 % of 0.8 dollars
    assert call.closing_charge == 1_936_000 + 400_000
    assert perpetual.closing_charge == 1_936_000 + 400_000 + 800_000
    assert call.short_minimum == 9_680_000
    assert perpetual.short_minimum == 0


def test_the_short_option_minimum_is_rounded_up_to_an_even_number(house):
    call = house.registry.instrument(CALL)
    high = 968_000_000_000
    charged = [short_minimum(call, price, house.parameters) for price in (high, high + 1, high + 10**5)]
    assert charged == [9_680_000, 9_680_002, 9_680_002]


def test_settlement_rounding_is_charged_when_the_expiry_is_within_a_proofs_life(house_opener):
    house = house_opener(future_in=4 * 3600)
    assert house.grid().instrument("BTC-20200301T040000").gap_charge == 1_001
    assert house_opener(future_in=4 * 3600 + 1).grid().instrument("BTC-20200301T040001").gap_charge == 1


def test_at_the_largest_price_and_lot_every_figure_fits_in_63_bits(house):
    price, expiry = 6 * 10**16, house.state.time + 600
    entries = (Perpetual("BTC", 1), *(Option("BTC", 1, expiry, price, kind) for kind in OptionKind))
    parameters = replace(
        house.parameters,
        underlyings=(UnderlyingParameters("BTC", price, FUNDING_TOLERANCE_LIMIT),),
        correlated=(),
        closing_charge_bps=10_000,
        short_option_minimum_ppm=10**6,
        oracle_confidence_limit_ppm=10**6,
    )
    underlying = replace(house.state.underlying("BTC"), price=price, confidence_ppm=10**6)
    state = replace(house.state, underlyings=(underlying,))
    grid = compute_grid(Registry(("BTC",), entries, ()), parameters, state)
    for entry in grid.instruments:
        figures = (*entry.values, entry.gap_charge, entry.closing_charge, entry.short_minimum)
        figures += (*entry.beyond.tails, *entry.beyond.near, *entry.beyond.skew, *entry.beyond.basis)
        assert max(figures) < VALUE_LIMIT
    assert max(grid.instrument("BTC-PERP").values) > VALUE_LIMIT // 16


def test_a_grid_survives_encoding_and_has_one_digest(house):
    grid = house.grid()
    assert RiskGrid.decode(grid.encode()) == grid
    assert house.grid().digest == grid.digest
    assert nudged(grid, CALL, 0, 1).digest != grid.digest


def test_a_difference_in_the_last_unit_is_accepted(house):
    grid = house.grid()
    for by in (-1, 1):
        check_grid(nudged(grid, CALL, 4, by), grid)


def test_a_large_value_may_differ_by_a_billionth_and_no_more(house_opener):
    grid = house_opener(btc=500_000_000).grid()
    name = next(e.id for e in grid.instruments if e.id.startswith("BTC") and e.id.endswith("-C"))
    node = len(grid.instrument(name).values) - 1
    latitude = grid.instrument(name).values[node] // 10**9
    assert latitude > 2
    check_grid(nudged(grid, name, node, latitude), grid)
    with pytest.raises(GridDisagreement):
        check_grid(nudged(grid, name, node, latitude + 1), grid)


def test_a_value_a_millionth_off_is_refused_naming_instrument_and_node(house):
    grid = house.grid()
    value = grid.instrument(CALL).values[7]
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(nudged(grid, CALL, 7, max(2, value // 10**6)), grid)
    assert (refusal.value.instrument, refusal.value.field, refusal.value.node) == (CALL, "values", 7)


def shaken(ulps: int):
    """Option valuation as on a machine whose floats differ: each value moved by `ulps` in the last place."""

    def moved(values):
        return values + ulps * np.spacing(np.abs(values))

    def surfaces(*arguments):
        return moved(corner_values(*arguments))

    def one(*arguments):
        return moved(black76(*arguments))

    return surfaces, one


@pytest.mark.parametrize("ulps", [-8, -1, 1, 8])
def test_machines_whose_floats_differ_in_the_last_bits_accept_each_other_s_grids(house, monkeypatch, ulps):
    here = house.grid()
    surfaces, one = shaken(ulps)
    calls = []
    monkeypatch.setattr(curved, "corner_values", lambda *a: calls.append(a) or surfaces(*a))
    monkeypatch.setattr(curved, "black76", lambda *a: calls.append(a) or one(*a))
    there = house.grid()
    assert calls
    check_grid(there, here)
    check_grid(here, there)


@pytest.mark.parametrize("node", [4, 11, 17])
def test_a_valuation_a_millionth_off_at_one_node_is_refused_by_instrument_and_node(house, monkeypatch, node):
    own = house.grid()
    options = [
        e.id for e in own.instruments if e.underlying == "BTC" and len(e.values) == len(own.instrument(CALL).values)
    ]
    assert own.instrument(CALL).values[node] > 2 * 10**6

    def wrong(*arguments):
        values = corner_values(*arguments).copy()
        if values.shape[0] == len(options):
            place = [o.id for o in house.registry.instruments if o.id in options].index(CALL)
            values[place].ravel()[node] *= 1 + 1e-6
        return values

    monkeypatch.setattr(curved, "corner_values", wrong)
    published = house.grid()
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(published, own)
    assert (refusal.value.instrument, refusal.value.field, refusal.value.node) == (CALL, "values", node)
    assert str(refusal.value).startswith(f"{CALL}.values[{node}]: published ")


@pytest.mark.parametrize("field", ["tails", "skew", "basis"])
def test_an_options_contingencies_may_differ_by_rounding_and_no_more(house, field):
    own = house.grid()

    def moved(by):
        entry = own.instrument(CALL)
        figures = getattr(entry.beyond, field)
        changed = replace(entry, beyond=replace(entry.beyond, **{field: (figures[0] + by, *figures[1:])}))
        return replace(own, instruments=tuple(changed if e.id == CALL else e for e in own.instruments))

    check_grid(moved(1), own)
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(moved(max(2, own.instrument(CALL).values[0] // 10**6)), own)
    assert (refusal.value.instrument, refusal.value.field, refusal.value.node) == (CALL, field, 0)


@pytest.mark.parametrize(("name", "field"), [("BTC-PERP", "tails"), ("WETH@1", "near"), (CALL, "slippage")])
def test_exact_contingencies_must_be_equal(house, name, field):
    own = house.grid()
    entry = own.instrument(name)
    figures = getattr(entry.beyond, field)
    changed = figures + 1 if field == "slippage" else (figures[0] + 1, *figures[1:])
    other = replace(entry, beyond=replace(entry.beyond, **{field: changed}))
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(replace(own, instruments=tuple(other if e.id == name else e for e in own.instruments)), own)
    assert (refusal.value.instrument, refusal.value.field) == (name, field)


def test_a_settlement_token_below_its_peg_widens_the_closing_charge(house):
    """At 0.97 dollars it is 0.02 below the threshold, of which four times counts: 8 % of 8,000 dollars a bitcoin."""
    token = UnderlyingParameters("USD", 10**8, 1)
    listed = replace(house.parameters, underlyings=(*house.parameters.underlyings, token), stablecoin="USD")
    registry = replace(house.registry, underlyings=("BTC", "ETH", "USD"))

    def charge(worth):
        worthy = replace(house.state.underlying("BTC"), symbol="USD", price=worth)
        state = replace(house.state, underlyings=(*house.state.underlyings, worthy))
        grid = compute_grid(registry, listed, state)
        assert [entry.symbol for entry in grid.underlyings] == ["BTC", "ETH"]
        return grid.instrument("BTC-PERP").closing_charge

    usual = house.grid().instrument("BTC-PERP").closing_charge
    assert charge(10**8) == charge(99 * 10**6) == usual
    assert charge(97 * 10**6) == usual + 640 * 10**9 // 10_000
    assert charge(1) == usual + 8_000 * 10**9 // 10_000


@pytest.mark.parametrize("name", ["BTC-PERP", "BTC-20200316", "WETH@1"])
def test_linear_values_must_be_equal(house, name):
    grid = house.grid()
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(nudged(grid, name, 2, 1), grid)
    assert (refusal.value.instrument, refusal.value.node) == (name, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"price": 1},
        {"sigma_ppm": 1},
        {"nodes": (1, 2)},
        {"levels": (1, 2, 3)},
        {"maintenance_width_ppm": 1},
        {"initial_width_ppm": 1},
    ],
)
def test_prices_nodes_levels_and_widths_must_be_equal(house, change):
    grid = house.grid()
    changed = replace(grid.underlyings[0], **change)
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(replace(grid, underlyings=(changed, *grid.underlyings[1:])), grid)
    assert (refusal.value.instrument, refusal.value.field) == ("BTC", next(iter(change)))


@pytest.mark.parametrize("field", ["wide_gap_charge", "closing_charge", "short_minimum", "funding"])
def test_exact_charges_and_funding_must_be_equal(house, field):
    grid = house.grid()
    changed = tuple(replace(e, **{field: getattr(e, field) + 1}) if e.id == CALL else e for e in grid.instruments)
    with pytest.raises(GridDisagreement) as refusal:
        check_grid(replace(grid, instruments=changed), grid)
    assert refusal.value.field == field


def test_a_grid_of_another_round_or_with_less_listed_is_refused(house):
    grid = house.grid()
    for other in (
        replace(grid, round=grid.round + 1),
        replace(grid, time=grid.time + 1),
        replace(grid, instruments=grid.instruments[1:]),
        replace(grid, underlyings=grid.underlyings[1:]),
    ):
        with pytest.raises(GridDisagreement):
            check_grid(other, grid)


def test_a_grid_of_ten_instruments_takes_less_than_thirty_milliseconds(house):
    best = min(_seconds(house) for _ in range(5))
    assert best < 0.030


def _seconds(house) -> float:
    start = time.perf_counter()
    house.grid()
    return time.perf_counter() - start
