import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.pedersen import Commitment, Opening
from node.coordinator.notices import DEPOSIT, CollateralNotice, Notices
from node.ledger.batch import Batch, ChainSegment, Deposited, HubHeader, LoggedEvent
from node.ledger.types import AccountId, Address, AssetId, Digest
from node.network.errors import InvalidGossip
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.ledger import CHAINS, Setting, token

HOME = CHAINS[1]
ACCOUNT = AccountId(b"\6" * 32)
DEPOSITED = Deposited(ACCOUNT, token(HOME, "WETH"), 12)


@dataclass
class Pair:
    """A node at home on a chain, and one that hears of it."""

    switch: FakeSwitch
    home: Notices
    meshes: tuple[FakeMesh, FakeMesh]
    hearer: Notices

    async def heard(self) -> None:
        async with asyncio.timeout(5):
            while not self.hearer.expected() and not self.switch.offences:
                await asyncio.sleep(0.005)


@pytest.fixture
async def pair(setting: Setting) -> AsyncIterator[Pair]:
    switch = FakeSwitch()
    first, second = (FakeMesh(switch, key.address) for key in setting.keys[:2])
    home = Notices(setting.house, first, frozenset({HOME}))
    yield Pair(switch, home, (first, second), Notices(setting.house, second, frozenset()))
    first._task.cancel()
    second._task.cancel()


def booked(*events: Deposited, block: int = 5) -> Batch:
    logged = tuple(LoggedEvent(block, index, event) for index, event in enumerate(events))
    segment, zero = ChainSegment(HOME, 1, block, bytes(32), logged), Digest(bytes(32))
    return Batch(1, zero, Address(bytes(20)), HubHeader(9, bytes(32), 0), (segment,), (), None, (), (), zero)


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60), st.integers(1, 1 << 40))
def test_a_notice_survives_the_wire(chain_id: int, block: int, amount: int):
    notice = CollateralNotice(chain_id, block, ACCOUNT, AssetId("WETH@1"), Commitment.public(amount))

    assert CollateralNotice.decode(notice.encode()) == notice


def test_a_notice_that_hides_its_amount_is_refused(setting: Setting):
    hidden = setting.house.committee.key.commit
    notice = CollateralNotice(HOME, 1, ACCOUNT, AssetId(f"WETH@{HOME}"), hidden(Opening.fresh(5)))

    with pytest.raises(InvalidGossip):
        CollateralNotice.decode(notice.encode())


async def test_a_deposit_on_the_home_chain_is_announced_and_confirmed(pair: Pair):
    await pair.home.announce(HOME, 5, DEPOSITED)
    await pair.heard()

    pair.hearer.on_final(booked(DEPOSITED))

    assert (pair.hearer.confirmed, pair.hearer.false) == (1, 0)
    assert pair.hearer.expected() == ()


async def test_a_notice_of_another_amount_is_found_out(pair: Pair):
    await pair.home.announce(HOME, 5, DEPOSITED)
    await pair.heard()

    pair.hearer.on_final(booked(Deposited(ACCOUNT, DEPOSITED.token, 11)))

    assert (pair.hearer.confirmed, pair.hearer.false) == (0, 1)


async def test_a_notice_of_a_block_to_come_waits(pair: Pair):
    await pair.home.announce(HOME, 6, DEPOSITED)
    await pair.heard()

    pair.hearer.on_final(booked(DEPOSITED, block=5))

    assert len(pair.hearer.expected()) == 1


async def test_deposits_of_other_nodes_chains_are_not_announced(pair: Pair):
    await pair.home.announce(CHAINS[2], 5, Deposited(ACCOUNT, token(CHAINS[2], "USD"), 1))

    assert pair.meshes[0].sent == []


async def test_a_notice_of_an_unlisted_asset_is_an_offence(pair: Pair):
    notice = CollateralNotice(HOME, 5, ACCOUNT, AssetId("DOGE@1"), Commitment.public(1))

    await pair.meshes[0].broadcast(DEPOSIT, notice.encode())
    await pair.heard()

    assert len(pair.switch.offences) == 1
