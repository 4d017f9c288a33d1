"""The key of a committee that no dealer knows: extraction after Gennaro, Jarecki, Krawczyk and Rabin (2007).

Each qualified dealer j has dealt f_j under the hiding commitments C_jk = f_jk·B + g_jk·B'. Only when it is settled who
is qualified does it show A_jk = f_jk·B, with a proof that one and the same f_jk stands in both:

    A_jk = f_jk·B   and   C_jk − A_jk = g_jk·B'        (one batched proof of all f_jk and g_jk)

H = Σ_j A_j0 is therefore settled before anything about it can be seen, and its distribution cannot be bent; with
Feldman commitments alone, whoever speaks last chooses which of several keys it becomes. A dealer that does not show its
commitments is not left out, which would be such a choice too: the others reconstruct its polynomial from their shares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from circuits.ceremony import CeremonyTerms
from circuits.committee import CONTRIBUTION_PROOF_BYTES, CommitteeKey, KeyContribution, KeyOrigin
from circuits.dealing import DEALING_BASE, Dealing, DealtPolynomial, DealtShare
from circuits.errors import DecodingError
from circuits.group import (
    IDENTITY,
    POINT_BYTES,
    SCALAR_BYTES,
    Point,
    decode_point,
    encode_point,
)
from circuits.pedersen import HANDLE_BASE
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.polynomials import interpolate

EXTRACTION: Final = b"key extraction"
_EXTRACTION_PROOF_BYTES: Final = 3 * SCALAR_BYTES
_REVEALED_BYTES: Final = 2 + 2 * SCALAR_BYTES


@dataclass(frozen=True, slots=True)
class Extraction:
    """A dealer's Feldman commitments A_0 … A_{t−1}, and its contribution A_0 with a proof of knowledge."""

    coefficients: tuple[Point, ...]
    contribution: KeyContribution

    @classmethod
    def of(cls, terms: CeremonyTerms, dealer: int, polynomial: DealtPolynomial) -> Self:
        """What follows from a dealt polynomial, whether its dealer shows it or others reconstructed it."""
        coefficients = tuple(HANDLE_BASE * value for value in polynomial.values)
        return cls(coefficients, KeyContribution.prove(terms.digest, dealer, polynomial.values[0]))


def make_extraction(terms: CeremonyTerms, dealing: Dealing, polynomial: DealtPolynomial) -> bytes:
    """The dealer's post: A_0 … A_{t−1} (48 each) ‖ proof (96) ‖ proof of knowledge of log A_0 (64)."""
    shown = Extraction.of(terms, dealing.dealer, polynomial)
    statement = _same_polynomial(terms, dealing, shown.coefficients)
    proof = statement.prove([polynomial.values, polynomial.blindings])
    return b"".join(map(encode_point, shown.coefficients)) + proof + shown.contribution.proof


def check_extraction(terms: CeremonyTerms, dealing: Dealing, payload: bytes) -> Extraction:
    """The extraction in a post.

    Raises:
        DecodingError: another length, or points or scalars that are not canonical.
        ProofRejected: not the polynomial that was dealt.
    """
    end = terms.threshold * POINT_BYTES
    if len(payload) != end + _EXTRACTION_PROOF_BYTES + CONTRIBUTION_PROOF_BYTES:
        raise DecodingError("extraction", f"{len(payload)} bytes for a threshold of {terms.threshold}")
    coefficients = tuple(decode_point(payload[at : at + POINT_BYTES]) for at in range(0, end, POINT_BYTES))
    proof_end = end + _EXTRACTION_PROOF_BYTES
    _same_polynomial(terms, dealing, coefficients).verify(payload[end:proof_end])
    contribution = KeyContribution(dealing.dealer, coefficients[0], payload[proof_end:])
    contribution.verify(terms.digest)
    return Extraction(coefficients, contribution)


def encode_revealed(terms: CeremonyTerms, shares: Mapping[int, DealtShare]) -> bytes:
    """A recipient's shares of the dealers that must be reconstructed: dealer (2) ‖ share (64), in order."""
    return b"".join(dealer.to_bytes(2, "big") + share.encode(terms.kind) for dealer, share in sorted(shares.items()))


def decode_revealed(terms: CeremonyTerms, dealers: frozenset[int], payload: bytes) -> dict[int, DealtShare]:
    """From `encode_revealed`'s bytes; of exactly these dealers.

    Raises:
        DecodingError: another length, other dealers, or scalars that are not canonical.
    """
    entries = [payload[at : at + _REVEALED_BYTES] for at in range(0, len(payload), _REVEALED_BYTES)]
    if [int.from_bytes(entry[:2], "big") for entry in entries] != sorted(dealers):
        raise DecodingError("revealed shares", "not of the dealers that are to be reconstructed")
    return {int.from_bytes(entry[:2], "big"): DealtShare.decode(terms.kind, entry[2:]) for entry in entries}


def reconstruct(terms: CeremonyTerms, dealer: int, shares: Mapping[int, DealtShare]) -> Extraction:
    """What the dealer should have shown, from at least `threshold` checked shares by recipient."""
    chosen = sorted(shares)[: terms.threshold]
    values = interpolate({index: shares[index].value for index in chosen})
    blindings = interpolate({index: shares[index].blinding for index in chosen})
    return Extraction.of(terms, dealer, DealtPolynomial(values, blindings))


def assemble_key(terms: CeremonyTerms, extractions: Mapping[int, Extraction]) -> CommitteeKey:
    """H and the sharing of it: the sums over the qualified dealers.

    Raises:
        StatementUnsound, ProofRejected: it is no committee's key, which dealers that all colluded could bring about.
    """
    shown = [extractions[dealer] for dealer in sorted(extractions)]
    sums = tuple(sum((item.coefficients[power] for item in shown), IDENTITY) for power in range(terms.threshold))
    # A faulty dealer may have dealt zero: it was reconstructed, adds nothing, and has no encoding.
    given = tuple(item.contribution for item in shown if item.contribution.point != IDENTITY)
    origin = KeyOrigin(terms.digest, given)
    key = CommitteeKey.of(sums, len(terms.recipients), origin)
    key.verify()
    return key


def _same_polynomial(terms: CeremonyTerms, dealing: Dealing, coefficients: tuple[Point, ...]) -> PolynomialStatement:
    rests = tuple(hiding - shown for hiding, shown in zip(dealing.commitments, coefficients, strict=True))
    relations = (
        Relation((HANDLE_BASE, IDENTITY), coefficients),
        Relation((IDENTITY, DEALING_BASE), rests),
    )
    return PolynomialStatement(EXTRACTION, relations, terms.digest + dealing.dealer.to_bytes(2, "big"))
