"""The full mesh of validators (N ≤ 50): one authenticated stream for each pair, dialed by the lower address.

Peers do not forward. What a node receives from a client it broadcasts itself; anti-entropy heals the gaps.
A session that breaks loses what was queued: `on_connect` is where consensus sends its current messages
again. A stream lives as long as both ends do, so it has no deadline of its own; the handshake, every write
and every fetch have one, and keepalive ends a stream whose peer is gone.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc.aio
import structlog
from clearing.v1 import peer_pb2, peer_pb2_grpc
from prometheus_client import CollectorRegistry

from node.network.envelope import EnvelopeWriter, SeenSet
from node.network.errors import (
    FetchFailed,
    IdentityRejected,
    MessageTooLarge,
    NetworkError,
    PeerUnavailable,
    TopicTaken,
    UnknownPeer,
)
from node.network.handshake import Credentials
from node.network.identity import NodeIdentity, Recover, Signer
from node.network.limits import Clock, Conduct, PeerLimits
from node.network.metrics import NetworkMetrics
from node.network.reconcile import DurablePool, Reconciler
from node.network.service import BatchProvider, PeerService
from node.network.session import Exchange, FrameStream, Handler, OutgoingFrame, PeerSession, envelope_frame
from node.network.transport import DialedStream, create_server, open_channel, server_credentials

ConnectCallback = Callable[[bytes], Awaitable[None]]
"""Called with a peer's address each time a session with it begins."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where another validator listens; `validator` is its address, 20 bytes."""

    validator: bytes
    host: str
    port: int

    @property
    def target(self) -> str:
        """host:port, as gRPC dials it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer as an operator sees it: penalty score, and frames waiting to be written to it."""

    validator: bytes
    connected: bool
    score: float
    throttled: bool
    queued: int


