"""The ladder from a lapsed window to a breach, and the ways back."""

import pytest

from node.ledger.effects import EventKind
from node.ledger.messages import MarginProof
from node.ledger.types import InstrumentId, Status
from tests.support.ledger import USD, Setting, make_trade
from tests.support.scenes import Scene, on_margin


@pytest.fixture
def scene(setting: Setting) -> Scene:
    """The debtor's window has lapsed: bitcoin fell from 8,000 to 7,000."""
    made = on_margin(setting)
    made.fall(7_000)
    return made


def proof(scene: Scene) -> MarginProof:
    """The debtor's proof, once it has brought the money that it takes."""
    scene.clearing.deposit(scene.debtor.id, 31337, "USD", 2_500 * USD)
    return scene.debtor.margin_proof(scene.clearing.state)


def test_a_small_move_calls_nobody(setting: Setting):
    scene = on_margin(setting)
    scene.clearing.batch(prices={"BTC": 7_700}, blocks=4)
    assert scene.status is Status.ACTIVE


def test_a_lapsed_window_is_due_before_anyone_is_called(scene: Scene):
    scene.clearing.batch(blocks=6)
    assert scene.status is Status.DUE
    scene.clearing.batch(blocks=1)
    assert scene.status is Status.CALLED
    assert [e.account for e in scene.clearing.told(EventKind.CALLED)] == [scene.debtor.id]


def test_a_proof_in_time_leads_back_from_due(scene: Scene):
    scene.clearing.accept(proof(scene))
    assert scene.status is Status.ACTIVE
    assert scene.clearing.account(scene.debtor).deadline == 0


def test_a_proof_in_time_leads_back_from_called(scene: Scene):
    scene.clearing.batch(blocks=8)
    assert scene.status is Status.CALLED
    scene.clearing.accept(proof(scene))
    account = scene.clearing.account(scene.debtor)
    assert (account.status, account.proposers_since_call) == (Status.ACTIVE, frozenset())


def test_a_proof_in_the_very_batch_that_would_freeze_still_counts(scene: Scene):
    scene.clearing.batch(blocks=8)
    late = proof(scene)
    scene.clearing.batch(blocks=23)
    scene.clearing.accept(late if late.round in _rounds(scene) else proof(scene))
    assert scene.status is Status.ACTIVE


def _rounds(scene: Scene) -> list[int]:
    return [grid.round for grid in scene.clearing.state.grids]


def test_neither_due_nor_called_accounts_trade_or_withdraw(scene: Scene):
    clearing, debtor = scene.clearing, scene.debtor
    clearing.deposit(debtor.id, 31337, "USD", 5_000 * USD)
    for expected in (Status.DUE, Status.CALLED):
        assert scene.status is expected
        for message in (
            make_trade(clearing.state, debtor, scene.maker, "BTC-PERP", -1, 700_000),
            make_trade(clearing.state, scene.maker, debtor, "BTC-PERP", 1, 700_000),
            debtor.withdraw(clearing.state, "USD@31337", 1),
        ):
            assert clearing.refusal(message) == "ACCOUNT_NOT_ACTIVE"
        clearing.batch(blocks=8)
        if expected is Status.DUE:
            clearing.accept(scene.maker.margin_proof(clearing.state))


def test_a_breach_needs_turns_of_two_proposers_however_late(scene: Scene):
    clearing = scene.clearing
    clearing.batch(blocks=8)
    for _ in range(4):
        clearing.proposer = 0
        clearing.batch(blocks=10)
    assert scene.status is Status.CALLED
    clearing.proposer = 1
    clearing.batch(blocks=0)
    assert scene.status is Status.FROZEN


def test_a_breach_needs_the_grace_however_many_proposers(scene: Scene):
    clearing = scene.clearing
    clearing.batch(blocks=8)
    for _ in range(23):
        clearing.batch(blocks=1)
    assert scene.status is Status.CALLED
    clearing.batch(blocks=1)
    assert scene.status is Status.FROZEN


