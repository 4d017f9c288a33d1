"""Around every call: the peer's rate, the deadline, and errors as google.rpc.Status."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
from grpc_status import rpc_status

from node.api.errors import DeadlineExceeded, SlowReader, status_of
from node.api.limits import ApiLimits, BucketTable, Clock, StreamSlots

_PACKAGE: Final = "/clearing.v1."

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
"""What gRPC hands to a method besides its request."""
_Method: TypeAlias = Callable[[Any, Context], Awaitable[Any]]


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in its stubs only
    """Wraps the methods of package clearing.v1; health and reflection pass as they are."""

    def __init__(self, limits: ApiLimits, clock: Clock) -> None:
        self._limits = limits
        self._calls = BucketTable(limits.peer_calls_per_second, limits.peer_calls_burst, limits.buckets, clock)
        self._streams = StreamSlots(limits.streams_per_peer)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The method's handler, wrapped."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(_PACKAGE):
            return handler
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream), **codec)
        return grpc.unary_unary_rpc_method_handler(self._call(handler.unary_unary), **codec)

    def _call(self, method: _Method) -> _Method:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                self._calls.admit(peer_of(context))
                async with asyncio.timeout(self._limits.call_seconds):
                    return await method(request, context)
            except TimeoutError:
                await _abort(context, DeadlineExceeded(self._limits.call_seconds))
            except Exception as error:  # noqa: BLE001 — the table decides; what it lacks is logged there
                await _abort(context, error)

        return guarded

    def _stream(self, method: _Method) -> _Method:
        async def guarded(request: Any, context: Context) -> None:
            try:
                peer = peer_of(context)
                self._calls.admit(peer)
                with self._streams.hold(peer):
                    await method(request, context)
            except Exception as error:  # noqa: BLE001 — as above
                await _abort(context, error)

        return guarded


def peer_of(context: Context) -> str:
    """The client's IP address, with its family; its port changes with each connection and says nothing."""
    family, _, rest = context.peer().partition(":")
    return f"{family}:{rest.rpartition(':')[0] or rest}"


async def send(context: Context, response: object, limits: ApiLimits) -> None:
    """Writes one item of a stream.

    Raises:
        SlowReader: the client leaves no room for it.
    """
    try:
        async with asyncio.timeout(limits.write_timeout):
            await context.write(response)
    except TimeoutError:
        raise SlowReader(f"nothing was read for {limits.write_timeout} s") from None


async def _abort(context: Any, error: Exception) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    await context.abort_with_status(rpc_status.to_status(status_of(error)))
