"""Pedersen commitments with decryption handles (twisted ElGamal, Chen et al. 2019/319).

A signed integer q with blinding ρ is committed as the pair C = q·G + ρ·H, D = ρ·B, where H = s·B is the
clearing committee's threshold key: the pair is perfectly binding, hides q under DDH, and t members together
can read it. Pairs add and scale by public integers, which is how the ledger moves amounts that it cannot see.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from eth_hash.auto import keccak

from circuits.errors import DecodingError
from circuits.group import (
    IDENTITY,
    POINT_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_point,
    encode_point,
    hash_to_point,
    msm,
    point_words,
    random_scalar,
    scalar,
)

VALUE_BASE: Final = hash_to_point(b"value", b"zkclear/v1/G")
"""G: carries the committed integer."""
HANDLE_BASE: Final = hash_to_point(b"handle", b"zkclear/v1/B")
"""B: carries the handle; H is a multiple of it that nobody knows."""
COMMITMENT_BYTES: Final = 2 * POINT_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """The secret behind a commitment: a signed integer and its blinding. Its repr shows neither."""

    value: int
    blinding: Scalar

    @classmethod
    def public(cls, value: int) -> Self:
        """The opening of a commitment to a public amount (ρ = 0)."""
        return cls(value, ZERO)

    @classmethod
    def fresh(cls, value: int) -> Self:
        """An opening with a fresh random blinding."""
        return cls(value, random_scalar())

    def __add__(self, other: "Opening") -> "Opening":
        return Opening(self.value + other.value, self.blinding + other.blinding)

    def __sub__(self, other: "Opening") -> "Opening":
        return Opening(self.value - other.value, self.blinding - other.blinding)

    def __neg__(self) -> "Opening":
        return Opening(-self.value, -self.blinding)

    def scaled(self, factor: int) -> "Opening":
        """`factor` times this opening."""
        return Opening(self.value * factor, self.blinding * scalar(factor))

    def __repr__(self) -> str:
        return "Opening(…)"


@dataclass(frozen=True, slots=True, eq=False)
class Commitment:
    """The pair (C, D). Compares, hashes and pickles by its 96-byte encoding."""

    c: Point
    d: Point

    @classmethod
    def public(cls, value: int) -> Self:
        """The commitment to a public amount: (value·G, identity)."""
        return cls(VALUE_BASE * scalar(value), IDENTITY)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The pair that 96 bytes stand for; the identity is allowed in both places.

        Raises:
            DecodingError: wrong length or a non-canonical point.
        """
        if len(data) != COMMITMENT_BYTES:
            raise DecodingError("commitment", f"{len(data)} bytes where {COMMITMENT_BYTES} belong")
        return cls(
            decode_point(data[:POINT_BYTES], allow_identity=True),
            decode_point(data[POINT_BYTES:], allow_identity=True),
        )

    def encode(self) -> bytes:
        """96 bytes: C, then D, compressed."""
        return encode_point(self.c) + encode_point(self.d)

    def words(self) -> bytes:
        """256 bytes for transcripts: C, then D, as EIP-2537 words."""
        return point_words(self.c) + point_words(self.d)

    def is_identity(self) -> bool:
        """Whether both halves are the identity (amount 0, blinding 0)."""
        return bool(self.c == IDENTITY and self.d == IDENTITY)

    def __add__(self, other: "Commitment") -> "Commitment":
        return Commitment(self.c + other.c, self.d + other.d)

    def __sub__(self, other: "Commitment") -> "Commitment":
        return Commitment(self.c - other.c, self.d - other.d)

    def __neg__(self) -> "Commitment":
        return Commitment(-self.c, -self.d)

    def scaled(self, factor: int) -> "Commitment":
        """`factor` times this commitment, for a public signed integer."""
        weight = scalar(factor)
        return Commitment(self.c * weight, self.d * weight)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Commitment):
            return NotImplemented
        return bool(self.c == other.c and self.d == other.d)

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[object, ...]:
        return (Commitment.decode, (self.encode(),))

    def __repr__(self) -> str:
        return f"Commitment({encode_point(self.c).hex()[:16]}…)"


NOTHING: Final = Commitment(IDENTITY, IDENTITY)
"""The commitment to zero with blinding zero."""


@dataclass(frozen=True, slots=True, eq=False)
class CommitmentKey:
    """The blinding base H = s·B under which a deployment commits."""

    blinding_base: Point

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 48 bytes; the identity is refused.

        Raises:
            DecodingError: not a point of the subgroup other than the identity.
        """
        return cls(decode_point(data))

    def encode(self) -> bytes:
        """48 bytes."""
        return encode_point(self.blinding_base)

    def commit(self, opening: Opening) -> Commitment:
        """C = q·G + ρ·H and D = ρ·B."""
        return Commitment(self.point(opening), HANDLE_BASE * opening.blinding)

    def point(self, opening: Opening) -> Point:
        """C = q·G + ρ·H alone, in a time that does not tell q: as (q + m)·G − m·G for a random m."""
        mask = random_scalar()
        points = (VALUE_BASE, self.blinding_base, VALUE_BASE)
        return msm(points, (scalar(opening.value) + mask, opening.blinding, -mask))

    def words(self) -> bytes:
        """The public bases as a transcript absorbs them: H, B, then the digest of all the others."""
        return point_words(self.blinding_base) + point_words(HANDLE_BASE) + generators_digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CommitmentKey):
            return NotImplemented
        return bool(self.blinding_base == other.blinding_base)

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[object, ...]:
        return (CommitmentKey.decode, (self.encode(),))


@lru_cache(maxsize=1)
def generators_digest() -> bytes:
    """32 bytes that pin G and the derivation of the vector generators (their domain tags)."""
    return bytes(keccak(point_words(VALUE_BASE) + b"zkclear/v1/G-vector" + b"zkclear/v1/H-vector"))
