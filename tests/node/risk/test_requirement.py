"""The requirement out of the proof system: found, proven, refused one µUSD below; and provers who would cheat."""

from dataclasses import replace
from pathlib import Path

import pytest

import node.risk.requirement as requirement
from circuits.errors import CircuitError, ProofRejected, WitnessInvalid
from circuits.group import ORDER
from circuits.pedersen import Commitment, Opening
from node.market.pmrm2.forms import Form, PiecewiseRows, PiecewiseStatement
from node.market.pmrm2.lots import in_lots
from node.market.pmrm2.model import OptionHolding
from node.market.pmrm2.rows import initial_statement
from node.risk.cases import read_case
from node.risk.errors import NotProven
from node.risk.requirement import KEY, RequirementProof, least_cash, prove_requirement, prove_rows, verify_rows

CASES = Path(__file__).parents[2] / "vectors" / "pmrm2"
CASE = read_case(CASES / "test_17_risk_cancelling_revert_risk_cancelling_to_2.json")
STATEMENT = initial_statement(CASE.account, CASE.parameters)
QUANTITIES = in_lots(CASE.account, CASE.parameters).quantities


class Proven:
    """A proof with a little cash to spare, made once."""

    def __init__(self) -> None:
        spare = [QUANTITIES[0] + least_cash(STATEMENT, QUANTITIES) + 5, *QUANTITIES[1:]]
        self.openings = [Opening.fresh(value) for value in spare]
        self.commitments = [KEY.commit(opening) for opening in self.openings]
        self.proof = prove_rows(STATEMENT, self.openings, self.commitments)

    def refused(self, statement: PiecewiseStatement, commitments: list[Commitment], proof: RequirementProof) -> bool:
        try:
            verify_rows(statement, commitments, proof)
        except ProofRejected:
            return True
        return False


@pytest.fixture(scope="module")
def proven() -> Proven:
    return Proven()


def test_the_least_cash_is_where_the_deciding_row_turns() -> None:
    added = least_cash(STATEMENT, QUANTITIES)

    def slack(more: int) -> int:
        return STATEMENT.slack.evaluate(STATEMENT.complete([QUANTITIES[0] + added + more, *QUANTITIES[1:]]))

    assert slack(0) >= 0 > slack(-1)


def test_the_requirement_is_what_the_case_says() -> None:
    found = prove_requirement(STATEMENT, QUANTITIES)

    assert -found.added / 1e6 == pytest.approx(CASE.expected.initial, abs=1e-6)
    assert found.rows == len(STATEMENT.rows)


def test_an_honest_proof_is_taken(proven: Proven) -> None:
    verify_rows(STATEMENT, proven.commitments, proven.proof)


def test_one_micro_dollar_less_than_needed_finds_no_proof() -> None:
    short = [QUANTITIES[0] + least_cash(STATEMENT, QUANTITIES) - 1, *QUANTITIES[1:]]
    openings = [Opening.fresh(value) for value in short]

    with pytest.raises(WitnessInvalid):
        prove_rows(STATEMENT, openings, [KEY.commit(opening) for opening in openings])


def test_a_proof_serves_no_other_quantities(proven: Proven) -> None:
    for place in range(len(proven.commitments)):
        other = list(proven.commitments)
        other[place] = other[place] + Commitment.public(1)
        assert proven.refused(STATEMENT, other, proven.proof)


def test_a_proof_serves_no_other_market(proven: Proven) -> None:
    dearer = initial_statement(replace(CASE.account, spot=CASE.account.spot * 1.01), CASE.parameters)

    assert len(dearer.rows) == len(STATEMENT.rows)
    assert proven.refused(dearer, proven.commitments, proven.proof)


def test_changed_parts_of_a_proof_are_refused(proven: Proven) -> None:
    good = proven.proof
    bad = [
        replace(good, range=good.range[:-1]),
        replace(good, range=bytes([good.range[0] ^ 1]) + good.range[1:]),
        replace(good, auxiliaries=good.auxiliaries[::-1]),
        replace(good, auxiliaries=good.auxiliaries[:-1]),
        replace(good, openings=good.openings[::-1]),
        replace(good, openings=good.openings[:-1]),
    ]

    assert all(proven.refused(STATEMENT, proven.commitments, proof) for proof in bad)


@pytest.mark.parametrize("place", range(1, len(QUANTITIES)))
def test_half_a_lot_is_no_quantity(place: int) -> None:
    values = list(QUANTITIES)
    values[place] = (ORDER + 1) // 2
    openings = [Opening.fresh(value) for value in values]

    with pytest.raises(CircuitError):
        prove_rows(STATEMENT, openings, [KEY.commit(opening) for opening in openings])


def test_collateral_is_not_negative() -> None:
    values = [10**15, *QUANTITIES[1:-1], -1]
    openings = [Opening.fresh(value) for value in values]

    with pytest.raises(WitnessInvalid):
        prove_rows(STATEMENT, openings, [KEY.commit(opening) for opening in openings])


def test_statements_with_hidden_bits_are_proven() -> None:
    case = read_case(CASES / "test_24_structures_short_box_capped.json")
    statement = initial_statement(case.account, case.parameters)
    found = prove_requirement(statement, in_lots(case.account, case.parameters).quantities)

    assert statement.choices == 2
    assert -found.added / 1e6 == pytest.approx(case.expected.initial, abs=1e-5)


def test_a_requirement_beyond_all_cash_is_not_proven() -> None:
    rows = PiecewiseRows((1 << 64,))
    endless = rows.statement(Form.of({0: 1}, -(1 << 90)))

    with pytest.raises(NotProven, match="no cash"):
        prove_requirement(endless, (0,))


def test_an_amount_beyond_the_rows_is_not_proven() -> None:
    huge = replace(CASE.account, options=(OptionHolding(0, 120_000.0, True, 0.5, -1e12),))

    with pytest.raises(NotProven):
        prove_requirement(initial_statement(huge, CASE.parameters), in_lots(huge, CASE.parameters).quantities)


def test_more_rows_than_one_proof_takes_are_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirement, "MAX_ROWS", len(STATEMENT.rows) - 1)

    with pytest.raises(NotProven, match="rows are more than"):
        prove_requirement(STATEMENT, QUANTITIES)
