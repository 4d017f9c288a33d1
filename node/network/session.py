"""One live stream with one peer, from after its handshake to its end."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from clearing.v1 import peer_pb2

from node.network.envelope import EnvelopeWriter, SeenSet, SignedEnvelope, require_sender
from node.network.errors import EnvelopeRejected, InvalidGossip, PeerMisbehaved, PeerTooSlow
from node.network.identity import Recover
from node.network.limits import CRITICAL_TOPICS, Conduct, PeerLimits
from node.network.metrics import UNKNOWN_TOPIC, NetworkMetrics
from node.network.queues import Lane, Outbox
from node.network.reconcile import Reconciler

Handler = Callable[[bytes, bytes], Awaitable[None]]
"""(sender's address, payload); raises InvalidGossip for what can never have been valid."""

log = structlog.get_logger(__name__)


class FrameStream(Protocol):
    """Either end of the gRPC stream."""

    async def read(self) -> peer_pb2.Frame | None:
        """The next frame; None once the peer has finished."""

    async def write(self, frame: peer_pb2.Frame) -> None:
        """Hands the frame to the transport; waits while the peer does not read."""

    async def finish(self) -> bool:
        """Says that this side writes no more.

        True if the peer ends the stream upon it, False if this side has to.
        """


@dataclass(frozen=True, slots=True)
class Exchange:
    """What all sessions of a mesh share."""

    deployment: bytes
    limits: PeerLimits
    writer: EnvelopeWriter
    recover: Recover
    reconciler: Reconciler
    metrics: NetworkMetrics
    seen: SeenSet
    handlers: dict[str, Handler] = field(default_factory=dict)

    def label(self, topic: str) -> str:
        """The topic's metrics label."""
        return topic if topic in self.handlers else UNKNOWN_TOPIC


@dataclass(frozen=True, slots=True)
class OutgoingFrame:
    """A frame ready to be written to any number of peers; `topic` is None for anti-entropy's own frames."""

    frame: peer_pb2.Frame
    size: int
    topic: str | None = None


def envelope_frame(envelope: SignedEnvelope) -> OutgoingFrame:
    """The frame that carries an envelope."""
    message = peer_pb2.Envelope(
        sender=envelope.sender,
        topic=envelope.topic,
        payload=envelope.payload,
        sequence=envelope.sequence,
        signature=envelope.signature,
    )
    frame = peer_pb2.Frame(envelope=message)
    return OutgoingFrame(frame, frame.ByteSize(), envelope.topic)


class PeerSession:
    """Reads, checks and hands over what the peer sends; writes what waits for it; compares pools with it."""

    def __init__(self, peer: bytes, stream: FrameStream, exchange: Exchange, conduct: Conduct) -> None:
        limits = exchange.limits
        self.peer = peer
        self._stream = stream
        self._exchange = exchange
        self._conduct = conduct
        self._outbox: Outbox[OutgoingFrame] = Outbox(
            limits.critical_queue, limits.critical_queue_bytes, limits.gossip_queue, limits.gossip_queue_bytes
        )
        self._critical: Lane[SignedEnvelope] = Lane(limits.critical_queue, limits.critical_queue_bytes)
        self._gossip: Lane[SignedEnvelope] = Lane(limits.gossip_queue, limits.gossip_queue_bytes)
        self._awaiting_inventory: set[str] = set()
        self._answered: dict[str, float] = {}
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = asyncio.Event()
        self._finishing = False
        self._writing = False

    @property
    def queued(self) -> int:
        """Frames that wait to be written."""
        return len(self._outbox)

    def enqueue(self, outgoing: OutgoingFrame) -> None:
        """Queues a frame without waiting. A full consensus queue ends the session with PeerTooSlow."""
        if outgoing.topic in CRITICAL_TOPICS:
            if not self._outbox.offer_critical(outgoing, outgoing.size):
                self._exchange.metrics.dropped.labels("consensus_queue_full").inc()
                self.end(PeerTooSlow(self.peer, self.queued))
            return
        dropped = self._outbox.push_gossip(outgoing, outgoing.size)
        if dropped:
            self._exchange.metrics.dropped.labels("gossip_queue_full").inc(dropped)

    def end(self, reason: Exception | None = None) -> None:
        """Ends the session now; `run` raises the reason."""
        if self._ended.done():
            return
        if reason is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(reason)

    async def finish(self) -> None:
        """Ends the session once everything queued is written and the peer has finished too."""
        self._finishing = True
        if not self._writing and not len(self._outbox):
            await self._finish_stream()

    async def wait_closed(self) -> None:
        """Returns once `run` has."""
        await self._closed.wait()

    async def run(self) -> None:
        """Runs to the session's end. Raises PeerMisbehaved, PeerTooSlow, or what the stream raised."""
        work = [self._read(), self._write(), self._reconcile(), self._work(self._critical)]
        work += [self._work(self._gossip) for _ in range(self._exchange.limits.gossip_handlers)]
        tasks: list[asyncio.Future[None]] = [asyncio.ensure_future(part) for part in work]
        try:
            await asyncio.wait([self._ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
            finished = [task for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.end()
            self._closed.set()
        for part in [self._ended, *finished]:
            part.result()

    async def _write(self) -> None:
        while True:
            outgoing = await self._outbox.get()
            self._writing = True
            try:
                async with asyncio.timeout(self._exchange.limits.write_timeout):
                    await self._stream.write(outgoing.frame)
            except TimeoutError as error:
                raise PeerTooSlow(self.peer, self.queued) from error
            self._writing = False
            if outgoing.topic is not None:
                self._exchange.metrics.sent.labels(self._exchange.label(outgoing.topic)).inc()
            if self._finishing and not len(self._outbox):
                await self._finish_stream()

    async def _finish_stream(self) -> None:
        if not await self._stream.finish():
            self.end()

    async def _read(self) -> None:
        while (frame := await self._stream.read()) is not None:
            delay = self._conduct.admit(frame.ByteSize())
            if delay > 0:
                await asyncio.sleep(delay)
            match frame.WhichOneof("content"):
                case "envelope":
                    await self._receive(frame.envelope)
                case "summary":
                    self._answer(frame.summary)
                case "inventory":
                    self._supply(frame.inventory)
                case other:
                    self._punish("out_of_turn", self._exchange.limits.forged_penalty, other or "an empty frame")
                    raise PeerMisbehaved(self.peer, f"{other or 'an empty frame'} in the middle of a session")

    async def _receive(self, message: peer_pb2.Envelope) -> None:
        """Checks an envelope in the order of cost and hands it to its lane."""
        exchange = self._exchange
        envelope = SignedEnvelope(message.sender, message.topic, message.payload, message.sequence, message.signature)
        critical = envelope.topic in CRITICAL_TOPICS
        if envelope.topic not in exchange.handlers:
            return self._drop("unknown_topic")
        if self._conduct.throttled and not critical:
            return self._drop("throttled")
        digest = envelope.digest(exchange.deployment)
        if digest in exchange.seen:
            return self._drop("replayed")
        try:
            require_sender(envelope, digest, self.peer, exchange.recover)
        except EnvelopeRejected as error:
            self._drop("forged")
            return self._punish("forged", exchange.limits.forged_penalty, error)
        exchange.seen.add(digest)
        size = len(envelope.payload)
        if critical:
            await self._critical.put(envelope, size)
        elif not self._gossip.offer(envelope, size):
            self._drop("handlers_behind")
        return None

    async def _work(self, lane: Lane[SignedEnvelope]) -> None:
        while True:
            await self._handle(await lane.get())

    async def _handle(self, envelope: SignedEnvelope) -> None:
        """One payload to its handler.

        Only InvalidGossip is the peer's fault; any other error is this node's own.
        """
        exchange = self._exchange
        try:
            await exchange.handlers[envelope.topic](envelope.sender, envelope.payload)
        except InvalidGossip as error:
            self._punish("invalid_gossip", exchange.limits.invalid_penalty, error)
        except Exception:
            exchange.metrics.handler_failures.labels(envelope.topic).inc()
            log.exception("handler_failed", topic=envelope.topic, peer=self.peer.hex())
        exchange.metrics.received.labels(envelope.topic).inc()

    async def _reconcile(self) -> None:
        while True:
            for summary in self._exchange.reconciler.summaries():
                self._awaiting_inventory.add(summary.topic)
                self.enqueue(_control(peer_pb2.Frame(summary=summary)))
            await asyncio.sleep(self._exchange.limits.reconcile_interval)

    def _answer(self, summary: peer_pb2.PoolSummary) -> None:
        """Sends an inventory if the pools differ; a peer that asks too often is not answered."""
        now = asyncio.get_running_loop().time()
        earliest = self._answered.get(summary.topic, -math.inf) + self._exchange.limits.reconcile_interval / 2
        if now < earliest:
            return self._drop("summary_too_soon")
        inventory = self._exchange.reconciler.answer(summary)
        if inventory is not None:
            self._answered[summary.topic] = now
            self.enqueue(_control(peer_pb2.Frame(inventory=inventory)))
        return None

    def _supply(self, inventory: peer_pb2.PoolInventory) -> None:
        """Sends what the inventory lacks; each summary sent allows one, so that nobody asks without end."""
        if inventory.topic not in self._awaiting_inventory:
            return self._drop("unasked_inventory")
        self._awaiting_inventory.discard(inventory.topic)
        items = self._exchange.reconciler.missing(inventory)
        for item in items:
            self.enqueue(envelope_frame(self._exchange.writer.write(inventory.topic, item)))
        self._exchange.metrics.healed.labels(inventory.topic).inc(len(items))
        return None

    def _drop(self, reason: str) -> None:
        self._exchange.metrics.dropped.labels(reason).inc()

    def _punish(self, kind: str, penalty: float, reason: object) -> None:
        self._conduct.punish(penalty)
        self._exchange.metrics.offences.labels(kind).inc()
        score = round(self._conduct.score, 1)
        log.warning("peer_punished", peer=self.peer.hex(), kind=kind, reason=str(reason), score=score)
        if self._conduct.banned:
            self.end(PeerMisbehaved(self.peer, f"penalties reached {score}"))


def _control(frame: peer_pb2.Frame) -> OutgoingFrame:
    return OutgoingFrame(frame, frame.ByteSize())