class PeerMesh:
    """Serves and dials every peer. Create it inside the event loop that runs it.

    `deployment` is the deployment's 32-byte digest; `recover` and `signer` are the validator-key
    operations; `pools` names the durable topics; `batches` answers other nodes' fetches; `registry` takes
    the metrics.
    """

    def __init__(
        self,
        identity: NodeIdentity,
        signer: Signer,
        recover: Recover,
        peers: Sequence[PeerAddress],
        deployment: bytes,
        limits: PeerLimits | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pools: Mapping[str, DurablePool] | None = None,
        batches: BatchProvider | None = None,
        registry: CollectorRegistry | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.limits = limits or PeerLimits()
        self.metrics = NetworkMetrics(registry or CollectorRegistry())
        self._credentials = Credentials(identity, signer, recover, deployment)
        self._peers = {peer.validator: peer for peer in peers if peer.validator != identity.address}
        self._conducts = {validator: Conduct(self.limits, clock) for validator in self._peers}
        self._listen = f"{host}:{port}"
        self._exchange = Exchange(
            deployment=deployment,
            limits=self.limits,
            writer=EnvelopeWriter(signer, deployment),
            recover=recover,
            reconciler=Reconciler(pools or {}, self.limits, clock),
            metrics=self.metrics,
            seen=SeenSet(self.limits.seen_envelopes),
        )
        self._service = PeerService(
            self._credentials, self._conducts, self.limits, self.metrics, self._host_session, batches
        )
        self._sessions: dict[bytes, PeerSession] = {}
        self._channels: dict[bytes, grpc.aio.Channel] = {}
        self._callbacks: list[ConnectCallback] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: grpc.aio.Server | None = None
        self._stopping = False
        self.port = port
        """Where this node listens, once `start` has bound it."""

    @property
    def address(self) -> bytes:
        """This validator's address, 20 bytes."""
        return self._credentials.address

    @property
    def connected(self) -> frozenset[bytes]:
        """Addresses of the peers with a live session."""
        return frozenset(self._sessions)

    def status(self) -> list[PeerStatus]:
        """Every peer, in the order of addresses."""
        rows = []
        for validator in sorted(self._peers):
            session, conduct = self._sessions.get(validator), self._conducts[validator]
            queued = session.queued if session else 0
            rows.append(PeerStatus(validator, session is not None, conduct.score, conduct.throttled, queued))
        return rows

    def on(self, topic: str, handler: Handler) -> None:
        """Registers the one handler of a topic; before `start`, or what arrives meanwhile is dropped.

        Raises TopicTaken.
        """
        if topic in self._exchange.handlers:
            raise TopicTaken(topic)
        self._exchange.handlers[topic] = handler

    def on_connect(self, callback: ConnectCallback) -> None:
        """Adds a callback for every session that begins."""
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Listens, and starts dialing the peers with higher addresses.

        Raises OSError if the port cannot be bound.
        """
        self._server = create_server(self.limits)
        peer_pb2_grpc.add_PeerServiceServicer_to_server(self._service, self._server)
        try:
            self.port = self._server.add_secure_port(self._listen, server_credentials(self._credentials.identity))
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._listen}") from error
        await self._server.start()
        for peer in self._peers.values():
            if self.address < peer.validator:
                self._spawn(self._keep_dialing(peer))

    async def stop(self, grace: float = 1.0) -> None:
        """Writes what is queued for at most `grace` seconds, then closes every session, channel and port."""
        self._stopping = True
        sessions = list(self._sessions.values())
        try:
            async with asyncio.timeout(grace):
                await asyncio.gather(*(session.finish() for session in sessions))
                await asyncio.gather(*(session.wait_closed() for session in sessions))
        except TimeoutError:
            log.warning("stopped_before_peers_finished", frames=sum(session.queued for session in sessions))
        for session in sessions:
            session.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels.values():
            await channel.close(None)
        if self._server is not None:
            await self._server.stop(0.5)

    async def broadcast(self, topic: str, payload: bytes) -> frozenset[bytes]:
        """Queues the payload for every connected peer; returns their addresses. Waits for no peer.

        Raises MessageTooLarge, EnvelopeRejected (topic).
        """
        outgoing = self._outgoing(topic, payload)
        reached = frozenset(self._sessions)
        for session in list(self._sessions.values()):
            session.enqueue(outgoing)
        return reached

    async def send(self, address: bytes, topic: str, payload: bytes) -> None:
        """Queues the payload for one peer.

        Raises UnknownPeer, PeerUnavailable, MessageTooLarge, EnvelopeRejected.
        """
        session = self._sessions.get(self._known(address).validator)
        if session is None:
            raise PeerUnavailable(address)
        session.enqueue(self._outgoing(topic, payload))

    async def fetch_batches(self, peer: bytes, first: int, count: int) -> list[bytes]:
        """Bodies of batches from `first` on, as the peer tells them: at most `count`, unverified.

        Raises UnknownPeer, FetchFailed (also when `fetch_timeout` passes).
        """
        stub = peer_pb2_grpc.PeerServiceStub(self._channel(self._known(peer)))
        request = peer_pb2.FetchRequest(hello=self._credentials.hello(), first_batch=first, count=count)
        bodies: list[bytes] = []
        call = stub.Fetch(request, timeout=self.limits.fetch_timeout)
        try:
            async for response in call:
                bodies.append(response.body)
                if len(bodies) == count:
                    break
        except grpc.aio.AioRpcError as error:
            raise FetchFailed(peer, error.code().name, error.details() or "") from error
        finally:
            call.cancel()
        return bodies

    def _outgoing(self, topic: str, payload: bytes) -> OutgoingFrame:
        if len(payload) > self.limits.message_bytes:
            raise MessageTooLarge(len(payload), self.limits.message_bytes)
        return envelope_frame(self._exchange.writer.write(topic, payload))

    def _known(self, validator: bytes) -> PeerAddress:
        if validator not in self._peers:
            raise UnknownPeer(validator)
        return self._peers[validator]

    def _channel(self, peer: PeerAddress) -> grpc.aio.Channel:
        if peer.validator not in self._channels:
            identity = self._credentials.identity
            self._channels[peer.validator] = open_channel(identity, peer.target, peer.validator, self.limits)
        return self._channels[peer.validator]

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_dialing(self, peer: PeerAddress) -> None:
        """Dials again whenever a session ends, at doubling intervals while none begins."""
        wait = self.limits.reconnect_first
        while not self._stopping:
            began = not self._conducts[peer.validator].banned and await self._dial(peer)
            wait = self.limits.reconnect_first if began else min(wait * 2, self.limits.reconnect_last)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _dial(self, peer: PeerAddress) -> bool:
        """One session from its dialing to its end; whether it began at all."""
        call = peer_pb2_grpc.PeerServiceStub(self._channel(peer)).Exchange()
        stream = DialedStream(call)
        began = False
        try:
            await self._greet(peer, stream)
            began = True
            await self._host_session(peer.validator, stream)
        except (NetworkError, grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError) as error:
            event = "session_broken" if began else "dial_failed"
            log.info(event, peer=peer.validator.hex(), reason=_reason(error))
        finally:
            call.cancel()
        return began

    async def _greet(self, peer: PeerAddress, stream: DialedStream) -> None:
        async with asyncio.timeout(self.limits.handshake_timeout):
            hello = self._credentials.hello()
            await stream.write(peer_pb2.Frame(hello=hello))
            frame = await stream.read()
        if frame is None or frame.WhichOneof("content") != "welcome":
            raise IdentityRejected("the first frame is not a Welcome")
        self._credentials.check_welcome(frame.welcome, hello, peer.validator)

    async def _host_session(self, validator: bytes, stream: FrameStream) -> None:
        """Runs a session that has shaken hands; it takes the place of one the peer may have left behind."""
        session = PeerSession(validator, stream, self._exchange, self._conducts[validator])
        previous = self._sessions.get(validator)
        self._sessions[validator] = session
        if previous is not None:
            previous.end()
        self.metrics.sessions_opened.inc()
        self.metrics.sessions.set(len(self._sessions))
        log.info("peer_connected", peer=validator.hex())
        for callback in self._callbacks:
            self._spawn(self._announce(callback, validator))
        try:
            await session.run()
        finally:
            if self._sessions.get(validator) is session:
                del self._sessions[validator]
            self.metrics.sessions.set(len(self._sessions))
            log.info("peer_disconnected", peer=validator.hex())

    async def _announce(self, callback: ConnectCallback, validator: bytes) -> None:
        try:
            await callback(validator)
        except Exception:
            log.exception("connect_callback_failed", peer=validator.hex())


def _reason(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
