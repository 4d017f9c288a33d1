"""Amounts that are not negative: a transfer moves no more than there is, and nothing less than nothing."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.amounts import AmountsClaim, amounts_proof_bytes, prove_amounts
from circuits.batch import verify_claims
from circuits.errors import ClaimsRejected, ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import IDENTITY
from circuits.pedersen import HANDLE_BASE, NOTHING, Commitment, Opening
from tests.circuits.proofs import CONTEXT, KEY

BALANCE = Opening.fresh(1000)


def transfer(amount: int) -> AmountsClaim:
    """Moves `amount` out of a balance of 1000."""
    moved = Opening.fresh(amount)
    openings = (moved, BALANCE - moved)
    amounts = (KEY.commit(moved), KEY.commit(BALANCE) - KEY.commit(moved))
    return AmountsClaim(amounts, prove_amounts(KEY, openings, amounts, CONTEXT), CONTEXT)


CLAIM = transfer(400)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_any_part_of_a_balance_can_move(amount: int) -> None:
    claim = transfer(amount)
    claim.verify(KEY)
    assert len(claim.proof) == amounts_proof_bytes(2)


@pytest.mark.parametrize("amount", [-1, 1001, 1 << 40])
def test_neither_more_than_the_balance_nor_less_than_nothing_can_move(amount: int) -> None:
    with pytest.raises(WitnessInvalid):
        transfer(amount)


def test_a_withdrawal_of_a_public_amount_is_provable() -> None:
    rest = BALANCE - Opening.public(1000)
    amounts = (KEY.commit(BALANCE) - Commitment.public(1000),)
    AmountsClaim(amounts, prove_amounts(KEY, (rest,), amounts, CONTEXT), CONTEXT).verify(KEY)


def test_an_empty_commitment_is_an_amount() -> None:
    AmountsClaim((NOTHING,), prove_amounts(KEY, (Opening.public(0),), (NOTHING,), CONTEXT), CONTEXT).verify(KEY)


@pytest.mark.parametrize("shift", [Commitment.public(1), Commitment(IDENTITY, HANDLE_BASE)])
def test_a_proof_is_void_for_other_commitments_handles_and_messages(shift: Commitment) -> None:
    moved, rest = CLAIM.amounts
    for claim in (
        replace(CLAIM, amounts=(moved + shift, rest)),
        replace(CLAIM, amounts=(rest, moved)),
        replace(CLAIM, amounts=(moved,)),
        replace(CLAIM, context=replace(CONTEXT, message_digest=b"n" * 32)),
    ):
        with pytest.raises(ProofRejected):
            claim.verify(KEY)


def test_no_amounts_at_all_are_no_statement() -> None:
    with pytest.raises(StatementUnsound):
        replace(CLAIM, amounts=()).verify(KEY)


def test_claims_pickle_and_join_a_batch() -> None:
    claim = pickle.loads(pickle.dumps(CLAIM))
    verify_claims(KEY, [claim, transfer(1)])
    with pytest.raises(ClaimsRejected) as raised:
        verify_claims(KEY, [claim, replace(claim, amounts=claim.amounts[::-1]), replace(claim, amounts=())])
    assert raised.value.indices == (1, 2)
