"""An opened portfolio's way: sold to a bidder or the backstop, or torn up; collateral seized; the loss shared."""

from dataclasses import replace

import pytest

from circuits.pedersen import Commitment
from node.ledger.batch import PayFailed, Seized, Sold
from node.ledger.defaults import asking_price, auction_terms
from node.ledger.effects import EventKind, PayAction, SeizeAction
from node.ledger.errors import BatchInvalid
from node.ledger.execution import Executed
from node.ledger.state import Holding, Stage
from node.ledger.types import INSURANCE_ACCOUNT, AssetId, InstrumentId, MicroUsd, Status
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
    return asking_price(scene.clearing.house, scene.clearing.state, scene.default)


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
    elapsed = scene.clearing.state.hub_height - scene.default.auction_started
    scene.clearing.batch(blocks=15 - elapsed)
    assert scene.default.stage is Stage.AUCTION
    return scene.clearing.batch(blocks=1)


# The auction.


def test_the_price_falls_from_mark_to_what_leaves_the_defaulter_at_zero(setting: Setting):
    scene = auctioned(setting, 6_400)
    terms = auction_terms(setting.house, scene.clearing.state, scene.default)
    assert terms.mark == asked(scene) == LOTS * 640_000
    index = scene.clearing.state.market.funding_index(PERP)
    assert terms.bankruptcy == 6_000 * USD + index * LOTS
    scene.clearing.batch(blocks=8)
    halfway = auction_terms(setting.house, scene.clearing.state, scene.default)
    assert asked(scene) == halfway.mark - (halfway.mark - halfway.bankruptcy) // 2


def test_a_bidder_pays_the_asking_price_and_keeps_what_it_would_have_paid_more(setting: Setting):
    scene = auctioned(setting, 6_400, hollow=False)
    clearing, bidder = scene.clearing, scene.bidder
    before, price = bidder.merged().cash.value, asked(scene)
    funding = clearing.state.market.funding_index(PERP) * LOTS
    clearing.accept(bidder.bid(clearing.state, scene.default, price + 100 * USD), blocks=0)
    assert amounts(bidder.holdings) == {"cash": before - price + funding, PERP: LOTS}
    assert (scene.default.buyer, scene.default.sale_price, scene.default.lots) == (bidder.id, price, ())
    assert scene.default.cash == -6_000 * USD + price - funding - scene.default.penalty
    assert clearing.account(scene.debtor).positions == {}
    clearing.accept(bidder.margin_proof(clearing.state))


