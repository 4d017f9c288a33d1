"""The two gRPC servers of a node: one for clients, one on a port of its own for operators."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

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
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from node.api.admission import Admission
from node.api.backend import Backend
from node.api.books import Books
from node.api.guard import Guard
from node.api.limits import ApiLimits, Clock
from node.api.services.accounts import AccountService
from node.api.services.ledger import LedgerService
from node.api.services.liquidations import LiquidationService
from node.api.services.margin import MarginService
from node.api.services.market import MarketService
from node.api.services.operator import OperatorService
from node.api.services.trades import TradeService
from node.api.services.transfers import TransferService

CLIENT_SERVICES: Final = tuple(
    f"clearing.v1.{name}Service"
    for name in ("Account", "Ledger", "Liquidation", "Margin", "Market", "Trade", "Transfer")
)
OPERATOR_SERVICES: Final = ("clearing.v1.OperatorService",)


class ApiServer(ABC):
    """One gRPC server with health, reflection, limits and keepalive. Subclasses say which services it offers."""

    services: tuple[str, ...]

    def __init__(
        self,
        backend: Backend,
        address: str,
        *,
        limits: ApiLimits | None = None,
        credentials: grpc.ServerCredentials | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """`address` is host:port, port 0 for any free one; without `credentials` the server speaks plain text."""
        self.limits = limits or ApiLimits()
        self._backend = backend
        self._clock = clock
        self._address = address
        self._credentials = credentials
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Binds and serves; `port` says where.

        Raises:
            RuntimeError: the address is taken.
        """
        server = grpc.aio.server(interceptors=[Guard(self.limits, self._clock)], options=_options(self.limits))
        self._add_services(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*self.services, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
        if self._credentials is None:
            self.port = server.add_insecure_port(self._address)
        else:
            self.port = server.add_secure_port(self._address, self._credentials)
        await server.start()
        self._server = server
        await self.set_serving(True)

    async def stop(self, grace: float = 1.0) -> None:
        """Tells health watchers, lets calls finish for `grace` seconds, then ends them."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(grace)
            self._server = None

    async def set_serving(self, serving: bool) -> None:
        """What health checks answer: a node that is catching up or halted does not serve."""
        kind = health_pb2.HealthCheckResponse
        for service in ("", *self.services):
            await self._health.set(service, kind.SERVING if serving else kind.NOT_SERVING)

    @abstractmethod
    def _add_services(self, server: grpc.aio.Server) -> None:
        """Register what this server serves."""


class ClientServer(ApiServer):
    """What traders, makers, bidders and pages speak to."""

    services = CLIENT_SERVICES

    def _add_services(self, server: grpc.aio.Server) -> None:
        backend, limits = self._backend, self.limits
        admission = Admission(backend, limits, self._clock)
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(backend, limits), server)
        ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(
            LedgerService(backend, limits, admission, Books()), server
        )
        liquidation_service_pb2_grpc.add_LiquidationServiceServicer_to_server(
            LiquidationService(backend, limits, admission), server
        )
        margin_service_pb2_grpc.add_MarginServiceServicer_to_server(MarginService(backend, admission), server)
        market_service_pb2_grpc.add_MarketServiceServicer_to_server(MarketService(backend, limits), server)
        trade_service_pb2_grpc.add_TradeServiceServicer_to_server(TradeService(backend, limits, admission), server)
        transfer_service_pb2_grpc.add_TransferServiceServicer_to_server(
            TransferService(backend, limits, admission), server
        )


class OperatorServer(ApiServer):
    """What the node's operator speaks to; bind it where only the operator can reach it."""

    services = OPERATOR_SERVICES

    def _add_services(self, server: grpc.aio.Server) -> None:
        operator_service_pb2_grpc.add_OperatorServiceServicer_to_server(OperatorService(self._backend), server)


def server_credentials(
    key: bytes, certificate_chain: bytes, client_authorities: bytes | None = None
) -> grpc.ServerCredentials:
    """TLS from PEM; with `client_authorities` only clients with a certificate under them may connect."""
    return grpc.ssl_server_credentials(
        [(key, certificate_chain)],
        root_certificates=client_authorities,
        require_client_auth=client_authorities is not None,
    )


def _options(limits: ApiLimits) -> Sequence[tuple[str, Any]]:
    return (
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_send_message_length", limits.response_bytes),
        ("grpc.keepalive_time_ms", int(limits.keepalive_time * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout * 1000)),
        # Holds for pings that measure bandwidth too: unanswered, they keep keepalive from acting, by default for 60 s.
        ("grpc.http2.ping_timeout_ms", int(limits.keepalive_timeout * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", int(limits.keepalive_least_interval * 1000)),
        ("grpc.so_reuseport", 0),
    )
