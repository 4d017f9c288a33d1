"""The cryptographic claims behind a message: which statement over which commitments each proof must satisfy.

The ledger fixes instruments, nodes and rows; a message only brings the proof. What checks the claims is passed in, so
that a node can collect a whole batch's claims and verify them at once, in another process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from circuits.auditor import AuditorHandle, Handle
from circuits.batch import Claim, verify_claims
from circuits.errors import DecodingError, StatementUnsound
from circuits.handles import HANDLES_PROOF_BYTES, HandlesClaim
from circuits.opening import OpeningClaim, opening_bytes
from circuits.pedersen import Commitment, CommitmentKey
from circuits.solvency import SolvencyClaim, SolvencyInputs, SolvencyProof, SolvencyTerms, solvency_sizes
from circuits.transcript import ProofContext
from node.ledger.account import Account
from node.ledger.errors import Reason, Refused
from node.ledger.state import House
from node.ledger.types import AssetId, Digest
from node.market.grid import RiskGrid
from node.market.rows import compile_terms


class Verifier(Protocol):
    """Whoever decides whether claims hold."""

    def check(self, claims: Sequence[Claim]) -> None:
        """Return if all hold.

        Raises:
            circuits.batch.ClaimsRejected: with the indices of those that do not.
        """
        ...


@dataclass(frozen=True, slots=True)
class InlineVerifier:
    """Verifies at once, in the calling thread."""

    key: CommitmentKey

    def check(self, claims: Sequence[Claim]) -> None:
        """See `Verifier.check`."""
        verify_claims(self.key, claims)


@dataclass(slots=True)
class CollectingVerifier:
    """Takes every claim for granted and keeps it: whoever uses it must verify `claims` before trusting the outcome."""

    claims: list[Claim] = field(default_factory=list)

    def check(self, claims: Sequence[Claim]) -> None:
        """Keep the claims."""
        self.claims.extend(claims)


@dataclass(frozen=True, slots=True)
class TrustingVerifier:
    """For batches that a certificate and the hub already vouch for: a quorum verified their claims."""

    def check(self, claims: Sequence[Claim]) -> None:
        """Accept."""


def proof_context(house: House, digest: Digest, grid: RiskGrid) -> ProofContext:
    """What a proof of the message `digest` in the round of `grid` is bound to."""
    return ProofContext(house.deployment, digest, grid.round, grid.digest, house.parameters_digest)


def message_context(house: House, digest: Digest) -> ProofContext:
    """What a proof of the message `digest` is bound to where no round has a part in it."""
    return ProofContext(house.deployment, digest, 0, bytes(32), house.parameters_digest)


def opening_claim(
    commitment: Commitment, proof: bytes, context: ProofContext, audit: AuditorHandle | None = None
) -> OpeningClaim:
    """That whoever sent a trade or a transfer knows what its commitment holds; with `audit`, that this is its handle.

    Raises:
        Refused: PROOF_INVALID, the proof has another length.
    """
    expected = opening_bytes(audited=audit is not None)
    if len(proof) != expected:
        raise Refused(Reason.PROOF_INVALID, f"opening_proof: {len(proof)} bytes where {expected} belong")
    return OpeningClaim(commitment, proof, context, audit)


def side_handle(account: Account, handle: Handle | None) -> AuditorHandle | None:
    """The handle that an account's side of a message brings: one where it has an auditor, none where it has not.

    Raises:
        Refused: HANDLE_MISSING or HANDLE_UNEXPECTED.
    """
    if account.audit is not None and handle is None:
        raise handle_missing(account)
    if account.audit is None and handle is not None:
        raise handle_unexpected(account)
    return None if account.audit is None or handle is None else AuditorHandle(account.audit.auditor, handle)


def handle_missing(account: Account) -> Refused:
    """The refusal of a message of an audited account that brings a commitment without its handle."""
    metadata = (("account", account.id.hex()),)
    return Refused(Reason.HANDLE_MISSING, f"account {account.id.hex()} has an auditor: a handle belongs here", metadata)


def handle_unexpected(account: Account) -> Refused:
    """The refusal of a handle for an account without an auditor."""
    metadata = (("account", account.id.hex()),)
    return Refused(Reason.HANDLE_UNEXPECTED, f"account {account.id.hex()} has no auditor", metadata)


def counterparty_claim(
    audit: AuditorHandle, commitment: Commitment, proof: bytes, context: ProofContext, field_name: str
) -> HandlesClaim:
    """That the handle of an account that did not make the commitment, but knows what it holds, is the commitment's.

    Raises:
        Refused: PROOF_INVALID, the proof has another length.
    """
    if len(proof) != HANDLES_PROOF_BYTES:
        raise Refused(Reason.PROOF_INVALID, f"{field_name}: {len(proof)} bytes where {HANDLES_PROOF_BYTES} belong")
    return HandlesClaim(audit.auditor, (commitment,), (audit.handle,), proof, context)


def solvency_claim(
    account: Account,
    grid: RiskGrid,
    proof: bytes,
    context: ProofContext,
    *,
    field_name: str = "proof",
    trade: Commitment | None = None,
    transfer: Commitment | None = None,
    withdrawn: AssetId | None = None,
) -> SolvencyClaim:
    """That `account`, as it stands after the message, is solvent throughout the round's initial window.

    `trade` adds the row that bounds a taker's size, `transfer` the one that bounds a sender's amount; `withdrawn` the
    row that keeps that collateral non-negative.
    The statement fixes the proof's size, which is checked before anything in it is decoded.

    Raises:
        Refused: PROOF_INVALID, the proof in `field_name` has another size, or does not decode; HANDLE_MISSING or
            HANDLE_UNEXPECTED, it has the size of one without the handle that the account's auditor needs, or with one.
        MarketError: the round's grid lacks something that the account holds.
    """
    positions, collateral = tuple(account.positions), tuple(account.collateral)
    try:
        terms = compile_terms(
            grid,
            positions,
            collateral,
            trade=trade is not None,
            transfer=transfer is not None,
            withdrawn=withdrawn,
        )
        _require_handle(account, terms, proof)
        decoded = SolvencyProof.decode_for(terms, proof, audited=account.audit is not None)
    except (DecodingError, StatementUnsound) as error:
        raise Refused(Reason.PROOF_INVALID, f"{field_name}: {error}") from error
    exposures = (*account.positions.values(), *account.collateral.values())
    inputs = SolvencyInputs(account.cash, exposures, trade, transfer)
    return SolvencyClaim(terms, inputs, decoded, context, account.auditor)


def _require_handle(account: Account, terms: SolvencyTerms, proof: bytes) -> None:
    """Tell a proof that only lacks its limb's handle, or has one too many, from one of any other size."""
    audited = account.audit is not None
    if len(proof) == solvency_sizes(terms, audited=not audited).proof:
        raise handle_missing(account) if audited else handle_unexpected(account)
