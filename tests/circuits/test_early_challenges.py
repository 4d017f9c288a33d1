"""Why each challenge comes after what it is drawn from: whoever knows it before proves what is false.

One forger for each challenge of the range proof. It tells a single lie, which that challenge alone could expose, and
pays for it by what it sends before. Against a verifier whose challenge was known beforehand every one of them passes,
which shows that nothing else stands in its way; against the real one each is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from circuits import equation
from circuits.equation import Equation, require_all
from circuits.errors import ProofRejected
from circuits.group import ONE, Point, Scalar, scalar
from circuits.norm import NormProof, NormProver
from circuits.pedersen import VALUE_BASE
from circuits.range_proof import Challenges
from circuits.range_prover import RangeProver
from circuits.transcript import Transcript
from circuits.vectors import twice
from tests.circuits.programmed import programmed
from tests.circuits.proofs import KEY, Committed, prove, verify
from tests.circuits.test_range_forgeries import Forger

GUESS = scalar(0x0123456789ABCDEF << 128 | 0xFEDCBA9876543210)
FOLD = scalar(0xABCDEF0123456789)
GUESS_WEIGHT = scalar(0x1234567)
MINUS_ONE = Committed.of((-1,), (64,))


def passes_only_when_known(rows: Committed, forger: type[RangeProver], kind: type[Transcript]) -> None:
    """The forger's guess is right for transcripts of this `kind`, and for real ones it is not."""
    verify(rows, prove(rows, forger, kind), kind=kind)
    with pytest.raises(ProofRejected):
        verify(rows, prove(rows, forger))


class FalseDigit(Forger):
    """Writes −1 as the digit −1, which it counts as b − 1."""

    def digits(self) -> list[int]:
        return [-1] + [0] * (self.shape.padded - 1)


class FalseSum(Forger):
    """Proves −1 with the digits of limit − 1: the rows' sum is short of `limit`."""

    def commit_masks(
        self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
    ) -> tuple[list[Scalar], Point]:
        self._missing = challenges.row_weights[0] * scalar(self.shape.rows[0].limit)
        return super().commit_masks(A, B, challenges)


def test_alpha_known_before_the_digits_would_excuse_a_false_digit() -> None:
    """A count that is no count balances Σρ_i = Σm_a/(α+a) for one α."""

    class Early(FalseDigit):
        def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
            linear, C1 = super().commit_digits(digits)
            excess = ((GUESS - ONE).inverse() - (GUESS + scalar(self.shape.base - 1)).inverse()) * GUESS
            linear[6] = linear[6] + excess
            return linear, C1 + self._H[6] * excess

    passes_only_when_known(MINUS_ONE, Early, programmed({b"alpha": GUESS}))


def test_lambda_known_before_the_commitments_would_let_two_rows_share_one_sum() -> None:
    """5 + 7λ and −1 stand for 5 and 6: λ·7λ and λ²·(−7) cancel."""

    class Early(Forger):
        def digits(self) -> list[int]:
            first, second = self.shape.rows
            true = first.split(5) + second.split(6)
            return true + [0] * (self.shape.padded - len(true))

    rows = Committed.of((5 + 7 * int(GUESS), -1), (64, 64))
    passes_only_when_known(rows, Early, programmed({b"lambda": GUESS}))


def test_varrho_known_before_the_reciprocals_would_excuse_a_false_digit() -> None:
    """ρ₀ is that of b − 1; two other reciprocals, whose sum is right, make up for it under μ, μ² and μ³."""

    class Early(FalseDigit):
        def reciprocals(self, digits: Sequence[int], alpha: Scalar, reciprocals: Sequence[Scalar]) -> list[Scalar]:
            rho = super().reciprocals(digits, alpha, reciprocals)
            rho[0] = reciprocals[self.shape.base - 1]
            lie = ONE - (alpha - ONE) * rho[0]
            mu = GUESS.square()
            shift = lie * (alpha * mu * (ONE - mu)).inverse()
            rho[1], rho[2] = rho[1] + shift, rho[2] - shift
            return rho

    passes_only_when_known(MINUS_ONE, Early, programmed({b"varrho": GUESS}))


