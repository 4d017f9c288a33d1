"""One node's sequencing from end to end: what arrives, whose turn it is, what the hub has made final, and who is told.

Everything on the event loop is quick; execution, grids and proofs run in threads and worker processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

import structlog
from clearing.v1 import batch_pb2
from google.protobuf.message import DecodeError

from node.chains.certificates import ValidatorKey
from node.chains.errors import ChainError
from node.chains.events import BatchCommitted
from node.ledger.batch import AccountOpening, Batch
from node.ledger.effects import EventKind, LedgerEvent
from node.ledger.epochs import Epochs
from node.ledger.errors import LedgerError, Refused, WireError
from node.ledger.execution import Executed
from node.ledger.messages import Message
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, Digest
from node.ledger.wire import decode_batch, decode_message, observation_from_proto, observation_to_proto
from node.market.errors import MarketError
from node.network.errors import InvalidGossip, NetworkError
from node.sequencing.admission import Admission, Inexcusable, PoolLimits
from node.sequencing.committer import Committer
from node.sequencing.consensus import Consensus
from node.sequencing.errors import AccountQueueFull, FinalBatchInvalid, PoolFull
from node.sequencing.finality import execute_final, find_body, next_commitment
from node.sequencing.forced import ForcedInclusion
from node.sequencing.latency import Latencies
from node.sequencing.observations import ObservationBook
from node.sequencing.observing import RoundObserver, RoundSource
from node.sequencing.payloads import MESSAGE, OBSERVATION
from node.sequencing.ports import ChainView, Clock, Hub, Mesh
from node.sequencing.proposer import Proposer
from node.sequencing.rotation import Rotation
from node.sequencing.tasks import until_first_ends
from node.sequencing.verification import ClaimChecker
from node.sequencing.voter import Voter, VoterLimits
from node.store import Latency, Store

_TICK: Final = 0.02
_ORDERED: Final = frozenset(
    {EventKind.BREAKER_SET, EventKind.BREAKER_ENDED, EventKind.WRITTEN_OFF, EventKind.REINSTATED, EventKind.GIVEN_UP}
)
"""What came of the validators' orders: told in the log."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds: between two proposals, until a turn is given up, until a round is taken without all observations, and
    between two validators' turns to relay a certificate."""

    batch_interval: float = 0.5
    proposer_timeout: float = 0.75
    observation_timeout: float = 1.0
    commit_fallback: float = 3.0


@dataclass(frozen=True, slots=True)
class FinalNews:
    """A batch that the hub made final, as the rest of the node hears of it; the store holds it already."""

    batch: Batch
    executed: Executed


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """The batch that holds a message, and whether it is final or only certified."""

    batch: int
    is_final: bool


