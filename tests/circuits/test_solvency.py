"""The solvency window: provable exactly when the plain-code twin says so, and bound to every public input."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import DecodingError, Insolvent, ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import IDENTITY
from circuits.pedersen import HANDLE_BASE, NOTHING, VALUE_BASE, Commitment, Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
    solvency_sizes,
)
from circuits.solvency_terms import solvency_statement, worst_outcome
from circuits.transcript import Deployment
from tests.circuits.proofs import CONTEXT, KEY

PERPETUAL = Exposure(0, (-900, 0, 1100), 3, 5, 0, 2, True)
OPTION = Exposure(0, (10, 40, 700), 20, 8, 60, 0, True)
FUTURE = Exposure(1, (-2000, 2500), 0, 9, 0, 0, True)
WRAPPED = Exposure(1, (95_000, 120_000), 500, 0, 0, 0, False)
TERMS = SolvencyTerms((3, 2), (PERPETUAL, OPTION, FUTURE, WRAPPED), True)
QUANTITIES = (1000, -300, -40, 25)


def commit(witness: SolvencyWitness) -> SolvencyInputs:
    trade = None if witness.trade is None else KEY.commit(witness.trade)
    return SolvencyInputs(KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), trade)


def account(terms: SolvencyTerms, cash: int, quantities: tuple[int, ...], trade: int = -7) -> SolvencyWitness:
    opened = Opening.fresh(trade) if terms.trade else None
    return SolvencyWitness(Opening.fresh(cash), tuple(map(Opening.fresh, quantities)), opened)


def least_cash(terms: SolvencyTerms, quantities: tuple[int, ...]) -> int:
    """µUSD with which the account is just solvent."""
    return -(evaluate_solvency(terms, 0, quantities) // 1000)


def claim(terms: SolvencyTerms, witness: SolvencyWitness) -> SolvencyClaim:
    inputs = commit(witness)
    return SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)


WITNESS = account(TERMS, least_cash(TERMS, QUANTITIES), QUANTITIES)
CLAIM = claim(TERMS, WITNESS)


def test_the_twin_gives_what_hand_calculation_gives() -> None:
    """Long one perpetual at −900 with gap 3, closing 5, funding 2 µUSD, against 5 µUSD of cash."""
    terms = SolvencyTerms((3,), (PERPETUAL,), False)
    assert evaluate_solvency(terms, 5, (1,)) == 5 * 1000 - 2 * 1000 - 5 + (-900 - 3)
    assert evaluate_solvency(terms, 5, (-1,)) == 5 * 1000 + 2 * 1000 - 5 + (-1100 - 3)


def test_a_short_option_pays_its_minimum_and_a_long_one_does_not() -> None:
    terms = SolvencyTerms((3,), (OPTION,), False)
    assert evaluate_solvency(terms, 0, (-2,)) == -2 * 700 - 2 * 20 - 2 * 8 - 2 * 60
    assert evaluate_solvency(terms, 0, (2,)) == 2 * 10 - 2 * 20 - 2 * 8


def test_collateral_is_charged_on_its_own_quantity() -> None:
    terms = SolvencyTerms((1, 2), (WRAPPED,), False)
    assert evaluate_solvency(terms, 0, (3,)) == 3 * 95_000 - 3 * 500


def test_the_account_that_is_just_solvent_is_provable_and_one_unit_less_is_not() -> None:
    CLAIM.verify(KEY)
    assert 0 <= evaluate_solvency(TERMS, WITNESS.cash.value, QUANTITIES) < 1000
    short = replace(WITNESS, cash=WITNESS.cash - Opening.public(1))
    with pytest.raises(Insolvent) as raised:
        prove_solvency(KEY, TERMS, commit(short), short, CONTEXT)
    slack = evaluate_solvency(TERMS, short.cash.value, QUANTITIES)
    assert raised.value.shortfall == -slack


def test_slack_zero_is_provable_and_slack_minus_one_is_not() -> None:
    """Values per lot are multiples of one row unit, so that the boundary is met exactly."""
    exact = SolvencyTerms((1,), (Exposure(0, (-1000,), 0, 0, 0, 0, True),), False)
    assert evaluate_solvency(exact, 5, (5,)) == 0
    claim(exact, account(exact, 5, (5,))).verify(KEY)
    below = SolvencyTerms((1,), (Exposure(0, (-1001,), 0, 0, 0, 0, True),), False)
    assert evaluate_solvency(below, 1, (1,)) == -1
    with pytest.raises(Insolvent):
        claim(below, account(below, 1, (1,)))


EXPOSURES = st.builds(
    lambda values, gap, close, minimum, funding: Exposure(0, tuple(values), gap, close, 2 * minimum, funding, True),
    st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=2),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(-(10**6), 10**6),
)


@settings(max_examples=8)
@given(
    st.lists(st.tuples(EXPOSURES, st.integers(-(10**5), 10**5)), min_size=1, max_size=3),
    st.integers(-3000, 3000),
)
def test_twin_and_proof_agree_on_any_account_near_the_boundary(book: list, offset: int) -> None:
    terms = SolvencyTerms((2,), tuple(exposure for exposure, _ in book), False)
    quantities = tuple(quantity for _, quantity in book)
    cash = least_cash(terms, quantities) + offset
    slack = evaluate_solvency(terms, cash, quantities)
    witness = account(terms, cash, quantities)
    if slack < 0:
        with pytest.raises(Insolvent):
            claim(terms, witness)
    else:
        claim(terms, witness).verify(KEY)


@settings(max_examples=30)
@given(st.lists(st.tuples(EXPOSURES, st.integers(-(10**5), 10**5)), min_size=1, max_size=4), st.integers(0, 10**5))
def test_the_rows_evaluate_to_what_the_twin_says(book: list, collateral: int) -> None:
    wrapped = Exposure(0, (10**6, 2 * 10**6), 11, 7, 0, 0, False)
    terms = SolvencyTerms((2,), (*(exposure for exposure, _ in book), wrapped), True)
    quantities = (*(quantity for _, quantity in book), collateral)
    cash = least_cash(terms, quantities) + 5
    outcome = worst_outcome(terms, cash, quantities)
    sizes = [abs(quantity) for _, quantity in book]
    values = [cash, *quantities, -9, cash + (1 << 63) >> 32, *sizes, *outcome.worst]
    rows = list(solvency_statement(terms).rows)
    trade, low, high, cash_row = (rows.pop().evaluate(values) for _ in range(4))
    quantity_rows = [rows.pop().evaluate(values) for _ in range(2 * len(book))]
    assert trade == (1 << 31) - 9
    assert (high << 32) + low == cash + (1 << 63)
    assert cash_row == outcome.slack == evaluate_solvency(terms, cash, quantities)
    assert sorted(quantity_rows) == sorted(abs(q) + sign * q for _, q in book for sign in (-1, 1))
    assert min(row.evaluate(values) for row in rows) == 0


def test_an_account_without_exposures_proves_that_its_cash_is_not_negative() -> None:
    terms = SolvencyTerms((), (), False)
    claim(terms, account(terms, 0, ())).verify(KEY)
    with pytest.raises(Insolvent) as raised:
        claim(terms, account(terms, -1, ()))
    assert raised.value.shortfall == 1000


def test_an_account_of_public_amounts_is_provable() -> None:
    """Deposits enter with blinding zero, so that cash may be public and a position the identity."""
    terms = SolvencyTerms((3,), (PERPETUAL,), False)
    witness = SolvencyWitness(Opening.public(10), (Opening.public(0),), None)
    inputs = SolvencyInputs(Commitment.public(10), (NOTHING,), None)
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)
    SolvencyClaim(terms, inputs, proof, CONTEXT).verify(KEY)


@pytest.mark.parametrize("cash", [1 << 63, -(1 << 63) - 1])
def test_cash_beyond_the_limbs_is_refused(cash: int) -> None:
    rich = SolvencyTerms((1, 1), (Exposure(0, (1 << 62,), 0, 0, 0, 0, True),), False)
    with pytest.raises(WitnessInvalid):
        claim(rich, account(rich, cash, (10**7 if cash < 0 else 0,)))


@pytest.mark.parametrize("size", [1 << 31, -(1 << 31) - 1])
def test_a_trade_beyond_32_bits_is_refused(size: int) -> None:
    terms = SolvencyTerms((), (), True)
    with pytest.raises(WitnessInvalid):
        claim(terms, account(terms, 10, (), trade=size))
    edge = size - 1 if size > 0 else size + 1
    claim(terms, account(terms, 10, (), trade=edge)).verify(KEY)


def test_a_position_whose_double_exceeds_40_bits_is_refused() -> None:
    terms = SolvencyTerms((1,), (Exposure(0, (0,), 0, 0, 0, 0, True),), False)
    with pytest.raises(WitnessInvalid):
        claim(terms, account(terms, 0, (1 << 39,)))
    claim(terms, account(terms, 0, ((1 << 39) - 1,))).verify(KEY)


def test_overstated_sizes_and_understated_outcomes_only_hurt() -> None:
    """The cash row falls by every charge on the surplus, whatever auxiliaries the prover picks."""
    statement = solvency_statement(TERMS)
    ledger = [WITNESS.cash.value, *QUANTITIES, -7]
    # The cash row is the one that names cash with factor 1000.
    cash_row = next(row for row in statement.rows if row.variables[0] == 0 and row.coefficients[0] == 1000)
    factors = dict(zip(cash_row.variables, cash_row.coefficients, strict=True))
    sizes = range(len(ledger) + 1, len(ledger) + 4)
    worst = range(len(ledger) + 4, len(ledger) + 6)
    assert all(factors.get(index, 0) <= 0 for index in sizes)
    assert all(factors[index] == 1 for index in worst)


def test_equal_rows_stand_once() -> None:
    """A linear book drops its copies at other volatility levels."""
    one = SolvencyTerms((2,), (Exposure(0, (-5, 5), 0, 1, 0, 0, True),), False)
    levels = SolvencyTerms((6,), (Exposure(0, (-5, 5) * 3, 0, 1, 0, 0, True),), False)
    assert solvency_statement(one).rows == solvency_statement(levels).rows


def test_the_terms_decide_the_length_of_a_proof() -> None:
    sizes = solvency_sizes(TERMS)
    data = CLAIM.proof.encode()
    assert len(data) == sizes.proof
    assert len(CLAIM.proof.auxiliaries) == sizes.auxiliaries == 5
    assert sizes.rows == 3 + 2 + 6 + 1 + 2 + 1
    assert SolvencyProof.decode(data).encode() == data
    other = account(TERMS, WITNESS.cash.value + 10**9, (5, 0, 0, 10**6), trade=9)
    assert len(claim(TERMS, other).proof.encode()) == sizes.proof


def test_claim_and_proof_survive_pickling() -> None:
    pickle.loads(pickle.dumps(CLAIM)).verify(KEY)


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, message_digest=b"n" * 32),
        replace(CONTEXT, round=8),
        replace(CONTEXT, grid_digest=b"h" * 32),
        replace(CONTEXT, parameters_digest=b"q" * 32),
        replace(CONTEXT, deployment=Deployment(1, b"\x11" * 20, b"\x22" * 32)),
    ],
    ids=["message", "round", "grid", "parameters", "deployment"],
)
def test_a_proof_is_void_in_another_context(context) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, context=context).verify(KEY)


def altered(index: int, **changes: object) -> SolvencyTerms:
    exposures = list(TERMS.exposures)
    exposures[index] = replace(exposures[index], **changes)
    return replace(TERMS, exposures=tuple(exposures))


@pytest.mark.parametrize(
    "terms",
    [
        altered(0, values=(-899, 0, 1100)),
        altered(0, gap_charge=2),
        altered(0, closing_charge=4),
        altered(1, short_minimum=58),
        altered(0, funding=1),
        altered(3, values=(95_001, 120_000)),
        altered(3, gap_charge=499),
        altered(2, underlying=1, values=(-1999, 2500)),
    ],
    ids=["value", "gap", "closing", "minimum", "funding", "collateral", "haircut", "future"],
)
def test_a_proof_is_void_under_other_terms(terms: SolvencyTerms) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, terms=terms).verify(KEY)


@pytest.mark.parametrize(
    "shift", [Commitment(VALUE_BASE, IDENTITY), Commitment(IDENTITY, HANDLE_BASE)], ids=["commitment", "handle"]
)
@pytest.mark.parametrize("place", ["cash", "position", "collateral", "trade", "high"])
def test_a_proof_is_void_for_any_other_commitment_or_handle(place: str, shift: Commitment) -> None:
    inputs, proof = CLAIM.inputs, CLAIM.proof
    exposures = list(inputs.exposures)
    if place == "cash":
        inputs = replace(inputs, cash=inputs.cash + shift)
    elif place == "trade":
        inputs = replace(inputs, trade=inputs.trade + shift)
    elif place == "high":
        proof = replace(proof, high=proof.high + shift)
    else:
        index = 0 if place == "position" else 3
        exposures[index] = exposures[index] + shift
        inputs = replace(inputs, exposures=tuple(exposures))
    with pytest.raises(ProofRejected):
        replace(CLAIM, inputs=inputs, proof=proof).verify(KEY)


def test_a_shifted_auxiliary_is_refused() -> None:
    for index in range(len(CLAIM.proof.auxiliaries)):
        points = list(CLAIM.proof.auxiliaries)
        points[index] = points[index] + VALUE_BASE
        with pytest.raises(ProofRejected):
            replace(CLAIM, proof=replace(CLAIM.proof, auxiliaries=tuple(points))).verify(KEY)


def test_inputs_that_do_not_match_the_terms_are_refused() -> None:
    inputs, proof = CLAIM.inputs, CLAIM.proof
    for changed in (
        replace(CLAIM, inputs=replace(inputs, trade=None)),
        replace(CLAIM, inputs=replace(inputs, exposures=inputs.exposures[:-1])),
        replace(CLAIM, terms=replace(TERMS, trade=False)),
        replace(CLAIM, proof=replace(proof, auxiliaries=proof.auxiliaries[:-1])),
        replace(CLAIM, proof=replace(proof, auxiliaries=(*proof.auxiliaries, VALUE_BASE))),
        replace(CLAIM, proof=replace(proof, range=proof.range + b"\0")),
        replace(CLAIM, proof=replace(proof, high_opening=bytes(160))),
    ):
        with pytest.raises(ProofRejected):
            changed.verify(KEY)


def test_a_high_limb_without_an_opening_proof_of_its_own_is_refused() -> None:
    other = claim(TERMS, WITNESS).proof
    with pytest.raises(ProofRejected):
        replace(CLAIM, proof=replace(CLAIM.proof, high_opening=other.high_opening)).verify(KEY)


def test_a_sampled_flip_of_any_byte_is_refused() -> None:
    data = CLAIM.proof.encode()
    for at in range(0, len(data), 37):
        forged = bytearray(data)
        forged[at] ^= 4
        with pytest.raises((ProofRejected, DecodingError)):
            replace(CLAIM, proof=SolvencyProof.decode(bytes(forged))).verify(KEY)


def test_truncated_and_surplus_bytes_are_refused() -> None:
    data = CLAIM.proof.encode()
    for forged in (b"", data[:1], data[:200], data[:300], data[:-1], data + b"\0"):
        with pytest.raises((ProofRejected, DecodingError)):
            replace(CLAIM, proof=SolvencyProof.decode(forged)).verify(KEY)


@pytest.mark.parametrize("count", [0, 4, 6, 65_535])
def test_a_count_of_auxiliaries_that_is_not_the_terms_is_refused_before_any_point_is_decoded(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    data = count.to_bytes(2, "big") + CLAIM.proof.encode()[2:]
    monkeypatch.setattr("circuits.solvency.decode_point", pytest.fail)
    with pytest.raises(DecodingError):
        SolvencyProof.decode_for(TERMS, data)


def test_a_proof_decodes_for_its_own_terms_and_for_no_larger_ones() -> None:
    data = CLAIM.proof.encode()
    assert SolvencyProof.decode_for(TERMS, data) == CLAIM.proof
    larger = replace(TERMS, exposures=(*TERMS.exposures, PERPETUAL))
    for terms, forged in ((TERMS, data[:-1]), (TERMS, data + b"\0"), (TERMS, b""), (larger, data)):
        with pytest.raises(DecodingError):
            SolvencyProof.decode_for(terms, forged)


def test_a_high_limb_that_is_not_blinded_is_refused() -> None:
    bare = replace(CLAIM.proof, high=Commitment(VALUE_BASE, IDENTITY))
    with pytest.raises(DecodingError):
        SolvencyProof.decode(bare.encode())


def test_openings_of_another_account_are_refused() -> None:
    other = account(TERMS, WITNESS.cash.value, QUANTITIES)
    with pytest.raises(WitnessInvalid):
        prove_solvency(KEY, TERMS, CLAIM.inputs, other, CONTEXT)
    with pytest.raises(WitnessInvalid):
        prove_solvency(KEY, TERMS, CLAIM.inputs, replace(WITNESS, trade=None), CONTEXT)
    with pytest.raises(WitnessInvalid):
        evaluate_solvency(TERMS, 0, (1,))


@pytest.mark.parametrize(
    ("nodes", "exposure"),
    [
        ((0,), replace(PERPETUAL, values=())),
        ((3,), replace(PERPETUAL, underlying=1)),
        ((3,), replace(PERPETUAL, underlying=-1)),
        ((3,), replace(PERPETUAL, values=(1, 2))),
        ((3,), replace(PERPETUAL, gap_charge=-1)),
        ((3,), replace(PERPETUAL, closing_charge=-1)),
        ((3,), replace(PERPETUAL, short_minimum=-2)),
        ((3,), replace(PERPETUAL, short_minimum=3)),
        ((3,), replace(PERPETUAL, values=(0, 0, 1 << 63))),
        ((3,), replace(PERPETUAL, is_position=False)),
    ],
    ids=[
        "no nodes", "unknown underlying", "negative underlying", "missing value", "paid gap", "paid closing",
        "paid minimum", "odd minimum", "huge value", "collateral with funding",
    ],
)  # fmt: skip
def test_terms_that_contradict_themselves_are_refused(nodes: tuple[int, ...], exposure: Exposure) -> None:
    with pytest.raises(StatementUnsound):
        SolvencyTerms(nodes, (exposure,), False)
