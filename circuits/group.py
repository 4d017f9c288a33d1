"""The group: G1 of BLS12-381 (prime order r), its scalars, and their one canonical encoding each.

Points travel as 48 compressed bytes (ZCash / IETF pairing-friendly-curves encoding) and enter transcripts as
the 128-byte zero-padded affine words of EIP-2537, so that a contract hashes the same bytes. Scalars are 32
bytes big-endian.
"""

import secrets
from collections.abc import Sequence
from typing import Final, TypeAlias

from py_arkworks_bls12381 import G1Point
from py_arkworks_bls12381 import Scalar as Scalar

from circuits.errors import DecodingError, LengthMismatch

Point: TypeAlias = G1Point

ORDER: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
POINT_BYTES: Final = 48
SCALAR_BYTES: Final = 32
IDENTITY: Final = G1Point.identity()
ZERO: Final = Scalar(0)
ONE: Final = Scalar(1)

COFACTOR: Final = Scalar(0xD201000000010001)
"""h_eff of RFC 9380, 8.8.1: takes every point of the curve into the subgroup, and no member but the identity to it."""

_ENCODED_IDENTITY: Final = bytes(IDENTITY.to_compressed_bytes())
_PAD: Final = bytes(16)


def encode_point(point: Point) -> bytes:
    """48 compressed bytes."""
    return bytes(point.to_compressed_bytes())


def decode_point(data: bytes, *, allow_identity: bool = False) -> Point:
    """The point that 48 compressed bytes stand for.

    Raises:
        DecodingError: wrong length, not on the curve, outside the subgroup, not canonical, or a forbidden
        identity.
    """
    point = decode_curve_point(data)
    if not point.is_in_subgroup():
        raise DecodingError("point", "not a member of the subgroup")
    if not allow_identity and data == _ENCODED_IDENTITY:
        raise DecodingError("point", "the identity is not allowed here")
    return point


def decode_curve_point(data: bytes) -> Point:
    """The point of the curve that 48 compressed bytes stand for, the identity included, be it in the subgroup or not.

    Only for points that occur nowhere but in an `Equation`, which is checked up to the cofactor: the subgroup check
    takes two thirds of a decoding.

    Raises:
        DecodingError: wrong length, not on the curve, or not canonical.
    """
    if len(data) != POINT_BYTES:
        raise DecodingError("point", f"{len(data)} bytes where {POINT_BYTES} belong")
    try:
        point = G1Point.from_compressed_bytes_unchecked(data)
    except ValueError as error:
        raise DecodingError("point", "not an encoding of a point of the curve") from error
    if encode_point(point) != data:
        raise DecodingError("point", "encoding is not canonical")
    return point


def point_words(point: Point) -> bytes:
    """128 bytes: the zero-padded affine coordinates of EIP-2537; the identity is all zeros."""
    if point == IDENTITY:
        return bytes(128)
    xy = bytes(point.to_xy_bytes_be())
    return _PAD + xy[:48] + _PAD + xy[48:]


def scalar(value: int) -> Scalar:
    """A signed integer as a scalar, reduced modulo r."""
    # From bytes, which takes equally long for all values, where the native conversion of integers does not.
    return Scalar.from_le_bytes((value % ORDER).to_bytes(SCALAR_BYTES, "little"))


def encode_scalar(value: Scalar) -> bytes:
    """32 bytes big-endian."""
    return bytes(value.to_be_bytes())


def decode_scalar(data: bytes) -> Scalar:
    """The scalar that 32 big-endian bytes stand for.

    Raises:
        DecodingError: wrong length, or a value that is not below r.
    """
    if len(data) != SCALAR_BYTES:
        raise DecodingError("scalar", f"{len(data)} bytes where {SCALAR_BYTES} belong")
    if int.from_bytes(data, "big") >= ORDER:
        raise DecodingError("scalar", "not below the group order")
    return Scalar.from_be_bytes(data)


def wide_scalar(data: bytes) -> Scalar:
    """64 uniform bytes reduced modulo r: bias below 2^-256 (RFC 9380, 5)."""
    if len(data) != 64:
        raise DecodingError("wide scalar", f"{len(data)} bytes where 64 belong")
    return Scalar.from_be_bytes_mod_order(data)


def random_scalar() -> Scalar:
    """A fresh uniform scalar from the operating system's generator."""
    return wide_scalar(secrets.token_bytes(64))


def msm(points: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
    """Σ scalars[i]·points[i]: the only way to the native multiplication, which truncates unequal lengths.

    Raises:
        LengthMismatch: the vectors differ in length.
    """
    if len(points) != len(scalars):
        raise LengthMismatch(len(points), len(scalars))
    if not points:
        return IDENTITY
    return G1Point.multiexp_unchecked(list(points), list(scalars))


def hash_to_point(message: bytes, domain: bytes) -> Point:
    """RFC 9380 hash_to_curve, suite BLS12381G1_XMD:SHA-256_SSWU_RO_, with `domain` as separation tag."""
    return G1Point.hash_to_curve(message, domain)