def test_a_frozen_account_can_do_nothing(scene: Scene):
    scene.freeze()
    clearing, debtor = scene.clearing, scene.debtor
    before = clearing.account(debtor)
    clearing.deposit(debtor.id, 31337, "USD", 5_000 * USD)
    assert clearing.account(debtor).version == before.version
    for message in (
        debtor.margin_proof(clearing.state),
        debtor.withdraw(clearing.state, "USD@31337", 1),
        make_trade(clearing.state, debtor, scene.maker, "BTC-PERP", -1, 700_000),
    ):
        assert clearing.refusal(message) == "ACCOUNT_NOT_ACTIVE"


def test_freezing_voids_messages_in_flight(scene: Scene):
    version = scene.clearing.account(scene.debtor).version
    scene.freeze()
    assert scene.clearing.account(scene.debtor).version == version + 1


def test_a_silence_of_the_house_restarts_the_deadlines(scene: Scene):
    clearing = scene.clearing
    clearing.batch(blocks=41)
    assert scene.status is Status.DUE
    clearing.batch(blocks=8)
    assert scene.status is Status.CALLED
    clearing.batch(blocks=23)
    clearing.batch(blocks=41)
    assert scene.status is Status.CALLED
    assert clearing.account(scene.debtor).deadline == clearing.state.hub_height + 24
    clearing.batch(blocks=24)
    clearing.batch(blocks=0)
    assert scene.status is Status.FROZEN


def test_a_silence_up_to_the_limit_restarts_nothing(scene: Scene):
    scene.clearing.batch(blocks=40)
    assert scene.status is Status.CALLED


def test_deadlines_stand_still_while_a_feed_is_stale(scene: Scene):
    clearing = scene.clearing
    clearing.batch(blocks=8)
    clearing.observers = 2
    for _ in range(4):
        clearing.batch(blocks=10)
    assert scene.status is Status.CALLED
    clearing.observers = 4
    clearing.batch(blocks=4)
    assert scene.status is Status.CALLED, "with the first price that is valid again comes the full grace"
    clearing.batch(blocks=20)
    clearing.batch(blocks=0)
    assert scene.status is Status.FROZEN


def test_a_stale_feed_marks_nobody(setting: Setting):
    scene = on_margin(setting)
    scene.clearing.observers = 2
    scene.clearing.batch(prices={"BTC": 5_000}, blocks=4)
    assert scene.status is Status.ACTIVE


def test_a_window_grows_too_old(setting: Setting):
    scene = on_margin(setting)
    for _ in range(2):
        scene.clearing.batch(blocks=32)
    assert scene.status is Status.ACTIVE
    scene.clearing.batch(blocks=4)
    assert scene.status is Status.DUE


def test_an_account_that_expiry_overtakes_in_a_stale_time_can_still_prove_afterwards(setting: Setting):
    scene = on_margin(setting)
    clearing, future = scene.clearing, InstrumentId("BTC-20200327")
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, future, 10, 800_000))
    clearing.skip_to_expiry(future)
    clearing.observers = 2
    clearing.batch(blocks=4)
    assert future in clearing.account(scene.debtor).positions
    assert clearing.refusal(_on_the_old_grid(scene)) in ("WINDOW_LAPSED", "INSTRUMENT_UNKNOWN")
    clearing.batch(blocks=36)
    clearing.observers = 4
    clearing.batch(blocks=4)
    assert future not in clearing.account(scene.debtor).positions
    clearing.accept(scene.debtor.margin_proof(clearing.state))
    assert scene.status is Status.ACTIVE


def _on_the_old_grid(scene: Scene) -> MarginProof:
    grid = scene.clearing.state.grids[0]
    return scene.debtor.margin_proof(scene.clearing.state, grid, round=grid.round)


def test_the_backstop_is_never_called(backed: Setting):
    made = on_margin(backed)
    account = made.clearing.account(made.debtor)
    assert account.needs_window
    made.fall(7_000)
    assert backed.house.rules.backstop not in {e.account for e in made.clearing.told(EventKind.DUE)}
