"""The one statement behind every proof: A·x + b ≥ 0 for a public integer matrix and committed integers.

For each row j: 0 ≤ Σ_i A_ji·x_i + b_j < limit_j, where 2^(n_j) ≤ limit_j < 2^(n_j) + b for a row of n_j bits and
digits in base b (`range_shape`). The row's commitment is Σ_i A_ji·C_i + b_j·G; nobody sends it, and its weight
folds into the one multi-scalar multiplication.

Variables come in two kinds: ledger variables, whose commitments (C, D) are public and whose size the ledger
bounds, and auxiliaries, which the prover commits to and which a defining row bounds. A row that could wrap
around the group order would let a negative number pass, so a statement checks itself when it is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from eth_hash.auto import keccak

from circuits.equation import Equation
from circuits.errors import ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import IDENTITY, ORDER, ZERO, Point, Scalar, point_words, scalar
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.range_proof import check_range
from circuits.range_prover import RangeProver
from circuits.range_shape import RangeShape, range_shape
from circuits.transcript import Transcript

MAX_VARIABLES: Final = 4096
MAX_WIDTH: Final = 128


@dataclass(frozen=True, slots=True)
class Row:
    """Σ `coefficients`[i]·x[`variables`[i]] + `constant` is to lie in [0, 2^`width`); variables ascend."""

    variables: tuple[int, ...]
    coefficients: tuple[int, ...]
    constant: int
    width: int

    def encode(self) -> bytes:
        """width (4) ‖ constant (32) ‖ entries (4) ‖ (variable (4) ‖ coefficient (32))…, big-endian."""
        entries = zip(self.variables, self.coefficients, strict=True)
        head = self.width.to_bytes(4, "big") + _signed(self.constant) + len(self.variables).to_bytes(4, "big")
        return head + b"".join(variable.to_bytes(4, "big") + _signed(factor) for variable, factor in entries)

    def evaluate(self, values: Sequence[int]) -> int:
        """The row's value in plain integers."""
        entries = zip(self.variables, self.coefficients, strict=True)
        return self.constant + sum(factor * values[variable] for variable, factor in entries)

    def blinding(self, openings: Sequence[Opening]) -> Scalar:
        """The blinding of the row's commitment."""
        result = ZERO
        for variable, factor in zip(self.variables, self.coefficients, strict=True):
            result = result + openings[variable].blinding * scalar(factor)
        return result


@dataclass(frozen=True, slots=True)
class NativeRow:
    """A row in native scalars, whose conversion costs more than the arithmetic with them."""

    variables: tuple[int, ...]
    coefficients: tuple[Scalar, ...]
    constant: Scalar


