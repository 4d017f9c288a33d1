"""Reading one account with its owner's leave: an auditor's key, and the handles that the account's amounts get for it.

    key        a secret scalar a and B_a = a⁻¹·H, with a proof that somebody knows a (H = a·B_a)
    handle     E = ρ·B_a, beside C = q·G + ρ·H and D = ρ·B
    reading    a·E = ρ·H, so that C − a·E = q·G, and q is a small logarithm

Handles of one auditor add and scale by public integers exactly as the pairs (C, D) do. A handle is worth what its
proof is worth: for another ρ, or under another B_a, the auditor would read a random point. With the owner's opening
comes E in the same sigma proof (`opening`); for commitments whose opening others have proven, `handles` ties E to D.

Proof of knowledge, 80 bytes (Schnorr, J. Cryptology 1991; strong Fiat–Shamir): R = k·B_a, e = hash(context, H, B_a, R),
z = k + e·a; check z·B_a = R + e·H. Without it an owner could name a B_a that nobody can read with.
"""

from dataclasses import dataclass
from typing import Final, Self

from circuits.dleq import PurposeTranscript
from circuits.equation import Equation, require_all
from circuits.errors import DecodingError, ProofRejected
from circuits.group import (
    IDENTITY,
    POINT_BYTES,
    SCALAR_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    random_scalar,
    scalar,
)
from circuits.nonces import draw_nonces
from circuits.pedersen import Commitment, CommitmentKey
from circuits.transcript import Transcript

AUDITOR_PROOF_BYTES: Final = POINT_BYTES + SCALAR_BYTES
KIND: Final = b"auditor"


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """E = ρ·B_a, or a sum of such. Compares, hashes and pickles by its 48-byte encoding."""

    point: Point

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 48 bytes; the identity, which an unblinded commitment would have, is refused.

        Raises:
            DecodingError: not a point of the subgroup other than the identity.
        """
        return cls(decode_point(data))

    def encode(self) -> bytes:
        """48 bytes."""
        return encode_point(self.point)

    def is_identity(self) -> bool:
        """Whether the blinding is zero."""
        return bool(self.point == IDENTITY)

    def __add__(self, other: "Handle") -> "Handle":
        return Handle(self.point + other.point)

    def __sub__(self, other: "Handle") -> "Handle":
        return Handle(self.point - other.point)

    def __neg__(self) -> "Handle":
        return Handle(-self.point)

    def scaled(self, factor: int) -> "Handle":
        """`factor` times this handle, for a public signed integer."""
        return Handle(self.point * scalar(factor))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle):
            return NotImplemented
        return bool(self.point == other.point)

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[object, ...]:
        return (_handle, (self.encode(),))

    def __repr__(self) -> str:
        return f"Handle({self.encode().hex()[:16]}…)"


def _handle(data: bytes) -> Handle:
    return Handle(decode_point(data, allow_identity=True))


NO_HANDLE: Final = Handle(IDENTITY)
"""The handle of whatever has no blinding."""


@dataclass(frozen=True, slots=True, eq=False)
class AuditorKey:
    """The public half B_a = a⁻¹·H under one house's key H."""

    base: Point

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 48 bytes; the identity is refused.

        Raises:
            DecodingError: not a point of the subgroup other than the identity.
        """
        return cls(decode_point(data))

    def encode(self) -> bytes:
        """48 bytes."""
        return encode_point(self.base)

    def handle(self, blinding: Scalar) -> Handle:
        """ρ·B_a."""
        return Handle(self.base * blinding)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AuditorKey):
            return NotImplemented
        return bool(self.base == other.base)

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[object, ...]:
        return (AuditorKey.decode, (self.encode(),))

    def __repr__(self) -> str:
        return f"AuditorKey({self.encode().hex()[:16]}…)"


@dataclass(frozen=True, slots=True)
class AuditorHandle:
    """Whose handle it is, and the handle: what an audited account's opening proof says more than others."""

    auditor: AuditorKey
    handle: Handle

    def absorb_into(self, transcript: Transcript) -> None:
        """Mix in B_a, then E."""
        transcript.absorb_point(b"auditor", self.auditor.base)
        transcript.absorb_point(b"auditor handle", self.handle.point)


