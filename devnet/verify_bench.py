"""How many margin proofs a node verifies a second in worker processes, and how long its event loop waits meanwhile.

The claims go the way of a node's: `ClaimChecker` packs them on the loop and has worker processes verify them, one part
of the batch for each. A second task asks for a millisecond's sleep again and again; what it oversleeps is the lag.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from circuits.pedersen import Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
    solvency_sizes,
)
from devnet.proof_bench import CONTEXT, KEY
from node.sequencing.verification import ClaimChecker
from node.sequencing.workers import prepare_worker, start_workers, stop_workers

BATCH: Final = 64
RUNS: Final = 5
_TICK: Final = 0.001


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """With `workers` processes: proofs verified a second (median of the runs), and the loop's longest lag in ms."""

    workers: int
    proofs_per_second: float
    loop_lag_ms: float


@dataclass(frozen=True, slots=True)
class VerifyFigures:
    """`proofs` claims of `rows` rows in a batch; `speedup` of the last number of workers over the first."""

    proofs: int
    rows: int
    workers: tuple[WorkerFigures, ...]
    speedup: float


@dataclass(slots=True)
class LoopLag:
    """The longest time, in ms, that the running loop kept a task waiting while this was watching."""

    longest: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            due = time.perf_counter() + _TICK
            await asyncio.sleep(_TICK)
            self.longest = max(self.longest, (time.perf_counter() - due) * 1e3)


def account() -> tuple[SolvencyTerms, SolvencyInputs, SolvencyWitness]:
    """Eight positions on two underlyings of 30 nodes: 80 rows."""
    book = random.Random(20200312)

    def exposure(underlying: int) -> Exposure:
        values = tuple(book.randrange(-(10**12), 10**12) for _ in range(30))
        return Exposure(underlying, values, book.randrange(10**6), 10**6, 2 * 10**5, 0, True)

    terms = SolvencyTerms((30, 30), tuple(exposure(j % 2) for j in range(8)), True)
    quantities = [book.randrange(-(10**4), 10**4) for _ in terms.exposures]
    cash, trade = Opening.fresh(10**9 - evaluate_solvency(terms, 0, quantities) // 1000), Opening.fresh(-5)
    witness = SolvencyWitness(cash, tuple(map(Opening.fresh, quantities)), trade)
    inputs = SolvencyInputs(KEY.commit(cash), tuple(map(KEY.commit, witness.exposures)), KEY.commit(trade))
    return terms, inputs, witness


def make_claims(count: int) -> list[SolvencyClaim]:
    """Different proofs of one account."""
    terms, inputs, witness = account()
    return [
        SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)
        for _ in range(count)
    ]


async def measure_verification(counts: Sequence[int], proofs: int = BATCH, runs: int = RUNS) -> VerifyFigures:
    """The figures for some numbers of worker processes."""
    claims = await asyncio.to_thread(make_claims, proofs)
    figures = tuple([await _measure(claims, count, runs) for count in counts])
    speedup = round(figures[-1].proofs_per_second / figures[0].proofs_per_second, 2)
    return VerifyFigures(proofs, solvency_sizes(claims[0].terms).rows, figures, speedup)


async def _measure(claims: Sequence[SolvencyClaim], count: int, runs: int) -> WorkerFigures:
    pool = start_workers(count)
    try:
        # Each worker derives generators and imports the project before anything is timed.
        await asyncio.gather(*(asyncio.wrap_future(pool.submit(prepare_worker)) for _ in range(2 * count)))
        await ClaimChecker(KEY, pool, chunks=count).check(claims)
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        rates = []
        for _ in range(runs):
            started = time.perf_counter()
            await ClaimChecker(KEY, pool, chunks=count).check(claims)  # a new one: it remembers nothing
            rates.append(len(claims) / (time.perf_counter() - started))
        watching.cancel()
    finally:
        stop_workers(pool)
    return WorkerFigures(count, round(median(rates), 1), round(lag.longest, 2))
