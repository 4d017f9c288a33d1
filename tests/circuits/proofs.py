"""What the proof tests share: a key, a context, and rows that are each one committed number."""

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.equation import require_all
from circuits.group import Point, Scalar, hash_to_point, random_scalar, scalar
from circuits.pedersen import VALUE_BASE, CommitmentKey
from circuits.range_proof import check_range
from circuits.range_prover import RangeProver
from circuits.range_shape import RangeShape, range_shape
from circuits.transcript import Deployment, ProofContext, Transcript

KEY = CommitmentKey(hash_to_point(b"committee", b"zkclear/test"))
CONTEXT = ProofContext(Deployment(31337, b"\x11" * 20, b"\x22" * 32), b"m" * 32, 7, b"g" * 32, b"p" * 32)


@dataclass(frozen=True)
class Committed:
    """Rows whose numbers are committed one by one: V_j = values[j]·G + blindings[j]·H."""

    shape: RangeShape
    values: tuple[int, ...]
    blindings: tuple[Scalar, ...]
    points: tuple[Point, ...]

    @classmethod
    def of(cls, values: Sequence[int], widths: Sequence[int]) -> "Committed":
        """Fresh commitments to `values`."""
        blindings = tuple(random_scalar() for _ in values)
        pairs = zip(values, blindings, strict=True)
        points = tuple(VALUE_BASE * scalar(value) + KEY.blinding_base * blind for value, blind in pairs)
        return cls(range_shape(tuple(widths)), tuple(values), blindings, points)


class Truncating(RangeProver):
    """Carries the low digits of a row that does not fit."""

    def digits(self) -> list[int]:
        """The digits that there is room for."""
        whole = self.values
        self.values = [value % (1 << width) for value, width in zip(whole, self.shape.widths, strict=True)]
        try:
            return super().digits()
        finally:
            self.values = whole


def transcript(rows: Committed, context: ProofContext = CONTEXT, kind: type[Transcript] = Transcript) -> Transcript:
    """A transcript that has absorbed the rows."""
    result = kind(b"test", context, KEY.words())
    for point in rows.points:
        result.absorb_point(b"V", point)
    return result


def prove(rows: Committed, prover: type[RangeProver] = RangeProver, kind: type[Transcript] = Transcript) -> bytes:
    """A proof by any prover, honest or not."""
    return prover(KEY, rows.shape, rows.values, rows.blindings, transcript(rows, kind=kind)).prove()


def verify(rows: Committed, proof: bytes, context: ProofContext = CONTEXT, kind: type[Transcript] = Transcript) -> None:
    """Check a proof; raises ProofRejected."""
    check = check_range(rows.shape, proof, transcript(rows, context, kind))
    for point, weight in zip(rows.points, check.row_weights, strict=True):
        check.equation.add(point, weight)
    require_all(KEY, [check.equation])
