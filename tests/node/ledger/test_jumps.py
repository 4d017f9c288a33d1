"""Prices that jump: what crosses a barrier or enters a settlement average must be stood by in the next round."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger.claims import TrustingVerifier
from node.ledger.prices import after_round, confirmations
from node.ledger.state import LedgerState, genesis
from node.ledger.types import InstrumentId, Status
from node.liquidation.validity import MAX_UNCONFIRMED
from node.market.instruments import Barrier, BarrierKind, Future, OptionKind
from node.market.oracle_rules import Price, PriceResult
from node.market.state import NOTHING_WAITS, MarketState, advance, genesis_state, settlement_price
from node.market.window import LapseKind, lapse
from tests.support.clearing import Clearing
from tests.support.ledger import FEED, START, USD, Setting, Trader, amounts, make_setting, make_trade

ROUND = 900
EXPIRY = START + 15 * 86_400
OUT = Barrier("BTC", 10_000, EXPIRY, 8_000 * FEED, OptionKind.CALL, 7_500 * FEED, BarrierKind.DOWN_OUT)
IN = replace(OUT, barrier_kind=BarrierKind.DOWN_IN)
FUTURE = Future("BTC", 10_000, EXPIRY)
NEVER = 1_000_000_000


def listing(jump_ppm: int, out: Barrier = OUT) -> Setting:
    setting = make_setting(jump_ppm=jump_ppm)
    registry = setting.house.registry
    into = replace(out, barrier_kind=BarrierKind.DOWN_IN)
    listed = replace(registry, instruments=(*registry.instruments, out, into, FUTURE))
    return replace(setting, house=replace(setting.house, registry=listed))


@pytest.fixture(scope="module")
def wary() -> Setting:
    """A house in which a price that moves by more than a tenth needs a second round."""
    return listing(100_000)


@pytest.fixture(scope="module")
def trusting() -> Setting:
    """A house that believes every price at once."""
    return listing(NEVER)


def held(setting: Setting, out: Barrier = OUT) -> tuple[Clearing, Trader, Trader]:
    """An out and a future, bought with margin to spare, and the one who sold them."""
    taker, maker = (Trader(setting, hollow=True) for _ in range(2))
    clearing = Clearing.start(setting, taker, maker, verifier=TrustingVerifier())
    for trader in (taker, maker):
        clearing.deposit(trader.id, 31337, "USD", 20_000 * USD)
    clearing.accept(make_trade(clearing.state, taker, maker, out.id, 300, 30_000), blocks=0)
    clearing.accept(make_trade(clearing.state, taker, maker, FUTURE.id, 100, 800_000), blocks=0)
    return clearing, taker, maker


def knocked(clearing: Clearing) -> set[str]:
    return {knock.id for knock in clearing.state.market.knocks}


def test_a_wick_that_comes_back_crosses_no_barrier_and_is_in_no_settlement_price(wary: Setting):
    clearing, taker, _ = held(wary)
    clearing.skip_to_expiry(OUT.id, rounds=3)
    clearing.batch(prices={"BTC": 8_400}, blocks=4)
    clearing.batch(prices={"BTC": 5_000}, blocks=4)
    assert knocked(clearing) == set()
    clearing.batch(prices={"BTC": 8_400}, blocks=4)
    assert knocked(clearing) == set()
    gain = 300 * (40_000 - 30_000) + 100 * (840_000 - 800_000)
    assert amounts(taker.holdings) == {"cash": 20_000 * USD + gain}


def test_a_jump_that_the_next_round_stands_by_crosses_the_barrier_and_settles_with_its_time(wary: Setting):
    clearing, taker, _ = held(wary)
    clearing.skip_to_expiry(OUT.id, rounds=3)
    clearing.batch(prices={"BTC": 8_000}, blocks=4)
    clearing.batch(prices={"BTC": 7_000}, blocks=4)
    clearing.batch(prices={"BTC": 7_200}, blocks=4)
    assert knocked(clearing) == {OUT.id, IN.id}
    assert FUTURE.expiry == clearing.state.market.time, "the half hour had two rounds: 8,000 and 7,000"
    loss = 300 * 30_000 + 100 * (800_000 - 750_000)
    assert amounts(taker.holdings) == {"cash": 20_000 * USD - loss}


def test_what_was_proven_while_a_crossing_waited_lapses_with_its_confirmation():
    """A jump so small that the proof would still cover its price and volatility."""
    near = replace(OUT, barrier=7_940 * FEED)
    clearing, taker, maker = held(listing(5_000, near), near)
    clearing.batch(prices={"BTC": 7_930}, blocks=4)
    assert knocked(clearing) == set()
    for trader in (taker, maker):
        clearing.accept(trader.margin_proof(clearing.state), blocks=0)
    early = clearing.grid
    clearing.batch(blocks=4)
    assert clearing.state.market.knocked_in_round(near.id) == clearing.state.market.round
    window = clearing.account(taker).window
    assert window is not None
    reason = lapse(window, clearing.state.market, [near.id], [], clearing.house.registry, clearing.house.market)
    assert reason is not None
    assert reason.kind is LapseKind.KNOCK
    assert clearing.account(taker).status is Status.DUE
    assert clearing.refusal(taker.margin_proof(clearing.state, early)) == "WINDOW_LAPSED"
    clearing.accept(taker.margin_proof(clearing.state))
    assert clearing.account(taker).status is Status.ACTIVE


def test_while_a_crossing_waits_nobody_trades_what_it_would_cross(wary: Setting):
    clearing, taker, maker = held(wary)
    clearing.batch(prices={"BTC": 7_100}, blocks=4)
    assert clearing.refusal(make_trade(clearing.state, taker, maker, InstrumentId(OUT.id), 10, 0)) == "PRICE_UNFIT"
    clearing.batch(prices={"BTC": 8_000}, blocks=4)
    clearing.accept(make_trade(clearing.state, taker, maker, InstrumentId(OUT.id), 10, 30_000))


# The rule on bare prices, without signatures and accounts.


def along(setting: Setting, path: Sequence[tuple[int, int | None]]) -> LedgerState:
    """The state after rounds at given seconds before expiry, with bitcoin's price in feed units or none."""
    house = setting.house
    first = EXPIRY - path[0][0] - ROUND
    market = genesis_state(house.registry, house.market, 0, min(START, first))
    state = genesis(house, replace(market, time=first), 0, {})
    for seconds, price in path:
        state = one_round(setting, state, seen(price), EXPIRY - seconds)
    return state


