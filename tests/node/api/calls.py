"""Calling the API as a client does, and taking its refusals apart."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
from clearing.v1 import (
    account_service_pb2_grpc,
    ledger_service_pb2_grpc,
    liquidation_service_pb2_grpc,
    margin_service_pb2_grpc,
    market_service_pb2_grpc,
    operator_service_pb2_grpc,
    trade_service_pb2_grpc,
    transfer_service_pb2_grpc,
)
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from node.api.server import ApiServer


class Client:
    """Stubs of every service over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.accounts = account_service_pb2_grpc.AccountServiceStub(channel)
        self.ledger = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        self.liquidations = liquidation_service_pb2_grpc.LiquidationServiceStub(channel)
        self.margin = margin_service_pb2_grpc.MarginServiceStub(channel)
        self.market = market_service_pb2_grpc.MarketServiceStub(channel)
        self.operator = operator_service_pb2_grpc.OperatorServiceStub(channel)
        self.trades = trade_service_pb2_grpc.TradeServiceStub(channel)
        self.transfers = transfer_service_pb2_grpc.TransferServiceStub(channel)


def connect(server: ApiServer) -> Client:
    """A client of a server on the loopback."""
    return Client(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))


@dataclass(frozen=True)
class Answer:
    """A refusal: status code, ErrorInfo, and the fields that BadRequest names."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: dict[str, str]
    fields: tuple[str, ...]
    retry_seconds: float | None


def read_error(error: grpc.aio.AioRpcError) -> Answer:
    """What the details of an error say."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no google.rpc.Status in {error!r}"
    info = error_details_pb2.ErrorInfo()
    fields: tuple[str, ...] = ()
    retry = None
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            fields = tuple(v.field for v in bad.field_violations)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo()
            detail.Unpack(delay)
            retry = delay.retry_delay.ToTimedelta().total_seconds()
    return Answer(error.code(), info.reason, info.domain, dict(info.metadata), fields, retry)


async def refusal(call: Awaitable[Any]) -> Answer:
    """The error that a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return read_error(error)
    raise AssertionError("the call was not refused")


async def until_mark(stream: Any) -> list[Any]:
    """The items of a stream up to its next mark of completeness, without it."""
    seen = []
    while not (item := await stream.read()).HasField("complete_through"):
        seen.append(item)
    return seen


async def items(stream: Any, count: int) -> list[Any]:
    """The next `count` items of a stream."""
    return [await stream.read() for _ in range(count)]
