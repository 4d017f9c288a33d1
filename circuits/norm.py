"""Weighted-norm linear argument (Bulletproofs++, Eagen et al. 2022/510): short knowledge of l and n with

    P = v·G + ⟨l, H⟩ + ⟨n, G⟩,   v = ⟨c, l⟩ + ⟨n, n⟩_μ,   ⟨x, y⟩_μ = Σ_i μ^(i+1)·x_i·y_i,   μ = ϱ².

A round splits all vectors into even (0) and odd (1) entries; inner products of n below carry the weights of μ²:

    X = (2ϱ⁻¹⟨n₀,n₁⟩ + ϱ⟨c₀,l₁⟩ + ϱ⁻¹⟨c₁,l₀⟩)·G + ϱ⁻¹(⟨l₀,H₁⟩ + ⟨n₀,G₁⟩) + ϱ(⟨l₁,H₀⟩ + ⟨n₁,G₀⟩)
    R = (⟨n₁,n₁⟩ + ⟨c₁,l₁⟩)·G + ⟨l₁,H₁⟩ + ⟨n₁,G₁⟩                                        → challenge γ
    l' = ϱ⁻¹l₀+γl₁, n' = ϱ⁻¹n₀+γn₁, c' = ϱc₀+γc₁, H' = ϱH₀+γH₁, G' = ϱG₀+γG₁, P' = P+γX+(γ²−1)R, ϱ' = μ, μ' = μ²

The challenge is γ = q·ϱ with q in [1, 2^128), so that H' = ϱ·(H₀ + q·H₁) and G' = ϱ·(G₀ + q·G₁) cost half a
multiplication per entry.

An odd n, |n| = 1 included, is never folded: padding n with an identity generator would let a prover add a
free square to v. Only l may be padded, with c = 0 and the identity. Rounds and final lengths depend on the
two lengths alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from circuits.endomorphism import SPLIT_BELOW, image, split_msm
from circuits.group import IDENTITY, ONE, ZERO, Point, Scalar, encode_point, encode_scalar, msm
from circuits.pedersen import VALUE_BASE
from circuits.transcript import Transcript
from circuits.vectors import dot, powers, scale, twice

FOLD_ABOVE: Final = 10
"""Folding stops once |l| + |n| is at most this: a further round's two points cost more than the scalars it
saves.
"""
VALUE_BASE_IMAGE: Final = image(VALUE_BASE)


@dataclass(frozen=True, slots=True)
class FoldShape:
    """How often two vectors fold, and the lengths that remain: |l| = `linear`, |n| = `norm`."""

    rounds: int
    linear: int
    norm: int


def fold_shape(linear: int, norm: int) -> FoldShape:
    """The shape of the argument for vectors of these lengths."""
    rounds = 0
    while linear + norm > FOLD_ABOVE and norm % 2 == 0:
        linear, norm, rounds = (linear + 1) // 2, norm // 2, rounds + 1
    return FoldShape(rounds, linear, norm)


@dataclass(frozen=True, slots=True)
class NormProof:
    """X and R of every round, then the final l and n."""

    crosses: tuple[Point, ...]
    squares: tuple[Point, ...]
    linear: tuple[Scalar, ...]
    norm: tuple[Scalar, ...]

    def encode(self) -> bytes:
        """(X ‖ R) per round, 48 bytes each; then l and n, 32 bytes each."""
        rounds = zip(self.crosses, self.squares, strict=True)
        points = b"".join(encode_point(cross) + encode_point(square) for cross, square in rounds)
        return points + b"".join(map(encode_scalar, self.linear + self.norm))


def absorb_round(transcript: Transcript, cross: Point, square: Point) -> Scalar:
    """Bind one round's X and R and draw q; the folding challenge is γ = q·ϱ."""
    transcript.absorb_point(b"X", cross)
    transcript.absorb_point(b"R", square)
    return transcript.short_challenge(b"gamma")


@dataclass(slots=True)
class NormBases:
    """H and G, with their endomorphism images while they are the fixed generators (None after a fold)."""

    H: list[Point]
    G: list[Point]
    H_images: list[Point] | None = None
    G_images: list[Point] | None = None

    def commit(self, value: Scalar, linear: Sequence[Scalar], norm: Sequence[Scalar]) -> Point:
        """value·G + ⟨linear, H⟩ + ⟨norm, G⟩."""
        points, scalars = [VALUE_BASE, *self.H, *self.G], [value, *linear, *norm]
        if self.H_images is None or self.G_images is None or len(points) > SPLIT_BELOW:
            return msm(points, scalars)
        return split_msm(points, [VALUE_BASE_IMAGE, *self.H_images, *self.G_images], scalars)

    def pad(self) -> None:
        """One identity more in H."""
        self.H.append(IDENTITY)
        if self.H_images is not None:
            self.H_images.append(IDENTITY)

    def odd(self) -> "NormBases":
        """The odd entries."""
        H_images = None if self.H_images is None else self.H_images[1::2]
        G_images = None if self.G_images is None else self.G_images[1::2]
        return NormBases(self.H[1::2], self.G[1::2], H_images, G_images)

    def folded(self, q: Scalar) -> "NormBases":
        """Even + q·odd."""
        return NormBases(
            [a + b * q for a, b in zip(self.H[0::2], self.H[1::2], strict=True)],
            [a + b * q for a, b in zip(self.G[0::2], self.G[1::2], strict=True)],
        )


