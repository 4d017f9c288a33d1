"""Cheating provers: each breaks exactly one relation of the range proof and keeps all the others.

Every forger works as hard as its relation allows: it carries its false values through the whole protocol. Where a
relation rests on the order of messages, the same forgery is shown to pass against a verifier without that order.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from circuits.errors import ProofRejected
from circuits.generators import g_vector, h_vector
from circuits.group import IDENTITY, ONE, Point, Scalar, msm, random_scalar, scalar
from circuits.norm import NormProof, NormProver, absorb_round
from circuits.pedersen import HANDLE_BASE, VALUE_BASE
from circuits.range_proof import Challenges
from circuits.range_prover import RangeProver
from circuits.range_shape import MASKS, range_shape, row_digits
from circuits.transcript import Transcript
from circuits.vectors import powers, weighted_dot
from tests.circuits.proofs import Committed, prove, verify

KNOWN_ALPHA = scalar(0x1234567890ABCDEF)


class Forger(RangeProver):
    """Takes any integers for digits, and counts a false digit as the true one it is congruent to."""

    def digits(self) -> list[int]:
        result = []
        for value, written in zip(self.values, self.shape.rows, strict=True):
            result += written.split(value % written.limit)
        return result + [0] * (self.shape.padded - len(result))

    def multiplicities(self, digits: Sequence[int]) -> list[int]:
        return super().multiplicities([digit % self.shape.base for digit in digits])

    def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
        self._wrapped = [digit % self.shape.base for digit in digits]
        linear, point = super().commit_digits(self._wrapped)
        beyond = [scalar(digit - inside) for digit, inside in zip(digits, self._wrapped, strict=True)]
        counted = map(scalar, RangeProver.multiplicities(self, self._wrapped))
        miscounted = [claim - count for claim, count in zip(linear[MASKS:], counted, strict=True)]
        return linear, point + msm([*self._G, *self._H[MASKS:]], [*beyond, *miscounted])

    def reciprocals(self, digits: Sequence[int], alpha: Scalar, reciprocals: Sequence[Scalar]) -> list[Scalar]:
        return [(alpha + scalar(digit)).inverse() for digit in digits]

    def commit_reciprocals(self, rho: Sequence[Scalar], reciprocals: Sequence[Scalar]) -> tuple[list[Scalar], Point]:
        linear, point = super().commit_reciprocals(rho, reciprocals)
        wrong = [claim - reciprocals[digit] for claim, digit in zip(rho, self._wrapped, strict=True)]
        return linear, point + msm(self._G, wrong)


def refuse(values: Sequence[int], widths: Sequence[int], forger: type[RangeProver]) -> None:
    rows = Committed.of(values, widths)
    with pytest.raises(ProofRejected):
        verify(rows, prove(rows, forger))


def test_the_forger_passes_as_long_as_it_tells_the_truth() -> None:
    rows = Committed.of((77, 1 << 39), (64, 40))
    verify(rows, prove(rows, Forger))


@pytest.mark.parametrize("value", [-1, (1 << 64) + 5, 1 << 64, -(1 << 64)])
def test_a_truncated_value_is_refused(value: int) -> None:
    refuse((value, 3), (64, 64), Forger)


@pytest.mark.parametrize("digit", [31, -1, 10])
@pytest.mark.parametrize("place", [0, 18, 19])
def test_a_digit_out_of_range_is_refused(digit: int, place: int) -> None:
    class FalseDigit(Forger):
        def digits(self) -> list[int]:
            result = [0] * self.shape.padded
            result[place] = digit
            return result

    written = row_digits(64, 10)
    value = digit * (10**place if place < written.count - 1 else written.top)
    refuse((value,), (64,), FalseDigit)


class Decimal(Forger):
    """Writes a value with twenty decimal digits, as if the last one counted 10^19."""

    def digits(self) -> list[int]:
        return [self.values[0] // 10**place % 10 for place in range(20)]


@pytest.mark.parametrize("beyond", [0, 1, 10**18])
def test_a_value_beyond_the_limit_that_its_digits_could_write_otherwise_is_refused(beyond: int) -> None:
    """The last digit counts `top`, not 10^19: whoever counts it so gets past the limit, but not past the check."""
    value = row_digits(64, 10).limit + beyond
    assert value < 10**20
    refuse((value,), (64,), Decimal)


def test_the_last_digit_may_be_counted_otherwise_where_it_is_zero() -> None:
    rows = Committed.of((10**19 - 1,), (64,))
    verify(rows, prove(rows, Decimal))


def test_a_false_digit_that_the_counts_excuse_passes_only_when_alpha_comes_first() -> None:
    """With α known before C₁, a count m_0 that is no count balances Σρ_i = Σm_a/(α+a) for the digit −1."""

    class AlphaKnown(Transcript):
        def challenge(self, label: bytes) -> Scalar:
            drawn = super().challenge(label)
            return KNOWN_ALPHA if label == b"alpha" else drawn

    class EarlyAlpha(Forger):
        def digits(self) -> list[int]:
            return [-1] + [0] * (self.shape.padded - 1)

        def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
            linear, C1 = super().commit_digits(digits)
            excess = (KNOWN_ALPHA - ONE).inverse() - (KNOWN_ALPHA + scalar(self.shape.base - 1)).inverse()
            linear[6] = linear[6] + excess * KNOWN_ALPHA
            return linear, C1 + h_vector(6)[5] * (excess * KNOWN_ALPHA)

    rows = Committed.of((-1,), (64,))
    verify(rows, prove(rows, EarlyAlpha, AlphaKnown), kind=AlphaKnown)
    with pytest.raises(ProofRejected):
        verify(rows, prove(rows, EarlyAlpha, AlphaKnown))


def test_wrong_multiplicities_are_refused() -> None:
    class Miscounted(Forger):
        def multiplicities(self, digits: Sequence[int]) -> list[int]:
            counts = super().multiplicities(digits)
            counts[3], counts[4] = counts[3] + 1, counts[4] - 1
            return counts

    refuse((0x3434,), (64,), Miscounted)


@pytest.mark.parametrize("changes", [{0: 1}, {0: 1, 1: -1}, {19: 5}], ids=["one", "a pair of equal sum", "last"])
def test_wrong_reciprocals_are_refused(changes: dict[int, int]) -> None:
    class Misinverted(Forger):
        def reciprocals(self, digits: Sequence[int], alpha: Scalar, reciprocals: Sequence[Scalar]) -> list[Scalar]:
            result = super().reciprocals(digits, alpha, reciprocals)
            for index, change in changes.items():
                result[index] = result[index] + scalar(change)
            return result

    refuse((0x42,), (64,), Misinverted)


@pytest.mark.parametrize("entry", range(7))
def test_a_mask_that_does_not_cancel_is_refused(entry: int) -> None:
    """Entries 1 to 5 of S carry the powers of τ that must vanish; 0 only blinds, and σ (6 on) shifts τ."""

    class Unbalanced(Forger):
        def commit_masks(
            self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
        ) -> tuple[list[Scalar], Point]:
            l_s, S = super().commit_masks(A, B, challenges)
            l_s[entry] = l_s[entry] + ONE
            return l_s, S + self._H[entry]

    rows = Committed.of((9,), (64,))
    proof = prove(rows, Unbalanced)
    if entry == 0:
        verify(rows, proof)
        return
    with pytest.raises(ProofRejected):
        verify(rows, proof)


class JunkCarrier(RangeProver):
    """Opens rows that hold `junk` on a generator besides value and blinding, and carries it through to the end."""

    spot: int  # an index into (H, G)
    junk: Scalar
    compensate = False

    def commit_masks(
        self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
    ) -> tuple[list[Scalar], Point]:
        self._lambda = challenges.row_weights[0]
        l_s, S = super().commit_masks(A, B, challenges)
        if self.compensate:  # junk on H_1 adds 2βλ·junk at τ², which entry 4 of S can take away again
            excess = self.junk * (self._lambda + self._lambda)
            l_s[4] = l_s[4] - excess
            S = S - self._H[4] * excess
        return l_s, S

    def blinding_weight(self, tau: Scalar) -> Scalar:
        self._weight = super().blinding_weight(tau)
        return self._weight

    def norm_argument(
        self, linear: Sequence[Scalar], n: Sequence[Scalar], c: Sequence[Scalar], varrho: Scalar
    ) -> NormProof:
        vectors = [*linear, *n]
        vectors[self.spot] = vectors[self.spot] + self._weight * self._lambda * self.junk
        return super().norm_argument(vectors[: len(linear)], vectors[len(linear) :], c, varrho)


class CompensatedForger(JunkCarrier, Forger):
    spot, junk, compensate = 1, scalar(12345), True


def with_junk(rows: Committed, generator: Point, junk: Scalar) -> Committed:
    return replace(rows, points=(rows.points[0] + generator * junk, *rows.points[1:]))


@pytest.mark.parametrize("spot", range(1, 36))
def test_junk_on_a_generator_of_a_row_is_refused(spot: int) -> None:
    """`spot` counts H_0, H_1 … H_15, then G_0 … G_19."""
    generator = h_vector(15)[spot - 1] if spot < 16 else g_vector(20)[spot - 16]

    class Carrier(JunkCarrier):
        pass

    Carrier.spot, Carrier.junk = spot, random_scalar()
    rows = with_junk(Committed.of((9,), (64,)), generator, Carrier.junk)
    for forger in (RangeProver, Carrier):
        with pytest.raises(ProofRejected):
            verify(rows, prove(rows, forger))


def test_junk_on_the_handle_base_is_refused() -> None:
    rows = with_junk(Committed.of((9,), (64,)), HANDLE_BASE, random_scalar())
    with pytest.raises(ProofRejected):
        verify(rows, prove(rows))


def test_junk_that_the_mask_takes_away_hides_no_value() -> None:
    """The range proof bounds what a row holds on G; that it holds nothing else is the opening proof's affair."""
    honest = with_junk(Committed.of((9,), (64,)), h_vector(1)[0], CompensatedForger.junk)
    verify(honest, prove(honest, CompensatedForger))
    for value in (-1, (1 << 64) + 5):
        rows = with_junk(Committed.of((value,), (64,)), h_vector(1)[0], CompensatedForger.junk)
        with pytest.raises(ProofRejected):
            verify(rows, prove(rows, CompensatedForger))


