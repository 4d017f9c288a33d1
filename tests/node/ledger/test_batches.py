"""What makes a whole batch invalid, and why two nodes never differ."""

from dataclasses import replace
from typing import Any

import pytest

from node.ledger.batch import (
    AccountOpening,
    Batch,
    ChainSegment,
    Deposited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    Paid,
    PayFailed,
    Seized,
    ShareSet,
    SignedObservation,
    Sold,
)
from node.ledger.effects import EventKind, LedgerEvent, PayAction
from node.ledger.errors import BatchInvalid, RulesInvalid
from node.ledger.execution import _fitting, assemble, execute
from node.ledger.leaves import structure_digest
from node.ledger.types import INSURANCE_ACCOUNT, AccountId, Address, Digest, MicroUsd
from node.ledger.wire import decode_batch, encode_batch, size_in_batch
from node.market.grid import compute_grid
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, make_setting, make_trade, token

SOMEONE = AccountId(bytes([1] * 32))
NEVER_ORDERED = Digest(bytes([2] * 32))


@pytest.fixture(scope="module")
def owner(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def clearing(setting: Setting, owner: Trader) -> Clearing:
    """A house whose next batch but three has a round. Tests leave it as it is."""
    made = Clearing.start(setting, owner)
    made.deposit(owner.id, 31337, "USD", 10 * USD, blocks=0)
    return made


def invalid(clearing: Clearing, batch: Batch) -> str:
    """The rule that the batch breaks."""
    with pytest.raises(BatchInvalid) as caught:
        execute(clearing.house, clearing.state, batch, clearing._verifier)
    return caught.value.rule


def good(clearing: Clearing, owner: Trader, blocks: int = 8) -> Batch:
    """A valid batch with a message, an event and two rounds."""
    event = Deposited(owner.id, token(31338, "WETH"), 5)
    message = owner.withdraw(clearing.state, "USD@31337", 1)
    batch = clearing.propose(message, events={31338: (event,), 31339: ()}, blocks=blocks).batch
    execute(clearing.house, clearing.state, batch, clearing._verifier)
    return batch


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "number": ({"number": 99}, "sequence"),
    "previous root": ({"previous_root": Digest(bytes(32))}, "sequence"),
    "new root": ({"new_root": Digest(bytes(32))}, "root"),
    "no root": ({"new_root": Digest(b"")}, "root"),
    "proposer": ({"proposer": Address(bytes(20))}, "proposer"),
    "earlier hub block": ({"hub": HubHeader(1, bytes(32), 1 << 40)}, "hub"),
    "earlier hub time": ({"hub": HubHeader(1 << 40, bytes(32), 1)}, "hub"),
    "no rounds": ({"rounds": ()}, "round"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_batch_with_a_wrong_field_is_invalid(clearing: Clearing, owner: Trader, name: str):
    changes, rule = WRONG[name]
    assert invalid(clearing, replace(good(clearing, owner), **changes)) == rule


def test_another_proposer_of_the_house_brings_the_same_root(clearing: Clearing, owner: Trader, setting: Setting):
    batch = good(clearing, owner)
    other = replace(batch, proposer=setting.house.validators[3])
    assert execute(setting.house, clearing.state, other, clearing._verifier).state.root == batch.new_root


def test_a_dropped_message_changes_the_root(clearing: Clearing, owner: Trader):
    assert invalid(clearing, replace(good(clearing, owner), messages=())) == "root"


def test_a_grid_of_another_round_is_invalid(clearing: Clearing, owner: Trader):
    batch = good(clearing, owner)
    assert invalid(clearing, replace(batch, grid=clearing.grid)) == "grid"
    empty = clearing.propose(blocks=0).batch
    assert invalid(clearing, replace(empty, grid=clearing.grid)) == "grid"


def segment(chain: int, first: int, last: int, *events: LoggedEvent) -> ChainSegment:
    return ChainSegment(chain, first, last, bytes(32), events)


def deposit_at(block: int, index: int, **changes: Any) -> LoggedEvent:
    event = replace(Deposited(SOMEONE, token(31338, "WETH"), 5), **changes)
    return LoggedEvent(block, index, event)


@pytest.mark.parametrize(
    ("segments", "rule"),
    [
        ((segment(1, 1, 1),), "segment"),
        ((segment(31339, 1, 1), segment(31338, 1, 1)), "segment"),
        ((segment(31338, 1, 1), segment(31338, 2, 2)), "segment"),
        ((segment(31338, 2, 2),), "segment"),
        ((segment(31338, 0, 2),), "segment"),
        ((segment(31338, 1, 0),), "segment"),
        ((segment(31338, 1, 3, deposit_at(2, 0), deposit_at(1, 0)),), "segment"),
        ((segment(31338, 1, 3, deposit_at(2, 1), deposit_at(2, 1)),), "segment"),
        ((segment(31338, 1, 3, deposit_at(4, 0)),), "segment"),
        ((segment(31338, 1, 3, deposit_at(0, 0)),), "segment"),
        ((segment(31338, 1, 1, deposit_at(1, 0, token=token(31339, "WETH"))),), "deposit"),
        ((segment(31338, 1, 1, deposit_at(1, 0, amount=0)),), "deposit"),
        ((segment(31338, 1, 1, deposit_at(1, 0, amount=1 << 40)),), "deposit"),
        ((segment(31338, 1, 1, deposit_at(1, 0, token=token(31338, "USD"), amount=1 << 62)),), "deposit"),
        ((segment(31338, 1, 1, LoggedEvent(1, 0, Paid(NEVER_ORDERED))),), "payout"),
        ((segment(31338, 1, 1, LoggedEvent(1, 0, PayFailed(NEVER_ORDERED))),), "payout"),
        ((segment(31338, 1, 1, LoggedEvent(1, 0, Seized(NEVER_ORDERED))),), "seizure"),
        ((segment(31338, 1, 1, LoggedEvent(1, 0, Sold(NEVER_ORDERED, MicroUsd(1)))),), "seizure"),
    ],
)
def test_chain_events_that_cannot_be_make_a_batch_invalid(
    clearing: Clearing, segments: tuple[ChainSegment, ...], rule: str
):
    batch = replace(clearing.propose(blocks=0).batch, segments=segments)
    assert invalid(clearing, batch) == rule
    with pytest.raises(BatchInvalid):
        assemble(
            clearing.house,
            clearing.state,
            batch.proposer,
            batch.hub,
            segments,
            (),
            None,
            (),
            (),
            clearing._verifier,
        )


def test_a_payout_is_confirmed_once_and_on_its_own_chain(setting: Setting):
    owner = Trader(setting)
    clearing = Clearing.start(setting, owner)
    clearing.deposit(owner.id, 31337, "USD", 10 * USD)
    executed = clearing.accept(owner.withdraw(clearing.state, "USD@31337", 1))
    action = next(e.action_id for e in executed.effects if isinstance(e, PayAction))
    for events in (
        {31338: (Paid(action),)},
        {31337: (Paid(action), Paid(action))},
        {31337: (Paid(action), PayFailed(action))},
    ):
        with pytest.raises(BatchInvalid) as caught:
            clearing.propose(events=events)
        assert caught.value.rule == "payout"
    clearing.batch(events={31337: (Paid(action),)})
    with pytest.raises(BatchInvalid):
        clearing.propose(events={31337: (PayFailed(action),)})


def test_a_token_other_than_dollars_sent_to_the_insurance_fund_stays_accounted_for(setting: Setting):
    clearing = Clearing.start(setting)
    clearing.deposit(INSURANCE_ACCOUNT, 31338, "WETH", 5)
    clearing.deposit(INSURANCE_ACCOUNT, 31338, "USD", 5)
    assert clearing.state.insurance == 5
    assert [credit.amount for credit in clearing.state.unclaimed[INSURANCE_ACCOUNT]] == [5]


# Rounds.


def with_rounds(clearing: Clearing, owner: Trader, *rounds: OracleRound) -> Batch:
    return replace(good(clearing, owner), rounds=rounds)


def test_no_round_is_skipped_repeated_or_brought_early(clearing: Clearing, owner: Trader):
    first, second = good(clearing, owner).rounds
    for rounds in (
        (second,),
        (first,),
        (second, first),
        (first, first),
        (first, replace(second, round=second.round + 1)),
        (first, replace(second, height=second.height - 1)),
        (first, replace(second, height=second.height + 4)),
        (first, replace(second, time=first.time - 1)),
        (first, replace(second, time=second.time + 4_000)),
    ):
        assert invalid(clearing, with_rounds(clearing, owner, *rounds)) == "round"
    early = replace(clearing.propose(blocks=2).batch, rounds=(first,), grid=clearing.grid)
    assert invalid(clearing, early) == "round"


def altered(signed: SignedObservation, **changes: Any) -> SignedObservation:
    return replace(signed, observation=replace(signed.observation, **changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, signature=bytes(64)),
        lambda s: replace(s, signature=s.signature[:-1] + bytes([s.signature[-1] ^ 1])),
        lambda s: altered(s, price=s.observation.price + 1),
        lambda s: altered(s, observed_at=s.observation.observed_at - 1),
        lambda s: altered(s, confidence_ppm=0),
        lambda s: altered(s, round=s.observation.round + 1),
        lambda s: altered(s, feed="DOGE"),
        lambda s: altered(s, validator=bytes(20)),
        lambda s: altered(s, validator=make_setting().keys[0].address),
    ],
)
def test_an_observation_that_its_validator_did_not_sign_is_invalid(clearing: Clearing, owner: Trader, change: Any):
    first, second = good(clearing, owner).rounds
    forged = replace(first, observations=(change(first.observations[0]), *first.observations[1:]))
    assert invalid(clearing, with_rounds(clearing, owner, forged, second)) == "observation"


def test_an_outsiders_signed_observation_is_invalid(clearing: Clearing, owner: Trader, setting: Setting):
    outsider = make_setting().keys
    foreign = replace(clearing, setting=replace(setting, keys=outsider)).rounds_until(clearing.state.hub_height + 8)
    assert invalid(clearing, with_rounds(clearing, owner, *foreign)) == "observation"


def test_an_observation_of_another_deployment_is_invalid(clearing: Clearing, owner: Trader, setting: Setting):
    twin = replace(
        setting, house=replace(setting.house, deployment=make_setting(salt=bytes([1] * 32)).house.deployment)
    )
    foreign = replace(clearing, setting=twin).rounds_until(clearing.state.hub_height + 8)
    assert invalid(clearing, with_rounds(clearing, owner, *foreign)) == "observation"


def test_several_rounds_due_come_in_one_batch_with_the_last_ones_grid(clearing: Clearing, owner: Trader):
    batch = good(clearing, owner, blocks=12)
    after = execute(clearing.house, clearing.state, batch, clearing._verifier).state
    assert [entry.round for entry in batch.rounds] == [2, 3, 4]
    assert batch.grid is not None
    assert batch.grid == compute_grid(clearing.house.registry, clearing.house.market, after.market)
    assert after.grids[-1].round == 4


def test_a_round_without_a_grid_keeps_the_one_before_says_so_and_proofs_may_still_name_it(setting: Setting):
    owner = Trader(setting)
    clearing = Clearing.start(setting, owner)
    clearing.deposit(owner.id, 31337, "USD", 100 * USD)
    before = clearing.grid
    proposal = clearing.propose(blocks=4, valued=False)
    executed = clearing.take(proposal.batch, proposal)
    told = [e for e in executed.effects if isinstance(e, LedgerEvent) and e.kind is EventKind.ROUND_NOT_VALUED]
    assert [e.attributes for e in told] == [(("round", str(before.round + 1)),)]
    assert clearing.state.market.round == before.round + 1
    assert clearing.grid is before
    clearing.accept(owner.withdraw(clearing.state, "USD@31337", 1), blocks=0)
    clearing.batch(blocks=4)
    assert [grid.round for grid in clearing.state.grids[-2:]] == [before.round, before.round + 2]


# Agreement.


def test_two_nodes_turn_the_same_bytes_into_the_same_state_and_bytes(setting: Setting):
    owner, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, owner, maker)
    bodies = []
    clearing.deposit(owner.id, 31337, "USD", 100 * USD)
    clearing.deposit(maker.id, 31337, "USD", 100 * USD)
    start = clearing.state
    clearing.accept(make_trade(clearing.state, owner, maker, "BTC-PERP", 3, 800_000))
    bodies.append(clearing.body)
    clearing.batch(prices={"BTC": 7_000}, blocks=12)
    bodies.append(clearing.body)
    state = start
    for body in bodies:
        batch = decode_batch(body)
        state = execute(setting.house, state, batch, clearing._verifier).state
        assert encode_batch(batch) == body
    assert state == clearing.state


