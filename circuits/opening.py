"""Sigma proof that a ledger commitment is well formed: knowledge of (q, ρ) with C = q·G + ρ·H and D = ρ·B.

    prover: R_C = k_q·G + k_ρ·H,  R_D = k_ρ·B;   e = hash(context, C, D, R_C, R_D)
            z_q = k_q + e·q,  z_ρ = k_ρ + e·ρ
    check:  z_q·G + z_ρ·H = R_C + e·C   and   z_ρ·B = R_D + e·D

The proof carries R_C and R_D rather than e (160 bytes instead of 96), so that both checks are linear and join
the one multi-scalar multiplication of a batch. The challenge absorbs the whole message (`ProofContext`),
without which a copied commitment and a wilful default would make the committee a decryption oracle.
"""

from dataclasses import dataclass
from typing import Final

from circuits.equation import Equation, require_all
from circuits.errors import DecodingError, ProofRejected, WitnessInvalid
from circuits.group import (
    POINT_BYTES,
    SCALAR_BYTES,
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
KIND: Final = b"opening"


@dataclass(frozen=True, slots=True)
class OpeningClaim:
    """The public side: `proof` (160 bytes) says that the prover knows what `commitment` holds."""

    commitment: Commitment
    proof: bytes
    context: ProofContext

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The two equations to check.

        Raises:
            ProofRejected: wrong length, a non-canonical scalar, or a point outside the group.
        """
        if len(self.proof) != OPENING_BYTES:
            raise ProofRejected(f"opening: {len(self.proof)} bytes where {OPENING_BYTES} belong")
        try:
            masked_value = decode_point(self.proof[:48])
            masked_handle = decode_point(self.proof[48:96])
            z_value, z_blinding = decode_scalar(self.proof[96:128]), decode_scalar(self.proof[128:])
        except DecodingError as error:
            raise ProofRejected(f"opening: {error}") from error
        transcript = _begin(key, self.commitment, self.context)
        e = _challenge(transcript, Commitment(masked_value, masked_handle))
        value = Equation("opening of C", value=z_value, blinding=z_blinding)
        value.add(masked_value, scalar(-1))
        value.add(self.commitment.c, -e)
        handle = Equation("opening of D", handle=z_blinding)
        handle.add(masked_handle, scalar(-1))
        handle.add(self.commitment.d, -e)
        return [value, handle]

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof.

        Raises:
            ProofRejected: it does not hold for this commitment, key and context.
        """
        require_all(key, self.equations(key))


def prove_opening(key: CommitmentKey, opening: Opening, commitment: Commitment, context: ProofContext) -> bytes:
    """160 bytes that prove knowledge of `opening`, bound to `context`.

    Raises:
        WitnessInvalid: the opening is not the commitment's.
    """
    if key.commit(opening) != commitment:
        raise WitnessInvalid("the opening is not that of the commitment")
    transcript = _begin(key, commitment, context)
    value = scalar(opening.value)
    k_value, k_blinding = draw_nonces(transcript, (value, opening.blinding), 2)
    masked = _commit(key, k_value, k_blinding)
    e = _challenge(transcript, masked)
    z_value, z_blinding = k_value + e * value, k_blinding + e * opening.blinding
    return encode_point(masked.c) + encode_point(masked.d) + encode_scalar(z_value) + encode_scalar(z_blinding)


def _commit(key: CommitmentKey, value: Scalar, blinding: Scalar) -> Commitment:
    return key.commit(Opening(int(value), blinding))


def _begin(key: CommitmentKey, commitment: Commitment, context: ProofContext) -> Transcript:
    transcript = Transcript(KIND, context, key.words())
    transcript.absorb(b"commitment", commitment.words())
    return transcript


def _challenge(transcript: Transcript, masked: Commitment) -> Scalar:
    transcript.absorb(b"masked", masked.words())
    return transcript.challenge(b"e")
