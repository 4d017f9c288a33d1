"""Checkpoints: the newest final certificate reaches every vault, from whoever looks first, and no more than once."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from node.chains import certificates
from node.chains.certificates import BatchCommitment, Certificate
from node.chains.errors import RpcUnavailable
from node.coordinator.checkpoints import Checkpoints
from node.ledger.types import Digest
from node.store.records import StoredBatch
from tests.support.ledger import CHAINS, Setting


@dataclass
class FakeVault:
    """Takes newer certificates of a quorum."""

    setting: Setting
    number: int = 0
    up: bool = True
    relayed: list[int] = field(default_factory=list)

    async def checkpoint(self) -> int:
        if not self.up:
            raise RpcUnavailable("eth_call", "refused")
        return self.number

    async def relay(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        deployment = self.setting.house.deployment
        digest = certificates.batch_digest(deployment.hub_chain_id, deployment.hub, batch)
        certificates.verify(certificate, digest, self.setting.house.validators)
        self.number = batch.number
        self.relayed.append(batch.number)
        return bytes(32)


class FakeStore:
    """Final batches with their certificates, as the store keeps them."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.kept: list[StoredBatch] = []

    def grow(self, *, certified: bool = True) -> None:
        deployment = self.setting.house.deployment
        number, previous = len(self.kept) + 1, self.kept[-1].root if self.kept else deployment.digest
        root, name = Digest(bytes([number]) * 32), Digest(bytes([number + 100]) * 32)
        batch = BatchCommitment(number, previous, root, name)
        digest = certificates.batch_digest(deployment.hub_chain_id, deployment.hub, batch)
        signatures = {key.address: key.sign_digest(digest) for key in self.setting.keys}
        certificate = certificates.assemble(digest, self.setting.house.validators, signatures, 3).encode()
        self.kept.append(StoredBatch(number, root, name, b"", certificate if certified else b"", number))

    def last(self) -> StoredBatch | None:
        return self.kept[-1] if self.kept else None

    def batch(self, number: int) -> StoredBatch | None:
        return self.kept[number - 1] if 0 < number <= len(self.kept) else None


@pytest.fixture
def house(setting: Setting) -> SimpleNamespace:
    """Vaults and a store that all four validators look at."""
    vaults, store = {chain: FakeVault(setting) for chain in CHAINS}, FakeStore(setting)
    root = setting.house.deployment.digest
    nodes = [Checkpoints(vaults, store, root, 60.0) for _ in range(4)]  # type: ignore[arg-type]
    return SimpleNamespace(vaults=vaults, store=store, nodes=nodes)


async def test_every_vault_is_shown_the_newest_final_batch(house: SimpleNamespace):
    house.store.grow()
    house.store.grow()
    for _ in range(2):
        await house.nodes[0].look()
    assert [vault.relayed for vault in house.vaults.values()] == [[2]] * 4


async def test_one_of_them_relays_in_an_interval(house: SimpleNamespace):
    for _ in range(5):
        house.store.grow()
        for node in house.nodes:
            await node.look()
    relayed = house.vaults[CHAINS[0]].relayed
    assert relayed == sorted(set(relayed))
    assert 1 <= len(relayed) <= 4


async def test_nothing_is_sent_when_there_is_nothing_new(house: SimpleNamespace):
    for _ in range(2):
        await house.nodes[0].look()
    house.store.grow()
    for _ in range(4):
        await house.nodes[0].look()
    assert house.vaults[CHAINS[1]].relayed == [1]


async def test_a_node_without_the_certificate_leaves_it_to_the_others(house: SimpleNamespace):
    house.store.grow(certified=False)
    for _ in range(3):
        await house.nodes[0].look()
    assert house.vaults[CHAINS[0]].relayed == []


async def test_a_chain_that_is_away_holds_up_no_other(house: SimpleNamespace):
    house.store.grow()
    house.vaults[CHAINS[0]].up = False
    for _ in range(2):
        await house.nodes[0].look()
    assert [len(vault.relayed) for vault in house.vaults.values()] == [0, 1, 1, 1]
    house.vaults[CHAINS[0]].up = True
    for _ in range(2):
        await house.nodes[0].look()
    assert house.vaults[CHAINS[0]].relayed == [1]
