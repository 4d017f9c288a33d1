"""Batches: all true claims pass with one multiplication, and every false one is named."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from circuits import endomorphism, equation
from circuits.batch import Claim, verify_claims
from circuits.equation import Equation, require_all
from circuits.errors import ClaimsRejected, ProofRejected
from circuits.group import ONE, Point, Scalar, msm, random_scalar, scalar
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Commitment, Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
)
from tests.circuits.proofs import CONTEXT, KEY


def opening_claim(value: int) -> OpeningClaim:
    opening = Opening.fresh(value)
    commitment = KEY.commit(opening)
    return OpeningClaim(commitment, prove_opening(KEY, opening, commitment, CONTEXT), CONTEXT)


def solvency_claim(positions: int) -> SolvencyClaim:
    exposures = tuple(Exposure(0, (-j - 5, j + 9), 1, 1, 0, 0, True) for j in range(positions))
    terms = SolvencyTerms((2,), exposures, False)
    witness = SolvencyWitness(Opening.fresh(10), tuple(Opening.fresh(j - 1) for j in range(positions)), None)
    inputs = SolvencyInputs(KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), None)
    return SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)


CLAIMS: list[Claim] = [opening_claim(1), solvency_claim(1), opening_claim(-3), solvency_claim(3), solvency_claim(2)]


def falsified(claim: Claim) -> Claim:
    """The same proof for one unit more."""
    if isinstance(claim, OpeningClaim):
        return replace(claim, commitment=claim.commitment + Commitment.public(1))
    return replace(claim, inputs=replace(claim.inputs, cash=claim.inputs.cash + Commitment.public(1)))


@pytest.fixture
def multiplications(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the multi-scalar multiplications that are made."""
    sizes: list[int] = []

    def counted(points: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
        sizes.append(len(points))
        return msm(points, scalars)

    for module in (equation, endomorphism):
        monkeypatch.setattr(module, "msm", counted)
    return sizes


def test_true_claims_of_different_shapes_take_one_multiplication(multiplications: list[int]) -> None:
    verify_claims(KEY, CLAIMS)
    assert len(multiplications) == 1


def test_a_single_proof_takes_one_multiplication(multiplications: list[int]) -> None:
    CLAIMS[1].verify(KEY)
    assert len(multiplications) == 1


def test_shared_generators_occur_once(multiplications: list[int]) -> None:
    verify_claims(KEY, [CLAIMS[1]])
    verify_claims(KEY, [CLAIMS[1]] * 4)
    one, four = multiplications
    assert four < 2.5 * one


def test_an_empty_batch_is_true() -> None:
    verify_claims(KEY, [])


@pytest.mark.parametrize("bad", [(0,), (1,), (4,), (0, 4), (1, 2, 3), (0, 1, 2, 3, 4)])
def test_every_false_claim_is_named_and_no_other(bad: tuple[int, ...]) -> None:
    claims = [falsified(claim) if index in bad else claim for index, claim in enumerate(CLAIMS)]
    with pytest.raises(ClaimsRejected) as raised:
        verify_claims(KEY, claims)
    assert raised.value.indices == bad


def test_a_malformed_claim_is_named_beside_a_false_one() -> None:
    claims = [*CLAIMS[:2], replace(CLAIMS[2], proof=b"short"), falsified(CLAIMS[3])]
    with pytest.raises(ClaimsRejected) as raised:
        verify_claims(KEY, claims)
    assert raised.value.indices == (2, 3)


def test_two_false_claims_whose_errors_cancel_are_both_named() -> None:
    """+1 in one claim and −1 in its copy vanish in a plain sum; random weights keep them apart."""
    shifts = (Commitment.public(1), Commitment.public(-1))
    claims = [replace(CLAIMS[0], commitment=CLAIMS[0].commitment + shift) for shift in shifts]
    with pytest.raises(ClaimsRejected) as raised:
        verify_claims(KEY, claims)
    assert raised.value.indices == (0, 1)


def test_equations_whose_residues_cancel_are_refused() -> None:
    up, down = Equation("up", value=ONE), Equation("down", value=scalar(-1))
    with pytest.raises(ProofRejected):
        require_all(KEY, [up, down])
    with pytest.raises(ProofRejected):
        require_all(KEY, [up])


def test_weights_are_never_zero_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(equation.secrets, "randbelow", lambda bound: drawn.append(bound) or 0)
    with pytest.raises(ProofRejected):
        require_all(KEY, [Equation("true"), Equation("false", value=ONE)])
    assert drawn == [(1 << 128) - 1]


def test_vectors_of_different_lengths_add_up() -> None:
    short, long = ([random_scalar() for _ in range(count)] for count in (2, 5))
    total = Equation("total", g=list(short), h=list(long))
    total.accumulate(Equation("more", g=list(long), h=list(short)), scalar(3))
    assert total.g == [a + scalar(3) * b for a, b in zip(short, long, strict=False)] + [scalar(3) * b for b in long[2:]]
    assert total.h[:2] == [a + scalar(3) * b for a, b in zip(long, short, strict=False)]
    assert total.h[2:] == long[2:]
