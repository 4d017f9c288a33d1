"""A node's board of one kind of proposal: each is checked, kept in a book, and gossiped. Proposals lock nothing."""

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import structlog
from google.protobuf.message import DecodeError

from circuits.errors import ClaimsRejected
from node.ledger.claims import CollectingVerifier
from node.ledger.errors import Reason, Refused, WireError
from node.ledger.messages import MAX_MESSAGE_BYTES
from node.ledger.state import House, LedgerState
from node.ledger.types import Digest
from node.network.errors import InvalidGossip
from node.proposal_book import BoardLimits, OpenProposal, ProposalBook
from node.sequencing.admission import Admission
from node.sequencing.ports import Mesh
from node.sequencing.verification import ClaimChecker

M = TypeVar("M")
P = TypeVar("P", bound=OpenProposal)
log = structlog.get_logger(__name__)


class ProposalBoard(ABC, Generic[M, P]):
    """Checks and gossips proposals, messages that only their proposers signed, into `book`."""

    topic: str
    """What its gossip is called between nodes."""

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
        self.book: ProposalBook[P] = ProposalBook(limits or BoardLimits())
        mesh.on(self.topic, self._on_proposal)

    async def propose(self, message: M) -> Digest:
        """Check, keep and gossip a proposal; its id.

        Raises:
            Refused: it breaks a rule that the proposer's side can break.
        """
        proposal = await self._keep(message)
        await self._mesh.broadcast(self.topic, self.encode(message))
        return proposal.id

    @abstractmethod
    def encode(self, message: M) -> bytes:
        """A proposal as it travels."""

    @abstractmethod
    def decode(self, payload: bytes) -> M:
        """The inverse of `encode`.

        Raises:
            DecodeError, WireError: not a proposal of this kind.
        """

    @abstractmethod
    def check(self, state: LedgerState, message: M, verifier: CollectingVerifier) -> None:
        """The proposer's half of the ledger's rules, against `state`; its claims go to the verifier.

        Raises:
            Refused: the first rule it breaks.
        """

    @abstractmethod
    def opened(self, message: M) -> P:
        """The proposal as the book keeps it."""

    async def _keep(self, message: M) -> P:
        verifier = CollectingVerifier()
        await asyncio.to_thread(self.check, self._admission.ahead, message, verifier)
        try:
            await self._checker.check(verifier.claims)
        except ClaimsRejected as error:
            raise Refused(Reason.PROOF_INVALID, "the proposer's proofs do not hold") from error
        proposal = self.opened(message)
        self.book.keep(proposal)
        return proposal

    async def _on_proposal(self, sender: bytes, payload: bytes) -> None:
        if len(payload) > MAX_MESSAGE_BYTES:
            raise InvalidGossip(f"a {self.topic} of {len(payload)} bytes")
        try:
            message = self.decode(payload)
        except (DecodeError, WireError) as error:
            raise InvalidGossip(str(error)) from error
        try:
            await self._keep(message)
        except Refused as refusal:
            # The accounts may stand differently here at the moment: no offence.
            log.debug("proposal_refused", kind=self.topic, peer=sender.hex(), reason=refusal.reason)
