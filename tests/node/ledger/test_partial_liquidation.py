"""Part of a portfolio is sold, to several bidders at one price, and the account is its owner's again."""

from dataclasses import replace

import pytest

from circuits.pedersen import Commitment
from node.ledger.auctions import asking_price
from node.ledger.effects import EventKind, LedgerEvent
from node.ledger.state import Offer, Stage
from node.ledger.types import InstrumentId, MicroUsd, Status
from node.liquidation.slices import OpenBook, margin_slack
from tests.support.ledger import USD, Setting, Trader, amounts, make_setting, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, frozen, on_margin

PERP = InstrumentId("BTC-PERP")
ETH = InstrumentId("ETH-PERP")
WETH = (31338, "WETH")


@pytest.fixture(scope="module")
def parts() -> Setting:
    """A house that sells no more than restores initial margin."""
    return make_setting(full_below=0)


def offer(scene: Scene) -> Offer:
    assert scene.default.offer is not None
    return scene.default.offer


def asked(scene: Scene) -> int:
    price = asking_price(scene.clearing.house, scene.clearing.state, scene.default)
    assert price is not None
    return price


def sales(effects: tuple[object, ...]) -> list[dict[str, str]]:
    sold = [e for e in effects if isinstance(e, LedgerEvent) and e.kind is EventKind.PORTFOLIO_SOLD]
    return [dict(line.attributes) for line in sold]


def rich(scene: Scene, count: int) -> list[Trader]:
    """More bidders with money."""
    made = [Trader(scene.clearing.setting, hollow=True) for _ in range(count)]
    scene.clearing.open(*made)
    for trader in made:
        scene.clearing.deposit(trader.id, 31337, "USD", 20_000 * USD)
    return made


# Plans.


def test_only_what_restores_margin_is_put_on_auction(parts: Setting):
    scene = auctioned(parts, 6_700)
    assert 0 < offer(scene).units < LOTS
    (told,) = scene.clearing.told(EventKind.PLANNED)
    assert dict(told.attributes)["extent"] == "PARTIAL"


def test_an_account_whose_margin_is_restored_is_its_owners_without_a_proof(parts: Setting):
    scene = auctioned(parts, 6_700)
    clearing, units = scene.clearing, offer(scene).units
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.ACTIVE)
    account = clearing.account(scene.debtor)
    assert account.position(PERP) == Commitment.public(LOTS - units)
    assert account.cash == Commitment.public(scene.default.cash)
    assert clearing.state.insurance == scene.default.penalty == units * 670_000 // 100
    book = OpenBook(scene.default.cash, {"BTC-PERP": LOTS - units}, {})
    assert margin_slack(clearing.grid, book) >= 0
    assert account.window is not None
    assert account.window.round == clearing.state.market.round
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, PERP, -10, 670_000))


def test_a_restored_account_is_due_like_any_other_once_its_window_lapses(parts: Setting):
    scene = auctioned(parts, 6_700)
    clearing = scene.clearing
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    for blocks in (32, 32, 4):
        clearing.batch(blocks=blocks)
        clearing.accept(scene.maker.margin_proof(clearing.state))
    assert scene.status is Status.DUE
    scene.freeze()
    clearing.batch(openings=(clearing.opening(scene.default),))
    assert sum(default.account == scene.debtor.id for default in clearing.state.defaults.values()) == 2


def test_an_account_that_turns_out_to_have_its_margin_loses_nothing(parts: Setting):
    scene = frozen(parts, 6_700)
    scene.clearing.deposit(scene.debtor.id, 31337, "USD", 4_000 * USD)
    scene.clearing.batch(openings=(scene.clearing.opening(scene.default),))
    assert (scene.default.stage, scene.status, scene.default.auctions) == (Stage.CLOSED, Status.ACTIVE, 0)
    assert scene.clearing.state.insurance == 0


def test_new_money_during_the_auction_ends_the_liquidation_with_it(parts: Setting):
    scene = auctioned(parts, 6_700)
    clearing = scene.clearing
    clearing.deposit(scene.debtor.id, 31337, "USD", 4_000 * USD)
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene), offer(scene).units), blocks=0)
    assert scene.status is Status.ACTIVE
    assert clearing.account(scene.debtor).inbox == ()


