"""An opened portfolio's way to a bidder, to the backstop, or to a tear-up."""

from dataclasses import replace

import pytest

from circuits.pedersen import Commitment
from node.ledger.auctions import asking_price, auction_terms
from node.ledger.batch import Seized, Sold
from node.ledger.effects import EventKind, SeizeAction
from node.ledger.execution import Executed
from node.ledger.state import Stage
from node.ledger.types import AssetId, InstrumentId, MicroUsd, Status
from node.liquidation.auction import AuctionTerms
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, amounts, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, on_margin

PERP = InstrumentId("BTC-PERP")
FUTURE = InstrumentId("BTC-20200327")
WETH = (31338, "WETH")
OTHER_WETH = (31339, "WETH")
ETHER = 10**5
"""Ledger units of one ether."""


def asked(scene: Scene) -> int:
    """Micro-dollars for one unit, which is one lot here."""
    price = asking_price(scene.clearing.house, scene.clearing.state, scene.default)
    assert price is not None
    return price


def terms_of(scene: Scene) -> AuctionTerms:
    terms = auction_terms(scene.clearing.house, scene.clearing.state, scene.default)
    assert terms is not None
    return terms


def elapsed(scene: Scene) -> int:
    assert scene.default.offer is not None
    return scene.clearing.state.hub_height - scene.default.offer.started


def orders(executed: Executed) -> list[SeizeAction]:
    return [effect for effect in executed.effects if isinstance(effect, SeizeAction)]


def chain_of(asset: AssetId) -> int:
    return int(asset.split("@")[1])


def sell(clearing: Clearing, order: SeizeAction, proceeds: int) -> Executed:
    """The vault hands the lot over, and somebody buys it."""
    chain = chain_of(order.asset)
    clearing.batch(events={chain: (Seized(order.action_id),)})
    return clearing.batch(events={chain: (Sold(order.action_id, MicroUsd(proceeds)),)})


def end_auction(scene: Scene) -> Executed:
    """Nobody bids until the deadline."""
    scene.clearing.batch(blocks=terms_of(scene).backstop_after - 1 - elapsed(scene))
    assert scene.default.stage is Stage.AUCTION
    return scene.clearing.batch(blocks=1)


def test_the_price_falls_from_mark_to_what_leaves_the_defaulter_at_zero(setting: Setting):
    scene = auctioned(setting, 6_400)
    assert terms_of(scene).mark == asked(scene) == 640_000
    index = scene.clearing.state.market.funding_index(PERP)
    assert terms_of(scene).floor == 600_000 + index
    scene.clearing.batch(blocks=8)
    halfway = terms_of(scene)
    assert asked(scene) == halfway.mark - (halfway.mark - halfway.floor) // 2


