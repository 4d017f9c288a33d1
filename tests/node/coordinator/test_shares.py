"""Decryption of a defaulted account by the members' shares."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clearing.v1 import batch_pb2

from circuits.errors import ProofRejected
from node.coordinator.shares import SHARES, Shares
from node.ledger.types import Status
from node.ledger.wire import share_set_to_proto
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.committee import deal_committee
from tests.support.ledger import Setting
from tests.support.scenes import Scene, frozen


@dataclass
class Committee:
    """All members' parts in the openings of one scene."""

    setting: Setting
    scene: Scene
    switch: FakeSwitch
    meshes: list[FakeMesh]
    members: list[Shares]

    async def until(self, condition, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
async def committee(setting: Setting, table: Path) -> AsyncIterator[Committee]:
    scene = frozen(setting, 6_500)
    switch = FakeSwitch()
    meshes = [FakeMesh(switch, key.address) for key in setting.keys]
    workers = ThreadPoolExecutor(1)
    members = [
        Shares(setting.house, share, mesh, workers, table)
        for share, mesh in zip(setting.deal.shares, meshes, strict=True)
    ]
    yield Committee(setting, scene, switch, meshes, members)
    for mesh in meshes:
        mesh._task.cancel()
    workers.shutdown(cancel_futures=True)


async def test_members_together_open_a_frozen_account_and_the_ledger_takes_it(committee: Committee):
    state = committee.scene.clearing.state
    for member in committee.members:
        await member.on_final(state)
    await committee.until(lambda: any(member.openings() for member in committee.members))
    (opening,) = next(member.openings() for member in committee.members if member.openings())

    committee.scene.clearing.batch(openings=(opening,))

    assert committee.scene.status is Status.LIQUIDATING
    assert committee.scene.default.lots[0].quantity == 10_000
    assert len(opening.share_sets) == committee.setting.house.committee.threshold


async def test_fewer_members_than_the_threshold_open_nothing(committee: Committee):
    for member in committee.members[:2]:
        await member.on_final(committee.scene.clearing.state)
    await asyncio.sleep(0.5)

    assert all(member.openings() == () for member in committee.members)


async def test_nothing_is_shared_before_a_breach_is_final(committee: Committee):
    state = committee.scene.clearing.state

    await committee.members[0].on_final(replace(state, defaults={}))

    assert committee.meshes[0].sent == []


async def test_a_false_share_is_an_offence_and_does_not_count(committee: Committee):
    state, (honest, liar) = committee.scene.clearing.state, committee.members[:2]
    await honest.on_final(state)
    await liar.on_final(state)
    own = liar._cases[committee.scene.default.id].sets[2]
    bad = replace(own, shares=(*own.shares[:-1], own.shares[0]))
    case = honest._cases[committee.scene.default.id]
    case.sets.pop(2, None)
    await asyncio.sleep(0.1)
    case.sets.pop(2, None)

    payload = batch_pb2.AccountOpening(default_id=committee.scene.default.id, share_sets=[share_set_to_proto(bad)])
    await committee.meshes[1].send(committee.meshes[0].address, SHARES, payload.SerializeToString())
    await committee.until(lambda: bool(committee.switch.offences))

    assert 2 not in case.sets


async def test_one_member_cannot_speak_for_another(committee: Committee):
    state = committee.scene.clearing.state
    await committee.members[1].on_final(state)
    own = committee.members[1]._cases[committee.scene.default.id].sets[2]

    payload = batch_pb2.AccountOpening(default_id=committee.scene.default.id, share_sets=[share_set_to_proto(own)])
    await committee.meshes[2].send(committee.meshes[0].address, SHARES, payload.SerializeToString())
    await committee.until(lambda: bool(committee.switch.offences))

    assert "from another" in committee.switch.offences[0][1]


async def test_shares_that_came_before_this_node_knew_of_the_default_count(committee: Committee):
    state = committee.scene.clearing.state
    for member in committee.members[:2]:
        await member.on_final(state)
    await asyncio.sleep(0.2)

    await committee.members[2].on_final(state)
    await committee.until(lambda: bool(committee.members[2].openings()))


async def test_false_shares_that_came_before_this_node_knew_of_the_default_do_not_stop_it(committee: Committee):
    state = committee.scene.clearing.state
    liar, late = committee.members[0], committee.members[1]
    await liar.on_final(state)
    own = liar._cases[committee.scene.default.id].sets[1]
    false = replace(own, shares=(*own.shares[:-1], own.shares[0]))
    payload = batch_pb2.AccountOpening(default_id=committee.scene.default.id, share_sets=[share_set_to_proto(false)])
    late._early.clear()
    await committee.meshes[0].send(committee.meshes[1].address, SHARES, payload.SerializeToString())
    await committee.until(lambda: any(held == false for _, held in late._early))
    # Only the false ones: the liar says nothing else.
    late._early = [entry for entry in late._early if entry[1] == false]

    await late.on_final(state)

    assert set(late._cases[committee.scene.default.id].sets) == {2}
    for member in committee.members[2:]:
        await member.on_final(state)
    await committee.until(lambda: bool(late.openings()))
    assert [shares.member for shares in late.openings()[0].share_sets] == [2, 3, 4]


async def test_what_comes_in_for_an_account_during_the_search_does_not_end_it(committee: Committee):
    clearing, debtor = committee.scene.clearing, committee.scene.debtor
    member = committee.members[0]
    for other in committee.members:
        await other.on_final(clearing.state)
    case = member._cases[committee.scene.default.id]
    await committee.until(lambda: case.searching)

    clearing.deposit(debtor.id, 31337, "USD", 1)
    await member.on_final(clearing.state)
    assert case.searching
    assert case.account is clearing.state.accounts[debtor.id]

    await committee.until(lambda: bool(member.openings()), seconds=20)
    clearing.batch(openings=member.openings())
    assert committee.scene.status is Status.LIQUIDATING


async def test_an_opened_account_is_no_longer_offered(committee: Committee):
    state = committee.scene.clearing.state
    for member in committee.members:
        await member.on_final(state)
    member = committee.members[0]
    await committee.until(lambda: bool(member.openings()))
    committee.scene.clearing.batch(openings=member.openings())

    await member.on_final(committee.scene.clearing.state)

    assert member.openings() == ()


async def test_a_share_of_another_committee_is_refused_at_the_start(setting: Setting):
    mesh = FakeMesh(FakeSwitch(), setting.keys[0].address)
    with ThreadPoolExecutor(1) as workers, pytest.raises(ProofRejected):
        Shares(setting.house, deal_committee(3, 4).shares[0], mesh, workers)
    mesh._task.cancel()
