"""Validators and committee replaced between two batches: one step of the ledger, equal on every node."""

from dataclasses import replace

import pytest

from node.chains.certificates import ValidatorKey
from node.ledger.batch import AccountOpening, OracleRound
from node.ledger.effects import EventKind
from node.ledger.epochs import Epochs, succeed
from node.ledger.errors import BatchInvalid, RotationInvalid
from node.ledger.execution import execute
from node.ledger.rounds import round_prices
from node.ledger.state import Stage
from node.ledger.types import Address, Status
from tests.support.clearing import Clearing
from tests.support.committee import deal_committee
from tests.support.ledger import Setting, Trader
from tests.support.rotation import hand_over, with_one_replaced
from tests.support.scenes import Scene, frozen


@pytest.fixture(scope="module")
def rotated(setting: Setting) -> Setting:
    """The same house with one validator replaced, its epoch not tied to a batch yet."""
    return hand_over(setting, with_one_replaced(setting), 0)


def at_batch(rotated: Setting, clearing: Clearing) -> Setting:
    """The new members from the clearing's next batch on."""
    return replace(rotated, house=replace(rotated.house, first_batch=clearing.state.number + 1))


def enter(clearing: Clearing, rotated: Setting) -> None:
    """Hand the clearing over: its batches are the new members' from now on."""
    clearing.setting = at_batch(rotated, clearing)


def refused(clearing: Clearing, opening: AccountOpening) -> str:
    proposal = clearing.propose(openings=(opening,))
    assert proposal.batch.openings == ()
    with pytest.raises(BatchInvalid) as caught:
        execute(clearing.house, clearing.state, replace(proposal.batch, openings=(opening,)), clearing._verifier)
    return caught.value.detail


def test_a_batch_enters_the_epoch_with_equal_roots_wherever_it_is_executed(setting: Setting, rotated: Setting):
    clearing = Clearing.start(setting, Trader(setting, hollow=True))
    before = clearing.state
    enter(clearing, rotated)
    proposal = clearing.propose()
    elsewhere = execute(clearing.house, before, proposal.batch, clearing._verifier)
    assert elsewhere.state == proposal.executed.state
    assert elsewhere.state.epoch == 1
    (told,) = [e for e in elsewhere.effects if getattr(e, "kind", None) is EventKind.VALIDATORS_ROTATED]
    assert dict(told.attributes)["epoch"] == "1"
    clearing.batch()
    clearing.batch()
    assert clearing.state.epoch == 1
    assert len(clearing.told(EventKind.VALIDATORS_ROTATED)) == 1


def test_the_root_names_the_members(setting: Setting, rotated: Setting):
    clearing = Clearing.start(setting)
    enter(clearing, rotated)
    clearing.proposer = 0
    batch = clearing.propose().batch
    other = hand_over(setting, with_one_replaced(setting), clearing.state.number)
    # The same epoch, the same proposer, another newcomer: who is in is part of what is agreed on.
    with pytest.raises(BatchInvalid) as caught:
        execute(other.house, clearing.state, batch, clearing._verifier)
    assert caught.value.rule == "root"


def test_the_former_members_make_no_batch_after_it(setting: Setting, rotated: Setting):
    clearing = Clearing.start(setting)
    enter(clearing, rotated)
    clearing.batch()
    clearing.setting = setting
    with pytest.raises(BatchInvalid) as caught:
        clearing.propose()
    assert caught.value.rule == "epoch"


@pytest.mark.parametrize("offset", [-1, 1])
def test_an_epoch_begins_with_its_first_batch_and_no_other(setting: Setting, rotated: Setting, offset: int):
    clearing = Clearing.start(setting)
    house = replace(rotated.house, first_batch=clearing.state.number + 1 + offset)
    clearing.setting = replace(rotated, house=house)
    with pytest.raises(BatchInvalid) as caught:
        clearing.propose()
    assert caught.value.rule == "epoch"


def test_who_left_can_neither_propose_nor_observe(setting: Setting, rotated: Setting):
    clearing = Clearing.start(setting)
    enter(clearing, rotated)
    batch = replace(clearing.propose().batch, proposer=setting.house.validators[1])
    with pytest.raises(BatchInvalid) as caught:
        execute(clearing.house, clearing.state, batch, clearing._verifier)
    assert caught.value.rule == "proposer"
    clearing.setting = setting
    (observed,) = clearing.rounds_until(clearing.state.market.height + setting.house.market.round_spacing)
    with pytest.raises(BatchInvalid, match="who is no validator"):
        round_prices(rotated.house, OracleRound(observed.round, observed.height, observed.time, observed.observations))


