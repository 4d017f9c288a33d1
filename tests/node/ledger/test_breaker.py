"""What a quorum of the validators stops of default management, and how it goes on."""

from dataclasses import replace

import pytest

from node.ledger.auctions import asking_price, auction_terms
from node.ledger.batch import Seized, Sold
from node.ledger.effects import EventKind, SeizeAction
from node.ledger.errors import BatchInvalid
from node.ledger.execution import execute
from node.ledger.house_orders import BreakerOrder
from node.ledger.state import Breaker, Stage
from node.ledger.types import MicroUsd, Status
from node.liquidation.breaker import Level
from tests.node.ledger.test_defaults import ETHER, OTHER_WETH, WETH, end_auction, orders
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, make_setting, make_trade, make_transfer
from tests.support.scenes import Scene, auctioned, frozen, on_margin

STOPS = [Level.NO_OFFER, Level.NO_BID, Level.HALTED]
ON_AUCTION = {"collateral": {WETH: ETHER}}


def asked(scene: Scene) -> int:
    price = asking_price(scene.clearing.house, scene.clearing.state, scene.default)
    assert price is not None
    return price


def on_the_clock(scene: Scene) -> int:
    """Hub blocks that the auction has run for."""
    offer = scene.default.offer
    assert offer is not None
    return scene.clearing.state.hub_height - offer.started


# Orders.


def test_a_quorums_order_sets_the_breaker_and_it_ends_by_itself_with_its_last_hub_block(setting: Setting):
    clearing = Clearing.start(setting)
    height = clearing.state.hub_height
    clearing.accept(clearing.breaker(Level.NO_BID, blocks=10))
    assert clearing.state.breaker == Breaker(Level.NO_BID, height + 10)
    assert [dict(told.attributes) for told in clearing.told(EventKind.BREAKER_SET)] == [
        {"level": "2", "until": str(height + 10), "order": "0"}
    ]
    clearing.batch(blocks=9)
    assert clearing.state.breaker.level is Level.NO_BID
    clearing.batch()
    assert clearing.state.breaker == Breaker()
    assert len(clearing.told(EventKind.BREAKER_ENDED)) == 1


def test_an_order_before_the_end_lowers_it(setting: Setting):
    clearing = Clearing.start(setting)
    clearing.accept(clearing.breaker(Level.HALTED))
    clearing.accept(clearing.breaker(Level.NO_OFFER, blocks=5))
    assert clearing.state.breaker.level is Level.NO_OFFER
    clearing.accept(clearing.breaker(Level.OPEN, blocks=5))
    assert clearing.state.breaker == Breaker()
    assert clearing.state.orders == 3
    clearing.batch(blocks=8)
    assert clearing.told(EventKind.BREAKER_ENDED) == [], "nothing was left to end"


@pytest.mark.parametrize(
    ("signers", "why"),
    [
        ((0, 1), "a quorum is three of four"),
        ((), "nobody"),
        ((0, 1, 1), "each counts once"),
        ((0, 2, 1), "one order, one encoding"),
        ((0, 1, 2, 3, 3), "there are four"),
    ],
)
def test_what_no_quorum_signed_is_refused(setting: Setting, signers: tuple[int, ...], why: str):
    clearing = Clearing.start(setting)
    order = clearing.ordered(clearing.breaker(Level.HALTED), signers)
    assert clearing.refusal(order) == "SIGNATURE_INVALID", why


def test_lowering_it_needs_a_quorum_too(setting: Setting):
    clearing = Clearing.start(setting)
    clearing.accept(clearing.breaker(Level.HALTED))
    assert clearing.refusal(clearing.ordered(clearing.breaker(Level.OPEN), (1, 3))) == "SIGNATURE_INVALID"


def test_a_stranger_among_the_signers_makes_no_quorum(setting: Setting):
    clearing = Clearing.start(setting)
    order = clearing.breaker(Level.HALTED)
    stranger = make_setting().keys[0].sign_digest(order.digest(setting.house.deployment))
    for place in range(3):
        signatures = [*order.signatures[:place], stranger, *order.signatures[place + 1 :]]
        assert clearing.refusal(replace(order, signatures=tuple(signatures))) == "SIGNATURE_INVALID"
    assert clearing.refusal(replace(order, signatures=(bytes(64), *order.signatures[1:]))) == "SIGNATURE_INVALID"


def test_an_order_of_another_house_is_none(setting: Setting):
    clearing = Clearing.start(setting)
    elsewhere = replace(setting.house.deployment, salt=bytes([1] * 32))
    order = clearing.breaker(Level.HALTED)
    signatures = tuple(key.sign_digest(order.digest(elsewhere)) for key in setting.keys[:3])
    assert clearing.refusal(replace(order, signatures=signatures)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 1}, "ORDER_OUT_OF_TURN"),
        ({"sequence": 0}, "ORDER_OUT_OF_TURN"),
        ({"sequence": 2}, "ORDER_OUT_OF_TURN"),
        ({"until": 3}, "EXPIRED"),
        ({"until": 1 << 40}, "ORDER_INVALID"),
    ],
    ids=["another epoch", "taken before", "not next", "expired", "for too long"],
)
def test_an_order_is_taken_once_and_in_turn_and_not_for_long(setting: Setting, changes: dict[str, int], reason: str):
    clearing = Clearing.start(setting)
    clearing.accept(clearing.breaker(Level.NO_OFFER))
    assert clearing.refusal(clearing.breaker(Level.HALTED, **changes)) == reason


