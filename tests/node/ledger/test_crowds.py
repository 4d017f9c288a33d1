"""Many defaults at once: what a batch does for them is bounded, the oldest come first, and all come to their end."""

from dataclasses import replace
from typing import Final

import pytest
from coincurve import PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.ledger import auctions
from node.ledger.claims import TrustingVerifier
from node.ledger.effects import Effect, EventKind, LedgerEvent
from node.ledger.errors import BatchInvalid
from node.ledger.execution import execute
from node.ledger.state import Stage
from node.ledger.types import AccountId, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, address_of, make_setting, make_trade

KEY: Final = PrivateKey(bytes([9] * 32))
CROWD: Final = 7
LONGEST: Final = 90
"""Batches of four blocks: an auction's sixteen for each of the crowd, one after the other, and an opening for each."""


def frozen_crowd(setting: Setting, ages: list[int]) -> tuple[Clearing, list[Trader]]:
    """Debtors with a tenth of a bitcoin each, all frozen, as many batches ago as `ages` say."""
    debtors = [Trader(setting, hollow=True) for _ in ages]
    backstop, maker = Trader(setting, key=KEY, hollow=True), Trader(setting, hollow=True)
    clearing = Clearing.start(setting, backstop, maker, *debtors, verifier=TrustingVerifier())
    for trader in (backstop, maker):
        clearing.deposit(trader.id, 31337, "USD", 100_000 * USD)
    for debtor in debtors:
        clearing.deposit(debtor.id, 31337, "USD", 200 * USD)
        clearing.accept(make_trade(clearing.state, debtor, maker, "BTC-PERP", 1_000, 800_000), blocks=0)
    clearing.batch(prices={"BTC": 6_400}, blocks=4)
    for blocks in (8, 24, 1):
        clearing.accept(maker.margin_proof(clearing.state), blocks=0)
        clearing.batch(blocks=blocks)
    assert {clearing.account(debtor).status for debtor in debtors} == {Status.FROZEN}
    for debtor, age in zip(debtors, ages, strict=True):
        default = clearing.default_of(debtor)
        clearing.state = clearing.state.with_default(replace(default, frozen_in=default.frozen_in - age))
    return clearing, debtors


def in_line(clearing: Clearing, stage: Stage) -> list[AccountId]:
    """Whoever stands at the stage, the oldest default first."""
    waiting = [default for default in clearing.state.defaults.values() if default.stage is stage]
    return [default.account for default in sorted(waiting, key=lambda default: (default.frozen_in, default.id))]


def told(effects: tuple[Effect, ...], kind: EventKind) -> list[AccountId | None]:
    return [line.account for line in effects if isinstance(line, LedgerEvent) and line.kind is kind]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.integers(0, 3), min_size=3, max_size=CROWD),
    plans=st.integers(1, 3),
    openings=st.integers(1, 3),
    cap=st.sampled_from([0, 700 * USD, 10**15]),
)
def test_a_batch_does_no_more_than_its_measure_and_nobody_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, ages: list[int], plans: int, openings: int, cap: int
):
    caps = {"full_below": 50 * USD, "batch_cap": cap, "plans_per_batch": plans, "openings_per_batch": openings}
    clearing, debtors = frozen_crowd(make_setting(address_of(KEY), **caps), ages)
    decided: list[object] = []
    slack = auctions.margin_slack
    with monkeypatch.context() as patched:
        patched.setattr(auctions, "margin_slack", lambda *given: (decided.append(given), slack(*given))[1])
        for _ in range(LONGEST):
            frozen = in_line(clearing, Stage.OPENING)
            waiting = [default for default in clearing.state.defaults.values() if default.account in frozen]
            decided.clear()
            executed = clearing.batch(openings=tuple(clearing.opening(default) for default in waiting), blocks=4)
            assert told(executed.effects, EventKind.OPENED) == frozen[:openings], "the oldest first, and no more"
            assert len(decided) <= 2 * plans, "assembled and executed: no more is looked at"
            offered = told(executed.effects, EventKind.ON_AUCTION)
            assert len(offered) <= plans
            if all(default.stage is Stage.CLOSED for default in clearing.state.defaults.values()):
                break
    assert {clearing.default_of(debtor).stage for debtor in debtors} == {Stage.CLOSED}


def test_a_batch_with_more_openings_than_its_measure_is_invalid():
    clearing, debtors = frozen_crowd(make_setting(address_of(KEY), openings_per_batch=2), [0, 1, 2])
    made = tuple(clearing.opening(clearing.default_of(debtor)) for debtor in debtors)
    proposal = clearing.propose(openings=made)
    assert [opening.default_id for opening in proposal.batch.openings] == [
        clearing.default_of(debtor).id for debtor in (debtors[2], debtors[1])
    ]
    forced = replace(proposal.batch, openings=(*proposal.batch.openings, made[0]))
    with pytest.raises(BatchInvalid) as caught:
        execute(clearing.house, clearing.state, forced, TrustingVerifier())
    assert caught.value.rule == "opening"


def test_an_account_that_waits_for_room_is_not_planned_again(monkeypatch: pytest.MonkeyPatch):
    setting = make_setting(address_of(KEY), full_below=50 * USD, batch_cap=1)
    clearing, _ = frozen_crowd(setting, [0] * 5)
    made = tuple(clearing.opening(default) for default in clearing.state.defaults.values())
    planned: list[object] = []
    plan = auctions.plan_liquidation
    monkeypatch.setattr(auctions, "plan_liquidation", lambda *given: (planned.append(given), plan(*given))[1])
    clearing.batch(openings=made)
    assert len(planned) == 2, "that of the first in line, when the batch is assembled and when it is executed"
    assert len(in_line(clearing, Stage.PLANNED)) == 4
