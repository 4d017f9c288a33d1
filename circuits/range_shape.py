"""The shape of a range proof: a pure function of the rows' widths, which leaves nothing to the prover."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from circuits.group import POINT_BYTES, SCALAR_BYTES
from circuits.norm import FoldShape, fold_shape

BASES: Final = (16, 256)
"""Digit bases on offer; each divides 32, 40 and 64 bits evenly."""
MASKS: Final = 6
"""Entries of l before the digit multiplicities: the blinding and five masks."""


@dataclass(frozen=True, slots=True)
class RangeShape:
    """`widths` in bits, already rounded up to whole digits of `base`; `padded` is the number N of digits."""

    widths: tuple[int, ...]
    base: int
    padded: int

    @property
    def digit_bits(self) -> int:
        """Bits per digit."""
        return self.base.bit_length() - 1

    @property
    def row_digits(self) -> tuple[int, ...]:
        """Digits per row."""
        return tuple(width // self.digit_bits for width in self.widths)

    @property
    def linear(self) -> int:
        """|l|: the masks, and one count per digit."""
        return MASKS + self.base

    @property
    def fold(self) -> FoldShape:
        """Rounds and final lengths of the weighted-norm argument."""
        return fold_shape(self.linear, self.padded)

    @property
    def proof_bytes(self) -> int:
        """The exact length of a proof."""
        fold = self.fold
        return (3 + 2 * fold.rounds) * POINT_BYTES + (fold.linear + fold.norm) * SCALAR_BYTES


@lru_cache(maxsize=256)
def range_shape(widths: tuple[int, ...]) -> RangeShape:
    """The shape for rows of these widths (bits), in the base that needs the fewest generators."""
    return min((_shape(widths, base) for base in BASES), key=lambda shape: shape.padded + shape.base)


def _shape(widths: tuple[int, ...], base: int) -> RangeShape:
    bits = base.bit_length() - 1
    rounded = tuple(-(-width // bits) * bits for width in widths)
    return RangeShape(rounded, base, _padded(sum(rounded) // bits))


def _padded(digits: int) -> int:
    """The least 3·2^k or 4·2^k that holds `digits`: it folds down to 3 or to 4, 2 or 1."""
    size = 1
    while True:
        for candidate in (3 * size, 4 * size):
            if candidate >= digits:
                return candidate
        size *= 2
