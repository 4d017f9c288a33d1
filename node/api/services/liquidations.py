"""LiquidationService: defaults, their auctions, and bids."""

from clearing.v1 import liquidation_service_pb2 as pb
from clearing.v1 import liquidation_service_pb2_grpc as pb_grpc
from clearing.v1 import messages_pb2

from node.api.admission import Admission
from node.api.backend import Backend
from node.api.convert import batch_reference, default_proto
from node.api.fields import account_field
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.state import Default, LedgerState, Stage
from node.ledger.types import Digest
from node.ledger.wire import message_from_proto


class LiquidationService(pb_grpc.LiquidationServiceServicer):
    """Defaults as the state shows them."""

    def __init__(self, backend: Backend, limits: ApiLimits, admission: Admission) -> None:
        self._backend = backend
        self._limits = limits
        self._admission = admission

    async def ListDefaults(self, request: pb.ListDefaultsRequest, context: Context) -> pb.ListDefaultsResponse:  # noqa: N802
        """Defaults, by id."""
        account = account_field(request.account) if request.account else None
        house, state = self._backend.house, self._backend.ledger()
        listed = [
            default
            for _, default in sorted(state.defaults.items())
            if (request.include_closed or default.stage is not Stage.CLOSED) and account in (None, default.account)
        ]
        return pb.ListDefaultsResponse(
            defaults=[default_proto(house, state, default) for default in listed],
            as_of=batch_reference(state),
        )

    async def StreamLiquidations(self, request: pb.StreamLiquidationsRequest, context: Context) -> None:  # noqa: N802
        """Open defaults, and each one again when it changes: auctions with every hub block, as their price falls."""
        with self._backend.batches.subscribe(self._limits.stream_queue) as news:
            state = self._backend.ledger()
            seen = {name: d for name, d in state.defaults.items() if d.stage is Stage.CLOSED}
            seen = await self._send_changes(state, seen, context)
            async for batch in news:
                seen = await self._send_changes(batch.state, seen, context)

    async def _send_changes(
        self, state: LedgerState, seen: dict[Digest, Default], context: Context
    ) -> dict[Digest, Default]:
        for name, default in sorted(state.defaults.items()):
            if seen.get(name) != default or default.stage is Stage.AUCTION:
                response = pb.StreamLiquidationsResponse(
                    default=default_proto(self._backend.house, state, default), as_of=batch_reference(state)
                )
                await send(context, response, self._limits)
        return dict(state.defaults)

    async def SubmitBid(self, request: pb.SubmitBidRequest, context: Context) -> pb.SubmitBidResponse:  # noqa: N802
        """Takes a bid in."""
        message = message_from_proto(messages_pb2.ClientMessage(bid=request.bid))
        return pb.SubmitBidResponse(message_id=await self._admission.submit(message))
