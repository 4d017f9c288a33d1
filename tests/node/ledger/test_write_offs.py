"""A chain's token that counts nothing any more: its holders, its defaults, its dollars, and the way back."""

from dataclasses import replace

import pytest

from circuits.errors import Insolvent
from node.ledger.batch import Deposited, Exited, Paid, PayFailed, Seized, Sold
from node.ledger.effects import EventKind, PayAction, SeizeAction
from node.ledger.errors import BatchInvalid
from node.ledger.state import FundShare, Holding, Stage, Stranded
from node.ledger.types import INSURANCE_ACCOUNT, Address, AssetId, MicroUsd, Status
from tests.node.ledger.test_default_fund import funded
from tests.node.ledger.test_defaults import ETHER, OTHER_WETH, WETH, end_auction, orders
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, amounts, make_setting, make_transfer, token
from tests.support.scenes import Scene, auctioned, on_margin

ETHERS = AssetId("WETH@31338")
DOLLARS = AssetId("USD@31338")
HUB_DOLLARS = AssetId("USD@31337")


def written_off(scene: Scene, asset: str = ETHERS) -> Scene:
    scene.clearing.accept(scene.clearing.write_off(asset), blocks=0)
    return scene


# Margin.


def test_a_token_counts_nothing_from_the_next_grid_on_and_its_holder_is_due_and_proves_anew(setting: Setting):
    scene = on_margin(setting, collateral={WETH: 10 * ETHER}, hollow=False)
    clearing, held = scene.clearing, scene.clearing.account(scene.debtor).collateral
    written_off(scene)
    clearing.batch(blocks=1)
    assert scene.status is Status.ACTIVE, "so far nobody could prove without it"
    old = clearing.grid
    clearing.batch(blocks=3)
    assert scene.status is Status.DUE, "not called, and not frozen"
    assert "WETH@31338" in dict(clearing.told(EventKind.DUE)[-1].attributes)["reason"]
    assert set(clearing.grid.instrument(ETHERS).values) == {0}
    assert clearing.refusal(scene.debtor.margin_proof(clearing.state, grid=old)) == "WINDOW_LAPSED"
    clearing.accept(scene.debtor.margin_proof(clearing.state))
    assert scene.status is Status.ACTIVE
    assert clearing.account(scene.debtor).collateral == held, "it is still its owner's, and as hidden as before"


def test_who_has_no_margin_without_it_is_called_and_frozen_as_usual(setting: Setting):
    scene = written_off(on_margin(setting, cash=1_000 * USD, collateral={WETH: 20 * ETHER}))
    clearing = scene.clearing
    clearing.batch(blocks=4)
    with pytest.raises(Insolvent):
        scene.debtor.margin_proof(clearing.state)
    scene.freeze()


def test_who_does_not_hold_it_notices_nothing(setting: Setting):
    scene = written_off(on_margin(setting))
    scene.clearing.batch(blocks=4)
    assert scene.status is Status.ACTIVE


def test_once_reinstated_it_counts_again(setting: Setting):
    scene = written_off(on_margin(setting, cash=1_000 * USD, collateral={WETH: 20 * ETHER}))
    clearing = scene.clearing
    clearing.batch(blocks=4)
    clearing.accept(clearing.write_off(ETHERS, reinstated=True), blocks=0)
    assert clearing.state.written_off == {}
    clearing.batch(blocks=4)
    clearing.accept(scene.debtor.margin_proof(clearing.state))
    assert scene.status is Status.ACTIVE
    clearing.accept(scene.debtor.withdraw(clearing.state, ETHERS, 1))


def test_an_order_about_an_unlisted_token_or_the_same_twice_is_refused(setting: Setting):
    clearing = Clearing.start(setting)
    assert clearing.refusal(clearing.write_off("WETH@7")) == "ASSET_UNKNOWN"
    assert clearing.refusal(clearing.write_off(ETHERS, reinstated=True)) == "ORDER_INVALID"
    clearing.accept(clearing.write_off(ETHERS))
    assert clearing.refusal(clearing.write_off(ETHERS)) == "ORDER_INVALID"
    assert clearing.refusal(clearing.ordered(clearing.write_off(DOLLARS), (0, 1))) == "SIGNATURE_INVALID"
    assert clearing.refusal(replace(clearing.write_off(ETHERS), reinstated=True)) == "SIGNATURE_INVALID"


# What no longer moves, and what does.


def test_it_is_neither_withdrawn_nor_transferred(setting: Setting):
    scene = written_off(on_margin(setting, collateral={WETH: ETHER, OTHER_WETH: ETHER}))
    clearing, debtor = scene.clearing, scene.debtor
    assert clearing.refusal(debtor.withdraw(clearing.state, ETHERS, 1)) == "ASSET_WRITTEN_OFF"
    assert clearing.refusal(make_transfer(clearing.state, debtor, scene.bidder, ETHERS, 1)) == "ASSET_WRITTEN_OFF"
    clearing.accept(debtor.withdraw(clearing.state, "WETH@31339", 1))
    clearing.accept(make_transfer(clearing.state, debtor, scene.bidder, "WETH@31339", 1))


