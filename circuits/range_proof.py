"""Reciprocal range proof (Bulletproofs++, Eagen et al. 2022/510): 0 ≤ v_j < limit_j for rows j = 1..M.

Notation: digits d_i in base b, row by row and least significant first, padded to N with zero digits of place
value 0 on real generators; π_i is the place value of digit i in its row (`range_shape`), λ_i that row's weight
λ^j; m_a counts the digit a among all N; ⟨x, y⟩_μ = Σ_i μ^(i+1)·x_i·y_i with μ = ϱ².
Com(v; l; n) = v·G + ⟨l, H⟩ + ⟨n, G⟩, where H_0 is the blinding base and H has 6 + b entries.

    C₁ = Com(v₁; (h₁, p₁, q₁, −q₂, u₁, 0, m); d)                                        → α
    ρ_i = 1/(α+d_i);  C₂ = Com(0; (h₂, p₂, q₂, t₂, 0, 0, 0); ρ)                         → λ, ϱ, β
    A_i = d_i + α + μ^−(i+1),   B_i = ρ_i + μ^−(i+1)·λ_i·π_i
    S  = Com(0; (h_S, −⟨s,s⟩_μ/β, −2⟨s,A⟩_μ/β − p₁, (v₁ − 2⟨s,B⟩_μ + 2Σ_a σ_a/(α+a))/β − p₂,
                 −⟨A,A⟩_μ/β − q₁, −⟨B,B⟩_μ/β − u₁ − t₂, σ); s)                          → τ
    P  = τ⁻¹S + τC₁ + τ²C₂ + 2τ³Σ_j λ^j·V_j + 2τ³·pub·G + ⟨τ(α + μ^−(i+1)) + τ²μ^−(i+1)λ_iπ_i, G⟩
    pub = Σ_i μ^(i+1) + α·Σ_i λ_i·π_i + Σ_i μ^−(i+1)·λ_i·π_i

P opens to n = τ⁻¹s + τA + τ²B and l = τ⁻¹l_S + τl_1 + τ²l_2 (+ 2τ³Σλ^j·r_j on H_0) with v = ⟨c, l⟩ + ⟨n, n⟩_μ
for c = (0, βτ⁻¹, βτ, βτ², βτ³, βτ⁵, −2τ²/(α+a) for a < b), which the weighted-norm argument shows. The
argument that this suffices is written out in README.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from circuits.equation import Equation
from circuits.errors import DecodingError, ProofRejected
from circuits.group import (
    IDENTITY,
    ONE,
    POINT_BYTES,
    SCALAR_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_curve_point,
    decode_scalar,
)
from circuits.norm import NormProof, Unrolled, absorb_round, unroll
from circuits.range_shape import RangeShape
from circuits.transcript import Transcript
from circuits.vectors import dot, geometric, hadamard, inverses, powers, scale, total, twice, weighted_dot


@dataclass(frozen=True, slots=True)
class Challenges:
    """What the verifier's hash chose before S. `reciprocals` are 1/(α+a) for a < b, `row_weights` are λ, λ², …"""

    alpha: Scalar
    varrho: Scalar
    beta: Scalar
    reciprocals: tuple[Scalar, ...]
    row_weights: tuple[Scalar, ...]


def digit_reciprocals(alpha: Scalar, base: int) -> tuple[Scalar, ...]:
    """1/(α+a) for every digit a < b.

    Raises:
        ProofRejected: α = −a for some digit.
    """
    shifted = [alpha + digit for digit in _digits(base)]
    if ZERO in shifted:
        raise ProofRejected("challenge alpha is the negative of a digit")
    return tuple(inverses(shifted))


def draw_challenges(
    transcript: Transcript, shape: RangeShape, alpha: Scalar, reciprocals: tuple[Scalar, ...]
) -> Challenges:
    """λ, ϱ and β, once C₂ is absorbed."""
    lam, varrho, beta = (transcript.challenge(label) for label in (b"lambda", b"varrho", b"beta"))
    return Challenges(alpha, varrho, beta, reciprocals, tuple(powers(lam, len(shape.widths))))


def weighted_places(shape: RangeShape, row_weights: Sequence[Scalar]) -> list[Scalar]:
    """λ_i·π_i for every digit, zero for padding digits."""
    base = Scalar(shape.base)
    places: list[Scalar] = []
    for weight, row, top in zip(row_weights, shape.rows, shape.tops, strict=True):
        places += geometric(weight, base, row.count - 1)
        places.append(weight * top)
    return places + [ZERO] * (shape.padded - len(places))


def constraint(challenges: Challenges, tau: Scalar) -> list[Scalar]:
    """c, 6 + b entries."""
    tau2 = tau.square()
    tau3 = tau2 * tau
    masks = [tau.inverse(), tau, tau2, tau3, tau3 * tau2]
    return [ZERO, *scale(challenges.beta, masks), *scale(-(tau2 + tau2), challenges.reciprocals)]


@dataclass(frozen=True, slots=True)
class RangeCheck:
    """What remains to be checked: `equation`, to which the caller adds Σ_j `row_weights`[j]·V_j."""

    equation: Equation
    row_weights: tuple[Scalar, ...]


