"""ChainWatcher on chains that mine on demand: only what is final, in order, through reorganisations and outages."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from devnet.anvil import DEV_KEYS, Anvil
from node.chains import calls
from node.chains.certificates import BatchCommitment, Certificate, ValidatorKey, batch_digest
from node.chains.deploy import HubDeployment, deploy_hub
from node.chains.errors import (
    BlockBeforeStart,
    BlockNotFinal,
    FinalityReverted,
    WatcherStopped,
    WrongChain,
)
from node.chains.events import BatchCommitted
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect
from node.chains.watcher import SPAN, ChainWatcher, Header

CHAIN_ID = 31337
GENESIS_TIME = 1_583_000_000
KEY = ValidatorKey(b"\1" * 32)
POLL = 0.01


class Chain:
    """An anvil with a one-validator hub, whose commits serve as events."""

    def __init__(self, anvil: Anvil, w3: Connection) -> None:
        self.anvil = anvil
        self.w3 = w3
        self.relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
        self.hub: HubDeployment

    async def in_next_block(self, sending):
        """Send a transaction and mine the block that holds it."""
        task = asyncio.create_task(sending)
        async with asyncio.timeout(5):
            while (await self.anvil.request("txpool_status"))["pending"] == "0x0":
                await asyncio.sleep(0.005)
        await self.anvil.mine()
        return await task

    async def deploy(self) -> None:
        self.hub = await self.in_next_block(deploy_hub(self.w3, self.relayer, b"\1" * 32, [KEY.address]))

    async def commit(self, number: int, batch_hash: bytes = b"\2" * 32):
        """Commit batch `number` in a new block; roots are the batch numbers."""
        previous = self.hub.deployment if number == 1 else (number - 1).to_bytes(32, "big")
        batch = BatchCommitment(number, previous, number.to_bytes(32, "big"), batch_hash)
        signature = KEY.sign_digest(batch_digest(CHAIN_ID, self.hub.address, batch))
        data = calls.encode_commit(batch, [KEY.address], Certificate(1, (signature,)))
        return await self.in_next_block(self.relayer.send(self.hub.address, data))

    def watcher(self, **options) -> ChainWatcher:
        return ChainWatcher(self.w3, CHAIN_ID, [self.hub.address], **{"poll_interval": POLL, **options})


@pytest_asyncio.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    options = {"mine_on_demand": True, "genesis_time": GENESIS_TIME}
    async with Anvil(CHAIN_ID, tmp_path / "log", **options) as anvil:
        w3 = connect(anvil.url)
        chain = Chain(anvil, w3)
        await chain.deploy()
        yield chain
        await disconnect(w3)


@pytest_asyncio.fixture
async def watcher(chain: Chain) -> AsyncIterator[ChainWatcher]:
    watcher = chain.watcher()
    await watcher.start()
    yield watcher
    await watcher.stop()


async def soon(waiting):
    return await asyncio.wait_for(waiting, 5)


async def test_an_event_is_reported_once_its_block_is_final(chain: Chain, watcher: ChainWatcher) -> None:
    receipt = await chain.commit(1)
    await chain.anvil.mine()
    await soon(watcher.wait_final(receipt.block_number - 1))
    await asyncio.sleep(5 * POLL)
    with pytest.raises(BlockNotFinal):
        watcher.events(0, receipt.block_number)
    await chain.anvil.mine()
    header = await soon(watcher.wait_final(receipt.block_number))
    (event,) = watcher.events(0, receipt.block_number)
    assert isinstance(event, BatchCommitted)
    assert (event.chain_id, event.number, event.batch_hash) == (CHAIN_ID, 1, b"\2" * 32)
    assert (event.block_number, event.block_hash) == (header.number, header.hash)
    assert (header.hash, event.transaction_hash) == (receipt.block_hash, receipt.transaction_hash)


async def test_an_event_that_a_reorganisation_removes_is_never_reported(chain: Chain, watcher: ChainWatcher) -> None:
    lost = await chain.commit(1, b"\x66" * 32)
    await chain.anvil.reorganise(1)
    kept = await chain.commit(1, b"\x77" * 32)
    await chain.anvil.mine_many(2)
    await soon(watcher.wait_final(kept.block_number))
    assert [event.batch_hash for event in watcher.events(0, kept.block_number)] == [b"\x77" * 32]
    assert watcher.header(lost.block_number).hash != lost.block_hash
    assert watcher.failure is None


async def test_headers_link_to_their_parents_in_order(chain: Chain, watcher: ChainWatcher) -> None:
    seen: list[Header] = []
    end = watcher.subscribe(seen.append)
    await chain.anvil.mine_many(6)
    await soon(watcher.wait_final(5))
    await asyncio.sleep(0)
    headers = watcher.headers(0, 5)
    assert tuple(seen[-len(headers) :]) == headers[-len(seen) :]
    assert [header.number for header in headers] == list(range(6))
    assert all(child.parent_hash == parent.hash for parent, child in pairwise(headers))
    end()
    await chain.anvil.mine()
    await soon(watcher.wait_final(6))
    assert watcher.headers(6, 6)[0] not in seen


async def test_events_come_in_the_chains_order(chain: Chain, watcher: ChainWatcher) -> None:
    for number in range(1, 5):
        receipt = await chain.commit(number)
    await chain.anvil.mine_many(2)
    await soon(watcher.wait_final(receipt.block_number))
    assert [event.number for event in watcher.events(0, receipt.block_number)] == [1, 2, 3, 4]
    assert [event.number for event in watcher.events(receipt.block_number - 1, receipt.block_number - 1)] == [3]


async def test_catching_up_takes_several_steps(chain: Chain) -> None:
    receipt = await chain.commit(1)
    await chain.anvil.mine_many(2 * SPAN + 10)
    watcher = chain.watcher()
    await watcher.start()
    try:
        await soon(watcher.wait_final(2 * SPAN + 5))
        assert len(watcher.headers(0, 2 * SPAN + 5)) == 2 * SPAN + 6
        assert [event.block_number for event in watcher.events(0, 2 * SPAN)] == [receipt.block_number]
    finally:
        await watcher.stop()


async def test_a_header_is_found_by_time(chain: Chain, watcher: ChainWatcher) -> None:
    first = GENESIS_TIME + 100
    for timestamp in (first, first + 10, first + 20, first + 30, first + 40):
        await chain.anvil.mine(timestamp)
    await soon(watcher.wait_final(4))
    assert watcher.header_at_or_before(first + 10).timestamp == first + 10
    assert watcher.header_at_or_before(first + 19).timestamp == first + 10
    assert watcher.header_at_or_before(first + 9999) == watcher.final
    with pytest.raises(BlockBeforeStart):
        watcher.header_at_or_before(GENESIS_TIME - 1)


async def test_a_final_block_that_changes_stops_the_watcher(chain: Chain, watcher: ChainWatcher) -> None:
    await chain.anvil.mine_many(8)
    await soon(watcher.wait_final(7))
    changed = watcher.header(7)
    waiting = asyncio.create_task(watcher.wait_final(50))
    await chain.anvil.reorganise(6)
    await chain.anvil.mine_many(4)
    with pytest.raises(FinalityReverted) as caught:
        await soon(waiting)
    assert caught.value.chain_id == CHAIN_ID
    assert caught.value.expected != caught.value.actual
    with pytest.raises(FinalityReverted):
        watcher.headers(changed.number, changed.number)


async def test_a_checkpoint_that_the_chain_no_longer_has_is_noticed(chain: Chain) -> None:
    await chain.anvil.mine_many(8)
    watcher = chain.watcher(start=3, anchor=b"\x13" * 32)
    await watcher.start()
    with pytest.raises(FinalityReverted) as caught:
        await soon(watcher.wait_final(5))
    assert caught.value.number == 3
    await watcher.stop()


async def test_a_checkpoint_above_the_first_watched_block_is_checked_too(chain: Chain) -> None:
    await chain.anvil.mine_many(8)
    known = chain.watcher(start=1)
    await known.start()
    booked = await soon(known.wait_final(4))
    await known.stop()
    true = chain.watcher(start=1, anchor=booked.hash, anchored=4)
    await true.start()
    assert (await soon(true.wait_final(5))).number == 5
    await true.stop()
    false = chain.watcher(start=1, anchor=b"\x13" * 32, anchored=4)
    await false.start()
    with pytest.raises(FinalityReverted) as caught:
        await soon(false.wait_final(5))
    assert caught.value.number == 4
    await false.stop()


async def test_nothing_before_the_first_watched_block_is_answered(chain: Chain) -> None:
    await chain.anvil.mine_many(8)
    watcher = chain.watcher(start=3)
    await watcher.start()
    assert (await soon(watcher.wait_final(5))).number == 5
    assert [header.number for header in watcher.headers(3, 5)] == [3, 4, 5]
    with pytest.raises(BlockBeforeStart):
        watcher.events(2, 5)
    await watcher.stop()


async def test_a_chain_that_goes_away_is_waited_for(chain: Chain, tmp_path: Path) -> None:
    # A second chain, because this one is killed and continued from its state.
    state = tmp_path / "state.json"
    options = {"mine_on_demand": True, "state": state, "genesis_time": GENESIS_TIME}
    anvil = Anvil(CHAIN_ID, tmp_path / "other", **options)
    await anvil.start()
    w3 = connect(anvil.url)
    watcher = ChainWatcher(w3, CHAIN_ID, [b"\1" * 20], poll_interval=POLL)
    await watcher.start()
    await anvil.mine_many(5)
    await soon(watcher.wait_final(3))
    await anvil.stop()
    async with asyncio.timeout(5):
        while watcher.reachable:
            await asyncio.sleep(POLL)
    assert watcher.final.number == 3
    await anvil.start()
    await anvil.mine_many(2)
    await soon(watcher.wait_final(5))
    assert watcher.reachable
    await watcher.stop()
    await disconnect(w3)
    await anvil.stop()


async def test_the_wrong_chain_is_refused_at_the_start(chain: Chain) -> None:
    """Genesis hashes are equal on all development chains, so the id is what counts."""
    watcher = ChainWatcher(chain.w3, CHAIN_ID + 1, [chain.hub.address])
    with pytest.raises(WrongChain) as caught:
        await watcher.start()
    assert (caught.value.expected, caught.value.actual) == (CHAIN_ID + 1, CHAIN_ID)


async def test_a_stopped_watcher_leaves_nobody_waiting(chain: Chain, watcher: ChainWatcher) -> None:
    waiting = asyncio.create_task(watcher.wait_final(10_000))
    await asyncio.sleep(2 * POLL)
    await watcher.stop()
    with pytest.raises(WatcherStopped):
        await soon(waiting)


async def test_a_subscriber_that_raises_does_not_end_the_watching(chain: Chain, watcher: ChainWatcher) -> None:
    raised: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))

    def broken(header: Header) -> None:
        raise RuntimeError(header.number)

    watcher.subscribe(broken)
    await chain.anvil.mine_many(5)
    await soon(watcher.wait_final(3))
    await chain.anvil.mine_many(2)
    await soon(watcher.wait_final(5))
    assert raised
