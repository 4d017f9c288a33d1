"""What a verifier is left with: sums of points that must be the identity, and one multiplication for all.

The scalars of the shared bases (G, H, B, the vectors) are kept apart from a proof's own points, so that many
equations add up to one multiplication in which each shared base occurs once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from circuits.errors import ProofRejected
from circuits.generators import g_vector, h_vector
from circuits.group import IDENTITY, ZERO, Point, Scalar, msm
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, CommitmentKey

WEIGHT_BOUND: Final = 1 << 128


@dataclass(slots=True)
class Equation:
    """value·G + blinding·H + handle·B + Σ g_i·G_i + Σ h_i·H_(i+1) + Σ scalars·points = 0."""

    relation: str
    value: Scalar = ZERO
    blinding: Scalar = ZERO
    handle: Scalar = ZERO
    g: list[Scalar] = field(default_factory=list)
    h: list[Scalar] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    scalars: list[Scalar] = field(default_factory=list)

    def add(self, point: Point, weight: Scalar) -> None:
        """One more term of the proof's own."""
        self.points.append(point)
        self.scalars.append(weight)

    def accumulate(self, other: "Equation", weight: Scalar) -> None:
        """Add `weight` times another equation to this one."""
        self.value = self.value + weight * other.value
        self.blinding = self.blinding + weight * other.blinding
        self.handle = self.handle + weight * other.handle
        self.g = _add_scaled(self.g, other.g, weight)
        self.h = _add_scaled(self.h, other.h, weight)
        self.points += other.points
        self.scalars += [weight * entry for entry in other.scalars]

    def residue(self, key: CommitmentKey) -> Point:
        """The left-hand side: one multi-scalar multiplication."""
        points = [VALUE_BASE, key.blinding_base, *g_vector(len(self.g)), *h_vector(len(self.h)), *self.points]
        scalars = [self.value, self.blinding, *self.g, *self.h, *self.scalars]
        if self.handle != ZERO:
            points.append(HANDLE_BASE)
            scalars.append(self.handle)
        return msm(points, scalars)


def require_all(key: CommitmentKey, equations: Sequence[Equation]) -> None:
    """Check every equation with one multi-scalar multiplication.

    Each equation but the first gets a fresh random non-zero weight below 2^128; if any of them fails, the
    weighted sum is the identity with probability at most 2^-127.

    Raises:
        ProofRejected: some equation does not hold.
    """
    if not equations:
        return
    first = equations[0]
    total = Equation(first.relation)
    total.accumulate(first, Scalar(1))
    for equation in equations[1:]:
        total.accumulate(equation, Scalar(1 + secrets.randbelow(WEIGHT_BOUND - 1)))
    if total.residue(key) != IDENTITY:
        raise ProofRejected(" and ".join(dict.fromkeys(equation.relation for equation in equations)))


def _add_scaled(left: list[Scalar], right: list[Scalar], weight: Scalar) -> list[Scalar]:
    """left + weight·right, entry by entry; the shorter one counts as padded with zeros."""
    shared = min(len(left), len(right))
    total = [a + weight * b for a, b in zip(left[:shared], right[:shared], strict=True)]
    return total + left[shared:] + [weight * b for b in right[shared:]]