class OddFolder(NormProver):
    """Folds once more than allowed, padding an odd n with the identity, where any entry is free."""

    def prove(self, transcript: Transcript) -> NormProof:
        proof = super().prove(transcript)
        self._n.append(random_scalar())
        self._bases.G.append(IDENTITY)
        cross, square = self._round_points()
        self._fold(absorb_round(transcript, cross, square))
        points = (*proof.crosses, cross), (*proof.squares, square)
        return NormProof(*points, tuple(self._l), tuple(self._n))


@pytest.mark.parametrize(("widths", "remain"), [((64,), 5), ((64,) * 4, 7)])
def test_a_folded_odd_vector_is_refused(widths: tuple[int, ...], remain: int) -> None:
    assert range_shape(widths).fold.norm == remain

    class Folder(Forger):
        def norm_argument(
            self, linear: Sequence[Scalar], n: Sequence[Scalar], c: Sequence[Scalar], varrho: Scalar
        ) -> NormProof:
            return OddFolder(self.bases(), linear, n, c, varrho).prove(self.transcript)

    rows = Committed.of((-1,) * len(widths), widths)
    with pytest.raises(ProofRejected, match="bytes where"):
        verify(rows, prove(rows, Folder))


def test_a_vector_padded_with_the_identity_would_prove_any_residue_more() -> None:
    """The reason for the rule: a padded entry costs nothing in P, and adds its weighted square to v."""
    mu, extra = random_scalar(), random_scalar()
    n, G = [random_scalar() for _ in range(3)], list(g_vector(3))
    value = weighted_dot(powers(mu, 3), n, n)
    P = msm([VALUE_BASE, *G], [value, *n])
    padded, padded_G = [*n, extra], [*G, IDENTITY]
    false_value = weighted_dot(powers(mu, 4), padded, padded)
    assert false_value != value
    assert msm([VALUE_BASE, *padded_G], [false_value, *padded]) == P + VALUE_BASE * (false_value - value)


