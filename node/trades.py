"""Trade proposals that wait for their makers: checked, gossiped, kept until they expire or trade. They lock nothing."""

import asyncio
from typing import Final

import structlog
from clearing.v1 import trade_service_pb2
from eth_hash.auto import keccak
from google.protobuf.message import DecodeError

from circuits.auditor import NO_HANDLE
from circuits.errors import ClaimsRejected
from node.api.backend import TradeProposal
from node.ledger.apply import require_on_tick
from node.ledger.claims import CollectingVerifier, opening_claim, proof_context, side_handle, solvency_claim
from node.ledger.errors import Reason, Refused, WireError
from node.ledger.messages import MAX_MESSAGE_BYTES, SEALED_BOX_BYTES, AccountReference, Trade
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.state import House, LedgerState
from node.ledger.types import Digest, MicroUsd
from node.ledger.wire_agreements import terms_from_proto, terms_to_proto
from node.market.errors import MarketError
from node.market.state import check_alive
from node.network.errors import InvalidGossip
from node.proposal_book import BoardLimits, ProposalBook
from node.sequencing.admission import Admission
from node.sequencing.ports import Mesh
from node.sequencing.verification import ClaimChecker

TRADE_PROPOSAL: Final = "trade-proposal"
log = structlog.get_logger(__name__)


class TradeBoard:
    """Checks and gossips trade proposals into `book`."""

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
        self.book: ProposalBook[TradeProposal] = ProposalBook(limits or BoardLimits())
        mesh.on(TRADE_PROPOSAL, self._on_proposal)

    async def propose(self, trade: Trade) -> Digest:
        """Check, keep and gossip a trade that only its taker signed; its id.

        Raises:
            Refused: it breaks a rule that the taker's side can break.
        """
        proposal = await self._keep(trade)
        payload = trade_service_pb2.TradeProposal(
            terms=terms_to_proto(trade.terms),
            sealed_box=trade.sealed_box,
            opening_proof=trade.opening_proof,
            taker_proof=trade.taker_proof,
            taker_signature=trade.taker_signature,
        )
        await self._mesh.broadcast(TRADE_PROPOSAL, payload.SerializeToString())
        return proposal.id

    async def _keep(self, trade: Trade) -> TradeProposal:
        verifier = CollectingVerifier()
        await asyncio.to_thread(check_taker, self._house, self._admission.ahead, trade, verifier)
        try:
            await self._checker.check(verifier.claims)
        except ClaimsRejected as error:
            raise Refused(Reason.PROOF_INVALID, "the taker's proofs do not hold") from error
        proposal = TradeProposal(trade.digest(self._house.deployment), trade)
        self.book.keep(proposal)
        return proposal

    async def _on_proposal(self, sender: bytes, payload: bytes) -> None:
        if len(payload) > MAX_MESSAGE_BYTES:
            raise InvalidGossip(f"a proposal of {len(payload)} bytes")
        try:
            proto = trade_service_pb2.TradeProposal.FromString(payload)
            terms = terms_from_proto(proto.terms)
        except (DecodeError, WireError) as error:
            raise InvalidGossip(str(error)) from error
        maker = AccountReference(terms.maker, 0, 0)
        proofs = (proto.opening_proof, proto.taker_proof, proto.taker_signature)
        try:
            await self._keep(Trade(terms, proto.sealed_box, *proofs, maker))
        except Refused as refusal:
            # The accounts may stand differently here at the moment: no offence.
            log.debug("proposal_refused", peer=sender.hex(), reason=refusal.reason)


def check_taker(house: House, state: LedgerState, trade: Trade, verifier: CollectingVerifier) -> None:
    """The taker's half of the ledger's rules for a trade, against `state`; its claims go to the verifier.

    Raises:
        Refused: the first rule it breaks.
    """
    terms, digest = trade.terms, trade.digest(house.deployment)
    taker = state.accounts.get(terms.taker.account)
    if taker is None or terms.maker not in state.accounts:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "taker or maker is not open")
    if terms.taker.account == terms.maker:
        raise Refused(Reason.SELF_TRADE, "taker and maker must be two accounts")
    if terms.expiry < state.hub_height:
        raise Refused(Reason.EXPIRED, f"expired at hub block {terms.expiry}, now {state.hub_height}")
    _require_signed(taker.owner, trade.taker_signature, digest)
    if taker.version != terms.taker.version:
        current = (("account", taker.id.hex()), ("version", str(taker.version)))
        raise Refused(Reason.VERSION_MISMATCH, f"version {taker.version} is current", current)
    if len(trade.sealed_box) != SEALED_BOX_BYTES:
        raise Refused(Reason.MALFORMED, f"a sealed box of {len(trade.sealed_box)} bytes, not {SEALED_BOX_BYTES}")
    if bytes(keccak(trade.sealed_box)) != terms.box_digest:
        raise Refused(Reason.MALFORMED, "the sealed box is not the one in the terms")
    grid = state.grid(terms.round)
    if grid is None:
        raise Refused(Reason.ROUND_UNKNOWN, f"round {terms.round} is not accepted")
    try:
        instrument = house.registry.instrument(terms.instrument)
        check_alive(instrument, state.market.time)
        require_on_tick(instrument, terms.price)
        coefficient = MicroUsd(terms.price - grid.instrument(terms.instrument).funding)
        merged = taker.merged(terms.taker.credits)
        handle = terms.taker_handle or NO_HANDLE
        bought = merged.traded(terms.instrument, terms.commitment, coefficient, handle)
        bought = bought.with_cash_moved(MicroUsd(-terms.fee))
        context = proof_context(house, digest, grid)
        audit = side_handle(merged, terms.taker_handle)
        opening = opening_claim(terms.commitment, trade.opening_proof, context, audit)
        solvent = solvency_claim(
            bought, grid, trade.taker_proof, context, field_name="taker_proof", trade=terms.commitment
        )
    except MarketError as error:
        raise Refused(Reason.INSTRUMENT_UNKNOWN, str(error)) from error
    verifier.check((opening, solvent))


def _require_signed(owner: bytes, signature: bytes, digest: Digest) -> None:
    try:
        signer = recover_owner(signature, digest)
    except SignatureMalformed as error:
        raise Refused(Reason.SIGNATURE_INVALID, str(error)) from error
    if signer != owner:
        raise Refused(Reason.SIGNATURE_INVALID, "not signed by the taker's owner")
