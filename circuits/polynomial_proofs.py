"""Proofs of possession of whole polynomials: batched Schnorr proofs with one answer for each secret vector.

    statement   for each relation: images[k] = Σ_m f_m[k]·bases[m] for every k, and the prover knows the f_m
    prover      mask = Σ_m n_m·bases[m] per relation;  c = hash(context, relations, masks)
                z_m = n_m + Σ_k c^(k+1)·f_m[k]
    verifier    mask = Σ_m z_m·bases[m] − Σ_k c^(k+1)·images[k], and c must come out again

From answers to one more challenge than there are coefficients the f_m follow (Vandermonde), so that a false
statement survives with probability (coefficients)/r for each hash query (Schnorr, 1991; Okamoto, CRYPTO '92;
batched after Gennaro, Leigh, Sundaram and Yerazunis, ASIACRYPT 2004). A proof is 32·(1 + number of f_m) bytes.
The nonces are a function of secrets and statement, as in RFC 6979: saying a thing twice says the same twice.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from circuits.dleq import PurposeTranscript
from circuits.errors import DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import (
    SCALAR_BYTES,
    Point,
    Scalar,
    decode_scalar,
    encode_scalar,
    msm,
    wide_scalar,
)
from circuits.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Relation:
    """images[k] = Σ_m f_m[k]·bases[m]; the identity stands where a secret vector takes no part."""

    bases: tuple[Point, ...]
    images: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class PolynomialStatement:
    """Relations over the same secret vectors: equally many bases, and equally many images, in each."""

    kind: bytes
    relations: tuple[Relation, ...]
    context: bytes

    def __post_init__(self) -> None:
        first = self.relations[0]
        for relation in self.relations[1:]:
            if len(relation.bases) != len(first.bases):
                raise LengthMismatch(len(relation.bases), len(first.bases))
            if len(relation.images) != len(first.images):
                raise LengthMismatch(len(relation.images), len(first.images))

    @property
    def proof_bytes(self) -> int:
        """How long its proof is."""
        return SCALAR_BYTES * (1 + len(self.relations[0].bases))

    def prove(self, secret: Sequence[Sequence[Scalar]]) -> bytes:
        """The proof, from the secret vectors f_m.

        Raises:
            WitnessInvalid: they do not satisfy a relation.
            LengthMismatch: there are more or fewer of them than bases, or of their entries than images.
        """
        self._require(secret)
        transcript = self._begin()
        key = b"".join(encode_scalar(value) for vector in secret for value in vector)
        nonces = [
            wide_scalar(hmac.digest(key, transcript.state + place.to_bytes(2, "big"), "sha512"))
            for place in range(len(secret))
        ]
        challenge = _challenge(transcript, [msm(relation.bases, nonces) for relation in self.relations])
        weights = self._weights(challenge)
        answers = [
            sum((weight * value for weight, value in zip(weights, vector, strict=True)), nonce)
            for nonce, vector in zip(nonces, secret, strict=True)
        ]
        return b"".join(map(encode_scalar, [challenge, *answers]))

    def verify(self, proof: bytes) -> None:
        """Accept silently, or raise. The caller answers for the points' membership in the subgroup.

        Raises:
            DecodingError: not so many canonical scalars.
            ProofRejected: the proof is for another statement.
        """
        if len(proof) != self.proof_bytes:
            raise DecodingError("polynomial proof", f"{len(proof)} bytes where {self.proof_bytes} belong")
        places = range(0, len(proof), SCALAR_BYTES)
        challenge, *answers = [decode_scalar(proof[at : at + SCALAR_BYTES]) for at in places]
        negative = [-weight for weight in self._weights(challenge)]
        masks = [msm(relation.bases + relation.images, answers + negative) for relation in self.relations]
        if _challenge(self._begin(), masks) != challenge:
            raise ProofRejected(f"{self.kind.decode()}: no known polynomial behind the points")

    def _weights(self, challenge: Scalar) -> list[Scalar]:
        powers = [challenge]
        while len(powers) < len(self.relations[0].images):
            powers.append(powers[-1] * challenge)
        return powers

    def _begin(self) -> Transcript:
        transcript = PurposeTranscript(self.kind, self.context)
        transcript.absorb_integer(b"relations", len(self.relations))
        transcript.absorb_integer(b"bases", len(self.relations[0].bases))
        transcript.absorb_integer(b"images", len(self.relations[0].images))
        for relation in self.relations:
            for base in relation.bases:
                transcript.absorb_point(b"base", base)
            for image in relation.images:
                transcript.absorb_point(b"image", image)
        return transcript

    def _require(self, secret: Sequence[Sequence[Scalar]]) -> None:
        for relation in self.relations:
            for place, image in enumerate(relation.images):
                if msm(relation.bases, [vector[place] for vector in secret]) != image:
                    raise WitnessInvalid("the polynomials are not those behind the points")


def _challenge(transcript: Transcript, masks: Sequence[Point]) -> Scalar:
    for mask in masks:
        transcript.absorb_point(b"mask", mask)
    return transcript.challenge(b"c")
