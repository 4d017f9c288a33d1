"""Proofs of one secret exponent behind several images: Schnorr for one base, Chaum–Pedersen (DLEQ) for two.

    statement   images[k] = w·bases[k] for every k, and the prover knows w
    prover      A_k = n·bases[k] for a nonce n;  c = hash(context, bases, images, A);  z = n + c·w
    verifier    A_k = z·bases[k] − c·images[k], and c must come out again

The proof is (c, z), 64 bytes. Every base and image is absorbed before the challenge, with the caller's
context, so that a proof is void for any other statement or purpose (Chaum and Pedersen, CRYPTO '92; strong
Fiat–Shamir: Bernhard, Pereira and Warinschi, 2016/771).
"""

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from circuits.errors import DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import (
    IDENTITY,
    SCALAR_BYTES,
    Point,
    Scalar,
    decode_scalar,
    encode_scalar,
    msm,
    point_words,
    wide_scalar,
)
from circuits.transcript import PROTOCOL, Transcript

EQUAL_LOGS_PROOF_BYTES: Final = 2 * SCALAR_BYTES


class PurposeTranscript(Transcript):
    """A transcript bound to a kind and to the caller's bytes, for proofs that no ledger message carries.

    Its first label differs from that of a message's transcript, so that neither can stand in for the other.
    """

    __slots__ = ()

    def __init__(self, kind: bytes, context: bytes) -> None:
        """`kind` names the relation, `context` what the proof is for (any length)."""
        self._state = bytes(keccak(PROTOCOL))
        self.absorb(b"purpose", kind)
        self.absorb(b"context", context)


@dataclass(frozen=True, slots=True)
class EqualLogs:
    """The public statement images[k] = w·bases[k]. Members of the subgroup; no base may be the identity."""

    bases: tuple[Point, ...]
    images: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not self.bases or len(self.bases) != len(self.images):
            raise LengthMismatch(len(self.bases), len(self.images))

    def absorb_into(self, transcript: Transcript) -> None:
        """Mix in the number of bases, then every base with its image."""
        transcript.absorb_integer(b"bases", len(self.bases))
        for base, image in zip(self.bases, self.images, strict=True):
            transcript.absorb_point(b"base", base)
            transcript.absorb_point(b"image", image)


def prove_equal_logs(kind: bytes, statement: EqualLogs, secret: Scalar, context: bytes) -> bytes:
    """64 bytes that convince anyone of `statement`, for this kind and context alone.

    Raises:
        WitnessInvalid: `secret` is not the exponent behind every image, or a base is the identity.
    """
    for base, image in zip(statement.bases, statement.images, strict=True):
        if base == IDENTITY or base * secret != image:
            raise WitnessInvalid("the secret is not the logarithm of every image")
    transcript = _begin(kind, statement, context)
    nonce = _hedged_nonce(secret, kind, statement, context)
    challenge = _challenge(transcript, [base * nonce for base in statement.bases])
    return encode_scalar(challenge) + encode_scalar(nonce + challenge * secret)


def verify_equal_logs(kind: bytes, statement: EqualLogs, proof: bytes, context: bytes) -> None:
    """Accept silently, or raise.

    The caller answers for the points' membership in the subgroup (`decode_point` checks it): over a larger
    group the relation would hold only up to the cofactor.

    Raises:
        DecodingError: the proof is not two canonical scalars.
        ProofRejected: a base is the identity, or the proof is for another statement.
    """
    if len(proof) != EQUAL_LOGS_PROOF_BYTES:
        raise DecodingError("equal logs proof", f"{len(proof)} bytes where {EQUAL_LOGS_PROOF_BYTES} belong")
    challenge = decode_scalar(proof[:SCALAR_BYTES])
    response = decode_scalar(proof[SCALAR_BYTES:])
    if any(base == IDENTITY for base in statement.bases):
        raise ProofRejected("a base of the statement is the identity")
    masks = [
        msm([base, image], [response, -challenge])
        for base, image in zip(statement.bases, statement.images, strict=True)
    ]
    if _challenge(_begin(kind, statement, context), masks) != challenge:
        raise ProofRejected(f"{kind.decode()}: the images share no known logarithm")


def _begin(kind: bytes, statement: EqualLogs, context: bytes) -> Transcript:
    transcript = PurposeTranscript(kind, context)
    statement.absorb_into(transcript)
    return transcript


def _challenge(transcript: Transcript, masks: list[Point]) -> Scalar:
    for mask in masks:
        transcript.absorb_point(b"mask", mask)
    return transcript.challenge(b"c")


def _hedged_nonce(secret: Scalar, kind: bytes, statement: EqualLogs, context: bytes) -> Scalar:
    """A nonce from secret, statement and fresh randomness, so that a broken generator alone repeats none."""
    points = b"".join(point_words(point) for point in statement.bases + statement.images)
    message = len(kind).to_bytes(4, "big") + kind + points + keccak(context) + secrets.token_bytes(32)
    return wide_scalar(hmac.digest(encode_scalar(secret), message, "sha512"))
