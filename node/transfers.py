"""Private transfers that wait for their receivers: checked, gossiped, kept until they expire or take effect."""

import asyncio
from typing import Final

import structlog
from clearing.v1 import messages_pb2, transfer_service_pb2
from google.protobuf.message import DecodeError

from circuits.errors import ClaimsRejected
from node.api.backend import OpenTransfer
from node.ledger.claims import CollectingVerifier
from node.ledger.errors import Reason, Refused, WireError
from node.ledger.messages import MAX_MESSAGE_BYTES, Transfer
from node.ledger.state import House
from node.ledger.transfers import sender_side
from node.ledger.types import Digest
from node.ledger.wire_agreements import transfer_from_proto, transfer_terms_to_proto
from node.network.errors import InvalidGossip
from node.proposal_book import BoardLimits, ProposalBook
from node.sequencing.admission import Admission
from node.sequencing.ports import Mesh
from node.sequencing.verification import ClaimChecker

TRANSFER_PROPOSAL: Final = "transfer-proposal"
log = structlog.get_logger(__name__)


class TransferBoard:
    """Checks and gossips proposed transfers into `book`. They lock nothing."""

    def __init__(
        self,
        house: House,
        admission: Admission,
        checker: ClaimChecker,
        mesh: Mesh,
        limits: BoardLimits | None = None,
    ) -> None:
        self._house = house
        self._admission = admission
        self._checker = checker
        self._mesh = mesh
        self.book: ProposalBook[OpenTransfer] = ProposalBook(limits or BoardLimits())
        mesh.on(TRANSFER_PROPOSAL, self._on_proposal)

    async def propose(self, transfer: Transfer) -> Digest:
        """Check, keep and gossip a transfer that only its sender signed; its id.

        Raises:
            Refused: it breaks a rule that the sender's side can break.
        """
        proposal = await self._keep(transfer)
        payload = transfer_service_pb2.TransferProposal(
            terms=transfer_terms_to_proto(transfer.terms),
            sealed_box=transfer.sealed_box,
            opening_proof=transfer.opening_proof,
            sender_proof=transfer.sender_proof,
            sender_signature=transfer.sender_signature,
        )
        await self._mesh.broadcast(TRANSFER_PROPOSAL, payload.SerializeToString())
        return proposal.id

    async def _keep(self, transfer: Transfer) -> OpenTransfer:
        verifier = CollectingVerifier()
        await asyncio.to_thread(sender_side, self._house, self._admission.ahead, transfer, verifier)
        try:
            await self._checker.check(verifier.claims)
        except ClaimsRejected as error:
            raise Refused(Reason.PROOF_INVALID, "the sender's proofs do not hold") from error
        proposal = OpenTransfer(transfer.digest(self._house.deployment), transfer)
        self.book.keep(proposal)
        return proposal

    async def _on_proposal(self, sender: bytes, payload: bytes) -> None:
        if len(payload) > MAX_MESSAGE_BYTES:
            raise InvalidGossip(f"a transfer of {len(payload)} bytes")
        try:
            proto = transfer_service_pb2.TransferProposal.FromString(payload)
            transfer = transfer_from_proto(
                messages_pb2.Transfer(
                    terms=proto.terms,
                    sealed_box=proto.sealed_box,
                    opening_proof=proto.opening_proof,
                    sender_proof=proto.sender_proof,
                    sender_signature=proto.sender_signature,
                    receiver=messages_pb2.AccountReference(account=proto.terms.receiver),
                )
            )
        except (DecodeError, WireError) as error:
            raise InvalidGossip(str(error)) from error
        try:
            await self._keep(transfer)
        except Refused as refusal:
            # The accounts may stand differently here at the moment: no offence.
            log.debug("transfer_refused", peer=sender.hex(), reason=refusal.reason)
