"""The server side of `PeerService`: who may speak, and what a peer may fetch."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, Protocol

import grpc.aio
import structlog
from clearing.v1 import peer_pb2, peer_pb2_grpc

from node.network.errors import IdentityRejected, NetworkError, PeerMisbehaved, PeerTooSlow
from node.network.handshake import Credentials
from node.network.limits import Conduct, PeerLimits
from node.network.metrics import NetworkMetrics
from node.network.session import FrameStream
from node.network.transport import STATUS_OF, ServedStream, ServerContext, client_certificate, refuse

FETCH_SLICE: Final = 8
"""Batches asked of the provider at a time, so that a long fetch holds little memory."""

log = structlog.get_logger(__name__)


class BatchProvider(Protocol):
    """Where a node keeps the bodies of its batches."""

    async def batches(self, first: int, count: int) -> list[bytes]:
        """Bodies of batches `first`, `first` + 1, … in order; fewer than `count` where they end."""


class PeerService(peer_pb2_grpc.PeerServiceServicer):
    """Checks each caller, then leaves its stream to `host` and its fetches to the batch provider."""

    def __init__(
        self,
        credentials: Credentials,
        conducts: Mapping[bytes, Conduct],
        limits: PeerLimits,
        metrics: NetworkMetrics,
        host: Callable[[bytes, FrameStream], Awaitable[None]],
        provider: BatchProvider | None,
    ) -> None:
        self._credentials = credentials
        self._conducts = conducts
        self._limits = limits
        self._metrics = metrics
        self._host = host
        self._provider = provider
        self._fetching: Counter[bytes] = Counter()

    async def Exchange(  # noqa: N802 - the name is the proto's
        self, request_iterator: AsyncIterator[peer_pb2.ExchangeRequest], context: ServerContext
    ) -> None:
        """Handshake, then the session until it ends."""
        stream = ServedStream(context)
        try:
            peer = await self._shake_hands(stream, context)
            await self._host(peer, stream)
        except (IdentityRejected, PeerMisbehaved, PeerTooSlow) as error:
            self._metrics.sessions_refused.labels(STATUS_OF[type(error)][1]).inc()
            log.warning("session_refused", peer=context.peer(), reason=str(error))
            await refuse(context, error)

    async def Fetch(  # noqa: N802 - the name is the proto's
        self, request: peer_pb2.FetchRequest, context: ServerContext
    ) -> AsyncIterator[peer_pb2.FetchResponse]:
        """Streams at most `fetch_batches` bodies; each peer may have `fetch_streams` fetches at a time."""
        try:
            peer = self._admit(request.hello, context)
        except NetworkError as error:
            await refuse(context, error)
        if self._provider is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this node serves no batches")
        if self._fetching[peer] >= self._limits.fetch_streams:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many fetches at a time")
        self._fetching[peer] += 1
        try:
            number, end = (
                request.first_batch,
                request.first_batch + min(request.count, self._limits.fetch_batches),
            )
            while number < end:
                bodies = await self._provider.batches(number, min(FETCH_SLICE, end - number))
                for body in bodies:
                    yield peer_pb2.FetchResponse(body=body)
                self._metrics.batches_served.inc(len(bodies))
                number = number + len(bodies) if bodies else end
        finally:
            self._fetching[peer] -= 1

    async def _shake_hands(self, stream: ServedStream, context: ServerContext) -> bytes:
        try:
            async with asyncio.timeout(self._limits.handshake_timeout):
                frame = await stream.read()
                if frame is None or frame.WhichOneof("content") != "hello":
                    raise IdentityRejected("the first frame is not a Hello")
                peer = self._admit(frame.hello, context)
                if peer > self._credentials.address:
                    raise IdentityRejected("the validator with the lower address dials")
                welcome = self._credentials.welcome(frame.hello, client_certificate(context))
                await stream.write(peer_pb2.Frame(welcome=welcome))
        except TimeoutError as error:
            raise IdentityRejected("no Hello in time") from error
        return peer

    def _admit(self, hello: peer_pb2.Hello, context: ServerContext) -> bytes:
        """The caller's address. Raises IdentityRejected, or PeerMisbehaved while it is banned."""
        peer = self._credentials.check_hello(hello, client_certificate(context), self._conducts)
        if self._conducts[peer].banned:
            raise PeerMisbehaved(peer, "its penalties are not forgiven yet")
        return peer