def test_a_price_below_the_plans_sells_a_little_more(parts: Setting):
    house = make_setting(full_below=0, plan_discount_ppm=0, plan_slices=40, auction_discount_ppm=50_000)
    scene = auctioned(house, 6_700)
    clearing = scene.clearing
    first = offer(scene).units
    clearing.batch(blocks=14)
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert (scene.default.stage, scene.default.auctions) == (Stage.AUCTION, 2)
    assert 0 < offer(scene).units < first
    clearing.accept(scene.maker.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert scene.status is Status.ACTIVE
    assert scene.default.buyers == tuple(sorted((scene.bidder.id, scene.maker.id)))


def test_caps_put_a_plan_on_auction_part_by_part_for_the_same_penalty():
    whole, capped = (auctioned(make_setting(full_below=0, **cap), 6_700) for cap in ({}, {"account_cap": 1_000 * USD}))
    assert offer(capped).units < offer(whole).units
    for scene in (whole, capped):
        while scene.status is not Status.ACTIVE:
            bid = scene.bidder.bid(scene.clearing.state, scene.default, asked(scene))
            scene.clearing.accept(bid, blocks=0)
    assert capped.default.auctions > 1
    assert whole.default.penalty == capped.default.penalty == whole.clearing.state.insurance
    assert whole.default.gross_sold == capped.default.gross_sold
    assert capped.default.sale_price <= whole.default.sale_price


def test_one_batch_puts_no_more_on_auction_than_its_cap():
    house = make_setting(full_below=0, batch_cap=1_000 * USD)
    scene = on_margin(house)
    clearing, second = scene.clearing, Trader(house, hollow=True)
    clearing.open(second)
    clearing.deposit(second.id, 31337, "USD", 2_000 * USD)
    clearing.accept(make_trade(clearing.state, second, scene.maker, PERP, LOTS, 800_000), blocks=0)
    scene.fall(6_700)
    scene.freeze()
    both = sorted(clearing.default_of(trader).id for trader in (scene.debtor, second))
    clearing.batch(openings=tuple(clearing.opening(clearing.state.defaults[name]) for name in both))
    assert [clearing.state.defaults[name].stage for name in both] == [Stage.AUCTION, Stage.PLANNED]
    clearing.batch()
    assert [clearing.state.defaults[name].stage for name in both] == [Stage.AUCTION, Stage.AUCTION]


def test_an_auction_whose_market_moved_too_far_starts_anew_on_a_new_plan():
    scene = auctioned(make_setting(full_below=0, plan_slices=40, reset_ppm=20_000, max_resets=1), 6_700)
    clearing, first = scene.clearing, offer(scene)
    clearing.batch(prices={"BTC": 6_750}, blocks=4)
    assert (offer(scene).started, scene.default.resets) == (first.started, 0), "0.7 % is not too far"
    clearing.batch(prices={"BTC": 6_500}, blocks=4)
    assert (scene.default.stage, scene.default.resets) == (Stage.PLANNED, 1)
    clearing.batch(blocks=0)
    assert scene.default.auctions == 2
    assert offer(scene).units > first.units
    clearing.batch(prices={"BTC": 6_300}, blocks=4)
    assert (scene.default.stage, scene.default.resets) == (Stage.AUCTION, 1), "once is enough: it must end"


# Sharing.


def test_bids_of_one_batch_get_one_price_and_share_what_there_is(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing, price = scene.clearing, asked(scene)
    others = rich(scene, 2)
    cash = [trader.merged().cash.value for trader in (scene.bidder, *others)]
    wanted = (9_000, 6_000, 1_000)
    bids = [
        trader.bid(clearing.state, scene.default, price + 5 * place, units)
        for place, (trader, units) in enumerate(zip((scene.bidder, *others), wanted, strict=True))
    ]
    executed = clearing.accept(*bids, blocks=0)
    sold = {line["buyer"]: (int(line["units"]), int(line["price"])) for line in sales(executed.effects)}
    funding = clearing.state.market.funding_index(PERP)
    for trader, before, units in zip((scene.bidder, *others), cash, (5_625, 3_750, 625), strict=True):
        assert sold[trader.id.hex()] == (units, units * price)
        assert amounts(trader.holdings) == {"cash": before - units * (price - funding), PERP: units}
    assert scene.default.sale_price == LOTS * price
    assert scene.default.stage is Stage.CLOSED


def test_what_is_left_after_a_partial_fill_costs_no_less(setting: Setting):
    """Buying in two parts pays what buying at once does: each unit gives away its own share of the equity."""
    scene = auctioned(setting, 6_400)
    clearing = scene.clearing
    clearing.batch(blocks=4)
    price = asked(scene)
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, price, 4_000), blocks=0)
    assert (offer(scene).units, offer(scene).total) == (6_000, LOTS)
    assert asked(scene) == price
    clearing.batch(blocks=3)
    later = asked(scene)
    assert later < price
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, later), blocks=0)
    assert scene.default.sale_price == 4_000 * price + 6_000 * later