def test_the_longest_time_is_the_houses(setting: Setting):
    clearing = Clearing.start(setting)
    most = setting.house.rules.breaker_blocks
    assert clearing.refusal(clearing.breaker(Level.NO_OFFER, blocks=most + 1)) == "ORDER_INVALID"
    clearing.accept(clearing.breaker(Level.NO_OFFER, blocks=most), blocks=0)


def test_an_order_changed_on_its_way_is_refused(setting: Setting):
    clearing = Clearing.start(setting)
    order: BreakerOrder = clearing.breaker(Level.NO_OFFER)
    assert clearing.refusal(replace(order, level=Level.HALTED)) == "SIGNATURE_INVALID"
    assert clearing.refusal(replace(order, until=order.until + 1)) == "SIGNATURE_INVALID"


# What goes on.


@pytest.mark.parametrize("level", STOPS)
def test_proofs_deposits_trades_and_transfers_go_on_at_every_level(setting: Setting, level: Level):
    scene = on_margin(setting, **ON_AUCTION)
    clearing, debtor, maker = scene.clearing, scene.debtor, scene.maker
    clearing.accept(clearing.breaker(level))
    clearing.deposit(debtor.id, 31337, "USD", 1_000 * USD)
    clearing.accept(debtor.margin_proof(clearing.state))
    clearing.accept(make_trade(clearing.state, maker, debtor, "BTC-PERP", 100, 800_000))
    clearing.accept(make_transfer(clearing.state, debtor, scene.bidder, "WETH@31338", 10))
    clearing.accept(make_transfer(clearing.state, maker, debtor, "CASH", 10 * USD))


@pytest.mark.parametrize(("level", "refused"), [(Level.NO_OFFER, False), (Level.NO_BID, False), (Level.HALTED, True)])
def test_nobody_withdraws_while_nobody_is_called(setting: Setting, level: Level, refused: bool):
    """A loss that is not called locks neither withdrawals nor the default fund: whoever saw it first would leave it
    to the others."""
    scene = on_margin(setting)
    clearing, bidder = scene.clearing, scene.bidder
    clearing.accept(bidder.contribute(clearing.state, 100 * USD), blocks=0)
    clearing.accept(clearing.breaker(level))
    for make in (
        lambda: bidder.withdraw(clearing.state, "USD@31337", 100 * USD),
        lambda: bidder.contribute(clearing.state, -50 * USD),
    ):
        if refused:
            assert clearing.refusal(make()) == "BREAKER_SET"
        else:
            clearing.accept(make(), blocks=0)


# Nothing new on offer.


def test_nothing_new_is_put_on_offer_at_level_one(setting: Setting):
    scene = frozen(setting, 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.NO_OFFER, blocks=12))
    scene.open()
    clearing.batch(blocks=4)
    assert (scene.default.stage, scene.default.auctions) == (Stage.PLANNED, 0)
    clearing.batch(blocks=8)
    assert scene.default.stage is Stage.AUCTION, "it goes on by itself"


def test_an_account_that_has_its_margin_is_given_back_at_level_one(setting: Setting):
    scene = frozen(setting, 7_000)
    clearing = scene.clearing
    clearing.deposit(scene.debtor.id, 31337, "USD", 3_000 * USD)
    clearing.accept(clearing.breaker(Level.NO_OFFER))
    clearing.batch(openings=(clearing.opening(scene.default),))
    assert scene.status is Status.ACTIVE


def test_what_is_on_offer_is_sold_at_level_one(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.NO_OFFER))
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)))
    assert scene.default.buyers == (scene.bidder.id,)


def test_no_collateral_is_seized_at_level_one(setting: Setting):
    scene = auctioned(setting, 5_500, collateral={WETH: ETHER, OTHER_WETH: 2 * ETHER})
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.NO_OFFER, blocks=60))
    end_auction(scene)
    assert orders(clearing.batch()) == []
    assert scene.default.stage is Stage.COLLATERAL
    assert clearing.state.insurance == 0 == clearing.state.shortfall, "nor does anyone else pay for it"
    clearing.accept(clearing.breaker(Level.OPEN))
    assert len([effect for effect in clearing.effects if isinstance(effect, SeizeAction)]) == 2


# No bids.


def test_a_bid_is_refused_at_level_two_with_what_stops_it(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.NO_BID))
    message = scene.bidder.bid(clearing.state, scene.default, asked(scene))
    assert clearing.refusal(message) == "BREAKER_SET"
    refusal = clearing.propose(message, blocks=0).refused[0].refusal
    until = clearing.state.breaker.until
    assert dict(refusal.metadata) == {"level": "2", "until": str(until), "action": "BID"}