def test_a_proposer_fills_a_batch_past_the_messages_that_are_refused(setting: Setting):
    small = replace(setting, house=replace(setting.house, rules=replace(setting.house.rules, max_messages=2)))
    owner, *others = (Trader(small) for _ in range(4))
    clearing = Clearing.start(small, owner)
    again = owner.open_account()
    proposal = clearing.propose(again, again, *(other.open_account() for other in others))
    assert len(proposal.refused) == 2
    assert [message.owner for message in proposal.batch.messages] == [other.owner for other in others[:2]]
    crowded = replace(proposal.batch, messages=tuple(other.open_account() for other in others))
    assert invalid(clearing, crowded) == "message"


def test_a_proposer_stops_before_a_batch_is_too_large_to_send_and_refuses_nothing(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
):
    owners = [Trader(setting) for _ in range(5)]
    clearing = Clearing.start(setting)
    opened = [owner.open_account() for owner in owners]
    limit = len(encode_batch(clearing.propose(*opened[:3]).batch)) + 20
    monkeypatch.setattr("node.ledger.execution.MAX_BATCH_BYTES", limit)

    proposal = clearing.propose(*opened)

    assert proposal.batch.messages == tuple(opened[:3])
    assert proposal.refused == ()
    assert len(encode_batch(proposal.batch)) <= limit
    clearing.batch(*opened)
    clearing.batch(*opened[3:])
    assert all(owner.id in clearing.state.accounts for owner in owners)


