"""Members' contributions, what they pay for, and tear-up at the one price that covers what they cannot."""

from dataclasses import replace

import pytest

from circuits.pedersen import Commitment
from node.ledger.effects import EventKind
from node.ledger.state import FundShare, Stage
from node.ledger.types import InstrumentId, Status
from tests.support.ledger import USD, Setting, Trader, amounts, make_setting, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, frozen, on_margin

PERP = InstrumentId("BTC-PERP")
ETH = InstrumentId("ETH-PERP")


@pytest.fixture(scope="module")
def banded() -> Setting:
    """A house that settles up to 20 % off mark."""
    return make_setting(tear_up_band_ppm=200_000)


def funded(scene: Scene, *parts: int) -> list[Trader]:
    """Members with so many dollars in the fund each."""
    clearing, made = scene.clearing, []
    for part in parts:
        member = Trader(clearing.setting, hollow=True)
        clearing.open(member)
        clearing.deposit(member.id, 31337, "USD", 5_000 * USD)
        clearing.accept(member.contribute(clearing.state, part * USD), blocks=0)
        made.append(member)
    return made


def funding(scene: Scene) -> int:
    return scene.clearing.state.market.funding_index(PERP) * LOTS


# Contributions.


def test_a_contribution_is_public_and_leaves_the_account_with_a_proof(setting: Setting):
    scene = on_margin(setting, hollow=False)
    clearing, member = scene.clearing, scene.bidder
    executed = clearing.accept(member.contribute(clearing.state, 500 * USD), blocks=0)
    assert clearing.state.default_fund == {member.id: 500 * USD}
    assert amounts(member.holdings) == {"cash": 19_500 * USD}
    assert any(getattr(effect, "kind", None) is EventKind.FUND_CHANGED for effect in executed.effects)
    clearing.accept(member.contribute(clearing.state, -200 * USD), blocks=0)
    assert clearing.state.default_fund == {member.id: 300 * USD}
    assert member.merged().cash.value == 19_700 * USD
    clearing.accept(member.contribute(clearing.state, -300 * USD), blocks=0)
    assert clearing.state.default_fund == {}


def test_a_contribution_needs_the_margin_that_stays_behind(setting: Setting):
    scene = on_margin(setting, hollow=False)
    clearing = scene.clearing
    message = scene.bidder.contribute(clearing.state, 500 * USD)
    other = scene.bidder.margin_proof(clearing.state)
    assert clearing.refusal(replace(message, proof=other.proof)) == "PROOF_INVALID"


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "AMOUNT_INVALID"), (1 << 62, "AMOUNT_INVALID"), (-100 * USD - 1, "AMOUNT_INVALID")]
)
def test_no_contribution_is_nothing_or_more_than_there_is(setting: Setting, amount: int, reason: str):
    scene = on_margin(setting)
    (member,) = funded(scene, 100)
    message = member.contribute(scene.clearing.state, -1)
    message = replace(message, amount=amount)
    signed = replace(message, signature=member.sign(message.digest(setting.house.deployment)))
    assert scene.clearing.refusal(signed) == reason


def test_what_comes_back_brings_no_proof(setting: Setting):
    scene = on_margin(setting)
    (member,) = funded(scene, 100)
    message = replace(member.contribute(scene.clearing.state, -1), proof=b"\1")
    assert scene.clearing.refusal(message) == "PROOF_INVALID"


def test_no_member_leaves_once_a_loss_is_in_sight(setting: Setting):
    """The first to see it would leave it to the others."""
    scene = on_margin(setting)
    clearing = scene.clearing
    (member,) = funded(scene, 100)
    scene.fall(6_400)
    clearing.batch(blocks=8)
    assert scene.status is Status.CALLED
    leave = member.contribute(clearing.state, -100 * USD)
    assert clearing.refusal(leave) == "FUND_LOCKED"
    clearing.batch(blocks=24)
    clearing.batch(blocks=1)
    assert scene.status is Status.FROZEN
    clearing.accept(scene.maker.margin_proof(clearing.state))
    assert clearing.refusal(leave) == "FUND_LOCKED"
    scene.open()
    assert clearing.refusal(leave) == "FUND_LOCKED"
    default = scene.default
    assert default.offer is not None
    clearing.accept(scene.bidder.bid(clearing.state, default, default.offer.first_mark), blocks=0)
    assert default.stage is Stage.AUCTION
    assert scene.default.stage is Stage.CLOSED
    clearing.accept(leave)


# Who pays.


def test_members_pay_pro_rata_after_the_insurance_fund(setting: Setting):
    """500 dollars short at mark: 100 of insurance, and of 1,000 the rest, 1 to 3."""
    scene = frozen(setting, 5_500, insurance=100 * USD)
    one, three = funded(scene, 250, 750)
    scene.open()
    clearing, default = scene.clearing, scene.default
    assert default.offer is not None
    clearing.accept(scene.bidder.bid(clearing.state, default, 550_000), blocks=0)
    assert scene.default.stage is Stage.CLOSED
    missing = 400 * USD + funding(scene)
    paid = {share.member: share.amount for share in scene.default.fund_paid}
    assert sum(paid.values()) == missing
    assert abs(paid[one.id] * 3 - paid[three.id]) <= 3
    left = {one.id: 250 * USD - paid[one.id], three.id: 750 * USD - paid[three.id]}
    assert clearing.state.default_fund == left
    assert (clearing.state.insurance, clearing.state.shortfall) == (0, 0)
    assert clearing.account(scene.debtor).cash == Commitment.public(0)


