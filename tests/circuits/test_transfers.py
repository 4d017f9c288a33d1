"""The rows of a private transfer: the amount and what is left are integers from 0, and the sender's margin holds after.

The adversary commits to whatever it likes and proves every row with its low digits, as in the tests of half lots.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import Insolvent, ProofRejected, WitnessInvalid
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
    prove_solvency,
)
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY, Truncating

COIN = Exposure(0, (90, 120), 1, 2, 0, 0, False, withdrawn=True)
TERMS = SolvencyTerms((2,), (COIN,), False, transfer=True)
CASH = 1000
HALF = (ORDER + 1) // 2
LIMIT = 1 << 40
SLACK = 256
"""A row ends at 2^40 plus less than one digit, and no base of digits is larger."""


def sender(left: int, amount: int, cash: int = CASH) -> SolvencyWitness:
    """A sender's openings after the transfer: what is left of its coins, and the amount."""
    return SolvencyWitness(Opening.fresh(cash), (Opening.fresh(left),), None, Opening.fresh(amount))


def inputs_of(witness: SolvencyWitness) -> SolvencyInputs:
    assert witness.transfer is not None
    return SolvencyInputs(
        KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), None, KEY.commit(witness.transfer)
    )


def claim(witness: SolvencyWitness, terms: SolvencyTerms = TERMS) -> SolvencyClaim:
    inputs = inputs_of(witness)
    return SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)


