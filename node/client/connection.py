"""The client's gRPC channel to one node: TLS, keepalive, a deadline on every call, errors as the client's own types.

A call that fails because the node is away is sent again a few times; every call of the house is safe to repeat, since
a message is known by its digest. Streams carry no deadline: they end when their reader leaves, or the node does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from clearing.v1 import (
    account_service_pb2_grpc,
    ledger_service_pb2_grpc,
    liquidation_service_pb2_grpc,
    margin_service_pb2_grpc,
    market_service_pb2_grpc,
    trade_service_pb2_grpc,
    transfer_service_pb2_grpc,
)
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from node.client.errors import ClientError, HouseRefused, HouseUnavailable

_Response = TypeVar("_Response")
DEADLINE_SECONDS: Final = 10.0
_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 0.1
_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Holds for pings that measure bandwidth too: unanswered, they keep keepalive from acting, by default for 60 s.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 64 << 20),
)
_AWAY: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_AGAIN: Final = _AWAY | {grpc.StatusCode.RESOURCE_EXHAUSTED}
"""Failures after which the same call may succeed: the node is away, or asks for patience."""


class Connection:
    """One channel and the stubs of the client services."""

    def __init__(self, target: str, ca: Path | None = None) -> None:
        """`target` is host:port; `ca` the PEM file of the node's certificate authority.

        Without `ca` the channel is not encrypted, which is for a node on the same machine.

        Raises:
            OSError: the PEM file cannot be read.
        """
        if ca is None:
            self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(ca.read_bytes())
            self._channel = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
        channel: Any = self._channel
        self.accounts: Any = account_service_pb2_grpc.AccountServiceStub(channel)
        self.ledger: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        self.liquidations: Any = liquidation_service_pb2_grpc.LiquidationServiceStub(channel)
        self.margin: Any = margin_service_pb2_grpc.MarginServiceStub(channel)
        self.market: Any = market_service_pb2_grpc.MarketServiceStub(channel)
        self.trades: Any = trade_service_pb2_grpc.TradeServiceStub(channel)
        self.transfers: Any = transfer_service_pb2_grpc.TransferServiceStub(channel)

    async def close(self) -> None:
        """End every call and stream."""
        await self._channel.close(grace=None)

    async def call(self, method: Callable[..., Any], request: Any) -> Any:
        """The answer to a unary call.

        Raises:
            HouseRefused: the node refuses the request.
            HouseUnavailable: it does not answer, even when asked again.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await method(request, timeout=DEADLINE_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN or attempt == _ATTEMPTS - 1:
                    raise as_client_error(error, type(request).__name__) from error
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    async def stream(self, method: Callable[..., Any], request: Callable[[], Any]) -> AsyncIterator[Any]:
        """The answers of a server stream, opened again with a new `request()` whenever the node goes away.

        Raises:
            HouseRefused: the node refuses the request.
        """
        pause = _FIRST_PAUSE
        while True:
            call = method(request())
            try:
                async for response in call:
                    pause = _FIRST_PAUSE
                    yield response
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    raise as_client_error(error, "stream") from error
            finally:
                call.cancel()
            await asyncio.sleep(pause)
            pause = min(2 * pause, DEADLINE_SECONDS)


def as_client_error(error: grpc.aio.AioRpcError, method: str) -> ClientError:
    """The typed error behind a failed call: HouseUnavailable if the node was away, else HouseRefused."""
    code, detail = error.code().name, error.details() or ""
    if error.code() in _AWAY:
        return HouseUnavailable(method, code, detail)
    status = rpc_status.from_call(error)
    for packed in [] if status is None else status.details:
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info):
            return HouseRefused(info.reason, detail, dict(info.metadata), code)
    return HouseRefused(code, detail, {}, code)
