"""What a verifier is left with: sums of points that must be the identity, and one multiplication for all.

The scalars of the shared bases (G, H, B, the vectors) are kept apart from a proof's own points, so that many
equations add up to one multiplication in which each shared base occurs once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from circuits.endomorphism import SPLIT_BELOW, image, split_msm
from circuits.errors import ProofRejected
from circuits.generators import g_images, g_vector, h_images, h_vector
from circuits.group import COFACTOR, IDENTITY, ZERO, Point, Scalar, msm
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

    def copy(self) -> "Equation":
        """One that `accumulate` may change."""
        copied = replace(self)
        copied.g, copied.h = list(self.g), list(self.h)
        copied.points, copied.scalars = list(self.points), list(self.scalars)
        return copied

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
        own = [VALUE_BASE, key.blinding_base, *self.points]
        scalars = [self.value, self.blinding, *self.scalars, *self.g, *self.h]
        if self.handle != ZERO:
            own.insert(0, HANDLE_BASE)
            scalars.insert(0, self.handle)
        g, h = len(self.g), len(self.h)
        points = [*own, *g_vector(g), *h_vector(h)]
        if len(points) > SPLIT_BELOW:
            return msm(points, scalars)
        return split_msm(points, [*map(image, own), *g_images(g), *h_images(h)], scalars)


def require_all(key: CommitmentKey, equations: Sequence[Equation]) -> None:
    """Check every equation, up to the cofactor, with one multi-scalar multiplication.

    Each equation but the first gets a fresh random non-zero weight below 2^128; if any of them fails, the
    weighted sum is the identity with probability at most 2^-127. Points of a range proof may lie outside the
    subgroup. What they have there is no part of what an equation says, and the cofactor takes it away: otherwise
    it would depend on the weights whether it adds up to nothing, and verifiers would disagree.

    Raises:
        ProofRejected: some equation does not hold.
    """
    if not equations:
        return
    total = equations[0].copy()
    for equation in equations[1:]:
        total.accumulate(equation, Scalar(1 + secrets.randbelow(WEIGHT_BOUND - 1)))
    residue = total.residue(key)
    if residue != IDENTITY and residue * COFACTOR != IDENTITY:
        raise ProofRejected(" and ".join(dict.fromkeys(equation.relation for equation in equations)))


def _add_scaled(left: list[Scalar], right: list[Scalar], weight: Scalar) -> list[Scalar]:
    """left + weight·right, entry by entry; the shorter one counts as padded with zeros."""
    shared = min(len(left), len(right))
    total = [a + weight * b for a, b in zip(left[:shared], right[:shared], strict=True)]
    return total + left[shared:] + [weight * b for b in right[shared:]]