Subscriber = Callable[[FinalNews], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class World:
    """What sequencing stands on: peers, chains (the hub among them), the hub contract, feeds, disk and processors."""

    mesh: Mesh
    chains: Mapping[int, ChainView]
    hub: Hub
    feeds: RoundSource
    store: Store
    workers: Executor
    clock: Clock
    worker_count: int = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All figures of one node's sequencing."""

    timings: Timings = field(default_factory=Timings)
    pool: PoolLimits = field(default_factory=PoolLimits)
    voter: VoterLimits = field(default_factory=VoterLimits)


class Sequencer:
    """`state` is the state after the last final batch; `run` goes on until it is cancelled or the node must stop."""

    def __init__(
        self,
        house: House,
        key: ValidatorKey,
        state: LedgerState,
        world: World,
        settings: Settings,
        openings: Callable[[], Sequence[AccountOpening]] = tuple,
        epochs: Epochs | None = None,
    ) -> None:
        """`house` is that of the present epoch; `epochs` holds the former ones too, where there were any."""
        self.house = house
        self._epochs = epochs or Epochs((house,))
        self.latencies = Latencies()
        self._world = world
        self._settings = settings
        self._hub_view = world.chains[house.deployment.hub_chain_id]
        self._subscribers: list[Subscriber] = []
        self._next_proposal = world.clock()
        self._certified_digests: tuple[bytes, frozenset[Digest]] = (b"", frozenset())
        self.checker = ClaimChecker(house.committee.key, world.workers, world.worker_count, self.latencies)
        self.admission = Admission(house, state, self.checker, settings.pool, world.clock)
        self._forced = ForcedInclusion(house, self._hub_view, self.admission, self.checker, state)
        self.observations = ObservationBook(house)
        self.observations.forget(state.market.round)
        self._observer = RoundObserver(house, self._hub_view, world.feeds, self.observations, world.mesh)
        self.rotation = Rotation(house.faults, settings.timings.proposer_timeout, world.clock)
        self._proposer = self._make_proposer(Address(key.address), openings)
        self.consensus = self._make_consensus(key, state)
        world.mesh.on(MESSAGE, self._on_message)
        world.mesh.on(OBSERVATION, self._on_observation)
        world.mesh.on_connect(self._send_observations)

    def _make_proposer(self, address: Address, openings: Callable[[], Sequence[AccountOpening]]) -> Proposer:
        return Proposer(
            self.house,
            address,
            self._world.chains,
            self.admission,
            self.observations,
            self.checker,
            self._forced,
            openings,
            self._settings.timings.observation_timeout,
            self._world.clock,
        )

    def _make_consensus(self, key: ValidatorKey, state: LedgerState) -> Consensus:
        world, address = self._world, Address(key.address)
        voter = Voter(
            self.house,
            address,
            world.chains,
            self.admission,
            self.observations,
            self.checker,
            self._forced,
            self._settings.voter,
            self.latencies,
        )
        return Consensus(
            self.house,
            key,
            state,
            mesh=world.mesh,
            store=world.store,
            voter=voter,
            rotation=self.rotation,
            committer=Committer(self.house, address, world.hub, world.store, self._settings.timings.commit_fallback),
            latencies=self.latencies,
            clock=world.clock,
        )

    @property
    def state(self) -> LedgerState:
        """After the last final batch."""
        return self.consensus.state

    def subscribe(self, subscriber: Subscriber) -> None:
        """Be told of every batch that becomes final, in order, after `state` and the store know it."""
        self._subscribers.append(subscriber)

    async def submit(self, message: Message) -> Digest:
        """Take a client's message in and gossip it; its digest.

        Raises:
            Refused: it breaks a rule.
            PoolFull, AccountQueueFull: no room.
        """
        pending = await self.admission.submit(message)
        if pending is not None:
            await self._world.mesh.broadcast(MESSAGE, pending.payload)
        return message.digest(self.house.deployment)

    async def place_of(self, digest: Digest) -> MessagePlace | None:
        """Where a message stands in the sequence; None if no final or certified batch is known to hold it."""
        stored = await asyncio.to_thread(self._world.store.message, digest)
        if stored is not None:
            # The store is written first; what clients are told about an account changes a moment later.
            return MessagePlace(stored.batch, stored.batch <= self.consensus.state.number)
        certified = self.consensus.certified
        draft = None if certified is None else self.consensus.draft(certified.commitment.batch_hash)
        if draft is None:
            return None
        if self._certified_digests[0] != draft.hash:
            self._certified_digests = (draft.hash, await asyncio.to_thread(self._digests, draft.batch))
        return MessagePlace(draft.batch.number, False) if digest in self._certified_digests[1] else None

    async def run(self) -> None:
        """Sequence until cancelled.

        Raises:
            FinalBatchInvalid: the hub holds a batch that this node cannot accept.
            ChainError: the hub's view has failed.
        """
        await self.consensus.resume()
        try:
            await until_first_ends(
                self.admission.run(),
                self._observer.run(lambda: self.state),
                self._propose_in_turn(),
                self._follow_hub(),
                self._forced.run(),
            )
        finally:
            await self.consensus.stop()

    # What peers send.

    async def _on_message(self, sender: bytes, payload: bytes) -> None:
        try:
            await self.admission.submit(decode_message(payload), may_park=True)
        except (WireError, Inexcusable) as error:
            raise InvalidGossip(str(error)) from error
        except Refused as refusal:
            log.debug("gossip_refused", peer=sender.hex(), reason=refusal.reason)
        except (PoolFull, AccountQueueFull) as error:
            log.info("gossip_dropped", peer=sender.hex(), reason=str(error))

    async def _on_observation(self, sender: bytes, payload: bytes) -> None:
        try:
            signed = observation_from_proto(batch_pb2.Observation.FromString(payload))
        except (WireError, DecodeError) as error:
            raise InvalidGossip(str(error)) from error
        if signed.observation.validator != sender:
            raise InvalidGossip("an observation of another validator")
        self.observations.add(signed)

    async def _send_observations(self, peer: bytes) -> None:
        try:
            for signed in self.observations.held():
                if signed.observation.validator == self.consensus.address:
                    payload = observation_to_proto(signed).SerializeToString()
                    await self._world.mesh.send(peer, OBSERVATION, payload)
        except NetworkError as error:
            log.info("peer_left_again", peer=peer.hex(), reason=str(error))

    # Whose turn it is.

    async def _propose_in_turn(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if self.consensus.busy or not self._has_work():
                self.rotation.progress()
                continue
            if self.rotation.tick():
                log.info("turn_given_up", number=self.consensus.number, attempt=self.rotation.attempt)
            attempt = self.rotation.attempt
            if self.consensus.turn_is_open(attempt) and self._world.clock() >= self._next_proposal:
                await self._propose(attempt)

    def _has_work(self) -> bool:
        if self.consensus.number < self.house.first_batch:
            return False  # the batches of former members are on the hub, to be caught up with
        try:
            return self._proposer.has_work(self.state)
        except ChainError as error:
            log.debug("hub_not_followed", error=str(error))
            return False

    async def _propose(self, attempt: int) -> None:
        state, started = self.state, self._world.clock()
        try:
            draft = await self._proposer.build(state)
        except (ChainError, LedgerError, MarketError) as error:
            log.error("nothing_to_propose", number=state.number + 1, attempt=attempt, error=str(error))
            self.consensus.passed(attempt)
            return
        if draft is None or self.state is not state or self.consensus.certified is not None:
            return
        self._next_proposal = started + self._settings.timings.batch_interval
        try:
            await self.consensus.propose(attempt, draft, started)
        except NetworkError as error:
            # The turn is used up; the next attempt is another validator's.
            log.error("proposal_not_sent", number=state.number + 1, attempt=attempt, error=str(error))
            return
        self.rotation.progress()

    # What the hub has made final.

    async def _follow_hub(self) -> None:
        last = await asyncio.to_thread(self._world.store.last)
        block = self.state.hub_height if last is None else last.final_hub_block
        while True:
            committed = await next_commitment(self._hub_view, block + 1, self.consensus.number)
            await self._finalize(committed)
            # The next number is built on this one's finality, so its block is a later one.
            block = committed.block_number

    async def _finalize(self, committed: BatchCommitted) -> None:
        draft = self.consensus.draft(committed.batch_hash)
        if draft is not None:
            batch, body, executed = draft.batch, draft.body, draft.executed
        else:
            known = self.consensus.bodies()
            body = await find_body(self._world.mesh, self._world.store, committed, known)
            batch = await asyncio.to_thread(decode_batch, body)
            executed = await asyncio.to_thread(execute_final, self._epochs.at(batch.number), self.state, batch)
        if executed.state.root != committed.new_root:
            raise FinalBatchInvalid(committed.number, f"root 0x{committed.new_root.hex()} on the hub")
        await asyncio.to_thread(
            self._world.store.commit_batch,
            committed.number,
            executed.state.root,
            body,
            Digest(committed.batch_hash),
            self._certificate_of(committed),
            executed,
            committed.block_number,
        )
        await self._measure(committed)
        included = await asyncio.to_thread(self._digests, batch)
        self.observations.forget(executed.state.market.round)
        await self.admission.advance(executed.state, included)
        await self.consensus.begin(executed.state)
        self._forced.advance(executed.state)
        log.info("batch_final", number=batch.number, root=executed.state.root.hex(), messages=len(batch.messages))
        for effect in executed.effects:
            if isinstance(effect, LedgerEvent) and effect.kind in _ORDERED:
                log.warning(effect.kind.value.lower(), number=batch.number, **dict(effect.attributes))
        for subscriber in self._subscribers:
            await subscriber(FinalNews(batch, executed))

    def _certificate_of(self, committed: BatchCommitted) -> bytes:
        """The certificate, if this node saw it; the hub vouches for one in any case."""
        certified = self.consensus.certified
        if certified is None or certified.commitment.batch_hash != committed.batch_hash:
            return b""
        return certified.certificate.encode()

    async def _measure(self, committed: BatchCommitted) -> None:
        started, certified_ms = self.consensus.started(committed.batch_hash), self.consensus.certified_ms
        if started is None or certified_ms is None:
            return
        final_ms = (self._world.clock() - started) * 1000
        self.latencies.final.add(final_ms)
        sample = Latency(committed.number, certified_ms, final_ms)
        await asyncio.to_thread(self._world.store.record_latency, sample)

    def _digests(self, batch: Batch) -> frozenset[Digest]:
        return frozenset(message.digest(self.house.deployment) for message in batch.messages)
