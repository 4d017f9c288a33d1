"""From grids to margin statements."""

from dataclasses import replace

import pytest

from circuits.solvency import evaluate_solvency
from circuits.solvency_terms import solvency_statement
from node.market.errors import InvalidInput, UnknownInstrument
from node.market.rows import compile_terms

CALL = "BTC-20200316-8000-C"


def test_exposures_stand_in_one_order_positions_first(house):
    grid = house.grid()
    terms = compile_terms(grid, ["ETH-PERP", "BTC-PERP"], ["WETH@1", "WBTC@2"])
    assert terms == compile_terms(grid, ["BTC-PERP", "ETH-PERP"], ["WBTC@2", "WETH@1"])
    assert [entry.is_position for entry in terms.exposures] == [True, True, False, False]
    assert [entry.underlying for entry in terms.exposures] == [0, 1, 0, 1]


def test_a_linear_book_uses_the_two_edges_of_its_window_an_eighth_of_the_way_to_the_tails(house):
    grid = house.grid()
    terms = compile_terms(grid, ["BTC-PERP"], [])
    perpetual, prices = grid.instrument("BTC-PERP"), grid.underlying("BTC")
    assert terms.nodes == (2,)
    edges, tails = (prices.nodes[0], prices.nodes[-1]), (prices.tails.low, prices.tails.high)
    for value, edge, tail in zip(terms.exposures[0].values, edges, tails, strict=True):
        assert abs(value * 10_000 - 10 * (7 * edge + tail) / 8) < 20_000
    assert terms.exposures[0].gap_charge == perpetual.wide_gap_charge == 2


def test_one_option_brings_every_node_and_level_of_its_underlying_only(house):
    grid = replace(house.grid(), pairs=())
    terms = compile_terms(grid, ["BTC-PERP", CALL, "ETH-PERP"], [], trade=True)
    nodes = len(grid.underlying("BTC").nodes)
    assert terms.nodes == (3 * nodes, 2)
    call, perpetual, _ = terms.exposures
    assert call.values == grid.instrument(CALL).values
    assert perpetual.values == tuple(v for v in grid.instrument("BTC-PERP").values for _ in range(3))
    assert terms.trade


def test_an_account_without_exposures_has_no_nodes(house):
    terms = compile_terms(house.grid(), [], [])
    assert terms.nodes == ()
    assert evaluate_solvency(terms, 0, []) == 0
    assert evaluate_solvency(terms, -1, []) < 0


def test_what_is_unknown_cash_or_named_twice_has_no_terms(house):
    for positions, collateral in ((["DOGE-PERP"], []), ([], ["USD@1"])):
        with pytest.raises(UnknownInstrument):
            compile_terms(house.grid(), positions, collateral)
    with pytest.raises(InvalidInput):
        compile_terms(house.grid(), ["BTC-PERP", "BTC-PERP"], [])


def test_the_margin_of_a_long_perpetual_by_hand(house):
    grid = house.grid()
    terms = compile_terms(grid, ["BTC-PERP"], [])
    lots, price = 10_000, 800_000  # one bitcoin at 8,000 dollars
    entry = grid.instrument("BTC-PERP")
    # down to 6,611.57 the position loses 1,388.43, and an eighth of what it loses from there to the tail at 5,416;
    # closing takes 3,136,000 row units a lot, 2 for rounding
    stretched = (7 * entry.values[0] + entry.beyond.tails[0]) // 8
    needed = 8_000 * 10**9 - stretched * lots + (entry.closing_charge + entry.wide_gap_charge) * lots
    deposit = -(-needed // 1_000)
    assert 1_565 * 10**6 < deposit < 1_570 * 10**6
    assert evaluate_solvency(terms, deposit - price * lots, [lots]) >= 0
    assert evaluate_solvency(terms, deposit - 1 - price * lots, [lots]) < 0


def test_a_short_position_and_collateral_of_the_same_coin_offset_each_other(house):
    grid = house.grid()
    lots, units, price = -1_000, 10**5, 200_000  # one ether short, one ether held, cash from the sale
    together = evaluate_solvency(compile_terms(grid, ["ETH-PERP"], ["WETH@1"]), -lots * price, [lots, units])
    short = evaluate_solvency(compile_terms(grid, ["ETH-PERP"], []), -lots * price, [lots])
    held = evaluate_solvency(compile_terms(grid, [], ["WETH@1"]), 0, [units])
    assert together > short + held


def test_without_a_ledger_each_position_and_each_collateral_gets_a_row_of_its_own(house):
    held, assets = ["ETH-PERP", CALL], ["WETH@1", "WBTC@2"]
    alone = compile_terms(house.grid(), held, assets, vouched=False)
    assert [entry.unvouched for entry in alone.exposures] == [True, True, False, False]
    assert [entry.withdrawn for entry in alone.exposures] == [False, False, True, True]
    before = solvency_statement(compile_terms(house.grid(), held, assets)).rows
    added = set(solvency_statement(alone).rows) - set(before)
    assert {(row.variables, row.constant, row.width) for row in added} == {
        ((1,), 1 << 39, 40),
        ((2,), 1 << 39, 40),
        ((3,), 0, 40),
        ((4,), 0, 40),
    }
