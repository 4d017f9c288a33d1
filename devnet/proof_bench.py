"""What proofs of R rows of 64 bits cost off chain, in milliseconds, beside one multiplication of 310 points.

All runs of a size are interleaved with the multiplication, so that a busy machine slows both, and medians are taken.
One thread. Ledger commitments are decoded already; proofs are verified from their bytes.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from py_arkworks_bls12381 import G1Point

from circuits.equation import Equation, require_all
from circuits.group import hash_to_point, random_scalar
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext, Transcript

ROWS: Final = (1, 16, 48, 64, 128)
BITS: Final = 64
RUNS: Final = 11
BATCH: Final = 64
YARDSTICK_POINTS: Final = 310
KEY: Final = CommitmentKey(hash_to_point(b"committee", b"zkclear/benchmark"))
CONTEXT: Final = ProofContext(Deployment(31337, bytes(20), bytes(32)), bytes(32), 1, bytes(32), bytes(32))


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """One size: medians in ms; `bytes` is the length of a proof."""

    rows: int
    bits: int
    prove_ms: float
    verify_ms: float
    batch64_ms_per_proof: float
    bytes: int


@dataclass(frozen=True, slots=True)
class ProofFigures:
    """All sizes, and the median of the multiplication over all their runs."""

    msm310_ms: float
    sizes: tuple[SizeFigures, ...]


class CommittedRows:
    """`count` committed 64-bit numbers and the statement that they are such."""

    def __init__(self, count: int) -> None:
        self.openings = [Opening.fresh(secrets.randbits(BITS)) for _ in range(count)]
        # As they come from the bytes of a ledger: in affine coordinates.
        self.commitments = [Commitment.decode(KEY.commit(opening).encode()) for opening in self.openings]
        rows = tuple(Row((index,), (1,), 0, BITS) for index in range(count))
        self.statement = LinearStatement((1 << BITS,) * count, 0, rows)

    def _transcript(self) -> Transcript:
        transcript = Transcript(b"benchmark", CONTEXT, KEY.words())
        bind_statement(transcript, self.statement, self.commitments, ())
        return transcript

    def prove(self) -> bytes:
        """A fresh proof."""
        return prove_linear(KEY, self.statement, self.openings, self._transcript())

    def verify(self, proofs: Sequence[bytes]) -> None:
        """Check proofs in one batch, from their bytes. Raises ProofRejected."""
        require_all(KEY, [self._equation(proof) for proof in proofs])

    def _equation(self, proof: bytes) -> Equation:
        points = [commitment.c for commitment in self.commitments]
        return linear_equation(self.statement, points, proof, self._transcript())


class Yardstick:
    """The library's own multiplication of 310 points, affine as after decoding, by full-size scalars."""

    def __init__(self) -> None:
        points = [hash_to_point(number.to_bytes(2, "big"), b"zkclear/yardstick") for number in range(YARDSTICK_POINTS)]
        self._points = [G1Point.from_compressed_bytes(point.to_compressed_bytes()) for point in points]

    def __call__(self) -> float:
        """Milliseconds of one run."""
        scalars = [random_scalar() for _ in self._points]
        return timed(lambda: G1Point.multiexp_unchecked(self._points, scalars))


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that `action` takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1e3


def measure_proofs(rows: Sequence[int] = ROWS, runs: int = RUNS) -> ProofFigures:
    """The figures of some sizes, each the median of `runs`."""
    yardstick = Yardstick()
    units: list[float] = []
    sizes = tuple(_measure_size(count, runs, yardstick, units) for count in rows)
    return ProofFigures(round(median(units), 3), sizes)


def _measure_size(count: int, runs: int, yardstick: Yardstick, units: list[float]) -> SizeFigures:
    rows = CommittedRows(count)
    batch = [rows.prove() for _ in range(BATCH)]
    rows.verify(batch)
    proving, single, together = [], [], []
    for run in range(runs):
        units.append(yardstick())
        proving.append(timed(rows.prove))
        single.append(timed(lambda proof=batch[run % BATCH]: rows.verify([proof])))  # type: ignore[misc]
        together.append(timed(lambda: rows.verify(batch)) / BATCH)
    figures = (round(median(series), 3) for series in (proving, single, together))
    return SizeFigures(count, BITS, *figures, bytes=len(batch[0]))
