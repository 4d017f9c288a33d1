"""Proof that the handles of several commitments are an auditor's: E_i = ρ_i·B_a wherever D_i = ρ_i·B.

    fold     w = hash(context, B_a, (D_i, E_i)…);   D* = Σ w^i·D_i,  E* = Σ w^i·E_i,  ρ* = Σ w^i·ρ_i
    prove    R_D = k·B,  R_E = k·B_a;   e = hash(…, R_D, R_E);   z = k + e·ρ*          (Chaum and Pedersen, CRYPTO '92)
    check    z·B = R_D + e·D*   and   z·B_a = R_E + e·E*

With x = log_B B_a, a handle that is not x·D_i makes Σ w^i·(E_i − x·D_i) a polynomial in w that is not zero: n pairs
pass for at most n − 1 values of w, of some 2^255. One proof of 128 bytes serves any number of pairs. It says nothing of
the commitments' own form, which their openings' proofs have shown: with those, C_i − a·E_i = q_i·G.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from circuits.auditor import AuditorKey, Handle
from circuits.equation import Equation, require_all
from circuits.errors import DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import (
    ONE,
    POINT_BYTES,
    SCALAR_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    scalar,
)
from circuits.nonces import draw_nonces
from circuits.pedersen import HANDLE_BASE, Commitment, CommitmentKey
from circuits.transcript import ProofContext, Transcript

HANDLES_PROOF_BYTES: Final = 2 * POINT_BYTES + SCALAR_BYTES
KIND: Final = b"handles"


@dataclass(frozen=True, slots=True)
class HandlesClaim:
    """The public side: `handles` are the auditor's for `commitments`, one each and at least one."""

    auditor: AuditorKey
    commitments: tuple[Commitment, ...]
    handles: tuple[Handle, ...]
    proof: bytes
    context: ProofContext

    def __post_init__(self) -> None:
        if not self.commitments or len(self.commitments) != len(self.handles):
            raise LengthMismatch(len(self.commitments), len(self.handles))

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The two equations to check.

        Raises:
            ProofRejected: wrong length, a non-canonical scalar, or a point outside the group.
        """
        if len(self.proof) != HANDLES_PROOF_BYTES:
            raise ProofRejected(f"handles: {len(self.proof)} bytes where {HANDLES_PROOF_BYTES} belong")
        try:
            masked = decode_point(self.proof[:48]), decode_point(self.proof[48:96])
            z = decode_scalar(self.proof[96:])
        except DecodingError as error:
            raise ProofRejected(f"handles: {error}") from error
        transcript = _begin(key, self.auditor, self.commitments, self.handles, self.context)
        weights = _weights(transcript, len(self.handles))
        e = _challenge(transcript, *masked)
        house = Equation("handles of the committee", handle=z)
        house.add(masked[0], scalar(-1))
        audit = Equation("handles of the auditor")
        audit.add(self.auditor.base, z)
        audit.add(masked[1], scalar(-1))
        for weight, commitment, handle in zip(weights, self.commitments, self.handles, strict=True):
            house.add(commitment.d, -e * weight)
            audit.add(handle.point, -e * weight)
        return [house, audit]

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof.

        Raises:
            ProofRejected: it does not hold for these pairs, auditor, key and context.
        """
        require_all(key, self.equations(key))


def prove_handles(
    key: CommitmentKey,
    auditor: AuditorKey,
    commitments: Sequence[Commitment],
    blindings: Sequence[Scalar],
    context: ProofContext,
) -> bytes:
    """128 bytes that prove the handles ρ_i·B_a of the commitments, bound to `context`.

    Raises:
        LengthMismatch: not one blinding per commitment, or none.
        WitnessInvalid: a blinding is not its commitment's.
    """
    if not commitments or len(commitments) != len(blindings):
        raise LengthMismatch(len(commitments), len(blindings))
    for commitment, blinding in zip(commitments, blindings, strict=True):
        if HANDLE_BASE * blinding != commitment.d:
            raise WitnessInvalid("a blinding is not its commitment's")
    handles = tuple(map(auditor.handle, blindings))
    transcript = _begin(key, auditor, commitments, handles, context)
    folded = ZERO
    for weight, blinding in zip(_weights(transcript, len(handles)), blindings, strict=True):
        folded = folded + weight * blinding
    (nonce,) = draw_nonces(transcript, blindings, 1)
    masked = HANDLE_BASE * nonce, auditor.base * nonce
    z = nonce + _challenge(transcript, *masked) * folded
    return encode_point(masked[0]) + encode_point(masked[1]) + encode_scalar(z)


def _begin(
    key: CommitmentKey,
    auditor: AuditorKey,
    commitments: Sequence[Commitment],
    handles: Sequence[Handle],
    context: ProofContext,
) -> Transcript:
    transcript = Transcript(KIND, context, key.words())
    transcript.absorb_point(b"auditor", auditor.base)
    transcript.absorb_integer(b"pairs", len(handles))
    for commitment, handle in zip(commitments, handles, strict=True):
        transcript.absorb(b"commitment", commitment.words())
        transcript.absorb_point(b"auditor handle", handle.point)
    return transcript


def _weights(transcript: Transcript, count: int) -> list[Scalar]:
    base = transcript.challenge(b"w")
    weights = [ONE]
    while len(weights) < count:
        weights.append(weights[-1] * base)
    return weights


def _challenge(transcript: Transcript, masked: Point, audit_masked: Point) -> Scalar:
    transcript.absorb_point(b"masked", masked)
    transcript.absorb_point(b"masked handle", audit_masked)
    return transcript.challenge(b"e")