def test_counting_of_proposers_starts_over(setting: Setting, rotated: Setting):
    # Two proposers of two epochs could both be faulty: it takes f+1 of one.
    clearing = Clearing.start(setting, trader := Trader(setting, hollow=True))
    called = replace(
        clearing.account(trader),
        status=Status.CALLED,
        deadline=clearing.state.hub_height,
        proposers_since_call=frozenset({setting.house.validators[1]}),
    )
    clearing.state = clearing.state.with_account(called)
    enter(clearing, rotated)
    clearing.proposer = 0
    clearing.batch()
    assert clearing.account(trader).status is Status.CALLED
    assert clearing.account(trader).proposers_since_call == {rotated.house.validators[0]}
    clearing.proposer = 2
    clearing.batch()
    assert clearing.account(trader).status is Status.FROZEN


@pytest.fixture(scope="module")
def scene(setting: Setting) -> Scene:
    """A debtor frozen by the old members, with commitments that were made before the rotation."""
    return frozen(setting, 6_400, collateral={(31338, "WETH"): 3}, hollow=False)


def test_new_members_open_what_was_committed_and_frozen_before(scene: Scene, setting: Setting, rotated: Setting):
    clearing = scene.clearing
    old_opening = clearing.opening(scene.default)
    enter(clearing, rotated)
    new_opening = clearing.opening(scene.default, members=(2, 3, 4))
    mixed = replace(new_opening, share_sets=(*old_opening.share_sets[:1], *new_opening.share_sets[1:]))
    newcomer = replace(old_opening, share_sets=(*old_opening.share_sets[:2], new_opening.share_sets[0]))
    for opening in (old_opening, mixed, newcomer):
        assert refused(clearing, opening)
    clearing.batch(openings=(new_opening,))
    assert (scene.default.stage, scene.default.opened_by) == (Stage.AUCTION, (2, 3, 4))
    assert new_opening.values == old_opening.values


def test_four_hand_over_to_seven_with_a_threshold_of_five(setting: Setting):
    scene = frozen(setting, 6_400, collateral={(31338, "WETH"): 3}, hollow=False)
    keys = (*setting.keys, *(ValidatorKey.generate() for _ in range(3)))
    scene.clearing.setting = hand_over(setting, keys, scene.clearing.state.number)
    assert scene.clearing.house.quorum == 5
    few = scene.clearing.opening(scene.default, members=(1, 2, 3, 4, 5))
    assert "too few" in refused(scene.clearing, replace(few, share_sets=few.share_sets[:4]))
    scene.clearing.batch(openings=(scene.clearing.opening(scene.default, members=(1, 3, 5, 6, 7)),))
    assert scene.default.stage is Stage.AUCTION


def test_the_house_of_a_batch_is_that_of_its_epoch(setting: Setting, rotated: Setting):
    second = replace(rotated.house, first_batch=8)
    third = replace(second, epoch=2, first_batch=8)
    fourth = replace(third, epoch=3, first_batch=12)
    epochs = Epochs((setting.house, second, third, fourth))
    assert [epochs.at(number).epoch for number in (1, 7, 8, 11, 12, 99)] == [0, 0, 2, 2, 3, 3]
    assert (epochs.genesis.epoch, epochs.current.epoch) == (0, 3)


def bad_successions(setting: Setting, rotated: Setting) -> dict[str, tuple[tuple[Address, ...], object, int]]:
    members, committee = rotated.house.validators, rotated.house.committee
    return {
        "another key": (members, deal_committee(3, 4).public, 5),
        "too low a threshold": (members, replace(committee, threshold=2, coefficients=committee.coefficients[:2]), 5),
        "other numbers": (members[:3], committee, 5),
        "twice": ((*members[:3], members[0]), committee, 5),
        "zero": ((*members[:3], Address(bytes(20))), committee, 5),
        "nobody": ((), committee, 5),
        "before it began": (members, committee, -1),
        "off the polynomial": (members, replace(committee, public_shares=committee.public_shares[::-1]), 5),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("another key", "too low a threshold", "other numbers", "twice", "zero", "nobody"),
        *("before it began", "off the polynomial"),
    ],
)
def test_a_house_is_not_handed_to_members_who_could_not_run_it(setting: Setting, rotated: Setting, name: str):
    members, committee, last = bad_successions(setting, rotated)[name]
    with pytest.raises(RotationInvalid):
        succeed(setting.house, members, committee, last)  # type: ignore[arg-type]
    assert succeed(setting.house, rotated.house.validators, rotated.house.committee, 5).first_batch == 6
