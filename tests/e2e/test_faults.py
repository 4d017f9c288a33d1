"""Nodes die at the worst moments; the house goes on, and what comes back has the same ledger."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from clearing.v1 import ledger_service_pb2
from clearing.v1.ledger_service_pb2 import StreamEventsResponse

from devnet.instrumented import instrument
from devnet.network import Devnet
from devnet.nodes import DevNode, connected
from devnet.report import Report
from devnet.roles import TRADES, Role
from devnet.scenario import Scenario
from devnet.settings import Cadence
from node.ledger.batch import Batch, Paid, Seized
from node.ledger.effects import EventKind
from node.ledger.types import AccountId
from tests.e2e.runs import Reserve, batches, on_a_devnet, reserves, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FATAL_COMMIT = 6
"""The commitment before which the second node dies: some way into the opening of accounts."""
SURVIVORS = (0, 3)
"""Places of the nodes that stay up, to which the actors connect."""
KILLED = 3
"""The committee's number of the node that dies in the middle of the default."""
DEFAULTER = Role.LEVERAGED_LONG
FATAL_TRADES = tuple(trade for trade in TRADES if trade.role is DEFAULTER)
UNHURRIED = Cadence(round_spacing=12)


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


async def killed_in_the_default(devnet: Devnet, account: AccountId) -> int:
    """Kill a node once `account` is in default, and start it again when the default is closed."""
    node, other = devnet.nodes[2], devnet.nodes[0]
    async with connected(other.api) as connection:
        events = connection.ledger.StreamEvents(ledger_service_pb2.StreamEventsRequest(account=account))
        await told(events, EventKind.FROZEN)
        before = await other.tip()
        node.kill()
        await node.ended()
        await told(events, EventKind.DEFAULT_CLOSED)
    after = await other.tip()
    await node.start()
    await node.ready()
    assert before is not None
    assert after is not None
    return after.number - before.number


async def told(events: AsyncIterator[StreamEventsResponse], kind: EventKind) -> None:
    """Wait for an event."""
    async for response in events:
        if response.event.kind == kind:
            return
    raise AssertionError(f"the stream ended before {kind.name}")


async def play(devnet: Devnet, scenario: Scenario) -> Survived:
    proposer = asyncio.create_task(killed_proposer(devnet))
    await scenario.open_accounts()
    died_of = await asyncio.wait_for(proposer, 120)
    bystander = asyncio.create_task(killed_in_the_default(devnet, scenario.actors[DEFAULTER].accounts[0].id))
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

    chosen = settings(tmp_path_factory.mktemp("faults") / "run", cache, hours=4, cadence=UNHURRIED)
    return on_a_devnet(chosen, play, prepare=prepare, trades=FATAL_TRADES, outage=None, homes=SURVIVORS)


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
    assert survived.report.trades == survived.traded > 0


def test_the_default_is_opened_sold_and_closed_by_those_that_are_left(survived: Survived):
    (default,) = survived.report.defaults
    assert default.account == DEFAULTER
    assert default.closed
    assert default.buyers
    assert KILLED not in default.opened_by


def test_no_action_is_carried_out_twice(survived: Survived):
    events = [e.event for batch in survived.ledgers[0] for s in batch.segments for e in s.events]
    done = [event.action_id for event in events if isinstance(event, Paid | Seized)]
    assert done
    assert len(done) == len(set(done))


def test_the_vaults_hold_what_the_ledger_says(survived: Survived):
    assert [r for r in survived.reserves if r.on_chain != r.in_ledger] == []
