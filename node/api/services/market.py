"""MarketService: the deployment, its listings and prices."""

from clearing.v1 import market_service_pb2 as pb
from clearing.v1 import market_service_pb2_grpc as pb_grpc

from node.api.backend import Backend
from node.api.convert import batch_reference
from node.api.convert_market import deployment_proto, instruments_proto, round_proto
from node.api.errors import FieldInvalid
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.state import LedgerState


class MarketService(pb_grpc.MarketServiceServicer):
    """What everybody needs to know before the first proof."""

    def __init__(self, backend: Backend, limits: ApiLimits) -> None:
        self._backend = backend
        self._limits = limits
        self._deployment = deployment_proto(backend.house, backend.endpoints)

    async def GetDeployment(self, request: pb.GetDeploymentRequest, context: Context) -> pb.GetDeploymentResponse:  # noqa: N802
        """What genesis fixed."""
        return self._deployment

    async def ListInstruments(  # noqa: N802
        self, request: pb.ListInstrumentsRequest, context: Context
    ) -> pb.ListInstrumentsResponse:
        """Listings with marks."""
        house = self._backend.house
        if request.underlying and request.underlying not in house.registry.underlyings:
            raise FieldInvalid("underlying", f"{request.underlying} is not listed")
        return instruments_proto(house, self._backend.ledger(), request.underlying)

    async def GetPrices(self, request: pb.GetPricesRequest, context: Context) -> pb.GetPricesResponse:  # noqa: N802
        """The latest oracle round."""
        state = self._backend.ledger()
        return pb.GetPricesResponse(round=round_proto(state.market), as_of=batch_reference(state))

    async def StreamRounds(self, request: pb.StreamRoundsRequest, context: Context) -> None:  # noqa: N802
        """The latest oracle round, then each new one."""
        with self._backend.batches.subscribe(self._limits.stream_queue) as news:
            state = self._backend.ledger()
            await self._send_round(state, context)
            latest = state.market.round
            async for batch in news:
                if batch.state.market.round > latest:
                    latest = batch.state.market.round
                    await self._send_round(batch.state, context)

    async def _send_round(self, state: LedgerState, context: Context) -> None:
        response = pb.StreamRoundsResponse(round=round_proto(state.market), as_of=batch_reference(state))
        await send(context, response, self._limits)
