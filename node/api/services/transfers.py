"""TransferService: private transfers between their senders and receivers."""

from dataclasses import replace

from clearing.v1 import transfer_service_pb2 as pb
from clearing.v1 import transfer_service_pb2_grpc as pb_grpc

from node.api.admission import Admission
from node.api.backend import Backend, OpenTransfer
from node.api.errors import Absent
from node.api.fields import account_field, digest_field, reference_field
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.errors import Reason, Refused
from node.ledger.wire_fields import handle_from_proto
from node.ledger.wire_proposals import transfer_proposal_from_proto, transfer_proposal_to_proto


class TransferService(pb_grpc.TransferServiceServicer):
    """Brings transfers to their receivers, and accepted ones into the pool."""

    def __init__(self, backend: Backend, limits: ApiLimits, admission: Admission) -> None:
        self._backend = backend
        self._limits = limits
        self._admission = admission

    async def ProposeTransfer(  # noqa: N802
        self, request: pb.ProposeTransferRequest, context: Context
    ) -> pb.ProposeTransferResponse:
        """Takes a proposed transfer in."""
        transfer = transfer_proposal_from_proto(request.proposal)
        return pb.ProposeTransferResponse(proposal_id=await self._admission.propose_transfer(transfer))

    async def StreamTransfers(self, request: pb.StreamTransfersRequest, context: Context) -> None:  # noqa: N802
        """A receiver's transfers: those that wait, then new ones."""
        receiver = account_field(request.receiver, "receiver")
        with self._backend.new_transfers.subscribe(self._limits.stream_queue) as news:
            waiting = self._backend.transfers(receiver)
            for proposal in waiting:
                await send(context, _streamed(proposal), self._limits)
            sent = {proposal.id for proposal in waiting}
            async for proposal in news:
                if proposal.counterparty == receiver and proposal.id not in sent:
                    await send(context, _streamed(proposal), self._limits)

    async def AcceptTransfer(  # noqa: N802
        self, request: pb.AcceptTransferRequest, context: Context
    ) -> pb.AcceptTransferResponse:
        """Completes a transfer with the receiver's part and submits it."""
        name = digest_field(request.proposal_id, "proposal_id")
        reference = reference_field(request.receiver, "receiver")
        proposal = self._backend.transfer(name)
        if proposal is None:
            raise Absent("proposal", name.hex())
        if reference.account != proposal.counterparty:
            raise Refused(Reason.MALFORMED, "the transfer names another receiver")
        transfer = replace(
            proposal.transfer,
            receiver=reference,
            receiver_proof=request.receiver_proof,
            receiver_signature=request.receiver_signature,
            receiver_handle=handle_from_proto("receiver_handle", request, "receiver_handle"),
            receiver_handle_proof=request.receiver_handle_proof,
        )
        return pb.AcceptTransferResponse(message_id=await self._admission.submit(transfer))


def _streamed(proposal: OpenTransfer) -> pb.StreamTransfersResponse:
    return pb.StreamTransfersResponse(proposal_id=proposal.id, proposal=transfer_proposal_to_proto(proposal.transfer))