def seen(price: int | None) -> dict[str, PriceResult]:
    ether = {"ETH": Price(200 * FEED, 500, 4)}
    return ether if price is None else {**ether, "BTC": Price(price, 500, 4)}


def one_round(setting: Setting, state: LedgerState, prices: dict[str, PriceResult], time: int) -> LedgerState:
    house = setting.house
    waiting = confirmations(house, state, prices, time)
    height = state.market.height + 4
    market = advance(state.market, prices, height, time, house.registry, house.market, (), waiting)
    return after_round(house, state, market)


def dollars(*path: tuple[int, float | None]) -> list[tuple[int, int | None]]:
    return [(at, None if price is None else int(price * FEED)) for at, price in path]


def crossed(market: MarketState) -> bool:
    return {knock.id for knock in market.knocks} == {OUT.id, IN.id}


@pytest.mark.parametrize(
    ("path", "crosses"),
    [
        ([8_000, 7_100], False),
        ([8_000, 7_100, 8_000], False),
        ([8_000, 7_100, 7_050], True),
        ([8_000, 7_100, 7_700], False),  # within a tenth of both, nearer to where it came from
        ([8_000, 7_100, 7_510], True),  # nearer to the jump
        ([8_000, 7_100, None], False),
        ([8_000, 7_100, None, 7_600], False),
        ([8_000, 7_100, None, 7_500.01], True),
        ([8_000, 7_100, None, 8_100], False),
        ([8_000, 5_000, 9_500, 8_000], False),  # a jump away from a jump
        ([8_000, 5_000, 9_500, 9_400], False),
        ([8_000, 5_000, 6_000, 7_000], False),
        ([8_000, 5_000, 6_000, 7_000, 7_400], True),
        ([8_000, 5_000, 6_000, 7_000, 4_000], True),  # after three in a row a price counts whatever it is
        ([8_000, 5_000, 6_000, 7_000, 9_500], False),
    ],
)
def test_a_barrier_is_crossed_by_what_counts(wary: Setting, path: list[float | None], crosses: bool):
    rounds = [(ROUND * (len(path) + 9 - place), price) for place, price in enumerate(path)]
    assert crossed(along(wary, dollars(*rounds)).market) is crosses


