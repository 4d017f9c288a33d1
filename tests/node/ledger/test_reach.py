"""Chains that stop while collateral is seized there: compensated elsewhere, resumed later, never counted twice."""

import pytest

from circuits.pedersen import Commitment
from node.ledger.batch import Seized, Sold
from node.ledger.effects import EventKind, SeizeAction
from node.ledger.errors import BatchInvalid
from node.ledger.execution import Executed
from node.ledger.state import Holding, Stage
from node.ledger.types import INSURANCE_ACCOUNT, AssetId, MicroUsd, Status
from tests.support.clearing import Clearing
from tests.support.ledger import CHAINS, USD, Setting, make_setting
from tests.support.scenes import Scene, auctioned, on_margin

FIRST, SECOND = 31338, 31339
ETHER = 10**5
"""Ledger units of one ether, at 200 dollars."""
SILENT, SEIZURE, SALE, ABSENT = 8, 16, 24, 40


@pytest.fixture(scope="module")
def house() -> Setting:
    """Seven minutes of hub blocks here stand for the half hours and hours of a real house."""
    return make_setting(
        chain_silent_blocks=SILENT, seizure_blocks=SEIZURE, sale_blocks=SALE, absent_blocks=ABSENT, hub_gap_blocks=60
    )


def orders(executed: Executed) -> list[SeizeAction]:
    return [effect for effect in executed.effects if isinstance(effect, SeizeAction)]


def in_default(house: Setting, *, insurance: int = 0, **ether: int) -> Scene:
    """The debtor is 500 dollars short and its auction over; it has so much ether on the `first` and `second` chain."""
    held = {({"first": FIRST, "second": SECOND}[name], "WETH"): n * ETHER for name, n in ether.items()}
    scene = auctioned(house, 5_500, insurance=insurance, collateral=held)
    scene.clearing.running = CHAINS
    for _ in range(12):
        if scene.default.stage is Stage.COLLATERAL:
            return scene
        scene.clearing.batch(blocks=4)
    raise AssertionError("the auction did not end")


def stop(clearing: Clearing, *chains: int) -> None:
    """These chains bring no block from now on; the others run."""
    clearing.running = tuple(chain for chain in CHAINS if chain not in chains)


def until_ordered(clearing: Clearing, blocks: int = SILENT + SALE) -> list[SeizeAction]:
    """One hub block after the other until something is seized."""
    for _ in range(blocks):
        if ordered := orders(clearing.batch()):
            return ordered
    raise AssertionError("nothing was seized")


def hand_over(clearing: Clearing, order: SeizeAction) -> Executed:
    return clearing.batch(events={chain_of(order): (Seized(order.action_id),)})


def sell(clearing: Clearing, order: SeizeAction, proceeds: int) -> Executed:
    return clearing.batch(events={chain_of(order): (Sold(order.action_id, MicroUsd(proceeds)),)})


def orders_of(clearing: Clearing) -> list[SeizeAction]:
    """Every seizure so far."""
    return [effect for effect in clearing.effects if isinstance(effect, SeizeAction)]


def chain_of(order: SeizeAction) -> int:
    return int(order.asset.split("@")[1])


# Compensated on another chain.


@pytest.mark.parametrize("handed_over", [False, True], ids=["before it is carried out", "before it is sold"])
def test_a_seizure_on_a_chain_that_stops_is_compensated_on_another_and_later_pays_its_owner(
    house: Setting, handed_over: bool
):
    scene = in_default(house, first=4, second=4)
    clearing = scene.clearing
    (lost,) = orders(clearing.batch())
    assert lost.asset == "WETH@31338"
    if handed_over:
        hand_over(clearing, lost)
    stop(clearing, FIRST)
    (instead,) = until_ordered(clearing)
    assert instead.asset == "WETH@31339"
    assert instead.action_id != lost.action_id
    assert instead.amount == pytest.approx(lost.amount, rel=0.01), "the deficit is planned anew, whole"
    hand_over(clearing, instead)
    sell(clearing, instead, instead.start_price)
    assert (scene.default.stage, scene.status, scene.default.insurance_paid) == (Stage.CLOSED, Status.ACTIVE, 0)
    remains, kept = scene.default.cash, scene.debtor.holdings.collateral[AssetId("WETH@31338")].value
    assert kept == 4 * ETHER - lost.amount, "what was not seized is the owner's"

    stop(clearing)
    if not handed_over:
        hand_over(clearing, lost)
    sell(clearing, lost, 600 * USD)
    assert clearing.account(scene.debtor).cash == Commitment.public(remains), "a credit waits until it is merged"
    assert scene.debtor.merged().cash.value == remains + 600 * USD
    assert clearing.state.escrow == {}
    assert clearing.state.inventory["USD@31338"] == 600 * USD
    clearing.accept(scene.debtor.margin_proof(clearing.state))
    for again in (Seized(lost.action_id), Sold(lost.action_id, MicroUsd(1))):
        with pytest.raises(BatchInvalid):
            clearing.propose(events={FIRST: (again,)})