def forged(left: int, amount: int, prover: type[RangeProver] = Truncating) -> SolvencyClaim:
    """A claim by whoever skips the project's own checks, with the auxiliaries that suit it best."""
    statement = solvency_statement(TERMS)
    worst = min((value - COIN.gap_charge) * left for value in COIN.values) if left < LIMIT else 0
    values = [CASH, left, amount, CASH + CASH_OFFSET >> LIMB_BITS, worst]
    openings = [Opening(value, random_scalar()) for value in values]
    *public, high = (KEY.commit(opening) for opening in openings[:-1])
    inputs = SolvencyInputs(public[0], (public[1],), None, public[2])
    points = (KEY.commit(openings[-1]).c,)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    bind_statement(transcript, statement, [*public, high], points)
    rows = [row.evaluate(values) % ORDER for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    shown = prover(KEY, statement.shape, rows, blindings, transcript).prove()
    proof = SolvencyProof(high, prove_opening(KEY, openings[-2], high, CONTEXT), points, shown)
    return SolvencyClaim(TERMS, inputs, proof, CONTEXT)


@settings(max_examples=6)
@given(st.integers(0, LIMIT - 1), st.integers(0, LIMIT - 1))
def test_every_amount_and_every_rest_of_40_bits_is_provable(left: int, amount: int) -> None:
    claim(sender(left, amount)).verify(KEY)


@pytest.mark.parametrize("amount", [-1, -LIMIT, LIMIT, 1 << 64, HALF])
def test_the_projects_own_prover_makes_no_proof_of_an_amount_outside_40_bits(amount: int) -> None:
    with pytest.raises(WitnessInvalid):
        claim(sender(5, amount))


@pytest.mark.parametrize("left", [-1, -LIMIT])
def test_the_projects_own_prover_makes_no_proof_of_more_than_there_is(left: int) -> None:
    rich = sender(left, 5, cash=10**18)
    with pytest.raises(WitnessInvalid):
        claim(rich)


@pytest.mark.parametrize("amount", [0, 1, LIMIT - 1])
def test_the_forger_passes_with_an_honest_amount(amount: int) -> None:
    """So that it is the row of the amount alone which refuses the others."""
    forged(7, amount).verify(KEY)


@pytest.mark.parametrize("amount", [-1, -LIMIT, LIMIT + SLACK, (1 << 64) + 5, HALF, ORDER - 1, ORDER - LIMIT])
def test_an_amount_outside_40_bits_is_rejected(amount: int) -> None:
    """A negative one would take from the receiver; one of −1 modulo r is the same."""
    with pytest.raises(ProofRejected):
        forged(7, amount).verify(KEY)


@pytest.mark.parametrize("left", [-1, LIMIT + SLACK, HALF, ORDER - 1])
def test_a_rest_outside_40_bits_is_rejected(left: int) -> None:
    """Else a sender would move collateral that it does not have, and keep a debt that no row shows."""
    with pytest.raises(ProofRejected):
        forged(left, 5).verify(KEY)


def test_a_sender_that_is_short_of_margin_after_it_has_no_proof() -> None:
    """Cash is a debt that the coins that stay must cover: 3 coins at 90 less their charges of 3, in row units."""
    exact = sender(left=1000, amount=5, cash=-(1000 * 87 // 1000))
    claim(exact).verify(KEY)
    with pytest.raises(Insolvent):
        claim(replace(exact, cash=exact.cash - Opening.public(1)))


def test_the_proof_is_bound_to_the_commitment_of_the_amount() -> None:
    made = claim(sender(50, 9))
    made.verify(KEY)
    for other in (KEY.commit(Opening.fresh(9)), KEY.commit(Opening.fresh(10))):
        with pytest.raises(ProofRejected):
            replace(made, inputs=replace(made.inputs, transfer=other)).verify(KEY)


def test_a_handle_that_does_not_open_with_the_amount_is_rejected() -> None:
    """The transcript absorbs D with C: a proof made for one handle does not stand for another."""
    made = claim(sender(50, 9))
    transfer = made.inputs.transfer
    assert transfer is not None
    bent = replace(transfer, d=transfer.d + transfer.d)
    with pytest.raises(ProofRejected):
        replace(made, inputs=replace(made.inputs, transfer=bent)).verify(KEY)


def test_a_proof_without_the_amounts_row_does_not_stand_for_a_transfer() -> None:
    whole = sender(50, 9)
    weaker, witness = replace(TERMS, transfer=False), replace(whole, transfer=None)
    proof = prove_solvency(KEY, weaker, replace(inputs_of(whole), transfer=None), witness, CONTEXT)
    with pytest.raises(ProofRejected):
        SolvencyClaim(TERMS, inputs_of(whole), proof, CONTEXT).verify(KEY)


def test_a_proof_without_the_row_of_the_rest_does_not_stand_for_a_transfer() -> None:
    witness = sender(50, 9)
    weaker = replace(TERMS, exposures=(replace(COIN, withdrawn=False),))
    proof = prove_solvency(KEY, weaker, inputs_of(witness), witness, CONTEXT)
    with pytest.raises(ProofRejected):
        SolvencyClaim(TERMS, inputs_of(witness), proof, CONTEXT).verify(KEY)


def test_inputs_without_the_amount_are_rejected_as_are_those_with_one_too_many() -> None:
    made = claim(sender(50, 9))
    with pytest.raises(ProofRejected):
        replace(made, inputs=replace(made.inputs, transfer=None)).verify(KEY)
    with pytest.raises(ProofRejected):
        replace(made, inputs=replace(made.inputs, trade=made.inputs.transfer)).verify(KEY)
    with pytest.raises(WitnessInvalid):
        prove_solvency(KEY, TERMS, made.inputs, replace(sender(50, 9), transfer=None), CONTEXT)


def test_a_trade_and_a_transfer_have_their_rows_side_by_side() -> None:
    """No message has both; the statement keeps them apart all the same."""
    both = SolvencyTerms((2,), (COIN,), True, transfer=True)
    witness = replace(sender(50, 9), trade=Opening.fresh(-7))
    assert witness.trade is not None
    inputs = replace(inputs_of(witness), trade=KEY.commit(witness.trade))
    proof = prove_solvency(KEY, both, inputs, witness, CONTEXT)
    SolvencyClaim(both, inputs, proof, CONTEXT).verify(KEY)
    swapped = replace(inputs, trade=inputs.transfer, transfer=inputs.trade)
    with pytest.raises(ProofRejected):
        SolvencyClaim(both, swapped, proof, CONTEXT).verify(KEY)
