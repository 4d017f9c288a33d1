"""A·x + b ≥ 0 over committed integers: complete, bound to matrix and commitments, and never wrapping around."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.equation import require_all
from circuits.errors import ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import IDENTITY, ORDER, Point, scalar
from circuits.linear import (
    LinearStatement,
    Row,
    bind_statement,
    check_openings,
    linear_equation,
    prove_linear,
)
from circuits.pedersen import HANDLE_BASE, NOTHING, VALUE_BASE, Commitment, Opening
from circuits.range_prover import RangeProver
from circuits.transcript import ProofContext, Transcript
from tests.circuits.proofs import CONTEXT, KEY

SMALL = 1 << 40


def begin(
    statement: LinearStatement,
    commitments: Sequence[Commitment],
    auxiliaries: Sequence[Point] = (),
    context: ProofContext = CONTEXT,
) -> Transcript:
    transcript = Transcript(b"linear test", context, KEY.words())
    bind_statement(transcript, statement, commitments, auxiliaries)
    return transcript


def check(
    statement: LinearStatement,
    commitments: Sequence[Commitment],
    proof: bytes,
    auxiliaries: Sequence[Point] = (),
) -> None:
    transcript = begin(statement, commitments, auxiliaries)
    points = [*(commitment.c for commitment in commitments), *auxiliaries]
    require_all(KEY, [linear_equation(statement, points, proof, transcript)])


# A private transfer of x out of a balance: x and balance − x are not negative. The third row has a constant.
TRANSFER = LinearStatement(
    (SMALL, SMALL),
    0,
    (Row((1,), (1,), 0, 40), Row((0, 1), (1, -1), 0, 40), Row((0, 1), (3, -7), 1000, 64)),
)
OPENINGS = (Opening.fresh(500), Opening.fresh(200))
COMMITMENTS = tuple(KEY.commit(opening) for opening in OPENINGS)
PROOF = prove_linear(KEY, TRANSFER, OPENINGS, begin(TRANSFER, COMMITMENTS))


@settings(max_examples=8)
@given(st.data())
def test_any_statement_that_holds_is_provable(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    values = [data.draw(st.integers(-SMALL, SMALL)) for _ in range(count)]
    rows = []
    for _ in range(data.draw(st.integers(1, 5))):
        factors = tuple(data.draw(st.integers(-(1 << 62), 1 << 62)) for _ in range(count))
        width = data.draw(st.sampled_from((32, 40, 64)))
        slack = data.draw(st.integers(0, (1 << width) - 1))
        constant = slack - sum(f * v for f, v in zip(factors, values, strict=True))
        rows.append(Row(tuple(range(count)), factors, constant, width))
    statement = LinearStatement((SMALL,) * count, 0, tuple(rows))
    openings = [Opening.fresh(value) for value in values]
    commitments = [KEY.commit(opening) for opening in openings]
    check(statement, commitments, prove_linear(KEY, statement, openings, begin(statement, commitments)))


def test_the_transfer_verifies() -> None:
    check(TRANSFER, COMMITMENTS, PROOF)


def test_a_transfer_of_more_than_the_balance_has_no_proof() -> None:
    openings = (OPENINGS[0], Opening.fresh(501))
    with pytest.raises(WitnessInvalid):
        prove_linear(KEY, TRANSFER, openings, begin(TRANSFER, [KEY.commit(o) for o in openings]))


def altered(row: int, **changes: object) -> LinearStatement:
    rows = list(TRANSFER.rows)
    rows[row] = replace(rows[row], **changes)
    return replace(TRANSFER, rows=tuple(rows))


@pytest.mark.parametrize(
    "statement",
    [
        altered(2, coefficients=(3, -6)),
        altered(2, coefficients=(4, -7)),
        altered(2, constant=1001),
        altered(0, width=64),
        altered(0, width=36),
        replace(TRANSFER, rows=TRANSFER.rows[:2]),
        replace(TRANSFER, rows=TRANSFER.rows[1:]),
        replace(TRANSFER, rows=(*TRANSFER.rows, TRANSFER.rows[0])),
        replace(TRANSFER, rows=TRANSFER.rows[::-1]),
    ],
    ids=["entry", "other entry", "constant", "wider", "narrower", "no last row", "no first", "one more", "order"],
)
def test_a_proof_is_void_for_any_other_matrix(statement: LinearStatement) -> None:
    with pytest.raises(ProofRejected):
        check(statement, COMMITMENTS, PROOF)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "shift", [Commitment(VALUE_BASE, IDENTITY), Commitment(IDENTITY, HANDLE_BASE)], ids=["commitment", "handle"]
)
def test_a_proof_is_void_for_another_commitment_or_handle(index: int, shift: Commitment) -> None:
    commitments = list(COMMITMENTS)
    commitments[index] = commitments[index] + shift
    with pytest.raises(ProofRejected):
        check(TRANSFER, commitments, PROOF)


def test_swapped_commitments_are_refused() -> None:
    with pytest.raises(ProofRejected):
        check(TRANSFER, COMMITMENTS[::-1], PROOF)


def test_every_part_of_the_statement_enters_the_transcript() -> None:
    """Else a prover could fit the matrix, a commitment or an auxiliary to challenges that it knows already."""
    statement = LinearStatement((SMALL,), 1, (Row((0, 1), (2, -1), 0, 40),))
    commitment, auxiliary = COMMITMENTS[0], COMMITMENTS[1].c
    states = {
        begin(statement, [commitment], [auxiliary]).state,
        begin(statement, [commitment + Commitment.public(1)], [auxiliary]).state,
        begin(statement, [Commitment(commitment.c, commitment.d + VALUE_BASE)], [auxiliary]).state,
        begin(statement, [commitment], [auxiliary + VALUE_BASE]).state,
        begin(statement, [commitment, Commitment(auxiliary, IDENTITY)]).state,
        *(
            begin(LinearStatement((SMALL,), 1, (row,)), [commitment], [auxiliary]).state
            for row in (
                Row((0, 1), (3, -1), 0, 40),
                Row((0, 1), (2, 1), 0, 40),
                Row((0, 1), (2, -1), 1, 40),
                Row((0, 1), (2, -1), 0, 64),
            )
        ),
        begin(LinearStatement((SMALL,), 1, statement.rows * 2), [commitment], [auxiliary]).state,
        begin(LinearStatement((SMALL,) * 2, 1, (Row((0, 2), (2, -1), 0, 40),)), [commitment] * 2, [auxiliary]).state,
    }
    assert len(states) == 11


@pytest.mark.parametrize("count", [1, 3])
def test_not_one_commitment_per_variable_is_refused(count: int) -> None:
    with pytest.raises(ProofRejected, match="per variable"):
        check(TRANSFER, (COMMITMENTS * 2)[:count], PROOF)


def test_a_ledger_variable_cannot_pass_as_an_auxiliary() -> None:
    with pytest.raises(ProofRejected, match="per variable"):
        begin(TRANSFER, COMMITMENTS[:1], [COMMITMENTS[1].c])


def test_an_auxiliary_that_is_the_identity_is_refused() -> None:
    statement = LinearStatement((SMALL,), 1, (Row((0, 1), (1, 1), 0, 40),))
    with pytest.raises(ProofRejected, match="identity"):
        begin(statement, [NOTHING], [IDENTITY])


def test_an_auxiliary_is_bound_to_the_proof() -> None:
    statement = LinearStatement((SMALL,), 1, (Row((0, 1), (1, -1), 0, 40), Row((1,), (1,), 0, 40)))
    openings = (OPENINGS[0], Opening.fresh(100))
    commitments, auxiliary = [COMMITMENTS[0]], KEY.commit(openings[1]).c
    proof = prove_linear(KEY, statement, openings, begin(statement, commitments, [auxiliary]))
    check(statement, commitments, proof, [auxiliary])
    with pytest.raises(ProofRejected):
        check(statement, commitments, proof, [auxiliary + VALUE_BASE])


@pytest.mark.parametrize(
    ("bounds", "auxiliaries", "row"),
    [
        ((1 << 120,), 0, Row((0,), (1 << 140,), 0, 64)),
        ((1 << 120,), 0, Row((0,), (-(1 << 140),), 0, 64)),
        ((SMALL,), 0, Row((0,), (1,), ORDER // 2, 64)),
        ((SMALL,), 0, Row((0,), (1,), -(ORDER // 2), 64)),
        ((SMALL,) * 4, 0, Row((0, 1, 2, 3), (1 << 213,) * 4, 0, 64)),
    ],
    ids=["coefficient", "negative coefficient", "constant", "negative constant", "sum"],
)
def test_a_row_that_could_wrap_around_is_refused(bounds: tuple[int, ...], auxiliaries: int, row: Row) -> None:
    with pytest.raises(StatementUnsound, match="wrap"):
        LinearStatement(bounds, auxiliaries, (row,))


def test_a_wrapping_row_would_let_a_negative_number_pass() -> None:
    """The reason for the rule: x = 1 makes this row negative, and the group cannot tell it from 2."""
    row = Row((0,), (2 - ORDER,), 0, 64)
    assert row.evaluate((1,)) < 0
    assert scalar(row.evaluate((1,))) == scalar(2)
    with pytest.raises(StatementUnsound):
        LinearStatement((SMALL,), 0, (row,))


def test_an_auxiliary_without_a_defining_row_is_refused() -> None:
    with pytest.raises(StatementUnsound, match="no defining row"):
        LinearStatement((SMALL,), 1, (Row((0, 1), (1, 2), 0, 40),))
    with pytest.raises(StatementUnsound, match="no defining row"):
        # Each auxiliary leans on the other.
        LinearStatement((SMALL,), 2, (Row((1, 2), (1, -1), 0, 40), Row((1, 2), (-1, 1), 0, 40)))


def test_the_bound_of_an_auxiliary_follows_from_its_row() -> None:
    """a ≤ 2^40 + 2^213 is bounded, but 2^42 times it could wrap."""
    defining = Row((0, 1), (1 << 173, -1), 0, 40)
    LinearStatement((SMALL,), 1, (defining, Row((1,), (1 << 39,), 0, 64)))
    with pytest.raises(StatementUnsound, match="row 1 could wrap"):
        LinearStatement((SMALL,), 1, (defining, Row((1,), (1 << 42,), 0, 64)))


@pytest.mark.parametrize(
    "row",
    [
        Row((0, 1), (1,), 0, 64),
        Row((1, 0), (1, 1), 0, 64),
        Row((0, 0), (1, 1), 0, 64),
        Row((0, 2), (1, 1), 0, 64),
        Row((-1, 0), (1, 1), 0, 64),
        Row((0,), (1,), 0, 0),
        Row((0,), (1,), 0, 129),
    ],
    ids=["unpaired", "descending", "twice", "unknown", "negative", "no width", "too wide"],
)
def test_a_malformed_row_is_refused(row: Row) -> None:
    with pytest.raises(StatementUnsound):
        LinearStatement((SMALL, SMALL), 0, (row,))


def test_a_statement_without_rows_is_refused() -> None:
    with pytest.raises(StatementUnsound):
        LinearStatement((SMALL,), 0, ())


def test_the_digest_tells_rows_apart_that_concatenate_alike() -> None:
    left = LinearStatement((SMALL, SMALL), 0, (Row((0, 1), (1, 2), 0, 40), Row((), (), 1, 40)))
    right = LinearStatement((SMALL, SMALL), 0, (Row((0,), (1,), 0, 40), Row((1,), (2,), 1, 40)))
    assert left.digest != right.digest


def test_openings_of_other_commitments_are_refused() -> None:
    check_openings(KEY, COMMITMENTS, OPENINGS)
    with pytest.raises(WitnessInvalid, match="opening 1"):
        check_openings(KEY, COMMITMENTS, (OPENINGS[0], OPENINGS[0]))
    with pytest.raises(WitnessInvalid):
        check_openings(KEY, COMMITMENTS, OPENINGS[:1])
    with pytest.raises(WitnessInvalid):
        prove_linear(KEY, TRANSFER, OPENINGS[:1], begin(TRANSFER, COMMITMENTS))


@pytest.mark.parametrize("lie", ["none", "entry", "constant", "value", "blinding"])
def test_a_prover_that_uses_other_rows_or_openings_than_it_is_bound_to_is_refused(lie: str) -> None:
    """Every row it proves lies in its range; it only is not the row that the verifier folds."""
    used = {"entry": altered(2, coefficients=(3, -6)), "constant": altered(2, constant=1001)}.get(lie, TRANSFER)
    moved = {"value": Opening.public(-1), "blinding": Opening(0, scalar(1))}.get(lie, Opening.public(0))
    openings = (OPENINGS[0], OPENINGS[1] + moved)
    values = [opening.value for opening in openings]
    rows = [row.evaluate(values) for row in used.rows]
    blindings = [row.blinding(openings) for row in used.rows]
    proof = RangeProver(KEY, TRANSFER.shape, rows, blindings, begin(TRANSFER, COMMITMENTS)).prove()
    if lie == "none":
        check(TRANSFER, COMMITMENTS, proof)
        return
    with pytest.raises(ProofRejected):
        check(TRANSFER, COMMITMENTS, proof)