def test_the_penalty_goes_to_the_insurance_fund_and_the_rest_back_to_the_owner(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    remains = scene.default.cash + asked(scene) - clearing.state.market.funding_index(PERP) * LOTS
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
    before, limit = bidder.merged().cash.value, asked(scene) + 10 * USD
    bid = bidder.bid(clearing.state, scene.default, limit)
    old = clearing.state.market.funding_index(PERP)
    clearing.batch(blocks=8)
    assert clearing.state.market.funding_index(PERP) > old
    price = asked(scene)
    clearing.accept(bid, blocks=0)
    funding = clearing.state.market.funding_index(PERP) * LOTS
    assert bidder.holdings.cash.value == before - price + funding
    clearing.accept(bidder.margin_proof(clearing.state))


def test_bids_wait_for_valid_prices_and_so_does_the_clock(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.batch(blocks=4)
    elapsed = clearing.state.hub_height - scene.default.auction_started
    clearing.observers = 2
    clearing.batch(blocks=30)
    bid = scene.bidder.bid(clearing.state, scene.default, 6_400 * USD)
    assert clearing.refusal(bid) == "ORACLE_STALE"
    clearing.observers = 4
    clearing.batch(blocks=4)
    assert scene.default.stage is Stage.AUCTION
    assert clearing.state.hub_height - scene.default.auction_started <= elapsed + 4


def test_a_silence_of_the_house_does_not_run_down_an_auction(setting: Setting):
    scene = auctioned(setting, 6_400)
    before = asked(scene)
    scene.clearing.batch(blocks=41)
    assert scene.default.stage is Stage.AUCTION
    assert abs(asked(scene) - before) < USD, "but for funding"


def test_what_expires_during_an_auction_settles_into_the_defaulters_cash(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, FUTURE, 10, 800_000))
    _auction_over_expiry(scene)
    cash = scene.default.cash
    assert [lot.instrument for lot in scene.default.lots] == [FUTURE, PERP]
    clearing.batch(prices={"BTC": 6_500}, blocks=8)
    assert [lot.instrument for lot in scene.default.lots] == [PERP]
    assert scene.default.cash == cash + 10 * 650_000
    assert scene.default.stage is Stage.AUCTION
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert FUTURE not in scene.bidder.holdings.positions


def test_nobody_is_paid_for_taking_a_portfolio_that_has_settled(setting: Setting):
    scene = on_margin(setting, instrument=FUTURE)
    clearing = scene.clearing
    _auction_over_expiry(scene)
    free = scene.bidder.bid(clearing.state, replace(scene.default, lots=()), 0)
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
    assert scene.default.buyer == backstop.id
    assert scene.default.sale_price == 6_000 * USD + index * LOTS
    assert scene.default.cash == 0
    assert amounts(backstop.holdings) == {"cash": 3_000 * USD, PERP: LOTS}
    assert clearing.state.backstop_used == LOTS * 640_000
    clearing.accept(backstop.margin_proof(clearing.state))


def test_the_backstop_never_pays_more_than_mark(backed: Setting, backstop: Trader):
    scene = auctioned(backed, 5_500, insurance=9_000 * USD)
    scene.clearing.open(backstop)
    scene.clearing.deposit(backstop.id, 31337, "USD", 9_000 * USD)
    end_auction(scene)
    assert scene.default.sale_price == 5_500 * USD
    scene.clearing.batch()
    assert scene.default.insurance_paid == 500 * USD + scene.clearing.state.market.funding_index(PERP) * LOTS


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


# Collateral.


@pytest.fixture
def seized(setting: Setting) -> tuple[Scene, list[SeizeAction]]:
    """The debtor is 500 dollars short, with one ether here and two there; seizures are ordered."""
    scene = auctioned(setting, 5_500, collateral={WETH: ETHER, OTHER_WETH: 2 * ETHER})
    end_auction(scene)
    return scene, orders(scene.clearing.batch())


def test_a_deficit_is_covered_from_two_chains_at_once(seized: tuple[Scene, list[SeizeAction]]):
    scene, ordered = seized
    assert [order.asset for order in ordered] == ["WETH@31339", "WETH@31338"], "the larger holding first"
    large, small = ordered
    assert large.amount == 2 * ETHER
    assert 0 < small.amount < ETHER
    assert (large.start_price, large.floor_price) == (400 * USD, 280 * USD)
    state = scene.clearing.state
    assert [state.escrow[order.asset] for order in ordered] == [large.amount, small.amount]
    assert scene.default.collateral == (Holding(AssetId("WETH@31338"), ETHER - small.amount),)


def test_the_house_waits_until_every_lot_is_sold(seized: tuple[Scene, list[SeizeAction]]):
    scene, (large, small) = seized
    sell(scene.clearing, large, large.start_price)
    assert scene.default.stage is Stage.COLLATERAL
    sell(scene.clearing, small, small.start_price)
    assert scene.default.stage is Stage.CLOSED


def test_proceeds_that_cover_leave_the_rest_with_the_owner(seized: tuple[Scene, list[SeizeAction]]):
    scene, (large, small) = seized
    clearing, owed = scene.clearing, scene.default.cash
    insurance = clearing.state.insurance
    clearing.deposit(scene.debtor.id, 31337, "USD", 100 * USD)
    sell(clearing, large, large.start_price)
    sell(clearing, small, small.start_price)
    over = owed + large.start_price + small.start_price + 100 * USD
    penalty = LOTS * 550_000 // 100
    assert over > penalty
    assert scene.default.cash == over - penalty
    assert clearing.state.insurance == insurance + penalty
    assert scene.status is Status.ACTIVE
    assert clearing.state.inventory["USD@31339"] == large.start_price
    assert clearing.state.escrow == {}
    clearing.accept(scene.debtor.margin_proof(clearing.state))


def test_what_a_poor_sale_leaves_open_is_seized_again(seized: tuple[Scene, list[SeizeAction]], setting: Setting):
    scene, (large, small) = seized
    clearing = scene.clearing
    left = 3 * ETHER - large.amount - small.amount
    sell(clearing, large, 1)
    executed = sell(clearing, small, 1)
    again = orders(executed)
    assert sum(order.amount for order in again) == left
    for order in again:
        assert order.action_id not in (large.action_id, small.action_id)
        sell(clearing, order, 1)
    assert scene.default.stage is Stage.CLOSED
    assert scene.status is Status.CLOSED


def test_events_of_a_seizure_come_once_and_in_order(seized: tuple[Scene, list[SeizeAction]]):
    scene, (large, _) = seized
    clearing, chain = scene.clearing, chain_of(large.asset)
    taken, sold = Seized(large.action_id), Sold(large.action_id, MicroUsd(1))
    for events, rule in (
        ((sold,), "sale"),
        ((taken, taken), "seizure"),
        ((taken, sold, sold), "sale"),
        ((taken, sold, taken), "seizure"),
    ):
        with pytest.raises(BatchInvalid) as caught:
            clearing.propose(events={chain: events})
        assert caught.value.rule == rule
    with pytest.raises(BatchInvalid, match="was not ordered"):
        clearing.propose(events={31337: (taken,)})
    clearing.propose(events={chain: (taken, sold)})


def test_seized_collateral_cannot_be_promised_to_a_payout(seized: tuple[Scene, list[SeizeAction]]):
    scene, (large, _) = seized
    state = scene.clearing.state
    assert state.available(large.asset) == state.inventory[large.asset] - large.amount


# Who pays for the rest.


def test_the_insurance_fund_pays_what_collateral_does_not(setting: Setting):
    scene = auctioned(setting, 5_500, insurance=2_000 * USD, collateral={WETH: 1 * ETHER})
    end_auction(scene)
    (order,) = orders(scene.clearing.batch())
    sell(scene.clearing, order, 150 * USD)
    missing = 500 * USD + scene.clearing.state.market.funding_index(PERP) * LOTS - 150 * USD
    assert scene.default.insurance_paid == missing
    assert scene.clearing.state.insurance == 2_000 * USD - missing
    assert (scene.status, scene.default.shortfall, scene.default.penalty) == (Status.ACTIVE, 0, 0)
    assert scene.clearing.account(scene.debtor).cash == Commitment.public(0)


@pytest.fixture
def short(setting: Setting) -> Scene:
    """A default that the fund's 100 dollars did not cover."""
    scene = auctioned(setting, 5_500, insurance=100 * USD)
    end_auction(scene)
    scene.clearing.batch()
    return scene


def test_a_shortfall_is_recorded_and_gates_withdrawals_until_it_is_cured(short: Scene):
    clearing, missing = short.clearing, short.default.shortfall
    assert missing > 400 * USD
    assert clearing.state.shortfall == missing
    assert clearing.account(short.debtor).cash == Commitment.public(-missing)
    assert (short.status, clearing.state.insurance) == (Status.CLOSED, 0)
    withdrawal = short.bidder.withdraw(clearing.state, "USD@31337", 1)
    assert clearing.refusal(withdrawal) == "WITHDRAWALS_GATED"
    clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", missing - 1)
    assert clearing.state.shortfall == 1
    assert clearing.refusal(withdrawal) == "WITHDRAWALS_GATED"
    clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", 10)
    assert (clearing.state.shortfall, clearing.state.insurance, short.default.shortfall) == (0, 9, 0)
    clearing.accept(withdrawal)


def test_trading_goes_on_while_a_shortfall_is_open_and_its_fees_cure_it(short: Scene):
    clearing = short.clearing
    clearing.batch()
    clearing.accept(short.maker.margin_proof(clearing.state))
    before = clearing.state.shortfall
    clearing.accept(make_trade(clearing.state, short.bidder, short.maker, PERP, 10, 550_000, fee=30))
    assert clearing.state.shortfall == before - 30


def test_what_still_arrives_for_a_closed_account_covers_its_shortfall_first(short: Scene):
    clearing, missing = short.clearing, short.default.shortfall
    clearing.deposit(short.debtor.id, 31337, "USD", 150 * USD)
    assert clearing.state.shortfall == missing - 150 * USD
    assert short.status is Status.CLOSED
    clearing.deposit(short.debtor.id, 31337, "USD", missing - 150 * USD)
    assert (clearing.state.shortfall, short.status) == (0, Status.ACTIVE)
    assert len(clearing.told(EventKind.REOPENED)) == 2


def test_and_then_repays_the_insurance_fund(short: Scene):
    clearing, missing = short.clearing, short.default.shortfall
    clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", missing)
    paid = short.default.insurance_paid
    assert paid == missing + 100 * USD
    clearing.deposit(short.debtor.id, 31337, "USD", paid + 5)
    assert clearing.state.insurance == paid
    assert clearing.account(short.debtor).cash == Commitment.public(5)
    assert short.status is Status.ACTIVE


def test_late_collateral_of_a_closed_account_is_seized_without_lifting_the_gate(short: Scene):
    clearing, missing = short.clearing, short.default.shortfall
    executed = clearing.deposit(short.debtor.id, *WETH, ETHER)
    (order,) = orders(executed)
    assert clearing.state.shortfall == missing
    assert clearing.refusal(short.bidder.withdraw(clearing.state, "USD@31337", 1)) == "WITHDRAWALS_GATED"
    sell(clearing, order, 190 * USD)
    assert clearing.state.shortfall == missing - 190 * USD
    assert short.status is Status.CLOSED


@pytest.mark.parametrize("arrives", [Status.FROZEN, Status.LIQUIDATING, Stage.COLLATERAL, Status.CLOSED])
def test_a_payout_that_fails_during_the_default_comes_back_to_cover_it(setting: Setting, arrives: Status | Stage):
    scene = on_margin(setting, collateral={WETH: 8 * ETHER})
    clearing = scene.clearing
    executed = clearing.accept(scene.debtor.withdraw(clearing.state, "WETH@31338", 2 * ETHER))
    payout = next(effect for effect in executed.effects if isinstance(effect, PayAction))
    scene.fall(4_900)

    def fail() -> None:
        clearing.batch(events={WETH[0]: (PayFailed(payout.action_id),)})

    scene.freeze()
    if arrives is Status.FROZEN:
        fail()
    scene.open()
    if arrives is Status.LIQUIDATING:
        fail()
    end_auction(scene)
    if arrives is Stage.COLLATERAL:
        fail()
    clearing.batch()
    sold = _sell_everything(scene)
    if arrives is Status.CLOSED:
        assert scene.status is Status.CLOSED
        fail()
        sold += _sell_everything(scene)
    assert sold == 8 * ETHER
    assert scene.default.stage is Stage.CLOSED
    assert clearing.state.shortfall == -scene.default.cash > 0


def _sell_everything(scene: Scene) -> int:
    """Every lot on sale and those that follow find a buyer at a tenth of their mark; units sold."""
    units = 0
    while scene.default.stage is Stage.COLLATERAL:
        open_lots = [seizure.action_id for seizure in scene.default.seizures if seizure.proceeds is None]
        for effect in scene.clearing.effects.copy():
            if isinstance(effect, SeizeAction) and effect.action_id in open_lots:
                sell(scene.clearing, effect, effect.start_price // 10)
                units += effect.amount
    return units


def test_a_portfolio_of_size_zero_closes_without_a_bid(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, PERP, -LOTS, 800_000))
    assert amounts(scene.debtor.holdings)[PERP] == 0
    scene.fall(5_500)
    scene.freeze()
    clearing.batch(openings=(clearing.opening(scene.default),))
    assert (scene.default.lots, scene.default.stage) == ((), Stage.COLLATERAL)
    clearing.batch()
    assert (scene.status, scene.default.penalty, scene.default.cash) == (Status.ACTIVE, 0, 2_000 * USD)


def test_an_owner_comes_back_from_a_default_and_trades_again(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    end_auction(scene)
    clearing.batch()
    clearing.accept(scene.maker.margin_proof(clearing.state))
    clearing.deposit(scene.debtor.id, 31337, "USD", 2_000 * USD)
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, PERP, 100, 640_000))
    for blocks in (32, 32, 4):
        clearing.batch(blocks=blocks)
    assert scene.status is Status.DUE
    clearing.accept(scene.maker.margin_proof(clearing.state))
    scene.freeze()
    assert len(clearing.state.defaults) == 2
    scene.open()
    end_auction(scene)
    clearing.batch()
    assert scene.default.stage is Stage.CLOSED


def test_a_default_is_the_same_for_whoever_takes_the_next_step(setting: Setting):
    """Every step is a function of the state: two proposers bring the same root."""
    scene = auctioned(setting, 5_500, collateral={WETH: ETHER})
    clearing = scene.clearing
    while scene.default.stage is not Stage.CLOSED and not orders(clearing.batch(blocks=4)):
        first = clearing.propose()
        clearing.proposer += 1
        assert clearing.propose().executed == first.executed
