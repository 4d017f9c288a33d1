"""gRPC channels, servers and streams as the mesh uses them: mutual TLS, keepalive, bounded messages."""

from typing import Any, Final, TypeAlias

import grpc
import grpc.aio
from clearing.v1 import peer_pb2
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from node.network.errors import IdentityRejected, NetworkError, PeerMisbehaved, PeerTooSlow, PeerUnavailable
from node.network.identity import NodeIdentity, server_name
from node.network.limits import PeerLimits

ServerContext: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

FRAME_OVERHEAD: Final = 64 << 10
"""Room for an envelope's other fields, in bytes above `PeerLimits.message_bytes`."""

STATUS_OF: Final[dict[type[NetworkError], tuple[int, str]]] = {
    IdentityRejected: (code_pb2.PERMISSION_DENIED, "IDENTITY_REJECTED"),
    PeerMisbehaved: (code_pb2.PERMISSION_DENIED, "PEER_MISBEHAVED"),
    PeerTooSlow: (code_pb2.RESOURCE_EXHAUSTED, "PEER_TOO_SLOW"),
    PeerUnavailable: (code_pb2.UNAVAILABLE, "PEER_UNAVAILABLE"),
}
"""gRPC code and ErrorInfo reason of each error that a peer is told about."""


class DialedStream:
    """The client's end of `PeerService.Exchange`."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self._call = call

    async def read(self) -> peer_pb2.Frame | None:
        """The listener's next frame; None at the end. Raises grpc.aio.AioRpcError."""
        response = await self._call.read()
        return None if response is grpc.aio.EOF else response.frame

    async def write(self, frame: peer_pb2.Frame) -> None:
        """Waits while the listener does not read. Raises grpc.aio.AioRpcError, asyncio.InvalidStateError."""
        await self._call.write(peer_pb2.ExchangeRequest(frame=frame))

    async def finish(self) -> bool:
        """Half-closes; the listener then ends the call."""
        await self._call.done_writing()
        return True


class ServedStream:
    """The server's end of `PeerService.Exchange`."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def read(self) -> peer_pb2.Frame | None:
        """The dialer's next frame; None once it has half-closed or gone."""
        request = await self._context.read()
        return None if request is grpc.aio.EOF else request.frame

    async def write(self, frame: peer_pb2.Frame) -> None:
        """Waits while the dialer does not read."""
        await self._context.write(peer_pb2.ExchangeResponse(frame=frame))

    async def finish(self) -> bool:
        """A server finishes by returning from its handler."""
        return False


def open_channel(identity: NodeIdentity, target: str, peer: bytes, limits: PeerLimits) -> "grpc.aio.Channel":
    """A channel that accepts only a server whose certificate, of the same authority, names `peer`."""
    credentials = grpc.ssl_channel_credentials(identity.authority, identity.private_key, identity.certificate)
    options = [
        *_common_options(limits),
        ("grpc.ssl_target_name_override", server_name(peer)),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", int(limits.reconnect_first * 1000)),
        ("grpc.min_reconnect_backoff_ms", int(limits.reconnect_first * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(limits.reconnect_last * 1000)),
    ]
    return grpc.aio.secure_channel(target, credentials, options=options)


def create_server(limits: PeerLimits) -> "grpc.aio.Server":
    """A server that shares its port with nobody and bears the peers' keepalive pings."""
    ping_spacing = int(limits.keepalive_time * 1000 / 2)
    options = [
        *_common_options(limits),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", ping_spacing),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", ping_spacing),
    ]
    return grpc.aio.server(options=options)


def server_credentials(identity: NodeIdentity) -> "grpc.ServerCredentials":
    """Demands a client certificate of the same authority."""
    pair = (identity.private_key, identity.certificate)
    return grpc.ssl_server_credentials([pair], root_certificates=identity.authority, require_client_auth=True)


def client_certificate(context: ServerContext) -> bytes:
    """PEM of the certificate TLS verified at the other end of a call.

    Raises IdentityRejected if there is none.
    """
    certificates = list(context.auth_context().get("x509_pem_cert", []))
    if len(certificates) != 1:
        raise IdentityRejected("the connection has no client certificate")
    return bytes(certificates[0])


async def refuse(context: ServerContext, error: NetworkError) -> None:
    """Ends a call with the google.rpc.Status of an error of `STATUS_OF`; never returns."""
    code, reason = STATUS_OF[type(error)]
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="zkclear"))
    status = status_pb2.Status(code=code, message=str(error), details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))


def _common_options(limits: PeerLimits) -> list[tuple[str, int]]:
    largest = limits.message_bytes + FRAME_OVERHEAD
    return [
        ("grpc.max_send_message_length", largest),
        ("grpc.max_receive_message_length", largest),
        ("grpc.keepalive_time_ms", int(limits.keepalive_time * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout * 1000)),
        # Holds for pings that measure bandwidth too: unanswered, they keep keepalive from acting, by default for 60 s.
        ("grpc.http2.ping_timeout_ms", int(limits.keepalive_timeout * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