def test_a_member_that_defaults_pays_with_its_own_part_first(setting: Setting):
    scene = on_margin(setting)
    clearing = scene.clearing
    (other,) = funded(scene, 600)
    clearing.accept(scene.debtor.contribute(clearing.state, 100 * USD), blocks=0)
    scene.fall(5_600)
    scene.freeze()
    scene.open()
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, 560_000), blocks=0)
    missing = 500 * USD + funding(scene)
    shares = dict(sorted({scene.debtor.id: 100 * USD, other.id: missing - 100 * USD}.items()))
    assert scene.default.fund_paid == tuple(FundShare(member, amount) for member, amount in shares.items())
    assert scene.debtor.id not in clearing.state.default_fund


def test_the_price_falls_below_bankruptcy_only_as_far_as_the_funds_reach(setting: Setting):
    scene = frozen(setting, 6_400, insurance=100 * USD)
    funded(scene, 200)
    scene.open()
    clearing = scene.clearing
    clearing.batch(blocks=16)
    clearing.batch(blocks=15)
    default = scene.default
    assert default.offer is not None
    clearing.batch(blocks=0)
    bid = scene.bidder.bid(clearing.state, default, 640_000)
    clearing.accept(bid, blocks=0)
    assert scene.default.stage is Stage.CLOSED
    assert -600_000 * LOTS + scene.default.sale_price - funding(scene) < 0, "below bankruptcy"
    assert scene.default.shortfall == 0
    assert clearing.state.insurance == 0
    assert 0 < sum(clearing.state.default_fund.values()) < 200 * USD


# Tear-up.


def test_a_loss_beyond_every_fund_is_settled_by_the_one_price_that_covers_it(banded: Setting):
    """500 dollars and funding short, 100 insured: one bitcoin settles some 400 dollars above its mark."""
    scene = auctioned(banded, 5_500, insurance=100 * USD)
    clearing, maker = scene.clearing, scene.maker
    assert scene.default.stage is Stage.COLLATERAL
    before = maker.merged().cash.value
    index = clearing.state.market.funding_index(PERP)
    clearing.batch()
    (told,) = clearing.told(EventKind.TORN_UP)
    price = int(dict(told.attributes)["price"])
    missing = 500 * USD + index * LOTS - 100 * USD
    assert int(dict(told.attributes)["loss"]) == missing
    assert price == 550_000 + -(-missing // LOTS)
    assert scene.default.torn_up == (price - 550_000) * LOTS
    assert scene.default.torn_up - missing < LOTS, "less than one micro-dollar a lot beyond the loss"
    assert (scene.default.stage, scene.default.shortfall, scene.status) == (Stage.CLOSED, 0, Status.ACTIVE)
    assert amounts(maker.holdings) == {"cash": before - LOTS * (price - index)}
    assert scene.default.insurance_paid == 100 * USD - (scene.default.torn_up - missing)


def test_the_band_leaves_the_rest_of_the_loss_as_a_shortfall():
    scene = auctioned(make_setting(tear_up_band_ppm=10_000), 5_500)
    scene.clearing.batch()
    assert scene.default.torn_up == 55 * USD
    assert scene.default.shortfall == 445 * USD + funding(scene)
    assert scene.clearing.state.shortfall == scene.default.shortfall


def test_collateral_is_sold_before_anything_is_settled_off_its_mark(banded: Setting):
    scene = auctioned(banded, 5_000, collateral={(31338, "WETH"): 10**5})
    clearing = scene.clearing
    assert scene.default.stage is Stage.COLLATERAL
    clearing.batch()
    assert [seizure.amount for seizure in scene.default.seizures] == [10**5]
    assert not clearing.told(EventKind.TORN_UP)
    assert scene.default.lots


def test_of_several_instruments_the_largest_notional_pays_first(banded: Setting):
    scene = on_margin(banded)
    clearing = scene.clearing
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, ETH, 1_000, 200_000))
    scene.fall(5_500)
    scene.freeze()
    scene.open()
    clearing.batch()
    prices = {
        dict(e.attributes)["instrument"]: int(dict(e.attributes)["price"]) for e in clearing.told(EventKind.TORN_UP)
    }
    assert prices[PERP] > 550_000
    assert prices[ETH] == 200_000
    assert scene.default.shortfall == 0


def test_late_money_repays_the_members_before_the_insurance_fund(setting: Setting):
    scene = frozen(setting, 5_500, insurance=50 * USD)
    (member,) = funded(scene, 100)
    scene.open()
    scene.clearing.batch()
    missing = scene.default.shortfall
    assert missing > 0
    assert scene.clearing.state.default_fund == {}
    assert scene.clearing.refusal(member.contribute(scene.clearing.state, USD)) == "FUND_LOCKED"
    scene.clearing.deposit(scene.debtor.id, 31337, "USD", missing + 110 * USD)
    assert scene.clearing.state.default_fund == {member.id: 100 * USD}
    assert scene.clearing.state.insurance == 10 * USD
    assert (scene.default.fund_paid, scene.status) == ((), Status.ACTIVE)
