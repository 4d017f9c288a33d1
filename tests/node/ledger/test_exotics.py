"""Digitals and barrier options in the ledger: traded with real proofs, crossed in public, settled without opening."""

from dataclasses import replace

import pytest

from node.ledger.effects import EventKind
from node.ledger.types import InstrumentId, Status
from node.market.instruments import Barrier, BarrierKind, Digital, Future, OptionKind
from node.market.window import LapseKind, lapse
from tests.support.clearing import Clearing
from tests.support.ledger import FEED, START, USD, Setting, Trader, amounts, make_trade

EXPIRY = START + 15 * 86_400 // 900 * 900
DIGITAL = Digital("BTC", 10_000, EXPIRY, 8_200 * FEED, OptionKind.CALL, 1_000 * FEED)
OUT = Barrier("BTC", 10_000, EXPIRY, 8_000 * FEED, OptionKind.CALL, 7_800 * FEED, BarrierKind.DOWN_OUT)
IN = replace(OUT, barrier_kind=BarrierKind.DOWN_IN)
COARSE = Future("BTC", 10_000, EXPIRY, tick=100)


@pytest.fixture
def listed(setting: Setting) -> Setting:
    registry = setting.house.registry
    listings = (*registry.instruments, DIGITAL, OUT, IN, COARSE)
    return replace(setting, house=replace(setting.house, registry=replace(registry, instruments=listings)))


@pytest.fixture
def taker(listed: Setting) -> Trader:
    return Trader(listed)


@pytest.fixture
def maker(listed: Setting) -> Trader:
    return Trader(listed)


@pytest.fixture
def clearing(listed: Setting, taker: Trader, maker: Trader) -> Clearing:
    """Taker and maker with 5,000 dollars each."""
    made = Clearing.start(listed, taker, maker)
    made.deposit(taker.id, 31337, "USD", 5_000 * USD)
    made.deposit(maker.id, 31338, "USD", 5_000 * USD)
    return made


def test_hidden_exotics_settle_by_the_average_and_by_the_barrier_that_a_round_crossed(
    clearing: Clearing, taker: Trader, maker: Trader
):
    for entry, lots, price in ((DIGITAL, 700, 45_000), (OUT, 300, 30_000), (IN, -200, 20_000)):
        clearing.accept(make_trade(clearing.state, taker, maker, entry.id, lots, price), blocks=0)
    cash = amounts(taker.holdings)["cash"], amounts(maker.holdings)["cash"]
    clearing.batch(prices={"BTC": 7_790}, blocks=4)
    assert {knock.id for knock in clearing.state.market.knocks} == {OUT.id, IN.id}
    clearing.skip_to_expiry(DIGITAL.id, rounds=3)
    clearing.batch(prices={"BTC": 8_300}, blocks=4)
    clearing.batch(prices={"BTC": 8_200}, blocks=4)
    clearing.batch(prices={"BTC": 1_000}, blocks=4)
    assert len(clearing.told(EventKind.SETTLED)) == 3
    gain = 700 * 100_000 - 200 * 25_000  # all of the digital; the out is gone, the in pays 8,250 less 8,000
    assert amounts(taker.holdings) == {"cash": cash[0] + gain}
    assert amounts(maker.holdings) == {"cash": cash[1] - gain}
    assert clearing.account(taker).positions == {}


def test_a_crossed_barrier_voids_the_proof_until_a_new_one_comes(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.accept(make_trade(clearing.state, taker, maker, OUT.id, 300, 30_000))
    for price in (7_950, 7_900, 7_850):
        clearing.batch(prices={"BTC": price}, blocks=4)
    assert clearing.account(taker).status is Status.ACTIVE
    clearing.batch(prices={"BTC": 7_800}, blocks=4)
    clearing.batch(prices={"BTC": 7_850}, blocks=4)
    window = clearing.account(taker).window
    assert window is not None
    reason = lapse(window, clearing.state.market, [OUT.id], [], clearing.house.registry, clearing.house.market)
    assert reason is not None
    assert (reason.kind, reason.subject) == (LapseKind.KNOCK, OUT.id)
    assert clearing.account(taker).status is Status.DUE
    clearing.accept(taker.margin_proof(clearing.state))
    assert clearing.account(taker).status is Status.ACTIVE


def test_a_proof_on_a_grid_from_before_the_crossing_is_refused(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.accept(make_trade(clearing.state, taker, maker, OUT.id, 300, 30_000))
    early = taker.margin_proof(clearing.state)
    clearing.batch(prices={"BTC": 7_799}, blocks=4)
    assert clearing.refusal(early) == "WINDOW_LAPSED"


def test_a_price_off_the_tick_is_refused_and_one_on_it_trades(clearing: Clearing, taker: Trader, maker: Trader):
    name = InstrumentId(COARSE.id)
    assert clearing.refusal(make_trade(clearing.state, taker, maker, name, 10, 800_050)) == "AMOUNT_INVALID"
    clearing.accept(make_trade(clearing.state, taker, maker, name, 10, 800_100))
    assert amounts(taker.holdings)[name] == 10