def test_a_partial_fill_is_covered_by_the_proofs_of_before_and_after(setting: Setting):
    """Real proofs, and more wanted than there is: the smaller fill stands on them, and proves again afterwards."""
    scene = auctioned(setting, 6_400, hollow=False)
    clearing, bidder = scene.clearing, scene.bidder
    bids = [trader.bid(clearing.state, scene.default, asked(scene) + 7) for trader in (bidder, scene.maker)]
    clearing.accept(*bids, blocks=0)
    assert bidder.holdings.positions[PERP].value == LOTS // 2
    account = clearing.account(bidder)
    assert account.status is Status.ACTIVE
    assert account.limbs.public_since < 0
    clearing.accept(bidder.margin_proof(clearing.state), scene.maker.margin_proof(clearing.state))


@pytest.mark.parametrize("field", ["proof_before", "proof"])
def test_a_bid_needs_both_of_its_proofs(setting: Setting, field: str):
    scene = auctioned(setting, 6_400, hollow=False)
    clearing = scene.clearing
    bid = scene.bidder.bid(clearing.state, scene.default, asked(scene))
    other = scene.bidder.margin_proof(clearing.state)
    assert clearing.refusal(replace(bid, **{field: other.proof})) == "PROOF_INVALID"  # type: ignore[arg-type]
    swapped = replace(bid, proof=bid.proof_before, proof_before=bid.proof)
    assert clearing.refusal(swapped) == "PROOF_INVALID"


def test_an_account_sends_nothing_else_in_the_batch_of_its_bid(setting: Setting):
    scene = auctioned(setting, 6_400)
    clearing, state = scene.clearing, scene.clearing.state
    bid = scene.bidder.bid(state, scene.default, asked(scene))
    version = clearing.account(scene.bidder).version
    reference = replace(scene.bidder.reference(state), version=version + 1)
    clearing.batch(bid, scene.bidder.margin_proof(state, reference=reference), blocks=0)
    assert [refusal.reason for refusal in clearing.refused] == ["BID_PENDING"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"units": 0}, "AMOUNT_INVALID"),
        ({"units": LOTS + 1}, "AMOUNT_INVALID"),
        ({"limit": MicroUsd(1 << 62)}, "AMOUNT_INVALID"),
        ({"number": 2}, "AUCTION_UNKNOWN"),
    ],
)
def test_a_bid_for_what_is_not_there_is_refused(setting: Setting, changes: dict[str, int], reason: str):
    scene = auctioned(setting, 6_400)
    bid = replace(scene.bidder.bid(scene.clearing.state, scene.default, asked(scene)), **changes)
    signed = replace(bid, signature=scene.bidder.sign(bid.digest(setting.house.deployment)))
    assert scene.clearing.refusal(signed) == reason


def test_a_bundle_of_two_instruments_is_sold_by_units_and_its_remainder_after_it(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, ETH, -123, 200_000))
    scene.fall(6_400)
    scene.freeze()
    scene.open()
    assert {lot.instrument: lot.quantity for lot in offer(scene).unit} == {PERP: 100, ETH: -1}
    assert offer(scene).units == 100
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene), 37), blocks=0)
    assert {n: o.value for n, o in scene.bidder.holdings.positions.items()} == {PERP: 3_700, ETH: -37}
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, asked(scene)), blocks=0)
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.ACTIVE), "23 short ether-lots have their margin"
    assert clearing.account(scene.debtor).position(ETH) == Commitment.public(-23)


def test_an_instrument_that_settles_takes_its_auction_back(parts: Setting):
    future = InstrumentId("BTC-20200327")
    scene = on_margin(parts, instrument=future)
    clearing = scene.clearing
    clearing.skip_to_expiry(future, rounds=13)
    clearing.batch(blocks=4)
    clearing.accept(*(t.margin_proof(clearing.state) for t in (scene.debtor, scene.maker)), blocks=0)
    scene.fall(6_700)
    scene.freeze()
    scene.open()
    assert 0 < offer(scene).units < LOTS
    clearing.batch(blocks=8)
    assert (scene.default.lots, scene.default.offer, scene.default.stage) == ((), None, Stage.COLLATERAL)
    clearing.batch()
    assert scene.status is Status.ACTIVE
