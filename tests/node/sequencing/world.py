"""A world in memory for sequencing tests: chains that are mined by hand or by a clock, a hub, a mesh, feeds."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from eth_hash.auto import keccak

from node.chains import certificates
from node.chains.certificates import BatchCommitment, Certificate, ValidatorKey
from node.chains.errors import BlockBeforeStart, BlockNotFinal, TransactionReverted
from node.chains.events import BatchCommitted, ChainEvent
from node.chains.watcher import Header
from node.ledger.epochs import Epochs
from node.ledger.state import ChainCursor, House, LedgerState, genesis
from node.market.oracle_rules import Observation, observation_digest
from node.market.state import genesis_state
from node.market.surface import Slice
from node.network.errors import InvalidGossip, PeerUnavailable
from node.oracle.observer import RoundReport, SignedObservation
from node.sequencing.finality import BatchArchive, rebuild
from node.sequencing.sequencer import Sequencer, Settings, Timings, World
from node.store import Store
from tests.support.ledger import CHAINS, FEED, HUB_CHAIN, START, Setting

FINALITY = 2
BLOCK_SECONDS = 12
STILL_TURNS = 10
"""How often workers must be seen without work before the next block comes."""
QUICK = Timings(batch_interval=0.02, proposer_timeout=0.6, observation_timeout=0.3, commit_fallback=0.3)


class FakeChain:
    """Blocks with events; a block is final when two stand above it."""

    def __init__(self, chain_id: int, block_seconds: int = BLOCK_SECONDS) -> None:
        self.chain_id = chain_id
        self.block_seconds = block_seconds
        self.headers = [Header(0, self._hash(0), bytes(32), START)]
        self.logs: dict[int, list[ChainEvent]] = {}

    def _hash(self, number: int) -> bytes:
        return bytes(keccak(b"%d/%d" % (self.chain_id, number)))

    @property
    def head(self) -> int:
        return len(self.headers) - 1

    async def mine(self, *events: Callable[..., ChainEvent]) -> None:
        """One block; each event is a constructor that lacks its place."""
        number = self.head + 1
        header = Header(number, self._hash(number), self._hash(number - 1), START + number * self.block_seconds)
        place = {"chain_id": self.chain_id, "block_number": number, "block_hash": header.hash}
        self.logs[number] = [
            make(**place, log_index=i, transaction_hash=bytes(32), contract=bytes(20)) for i, make in enumerate(events)
        ]
        self.headers.append(header)


class FakeView:
    """One node's view of a chain; `held_at` stops it at a block, `lie` changes the events it reports."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.chain_id = chain.chain_id
        self.held_at: int | None = None
        self.lie: Callable[[ChainEvent], ChainEvent] = lambda event: event

    def _final(self) -> int:
        final = max(self.chain.head - FINALITY, 0)
        return final if self.held_at is None else min(final, self.held_at)

    @property
    def final(self) -> Header:
        return self.chain.headers[self._final()]

    def header(self, number: int) -> Header:
        if number < 0:
            raise BlockBeforeStart(self.chain_id, number, 0)
        if number > self._final():
            raise BlockNotFinal(self.chain_id, number, self._final())
        return self.chain.headers[number]

    def events(self, first: int, last: int) -> tuple[ChainEvent, ...]:
        self.header(last)
        return tuple(self.lie(e) for n in range(first, last + 1) for e in self.chain.logs.get(n, []))

    async def wait_final(self, number: int) -> Header:
        while self._final() < number:
            await asyncio.sleep(0.005)
        return self.header(number)


