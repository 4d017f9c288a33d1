"""TradeService: proposals between takers and makers."""

from dataclasses import replace

from clearing.v1 import trade_service_pb2 as pb
from clearing.v1 import trade_service_pb2_grpc as pb_grpc

from node.api.admission import Admission
from node.api.backend import Backend, TradeProposal
from node.api.errors import Absent
from node.api.fields import account_field, digest_field, reference_field
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.errors import Reason, Refused
from node.ledger.wire_fields import handle_from_proto
from node.ledger.wire_proposals import trade_proposal_from_proto, trade_proposal_to_proto


class TradeService(pb_grpc.TradeServiceServicer):
    """Brings proposals to their makers, and accepted trades into the pool."""

    def __init__(self, backend: Backend, limits: ApiLimits, admission: Admission) -> None:
        self._backend = backend
        self._limits = limits
        self._admission = admission

    async def Propose(self, request: pb.ProposeRequest, context: Context) -> pb.ProposeResponse:  # noqa: N802
        """Takes a proposal in."""
        trade = trade_proposal_from_proto(request.proposal)
        return pb.ProposeResponse(proposal_id=await self._admission.propose(trade))

    async def StreamProposals(self, request: pb.StreamProposalsRequest, context: Context) -> None:  # noqa: N802
        """A maker's proposals: those that wait, then new ones."""
        maker = account_field(request.maker, "maker")
        with self._backend.new_proposals.subscribe(self._limits.stream_queue) as news:
            waiting = self._backend.proposals(maker)
            for proposal in waiting:
                await send(context, _streamed(proposal), self._limits)
            sent = {proposal.id for proposal in waiting}
            async for proposal in news:
                if proposal.trade.terms.maker == maker and proposal.id not in sent:
                    await send(context, _streamed(proposal), self._limits)

    async def Accept(self, request: pb.AcceptRequest, context: Context) -> pb.AcceptResponse:  # noqa: N802
        """Completes a proposal with the maker's part and submits the trade."""
        name = digest_field(request.proposal_id, "proposal_id")
        reference = reference_field(request.maker, "maker")
        proposal = self._backend.proposal(name)
        if proposal is None:
            raise Absent("proposal", name.hex())
        if reference.account != proposal.trade.terms.maker:
            raise Refused(Reason.MALFORMED, "the proposal names another maker")
        trade = replace(
            proposal.trade,
            maker=reference,
            maker_proof=request.maker_proof,
            maker_signature=request.maker_signature,
            maker_handle=handle_from_proto("maker_handle", request, "maker_handle"),
            maker_handle_proof=request.maker_handle_proof,
        )
        return pb.AcceptResponse(message_id=await self._admission.submit(trade))


def _streamed(proposal: TradeProposal) -> pb.StreamProposalsResponse:
    return pb.StreamProposalsResponse(proposal_id=proposal.id, proposal=trade_proposal_to_proto(proposal.trade))
