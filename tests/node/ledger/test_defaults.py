"""After the auction: collateral is seized, the loss is shared, and what arrives late still counts."""

import pytest

from circuits.pedersen import Commitment
from node.ledger.auctions import auction_terms
from node.ledger.batch import PayFailed, Seized, Sold
from node.ledger.effects import EventKind, PayAction, SeizeAction
from node.ledger.errors import BatchInvalid
from node.ledger.execution import Executed
from node.ledger.state import Holding, Stage
from node.ledger.types import INSURANCE_ACCOUNT, AssetId, InstrumentId, MicroUsd, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, amounts, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, on_margin

PERP = InstrumentId("BTC-PERP")
FUTURE = InstrumentId("BTC-20200327")
WETH = (31338, "WETH")
OTHER_WETH = (31339, "WETH")
ETHER = 10**5
"""Ledger units of one ether."""


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
    terms, offer = auction_terms(scene.clearing.house, scene.clearing.state, scene.default), scene.default.offer
    assert terms is not None
    assert offer is not None
    scene.clearing.batch(blocks=terms.duration - 1 - (scene.clearing.state.hub_height - offer.started))
    assert scene.default.stage is Stage.AUCTION
    return scene.clearing.batch(blocks=1)


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
    assert scene.default.stage is Stage.COLLATERAL, "nobody pays more than the mark, at which the fund is short"
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
    assert (short.status, short.default.insurance_paid) == (Status.CLOSED, 100 * USD)
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
    clearing.batch(openings=(clearing.opening(scene.default),))
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.ACTIVE)
    assert clearing.account(scene.debtor).position(PERP) == Commitment.public(100), "it was solvent, and only away"


def test_a_default_is_the_same_for_whoever_takes_the_next_step(setting: Setting):
    """Every step is a function of the state: two proposers bring the same root."""
    scene = auctioned(setting, 5_500, collateral={WETH: ETHER})
    clearing = scene.clearing
    while scene.default.stage is not Stage.CLOSED and not orders(clearing.batch(blocks=4)):
        first = clearing.propose()
        clearing.proposer += 1
        assert clearing.propose().executed == first.executed