@pytest.mark.parametrize(("after", "crosses"), [(7_200, True), (8_000, False)])
def test_a_jump_before_expiry_counts_though_it_is_confirmed_after(wary: Setting, after: float, crosses: bool):
    state = along(wary, dollars((2_700, 8_000), (1_000, 8_000), (100, 7_000), (-800, after)))
    assert crossed(state.market) is crosses
    inside = 1_700 * 8_000 + 100 * 7_000 if crosses else 1_700 * 8_000
    seconds = 1_800 if crosses else 1_700
    assert settlement_price(FUTURE, state.market) == inside * FEED // seconds // (100 * 10_000)


def test_a_jump_after_expiry_crosses_nothing(wary: Setting):
    state = along(wary, dollars((1_000, 8_000), (-1, 7_000), (-901, 7_000)))
    assert state.market.knocks == ()


def test_a_jump_that_a_silent_feed_follows_is_in_no_average(wary: Setting):
    state = along(wary, dollars((1_800, 8_000), (1_200, 7_000), (600, None), (0, 7_000)))
    assert settlement_price(FUTURE, state.market) == 800_000
    assert crossed(state.market)


hundredths = st.integers(400_000, 1_600_000) | st.sampled_from([750_000, 750_001, 675_000, 880_000])
spells = st.lists(st.tuples(st.integers(1, 1_200), hundredths | st.none()), min_size=2, max_size=10)


def as_path(made: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Rounds that many seconds apart, the last at expiry, prices from hundredths of a dollar."""
    at, path = sum(seconds for seconds, _ in made), []
    for seconds, price in made:
        at -= seconds
        path.append((at, None if price is None else price * FEED // 100))
    return path


def believed(path: list[tuple[int, int | None]]) -> list[bool]:
    """Of each round's price whether the house comes to believe it by the next round: the rule, told again."""
    told: list[bool] = []
    base: int | None = None
    pending: int | None = None
    streak = 0
    for place, (_, price) in enumerate(path):
        told.append(False)
        if price is None:
            continue
        near = base is None or abs(price - base) * 10 <= base
        by = pending is not None and abs(price - pending) * 10 <= pending
        returned = base is not None and pending is not None and near and abs(price - base) <= abs(price - pending)
        if by and not returned and place and path[place - 1][1] == pending:
            told[place - 1] = True
        if near or by or streak == MAX_UNCONFIRMED:
            base, pending, streak, told[place] = price, None, 0, True
        else:
            pending, streak = price, streak + 1
    return told


@given(made=spells)
def test_the_average_is_that_of_believed_prices_alone(wary: Setting, made: list[tuple[int, int | None]]):
    path = as_path(made)
    state, told = along(wary, path), believed(path)
    weighted = seconds = 0
    for place, ((begin, price), (end, _)) in enumerate(pairwise(path)):
        inside = max(min(begin, 1_800) - end, 0)
        if price is not None and told[place]:
            weighted, seconds = weighted + price * inside, seconds + inside
    found = [(entry.weighted, entry.seconds) for entry in state.market.averages if entry.expiry.time == EXPIRY]
    assert found == ([(weighted, seconds)] if seconds else [])


@given(made=spells)
def test_on_a_path_without_jumps_nothing_waits_and_nothing_changes(
    wary: Setting, trusting: Setting, made: list[tuple[int, int | None]]
):
    """Prices are drawn anywhere, then held to a tenth of the last valid one."""
    path: list[tuple[int, int | None]] = []
    last: int | None = None
    for at, price in as_path(made):
        if price is not None and last is not None:
            price = min(max(price, last - last // 10), last + last // 10)
        last = last if price is None else price
        path.append((at, price))
    state = along(wary, path)
    assert state == along(trusting, path)
    assert not any(entry.jumped for entry in state.references)


@given(made=spells)
def test_whoever_believes_every_price_at_once_has_the_market_without_confirmations(
    trusting: Setting, made: list[tuple[int, int | None]]
):
    house, path = trusting.house, as_path(made)
    market = replace(genesis_state(house.registry, house.market, 0, START), time=EXPIRY - path[0][0] - ROUND)
    for seconds, price in path:
        height, time = market.height + 4, EXPIRY - seconds
        market = advance(market, seen(price), height, time, house.registry, house.market, (), NOTHING_WAITS)
    assert market == along(trusting, path).market
