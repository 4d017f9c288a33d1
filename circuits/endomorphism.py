"""Half-length scalars by the group's endomorphism (Gallant, Lambert and Vanstone, CRYPTO 2001).

BLS12-381 has r = x⁴ − x² + 1, so that λ = x² − 1 satisfies λ² + λ + 1 = 0 modulo r, and with the matching cube
root of unity β in the base field (β·X, Y) = λ·(X, Y) for every member (X, Y) of the subgroup. A scalar k < r is
k₀ + λ·k₁ with k₁ = ⌊k/λ⌋ and k₀ = k mod λ, both below 2^128: no lattice is needed. The native multiplication
takes half as long for scalars of half the length, and two points of 128 bits cost less than one of 255.
"""

from collections.abc import Sequence
from typing import Final

from circuits.group import IDENTITY, SCALAR_BYTES, Point, Scalar, msm

LAMBDA: Final = 0xD201000000010000**2 - 1
"""λ: the scalar that the endomorphism multiplies by."""
SPLIT_BELOW: Final = 512
"""From about this many points on, one multiplication of full-size scalars costs no more: twice the points fill the
native library's buckets no better, and the splitting itself has a price."""
_FIELD: Final = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
_BETA: Final = pow(2, 2 * (_FIELD - 1) // 3, _FIELD)
_COORDINATE_BYTES: Final = 48


def image(point: Point) -> Point:
    """λ·`point`, for a member of the subgroup, at the price of one multiplication in the base field."""
    if point == IDENTITY:
        return point
    coordinates = bytes(point.to_xy_bytes_be())
    x = int.from_bytes(coordinates[:_COORDINATE_BYTES], "big") * _BETA % _FIELD
    # Unchecked is right here: the point was a member before, and the endomorphism keeps the subgroup.
    return Point.from_xy_bytes_unchecked_be(x.to_bytes(_COORDINATE_BYTES, "big") + coordinates[_COORDINATE_BYTES:])


def halves(scalars: Sequence[Scalar]) -> tuple[list[Scalar], list[Scalar]]:
    """(k₀, k₁) of every scalar, as two lists: k = k₀ + λ·k₁, both below 2^128."""
    read = Scalar.from_le_bytes
    pairs = [divmod(int.from_bytes(entry.to_le_bytes(), "little"), LAMBDA) for entry in scalars]
    low = [read(remainder.to_bytes(SCALAR_BYTES, "little")) for _, remainder in pairs]
    high = [read(quotient.to_bytes(SCALAR_BYTES, "little")) for quotient, _ in pairs]
    return low, high


def split_msm(points: Sequence[Point], images: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
    """Σ scalars[i]·points[i], given the points' images, in one multiplication of half-length scalars.

    Raises:
        LengthMismatch: the vectors differ in length.
    """
    low, high = halves(scalars)
    return msm([*points, *images], [*low, *high])
