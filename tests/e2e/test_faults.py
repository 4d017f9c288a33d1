"""Nodes die at the worst moments; the house goes on, and what comes back has the same ledger."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from devnet.instrumented import instrument
from devnet.network import Devnet
from devnet.nodes import DevNode
from devnet.report import Report
from devnet.roles import TRADES
from devnet.scenario import Scenario
from node.ledger.batch import Batch, Paid, Seized
from tests.e2e.runs import Reserve, batches, on_a_devnet, reserves, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FATAL_COMMIT = 6
"""The commitment before which the second node dies: some way into the opening of accounts."""
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
    behind: int
    """How many batches the others made while the killed node was away."""


async def killed_proposer(devnet: Devnet) -> int:
    """Wait until the wrapped node has killed itself, and start it again, without the wrapper."""
    node = devnet.nodes[1]
    code = await node.ended()
    plain = node.command[node.command.index("--") + 1 :]
    node.command = ("-m", "node.cli", *plain)
    await asyncio.sleep(2)
    await node.start()
    await node.ready()
    return code


async def killed_bystander(devnet: Devnet) -> int:
    """Kill a node in the middle, let the others go on, start it again, and wait until it has caught up."""
    node, other = devnet.nodes[2], devnet.nodes[0]
    while devnet.clock.ticks_played < 4:
        await asyncio.sleep(0.1)
    before = await other.tip()
    node.kill()
    await node.ended()
    while devnet.clock.ticks_played < 10:
        await asyncio.sleep(0.1)
    after = await other.tip()
    await node.start()
    await node.ready()
    assert before is not None
    assert after is not None
    return after.number - before.number


async def play(devnet: Devnet, scenario: Scenario) -> Survived:
    proposer = asyncio.create_task(killed_proposer(devnet))
    await scenario.open_accounts()
    died_of = await asyncio.wait_for(proposer, 120)
    bystander = asyncio.create_task(killed_bystander(devnet))
    await scenario.play()
    behind = await asyncio.wait_for(bystander, 120)
    report = await scenario.report()
    ledgers = [await batches(node) for node in devnet.nodes]
    return Survived(
        report, ledgers, await reserves(devnet, scenario, devnet.nodes[2]), scenario.traded, died_of, behind
    )


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Survived:
    def prepare(nodes: Sequence[DevNode]) -> None:
        instrument(nodes[1], kill_before=FATAL_COMMIT)

    chosen = settings(tmp_path_factory.mktemp("faults") / "run", cache, hours=6)
    return on_a_devnet(chosen, play, prepare=prepare, outage=None, homes=SURVIVORS)


def test_the_proposer_was_killed_between_certificate_and_commit(survived: Survived):
    assert survived.died_of == -9


def test_the_others_went_on_while_a_node_was_dead(survived: Survived):
    assert survived.behind >= 3


def test_both_came_back_to_the_same_root(survived: Survived):
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
    assert survived.report.trades == survived.traded > len(TRADES) // 4


def test_no_action_is_carried_out_twice(survived: Survived):
    events = [e.event for batch in survived.ledgers[0] for s in batch.segments for e in s.events]
    done = [event.action_id for event in events if isinstance(event, Paid | Seized)]
    assert done
    assert len(done) == len(set(done))


def test_the_vaults_hold_what_the_ledger_says(survived: Survived):
    assert [r for r in survived.reserves if r.on_chain != r.in_ledger] == []
