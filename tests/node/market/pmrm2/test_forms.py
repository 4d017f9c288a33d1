"""Minima, maxima and hidden choices as rows: what the honest prover fills in is the best there is."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.pmrm2.forms import QUANTITY_BITS, VALUE_BITS, Form, PiecewiseRows, PiecewiseStatement

BOUND = 1 << 40
SMALL = st.integers(-(1 << 30), 1 << 30)
X, Y = Form.of({0: 1}), Form.of({1: 1})


def holds(statement: PiecewiseStatement, values: list[int]) -> bool:
    rows = zip(statement.rows, statement.linear.shape.rows, strict=True)
    return all(0 <= row.evaluate(values) < digits.limit for row, digits in rows)


def test_a_form_drops_what_cancels() -> None:
    assert X + Y - Form.of({0: 1, 1: 0}) == Y
    assert (X - X).entries == ()


@given(SMALL, SMALL)
def test_an_added_minimum_is_the_least_of_its_forms(x: int, y: int) -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    statement = rows.statement(rows.least([X, Y, Form(constant=5)]) + Form(constant=BOUND))
    values = statement.complete([x, y])

    assert holds(statement, values)
    assert statement.slack.evaluate(values) == min(x, y, 5) + BOUND
    assert statement.choices == 0


@given(SMALL, SMALL)
def test_a_charged_maximum_is_the_most_of_its_forms(x: int, y: int) -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    statement = rows.statement(Form(constant=BOUND) - rows.most([X, Y]))
    values = statement.complete([x, y])

    assert holds(statement, values)
    assert statement.slack.evaluate(values) == BOUND - max(x, y)


@given(SMALL, SMALL)
def test_an_added_maximum_takes_the_larger_form(x: int, y: int) -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    statement = rows.statement(rows.least(rows.larger(X, Y)) + Form(constant=BOUND))
    values = statement.complete([x, y])

    assert holds(statement, values)
    assert statement.slack.evaluate(values) == max(x, y) + BOUND
    assert statement.choices == 1


@given(SMALL, SMALL, st.sampled_from((-1, 0, 1, 2, 255, 256)), st.integers(1, 1 << 20))
def test_no_choice_gains_more_than_the_larger_form(x: int, y: int, bit: int, more: int) -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    statement = rows.statement(rows.least(rows.larger(X, Y)) + Form(constant=BOUND))

    assert not holds(statement, [x, y, bit, max(x, y) + more])


def test_a_choice_is_nothing_but_0_or_1() -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    statement = rows.statement(rows.least(rows.larger(X, Y)) + Form(constant=BOUND))
    allowed = {bit for bit in range(-300, 300) if holds(statement, [7, 7, bit, 7])}

    assert allowed == {0, 1}


@given(SMALL, SMALL, st.integers(1, 1 << 20))
def test_an_auxiliary_that_pays_its_prover_breaks_a_row(x: int, y: int, more: int) -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    worst, size = rows.least([X, Y]), rows.most([X, -X])
    statement = rows.statement(worst - size + Form(constant=BOUND))
    values = statement.complete([x, y])

    assert holds(statement, values)
    for place, step in ((2, more), (3, -more)):
        assert not holds(statement, [value + step * (at == place) for at, value in enumerate(values)])


def test_equal_forms_take_no_auxiliary() -> None:
    rows = PiecewiseRows((BOUND, BOUND))

    assert rows.least([X, X]) == X
    assert rows.larger(X, X) == (X,)


def test_without_choices_what_can_be_proven_is_convex() -> None:
    rows = PiecewiseRows((BOUND, BOUND))
    concave = rows.statement(rows.least([X - Y, Y - X]) + Form(constant=10))
    rows = PiecewiseRows((BOUND, BOUND))
    other = rows.statement(rows.least(rows.larger(X, Y)) - Form(constant=10))
    points = list(product(range(-40, 41, 8), repeat=2))

    def provable(statement: PiecewiseStatement, point: tuple[int, int]) -> bool:
        return holds(statement, statement.complete(list(point)))

    def convex(statement: PiecewiseStatement) -> bool:
        good = [point for point in points if provable(statement, point)]
        middles = (((a + c) // 2, (b + d) // 2) for a, b in good for c, d in good)
        return all(provable(statement, middle) for middle in middles)

    assert convex(concave)
    assert not convex(other)


@pytest.mark.parametrize("width", [VALUE_BITS, QUANTITY_BITS])
def test_widths_stay_far_from_the_group_order(width: int) -> None:
    rows = PiecewiseRows((1 << 64, 1 << QUANTITY_BITS))
    rows.require(Form.of({0: 10**11, 1: 1 << 80}), width)

    assert rows.statement(X).linear.variables == 2