@dataclass(frozen=True)
class LinearStatement:
    """`bounds` are the ledger variables' bounds on |x_i|, `auxiliaries` how many variables follow them.

    Raises:
        StatementUnsound: some row could wrap around the group order, an auxiliary has no defining row, or a
        row is
            malformed.
    """

    bounds: tuple[int, ...]
    auxiliaries: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_no_wrap(self)

    @property
    def variables(self) -> int:
        """How many variables there are in all."""
        return len(self.bounds) + self.auxiliaries

    @cached_property
    def shape(self) -> RangeShape:
        """The shape of the range proof over the rows."""
        return range_shape(tuple(row.width for row in self.rows))

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that name (A, b) and the widths."""
        return bytes(keccak(b"".join(row.encode() for row in self.rows)))

    @cached_property
    def native_rows(self) -> tuple["NativeRow", ...]:
        """The rows in native scalars."""
        return tuple(
            NativeRow(row.variables, tuple(map(scalar, row.coefficients)), scalar(row.constant)) for row in self.rows
        )


def bind_statement(
    transcript: Transcript,
    statement: LinearStatement,
    commitments: Sequence[Commitment],
    auxiliaries: Sequence[Point],
) -> None:
    """Absorb the statement, then `commitments` (of the ledger variables, and of auxiliaries that have a
    handle) and the points of the other auxiliaries.

    Raises:
        ProofRejected: not one commitment per variable, or an auxiliary is the identity.
    """
    if len(commitments) < len(statement.bounds) or len(commitments) + len(auxiliaries) != statement.variables:
        raise ProofRejected("not one commitment per variable")
    if IDENTITY in auxiliaries:
        raise ProofRejected("an auxiliary commitment is the identity")
    shape = statement.shape
    transcript.absorb_integer(b"k", statement.variables)
    transcript.absorb_integer(b"M", len(statement.rows))
    transcript.absorb(b"widths", b"".join(width.to_bytes(4, "big") for width in shape.widths))
    transcript.absorb_integer(b"b", shape.base)
    transcript.absorb_integer(b"digits", shape.digits)
    transcript.absorb_integer(b"N", shape.padded)
    transcript.absorb(b"A, b", statement.digest)
    for commitment in commitments:
        transcript.absorb(b"C, D", commitment.words())
    for point in auxiliaries:
        transcript.absorb(b"auxiliary", point_words(point))


def prove_linear(
    key: CommitmentKey, statement: LinearStatement, openings: Sequence[Opening], transcript: Transcript
) -> bytes:
    """The range proof over all rows; `openings` are one per variable, and `transcript` has the statement
    bound.

    Raises:
        WitnessInvalid: not one opening per variable, or a row is negative or too large for its width.
    """
    if len(openings) != statement.variables:
        raise WitnessInvalid(f"{len(openings)} openings for {statement.variables} variables")
    values = [opening.value for opening in openings]
    row_values = [row.evaluate(values) for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    return RangeProver(key, statement.shape, row_values, blindings, transcript).prove()


def linear_equation(
    statement: LinearStatement, points: Sequence[Point], proof: bytes, transcript: Transcript
) -> Equation:
    """The equation a proof leaves to check; `points` are C of every variable, `transcript` has the statement
    bound.

    Raises:
        ProofRejected: the proof is malformed.
    """
    check = check_range(statement.shape, proof, transcript)
    weights = [ZERO] * statement.variables
    constant = ZERO
    for row, row_weight in zip(statement.native_rows, check.row_weights, strict=True):
        constant = constant + row_weight * row.constant
        for variable, factor in zip(row.variables, row.coefficients, strict=True):
            weights[variable] = weights[variable] + row_weight * factor
    equation = check.equation
    equation.value = equation.value + constant
    for point, weight in zip(points, weights, strict=True):
        equation.add(point, weight)
    return equation


def check_openings(key: CommitmentKey, commitments: Sequence[Commitment], openings: Sequence[Opening]) -> None:
    """Check on the owner's side that every opening is its commitment's.

    Raises:
        WitnessInvalid: one is not, or the counts differ.
    """
    if len(commitments) != len(openings):
        raise WitnessInvalid(f"{len(openings)} openings for {len(commitments)} commitments")
    for index, (commitment, opening) in enumerate(zip(commitments, openings, strict=True)):
        if key.point(opening) != commitment.c:
            raise WitnessInvalid(f"opening {index} is not that of its commitment")


def _check_shape(statement: LinearStatement) -> None:
    if not statement.rows:
        raise StatementUnsound("a statement without rows")
    if statement.variables > MAX_VARIABLES:
        raise StatementUnsound(f"{statement.variables} variables are more than {MAX_VARIABLES}")
    for index, row in enumerate(statement.rows):
        if len(row.variables) != len(row.coefficients):
            raise StatementUnsound(f"row {index} pairs variables and coefficients unequally")
        if list(row.variables) != sorted(set(row.variables)):
            raise StatementUnsound(f"row {index} does not name ascending variables")
        if row.variables and not 0 <= row.variables[0] <= row.variables[-1] < statement.variables:
            raise StatementUnsound(f"row {index} names an unknown variable")
        if not 0 < row.width <= MAX_WIDTH:
            raise StatementUnsound(f"row {index} is {row.width} bits wide")


def _check_no_wrap(statement: LinearStatement) -> None:
    """Bound the auxiliaries in order, each by a row with ±1 beside bounded variables only; then bound every
    row.
    """
    bounds = list(statement.bounds)
    limits = [row.limit for row in statement.shape.rows]
    rows = list(zip(statement.rows, limits, strict=True))
    # Ascending variables: where an auxiliary is the last one, all the others are bounded already.
    last = {row.variables[-1]: (row, limit) for row, limit in reversed(rows) if row.coefficients[-1:] in ((1,), (-1,))}
    for auxiliary in range(len(statement.bounds), statement.variables):
        if auxiliary not in last:
            raise StatementUnsound(f"auxiliary {auxiliary} has no defining row")
        bounds.append(_reach(*last[auxiliary], bounds))
    for index, (row, limit) in enumerate(rows):
        if _reach(row, limit, bounds) >= ORDER // 2:
            raise StatementUnsound(f"row {index} could wrap around the group order")


def _reach(row: Row, limit: int, bounds: Sequence[int]) -> int:
    """limit + |b| + Σ|A_i|·bound_i over the variables that have a bound."""
    entries = zip(row.variables, row.coefficients, strict=True)
    known = sum(abs(factor) * bounds[variable] for variable, factor in entries if variable < len(bounds))
    return limit + abs(row.constant) + known


def _signed(value: int) -> bytes:
    try:
        return value.to_bytes(32, "big", signed=True)
    except OverflowError as error:
        raise StatementUnsound("an entry of the matrix exceeds 255 bits") from error