class Shifted(Forger):
    """Adds one to a commitment after the fact, and to nothing else."""

    step = "C1"

    def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
        linear, point = super().commit_digits(digits)
        return linear, point + VALUE_BASE if self.step == "C1" else point

    def commit_reciprocals(self, rho: Sequence[Scalar], reciprocals: Sequence[Scalar]) -> tuple[list[Scalar], Point]:
        linear, point = super().commit_reciprocals(rho, reciprocals)
        return linear, point + VALUE_BASE if self.step == "C2" else point

    def commit_masks(
        self, A: Sequence[Scalar], B: Sequence[Scalar], challenges: Challenges
    ) -> tuple[list[Scalar], Point]:
        linear, point = super().commit_masks(A, B, challenges)
        return linear, point + VALUE_BASE if self.step == "S" else point


@pytest.mark.parametrize("step", ["C1", "C2", "S", "none"])
def test_a_commitment_shifted_before_its_challenge_is_refused(step: str) -> None:
    class Forged(Shifted):
        pass

    Forged.step = step
    if step == "none":
        rows = Committed.of((9,), (64,))
        verify(rows, prove(rows, Forged))
        return
    refuse((9,), (64,), Forged)


def test_two_rows_whose_errors_cancel_are_refused() -> None:
    """Values 5 − 2^64·k and 6 + 2^64·k add up, but each has its own power of λ."""
    refuse((5 - (1 << 64), 6 + (1 << 64)), (64, 64), Forger)


def test_a_narrow_row_does_not_borrow_the_width_of_its_neighbour() -> None:
    base = range_shape((40, 64)).base
    refuse((row_digits(40, base).limit, 1), (40, 64), Forger)
