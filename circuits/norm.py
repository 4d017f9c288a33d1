"""Weighted-norm linear argument (Bulletproofs++, Eagen et al. 2022/510): short knowledge of l and n with

    P = v·G + ⟨l, H⟩ + ⟨n, G⟩,   v = ⟨c, l⟩ + ⟨n, n⟩_μ,   ⟨x, y⟩_μ = Σ_i μ^(i+1)·x_i·y_i,   μ = ϱ².

A round splits both vectors into even (0) and odd (1) entries; inner products below carry the weights of μ²:

    X = (2ϱ⁻¹⟨n₀,n₁⟩ + ⟨c₀,l₁⟩ + ⟨c₁,l₀⟩)·G + ⟨l₀,H₁⟩ + ⟨l₁,H₀⟩ + ϱ⁻¹⟨n₀,G₁⟩ + ϱ⟨n₁,G₀⟩
    R = (⟨n₁,n₁⟩ + ⟨c₁,l₁⟩)·G + ⟨l₁,H₁⟩ + ⟨n₁,G₁⟩                                        → challenge γ
    l' = l₀+γl₁, c' = c₀+γc₁, H' = H₀+γH₁, n' = ϱ⁻¹n₀+γn₁, G' = ϱG₀+γG₁, P' = P+γX+(γ²−1)R, ϱ' = μ, μ' = μ²

The challenge is γ = q·ϱ with q in [1, 2^128), so that G' = ϱ·(G₀ + q·G₁) costs half a multiplication per
entry.

An odd n, |n| = 1 included, is never folded: padding n with an identity generator would let a prover add a
free square to v. Only l may be padded, with c = 0 and the identity. Rounds and final lengths depend on the
two lengths alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from circuits.group import IDENTITY, ONE, ZERO, Point, Scalar, encode_point, encode_scalar, msm
from circuits.pedersen import VALUE_BASE
from circuits.transcript import Transcript
from circuits.vectors import combine, dot, powers, scale, weighted_dot

FOLD_ABOVE: Final = 6
"""Folding stops once |l| + |n| is at most this: a further round's two points cost more than the scalars it
saves.
"""


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


class NormProver:
    """The prover's running vectors. G' is kept as `_scale`·`_G`, where `_scale` is the product of the ϱ so
    far.
    """

    def __init__(
        self,
        generators: tuple[Sequence[Point], Sequence[Point]],
        linear: Sequence[Scalar],
        norm: Sequence[Scalar],
        constraint: Sequence[Scalar],
        varrho: Scalar,
    ) -> None:
        """`generators` are (H, G) for `linear` (l) and `norm` (n); `constraint` is c; `varrho` is ϱ."""
        self._H, self._G = list(generators[0]), list(generators[1])
        self._l, self._n, self._c = list(linear), list(norm), list(constraint)
        self._varrho = varrho
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
            self._H.append(IDENTITY)
        l0, l1, c0, c1 = self._l[0::2], self._l[1::2], self._c[0::2], self._c[1::2]
        n0, n1 = self._n[0::2], self._n[1::2]
        H0, H1, G0, G1 = self._H[0::2], self._H[1::2], self._G[0::2], self._G[1::2]
        mu = self._varrho.square()
        weights = powers(mu.square(), len(n0))
        inverse = self._varrho.inverse()
        twice = inverse + inverse
        x = twice * weighted_dot(weights, n0, n1) + dot(c0, l1) + dot(c1, l0)
        cross = msm(
            [VALUE_BASE, *H1, *H0, *G1, *G0],
            [x, *l0, *l1, *scale(self._scale * inverse, n0), *scale(self._scale * self._varrho, n1)],
        )
        r = weighted_dot(weights, n1, n1) + dot(c1, l1)
        square = msm([VALUE_BASE, *H1, *G1], [r, *l1, *scale(self._scale, n1)])
        return cross, square

    def _fold(self, q: Scalar) -> None:
        gamma = q * self._varrho
        self._l = combine(self._l[0::2], gamma, self._l[1::2])
        self._c = combine(self._c[0::2], gamma, self._c[1::2])
        self._n = combine(scale(self._varrho.inverse(), self._n[0::2]), gamma, self._n[1::2])
        self._H = [a + b * gamma for a, b in zip(self._H[0::2], self._H[1::2], strict=True)]
        self._G = [a + b * q for a, b in zip(self._G[0::2], self._G[1::2], strict=True)]
        self._scale = self._scale * self._varrho
        self._varrho = self._varrho.square()


@dataclass(frozen=True, slots=True)
class Unrolled:
    """All rounds at once, for a verifier.

    The generator G_i ends up in the final G_(i >> rounds) with weight `norm[i mod 2^rounds]`, and likewise
    H_i and c_i with `linear`; `gammas` are the folding challenges and `mu` the final weight base.
    """

    linear: tuple[Scalar, ...]
    norm: tuple[Scalar, ...]
    gammas: tuple[Scalar, ...]
    mu: Scalar


def unroll(challenges: Sequence[Scalar], varrho: Scalar) -> Unrolled:
    """The weights that the folding `challenges` q and the first ϱ give every generator."""
    linear, norm, gammas = [ONE], [ONE], []
    for q in challenges:
        gamma = q * varrho
        gammas.append(gamma)
        # Round r reads bit r of an index, so the later half of the doubled table is the one with the bit set.
        norm = scale(varrho, norm) + scale(gamma, norm)
        linear = linear + scale(gamma, linear)
        varrho = varrho.square()
    return Unrolled(tuple(linear), tuple(norm), tuple(gammas), varrho.square())
