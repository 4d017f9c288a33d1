"""The rounds of the weighted-norm argument: each of the ten coefficients of X and R is needed, in every round.

A forger moves one coefficient before its challenge is drawn, and folds on as if it had not. Unmoved it passes.
"""

import pytest

from circuits.errors import ProofRejected
from circuits.group import IDENTITY, ZERO, Point, Scalar, scalar
from circuits.norm import NormProof, NormProver, absorb_round
from circuits.pedersen import VALUE_BASE
from circuits.transcript import Transcript
from tests.circuits.proofs import Committed, prove, verify
from tests.circuits.test_range_forgeries import Forger

ROWS = Committed.of((77,), (64,))
ROUNDS = ROWS.shape.fold.rounds
SPOTS = ("value", "even H", "odd H", "even G", "odd G")
SHIFT = scalar(0x5EED)


class MovedFolder(NormProver):
    """Adds `shift` to the coefficient at `spot` of X (`side` 0) or R (1) in round `at`."""

    side, spot, at, shift = 0, "value", 0, ZERO
    _round = 0

    def _round_points(self) -> tuple[Point, Point]:
        points = list(super()._round_points())
        if self._round == self.at:
            bases = {
                "value": VALUE_BASE,
                "even H": self._bases.H[0],
                "odd H": self._bases.H[1],
                "even G": self._bases.G[0],
                "odd G": self._bases.G[1],
            }
            points[self.side] = points[self.side] + bases[self.spot] * self.shift
        self._round += 1
        return points[0], points[1]


def with_folder(folder: type[NormProver]) -> type[Forger]:
    class Folding(Forger):
        def norm_argument(self, linear: list[Scalar], n: list[Scalar], c: list[Scalar], varrho: Scalar) -> NormProof:
            return folder(self.bases(), linear, n, c, varrho).prove(self.transcript)

    return Folding


@pytest.mark.parametrize("side", [0, 1], ids=["X", "R"])
@pytest.mark.parametrize("spot", SPOTS)
@pytest.mark.parametrize("at", range(ROUNDS))
def test_a_moved_coefficient_of_a_round_is_refused(side: int, spot: str, at: int) -> None:
    class Moved(MovedFolder):
        pass

    Moved.side, Moved.spot, Moved.at = side, spot, at
    verify(ROWS, prove(ROWS, with_folder(Moved)))
    Moved.shift = SHIFT
    with pytest.raises(ProofRejected):
        verify(ROWS, prove(ROWS, with_folder(Moved)))


@pytest.mark.parametrize("vector", ["l", "n"])
def test_another_vector_than_the_committed_one_is_refused_even_if_its_norm_is_right(vector: str) -> None:
    """Two equal and opposite changes to l on entries of one weight, or the sign of an entry of n."""

    class Swapped(Forger):
        honest = True

        def norm_argument(self, linear: list[Scalar], n: list[Scalar], c: list[Scalar], varrho: Scalar) -> NormProof:
            if not self.honest and vector == "n":
                n[3] = -n[3]
            if not self.honest and vector == "l":
                linear[1], linear[2] = linear[1] + c[2], linear[2] - c[1]
            return super().norm_argument(linear, n, c, varrho)

    class Lying(Swapped):
        honest = False

    verify(ROWS, prove(ROWS, Swapped))
    with pytest.raises(ProofRejected):
        verify(ROWS, prove(ROWS, Lying))


def test_rounds_in_another_order_are_refused() -> None:
    proof = prove(ROWS)
    start, size = 3 * 48, 2 * 48
    first, second = proof[start : start + size], proof[start + size : start + 2 * size]
    with pytest.raises(ProofRejected):
        verify(ROWS, proof[:start] + second + first + proof[start + 2 * size :])


def test_a_round_of_identities_is_refused() -> None:
    class Lazy(NormProver):
        def prove(self, transcript: Transcript) -> NormProof:
            for _ in range(ROUNDS):
                self._round_points()
                self._fold(absorb_round(transcript, IDENTITY, IDENTITY))
            return NormProof((IDENTITY,) * ROUNDS, (IDENTITY,) * ROUNDS, tuple(self._l), tuple(self._n))

    with pytest.raises(ProofRejected):
        verify(ROWS, prove(ROWS, with_folder(Lazy)))
