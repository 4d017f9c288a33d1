"""Points of a range proof may lie outside the subgroup: that decides nothing, neither alone nor in a batch."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from circuits.equation import require_all
from circuits.errors import DecodingError, ProofRejected
from circuits.group import (
    COFACTOR,
    IDENTITY,
    ONE,
    POINT_BYTES,
    Point,
    Scalar,
    decode_curve_point,
    decode_point,
    encode_point,
    random_scalar,
    scalar,
)
from circuits.pedersen import VALUE_BASE
from circuits.range_proof import check_range
from tests.circuits.proofs import KEY, Committed, prove, transcript, verify
from tests.circuits.test_range_forgeries import Forger

ORDER_THREE = decode_curve_point(bytes([0x80]) + bytes(POINT_BYTES - 1))
"""(0, −2): y² = x³ + 4 without x, whose double is its negative."""
TRIES = 40


class OffTheSubgroup(Forger):
    """Adds a point of order three to what it sends first, before any challenge."""

    def commit_digits(self, digits: Sequence[int]) -> tuple[list[Scalar], Point]:
        linear, point = super().commit_digits(digits)
        return linear, point + ORDER_THREE


def curve_points(count: int) -> list[Point]:
    """Points of the curve, almost all outside the subgroup."""
    found: list[Point] = []
    x = 0
    while len(found) < count:
        with suppress(DecodingError):
            found.append(decode_curve_point(bytes([0x80]) + x.to_bytes(POINT_BYTES - 1, "big")))
        x += 1
    return found


def test_the_point_of_order_three_is_on_the_curve_and_not_in_the_subgroup() -> None:
    assert ORDER_THREE != IDENTITY
    assert ORDER_THREE + ORDER_THREE + ORDER_THREE == IDENTITY
    with pytest.raises(DecodingError, match="subgroup"):
        decode_point(encode_point(ORDER_THREE))


def test_the_cofactor_takes_every_point_of_the_curve_into_the_subgroup() -> None:
    for point in curve_points(20):
        assert not point.is_in_subgroup()
        assert (point * COFACTOR).is_in_subgroup()
    assert ORDER_THREE * COFACTOR == IDENTITY


def test_the_cofactor_takes_no_other_member_to_the_identity() -> None:
    """It is no multiple of the prime r."""
    member = VALUE_BASE * random_scalar()
    assert member * COFACTOR != IDENTITY
    assert COFACTOR * COFACTOR.inverse() == ONE


@pytest.mark.parametrize(
    "data",
    [
        bytes(POINT_BYTES),
        b"\xff" * POINT_BYTES,
        bytes([0xE0]) + bytes(POINT_BYTES - 1),
        bytes([0xC0]) + bytes(POINT_BYTES - 2) + b"\x01",
        bytes([0x80]) + bytes(POINT_BYTES - 2) + b"\x01",
        b"\x9a\x01\x11\xea" + b"\xff" * (POINT_BYTES - 4),
        bytes(POINT_BYTES - 1),
    ],
    ids=["no flag", "all bits", "sign of the identity", "identity with x", "no such x", "x above p", "short"],
)
def test_what_encodes_no_point_of_the_curve_canonically_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        decode_curve_point(data)


def test_a_true_proof_off_the_subgroup_passes() -> None:
    rows = Committed.of((7,), (64,))
    verify(rows, prove(rows, OffTheSubgroup))


def test_a_false_proof_off_the_subgroup_is_refused() -> None:
    rows = Committed.of((-1,), (64,))
    with pytest.raises(ProofRejected):
        verify(rows, prove(rows, OffTheSubgroup))


@pytest.mark.parametrize("place", range(7))
def test_a_point_moved_off_the_subgroup_after_the_fact_is_refused(place: int) -> None:
    """So that nobody but its prover makes another proof of one: every point is in the transcript."""
    rows = Committed.of((7,), (64,))
    proof = prove(rows)
    cut = slice(place * POINT_BYTES, (place + 1) * POINT_BYTES)
    moved = encode_point(decode_point(proof[cut]) + ORDER_THREE)
    with pytest.raises(ProofRejected):
        verify(rows, proof[: cut.start] + moved + proof[cut.stop :])


def test_batches_agree_with_single_verification_whatever_their_weights() -> None:
    """Without the cofactor two thirds of these would fail: a weight that 3 does not divide leaves something over."""
    rows = Committed.of((7,), (64,))
    proofs = [prove(rows), prove(rows, OffTheSubgroup)]
    left_over = 0
    for _ in range(TRIES):
        equations = []
        for proof in proofs:
            check = check_range(rows.shape, proof, transcript(rows))
            check.equation.add(rows.points[0], check.row_weights[0])
            equations.append(check.equation)
        require_all(KEY, equations)
        total = equations[0].copy()
        total.accumulate(equations[1], scalar(int(random_scalar())))
        left_over += total.residue(KEY) != IDENTITY
    assert left_over > 0
