"""Proofs of possession of polynomials: complete, bound to everything, and refused for whatever is not known."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.dealing import DEALING_BASE
from circuits.errors import CircuitError, DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import IDENTITY, Scalar, encode_scalar, msm, random_scalar, scalar
from circuits.pedersen import HANDLE_BASE, VALUE_BASE
from circuits.polynomial_proofs import PolynomialStatement, Relation

F = tuple(random_scalar() for _ in range(4))
G = tuple(random_scalar() for _ in range(4))
HIDING = tuple(msm([HANDLE_BASE, DEALING_BASE], [f, g]) for f, g in zip(F, G, strict=True))
SHOWN = tuple(HANDLE_BASE * f for f in F)
RESTS = tuple(DEALING_BASE * g for g in G)
KNOWN = PolynomialStatement(b"known", (Relation((HANDLE_BASE, DEALING_BASE), HIDING),), b"context")
SAME = PolynomialStatement(
    b"same",
    (Relation((HANDLE_BASE, IDENTITY), SHOWN), Relation((IDENTITY, DEALING_BASE), RESTS)),
    b"context",
)


@pytest.mark.parametrize("statement", [KNOWN, SAME])
def test_an_honest_proof_is_accepted_and_repeats(statement: PolynomialStatement) -> None:
    proof = statement.prove([F, G])
    assert len(proof) == statement.proof_bytes == 96
    statement.verify(proof)
    assert statement.prove([F, G]) == proof


@settings(max_examples=60)
@given(st.sampled_from([KNOWN, SAME]), st.integers(0, 96 * 8 - 1))
def test_a_proof_with_any_bit_flipped_is_refused(statement: PolynomialStatement, bit: int) -> None:
    proof = bytearray(statement.prove([F, G]))
    proof[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CircuitError):
        statement.verify(bytes(proof))


@pytest.mark.parametrize("place", range(4))
def test_a_proof_is_void_for_any_other_image(place: int) -> None:
    moved = tuple(image + VALUE_BASE if at == place else image for at, image in enumerate(HIDING))
    with pytest.raises(ProofRejected):
        replace(KNOWN, relations=(Relation((HANDLE_BASE, DEALING_BASE), moved),)).verify(KNOWN.prove([F, G]))


def test_a_proof_is_void_for_another_context_kind_or_base() -> None:
    proof = KNOWN.prove([F, G])
    for other in (
        replace(KNOWN, context=b"other"),
        replace(KNOWN, kind=b"other"),
        replace(KNOWN, relations=(Relation((HANDLE_BASE, VALUE_BASE), HIDING),)),
    ):
        with pytest.raises(ProofRejected):
            other.verify(proof)


def test_commitments_of_another_polynomial_have_no_proof() -> None:
    other = (F[0] + scalar(1), *F[1:])
    with pytest.raises(WitnessInvalid):
        SAME.prove([other, G])
    lied = tuple(HANDLE_BASE * f for f in other)
    rests = tuple(hiding - shown for hiding, shown in zip(HIDING, lied, strict=True))
    relations = (Relation((HANDLE_BASE, IDENTITY), lied), Relation((IDENTITY, DEALING_BASE), rests))
    with pytest.raises(ProofRejected):
        replace(SAME, relations=relations).verify(forged(replace(SAME, relations=relations), [other, G]))


def forged(statement: PolynomialStatement, secret: list[tuple[Scalar, ...]]) -> bytes:
    """What a prover gets who skips the check of its witness."""
    statement = replace(statement)
    original = PolynomialStatement._require
    PolynomialStatement._require = lambda self, secret: None  # type: ignore[method-assign]
    try:
        return statement.prove(secret)
    finally:
        PolynomialStatement._require = original  # type: ignore[method-assign]


def test_swapped_images_do_not_pass_though_their_sum_is_the_same() -> None:
    swapped = (HIDING[1], HIDING[0], *HIDING[2:])
    statement = replace(KNOWN, relations=(Relation((HANDLE_BASE, DEALING_BASE), swapped),))
    with pytest.raises(ProofRejected):
        statement.verify(forged(statement, [F, G]))


@pytest.mark.parametrize("length", [0, 64, 95, 97, 128])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError):
        KNOWN.verify(bytes(length))


def test_scalars_beyond_the_order_are_refused() -> None:
    with pytest.raises(DecodingError):
        KNOWN.verify(b"\xff" * 32 + encode_scalar(F[0]) * 2)


def test_relations_of_different_sizes_do_not_pair() -> None:
    with pytest.raises(LengthMismatch):
        PolynomialStatement(b"x", (Relation((HANDLE_BASE,), SHOWN), Relation((HANDLE_BASE,), SHOWN[:1])), b"")
    with pytest.raises(LengthMismatch):
        PolynomialStatement(b"x", (Relation((HANDLE_BASE,), SHOWN), Relation((HANDLE_BASE,) * 2, SHOWN)), b"")