def test_a_deposit_that_arrives_nevertheless_is_its_owners_and_counts_nothing(setting: Setting):
    scene = written_off(on_margin(setting, cash=1_500 * USD, collateral={WETH: ETHER}))
    clearing = scene.clearing
    clearing.batch(blocks=4)
    clearing.deposit(scene.debtor.id, 31338, "WETH", 50 * ETHER)
    assert amounts(scene.debtor.merged())[ETHERS] == 51 * ETHER
    assert clearing.state.inventory[ETHERS] == 51 * ETHER
    with pytest.raises(Insolvent):
        scene.debtor.margin_proof(clearing.state)
    clearing.deposit(scene.debtor.id, 31337, "USD", 2_000 * USD)
    clearing.accept(scene.debtor.margin_proof(clearing.state))
    assert amounts(scene.debtor.holdings)[ETHERS] == 51 * ETHER


# Defaults.


@pytest.fixture
def seizing(setting: Setting) -> tuple[Scene, SeizeAction, SeizeAction]:
    """The debtor is 500 dollars short; two ether are seized on chain 31339, and some of ten on chain 31338."""
    scene = auctioned(setting, 5_500, insurance=1_000 * USD, collateral={WETH: ETHER, OTHER_WETH: 2 * ETHER})
    end_auction(scene)
    large, small = orders(scene.clearing.batch())
    return scene, large, small


def test_a_seizure_is_given_up_and_other_collateral_taken_instead(seizing: tuple[Scene, SeizeAction, SeizeAction]):
    scene, large, small = seizing
    clearing = scene.clearing
    done = (Seized(small.action_id), Sold(small.action_id, MicroUsd(small.start_price)))
    clearing.batch(events={31338: done})
    executed = clearing.accept(clearing.write_off("WETH@31339"))
    (instead,) = orders(executed)
    assert instead.asset == ETHERS, "what is left of it on the other chain"
    assert [told.account for told in clearing.told(EventKind.GIVEN_UP)] == [scene.debtor.id]
    assert clearing.state.escrow["WETH@31339"] == large.amount, "the order is out: it may still be carried out"
    done = (Seized(instead.action_id), Sold(instead.action_id, MicroUsd(instead.start_price)))
    clearing.batch(events={31338: done})
    clearing.batch()
    assert scene.default.stage is Stage.CLOSED
    assert scene.default.insurance_paid == -scene.default.shortfall + 1_000 * USD - clearing.state.insurance > 0


def test_what_a_given_up_seizure_brings_late_repays_who_paid(seizing: tuple[Scene, SeizeAction, SeizeAction]):
    scene, large, _ = seizing
    clearing = scene.clearing
    clearing.accept(clearing.write_off(ETHERS), blocks=0)
    clearing.accept(clearing.write_off("WETH@31339"), blocks=0)
    clearing.batch()
    paid = scene.default.insurance_paid
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.CLOSED), "it may still repay"
    assert paid == 1_000 * USD - clearing.state.insurance > 0
    late = MicroUsd(paid + 7 * USD)
    clearing.batch(events={31339: (Seized(large.action_id), Sold(large.action_id, late))})
    clearing.batch()
    assert (scene.default.insurance_paid, clearing.state.insurance) == (0, 1_000 * USD)
    assert (scene.default.stage, scene.default.cash) == (Stage.CLOSED, 7 * USD)
    assert "WETH@31339" not in clearing.state.escrow


def test_a_given_up_seizure_is_booked_once(seizing: tuple[Scene, SeizeAction, SeizeAction]):
    scene, large, _ = seizing
    clearing = scene.clearing
    clearing.accept(clearing.write_off("WETH@31339"))
    done = (Seized(large.action_id), Sold(large.action_id, MicroUsd(5)))
    clearing.batch(events={31339: done})
    for again in done:
        with pytest.raises(BatchInvalid):
            clearing.batch(events={31339: (again,)})


