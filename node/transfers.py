"""Private transfers that wait for their receivers."""

from clearing.v1 import transfer_service_pb2

from node.api.backend import OpenTransfer
from node.ledger.claims import CollectingVerifier
from node.ledger.messages import Transfer
from node.ledger.state import LedgerState
from node.ledger.transfers import sender_side
from node.ledger.wire_proposals import transfer_proposal_from_proto, transfer_proposal_to_proto
from node.proposal_board import ProposalBoard


class TransferBoard(ProposalBoard[Transfer, OpenTransfer]):
    """Transfers that only their senders signed."""

    topic = "transfer-proposal"

    def encode(self, message: Transfer) -> bytes:
        """clearing.v1.TransferProposal."""
        return transfer_proposal_to_proto(message).SerializeToString()

    def decode(self, payload: bytes) -> Transfer:
        """The inverse of `encode`; raises DecodeError or WireError."""
        return transfer_proposal_from_proto(transfer_service_pb2.TransferProposal.FromString(payload))

    def check(self, state: LedgerState, message: Transfer, verifier: CollectingVerifier) -> None:
        """The sender's half of the rules; raises Refused."""
        sender_side(self._house, state, message, verifier)

    def opened(self, message: Transfer) -> OpenTransfer:
        """As the book keeps it."""
        return OpenTransfer(message.digest(self._house.deployment), message)
