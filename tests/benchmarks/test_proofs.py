"""Proving and verifying times, each beside a 310-point multi-scalar multiplication of the same run.

Wall times depend on the machine and its load; `extra_info["msm310"]`, the ratio to that multiplication, does not.
Where benchmarks are disabled each case runs once, as a test.
"""

import random
import time
from collections.abc import Callable, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from circuits.batch import verify_claims
from circuits.equation import require_all
from circuits.generators import g_vector
from circuits.group import hash_to_point, msm, random_scalar
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
)
from circuits.transcript import Deployment, ProofContext, Transcript

KEY = CommitmentKey(hash_to_point(b"committee", b"zkclear/benchmark"))
CONTEXT = ProofContext(Deployment(31337, bytes(20), bytes(32)), bytes(32), 1, bytes(32), bytes(32))
YARDSTICK_POINTS = 310


def yardstick() -> float:
    """Seconds of one 310-point multiplication: the best of five."""
    points = g_vector(YARDSTICK_POINTS)
    scalars = [random_scalar() for _ in points]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        msm(points, scalars)
        times.append(time.perf_counter() - start)
    return min(times)


def measure(benchmark: BenchmarkFixture, action: Callable[[], object], per: int = 1) -> None:
    """Time an action and report its cost per item in 310-point multiplications."""
    benchmark.pedantic(action, rounds=5, iterations=1, warmup_rounds=1)
    unit = yardstick()
    benchmark.extra_info["msm310_ms"] = round(unit * 1e3, 2)
    if benchmark.stats is not None:  # None when benchmarks are disabled
        benchmark.extra_info["msm310"] = round(benchmark.stats.stats.min / per / unit, 2)


class Rows:
    """`count` committed 64-bit numbers."""

    def __init__(self, count: int) -> None:
        self.openings = [Opening.fresh(random.getrandbits(64)) for _ in range(count)]
        # As they come from the ledger's or a client's bytes: in affine coordinates.
        self.commitments = [Commitment.decode(KEY.commit(opening).encode()) for opening in self.openings]
        rows = tuple(Row((index,), (1,), 0, 64) for index in range(count))
        self.statement = LinearStatement((1 << 64,) * count, 0, rows)

    def _transcript(self) -> Transcript:
        transcript = Transcript(b"benchmark", CONTEXT, KEY.words())
        bind_statement(transcript, self.statement, self.commitments, ())
        return transcript

    def prove(self) -> bytes:
        return prove_linear(KEY, self.statement, self.openings, self._transcript())

    def verify(self, proof: bytes) -> None:
        points = [commitment.c for commitment in self.commitments]
        require_all(KEY, [linear_equation(self.statement, points, proof, self._transcript())])


def eight_positions() -> tuple[SolvencyTerms, SolvencyInputs, SolvencyWitness]:
    """Two underlyings of 30 nodes, four positions on each."""
    book = random.Random(20200312)

    def exposure(underlying: int) -> Exposure:
        values = tuple(book.randrange(-(10**12), 10**12) for _ in range(30))
        return Exposure(underlying, values, book.randrange(10**6), 10**6, 2 * 10**5, 0, True)

    terms = SolvencyTerms((30, 30), tuple(exposure(j % 2) for j in range(8)), True)
    quantities = [book.randrange(-(10**4), 10**4) for _ in terms.exposures]
    cash = 10**9 - evaluate_solvency(terms, 0, quantities) // 1000
    witness = SolvencyWitness(Opening.fresh(cash), tuple(map(Opening.fresh, quantities)), Opening.fresh(-5))
    assert witness.trade is not None
    inputs = SolvencyInputs(
        KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), KEY.commit(witness.trade)
    )
    return terms, inputs, witness


@pytest.mark.parametrize("count", [1, 16, 64])
def test_prove_rows(benchmark: BenchmarkFixture, count: int) -> None:
    rows = Rows(count)
    benchmark.extra_info["bytes"] = len(rows.prove())
    measure(benchmark, rows.prove)


@pytest.mark.parametrize("count", [1, 16, 64])
def test_verify_rows(benchmark: BenchmarkFixture, count: int) -> None:
    rows = Rows(count)
    proof = rows.prove()
    measure(benchmark, lambda: rows.verify(proof))


def test_prove_solvency_of_eight_positions(benchmark: BenchmarkFixture) -> None:
    terms, inputs, witness = eight_positions()
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)
    benchmark.extra_info["bytes"] = len(proof.encode())
    measure(benchmark, lambda: prove_solvency(KEY, terms, inputs, witness, CONTEXT))


@pytest.mark.parametrize("copies", [1, 16])
def test_verify_solvency_of_eight_positions(benchmark: BenchmarkFixture, copies: int) -> None:
    """The batch's figure is per claim."""
    terms, inputs, witness = eight_positions()
    claim = SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)
    claims: Sequence[SolvencyClaim] = [claim] * copies
    measure(benchmark, lambda: verify_claims(KEY, claims), per=copies)


@pytest.mark.parametrize("copies", [1, 64])
def test_verify_openings(benchmark: BenchmarkFixture, copies: int) -> None:
    """The batch's figure is per claim."""
    opening = Opening.fresh(-3)
    commitment = KEY.commit(opening)
    claims = [OpeningClaim(commitment, prove_opening(KEY, opening, commitment, CONTEXT), CONTEXT)] * copies
    measure(benchmark, lambda: verify_claims(KEY, claims), per=copies)
