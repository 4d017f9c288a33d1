"""What the solvency rows alone do not say: that a position is an integer. Another row has to, on every way in.

The rows bound a ± q, hence 2q: with a = q = (r+1)/2, "half a lot", a + q is 1 and a − q is 0. The taker's row of a
trade bounds q itself.
"""

from dataclasses import replace

import pytest

from circuits.errors import ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import ORDER, random_scalar
from circuits.linear import bind_statement
from circuits.opening import prove_opening
from circuits.pedersen import Opening
from circuits.range_prover import RangeProver
from circuits.solvency import (
    KIND,
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
)
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY, Truncating

HALF = (ORDER + 1) // 2
"""One half modulo r: twice it is 1."""
CASH = 1000
POSITION = Exposure(0, (100, 200), 2, 4, 0, 0, True)
WORST = 100 // 2 - 2 // 2
"""Half a lot at the lower node, less half the gap charge."""


def forged(terms: SolvencyTerms, trade: int | None = None, prover: type[RangeProver] = RangeProver) -> SolvencyClaim:
    """The claim of an account that holds half a lot, and took `trade`, with the auxiliaries that suit it."""
    statement = solvency_statement(terms)
    values = [CASH, HALF, *([] if trade is None else [trade]), CASH + CASH_OFFSET >> LIMB_BITS, HALF, WORST]
    openings = [Opening(value, random_scalar()) for value in values]
    auxiliaries = openings[-2:]
    *public, high = (KEY.commit(opening) for opening in openings[:-2])
    inputs = SolvencyInputs(public[0], (public[1],), None if trade is None else public[2])
    points = tuple(KEY.commit(opening).c for opening in auxiliaries)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    bind_statement(transcript, statement, [*public, high], points)
    rows = [row.evaluate(values) % ORDER for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    shown = prover(KEY, statement.shape, rows, blindings, transcript).prove()
    proof = SolvencyProof(high, prove_opening(KEY, openings[-3], high, CONTEXT), points, shown)
    return SolvencyClaim(terms, inputs, proof, CONTEXT)


def test_the_solvency_rows_alone_accept_half_a_lot() -> None:
    forged(SolvencyTerms((2,), (POSITION,), False)).verify(KEY)


@pytest.mark.parametrize("trade", [HALF, -HALF % ORDER, HALF + 1, 3 * HALF % ORDER])
def test_the_row_of_a_trade_refuses_any_half(trade: int) -> None:
    """So that half a lot never comes into an account."""
    terms = SolvencyTerms((2,), (POSITION,), True)
    with pytest.raises(WitnessInvalid):
        forged(terms, trade)
    with pytest.raises(ProofRejected):
        forged(terms, trade, Truncating).verify(KEY)


@pytest.mark.parametrize("trade", [-(1 << 31), 0, (1 << 31) - 1])
def test_the_row_of_a_trade_takes_every_integer_in_its_range(trade: int) -> None:
    """The same forger with an honest trade passes: it is that row alone which refuses the half."""
    forged(SolvencyTerms((2,), (POSITION,), True), trade, Truncating).verify(KEY)


@pytest.mark.parametrize("trade", [-(1 << 31) - 1, 1 << 31])
def test_the_row_of_a_trade_refuses_the_next_integers(trade: int) -> None:
    with pytest.raises(ProofRejected):
        forged(SolvencyTerms((2,), (POSITION,), True), trade, Truncating).verify(KEY)


UNVOUCHED = SolvencyTerms((2,), (replace(POSITION, unvouched=True),), False)
"""A position for which no ledger vouches, so that the statement has a row for it."""


def test_the_row_of_an_unvouched_position_refuses_half_a_lot() -> None:
    with pytest.raises(WitnessInvalid):
        forged(UNVOUCHED)
    with pytest.raises(ProofRejected):
        forged(UNVOUCHED, prover=Truncating).verify(KEY)


@pytest.mark.parametrize("quantity", [-(1 << 39) + 1, -1, 0, 1, (1 << 39) - 1])
def test_an_unvouched_position_may_be_any_integer_in_its_range(quantity: int) -> None:
    cash = Opening.fresh(-evaluate_solvency(UNVOUCHED, 0, (quantity,)) // 1000 + 1)
    witness = SolvencyWitness(cash, (Opening.fresh(quantity),), None)
    inputs = SolvencyInputs(KEY.commit(cash), (KEY.commit(witness.exposures[0]),), None)
    proof = prove_solvency(KEY, UNVOUCHED, inputs, witness, CONTEXT)
    SolvencyClaim(UNVOUCHED, inputs, proof, CONTEXT).verify(KEY)


def test_collateral_needs_no_offset() -> None:
    with pytest.raises(StatementUnsound):
        SolvencyTerms((2,), (Exposure(0, (1, 2), 0, 0, 0, 0, False, unvouched=True),), False)


def test_the_projects_own_prover_makes_no_proof_of_a_half() -> None:
    terms = SolvencyTerms((2,), (POSITION,), False)
    witness = SolvencyWitness(Opening.fresh(CASH), (Opening(HALF, random_scalar()),), None)
    inputs = SolvencyInputs(KEY.commit(witness.cash), (KEY.commit(witness.exposures[0]),), None)
    with pytest.raises(WitnessInvalid):
        prove_solvency(KEY, terms, inputs, witness, CONTEXT)