def test_what_a_proposer_cannot_choose_goes_first_and_messages_take_what_is_left(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
):
    owner = Trader(setting)
    clearing = Clearing.start(setting)
    event = Deposited(owner.id, token(31338, "WETH"), 5)
    monkeypatch.setattr("node.ledger.execution.MAX_BATCH_BYTES", 0)

    batch = clearing.propose(owner.open_account(), events={31338: (event,)}, blocks=4).batch

    assert len(batch.rounds) == len(batch.segments[0].events) == 1
    assert batch.messages == ()


def test_openings_that_do_not_fit_wait_for_the_next_batch():
    made = [AccountOpening(Digest(bytes([n] * 32)), (n,), (ShareSet(1, (bytes(100),)),)) for n in range(4)]
    two = sum(map(size_in_batch, made[:2]))
    assert _fitting(made, two) == tuple(made[:2])
    assert _fitting(made, two - 1) == tuple(made[:1])
    assert _fitting(made, -1) == ()


def test_everything_a_leaf_stands_for_changes_it():
    values: list[object] = [
        None,
        0,
        1,
        -1,
        b"",
        b"\0",
        "",
        "\0",
        (),
        (0,),
        ((),),
        {},
        {"a": 0},
        {"a": 1},
        {"b": 0},
        SOMEONE,
    ]
    assert len({structure_digest(value) for value in values}) == len(values)
    assert structure_digest({"a": 0, "b": 1}) == structure_digest({"b": 1, "a": 0})
    with pytest.raises(TypeError):
        structure_digest(1.5)


@pytest.mark.parametrize("name", ["auction_blocks", "due_blocks", "sale_seconds", "max_messages"])
def test_rules_that_no_house_could_follow_are_refused(setting: Setting, name: str):
    with pytest.raises(RulesInvalid) as caught:
        replace(setting.house.rules, **{name: 0})
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["auction_discount_ppm", "penalty_ppm", "sale_floor_ppm", "seizure_buffer_ppm"])
def test_fractions_of_the_rules_stay_fractions(setting: Setting, name: str):
    with pytest.raises(RulesInvalid):
        replace(setting.house.rules, **{name: -1})
