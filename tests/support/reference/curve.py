"""G1 of BLS12-381 through py-ecc, with plain integers for scalars: slow, and made to be read beside the design."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, decompress_G1
from py_ecc.optimized_bls12_381 import FQ, Z1, add, curve_order, eq, is_inf, multiply, neg, normalize

R = curve_order
Point = tuple[FQ, FQ, FQ]
IDENTITY: Point = Z1


class Refused(Exception):
    """The reference does not accept."""


def total(*points: Point) -> Point:
    """The sum of points."""
    result = IDENTITY
    for point in points:
        result = add(result, point)
    return result


def times(factor: int, point: Point) -> Point:
    """`factor`·`point` for any integer."""
    return multiply(point, factor % R)


def combination(factors: Sequence[int], points: Sequence[Point]) -> Point:
    """Σ factors[i]·points[i]."""
    return total(*(times(factor, point) for factor, point in zip(factors, points, strict=True) if factor % R))


def same(left: Point, right: Point) -> bool:
    """Whether two points are equal."""
    return bool(eq(left, right))


def opposite(point: Point) -> Point:
    """−`point`."""
    return neg(point)


def inverse(value: int) -> int:
    """1/value modulo r."""
    return pow(value, -1, R)


def encode(point: Point) -> bytes:
    """48 bytes."""
    return int(compress_G1(point)).to_bytes(48, "big")


def decode(data: bytes) -> Point:
    """A member of the subgroup from 48 bytes (py-ecc's own decompression does not look at the subgroup)."""
    try:
        point = decompress_G1(int.from_bytes(data, "big"))
    except ValueError as error:
        raise Refused(str(error)) from error
    if len(data) != 48 or encode(point) != data or not is_inf(multiply(point, R)):
        raise Refused("not a canonical member of the subgroup")
    return point


def decode_number(data: bytes) -> int:
    """A scalar from 32 bytes."""
    value = int.from_bytes(data, "big")
    if len(data) != 32 or value >= R:
        raise Refused("not a canonical scalar")
    return value


def number(value: int) -> bytes:
    """32 bytes."""
    return (value % R).to_bytes(32, "big")


def words(point: Point) -> bytes:
    """128 bytes: each coordinate in 64, big-endian; zeros for the identity."""
    if is_inf(point):
        return bytes(128)
    x, y = normalize(point)
    return int(x).to_bytes(64, "big") + int(y).to_bytes(64, "big")


@lru_cache(maxsize=1024)
def hashed(message: bytes, domain: bytes) -> Point:
    """hash_to_curve of RFC 9380."""
    return hash_to_G1(message, domain, sha256)


G = hashed(b"value", b"zkclear/v1/G")
B = hashed(b"handle", b"zkclear/v1/B")


def g_vector(count: int) -> list[Point]:
    """G_0 …"""
    return [hashed(index.to_bytes(4, "big"), b"zkclear/v1/G-vector") for index in range(count)]


def h_vector(count: int) -> list[Point]:
    """H_1 …"""
    return [hashed(index.to_bytes(4, "big"), b"zkclear/v1/H-vector") for index in range(1, count + 1)]
