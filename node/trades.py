"""Trades that wait for their makers."""

from clearing.v1 import trade_service_pb2
from eth_hash.auto import keccak

from circuits.auditor import NO_HANDLE
from node.api.backend import TradeProposal
from node.ledger.apply import require_on_tick
from node.ledger.claims import CollectingVerifier, opening_claim, proof_context, side_handle, solvency_claim
from node.ledger.errors import Reason, Refused
from node.ledger.messages import SEALED_BOX_BYTES, Trade
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.state import House, LedgerState
from node.ledger.types import Digest, MicroUsd
from node.ledger.wire_proposals import trade_proposal_from_proto, trade_proposal_to_proto
from node.market.errors import MarketError
from node.market.state import check_alive
from node.proposal_board import ProposalBoard


class TradeBoard(ProposalBoard[Trade, TradeProposal]):
    """Trades that only their takers signed."""

    topic = "trade-proposal"

    def encode(self, message: Trade) -> bytes:
        """clearing.v1.TradeProposal."""
        return trade_proposal_to_proto(message).SerializeToString()

    def decode(self, payload: bytes) -> Trade:
        """The inverse of `encode`; raises DecodeError or WireError."""
        return trade_proposal_from_proto(trade_service_pb2.TradeProposal.FromString(payload))

    def check(self, state: LedgerState, message: Trade, verifier: CollectingVerifier) -> None:
        """The taker's half of the rules; raises Refused."""
        check_taker(self._house, state, message, verifier)

    def opened(self, message: Trade) -> TradeProposal:
        """As the book keeps it."""
        return TradeProposal(message.digest(self._house.deployment), message)


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
