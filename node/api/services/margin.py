"""MarginService: risk grids, margin proofs, and how an account stands."""

from clearing.v1 import margin_service_pb2 as pb
from clearing.v1 import margin_service_pb2_grpc as pb_grpc
from clearing.v1 import messages_pb2

from node.api.admission import Admission
from node.api.backend import Backend
from node.api.convert import account_status, batch_reference, window_proto
from node.api.errors import Absent
from node.api.fields import account_field
from node.api.guard import Context
from node.ledger.calls import lapse_reason
from node.ledger.wire import message_from_proto


class MarginService(pb_grpc.MarginServiceServicer):
    """Margin as the public state shows it."""

    def __init__(self, backend: Backend, admission: Admission) -> None:
        self._backend = backend
        self._admission = admission

    async def GetGrid(self, request: pb.GetGridRequest, context: Context) -> pb.GetGridResponse:  # noqa: N802
        """The grid of a round that proofs may name."""
        house, state = self._backend.house, self._backend.ledger()
        latest = state.grids[-1] if state.grids else None
        grid = state.grid(request.round) if request.HasField("round") else latest
        if grid is None:
            raise Absent("grid", str(request.round) if request.HasField("round") else "yet")
        return pb.GetGridResponse(
            round=grid.round,
            grid=grid.encode(),
            grid_digest=grid.digest,
            parameters_digest=house.parameters_digest,
            accepted_rounds=[entry.round for entry in state.grids],
            as_of=batch_reference(state),
        )

    async def SubmitMarginProof(  # noqa: N802
        self, request: pb.SubmitMarginProofRequest, context: Context
    ) -> pb.SubmitMarginProofResponse:
        """Takes a margin proof in."""
        message = message_from_proto(messages_pb2.ClientMessage(margin_proof=request.margin_proof))
        return pb.SubmitMarginProofResponse(message_id=await self._admission.submit(message))

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:  # noqa: N802
        """Where an account stands on the margin ladder."""
        name = account_field(request.account)
        state = self._backend.ledger()
        account = state.accounts.get(name)
        if account is None:
            raise Absent("account", name.hex())
        reason = lapse_reason(self._backend.house, state, account)
        return pb.CheckResponse(
            status=account_status(account.status),
            deadline=account.deadline,
            needs_proof=reason is not None,
            window=window_proto(account.window),
            lapse_reason=reason or "",
            round=state.market.round,
            as_of=batch_reference(state),
        )
