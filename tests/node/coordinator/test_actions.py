"""Payouts and seizures: signed only once final, brought to the vault by somebody, once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from node.chains import certificates
from node.chains.certificates import Certificate, ValidatorKey
from node.chains.errors import RpcUnavailable
from node.coordinator.actions import ACTION, Actions
from node.coordinator.errors import ActionNotFinal
from node.coordinator.orders import VaultOrder, place_order
from node.ledger.batch import Batch, ChainSegment, HubHeader, LoggedEvent, Paid, PayFailed, Seized
from node.ledger.effects import PayAction, SeizeAction
from node.ledger.state import House
from node.ledger.types import Address, AssetId, Digest, MicroUsd
from node.store import Store
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.ledger import CHAINS, Setting, token

SPOKE = CHAINS[2]
VAULTS = {chain: bytes([chain % 251]) * 20 for chain in CHAINS}
PAY = PayAction(Digest(b"\1" * 32), AssetId(f"WETH@{SPOKE}"), Address(b"\2" * 20), 7)
SEIZE = SeizeAction(Digest(b"\3" * 32), AssetId(f"WBTC@{SPOKE}"), 5, MicroUsd(900), MicroUsd(700), 3600)


@dataclass
class FakeVault:
    """Takes each action id once, with a certificate of a quorum."""

    house: House
    chain_id: int
    up: bool = True
    orders: list[VaultOrder] = field(default_factory=list)
    sent: int = 0

    async def done(self, action_id: bytes) -> bool:
        if not self.up:
            raise RpcUnavailable("eth_call", "refused")
        return any(order.action_id == action_id for order in self.orders)

    async def send(self, order: VaultOrder, certificate: Certificate) -> bytes:
        self.sent += 1
        is_pay = isinstance(order, certificates.PayAction)
        make = certificates.pay_digest if is_pay else certificates.seize_digest
        certificates.verify(certificate, make(self.chain_id, VAULTS[self.chain_id], order), self.house.validators)
        self.orders.append(order)
        return b"\5" * 32


@dataclass
class Member:
    key: ValidatorKey
    mesh: FakeMesh
    store: Store
    actions: Actions
    running: "asyncio.Task[None] | None" = None


class Crew:
    """Four validators that share the vaults of four chains."""

    def __init__(self, setting: Setting, fallback: float) -> None:
        self.setting = setting
        self.fallback = fallback
        self.switch = FakeSwitch()
        self.vaults = {chain: FakeVault(setting.house, chain) for chain in CHAINS}
        self.members = [self.member(key, Store("sqlite://", setting.house.deployment)) for key in setting.keys]

    def member(self, key: ValidatorKey, store: Store, final: int = 0) -> Member:
        mesh = FakeMesh(self.switch, key.address)
        actions = Actions(self.setting.house, key, VAULTS, self.vaults, mesh, store, final, self.fallback)
        return Member(key, mesh, store, actions, asyncio.create_task(actions.run()))

    def batch(self, number: int, *events: object) -> Batch:
        logged = tuple(LoggedEvent(number, index, event) for index, event in enumerate(events))  # type: ignore[arg-type]
        segment = ChainSegment(SPOKE, number, number, bytes(32), logged)
        hub = HubHeader(number, bytes(32), 0)
        zero = Digest(bytes(32))
        return Batch(number, zero, Address(bytes(20)), hub, (segment,), (), None, (), (), zero)

    async def finalize(
        self, member: Member, number: int, *actions: PayAction | SeizeAction, events: tuple = ()
    ) -> None:
        for action in actions:
            member.store.add(number, action)
        await member.actions.on_final(self.batch(number, *events), actions)

    async def until(self, condition, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        for member in self.members:
            if member.running is not None:
                member.running.cancel()
            member.mesh._task.cancel()


@pytest.fixture
async def crew(setting: Setting) -> AsyncIterator[Crew]:
    made = Crew(setting, fallback=0.05)
    yield made
    await made.close()


def first_relayer(crew: Crew) -> Member:
    """The validator whose turn the spoke's actions are first."""
    return crew.members[sorted(CHAINS).index(SPOKE)]


async def test_an_action_is_not_signed_before_its_batch_is_final(crew: Crew):
    actions = crew.members[0].actions

    with pytest.raises(ActionNotFinal) as caught:
        actions.sign(1, PAY)

    assert (caught.value.batch, caught.value.final) == (1, 0)
    assert crew.members[0].mesh.sent == []


async def test_a_final_action_is_signed(crew: Crew):
    member = crew.members[0]
    await crew.finalize(member, 1, PAY)

    placed = place_order(crew.setting.house, VAULTS, 1, PAY)
    certificates.check_signature(placed.digest, member.actions.sign(1, PAY), member.key.address)