@pytest.mark.parametrize("carrier", ["C1", "C2"])
def test_beta_known_before_the_masks_would_excuse_wrong_counts(carrier: str) -> None:
    """A mask q₂ that does not cancel pays for Σρ_i ≠ Σm_a/(α+a). In C₁ it takes α as well."""
    kind = programmed({b"alpha": GUESS, b"beta": GUESS})

    def price(base: int) -> Scalar:
        over = (GUESS - ONE).inverse() - (GUESS + scalar(base - 1)).inverse()
        return -twice(over) * GUESS.inverse()

    class Early(FalseDigit):
        def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
            linear, C1 = super().commit_digits(digits)
            paid = price(self.shape.base) if carrier == "C1" else scalar(0)
            linear[3] = linear[3] + paid
            return linear, C1 + self._H[3] * paid

        def commit_reciprocals(
            self, rho: Sequence[Scalar], reciprocals: Sequence[Scalar]
        ) -> tuple[list[Scalar], Point]:
            linear, C2 = super().commit_reciprocals(rho, reciprocals)
            paid = price(self.shape.base) if carrier == "C2" else scalar(0)
            linear[2] = linear[2] + paid
            return linear, C2 + self._H[2] * paid

    passes_only_when_known(MINUS_ONE, Early, kind)


def test_tau_known_before_the_masks_are_committed_would_prove_any_sum() -> None:
    """S may hold any value at τ⁻¹, which for one τ makes up for what is missing at τ³."""

    class Early(FalseSum):
        def commit_masks(
            self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
        ) -> tuple[list[Scalar], Point]:
            l_s, S = super().commit_masks(A, B, challenges)
            return l_s, S + VALUE_BASE * (twice(GUESS.square().square()) * self._missing)

    passes_only_when_known(MINUS_ONE, Early, programmed({b"tau": GUESS}))


@pytest.mark.parametrize("carrier", ["X", "R"])
def test_a_folding_challenge_known_before_its_round_would_prove_any_value(carrier: str) -> None:
    class EarlyFold(NormProver):
        missing: Scalar

        def _round_points(self) -> tuple[Point, Point]:
            cross, square = super()._round_points()
            gamma = FOLD * self._varrho
            if carrier == "X":
                cross = cross + VALUE_BASE * (self.missing * gamma.inverse())
            else:
                square = square + VALUE_BASE * (self.missing * (gamma.square() - ONE).inverse())
            self.missing = scalar(0)
            return cross, square

    class Early(FalseSum):
        def blinding_weight(self, tau: Scalar) -> Scalar:
            self._weight = super().blinding_weight(tau)
            return self._weight

        def norm_argument(
            self, linear: Sequence[Scalar], n: Sequence[Scalar], c: Sequence[Scalar], varrho: Scalar
        ) -> NormProof:
            prover = EarlyFold(self.bases(), linear, n, c, varrho)
            prover.missing = self._weight * self._missing
            return prover.prove(self.transcript)

    passes_only_when_known(MINUS_ONE, Early, programmed({}, [FOLD]))


def test_a_commitment_chosen_after_the_challenges_would_hold_anything() -> None:
    """The class of forgeries called "Frozen Heart": a row that the transcript does not absorb."""

    class Forgetful(Transcript):
        def absorb(self, label: bytes, data: bytes) -> None:
            if label != b"V":
                super().absorb(label, data)

    class Early(FalseDigit):
        def commit_masks(
            self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
        ) -> tuple[list[Scalar], Point]:
            over = (challenges.alpha - ONE).inverse() - challenges.reciprocals[-1]
            fitted.append(over * challenges.row_weights[0].inverse() - ONE)
            return super().commit_masks(A, B, challenges)

    fitted: list[Scalar] = []
    proof = prove(MINUS_ONE, Early, Forgetful)
    value, blinding = fitted[0], MINUS_ONE.blindings[0]
    assert int(value) >= MINUS_ONE.shape.rows[0].limit
    rows = replace(MINUS_ONE, points=(VALUE_BASE * value + KEY.blinding_base * blinding,))
    verify(rows, proof, kind=Forgetful)
    with pytest.raises(ProofRejected):
        verify(rows, proof)


def test_weights_known_before_a_batch_would_let_two_false_equations_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    up, down = Equation("up", value=GUESS_WEIGHT), Equation("down", value=-ONE)
    with pytest.raises(ProofRejected):
        require_all(KEY, [up, down])
    monkeypatch.setattr(equation.secrets, "randbelow", lambda bound: int(GUESS_WEIGHT) - 1)
    require_all(KEY, [up, down])
    for single in (up, down):
        with pytest.raises(ProofRejected):
            require_all(KEY, [single])
