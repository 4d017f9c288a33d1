"""Proofs of one exponent behind several images: nothing but the very statement and context is accepted."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import dleq
from circuits.dleq import EQUAL_LOGS_PROOF_BYTES, EqualLogs, prove_equal_logs, verify_equal_logs
from circuits.errors import CircuitError, DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import IDENTITY, ORDER, Scalar, encode_scalar, hash_to_point, scalar

FIRST, SECOND, THIRD = (hash_to_point(bytes([i]), b"zkclear/test") for i in range(3))
SECRET = scalar(0xDECAF)
STATEMENT = EqualLogs((FIRST, SECOND), (FIRST * SECRET, SECOND * SECRET))
PROOF = prove_equal_logs(b"test", STATEMENT, SECRET, b"context")


@settings(max_examples=15)
@given(st.integers(0, ORDER - 1), st.integers(1, 3), st.binary(max_size=40))
def test_a_true_statement_is_accepted_for_any_bases(secret: int, bases: int, context: bytes) -> None:
    points = (FIRST, SECOND, THIRD)[:bases]
    statement = EqualLogs(points, tuple(point * scalar(secret) for point in points))
    proof = prove_equal_logs(b"test", statement, scalar(secret), context)
    assert len(proof) == EQUAL_LOGS_PROOF_BYTES
    verify_equal_logs(b"test", statement, proof, context)


@given(st.integers(0, 64 * 8 - 1))
@settings(max_examples=60)
def test_a_proof_with_any_bit_flipped_is_refused(bit: int) -> None:
    forged = bytearray(PROOF)
    forged[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CircuitError):
        verify_equal_logs(b"test", STATEMENT, bytes(forged), b"context")


@pytest.mark.parametrize("context", [b"", b"contexT", b"context\x00", b"contex"])
def test_a_proof_is_void_in_another_context(context: bytes) -> None:
    with pytest.raises(ProofRejected):
        verify_equal_logs(b"test", STATEMENT, PROOF, context)


def test_a_proof_is_void_for_another_kind() -> None:
    with pytest.raises(ProofRejected):
        verify_equal_logs(b"tes", STATEMENT, PROOF, b"context")


@pytest.mark.parametrize(
    "statement",
    [
        replace(STATEMENT, images=(FIRST * SECRET, SECOND * (SECRET + scalar(1)))),
        replace(STATEMENT, images=(FIRST * (SECRET + scalar(1)), SECOND * SECRET)),
        replace(STATEMENT, bases=(FIRST, THIRD)),
        replace(STATEMENT, bases=(SECOND, FIRST), images=(SECOND * SECRET, FIRST * SECRET)),
        EqualLogs((FIRST,), (FIRST * SECRET,)),
        replace(STATEMENT, images=(IDENTITY, IDENTITY)),
    ],
    ids=["second image", "first image", "second base", "order", "one base fewer", "identities"],
)
def test_a_proof_is_void_for_another_statement(statement: EqualLogs) -> None:
    with pytest.raises(ProofRejected):
        verify_equal_logs(b"test", statement, PROOF, b"context")


def test_images_with_different_logarithms_cannot_be_proven() -> None:
    unequal = EqualLogs((FIRST, SECOND), (FIRST * SECRET, SECOND * scalar(2)))
    with pytest.raises(WitnessInvalid):
        prove_equal_logs(b"test", unequal, SECRET, b"context")


def test_a_base_that_is_the_identity_is_refused_on_both_sides() -> None:
    degenerate = EqualLogs((FIRST, IDENTITY), (FIRST * SECRET, IDENTITY))
    with pytest.raises(WitnessInvalid):
        prove_equal_logs(b"test", degenerate, SECRET, b"context")
    with pytest.raises(ProofRejected, match="identity"):
        verify_equal_logs(b"test", degenerate, PROOF, b"context")


@pytest.mark.parametrize("length", [0, 32, 63, 65, 128])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError, match="bytes"):
        verify_equal_logs(b"test", STATEMENT, (PROOF * 2)[:length], b"context")


@pytest.mark.parametrize("at", [0, 32])
def test_a_scalar_that_is_not_reduced_is_refused(at: int) -> None:
    value = int.from_bytes(PROOF[at : at + 32], "big")
    if value + ORDER >= 1 << 256:
        value -= ORDER
    malleable = PROOF[:at] + (value + ORDER).to_bytes(32, "big") + PROOF[at + 32 :]
    with pytest.raises(DecodingError):
        verify_equal_logs(b"test", STATEMENT, malleable, b"context")


def test_a_zero_challenge_with_any_response_is_refused() -> None:
    with pytest.raises(ProofRejected):
        verify_equal_logs(b"test", STATEMENT, bytes(64), b"context")


def test_images_chosen_after_the_challenge_do_not_verify() -> None:
    masks, response = (THIRD, THIRD), Scalar(7)
    challenge = dleq._challenge(dleq._begin(b"test", STATEMENT, b"context"), list(masks))
    images = tuple(
        (base * response - mask) * challenge.inverse() for base, mask in zip(STATEMENT.bases, masks, strict=True)
    )
    forged = encode_scalar(challenge) + encode_scalar(response)
    with pytest.raises(ProofRejected, match="logarithm"):
        verify_equal_logs(b"test", EqualLogs(STATEMENT.bases, images), forged, b"context")


def test_bases_chosen_after_the_challenge_do_not_verify() -> None:
    masks, response = (THIRD, THIRD), Scalar(7)
    challenge = dleq._challenge(dleq._begin(b"test", STATEMENT, b"context"), list(masks))
    bases = tuple(
        (mask + image * challenge) * response.inverse() for image, mask in zip(STATEMENT.images, masks, strict=True)
    )
    forged = encode_scalar(challenge) + encode_scalar(response)
    with pytest.raises(ProofRejected, match="logarithm"):
        verify_equal_logs(b"test", EqualLogs(bases, STATEMENT.images), forged, b"context")


def test_two_proofs_of_one_statement_use_different_nonces() -> None:
    again = prove_equal_logs(b"test", STATEMENT, SECRET, b"context")
    assert again != PROOF
    verify_equal_logs(b"test", STATEMENT, again, b"context")


@pytest.mark.parametrize(("bases", "images"), [((), ()), ((FIRST,), ()), ((FIRST,), (FIRST, SECOND))])
def test_a_statement_whose_vectors_do_not_pair_up_is_refused(bases: tuple, images: tuple) -> None:
    with pytest.raises(LengthMismatch):
        EqualLogs(bases, images)
