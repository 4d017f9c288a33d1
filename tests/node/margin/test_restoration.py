"""The way back to margin: it restores, and on cases small enough to try everything nothing is cheaper."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.margin import (
    Change,
    FileInvalid,
    Market,
    NotRestorable,
    Portfolio,
    Trade,
    margin_figures,
    prove_margin,
    restore,
    what_if,
)
from node.margin.programme import trade_cost

PERP, PUT, FUTURE = "BTC-PERP", "BTC-20200327-7500-P", "BTC-20200327"


def changed(portfolio: Portfolio, market: Market, lots: dict[str, int], deposit: int = 0) -> int:
    """The slack after trades at cost, in row units."""
    trades = []
    for name, size in lots.items():
        cost = trade_cost(market, name) if size > 0 else -trade_cost(market, name)
        trades.append(Trade(name, size, market.grid.mark_price(name) + cost))
    return what_if(portfolio, market, Change(trades, cash=deposit)).after.slack


def cost_of(market: Market, lots: dict[str, int]) -> int:
    return 1000 * sum(trade_cost(market, name) * abs(size) for name, size in lots.items())


@pytest.fixture(scope="module")
def short(market: Market) -> Portfolio:
    """Forty lots of futures bought on credit, and too little cash: short by a dollar or two."""
    bought = 40 * market.grid.mark_price(FUTURE)
    return Portfolio(-bought + 4_000_000, {FUTURE: 40}, {})


@pytest.mark.parametrize("tradable", [[FUTURE], [PUT], [PERP], [FUTURE, PUT]])
def test_the_cheapest_trade_is_the_one_that_trying_all_of_them_finds(
    short: Portfolio, market: Market, tradable: list[str]
) -> None:
    assert margin_figures(short, market).slack < 0
    found = restore(short, market, tradable=tradable, deposit_cost_ppm=None)
    reach = range(-42, 43) if len(tradable) > 1 else range(-200, 201)
    ways = (dict(zip(tradable, sizes, strict=True)) for sizes in product(reach, repeat=len(tradable)))
    affordable = [way for way in ways if cost_of(market, way) <= found.cost]
    least = min(cost_of(market, way) for way in affordable if changed(short, market, way) >= 0)
    assert found.bound - 1000 <= least <= found.cost
    assert found.cost - least <= (0 if len(tradable) == 1 else 1000 * max(trade_cost(market, n) for n in tradable))
    assert found.deposit == 0


@pytest.mark.parametrize("deposit_cost_ppm", [0, 1_000, 20_000, 500_000])
def test_with_a_deposit_nothing_is_cheaper_than_what_the_programme_finds(
    short: Portfolio, market: Market, deposit_cost_ppm: int
) -> None:
    found = restore(short, market, tradable=[FUTURE], deposit_cost_ppm=deposit_cost_ppm)
    best = None
    for size in range(-80, 41):
        missing = max(0, -(changed(short, market, {FUTURE: size}) // 1000))
        cost = cost_of(market, {FUTURE: size}) + -(-1000 * missing * deposit_cost_ppm // 10**6)
        best = cost if best is None else min(best, cost)
    assert found.cost == best
    assert found.bound <= found.cost + 1000


def test_what_is_found_is_proven(short: Portfolio, market: Market) -> None:
    found = restore(short, market)
    restored = what_if(short, market, Change(found.trades, cash=found.deposit))
    assert restored.after == found.after
    assert found.after.slack >= 0
    prove_margin(restored.portfolio, market)


@settings(max_examples=40)
@given(
    positions=st.dictionaries(
        st.sampled_from([PERP, PUT, FUTURE, "BTC-20200327-9000-C", "ETH-PERP"]),
        st.integers(-(10**6), 10**6).filter(bool),
        min_size=1,
    ),
    cash=st.integers(-(10**10), 10**10),
    trades_only=st.booleans(),
)
def test_any_portfolio_is_restored_in_exact_integers(
    market: Market, positions: dict[str, int], cash: int, trades_only: bool
) -> None:
    marks = sum(lots * market.grid.mark_price(name) for name, lots in positions.items())
    portfolio = Portfolio(cash - marks, positions, {})
    try:
        found = restore(portfolio, market, deposit_cost_ppm=None if trades_only else 1_000)
    except NotRestorable:
        assert trades_only
        closed = {name: -lots for name, lots in positions.items()}
        assert changed(portfolio, market, closed) < 0  # even closing everything is no way
        return
    after = what_if(portfolio, market, Change(found.trades, cash=found.deposit)).after
    assert after == found.after
    assert after.slack >= 0
    assert found.bound <= found.cost + max(1000, found.cost // 10**6)


def test_each_deposit_alone_restores_and_one_unit_less_does_not(short: Portfolio, market: Market) -> None:
    alone = {entry.asset: entry.amount for entry in restore(short, market).deposits}
    assert set(alone) == {"USD", "WETH@1"}
    for units, enough in ((alone["WETH@1"], True), (alone["WETH@1"] - 1, False)):
        assert (what_if(short, market, Change(collateral={"WETH@1": units})).after.slack >= 0) is enough
    for cash, enough in ((alone["USD"], True), (alone["USD"] - 1, False)):
        assert (what_if(short, market, Change(cash=cash)).after.slack >= 0) is enough


def test_where_nothing_is_missing_nothing_is_done(portfolio: Portfolio, market: Market) -> None:
    found = restore(portfolio, market)
    assert (found.trades, found.deposit, found.cost, found.deposits) == ((), 0, 0, ())


def test_a_debt_that_no_trade_can_pay_is_said_so(market: Market) -> None:
    with pytest.raises(NotRestorable):
        restore(Portfolio(-1_000_000, {}, {}), market, tradable=[PERP], deposit_cost_ppm=None)
    assert restore(Portfolio(-1_000_000, {}, {}), market, tradable=[PERP]).deposit == 1_000_000


def test_an_instrument_that_is_not_listed_is_refused(short: Portfolio, market: Market) -> None:
    with pytest.raises(FileInvalid):
        restore(short, market, tradable=["DOGE-PERP"])


def test_no_amount_shows_in_a_repr(short: Portfolio, market: Market) -> None:
    found = restore(short, market, tradable=[FUTURE], deposit_cost_ppm=None)
    assert str(found.trades[0].lots) not in repr(found)
    assert str(found.cost) not in repr(replace(found, bound=0))
