"""Bounds over cases: what they let an account prove, and that a prover who breaks one case alone is refused."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import Insolvent, ProofRejected, StatementUnsound
from circuits.group import ORDER
from circuits.linear import bind_statement
from circuits.lower_bounds import NOTHING, Case, LowerBound, Weight, uppermost
from circuits.opening import prove_opening
from circuits.pedersen import Opening
from circuits.solvency import KIND, Exposure, SolvencyClaim, SolvencyInputs, SolvencyProof, SolvencyTerms
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement, worst_outcome
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY
from tests.circuits.test_range_forgeries import Forger
from tests.circuits.test_solvency import account, claim, least_cash

FIRST = Exposure(0, (-900, 1100), 3, 5, 0, 0, True)
SECOND = Exposure(1, (-700, 800), 2, 4, 0, 0, True)
TAIL: LowerBound = (Case(shares=(Weight(0, 1),)), Case((Weight(0, -4000),), (), (Weight(0, 7),), 0, 8))
CROWDED: LowerBound = (NOTHING, Case(charges=(Weight(0, 20), Weight(1, 10)), constant=500))
TOGETHER: LowerBound = (
    Case(shares=(Weight(2, 1), Weight(1, 1))),
    Case((Weight(1, -3000),), (Weight(1, 1),), (Weight(2, 1),)),
)
TERMS = SolvencyTerms((2, 2), (FIRST, SECOND), False, bounds=(TAIL, CROWDED, TOGETHER))


def test_the_cash_row_adds_the_bounds_on_which_no_other_builds() -> None:
    """Bounds 0 and 1 are the underlyings' worst; 2 builds on 0, 4 on 2 and 1."""
    assert uppermost(TERMS.bounds, 2) == (3, 4)
    assert uppermost((), 3) == (0, 1, 2)


def test_the_twin_gives_what_hand_calculation_gives() -> None:
    """Ten of the first, minus three of the second."""
    outcome = worst_outcome(TERMS, 0, (10, -3))
    assert outcome.worst == (-9030, -2406)
    tail = (7 * -9030 - 40_000) // 8
    crowded = 500 - 20 * 10 - 10 * 3
    assert crowded > 0
    together = min(tail - 2406, tail + 9000 - 3)
    assert outcome.bounds == (tail, 0, together)
    assert outcome.slack == together - 5 * 10 - 4 * 3


def test_beyond_its_depth_a_position_is_charged_more() -> None:
    outcome = worst_outcome(TERMS, 0, (100, 0))
    assert outcome.bounds[1] == 500 - 2000


@settings(max_examples=10)
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_provable_exactly_where_the_twin_says_so(first: int, second: int) -> None:
    quantities = (first, second)
    cash = least_cash(TERMS, quantities)
    claim(TERMS, account(TERMS, cash, quantities)).verify(KEY)
    with pytest.raises(Insolvent):
        claim(TERMS, account(TERMS, cash - 1, quantities))


def forged(values: list[int]) -> SolvencyClaim:
    """A proof over whatever values: cash, positions, high limb, sizes, worst outcomes, bounds."""
    statement = solvency_statement(TERMS)
    openings = [Opening.fresh(value) for value in values]
    cash, first, second, high, *points = map(KEY.commit, openings)
    auxiliaries = tuple(point.c for point in points)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    bind_statement(transcript, statement, [cash, first, second, high], auxiliaries)
    rows = [row.evaluate(values) % ORDER for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    shown = Forger(KEY, statement.shape, rows, blindings, transcript).prove()
    proof = SolvencyProof(high, prove_opening(KEY, openings[3], high, CONTEXT), auxiliaries, shown)
    return SolvencyClaim(TERMS, SolvencyInputs(cash, (first, second), None), proof, CONTEXT)


def values_of(first: int, second: int, moved: dict[int, int]) -> list[int]:
    """The honest values of a rich account, with bounds moved up by the stated amounts."""
    outcome = worst_outcome(TERMS, 10**6, (first, second))
    bounds = [bound + moved.get(place, 0) for place, bound in enumerate(outcome.bounds)]
    return [10**6, first, second, 10**6 + CASH_OFFSET >> LIMB_BITS, abs(first), abs(second), *outcome.worst, *bounds]


ROW_OF = {"tail chain": 4, "tail": 5, "nothing": 6, "crowded": 7, "together": 8, "second case": 9}
"""After two nodes of each underlying."""


@pytest.mark.parametrize(
    ("row", "first", "second", "moved"),
    [
        ("tail chain", -10, -3, {0: 1, 2: 1}),
        ("tail", 10, -3, {0: 1, 2: 1}),
        ("nothing", 10, -3, {1: 1}),
        ("crowded", 100, 0, {1: 1}),
        ("together", 10, -3, {2: 1}),
        ("second case", 10, 10, {2: 1}),
    ],
)
def test_a_prover_who_overstates_a_bound_is_refused(row: str, first: int, second: int, moved: dict[int, int]) -> None:
    forged(values_of(first, second, {})).verify(KEY)
    values = values_of(first, second, moved)
    statement = solvency_statement(TERMS)
    broken = [place for place, entry in enumerate(statement.rows) if entry.evaluate(values) < 0]
    assert broken == [ROW_OF[row]]
    with pytest.raises(ProofRejected):
        forged(values).verify(KEY)


def test_understating_a_bound_is_allowed_and_costs() -> None:
    forged(values_of(10, -3, {2: -5})).verify(KEY)


@pytest.mark.parametrize(
    "bounds",
    [
        ((),),
        ((Case(divisor=2),),),
        ((Case((Weight(2, 1),)),),),
        ((Case((Weight(-1, 1),)),),),
        ((Case((Weight(0, 1), Weight(0, 2))),),),
        ((Case(charges=(Weight(0, -1),)),),),
        ((Case(shares=(Weight(0, -1),)),),),
        ((Case(shares=(Weight(2, 1),)),),),
        ((NOTHING, Case(divisor=0)),),
        ((NOTHING, NOTHING),),
        ((Case((Weight(0, 1 << 96),)),),),
        ((Case(constant=1 << 96),),),
    ],
    ids=[
        "no case", "not defined", "no such exposure", "negative place", "named twice", "paid charge", "paid share",
        "builds on itself", "divisor 0", "case twice", "value too large", "constant too large",
    ],
)  # fmt: skip
def test_bounds_that_could_pay_an_account_are_unsound(bounds: tuple[LowerBound, ...]) -> None:
    with pytest.raises(StatementUnsound):
        replace(TERMS, bounds=bounds)
