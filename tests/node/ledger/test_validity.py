"""What the ledger does on prices that are not fit: flash wicks, a lying node, a halted feed."""

from dataclasses import replace

import pytest

from node.ledger.auctions import asking_price
from node.ledger.effects import EventKind
from node.ledger.prices import condition
from node.ledger.state import Stage
from node.ledger.types import InstrumentId, Status
from node.liquidation.validity import Condition
from node.market.volatility import update
from tests.support.ledger import USD, Setting, make_setting, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, frozen, on_margin

PERP = InstrumentId("BTC-PERP")
FUTURE = InstrumentId("BTC-20200327")


@pytest.fixture(scope="module")
def wary() -> Setting:
    """A house in which a price that moves by more than a tenth needs a second round."""
    return make_setting(jump_ppm=100_000, uncertain_ppm=20_000)


def fit(scene: Scene) -> Condition:
    return condition(scene.clearing.house, scene.clearing.state)


def called(scene: Scene) -> int:
    return len(scene.clearing.told(EventKind.DUE)) + len(scene.clearing.told(EventKind.CALLED))


def test_a_flash_wick_calls_nobody(wary: Setting):
    scene = on_margin(wary)
    sigma = scene.clearing.state.market.sigma_ppm("BTC")
    scene.clearing.batch(prices={"BTC": 5_000}, blocks=4)
    assert fit(scene) is Condition.JUMPED
    assert scene.status is Status.ACTIVE
    scene.clearing.batch(prices={"BTC": 7_990}, blocks=4)
    assert fit(scene) is Condition.FRESH
    assert called(scene) == 0
    assert scene.clearing.state.market.sigma_ppm("BTC") <= sigma, "nor does it widen anybody's window"


def test_a_crash_raises_volatility_by_the_whole_move_once_it_is_confirmed(wary: Setting):
    scene = on_margin(wary)
    clearing = scene.clearing
    before, start = clearing.state.market.underlying("BTC"), clearing.state.market.time
    clearing.batch(prices={"BTC": 6_400}, blocks=4)
    clearing.batch(prices={"BTC": 6_300}, blocks=4)
    after = clearing.state.market
    seconds = after.time - start
    assert after.underlying("BTC").volatility == update(
        before.volatility, before.price, 6_300 * 10**8, seconds, clearing.house.market
    )


def test_a_crash_calls_with_the_round_that_confirms_it(wary: Setting):
    scene = on_margin(wary)
    scene.clearing.batch(prices={"BTC": 6_400}, blocks=4)
    assert scene.status is Status.ACTIVE
    scene.clearing.batch(prices={"BTC": 6_300}, blocks=4)
    assert scene.status is Status.DUE


def test_nobody_trades_or_takes_money_out_on_a_price_that_just_jumped(wary: Setting):
    scene = on_margin(wary)
    clearing = scene.clearing
    clearing.batch(prices={"BTC": 9_500}, blocks=4)
    trade = make_trade(clearing.state, scene.bidder, scene.maker, PERP, 10, 950_000)
    assert clearing.refusal(trade) == "PRICE_UNFIT"
    assert clearing.refusal(scene.bidder.withdraw(clearing.state, "USD@31337", 1)) == "PRICE_UNFIT"
    assert clearing.refusal(scene.bidder.contribute(clearing.state, USD)) == "PRICE_UNFIT"
    clearing.accept(scene.bidder.margin_proof(clearing.state))


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_one_lying_node_moves_no_price(wary: Setting, factor: float):
    scene = on_margin(wary)
    clearing = scene.clearing
    clearing.liars = {1: factor}
    clearing.batch(blocks=16)
    assert clearing.state.market.price("BTC") == 8_000 * 10**8
    assert fit(scene) is Condition.FRESH
    assert called(scene) == 0


def test_two_lying_nodes_of_four_halt_the_feed_and_still_call_nobody(wary: Setting):
    scene = on_margin(wary)
    scene.clearing.liars = {1: 0.5, 2: 0.5}
    scene.clearing.batch(blocks=4)
    assert fit(scene) is Condition.STALE
    assert called(scene) == 0