@dataclass(frozen=True, slots=True)
class ProvenAuditor:
    """What an auditor hands to those who name it: its key under one house and the key's proof."""

    key: AuditorKey
    proof: bytes

    def encode(self) -> bytes:
        """128 bytes: key (48), proof (80)."""
        return self.key.encode() + self.proof

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 128 bytes; the proof is not checked.

        Raises:
            DecodingError: another length, or no key.
        """
        if len(data) != POINT_BYTES + AUDITOR_PROOF_BYTES:
            raise DecodingError("auditor", f"{len(data)} bytes where {POINT_BYTES + AUDITOR_PROOF_BYTES} belong")
        return cls(AuditorKey.decode(data[:POINT_BYTES]), data[POINT_BYTES:])


class AuditorSecret:
    """The scalar a, from 1 to r − 1; the same for every house. Its repr shows nothing."""

    __slots__ = ("_scalar",)

    def __init__(self, value: Scalar) -> None:
        """Raises DecodingError for zero, under which nothing could be read."""
        if value == ZERO:
            raise DecodingError("auditor secret", "zero")
        self._scalar = value

    @classmethod
    def generate(cls) -> Self:
        """A fresh one."""
        value = random_scalar()
        while value == ZERO:
            value = random_scalar()
        return cls(value)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 32 bytes.

        Raises:
            DecodingError: not a canonical scalar, or zero.
        """
        return cls(decode_scalar(data))

    def encode(self) -> bytes:
        """32 secret bytes."""
        return encode_scalar(self._scalar)

    def key(self, house: CommitmentKey) -> AuditorKey:
        """B_a under the house's key."""
        return AuditorKey(house.blinding_base * self._scalar.inverse())

    def prove(self, house: CommitmentKey, context: bytes) -> bytes:
        """80 bytes that prove knowledge of a behind `key(house)`, for this context alone."""
        auditor = self.key(house)
        transcript = _begin(house, auditor, context)
        (nonce,) = draw_nonces(transcript, (self._scalar,), 1)
        masked = auditor.base * nonce
        response = nonce + _challenge(transcript, masked) * self._scalar
        return encode_point(masked) + encode_scalar(response)

    def read(self, commitment: Commitment, handle: Handle) -> Point:
        """C − a·E, which is q·G if the handle is this auditor's for the commitment."""
        return commitment.c - handle.point * self._scalar

    def __repr__(self) -> str:
        return "AuditorSecret(…)"


@dataclass(frozen=True, slots=True)
class AuditorClaim:
    """The public side: `proof` (80 bytes) says that somebody knows the secret of `auditor`; `context` is any bytes."""

    auditor: AuditorKey
    proof: bytes
    context: bytes

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The equation to check.

        Raises:
            ProofRejected: wrong length, a non-canonical scalar, a point outside the group, or B_a the identity.
        """
        if len(self.proof) != AUDITOR_PROOF_BYTES:
            raise ProofRejected(f"auditor: {len(self.proof)} bytes where {AUDITOR_PROOF_BYTES} belong")
        if self.auditor.base == IDENTITY:
            raise ProofRejected("auditor: the key is the identity")
        try:
            masked, response = decode_point(self.proof[:POINT_BYTES]), decode_scalar(self.proof[POINT_BYTES:])
        except DecodingError as error:
            raise ProofRejected(f"auditor: {error}") from error
        e = _challenge(_begin(key, self.auditor, self.context), masked)
        equation = Equation("knowledge of the auditor's secret", blinding=-e)
        equation.add(self.auditor.base, response)
        equation.add(masked, scalar(-1))
        return [equation]

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof.

        Raises:
            ProofRejected: it does not hold for this auditor, key and context.
        """
        require_all(key, self.equations(key))


def _begin(house: CommitmentKey, auditor: AuditorKey, context: bytes) -> Transcript:
    transcript = PurposeTranscript(KIND, context)
    transcript.absorb(b"bases", house.words())
    transcript.absorb_point(b"auditor", auditor.base)
    return transcript


def _challenge(transcript: Transcript, masked: Point) -> Scalar:
    transcript.absorb_point(b"masked", masked)
    return transcript.challenge(b"e")