def test_a_seizure_that_its_vault_does_not_carry_out_in_time_is_set_aside_though_its_chain_runs(house: Setting):
    scene = in_default(house, first=4, second=4)
    clearing = scene.clearing
    (held_up,) = orders(clearing.batch())
    ordered_at = clearing.state.hub_height
    (instead,) = until_ordered(clearing)
    assert clearing.state.hub_height == ordered_at + SEIZURE
    assert instead.asset == "WETH@31339", "of a token that is stuck at its vault nothing more is seized"
    (told,) = clearing.told(EventKind.SEIZURE_SET_ASIDE)
    assert dict(told.attributes)["action_id"] == held_up.action_id.hex()


def test_a_lot_that_nobody_buys_is_compensated_from_other_collateral(house: Setting):
    scene = in_default(house, first=5, second=4)
    clearing = scene.clearing
    (unsold,) = orders(clearing.batch())
    assert unsold.asset == "WETH@31338"
    hand_over(clearing, unsold)
    handed_at = clearing.state.hub_height
    (instead,) = until_ordered(clearing)
    assert clearing.state.hub_height == handed_at + SALE
    assert instead.asset == "WETH@31339"
    hand_over(clearing, instead)
    sell(clearing, instead, instead.start_price)
    assert scene.status is Status.ACTIVE


def test_where_nothing_else_is_left_more_of_the_same_is_sold_at_the_price_of_the_day(house: Setting):
    scene = in_default(house, first=12)
    clearing = scene.clearing
    (unsold,) = orders(clearing.batch())
    hand_over(clearing, unsold)
    clearing.batch(prices={"ETH": 120}, blocks=4)
    (cheaper,) = until_ordered(clearing)
    assert cheaper.asset == unsold.asset
    assert cheaper.floor_price * unsold.amount < unsold.floor_price * cheaper.amount
    hand_over(clearing, cheaper)
    sell(clearing, cheaper, cheaper.floor_price * 2)
    sell(clearing, unsold, unsold.floor_price)
    assert scene.status is Status.ACTIVE
    assert scene.debtor.merged().cash.value == scene.default.cash + unsold.floor_price