def test_a_bid_that_comes_before_the_order_in_a_batch_is_filled(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    bid = scene.bidder.bid(clearing.state, scene.default, asked(scene))
    clearing.accept(bid, clearing.breaker(Level.NO_BID), blocks=0)
    assert scene.default.buyers == (scene.bidder.id,)


@pytest.mark.parametrize("level", [Level.NO_BID, Level.HALTED])
def test_the_clock_of_an_auction_stands_still_and_then_goes_on(setting: Setting, level: Level):
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.batch(blocks=4)
    clearing.accept(clearing.breaker(level, blocks=60), blocks=0)
    terms = auction_terms(clearing.house, clearing.state, scene.default)
    assert terms is not None
    for _ in range(15):
        clearing.batch(blocks=4)
        assert on_the_clock(scene) == 4
    assert clearing.state.breaker.level is level, "longer than the auction takes, and nobody took it"
    assert scene.default.stage is Stage.AUCTION
    clearing.batch(blocks=4)
    assert on_the_clock(scene) == 4, "the last blocks count as stopped"
    clearing.batch(blocks=4)
    assert on_the_clock(scene) == 8
    clearing.batch(blocks=terms.duration)
    assert scene.default.stage is not Stage.AUCTION


def test_an_auction_is_not_taken_back_while_none_may_begin():
    scene = auctioned(make_setting(reset_ppm=10_000, max_resets=3), 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.NO_OFFER, blocks=8))
    clearing.batch(prices={"BTC": 6_600}, blocks=4)
    assert (scene.default.stage, scene.default.resets) == (Stage.AUCTION, 0)
    clearing.batch(blocks=5)
    assert scene.default.resets == 1


# Halted.


def test_nobody_is_due_called_or_frozen_while_all_is_halted_and_deadlines_start_over(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.HALTED, blocks=40), blocks=0)
    clearing.batch(prices={"BTC": 7_000}, blocks=4)
    for _ in range(9):
        clearing.batch(blocks=4)
    assert (scene.status, clearing.told(EventKind.DUE)) == (Status.ACTIVE, [])
    clearing.batch(blocks=4)
    assert scene.status is Status.DUE
    clearing.batch(blocks=6)
    clearing.accept(clearing.breaker(Level.HALTED, blocks=20), blocks=0)
    for _ in range(5):
        clearing.batch(blocks=4)
    assert scene.status is Status.DUE
    clearing.batch(blocks=1)
    assert clearing.state.breaker.level is Level.OPEN
    clearing.batch(blocks=7)
    assert scene.status is Status.DUE, "the owner has its whole time again"
    clearing.batch(blocks=1)
    assert scene.status is Status.CALLED
    clearing.accept(clearing.breaker(Level.HALTED, blocks=60), blocks=0)
    for _ in range(15):
        clearing.batch(blocks=4)
    assert scene.status is Status.CALLED


def test_no_batch_opens_an_account_while_all_is_halted(setting: Setting):
    scene = frozen(setting, 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(Level.HALTED))
    opening = clearing.opening(scene.default)
    clearing.batch(openings=(opening,))
    assert scene.status is Status.FROZEN, "a proposer leaves it out"
    forced = replace(clearing.propose().batch, openings=(opening,))
    with pytest.raises(BatchInvalid):
        execute(clearing.house, clearing.state, forced, clearing._verifier)
    clearing.accept(clearing.breaker(Level.OPEN))
    scene.open()


def test_what_the_chains_did_is_booked_while_all_is_halted_and_nothing_follows(setting: Setting):
    scene = auctioned(setting, 5_500, collateral={WETH: ETHER, OTHER_WETH: 2 * ETHER})
    clearing = scene.clearing
    end_auction(scene)
    ordered = orders(clearing.batch())
    clearing.accept(clearing.breaker(Level.HALTED, blocks=20))
    for order in ordered:
        done = (Seized(order.action_id), Sold(order.action_id, MicroUsd(order.start_price)))
        clearing.batch(events={int(order.asset.split("@")[1]): done})
    assert (scene.default.stage, scene.default.cash > 0) == (Stage.COLLATERAL, True)
    clearing.batch(blocks=20)
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.ACTIVE)


@pytest.mark.parametrize("level", STOPS)
def test_every_level_ends_and_the_default_comes_to_its_end_without_anyone(setting: Setting, level: Level):
    scene = frozen(setting, 6_400)
    clearing = scene.clearing
    clearing.accept(clearing.breaker(level, blocks=setting.house.rules.breaker_blocks), blocks=0)
    for _ in range(60):
        ready = scene.default.stage is Stage.OPENING
        clearing.batch(openings=(clearing.opening(scene.default),) if ready else (), blocks=4)
        if scene.default.stage is Stage.CLOSED:
            break
    assert scene.default.stage is Stage.CLOSED
