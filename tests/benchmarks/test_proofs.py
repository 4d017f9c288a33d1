"""Proving and verifying times, each beside a 310-point multi-scalar multiplication of the same run.

Wall times depend on the machine and its load; `extra_info["msm310"]`, the ratio to that multiplication, does not.
Where benchmarks are disabled each case runs once, as a test.
"""

from collections.abc import Callable, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from circuits.batch import verify_claims
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Opening
from circuits.solvency import SolvencyClaim, prove_solvency
from devnet.proof_bench import CONTEXT, KEY, CommittedRows, Yardstick
from devnet.verify_bench import account

YARDSTICK = Yardstick()


def measure(benchmark: BenchmarkFixture, action: Callable[[], object], per: int = 1) -> None:
    """Time an action and report its cost per item in 310-point multiplications."""
    benchmark.pedantic(action, rounds=5, iterations=1, warmup_rounds=1)
    unit = min(YARDSTICK() for _ in range(5))
    benchmark.extra_info["msm310_ms"] = round(unit, 2)
    if benchmark.stats is not None:  # None when benchmarks are disabled
        benchmark.extra_info["msm310"] = round(benchmark.stats.stats.min * 1e3 / per / unit, 2)


@pytest.mark.parametrize("count", [1, 16, 48, 64, 128])
def test_prove_rows(benchmark: BenchmarkFixture, count: int) -> None:
    rows = CommittedRows(count)
    benchmark.extra_info["bytes"] = len(rows.prove())
    measure(benchmark, rows.prove)


@pytest.mark.parametrize("count", [1, 16, 48, 64, 128])
def test_verify_rows(benchmark: BenchmarkFixture, count: int) -> None:
    rows = CommittedRows(count)
    proof = rows.prove()
    measure(benchmark, lambda: rows.verify([proof]))


def test_verify_a_batch_of_rows(benchmark: BenchmarkFixture) -> None:
    """64 proofs of 16 rows from their bytes; the figure is per proof."""
    rows = CommittedRows(16)
    batch = [rows.prove() for _ in range(64)]
    measure(benchmark, lambda: rows.verify(batch), per=len(batch))


def test_prove_solvency_of_eight_positions(benchmark: BenchmarkFixture) -> None:
    terms, inputs, witness = account()
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)
    benchmark.extra_info["bytes"] = len(proof.encode())
    measure(benchmark, lambda: prove_solvency(KEY, terms, inputs, witness, CONTEXT))


@pytest.mark.parametrize("copies", [1, 16])
def test_verify_solvency_of_eight_positions(benchmark: BenchmarkFixture, copies: int) -> None:
    """The batch's figure is per claim."""
    terms, inputs, witness = account()
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
