"""What-if is a re-evaluation: of a changed portfolio on a changed market file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.margin import (
    Change,
    FileInvalid,
    Market,
    Portfolio,
    ShortOfMargin,
    Trade,
    margin_figures,
    prove_margin,
    what_if,
)

PUT = "BTC-20200327-7500-P"


def market_file(examples: Path, price: int, sigma: int) -> Market:
    document = json.loads((examples / "market.json").read_text())
    document["underlyings"][0] |= {"price_e8_usd": price, "volatility_ppm": sigma}
    return Market.parse("market.json", json.dumps(document).encode())


def test_figures_are_those_of_the_proof(portfolio: Portfolio, market: Market) -> None:
    figures = margin_figures(portfolio, market)
    assert figures.slack >= 0
    assert figures.equity - figures.requirement == figures.slack
    just = replace(portfolio, cash=portfolio.cash - figures.slack // 1000)
    assert margin_figures(just, market).slack in range(1000)
    with pytest.raises(ShortOfMargin) as refused:
        prove_margin(replace(just, cash=just.cash - 1), market)
    assert refused.value.shortfall == -margin_figures(replace(just, cash=just.cash - 1), market).slack


def test_equity_is_cash_and_marks(portfolio: Portfolio, market: Market) -> None:
    alone = Portfolio(5_000_000, {"BTC-PERP": 10}, {"WETH@1": 7})
    # 7,950 USD / 10,000 lots; 194 USD / 100,000 units
    assert margin_figures(alone, market).equity == 5 * 10**9 + 10 * 795_000_000 + 7 * 1_940_000


@given(
    lots=st.integers(-(10**5), 10**5),
    cash=st.integers(-(10**10), 10**10),
    units=st.integers(-(10**6), 10**7),
    price=st.integers(4_000 * 10**8, 16_000 * 10**8),
    sigma=st.integers(300_000, 4_000_000),
)
def test_what_if_equals_a_re_evaluation_of_changed_files(
    portfolio: Portfolio, market: Market, examples: Path, lots: int, cash: int, units: int, price: int, sigma: int
) -> None:
    change = Change([Trade(PUT, lots)], cash, {"WETH@1": units}, {"BTC": price}, {"BTC": sigma})
    found = what_if(portfolio, market, change)
    positions = {**portfolio.positions, PUT: portfolio.positions[PUT] + lots}
    by_hand = Portfolio(
        portfolio.cash + cash - lots * market.grid.mark_price(PUT),
        positions,
        {"WETH@1": portfolio.collateral["WETH@1"] + units},
    )
    assert found.before == margin_figures(portfolio, market)
    assert found.after == margin_figures(by_hand, market_file(examples, price, sigma))


def test_a_position_closed_is_no_longer_held_and_a_stated_price_is_paid(portfolio: Portfolio, market: Market) -> None:
    found = what_if(portfolio, market, Change([Trade(PUT, -portfolio.positions[PUT], 12_345)]))
    assert PUT not in found.portfolio.positions
    assert found.portfolio.cash == portfolio.cash + 12_345 * portfolio.positions[PUT]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Change([Trade("BTC-21000101", 1)]), "positions.BTC-21000101"),
        (Change(collateral={"WETH@1": -(10**12)}), "collateral.WETH@1"),
        (Change(prices={"DOGE": 1}), "DOGE"),
        (Change(prices={"BTC": 0}), "BTC.price_e8_usd"),
        (Change(prices={"BTC": -5}), "BTC.price_e8_usd"),
        (Change(volatilities={"BTC": 0}), "BTC.volatility_ppm"),
        (Change([Trade("BTC-PERP", 1 << 40)]), "positions.BTC-PERP"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_name(
    portfolio: Portfolio, market: Market, change: Change, field: str
) -> None:
    with pytest.raises(FileInvalid) as refused:
        what_if(portfolio, market, change)
    assert refused.value.field == field


def test_no_amount_shows_in_a_repr(portfolio: Portfolio, market: Market) -> None:
    found = what_if(portfolio, market, Change([Trade(PUT, -123_457)]))
    assert "123457" not in repr(found)
    assert str(found.after.slack) not in repr(found)


def test_a_move_beyond_a_barrier_is_refused_by_the_instruments_name(examples: Path) -> None:
    document = json.loads((examples / "market.json").read_text())
    barrier = {"kind": "barrier_call", "underlying": "BTC", "lots_per_unit": 10_000, "expiry": 1_585_296_000}
    barrier |= {"strike_e8_usd": 8_000 * 10**8, "barrier_e8_usd": 7_000 * 10**8, "barrier_kind": "down_out"}
    document["instruments"].append(barrier)
    market = Market.parse("market.json", json.dumps(document).encode())
    name = next(entry.id for entry in market.registry.instruments if "BTC" in entry.id and "7000" in entry.id)
    with pytest.raises(FileInvalid) as refused:
        what_if(Portfolio(0, {}, {}), market, Change(prices={"BTC": 6_900 * 10**8}))
    assert refused.value.field == f"{name}.barrier"
