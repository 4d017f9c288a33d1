"""Nodes die at the worst moments; the house goes on, and what comes back has the same ledger.

One dies between certificate and commitment; two die at each step of the default in turn, as soon as they learn of it.
The amounts of an undisturbed default are compared in tests/node/coordinator/test_takeover.py, where time stands still.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from devnet.instrumented import bare, instrument
from devnet.network import Devnet
from devnet.nodes import DevNode
from devnet.report import Report
from devnet.roles import TRADES, Role
from devnet.scenario import Scenario
from node.ledger.batch import Batch, Paid, Seized
from node.ledger.effects import EventKind
from tests.e2e.runs import Reserve, batches, on_a_devnet, reserves, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FATAL_COMMIT = 6
"""The commitment before which the second node dies: some way into the opening of accounts."""
LAST_TRADE = 7
"""Ticks after which no trade is planned any more."""
STEPS = {
    1: (EventKind.FROZEN, EventKind.PORTFOLIO_SOLD, EventKind.SOLD),
    2: (EventKind.OPENED, EventKind.SEIZED, EventKind.DEFAULT_CLOSED),
}
"""At which steps of a default the nodes in these places die."""
FEW_TRADES = tuple(trade for trade in TRADES if trade.role in (Role.LEVERAGED_LONG, Role.STRETCHED_LONG))
"""Those that lead to defaults: with a validator dead, each takes long."""
SURVIVORS = (0, 3)
"""Places of the nodes that stay up, to which the actors connect."""


@dataclass
class Survived:
    """What is left of the run."""

    report: Report
    ledgers: list[list[Batch]]
    reserves: list[Reserve]
    traded: int
    died_of: int
    deaths: tuple[tuple[EventKind, int], ...]
    """The steps of the default at which a node died, and its exit codes."""


async def killed_proposer(devnet: Devnet) -> int:
    """Wait until the wrapped node has killed itself, and start it again, without the wrapper."""
    node = devnet.nodes[1]
    code = await node.ended()
    await asyncio.sleep(2)
    await started_again(node, None)
    return code


async def started_again(node: DevNode, step: EventKind | None) -> None:
    """Start a dead node, to die at `step`, or to stay."""
    bare(node)
    if step is not None:
        instrument(node, kill_at=step)
    await node.start()
    await node.ready()


async def killed_at_steps(node: DevNode, steps: Sequence[EventKind], deaths: list[tuple[EventKind, int]]) -> None:
    """Let the node die at each step of a default in turn, and start it again each time. It has to be dead now."""
    for step in steps:
        await started_again(node, step)
        deaths.append((step, await node.ended()))
    await started_again(node, None)


async def killed_bystanders(devnet: Devnet, deaths: list[tuple[EventKind, int]]) -> None:
    """Once all trades had their rounds, kill two nodes, one after the other, and let them die again and again."""
    while devnet.clock.ticks_played < LAST_TRADE:
        await asyncio.sleep(0.1)
    async with asyncio.TaskGroup() as group:
        for place, steps in STEPS.items():
            node = devnet.nodes[place]
            node.kill()
            await node.ended()
            group.create_task(killed_at_steps(node, steps, deaths))
            while not node.running or await node.tip() is None:
                await asyncio.sleep(0.1)


async def play(devnet: Devnet, scenario: Scenario) -> Survived:
    proposer = asyncio.create_task(killed_proposer(devnet))
    await scenario.open_accounts()
    died_of = await asyncio.wait_for(proposer, 120)
    deaths: list[tuple[EventKind, int]] = []
    bystanders = asyncio.create_task(killed_bystanders(devnet, deaths))
    await scenario.play()
    await asyncio.wait_for(bystanders, 120)
    report = await scenario.report()
    ledgers = [await batches(node) for node in devnet.nodes]
    return Survived(
        report, ledgers, await reserves(devnet, scenario, devnet.nodes[2]), scenario.traded, died_of, tuple(deaths)
    )


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Survived:
    def prepare(nodes: Sequence[DevNode]) -> None:
        instrument(nodes[1], kill_before=FATAL_COMMIT)

    chosen = settings(tmp_path_factory.mktemp("faults") / "run", cache, hours=6)
    return on_a_devnet(chosen, play, prepare=prepare, trades=FEW_TRADES, outage=None, homes=SURVIVORS)


def test_the_proposer_was_killed_between_certificate_and_commit(survived: Survived):
    assert survived.died_of == -9


def test_a_node_died_at_each_step_of_the_default_and_the_default_came_to_its_end(survived: Survived):
    assert sorted(survived.deaths) == sorted((step, -9) for steps in STEPS.values() for step in steps)
    default = next(default for default in survived.report.defaults if default.account == Role.LEVERAGED_LONG)
    assert default.closed
    assert default.buyers
    assert sum(default.seized.values()) > 0


def test_they_came_back_to_the_same_root(survived: Survived):
    assert len(survived.report.roots) == 4
    assert survived.report.agreed
    assert survived.report.invariants.matched_book
    assert survived.report.invariants.full_reserves


def test_no_batch_is_missing_or_there_twice(survived: Survived):
    for ledger in survived.ledgers:
        assert [batch.number for batch in ledger] == list(range(1, len(ledger) + 1))
        assert ledger == survived.ledgers[0]


def test_the_ledger_has_exactly_the_trades_that_clients_were_told_are_final(survived: Survived):
    """Not all are made: with a validator dead some proposals expire before the maker's proof is final."""
    assert survived.report.trades == survived.traded > 1


def test_no_action_is_carried_out_twice(survived: Survived):
    events = [e.event for batch in survived.ledgers[0] for s in batch.segments for e in s.events]
    done = [event.action_id for event in events if isinstance(event, Paid | Seized)]
    assert done
    assert len(done) == len(set(done))


def test_the_vaults_hold_what_the_ledger_says(survived: Survived):
    assert [r for r in survived.reserves if r.on_chain != r.in_ledger] == []