async def test_a_quorum_pays_once_in_base_units(crew: Crew):
    for member in crew.members:
        await crew.finalize(member, 1, PAY)
    vault = crew.vaults[SPOKE]
    await crew.until(lambda: bool(vault.orders))
    await asyncio.sleep(0.3)

    asset = crew.setting.house.registry.asset(PAY.asset)
    assert vault.sent == 1
    (order,) = vault.orders
    assert order.amount == 7 * asset.base_units
    assert order.token == token(SPOKE, "WETH")
    assert order.batch == 1


async def test_a_seizure_names_its_prices_in_base_units_of_the_chains_dollar(crew: Crew):
    placed = place_order(crew.setting.house, VAULTS, 4, SEIZE)
    usd = crew.setting.house.registry.asset(f"USD@{SPOKE}").base_units

    assert isinstance(placed.order, certificates.SeizeAction)
    assert (placed.order.start_price, placed.order.floor_price) == (900 * usd, 700 * usd)
    assert placed.order.amount == 5 * crew.setting.house.registry.asset(SEIZE.asset).base_units
    assert placed.chain_id == SPOKE


async def test_two_of_four_signatures_move_nothing(crew: Crew):
    for member in crew.members[:2]:
        await crew.finalize(member, 1, PAY)
    await asyncio.sleep(0.5)

    assert crew.vaults[SPOKE].sent == 0


async def test_another_validator_relays_when_the_first_is_dead(crew: Crew):
    dead = first_relayer(crew)
    crew.switch.cut.add(dead.key.address)
    for member in crew.members:
        if member is not dead:
            await crew.finalize(member, 1, PAY)

    await crew.until(lambda: bool(crew.vaults[SPOKE].orders))

    assert crew.vaults[SPOKE].sent == 1


async def test_an_action_is_sent_again_when_its_chain_comes_back(crew: Crew):
    crew.vaults[SPOKE].up = False
    for member in crew.members:
        await crew.finalize(member, 1, PAY)
    await asyncio.sleep(0.3)
    assert crew.vaults[SPOKE].sent == 0

    crew.vaults[SPOKE].up = True
    await crew.until(lambda: bool(crew.vaults[SPOKE].orders))


@pytest.mark.parametrize(
    ("action", "event"),
    [(PAY, Paid(PAY.action_id)), (PAY, PayFailed(PAY.action_id)), (SEIZE, Seized(SEIZE.action_id))],
)
async def test_a_final_chain_event_closes_the_outbox(crew: Crew, action: PayAction | SeizeAction, event: object):
    member = crew.members[0]
    await crew.finalize(member, 1, action)
    assert [entry.id for entry in member.store.pending()] == [action.action_id]

    await crew.finalize(member, 2, events=(event,))

    assert member.store.pending() == []
    assert member.actions.open == 0


async def test_open_actions_survive_a_restart(crew: Crew):
    for member in crew.members[:2]:
        await crew.finalize(member, 1, PAY)
    third = crew.members[2]
    third.store.add(1, PAY)  # final here, and then the node was killed before it could sign
    third.running.cancel()  # type: ignore[union-attr]

    again = crew.member(third.key, third.store, final=1)
    await again.actions.restore()
    await crew.until(lambda: bool(crew.vaults[SPOKE].orders))

    again.running.cancel()  # type: ignore[union-attr]
    again.mesh._task.cancel()
    assert crew.vaults[SPOKE].sent == 1


async def test_a_signature_that_came_before_this_node_knew_of_the_finality_counts(crew: Crew):
    early = crew.members[:3]
    for member in early:
        await crew.finalize(member, 1, PAY)
    last = crew.members[3]
    await asyncio.sleep(0.05)

    await crew.finalize(last, 1, PAY)

    assert len(last.actions._open[PAY.action_id].signatures) == 4


async def test_a_forged_signature_is_an_offence_and_does_not_count(crew: Crew):
    liar, member = crew.members[0], crew.members[1]
    await crew.finalize(member, 1, PAY)

    await liar.mesh.send(member.key.address, ACTION, PAY.action_id + bytes(64))
    await crew.until(lambda: bool(crew.switch.offences))

    assert set(member.actions._open[PAY.action_id].signatures) == {member.key.address}


async def test_a_signature_for_other_terms_of_the_action_does_not_count(crew: Crew):
    liar, member = crew.members[0], crew.members[1]
    await crew.finalize(member, 1, PAY)
    richer = place_order(crew.setting.house, VAULTS, 1, replace(PAY, amount=8))

    await liar.mesh.send(member.key.address, ACTION, PAY.action_id + liar.key.sign_digest(richer.digest))
    await crew.until(lambda: bool(crew.switch.offences))

    assert set(member.actions._open[PAY.action_id].signatures) == {member.key.address}
