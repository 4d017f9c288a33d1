"""The sigma proof of a ledger commitment: complete, bound to its message, and void for a malformed pair."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import ProofRejected, WitnessInvalid
from circuits.group import ORDER, encode_scalar, hash_to_point, random_scalar, scalar
from circuits.opening import OPENING_BYTES, OpeningClaim, prove_opening
from circuits.pedersen import HANDLE_BASE, NOTHING, VALUE_BASE, Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment, Transcript
from tests.circuits.proofs import CONTEXT, KEY

OPENING = Opening(-12, random_scalar())
COMMITMENT = KEY.commit(OPENING)
CLAIM = OpeningClaim(COMMITMENT, prove_opening(KEY, OPENING, COMMITMENT, CONTEXT), CONTEXT)


@settings(max_examples=8)
@given(st.integers(-(1 << 120), 1 << 120), st.integers(0, ORDER - 1))
def test_any_opening_is_provable_in_160_bytes(value: int, blinding: int) -> None:
    opening = Opening(value, scalar(blinding))
    commitment = KEY.commit(opening)
    proof = prove_opening(KEY, opening, commitment, CONTEXT)
    OpeningClaim(commitment, proof, CONTEXT).verify(KEY)
    assert len(proof) == OPENING_BYTES == 160


def test_the_empty_commitment_is_provable() -> None:
    OpeningClaim(NOTHING, prove_opening(KEY, Opening.public(0), NOTHING, CONTEXT), CONTEXT).verify(KEY)


def test_a_claim_survives_pickling() -> None:
    pickle.loads(pickle.dumps(CLAIM)).verify(KEY)


def test_a_wrong_opening_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(WitnessInvalid):
        prove_opening(KEY, OPENING + Opening.public(1), COMMITMENT, CONTEXT)


@pytest.mark.parametrize(
    "shift",
    [
        Commitment(VALUE_BASE, NOTHING.d),
        Commitment(NOTHING.c, HANDLE_BASE),
        Commitment(NOTHING.c, VALUE_BASE),
        Commitment(hash_to_point(b"0", b"zkclear/v1/G-vector"), NOTHING.d),
    ],
    ids=["other value", "other handle", "value in the handle", "junk in C"],
)
def test_a_commitment_or_handle_that_was_shifted_is_refused(shift: Commitment) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, commitment=COMMITMENT + shift).verify(KEY)


def test_a_handle_with_another_blinding_than_its_commitment_cannot_be_proven() -> None:
    """The prover knows both blindings and proves the half it can."""
    forged = Commitment(COMMITMENT.c, HANDLE_BASE * (OPENING.blinding + scalar(1)))
    other = KEY.commit(OPENING + Opening(0, scalar(1)))
    for true_half in (COMMITMENT, other):
        opening = OPENING if true_half == COMMITMENT else OPENING + Opening(0, scalar(1))
        proof = prove_opening(KEY, opening, true_half, CONTEXT)
        with pytest.raises(ProofRejected):
            OpeningClaim(forged, proof, CONTEXT).verify(KEY)


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, message_digest=b"n" * 32),
        replace(CONTEXT, round=8),
        replace(CONTEXT, grid_digest=b"h" * 32),
        replace(CONTEXT, parameters_digest=b"q" * 32),
        replace(CONTEXT, deployment=Deployment(31338, b"\x11" * 20, b"\x22" * 32)),
    ],
    ids=["message", "round", "grid", "parameters", "deployment"],
)
def test_a_copied_proof_is_void_in_another_message(context) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, context=context).verify(KEY)


def test_a_commitment_fitted_to_a_known_challenge_is_refused() -> None:
    """Masks and answers first, then the pair that satisfies both equations for the challenge of another pair."""
    masked = KEY.commit(Opening(5, random_scalar()))
    z_value, z_blinding = random_scalar(), random_scalar()
    for earlier in ((), (NOTHING.words(),)):
        transcript = Transcript(b"opening", CONTEXT, KEY.words())
        for words in earlier:
            transcript.absorb(b"commitment", words)
        transcript.absorb(b"masked", masked.words())
        over = transcript.challenge(b"e").inverse()
        answer = Commitment(VALUE_BASE * z_value + KEY.blinding_base * z_blinding, HANDLE_BASE * z_blinding)
        fitted = Commitment((answer - masked).c * over, (answer - masked).d * over)
        proof = masked.encode() + encode_scalar(z_value) + encode_scalar(z_blinding)
        with pytest.raises(ProofRejected):
            OpeningClaim(fitted, proof, CONTEXT).verify(KEY)


def test_a_proof_is_void_under_another_committee() -> None:
    with pytest.raises(ProofRejected):
        CLAIM.verify(CommitmentKey(hash_to_point(b"other", b"zkclear/test")))


def test_every_byte_of_the_proof_counts() -> None:
    for at in range(OPENING_BYTES):
        forged = bytearray(CLAIM.proof)
        forged[at] ^= 1
        with pytest.raises(ProofRejected):
            replace(CLAIM, proof=bytes(forged)).verify(KEY)


@pytest.mark.parametrize("proof", [b"", CLAIM.proof[:-1], CLAIM.proof + b"\0", bytes(OPENING_BYTES)])
def test_a_proof_of_another_length_or_of_zeros_is_refused(proof: bytes) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, proof=proof).verify(KEY)


def test_two_proofs_of_one_opening_share_no_nonce() -> None:
    again = prove_opening(KEY, OPENING, COMMITMENT, CONTEXT)
    assert again[:96] != CLAIM.proof[:96]
