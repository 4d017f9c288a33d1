"""The prover of the reciprocal range proof; the protocol and its notation stand in `range_proof`.

Each step is a method that takes what the step before made, so that a test can break exactly one relation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, repeat

from circuits.endomorphism import image
from circuits.errors import WitnessInvalid
from circuits.generators import g_images, g_vector, h_images, h_vector
from circuits.group import ZERO, Point, Scalar, encode_point, msm, scalar
from circuits.nonces import draw_nonces
from circuits.norm import NormBases, NormProof, NormProver
from circuits.pedersen import VALUE_BASE, CommitmentKey
from circuits.range_proof import Challenges, constraint, digit_reciprocals, draw_challenges, weighted_places
from circuits.range_shape import MASKS, RangeShape
from circuits.transcript import Transcript
from circuits.vectors import dot, powers, twice, weighted_dot


@dataclass(slots=True)
class _Masks:
    """The scalars that blind C₁, C₂ and S."""

    h1: Scalar
    h2: Scalar
    p1: Scalar
    p2: Scalar
    q1: Scalar
    q2: Scalar
    t2: Scalar
    u1: Scalar
    v1: Scalar
    h_s: Scalar


class RangeProver:
    """One proof in the making; each step of the protocol is a method.

    `values` are the rows' integers, `blindings` their r_j: V_j = values[j]·G + blindings[j]·H_0.
    """

    def __init__(
        self,
        key: CommitmentKey,
        shape: RangeShape,
        values: Sequence[int],
        blindings: Sequence[Scalar],
        transcript: Transcript,
    ) -> None:
        """`transcript` must have absorbed the whole statement, commitments included."""
        self.shape = shape
        self.values = list(values)
        self.blindings = list(blindings)
        self.transcript = transcript
        self._H = (key.blinding_base, *h_vector(shape.linear - 1))
        self._G = g_vector(shape.padded)
        self._H_images = (image(key.blinding_base), *h_images(shape.linear - 1))

    def prove(self) -> bytes:
        """The proof's bytes, `shape.proof_bytes` long.

        Raises:
            WitnessInvalid: a row is negative or does not fit its width.
        """
        self.draw_masks()
        d = self.digits()
        l1, C1 = self.commit_digits(d)
        self.transcript.absorb_point(b"C1", C1)
        alpha = self.transcript.challenge(b"alpha")
        reciprocals = digit_reciprocals(alpha, self.shape.base)
        rho = self.reciprocals(d, alpha, reciprocals)
        l2, C2 = self.commit_reciprocals(rho, reciprocals)
        self.transcript.absorb_point(b"C2", C2)
        challenges = draw_challenges(self.transcript, self.shape, alpha, reciprocals)
        inverse = challenges.varrho.square().inverse()
        shift = powers(inverse, self.shape.padded)
        places = weighted_places(self.shape, challenges.row_weights)
        A = [digit + alpha + entry for digit, entry in zip(map(scalar, d), shift, strict=True)]
        B = [r + e * place for r, e, place in zip(rho, shift, places, strict=True)]
        l_s, S = self.commit_masks(A, B, challenges)
        self.transcript.absorb_point(b"S", S)
        tau = self.transcript.challenge(b"tau")
        n = self.at(tau, self._s, A, B)
        linear = self.at(tau, l_s, l1, l2)
        linear[0] = linear[0] + self.blinding_weight(tau) * dot(challenges.row_weights, self.blindings)
        norm = self.norm_argument(linear, n, constraint(challenges, tau), challenges.varrho)
        return b"".join(map(encode_point, (C1, C2, S))) + norm.encode()

    def at(
        self, tau: Scalar, masks: Sequence[Scalar], first: Sequence[Scalar], second: Sequence[Scalar]
    ) -> list[Scalar]:
        """τ⁻¹·masks + τ·first + τ²·second."""
        inverse, square = tau.inverse(), tau.square()
        return [inverse * s + tau * x + square * y for s, x, y in zip(masks, first, second, strict=True)]

    def draw_masks(self) -> None:
        """All randomness of the proof, hedged with the openings."""
        count, base = len(fields(_Masks)), self.shape.base
        secret = [*map(scalar, self.values), *self.blindings]
        nonces = draw_nonces(self.transcript, secret, count + base + self.shape.padded)
        self._masks = _Masks(*nonces[:count])
        self._sigma = nonces[count : count + base]
        self._s = nonces[count + base :]

    def digits(self) -> list[int]:
        """d, padded to N."""
        result: list[int] = []
        rows = zip(self.values, self.shape.widths, self.shape.rows, strict=True)
        for row, (value, width, written) in enumerate(rows):
            if not 0 <= value < 1 << width:
                raise WitnessInvalid(f"row {row} does not lie in [0, 2^{width})")
            result += written.split(value)
        return result + [0] * (self.shape.padded - len(result))

    def multiplicities(self, digits: Sequence[int]) -> list[int]:
        """m: how often each digit occurs, padding included."""
        counts = [0] * self.shape.base
        for digit in digits:
            counts[digit] += 1
        return counts

    def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
        """l_1 and C₁. Σ d_i·G_i and Σ m_a·H_(6+a) take additions alone: as many, and no faster ones, for any digits.

        The sum for digit a starts at (a+2)·H_0 and not at the identity, to which an addition is fast: its time would
        tell which digits occur. What this puts on H_0 is known and taken off h₁.
        """
        masks, base = self._masks, self.shape.base
        sums = list(accumulate(repeat(self._H[0], base + 1)))[1:]
        counted = sums[0]
        for digit, generator in zip(digits, self._G, strict=True):
            sums[digit] = sums[digit] + generator
            counted = counted + self._H[MASKS + digit]
        running, weighted = sums[-1], sums[-1]
        for entry in reversed(sums[1:-1]):
            running = running + entry
            weighted = weighted + running
        self._sums = sums
        head = [masks.h1, masks.p1, masks.q1, -masks.q2, masks.u1, ZERO]
        surplus = scalar(2 + sum(digit * (digit + 2) for digit in range(base)))
        masking = msm([VALUE_BASE, *self._H[:MASKS]], [masks.v1, masks.h1 - surplus, *head[1:]])
        return head + list(map(scalar, self.multiplicities(digits))), weighted + counted + masking

    def reciprocals(self, digits: Sequence[int], alpha: Scalar, reciprocals: Sequence[Scalar]) -> list[Scalar]:
        """ρ_i = 1/(α+d_i)."""
        return [reciprocals[digit] for digit in digits]

    def commit_reciprocals(self, rho: Sequence[Scalar], reciprocals: Sequence[Scalar]) -> tuple[list[Scalar], Point]:
        """l_2 and C₂, by the sums of generators that `commit_digits` left: Σ_i ρ_i·G_i = Σ_a 1/(α+a)·Σ_{d_i=a} G_i."""
        masks = self._masks
        head = [masks.h2, masks.p2, masks.q2, masks.t2]
        surplus = dot(list(map(scalar, range(2, self.shape.base + 2))), reciprocals)
        C2 = msm([*self._H[:4], *self._sums], [masks.h2 - surplus, *head[1:], *reciprocals])
        return head + [ZERO] * (self.shape.linear - len(head)), C2

    def commit_masks(
        self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
    ) -> tuple[list[Scalar], Point]:
        """l_S and S: chosen so that every power of τ but the third cancels."""
        masks, over = self._masks, challenges.beta.inverse()
        s, sigma = self._s, self._sigma
        mu = powers(challenges.varrho.square(), self.shape.padded)
        weighted = [weight * entry for weight, entry in zip(mu, s, strict=True)]
        first = masks.v1 - twice(dot(weighted, B)) + twice(dot(sigma, challenges.reciprocals))
        l_s = [
            masks.h_s,
            -dot(weighted, s) * over,
            -twice(dot(weighted, A)) * over - masks.p1,
            first * over - masks.p2,
            -weighted_dot(mu, A, A) * over - masks.q1,
            -weighted_dot(mu, B, B) * over - masks.u1 - masks.t2,
            *sigma,
        ]
        return l_s, self.bases().commit(ZERO, l_s, s)

    def bases(self) -> NormBases:
        """H and G with their images."""
        return NormBases(list(self._H), list(self._G), list(self._H_images), list(g_images(len(self._G))))

    def blinding_weight(self, tau: Scalar) -> Scalar:
        """2τ³: the weight of the rows' commitments in P."""
        return twice(tau.square() * tau)

    def norm_argument(
        self, linear: Sequence[Scalar], n: Sequence[Scalar], c: Sequence[Scalar], varrho: Scalar
    ) -> NormProof:
        """The folding rounds."""
        return NormProver(self.bases(), linear, n, c, varrho).prove(self.transcript)