def test_what_is_written_off_is_not_seized_and_others_pay_until_it_is_reinstated(setting: Setting):
    scene = auctioned(setting, 5_500, insurance=300 * USD, collateral={WETH: 10 * ETHER})
    clearing = scene.clearing
    (member,) = funded(scene, 1_000)
    written_off(scene)
    end_auction(scene)
    assert orders(clearing.batch()) == []
    default = scene.default
    assert default.stage is Stage.CLOSED
    assert default.collateral == (Holding(ETHERS, 10 * ETHER),), "it stays in the account"
    assert clearing.state.insurance == 0
    (share,) = default.fund_paid
    assert (share.member, scene.status) == (member.id, Status.CLOSED)
    executed = clearing.accept(clearing.write_off(ETHERS, reinstated=True))
    (order,) = orders(executed)
    done = (Seized(order.action_id), Sold(order.action_id, MicroUsd(order.start_price)))
    clearing.batch(events={31338: done})
    clearing.batch()
    while scene.default.stage is not Stage.CLOSED:
        clearing.batch()
    assert (scene.default.fund_paid, clearing.state.default_fund) == ((), {member.id: 1_000 * USD})
    assert (scene.default.insurance_paid, clearing.state.insurance) == (0, 300 * USD)
    assert scene.status is Status.ACTIVE


def test_collateral_is_not_seized_where_it_would_be_sold_for_dollars_that_count_nothing(setting: Setting):
    scene = auctioned(setting, 5_500, insurance=1_000 * USD, collateral={WETH: ETHER, OTHER_WETH: 2 * ETHER})
    clearing = scene.clearing
    written_off(scene, "USD@31339")
    end_auction(scene)
    assert {order.asset for order in orders(clearing.batch())} == {ETHERS}


# Dollars.


@pytest.fixture
def abroad(setting: Setting) -> Scene:
    """500 dollars of insurance here, 900 of a depositor on another chain, of which 100 are on their way out."""
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", 500 * USD)
    clearing.deposit(scene.bidder.id, 31338, "USD", 900 * USD)
    clearing.accept(scene.bidder.withdraw(clearing.state, DOLLARS, 100 * USD), blocks=0)
    return scene


def payout(clearing: Clearing) -> PayAction:
    return next(effect for effect in clearing.effects if isinstance(effect, PayAction))


def test_what_a_vault_held_goes_through_the_waterfall_and_the_figures_add_up_to_zero(abroad: Scene):
    clearing = abroad.clearing
    members = funded(abroad, 60, 30)
    written_off(abroad, DOLLARS)
    state = clearing.state
    entry = state.written_off[DOLLARS]
    assert entry.lost == 800 * USD, "all but what is promised"
    assert (entry.insurance_paid, state.insurance) == (500 * USD, 0)
    shares = {member.id: part * USD for member, part in zip(members, (60, 30), strict=True)}
    assert entry.fund_paid == tuple(FundShare(name, MicroUsd(paid)) for name, paid in sorted(shares.items()))
    assert state.default_fund == {}
    assert entry.shortfall == state.shortfall == 210 * USD
    assert entry.lost == entry.insurance_paid + sum(share.amount for share in entry.fund_paid) + entry.shortfall
    assert state.inventory[DOLLARS] == state.escrow[DOLLARS] == 100 * USD


def test_a_depositor_there_loses_nothing_that_others_keep(abroad: Scene):
    """Cash is one number, whatever chain it came in on: no account has less."""
    before = {trader.id: amounts(trader.holdings) for trader in abroad.clearing.traders}
    written_off(abroad, DOLLARS)
    assert {trader.id: amounts(trader.holdings) for trader in abroad.clearing.traders} == before


def test_while_a_shortfall_is_open_nobody_withdraws_and_new_insurance_cures_it(abroad: Scene):
    clearing = written_off(abroad, DOLLARS).clearing
    assert clearing.refusal(abroad.maker.withdraw(clearing.state, HUB_DOLLARS, USD)) == "WITHDRAWALS_GATED"
    clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", 350 * USD)
    state = clearing.state
    assert (state.shortfall, state.insurance) == (0, 50 * USD)
    entry = state.written_off[DOLLARS]
    assert (entry.shortfall, entry.insurance_paid) == (0, 800 * USD)
    clearing.accept(abroad.maker.withdraw(clearing.state, HUB_DOLLARS, USD))
    assert clearing.refusal(abroad.maker.withdraw(clearing.state, DOLLARS, USD)) == "ASSET_WRITTEN_OFF"


def test_what_is_reinstated_goes_back_the_other_way_round(abroad: Scene):
    clearing = abroad.clearing
    funded(abroad, 60, 30)
    before = clearing.state
    written_off(abroad, DOLLARS)
    clearing.accept(clearing.write_off(DOLLARS, reinstated=True), blocks=0)
    after = clearing.state
    assert (after.insurance, after.default_fund, after.shortfall) == (before.insurance, before.default_fund, 0)
    assert (after.inventory, after.residue, after.written_off) == (before.inventory, before.residue, {})
    told = dict(clearing.told(EventKind.RECOVERED)[0].attributes)
    assert told == {"asset": "USD@31338", "amount": str(800 * USD), "shortfall": str(210 * USD)}
    clearing.accept(abroad.maker.withdraw(clearing.state, DOLLARS, 700 * USD))


