"""The shape of a range proof: a pure function of the rows' widths, which leaves nothing to the prover.

A row of width w has K digits in base b, K the least with b^K ≥ 2^w. All digits but the last have the place values
b⁰ … b^(K−2); the last one has top = ⌈(2^w − b^(K−1)) / (b−1)⌉ ≤ b^(K−1). Digits in [0, b) then reach every integer
of [0, limit) and no other, with

    limit = b^(K−1) + top·(b−1),        2^w ≤ limit < 2^w + b,

so that any base serves any width; where b^K = 2^w, top is b^(K−1) and limit is 2^w.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from circuits.group import POINT_BYTES, SCALAR_BYTES, Scalar, scalar
from circuits.norm import FoldShape, fold_shape

BASES: Final = range(4, 257)
"""Digit bases on offer."""
MASKS: Final = 6
"""Entries of l before the digit multiplicities: the blinding and five masks."""
_HEAD_POINTS: Final = 3
"""C₁, C₂ and S."""


@dataclass(frozen=True, slots=True)
class RowDigits:
    """How one row is written: `count` digits in `base`, the last with place value `top`, for values in [0, `limit`)."""

    base: int
    count: int
    top: int
    limit: int

    def split(self, value: int) -> list[int]:
        """The digits of a value in [0, limit), least significant first."""
        last = min(value // self.top, self.base - 1)
        rest = value - last * self.top
        digits = []
        for _ in range(self.count - 1):
            rest, digit = divmod(rest, self.base)
            digits.append(digit)
        return [*digits, last]


@lru_cache(maxsize=4096)
def row_digits(width: int, base: int) -> RowDigits:
    """The digits of a row of `width` bits (at least 1)."""
    count, power = 1, 1
    while power * base < 1 << width:
        count, power = count + 1, power * base
    top = -(-((1 << width) - power) // (base - 1))
    return RowDigits(base, count, top, power + top * (base - 1))


@dataclass(frozen=True)
class RangeShape:
    """`widths` in bits; `rows` the digits of each; `padded` is the number N of digits."""

    widths: tuple[int, ...]
    base: int
    rows: tuple[RowDigits, ...]
    padded: int

    @cached_property
    def digits(self) -> int:
        """Digits before padding."""
        return sum(row.count for row in self.rows)

    @cached_property
    def tops(self) -> tuple[Scalar, ...]:
        """The place value of each row's last digit."""
        return tuple(scalar(row.top) for row in self.rows)

    @cached_property
    def place_sums(self) -> tuple[Scalar, ...]:
        """The sum of each row's place values."""
        return tuple(scalar((row.limit - 1) // (row.base - 1)) for row in self.rows)

    @cached_property
    def linear(self) -> int:
        """|l|: the masks, and one count per digit."""
        return MASKS + self.base

    @cached_property
    def fold(self) -> FoldShape:
        """Rounds and final lengths of the weighted-norm argument."""
        return fold_shape(self.linear, self.padded)

    @cached_property
    def proof_points(self) -> int:
        """C₁, C₂, S, and two points a round."""
        return _HEAD_POINTS + 2 * self.fold.rounds

    @cached_property
    def proof_bytes(self) -> int:
        """The exact length of a proof."""
        fold = self.fold
        return self.proof_points * POINT_BYTES + (fold.linear + fold.norm) * SCALAR_BYTES


@lru_cache(maxsize=256)
def range_shape(widths: tuple[int, ...]) -> RangeShape:
    """The shape for rows of these widths (bits), in the base that costs a verifier least."""
    return min((_shape(widths, base) for base in BASES), key=_cost)


def _cost(shape: RangeShape) -> int:
    """Points of the one multiplication, and bytes at a point for each 48, in 1/48 points."""
    return POINT_BYTES * (shape.padded + shape.linear + shape.proof_points) + shape.proof_bytes


def _shape(widths: tuple[int, ...], base: int) -> RangeShape:
    rows = tuple(row_digits(width, base) for width in widths)
    return RangeShape(widths, base, rows, _padded(sum(row.count for row in rows)))


def _padded(digits: int) -> int:
    """The least 4·2^k, 5·2^k, 6·2^k or 7·2^k that holds `digits`: it folds until 7 or fewer are left."""
    size = 1
    while 7 * size < digits:
        size *= 2
    return next(factor * size for factor in (4, 5, 6, 7) if factor * size >= digits)
