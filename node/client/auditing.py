"""Naming an auditor, from the owner's side: handles for everything hidden so far, and proofs that they are right.

Whom an account names is known from what its owner signed, never from a node's word: a node that could make an owner
believe in an auditor of its own would be handed what it needs to read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from clearing.v1 import ledger_service_pb2

from circuits.auditor import AuditorClaim, ProvenAuditor
from circuits.errors import DecodingError, ProofRejected
from circuits.handles import prove_handles
from node.client.delivery import MESSAGE_BLOCKS, Sending
from node.client.derivation import fresh_nonce
from node.client.errors import AuditorInvalid
from node.client.holdings import Holdings
from node.client.pipeline import Built, Tip
from node.client.prover import Statement
from node.client.session import Session
from node.ledger.messages import AccountReference, SetAuditor
from node.ledger.types import AccountId, Digest
from node.ledger.wire import message_to_proto


@dataclass(frozen=True, slots=True)
class AuditorDesk:
    """The auditor of one account."""

    session: Session
    account: AccountId

    def naming(self, auditor: bytes | None) -> Callable[[Tip], Awaitable[Built]]:
        """How to build the message that names `auditor` (128 bytes), or nobody.

        Raises:
            AuditorInvalid: not an auditor's key with its proof for this house.
        """
        proven = None if auditor is None else self._checked(auditor)

        async def build(tip: Tip) -> Built:
            held = replace(tip.holdings, auditor=None if proven is None else proven.key)
            reference = AccountReference(self.account, tip.version, held.credits_merged)
            expiry = tip.as_of.hub_block + MESSAGE_BLOCKS
            if proven is None:
                return self._built(SetAuditor(reference, None, b"", 0, fresh_nonce(), expiry), held, proven=False)
            grid = await self.session.grids.latest() if tip.needs_window else None
            message = SetAuditor(
                reference,
                proven.key,
                b"".join(proven.key.handle(amount.blinding).encode() for amount in held.blinded()),
                0 if grid is None else grid.round,
                fresh_nonce(),
                expiry,
                auditor_proof=proven.proof,
            )
            digest = message.digest(self.session.house.deployment)
            tied = await asyncio.to_thread(self._handles_proof, proven, held, digest)
            proof = b"" if grid is None else await self.session.prover.prove(Statement(held, grid), digest)
            return self._built(replace(message, handles_proof=tied, proof=proof), held, proven=grid is not None)

        return build

    def _checked(self, auditor: bytes) -> ProvenAuditor:
        house = self.session.house
        try:
            proven = ProvenAuditor.decode(auditor)
            AuditorClaim(proven.key, proven.proof, house.deployment.digest).verify(house.key)
        except (DecodingError, ProofRejected) as error:
            raise AuditorInvalid(str(error)) from error
        return proven

    def _handles_proof(self, proven: ProvenAuditor, held: Holdings, digest: Digest) -> bytes:
        key, amounts = self.session.house.key, held.blinded()
        if not amounts:
            return b""
        blindings = [amount.blinding for amount in amounts]
        context = self.session.prover.message_context(digest)
        return prove_handles(key, proven.key, tuple(map(key.commit, amounts)), blindings, context)

    def _built(self, message: SetAuditor, after: Holdings, *, proven: bool) -> Built:
        digest = message.digest(self.session.house.deployment)
        signed = replace(message, signature=self.session.owner.sign(digest))
        request = ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(signed))
        connection = self.session.connection

        def send() -> Awaitable[object]:
            return connection.call(connection.ledger.SubmitMessage, request)

        return Built(Sending(digest, message.expiry, send), after, proven=proven)