def test_a_bidder_pays_the_asking_price_and_keeps_what_it_would_have_paid_more(setting: Setting):
    scene = auctioned(setting, 6_400, hollow=False)
    clearing, bidder = scene.clearing, scene.bidder
    before, price = bidder.merged().cash.value, asked(scene)
    funding = clearing.state.market.funding_index(PERP) * LOTS
    clearing.accept(bidder.bid(clearing.state, scene.default, price + USD // 100), blocks=0)
    assert amounts(bidder.holdings) == {"cash": before - LOTS * price + funding, PERP: LOTS}
    assert (scene.default.buyers, scene.default.sale_price, scene.default.lots) == ((bidder.id,), LOTS * price, ())
    assert scene.default.cash == -6_000 * USD + LOTS * price - funding - scene.default.penalty
    assert clearing.account(scene.debtor).positions == {}
    clearing.accept(bidder.margin_proof(clearing.state))


def test_the_penalty_goes_to_the_insurance_fund_and_the_rest_back_to_the_owner(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    remains = scene.default.cash + LOTS * asked(scene) - clearing.state.market.funding_index(PERP) * LOTS
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    penalty = LOTS * 640_000 // 100
    assert (scene.default.stage, scene.default.penalty) == (Stage.CLOSED, penalty)
    assert clearing.state.insurance == penalty
    assert scene.default.cash == remains - penalty
    assert clearing.account(scene.debtor).cash == Commitment.public(remains - penalty)
    assert scene.status is Status.ACTIVE
    clearing.accept(scene.debtor.withdraw(clearing.state, "USD@31337", remains - penalty))


def test_a_bid_below_the_asking_price_is_refused(setting: Setting):
    scene = auctioned(setting, 6_400)
    low = scene.bidder.bid(scene.clearing.state, scene.default, asked(scene) - 1)
    assert scene.clearing.refusal(low) == "PRICE_TOO_LOW"


def test_a_bid_for_more_than_the_bidder_can_carry_needs_a_proof(setting: Setting):
    scene = auctioned(setting, 6_400, hollow=False)
    clearing = scene.clearing
    bid = scene.bidder.bid(clearing.state, scene.default, asked(scene))
    other = scene.bidder.margin_proof(clearing.state)
    assert clearing.refusal(replace(bid, proof=other.proof)) == "PROOF_INVALID"


def test_the_defaulter_cannot_bid_for_its_own_portfolio(setting: Setting):
    scene = auctioned(setting, 6_400)
    reference = scene.debtor.reference(scene.clearing.state)
    own = scene.bidder.bid(scene.clearing.state, scene.default, asked(scene), reference=reference)
    digest = own.digest(setting.house.deployment)
    assert scene.clearing.refusal(replace(own, signature=scene.debtor.sign(digest))) == "ACCOUNT_NOT_ACTIVE"


def test_neither_can_another_account_of_the_same_owner(setting: Setting):
    scene = auctioned(setting, 6_400)
    second = Trader(setting, index=1, key=scene.debtor.key, hollow=True)
    scene.clearing.open(second)
    scene.clearing.deposit(second.id, 31337, "USD", 20_000 * USD)
    own = second.bid(scene.clearing.state, scene.default, asked(scene))
    assert scene.clearing.refusal(own) == "SELF_BID"


def test_a_portfolio_is_sold_once(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    late = scene.maker.bid(clearing.state, scene.default, asked(scene))
    assert clearing.propose(late, blocks=0).refused == ()
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert clearing.refusal(late) == "AUCTION_UNKNOWN"


def test_a_bid_proven_in_the_last_round_still_holds_and_pays_the_funding_of_this_one(setting: Setting):
    scene = auctioned(setting, 6_400, hollow=False)
    clearing, bidder = scene.clearing, scene.bidder
    before, limit = bidder.merged().cash.value, asked(scene) + USD // 1000
    bid = bidder.bid(clearing.state, scene.default, limit)
    old = clearing.state.market.funding_index(PERP)
    clearing.batch(blocks=8)
    assert clearing.state.market.funding_index(PERP) > old
    price = asked(scene)
    clearing.accept(bid, blocks=0)
    funding = clearing.state.market.funding_index(PERP) * LOTS
    assert bidder.holdings.cash.value == before - LOTS * price + funding
    clearing.accept(bidder.margin_proof(clearing.state))


def test_bids_wait_for_valid_prices_and_so_does_the_clock(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.batch(blocks=4)
    passed = elapsed(scene)
    clearing.observers = 2
    clearing.batch(blocks=30)
    bid = scene.bidder.bid(clearing.state, scene.default, 640_000)
    assert clearing.refusal(bid) == "ORACLE_STALE"
    clearing.observers = 4
    clearing.batch(blocks=4)
    assert scene.default.stage is Stage.AUCTION
    assert elapsed(scene) <= passed + 4


def test_a_silence_of_the_house_does_not_run_down_an_auction(setting: Setting):
    scene = auctioned(setting, 6_400)
    before = asked(scene)
    scene.clearing.batch(blocks=41)
    assert scene.default.stage is Stage.AUCTION
    assert abs(asked(scene) - before) < 100, "but for funding"


def test_what_expires_during_an_auction_settles_into_the_defaulters_cash(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, FUTURE, 10, 800_000))
    _auction_over_expiry(scene)
    cash = scene.default.cash
    assert [lot.instrument for lot in scene.default.lots] == [FUTURE, PERP]
    clearing.batch(prices={"BTC": 6_500}, blocks=8)
    assert [lot.instrument for lot in scene.default.lots] == [PERP]
    assert scene.default.cash == cash + 10 * 645_000, "the average of 6,400 and 6,500"
    assert scene.default.stage is Stage.AUCTION
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert FUTURE not in scene.bidder.holdings.positions


def test_what_expires_without_a_valid_price_stays_on_auction_until_there_is_one(setting: Setting):
    scene = on_margin(setting, instrument=FUTURE)
    clearing = scene.clearing
    _auction_over_expiry(scene)
    clearing.observers = 2
    clearing.batch(blocks=12)
    assert [lot.instrument for lot in scene.default.lots] == [FUTURE]
    clearing.observers = 4
    clearing.batch(prices={"BTC": 6_500}, blocks=4)
    assert (scene.default.stage, scene.default.cash) == (Stage.COLLATERAL, -6_000 * USD + LOTS * 640_000)


def test_nobody_is_paid_for_taking_a_portfolio_that_has_settled(setting: Setting):
    scene = on_margin(setting, instrument=FUTURE)
    clearing = scene.clearing
    _auction_over_expiry(scene)
    offer = scene.default.offer
    assert offer is not None
    free = scene.bidder.bid(clearing.state, replace(scene.default, offer=replace(offer, unit=())), 0)
    settled = clearing.propose(free, blocks=8)
    assert [left_out.refusal.reason for left_out in settled.refused] == ["AUCTION_UNKNOWN"]
    clearing.batch(blocks=8)
    assert (scene.default.stage, scene.default.lots) == (Stage.COLLATERAL, ())
    clearing.batch()
    assert scene.status is Status.ACTIVE


def _auction_over_expiry(scene: Scene) -> None:
    """Bitcoin falls to 6,400 so shortly before the future expires that it does so during the debtor's auction."""
    clearing = scene.clearing
    clearing.skip_to_expiry(FUTURE, rounds=13)
    clearing.batch(blocks=4)
    clearing.accept(*(t.margin_proof(clearing.state) for t in (scene.debtor, scene.maker)), blocks=0)
    scene.fall(6_400)
    scene.freeze()
    scene.open()


# Nobody bids.


@pytest.fixture
def with_backstop(backed: Setting, backstop: Trader) -> Scene:
    """An auction in a house whose backstop has money."""
    scene = auctioned(backed, 6_400)
    scene.clearing.open(backstop)
    scene.clearing.deposit(backstop.id, 31337, "USD", 9_000 * USD)
    scene.clearing.accept(backstop.margin_proof(scene.clearing.state), blocks=0)
    return scene


def test_the_backstop_takes_the_portfolio_at_the_deadline_for_the_bankruptcy_price(
    with_backstop: Scene, backstop: Trader
):
    scene, clearing = with_backstop, with_backstop.clearing
    end_auction(scene)
    index = clearing.state.market.funding_index(PERP)
    assert scene.default.buyers == (backstop.id,)
    assert scene.default.sale_price == 6_000 * USD + index * LOTS
    assert scene.default.cash == 0
    assert amounts(backstop.holdings) == {"cash": 3_000 * USD, PERP: LOTS}
    assert clearing.state.backstop_used == LOTS * 640_000
    clearing.accept(backstop.margin_proof(clearing.state))


def test_the_backstop_takes_an_insolvent_portfolio_at_the_discount_and_the_fund_pays(backed: Setting, backstop: Trader):
    scene = auctioned(backed, 5_500, insurance=9_000 * USD)
    scene.clearing.open(backstop)
    scene.clearing.deposit(backstop.id, 31337, "USD", 9_000 * USD)
    end_auction(scene)
    assert scene.default.sale_price == 5_500 * USD * 8 // 10
    scene.clearing.batch()
    assert scene.default.insurance_paid == 1_600 * USD + scene.clearing.state.market.funding_index(PERP) * LOTS


def test_beyond_the_backstops_limit_the_portfolio_is_torn_up_at_mark(with_backstop: Scene, backstop: Trader):
    scene, clearing = with_backstop, with_backstop.clearing
    used = clearing.house.rules.backstop_limit - LOTS * 640_000 + 1
    clearing.state = replace(clearing.state, backstop_used=MicroUsd(used))
    debtor_cash, maker_cash = scene.default.cash, scene.maker.merged().cash.value
    end_auction(scene)
    gain = 640_000 - clearing.state.market.funding_index(PERP)
    assert [dict(e.attributes)["price"] for e in clearing.told(EventKind.TORN_UP)] == ["640000"]
    assert scene.default.cash == debtor_cash + gain * LOTS
    assert amounts(scene.maker.holdings) == {"cash": maker_cash - gain * LOTS}
    assert clearing.account(scene.maker).window is None
    clearing.batch()
    assert clearing.account(scene.maker).status is Status.DUE
    clearing.accept(scene.maker.margin_proof(clearing.state))
    assert clearing.account(scene.maker).status is Status.ACTIVE
    assert backstop.holdings.positions == {}


def test_without_a_backstop_the_portfolio_is_torn_up(setting: Setting):
    scene = auctioned(setting, 6_400)
    end_auction(scene)
    assert len(scene.clearing.told(EventKind.TORN_UP)) == 1
    assert scene.default.stage is Stage.COLLATERAL
    scene.clearing.batch()
    assert scene.status is Status.ACTIVE


def test_two_portfolios_in_one_instrument_survive_the_tear_up_of_one(setting: Setting):
    """The second debtor, still hidden, is settled like everyone; opened later, it shows the cash it got."""
    scene = auctioned(setting, 6_400)
    clearing, second = scene.clearing, Trader(setting, hollow=True)
    clearing.open(second)
    clearing.deposit(second.id, 31337, "USD", 2_000 * USD)
    clearing.accept(make_trade(clearing.state, second, scene.maker, PERP, 50, 640_000))
    end_auction(scene)
    assert second.holdings.positions == {}
    for blocks in (1, 8, 24, 1):
        clearing.batch(blocks=blocks)
    assert clearing.account(second).status is Status.FROZEN
    clearing.batch(openings=(clearing.opening(clearing.default_of(second)),))
    clearing.batch()
    assert clearing.account(second).status is Status.ACTIVE
    assert clearing.default_of(second).cash == second.holdings.cash.value
