"""Proofs without a witness: from the public statement and the challenges alone, if those are known beforehand.

The range proof's simulator draws C₁, C₂ and the opening (l, n) of P uniformly, and takes the S that satisfies the
equation of `circuits.range_proof`; then it folds like any prover. It is written from that equation, not from the
verifier's code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from circuits.dleq import EqualLogs
from circuits.generators import g_vector, h_vector
from circuits.group import Point, Scalar, encode_point, encode_scalar, msm, random_scalar, scalar
from circuits.linear import LinearStatement, bind_statement
from circuits.norm import NormBases, NormProver
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, CommitmentKey
from circuits.polynomial_proofs import PolynomialStatement
from circuits.range_shape import MASKS, RangeShape
from circuits.transcript import Transcript
from tests.circuits.programmed import programmed


@dataclass(frozen=True)
class Programme:
    """All challenges of a range proof, fixed beforehand; q of each folding round in `folds`."""

    alpha: Scalar
    lam: Scalar
    varrho: Scalar
    beta: Scalar
    tau: Scalar
    folds: tuple[Scalar, ...]

    @classmethod
    def fresh(cls, rounds: int) -> "Programme":
        """Random challenges for a proof of so many rounds."""
        folds = tuple(Scalar(int(random_scalar()) % (1 << 128)) for _ in range(rounds))
        return cls(*(random_scalar() for _ in range(5)), folds)

    @cached_property
    def kind(self) -> type[Transcript]:
        """Transcripts that give these challenges."""
        known = {b"alpha": self.alpha, b"lambda": self.lam, b"varrho": self.varrho, b"beta": self.beta}
        return programmed({**known, b"tau": self.tau}, self.folds)

    def public(self, shape: RangeShape) -> tuple[Scalar, list[Scalar]]:
        """2τ³·pub on G, and τ(α + μ^−(i+1)) + τ²μ^−(i+1)·λ_i·π_i on the G_i."""
        mu, weights, places = self.varrho * self.varrho, [], []
        for place in range(shape.padded):
            weights.append(mu.pow(Scalar(place + 1)))
        for row, written in enumerate(shape.rows):
            weight = self.lam.pow(Scalar(row + 1))
            values = [*(written.base**k for k in range(written.count - 1)), written.top]
            places += [weight * scalar(value) for value in values]
        places += [Scalar(0)] * (shape.padded - len(places))
        pub, on_g, tau2 = Scalar(0), [], self.tau * self.tau
        for weight, place in zip(weights, places, strict=True):
            over = weight.inverse()
            pub = pub + weight + self.alpha * place + over * place
            on_g.append(self.tau * (self.alpha + over) + tau2 * over * place)
        return Scalar(2) * tau2 * self.tau * pub, on_g

    def constraint(self, shape: RangeShape) -> list[Scalar]:
        """c = (0, βτ⁻¹, βτ, βτ², βτ³, βτ⁵, −2τ²/(α+a) …)."""
        tau, tau2 = self.tau, self.tau * self.tau
        masks = [tau.inverse(), tau, tau2, tau2 * tau, tau2 * tau2 * tau]
        counts = [-(Scalar(2) * tau2 * (self.alpha + Scalar(digit)).inverse()) for digit in range(shape.base)]
        return [Scalar(0), *(self.beta * power for power in masks), *counts]

    def value(self, shape: RangeShape, linear: Sequence[Scalar], norm: Sequence[Scalar]) -> Scalar:
        """⟨c, l⟩ + ⟨n, n⟩_μ, which P holds on G."""
        total, weight, mu = Scalar(0), Scalar(1), self.varrho * self.varrho
        for factor, entry in zip(self.constraint(shape), linear, strict=True):
            total = total + factor * entry
        for entry in norm:
            weight = weight * mu
            total = total + weight * entry * entry
        return total


def simulate_range(
    key: CommitmentKey, shape: RangeShape, points: Sequence[Point], programme: Programme, transcript: Transcript
) -> bytes:
    """A proof for rows with the commitments `points`, whatever they hold; `transcript` is of the programme's kind."""
    linear = [random_scalar() for _ in range(MASKS + shape.base)]
    norm = [random_scalar() for _ in range(shape.padded)]
    C1, C2 = (VALUE_BASE * random_scalar() for _ in range(2))
    H, G = (key.blinding_base, *h_vector(len(linear) - 1)), g_vector(len(norm))
    tau, c = programme.tau, programme.constraint(shape)
    P = msm([VALUE_BASE, *H, *G], [programme.value(shape, linear, norm), *linear, *norm])
    on_value, on_g = programme.public(shape)
    rows = msm(points, [Scalar(2) * tau.pow(Scalar(3)) * programme.lam.pow(Scalar(j + 1)) for j in range(len(points))])
    S = (P - C1 * tau - C2 * (tau * tau) - rows - msm([VALUE_BASE, *G], [on_value, *on_g])) * tau
    for label, point in ((b"C1", C1), (b"C2", C2), (b"S", S)):
        transcript.absorb_point(label, point)
    folded = NormProver(NormBases(list(H), list(G)), linear, norm, c, programme.varrho).prove(transcript)
    return b"".join(map(encode_point, (C1, C2, S))) + folded.encode()


def simulate_linear(
    key: CommitmentKey,
    statement: LinearStatement,
    commitments: Sequence[Commitment],
    programme: Programme,
    transcript: Transcript,
) -> tuple[tuple[Point, ...], bytes]:
    """Auxiliaries and proof for any commitments, whether A·x + b ≥ 0 or not."""
    count = statement.variables - len(commitments)
    auxiliaries = tuple(VALUE_BASE * random_scalar() for _ in range(count))
    points = [*(commitment.c for commitment in commitments), *auxiliaries]
    rows = []
    for row in statement.rows:
        total = VALUE_BASE * scalar(row.constant)
        for variable, factor in zip(row.variables, row.coefficients, strict=True):
            total = total + points[variable] * scalar(factor)
        rows.append(total)
    bind_statement(transcript, statement, commitments, auxiliaries)
    return auxiliaries, simulate_range(key, statement.shape, rows, programme, transcript)


def simulate_opening(key: CommitmentKey, commitment: Commitment, e: Scalar) -> bytes:
    """Answers first, then the masks that suit challenge e."""
    z_value, z_blinding = random_scalar(), random_scalar()
    answer = Commitment(VALUE_BASE * z_value + key.blinding_base * z_blinding, HANDLE_BASE * z_blinding)
    masked = Commitment(answer.c - commitment.c * e, answer.d - commitment.d * e)
    return masked.encode() + encode_scalar(z_value) + encode_scalar(z_blinding)


def simulate_answers(statement: EqualLogs | PolynomialStatement, c: Scalar) -> bytes:
    """The compact proofs carry challenge and answers, of which the verifier computes the masks."""
    answers = 1 if isinstance(statement, EqualLogs) else len(statement.relations[0].bases)
    return b"".join(map(encode_scalar, [c, *(random_scalar() for _ in range(answers))]))