def test_dollars_that_an_owner_got_there_by_force_were_not_lost(abroad: Scene):
    """Of what comes back the shortfall has the first part, and the members theirs before the insurance fund."""
    clearing = abroad.clearing
    (member,) = funded(abroad, 90)
    written_off(abroad, DOLLARS)
    account = clearing.account(abroad.bidder)
    dollars = Address(token(31338, "USD"))
    clearing.batch(events={31338: [Exited(account.id, dollars, 270 * USD, account.version)]}, blocks=0)
    state = clearing.state
    assert amounts(abroad.bidder.holdings)["cash"] == 20_000 * USD + 900 * USD - 100 * USD - 270 * USD
    assert (state.shortfall, state.default_fund, state.insurance) == (0, {member.id: 60 * USD}, 0)
    version = clearing.account(abroad.bidder).version
    clearing.batch(events={31338: [Exited(account.id, dollars, 130 * USD, version - 1)]}, blocks=0)
    state = clearing.state
    assert (state.default_fund, state.insurance) == ({member.id: 90 * USD}, 100 * USD)
    assert state.written_off[DOLLARS].lost == 400 * USD


def test_dollars_that_come_in_there_wait_for_their_owners(abroad: Scene):
    clearing, bidder = written_off(abroad, DOLLARS).clearing, abroad.bidder
    before = clearing.account(bidder)
    stranger = Trader(clearing.setting)
    for owner, amount in ((bidder.id, 7), (bidder.id, 5), (stranger.id, 3), (INSURANCE_ACCOUNT, 2)):
        clearing.deposit(owner, 31338, "USD", amount * USD)
    waiting = {held.account: held.amount for held in clearing.state.written_off[DOLLARS].stranded}
    assert waiting == {bidder.id: 12 * USD, stranger.id: 3 * USD, INSURANCE_ACCOUNT: 2 * USD}
    assert clearing.account(bidder) == before, "they count nothing"
    insurance = clearing.state.insurance
    clearing.accept(clearing.write_off(DOLLARS, reinstated=True), blocks=0)
    assert amounts(bidder.merged())["cash"] == 20_812 * USD
    assert clearing.state.insurance == insurance + 500 * USD + 2 * USD
    assert [credit.amount for credit in clearing.state.unclaimed[stranger.id]] == [3 * USD]


def test_a_payout_that_was_promised_there_is_still_paid(abroad: Scene):
    clearing = written_off(abroad, DOLLARS).clearing
    clearing.batch(events={31338: [Paid(payout(clearing).action_id)]})
    assert DOLLARS not in clearing.state.inventory


def test_a_payout_that_fails_there_waits_for_its_owner(abroad: Scene):
    clearing = written_off(abroad, DOLLARS).clearing
    clearing.batch(events={31338: [PayFailed(payout(clearing).action_id)]})
    assert clearing.state.written_off[DOLLARS].stranded == (Stranded(abroad.bidder.id, MicroUsd(100 * USD)),)
    assert amounts(abroad.bidder.merged())["cash"] == 20_800 * USD


def test_a_sale_on_a_chain_whose_dollars_are_written_off_waits_too(seizing: tuple[Scene, SeizeAction, SeizeAction]):
    scene, large, _ = seizing
    clearing = scene.clearing
    clearing.accept(clearing.write_off("USD@31339"))
    assert {seizure.action_id for seizure in scene.default.seizures if seizure.given_up} == {large.action_id}
    done = (Seized(large.action_id), Sold(large.action_id, MicroUsd(300 * USD)))
    cash = scene.default.cash
    clearing.batch(events={31339: done})
    assert scene.default.cash == cash
    held = clearing.state.written_off[AssetId("USD@31339")].stranded
    assert held == (Stranded(scene.debtor.id, MicroUsd(300 * USD)),)


def test_an_empty_vaults_dollars_cost_nobody_anything(setting: Setting):
    clearing = Clearing.start(setting)
    clearing.accept(clearing.write_off("USD@31340"))
    state = clearing.state
    assert (state.written_off[AssetId("USD@31340")].lost, state.shortfall) == (0, 0)
    clearing.batch(events={31340: [Deposited(INSURANCE_ACCOUNT, token(31340, "USD"), 5)]})
    assert clearing.state.insurance == 0


def test_orders_about_tokens_and_the_breaker_are_counted_together():
    clearing = Clearing.start(make_setting())
    clearing.accept(clearing.write_off(ETHERS))
    clearing.accept(clearing.write_off(DOLLARS))
    assert clearing.state.orders == 2
    assert clearing.refusal(replace(clearing.write_off(ETHERS, reinstated=True), sequence=0)) == "ORDER_OUT_OF_TURN"