def check_range(shape: RangeShape, proof: bytes, transcript: Transcript) -> RangeCheck:
    """Replay the transcript over a proof and unroll it into one equation.

    Raises:
        ProofRejected: wrong length, a non-canonical scalar, a point outside the group, or a degenerate
        challenge.
    """
    if len(proof) != shape.proof_bytes:
        raise ProofRejected(f"range: {len(proof)} bytes where {shape.proof_bytes} belong")
    try:
        (C1, C2, S), norm = _decode(shape, proof)
    except DecodingError as error:
        raise ProofRejected(f"range: {error}") from error
    transcript.absorb_point(b"C1", C1)
    alpha = transcript.challenge(b"alpha")
    reciprocals = digit_reciprocals(alpha, shape.base)
    transcript.absorb_point(b"C2", C2)
    challenges = draw_challenges(transcript, shape, alpha, reciprocals)
    transcript.absorb_point(b"S", S)
    tau = transcript.challenge(b"tau")
    rounds = zip(norm.crosses, norm.squares, strict=True)
    folds = [absorb_round(transcript, cross, square) for cross, square in rounds]
    unrolled = unroll(folds, challenges.varrho)
    g, public = _digit_side(shape, challenges, tau, norm, unrolled)
    h, value = _linear_side(shape, challenges, tau, norm, unrolled)
    equation = Equation("range", value=value + public, blinding=h[0], g=g, h=h[1:])
    for gamma, cross, square in zip(unrolled.gammas, norm.crosses, norm.squares, strict=True):
        equation.add(cross, gamma)
        equation.add(square, gamma.square() - ONE)
    tau2 = tau.square()
    for point, weight in ((C1, tau), (C2, tau2), (S, tau.inverse())):
        equation.add(point, weight)
    return RangeCheck(equation, tuple(scale(twice(tau2 * tau), challenges.row_weights)))


def _digit_side(
    shape: RangeShape, challenges: Challenges, tau: Scalar, norm: NormProof, unrolled: Unrolled
) -> tuple[list[Scalar], Scalar]:
    """The scalars of the G_i in P less the final opening, and 2τ³·pub."""
    mu = challenges.varrho.square()
    inverse = mu.inverse()
    shifts = geometric(tau * inverse, inverse, shape.padded)  # τμ^−(i+1)
    row_weights = scale(tau, challenges.row_weights)
    places = weighted_places(shape, row_weights)  # τλ_iπ_i
    finals = [entry for final in norm.norm for entry in scale(final, unrolled.weights)]
    products = hadamard(shifts, places)
    tau_alpha = tau * challenges.alpha
    g = [tau_alpha + shift + product - final for shift, product, final in zip(shifts, products, finals, strict=True)]
    # pub = Σ μ^(i+1) + α·Σ λ_iπ_i + Σ μ^−(i+1)·λ_iπ_i, of which the last two sums stand here with τ and τ².
    tau2 = tau.square()
    weighted = challenges.alpha * dot(row_weights, shape.place_sums)
    sums = tau2 * (tau * _power_sum(mu, shape.padded) + weighted) + tau * total(products)
    return g, twice(sums)


def _linear_side(
    shape: RangeShape, challenges: Challenges, tau: Scalar, norm: NormProof, unrolled: Unrolled
) -> tuple[list[Scalar], Scalar]:
    """The scalars of the H_i in the final opening, and the final value, both negative."""
    c = constraint(challenges, tau)
    weights = unrolled.weights
    value = -weighted_dot(powers(unrolled.mu, len(norm.norm)), norm.norm, norm.norm)
    h: list[Scalar] = []
    for start, final in zip(range(0, shape.linear, len(weights)), norm.linear, strict=True):
        part = c[start : start + len(weights)]
        value = value - final * dot(part, weights[: len(part)])
        h += scale(-final, weights[: len(part)])
    return h, value


def _power_sum(mu: Scalar, count: int) -> Scalar:
    """μ + μ² + … + μ^count."""
    if mu == ONE:
        return Scalar(count)
    return mu * (mu.pow(Scalar(count)) - ONE) * (mu - ONE).inverse()


@lru_cache(maxsize=256)
def _digits(base: int) -> tuple[Scalar, ...]:
    return tuple(map(Scalar, range(base)))


def _decode(shape: RangeShape, proof: bytes) -> tuple[list[Point], NormProof]:
    """C₁, C₂, S and the folding rounds of a proof whose length has been checked."""
    fold = shape.fold
    cut = shape.proof_points * POINT_BYTES
    points = [decode_curve_point(proof[start : start + POINT_BYTES]) for start in range(0, cut, POINT_BYTES)]
    head, rounds = points[:3], points[3:]
    if IDENTITY in head:
        raise DecodingError("point", "the identity is not allowed here")
    scalars = [decode_scalar(proof[start : start + SCALAR_BYTES]) for start in range(cut, len(proof), SCALAR_BYTES)]
    norm = NormProof(
        tuple(rounds[0::2]), tuple(rounds[1::2]), tuple(scalars[: fold.linear]), tuple(scalars[fold.linear :])
    )
    return head, norm