@dataclass
class FakeHub:
    """The hub contract: one successor of each batch, a quorum's signatures required."""

    chain: FakeChain
    house: House
    committed: list[BatchCommitment] = field(default_factory=list)
    reverted: int = 0

    async def height(self) -> int:
        return len(self.committed)

    async def commit(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        digest = certificates.batch_digest(HUB_CHAIN, self.house.deployment.hub, batch)
        certificates.verify(certificate, digest, self.house.validators)
        previous = self.committed[-1].new_root if self.committed else self.house.deployment.digest
        if batch.number != len(self.committed) + 1 or batch.previous_root != previous:
            self.reverted += 1
            raise TransactionReverted("number taken", b"")
        self.committed.append(batch)
        await self.chain.mine(
            lambda **place: BatchCommitted(
                number=batch.number,
                previous_root=batch.previous_root,
                new_root=batch.new_root,
                batch_hash=batch.batch_hash,
                **place,
            )
        )
        return bytes(32)


class FakeSwitch:
    """Joins meshes; what is sent arrives later, in order for each pair, unless an end is cut off."""

    def __init__(self) -> None:
        self.meshes: dict[bytes, FakeMesh] = {}
        self.cut: set[bytes] = set()
        self.offences: list[tuple[bytes, str]] = []
        self.drop: Callable[[bytes, bytes, str], bool] = lambda sender, receiver, topic: False
        self.forge: Callable[[bytes, str, bytes], bytes] = lambda sender, topic, payload: payload

    def reaches(self, sender: bytes, receiver: bytes) -> bool:
        return receiver in self.meshes and sender not in self.cut and receiver not in self.cut


class FakeMesh:
    """One node's end of the switch."""

    def __init__(self, switch: FakeSwitch, address: bytes) -> None:
        self._switch = switch
        self.address = address
        self.handlers: dict[str, Callable[[bytes, bytes], Awaitable[None]]] = {}
        self.sent: list[tuple[str, bytes]] = []
        self.archive: object = None
        self._inbox: asyncio.Queue[tuple[bytes, str, bytes]] = asyncio.Queue()
        self._task = asyncio.create_task(self._deliver())
        switch.meshes[address] = self

    @property
    def connected(self) -> frozenset[bytes]:
        return frozenset(a for a in self._switch.meshes if a != self.address and self._switch.reaches(self.address, a))

    def on(self, topic: str, handler: Callable[[bytes, bytes], Awaitable[None]]) -> None:
        assert topic not in self.handlers
        self.handlers[topic] = handler

    def on_connect(self, callback: Callable[[bytes], Awaitable[None]]) -> None:
        self.connect = callback

    async def broadcast(self, topic: str, payload: bytes) -> frozenset[bytes]:
        self.sent.append((topic, payload))
        for peer in self.connected:
            self._offer(peer, topic, payload)
        return self.connected

    async def send(self, address: bytes, topic: str, payload: bytes) -> None:
        if not self._switch.reaches(self.address, address):
            raise PeerUnavailable(address)
        self._offer(address, topic, payload)

    def _offer(self, peer: bytes, topic: str, payload: bytes) -> None:
        if not self._switch.drop(self.address, peer, topic):
            said = self._switch.forge(self.address, topic, payload)
            self._switch.meshes[peer]._inbox.put_nowait((self.address, topic, said))

    async def fetch_batches(self, peer: bytes, first: int, count: int) -> list[bytes]:
        if not self._switch.reaches(self.address, peer):
            raise PeerUnavailable(peer)
        return await self._switch.meshes[peer].archive.batches(first, count)  # type: ignore[attr-defined]

    async def _deliver(self) -> None:
        while True:
            sender, topic, payload = await self._inbox.get()
            try:
                if topic in self.handlers:
                    await self.handlers[topic](sender, payload)
            except InvalidGossip as error:
                self._switch.offences.append((sender, error.reason))


@dataclass
class FakeFeeds:
    """Signed observations at fixed dollar prices, with the forwards and smiles of some feeds."""

    key: ValidatorKey
    house: House
    prices: dict[str, int] = field(default_factory=lambda: {"BTC": 8_000, "ETH": 200})
    slices: dict[str, tuple[Slice, ...]] = field(default_factory=dict)

    async def observe_all(self, round_number: int, not_after: int) -> RoundReport:
        made = []
        for feed, price in self.prices.items():
            seen = Observation(
                self.key.address, round_number, feed, price * FEED, 500, not_after, self.slices.get(feed, ())
            )
            digest = observation_digest(self.house.deployment.digest, seen)
            made.append(SignedObservation(seen, self.key.sign_digest(digest)))
        return RoundReport(tuple(made), ())


@dataclass
class Node:
    """One validator of the world."""

    key: ValidatorKey
    mesh: FakeMesh
    views: dict[int, FakeView]
    feeds: FakeFeeds
    store: Store
    sequencer: Sequencer
    task: asyncio.Task[None] | None = None

    @property
    def height(self) -> int:
        return self.sequencer.state.number

    def start(self) -> None:
        self.task = asyncio.create_task(self.sequencer.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class Workers(Executor):
    """Hands work on, and knows what is not done."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers
        self.pending: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = self._workers.submit(fn, *args, **kwargs)
        self.pending.add(future)
        future.add_done_callback(self.pending.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._workers.shutdown(wait, cancel_futures=cancel_futures)


class Network:
    """Four validators of one setting, on chains of their own making."""

    def __init__(self, setting: Setting, timings: Timings = QUICK, block_seconds: int = BLOCK_SECONDS) -> None:
        self.setting = replace(setting, house=replace(setting.house))
        self.house = setting.house
        self.epochs = Epochs((self.house,))
        self.timings = timings
        self.chains = {chain_id: FakeChain(chain_id, block_seconds) for chain_id in CHAINS}
        self.hub_chain = self.chains[HUB_CHAIN]
        self.hub = FakeHub(self.hub_chain, self.house)
        self.switch = FakeSwitch()
        self.workers = Workers(ThreadPoolExecutor(1))
        self.nodes = [self.node(key, Store("sqlite://", self.house.deployment)) for key in setting.keys]
        self._miner: asyncio.Task[None] | None = None

    def genesis(self) -> LedgerState:
        market = genesis_state(self.house.registry, self.house.market, 0, START)
        cursors = {chain: ChainCursor(0, self.chains[chain].headers[0].hash) for chain in CHAINS}
        return genesis(self.house, market, 0, cursors)

    def node(self, key: ValidatorKey, store: Store, state: LedgerState | None = None) -> Node:
        mesh = FakeMesh(self.switch, key.address)
        views = {chain_id: FakeView(chain) for chain_id, chain in self.chains.items()}
        feeds = FakeFeeds(key, self.house)
        world = World(mesh, views, self.hub, feeds, store, self.workers, time.monotonic)
        sequencer = Sequencer(
            self.house, key, state or self.genesis(), world, Settings(timings=self.timings), epochs=self.epochs
        )
        mesh.archive = BatchArchive(store)
        return Node(key, mesh, views, feeds, store, sequencer)

    async def hand_over(self, setting: Setting) -> None:
        """Stop every node, rotate the hub, and put the next epoch's in their place; newcomers have an empty store."""
        stores = {node.key.address: node.store for node in self.nodes}
        for node in self.nodes:
            await node.stop()
            node.mesh._task.cancel()
        self.switch.meshes.clear()
        self.setting, self.house = setting, setting.house
        self.epochs = Epochs((*self.epochs.houses, self.house))
        self.hub.house = self.house
        self.nodes = []
        for key in setting.keys:
            store = stores.get(key.address, Store("sqlite://", self.house.deployment))
            self.nodes.append(self.node(key, store, rebuild(self.epochs, self.genesis(), store)))

    @property
    def sound(self) -> Sequence[Node]:
        """The nodes that do their work."""
        return self.nodes

    def proposer(self, number: int, attempt: int = 0) -> Node:
        address = self.house.validators[(number + attempt) % len(self.house.validators)]
        return next(node for node in self.nodes if node.key.address == address)

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            for chain in self.chains.values():
                await chain.mine()

    def mine_every(self, seconds: float) -> None:
        async def run() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self.mine()

        self._miner = asyncio.create_task(run())

    def rest(self) -> None:
        """No more blocks by themselves, until `mine_every` again."""
        if self._miner is not None:
            self._miner.cancel()
            self._miner = None

    async def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def reach(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let blocks come until the nodes are there: at once where a commitment waits to be final, else slowly, and
        none while a batch or a proof is in work, so that a busy machine makes no more of them than an idle one."""
        still = 0
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
                still = 0 if self.workers.pending else still + 1
                idle = still >= STILL_TURNS and not any(node.sequencer.consensus.busy for node in self.sound)
                if idle or (still and self._commitment_waits()):
                    await self.mine()
                    still = 0

    def _commitment_waits(self) -> bool:
        head = self.hub_chain.head
        newest = (event for block in (head - 1, head) for event in self.hub_chain.logs.get(block, []))
        return any(isinstance(event, BatchCommitted) for event in newest)

    async def close(self) -> None:
        self.rest()
        for node in self.nodes:
            await node.stop()
            node.mesh._task.cancel()
        self.workers.shutdown()
