"""The cryptographic claims behind a message: which statement over which commitments each proof must satisfy.

The ledger fixes instruments, nodes and rows; a message only brings the proof. What checks the claims is passed in, so
that a node can collect a whole batch's claims and verify them at once, in another process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from circuits.batch import Claim, verify_claims
from circuits.errors import DecodingError, StatementUnsound
from circuits.opening import OPENING_BYTES, OpeningClaim
from circuits.pedersen import Commitment, CommitmentKey
from circuits.solvency import SolvencyClaim, SolvencyInputs, SolvencyProof
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


def opening_claim(commitment: Commitment, proof: bytes, context: ProofContext) -> OpeningClaim:
    """That whoever sent a trade or a transfer knows what its commitment holds.

    Raises:
        Refused: PROOF_INVALID, the proof has another length.
    """
    if len(proof) != OPENING_BYTES:
        raise Refused(Reason.PROOF_INVALID, f"opening_proof: {len(proof)} bytes where {OPENING_BYTES} belong")
    return OpeningClaim(commitment, proof, context)


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
        Refused: PROOF_INVALID, the proof in `field_name` has another size, or does not decode.
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
        decoded = SolvencyProof.decode_for(terms, proof)
    except (DecodingError, StatementUnsound) as error:
        raise Refused(Reason.PROOF_INVALID, f"{field_name}: {error}") from error
    exposures = (*account.positions.values(), *account.collateral.values())
    return SolvencyClaim(terms, SolvencyInputs(account.cash, exposures, trade, transfer), decoded, context)