def test_a_chain_that_comes_back_is_waited_for_again(house: Setting):
    """All that was seized is on one chain, which is away for less than the default waits."""
    scene = in_default(house, insurance=1_000 * USD, first=4)
    clearing = scene.clearing
    (order,) = orders(clearing.batch())
    stop(clearing, FIRST)
    for _ in range(SILENT + ABSENT // 2):
        assert not orders(clearing.batch())
    assert len(clearing.told(EventKind.COLLATERAL_AWAITED)) == 1
    stop(clearing)
    hand_over(clearing, order)
    assert len(clearing.told(EventKind.SEIZURE_RESUMED)) == 1
    clearing.batch(blocks=SALE - 2)
    assert scene.default.stage is Stage.COLLATERAL
    sell(clearing, order, order.start_price)
    assert (scene.status, scene.default.insurance_paid) == (Status.ACTIVE, 0)


def test_the_silence_of_the_house_is_not_the_silence_of_a_chain(house: Setting):
    scene = in_default(house, first=4, second=4)
    clearing = scene.clearing
    clearing.batch()
    clearing.running = ()
    clearing.batch(blocks=100)
    assert clearing.told(EventKind.SEIZURE_SET_ASIDE) == []
    for _ in range(SILENT):
        clearing.batch()
    assert len(clearing.told(EventKind.SEIZURE_SET_ASIDE)) == 1


# A loss, and what comes later.


def lose_all(house: Setting, *, ordered: bool, insurance: int) -> tuple[Scene, list[SeizeAction]]:
    """Everything is on a chain that stopped before or after it was seized; the default closes without it."""
    scene = in_default(house, insurance=insurance, first=4)
    clearing = scene.clearing
    if not ordered:
        stop(clearing, FIRST)
        clearing.batch(blocks=SILENT)
    made = orders(clearing.batch()) if ordered else []
    stop(clearing, FIRST)
    waited = 0
    while scene.default.stage is not Stage.CLOSED:
        assert not orders(clearing.batch())
        waited += 1
        assert waited <= SILENT + ABSENT + 2
    assert waited >= ABSENT - SILENT
    return scene, made


@pytest.mark.parametrize("ordered", [False, True])
def test_no_default_waits_for_ever_and_what_comes_later_cures_the_shortfall_and_repays_the_fund(
    house: Setting, ordered: bool
):
    scene, made = lose_all(house, ordered=ordered, insurance=100 * USD)
    clearing, missing = scene.clearing, scene.default.shortfall
    assert (scene.status, scene.default.insurance_paid, clearing.state.insurance) == (Status.CLOSED, 100 * USD, 0)
    assert clearing.state.shortfall == missing > 0
    clearing.batch(blocks=8)
    stop(clearing)
    (order,) = made or until_ordered(clearing, 4)
    assert clearing.state.shortfall == missing, "an order is no money"
    hand_over(clearing, order)
    sell(clearing, order, missing + 60 * USD)
    assert clearing.state.shortfall == 0
    assert (clearing.state.insurance, scene.default.insurance_paid) == (60 * USD, 40 * USD)
    (more,) = until_ordered(clearing, 2)
    hand_over(clearing, more)
    sell(clearing, more, 45 * USD)
    assert (clearing.state.insurance, scene.default.insurance_paid) == (100 * USD, 0), "repaid once, and no more"
    assert scene.status is Status.ACTIVE
    assert scene.debtor.merged().cash.value == 5 * USD


def test_an_account_that_insurance_paid_for_is_not_its_owners_while_its_collateral_is_out_of_reach(house: Setting):
    scene, _ = lose_all(house, ordered=False, insurance=2_000 * USD)
    clearing, paid = scene.clearing, scene.default.insurance_paid
    assert (scene.status, scene.default.shortfall) == (Status.CLOSED, 0)
    assert paid > 400 * USD
    assert scene.default.collateral == (Holding(AssetId("WETH@31338"), 4 * ETHER),)
    stop(clearing)
    (order,) = until_ordered(clearing, 3)
    hand_over(clearing, order)
    sell(clearing, order, paid + 7)
    assert (clearing.state.insurance, scene.status, scene.default.cash) == (2_000 * USD, Status.ACTIVE, 7)


def test_its_owner_may_pay_back_instead(house: Setting):
    scene, _ = lose_all(house, ordered=False, insurance=2_000 * USD)
    clearing = scene.clearing
    clearing.deposit(scene.debtor.id, 31337, "USD", scene.default.insurance_paid)
    assert (clearing.state.insurance, scene.status) == (2_000 * USD, Status.ACTIVE)
    stop(clearing)
    assert orders(clearing.batch()) == []


def test_the_figures_are_those_of_a_house_in_which_nothing_stopped(house: Setting):
    """Sold at the same price, whatever was late: cash of the defaulter, insurance and shortfall end the same."""
    ends = []
    for away in (False, True):
        scene = in_default(house, insurance=100 * USD, first=4)
        clearing = scene.clearing
        (order,) = orders(clearing.batch())
        if away:
            stop(clearing, FIRST)
            for _ in range(SILENT + ABSENT + 2):
                clearing.batch()
            assert scene.status is Status.CLOSED
            stop(clearing)
        hand_over(clearing, order)
        sell(clearing, order, 300 * USD)
        while scene.default.stage is not Stage.CLOSED:
            waiting = next(seizure for seizure in scene.default.seizures if seizure.proceeds is None)
            (more,) = (o for o in orders_of(clearing) if o.action_id == waiting.action_id)
            hand_over(clearing, more)
            sell(clearing, more, 20 * USD)
        default, state = scene.default, clearing.state
        sold = sum(seizure.amount for seizure in default.seizures)
        ends.append((sold, default.cash, default.insurance_paid, state.insurance, state.shortfall, scene.status))
    assert ends[0] == ends[1]
    assert ends[0][-1] is Status.CLOSED


# Withdrawals.


def test_nothing_is_withdrawn_from_a_chain_that_is_silent(house: Setting):
    scene = on_margin(house)
    clearing = scene.clearing
    stop(clearing, FIRST)
    clearing.deposit(INSURANCE_ACCOUNT, FIRST, "USD", 50 * USD, blocks=1)
    clearing.batch(blocks=SILENT)
    clearing.accept(scene.bidder.margin_proof(clearing.state))
    assert clearing.refusal(scene.bidder.withdraw(clearing.state, "USD@31338", 20 * USD)) == "CHAIN_SILENT"
    clearing.accept(scene.bidder.withdraw(clearing.state, "USD@31337", 20 * USD), blocks=0)
    stop(clearing)
    clearing.batch()
    clearing.accept(scene.bidder.withdraw(clearing.state, "USD@31338", 20 * USD), blocks=0)


# Chains that are written off.


def test_what_was_set_aside_is_not_waited_for_once_it_is_written_off(house: Setting):
    scene = in_default(house, insurance=2_000 * USD, first=4)
    clearing = scene.clearing
    (order,) = orders(clearing.batch())
    stop(clearing, FIRST)
    for _ in range(SILENT + 1):
        clearing.batch()
    assert scene.default.waits_until > clearing.state.hub_height
    clearing.accept(clearing.write_off("WETH@31338"))
    clearing.batch()
    paid = scene.default.insurance_paid
    assert (scene.default.stage, scene.status) == (Stage.CLOSED, Status.CLOSED)
    assert paid > 400 * USD
    stop(clearing)
    hand_over(clearing, order)
    sell(clearing, order, paid + 9)
    assert (clearing.state.insurance, scene.default.insurance_paid) == (2_000 * USD, 0)
    assert clearing.state.escrow == {}
