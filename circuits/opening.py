"""Sigma proof that a ledger commitment is well formed: knowledge of (q, ρ) with C = q·G + ρ·H and D = ρ·B.

    prover: R_C = k_q·G + k_ρ·H,  R_D = k_ρ·B;   e = hash(context, C, D, R_C, R_D)
            z_q = k_q + e·q,  z_ρ = k_ρ + e·ρ
    check:  z_q·G + z_ρ·H = R_C + e·C   and   z_ρ·B = R_D + e·D

With an auditor's handle E = ρ·B_a, the same z_ρ answers for it: R_E = k_ρ·B_a and z_ρ·B_a = R_E + e·E; the challenge
absorbs B_a, E and R_E too, and the kind is another, so that neither proof passes for the other (208 bytes).

The proof carries R_C and R_D rather than e (160 bytes instead of 96), so that both checks are linear and join
the one multi-scalar multiplication of a batch. The challenge absorbs the whole message (`ProofContext`),
without which a copied commitment and a wilful default would make the committee a decryption oracle.
"""

from dataclasses import dataclass
from typing import Final

from circuits.auditor import AuditorHandle, AuditorKey
from circuits.equation import Equation, require_all
from circuits.errors import DecodingError, ProofRejected, WitnessInvalid
from circuits.group import (
    POINT_BYTES,
    SCALAR_BYTES,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    scalar,
)
from circuits.nonces import draw_nonces
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.transcript import ProofContext, Transcript

OPENING_BYTES: Final = 2 * POINT_BYTES + 2 * SCALAR_BYTES
AUDITED_OPENING_BYTES: Final = OPENING_BYTES + POINT_BYTES
KIND: Final = b"opening"
AUDITED_KIND: Final = b"audited opening"


def opening_bytes(*, audited: bool) -> int:
    """The length of an opening proof, with an auditor's handle or without."""
    return AUDITED_OPENING_BYTES if audited else OPENING_BYTES


@dataclass(frozen=True, slots=True)
class OpeningClaim:
    """The public side: `proof` says that the prover knows what `commitment` holds, and that `audit` is its handle."""

    commitment: Commitment
    proof: bytes
    context: ProofContext
    audit: AuditorHandle | None = None

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The two equations to check, three with an auditor's handle.

        Raises:
            ProofRejected: wrong length, a non-canonical scalar, or a point outside the group.
        """
        expected = opening_bytes(audited=self.audit is not None)
        if len(self.proof) != expected:
            raise ProofRejected(f"opening: {len(self.proof)} bytes where {expected} belong")
        cut = expected - 2 * SCALAR_BYTES
        try:
            masked = [decode_point(self.proof[at : at + POINT_BYTES]) for at in range(0, cut, POINT_BYTES)]
            z_value, z_blinding = decode_scalar(self.proof[cut : cut + 32]), decode_scalar(self.proof[cut + 32 :])
        except DecodingError as error:
            raise ProofRejected(f"opening: {error}") from error
        transcript = _begin(key, self.commitment, self.context, self.audit)
        e = _challenge(transcript, masked)
        value = Equation("opening of C", value=z_value, blinding=z_blinding)
        value.add(masked[0], scalar(-1))
        value.add(self.commitment.c, -e)
        handle = Equation("opening of D", handle=z_blinding)
        handle.add(masked[1], scalar(-1))
        handle.add(self.commitment.d, -e)
        if self.audit is None:
            return [value, handle]
        audit = Equation("opening of E")
        audit.add(self.audit.auditor.base, z_blinding)
        audit.add(masked[2], scalar(-1))
        audit.add(self.audit.handle.point, -e)
        return [value, handle, audit]

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof.

        Raises:
            ProofRejected: it does not hold for this commitment, handle, key and context.
        """
        require_all(key, self.equations(key))


def prove_opening(
    key: CommitmentKey,
    opening: Opening,
    commitment: Commitment,
    context: ProofContext,
    auditor: AuditorKey | None = None,
) -> bytes:
    """160 bytes that prove knowledge of `opening`, bound to `context`; 208 with the handle for `auditor`.

    Raises:
        WitnessInvalid: the opening is not the commitment's.
    """
    if key.commit(opening) != commitment:
        raise WitnessInvalid("the opening is not that of the commitment")
    audit = None if auditor is None else AuditorHandle(auditor, auditor.handle(opening.blinding))
    transcript = _begin(key, commitment, context, audit)
    value = scalar(opening.value)
    k_value, k_blinding = draw_nonces(transcript, (value, opening.blinding), 2)
    pair = _commit(key, k_value, k_blinding)
    masked = [pair.c, pair.d] if auditor is None else [pair.c, pair.d, auditor.base * k_blinding]
    e = _challenge(transcript, masked)
    z_value, z_blinding = k_value + e * value, k_blinding + e * opening.blinding
    return b"".join(map(encode_point, masked)) + encode_scalar(z_value) + encode_scalar(z_blinding)


def _commit(key: CommitmentKey, value: Scalar, blinding: Scalar) -> Commitment:
    return key.commit(Opening(int(value), blinding))


def _begin(
    key: CommitmentKey, commitment: Commitment, context: ProofContext, audit: AuditorHandle | None
) -> Transcript:
    transcript = Transcript(KIND if audit is None else AUDITED_KIND, context, key.words())
    transcript.absorb(b"commitment", commitment.words())
    if audit is not None:
        audit.absorb_into(transcript)
    return transcript


def _challenge(transcript: Transcript, masked: list[Point]) -> Scalar:
    """`masked` are R_C, R_D and, with a handle, R_E."""
    transcript.absorb(b"masked", Commitment(masked[0], masked[1]).words())
    for point in masked[2:]:
        transcript.absorb_point(b"masked handle", point)
    return transcript.challenge(b"e")