class NormProver:
    """The prover's running vectors. H' and G' are kept as `_scale` times `_bases`, where `_scale` is the product of
    the ϱ so far.
    """

    def __init__(
        self,
        bases: NormBases,
        linear: Sequence[Scalar],
        norm: Sequence[Scalar],
        constraint: Sequence[Scalar],
        varrho: Scalar,
    ) -> None:
        """`bases` are those of `linear` (l) and `norm` (n); `constraint` is c; `varrho` is ϱ."""
        self._bases = bases
        self._l, self._n, self._c = list(linear), list(norm), list(constraint)
        self._varrho = varrho
        self._inverse = varrho.inverse()
        self._scale = ONE

    def prove(self, transcript: Transcript) -> NormProof:
        """Fold down to the final shape, feeding the transcript."""
        crosses, squares = [], []
        for _ in range(fold_shape(len(self._l), len(self._n)).rounds):
            cross, square = self._round_points()
            crosses.append(cross)
            squares.append(square)
            self._fold(absorb_round(transcript, cross, square))
        return NormProof(tuple(crosses), tuple(squares), tuple(self._l), tuple(self._n))

    def _round_points(self) -> tuple[Point, Point]:
        """X and R. Pads l to an even length first."""
        if len(self._l) % 2:
            self._l.append(ZERO)
            self._c.append(ZERO)
            self._bases.pad()
        l0, l1, c0, c1 = self._l[0::2], self._l[1::2], self._c[0::2], self._c[1::2]
        n0, n1 = self._n[0::2], self._n[1::2]
        weighted = [weight * entry for weight, entry in zip(self._weights(len(n1)), n1, strict=True)]
        x = self._inverse * (twice(dot(n0, weighted)) + dot(c1, l0)) + self._varrho * dot(c0, l1)
        down, up = self._scale * self._inverse, self._scale * self._varrho
        cross = self._bases.commit(x, _swapped(up, l1, down, l0), _swapped(up, n1, down, n0))
        r = dot(weighted, n1) + dot(c1, l1)
        square = self._bases.odd().commit(r, scale(self._scale, l1), scale(self._scale, n1))
        return cross, square

    def _weights(self, count: int) -> list[Scalar]:
        """μ², μ⁴, … with μ = ϱ²: the weights of the halves' inner products."""
        return powers(self._varrho.square().square(), count)

    def _fold(self, q: Scalar) -> None:
        gamma = q * self._varrho
        self._l = _weighted_sum(self._inverse, self._l[0::2], gamma, self._l[1::2])
        self._n = _weighted_sum(self._inverse, self._n[0::2], gamma, self._n[1::2])
        self._c = _weighted_sum(self._varrho, self._c[0::2], gamma, self._c[1::2])
        self._bases = self._bases.folded(q)
        self._scale = self._scale * self._varrho
        self._varrho = self._varrho.square()
        self._inverse = self._inverse.square()


def _weighted_sum(a: Scalar, even: Sequence[Scalar], b: Scalar, odd: Sequence[Scalar]) -> list[Scalar]:
    """a·even + b·odd."""
    return [a * x + b * y for x, y in zip(even, odd, strict=True)]


def _swapped(up: Scalar, odd: Sequence[Scalar], down: Scalar, even: Sequence[Scalar]) -> list[Scalar]:
    """What stands on the bases in X: up·odd on the even ones, down·even on the odd ones."""
    result = []
    for x, y in zip(odd, even, strict=True):
        result.append(up * x)
        result.append(down * y)
    return result


@dataclass(frozen=True, slots=True)
class Unrolled:
    """All rounds at once, for a verifier.

    Entry i of H, G and c ends up in the final entry i >> rounds with weight `weights[i mod 2^rounds]`; `gammas` are
    the folding challenges and `mu` the final weight base.
    """

    weights: tuple[Scalar, ...]
    gammas: tuple[Scalar, ...]
    mu: Scalar


def unroll(challenges: Sequence[Scalar], varrho: Scalar) -> Unrolled:
    """The weights that the folding `challenges` q and the first ϱ give every generator."""
    weights, gammas = [ONE], []
    for q in challenges:
        gamma = q * varrho
        gammas.append(gamma)
        # Round r reads bit r of an index, so the later half of the doubled table is the one with the bit set.
        weights = scale(varrho, weights) + scale(gamma, weights)
        varrho = varrho.square()
    return Unrolled(tuple(weights), tuple(gammas), varrho.square())