def test_a_halted_feed_freezes_opens_and_sells_nothing(wary: Setting):
    scene = frozen(make_setting(), 6_400)
    clearing = scene.clearing
    clearing.observers = 2
    clearing.batch(blocks=4)
    assert clearing.propose(openings=(clearing.opening(scene.default),)).batch.openings == ()
    for _ in range(4):
        clearing.batch(blocks=12)
    assert scene.status is Status.FROZEN
    clearing.observers = 4
    clearing.batch(blocks=4)
    scene.open()
    assert scene.default.stage is Stage.AUCTION


def test_an_auction_stands_still_while_its_price_waits_to_be_confirmed():
    scene = auctioned(make_setting(), 6_400)
    clearing = scene.clearing
    clearing.setting = make_wary(clearing.setting)
    clearing.batch(blocks=3)
    default = scene.default
    assert default.offer is not None
    passed = clearing.state.hub_height - default.offer.started
    clearing.batch(prices={"BTC": 5_200}, blocks=4)
    assert fit(scene) is Condition.JUMPED
    offer = scene.default.offer
    assert offer is not None
    assert clearing.state.hub_height - offer.started == passed
    price = asking_price(clearing.house, clearing.state, scene.default)
    assert price is not None
    assert clearing.refusal(scene.bidder.bid(clearing.state, scene.default, price)) == "PRICE_UNFIT"
    clearing.batch(prices={"BTC": 6_400}, blocks=4)
    assert scene.default.offer is not None
    price = asking_price(clearing.house, clearing.state, scene.default)
    assert price is not None
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, price), blocks=0)
    assert scene.default.stage is Stage.CLOSED


def make_wary(setting: Setting) -> Setting:
    """The same house with a limit on jumps from now on."""
    rules = replace(setting.house.rules, jump_ppm=100_000)
    return replace(setting, house=replace(setting.house, rules=rules))


def test_an_uncertain_price_calls_but_takes_nothing_from_anyone(wary: Setting):
    scene = on_margin(wary)
    clearing = scene.clearing
    clearing.batch(prices={"BTC": 7_300}, blocks=4)
    clearing.batch(prices={"BTC": 6_600}, blocks=4)
    clearing.accept(scene.maker.margin_proof(clearing.state))
    assert scene.status is Status.DUE
    clearing.confidence_ppm = 30_000
    clearing.batch(blocks=4)
    assert fit(scene) is Condition.UNCERTAIN
    for blocks in (8, 24, 4, 4):
        clearing.batch(blocks=blocks)
    assert scene.status is Status.CALLED
    assert clearing.refusal(scene.bidder.withdraw(clearing.state, "USD@31337", 1)) == "PRICE_UNFIT"
    clearing.confidence_ppm = 500
    clearing.batch(blocks=4)
    assert scene.status is Status.FROZEN


def test_money_stays_in_while_volatility_is_beyond_its_limit():
    scene = on_margin(make_setting(volatile_ppm=700_000))
    clearing = scene.clearing
    assert fit(scene) is Condition.VOLATILE
    assert clearing.refusal(scene.bidder.withdraw(clearing.state, "USD@31337", 1)) == "PRICE_UNFIT"
    clearing.accept(make_trade(clearing.state, scene.bidder, scene.maker, PERP, 10, 800_000))


def test_nothing_settles_on_a_price_that_just_jumped(wary: Setting):
    scene = on_margin(wary)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.bidder, scene.maker, FUTURE, 10, 800_000))
    clearing.skip_to_expiry(FUTURE)
    clearing.batch(prices={"BTC": 9_900}, blocks=4)
    assert FUTURE in scene.bidder.holdings.positions
    clearing.batch(prices={"BTC": 8_000}, blocks=4)
    assert FUTURE not in scene.bidder.holdings.positions


def test_collateral_is_not_seized_on_a_stale_price(wary: Setting):
    scene = auctioned(make_setting(), 5_500, collateral={(31338, "WETH"): 10**5})
    clearing = scene.clearing
    assert scene.default.stage is Stage.COLLATERAL
    clearing.observers = 2
    clearing.batch(blocks=4)
    assert scene.default.seizures == ()
    clearing.observers = 4
    clearing.batch(blocks=4)
    assert len(scene.default.seizures) == 1
    assert sum(lot.quantity for lot in scene.default.lots) == LOTS
