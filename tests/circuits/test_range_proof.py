"""The range proof: complete at every width, bound to all it was made for, and checked by py-ecc as well."""

import hashlib
import random
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.optimized_bls12_381 import FQ, add, is_inf, multiply
from py_ecc.optimized_bls12_381.optimized_curve import Z1

from circuits.errors import ProofRejected, WitnessInvalid
from circuits.generators import g_vector, h_vector
from circuits.group import (
    IDENTITY,
    ORDER,
    POINT_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_point,
    encode_point,
    encode_scalar,
    random_scalar,
    scalar,
)
from circuits.pedersen import HANDLE_BASE, VALUE_BASE
from circuits.range_proof import check_range, digit_reciprocals, draw_challenges
from circuits.range_prover import RangeProver
from circuits.range_shape import range_shape
from circuits.transcript import Deployment, Transcript
from circuits.vectors import total
from tests.circuits.proofs import CONTEXT, KEY, Committed, prove, transcript, verify

ROWS = Committed.of((5, (1 << 64) - 1), (64, 64))
PROOF = prove(ROWS)
MEASURED = random.Random(20200312)


@settings(max_examples=8)
@given(st.lists(st.sampled_from((4, 8, 31, 32, 40, 64)), min_size=1, max_size=6), st.data())
def test_rows_of_any_widths_prove_every_value_in_range(widths: list[int], data: st.DataObject) -> None:
    values = [data.draw(st.integers(0, (1 << width) - 1)) for width in widths]
    rows = Committed.of(values, widths)
    proof = prove(rows)
    assert len(proof) == rows.shape.proof_bytes
    verify(rows, proof)


@pytest.mark.parametrize(("count", "base"), [(1, 10), (16, 41), (31, 85), (48, 139), (128, 256)])
def test_every_base_proves_its_largest_and_smallest_values(count: int, base: int) -> None:
    values = [MEASURED.choice((0, (1 << 64) - 1, MEASURED.getrandbits(64))) for _ in range(count)]
    rows = Committed.of(values, [64] * count)
    assert rows.shape.base == base
    verify(rows, prove(rows))


@pytest.mark.parametrize("value", [-1, 1 << 64, (1 << 64) + 5])
def test_an_honest_prover_refuses_a_value_out_of_range(value: int) -> None:
    with pytest.raises(WitnessInvalid, match="row 1 "):
        prove(Committed.of((7, value), (64, 64)))


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, message_digest=b"n" * 32),
        replace(CONTEXT, round=8),
        replace(CONTEXT, grid_digest=b"h" * 32),
        replace(CONTEXT, parameters_digest=b"q" * 32),
        replace(CONTEXT, deployment=Deployment(31338, b"\x11" * 20, b"\x22" * 32)),
        replace(CONTEXT, deployment=Deployment(31337, b"\x12" * 20, b"\x22" * 32)),
        replace(CONTEXT, deployment=Deployment(31337, b"\x11" * 20, b"\x23" * 32)),
    ],
    ids=["message", "round", "grid", "parameters", "chain", "hub", "salt"],
)
def test_a_proof_is_void_in_any_other_context(context) -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, PROOF, context)


def test_the_proof_is_void_for_other_commitments() -> None:
    for index in range(2):
        points = list(ROWS.points)
        points[index] = points[index] + VALUE_BASE
        with pytest.raises(ProofRejected):
            verify(replace(ROWS, points=tuple(points)), PROOF)


def test_a_flipped_bit_anywhere_in_the_proof_is_refused() -> None:
    for at in sorted(MEASURED.sample(range(len(PROOF)), 60)):
        forged = bytearray(PROOF)
        forged[at] ^= 1 << MEASURED.randrange(8)
        with pytest.raises(ProofRejected):
            verify(ROWS, bytes(forged))


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("base", [VALUE_BASE, KEY.blinding_base, HANDLE_BASE, h_vector(1)[0], g_vector(1)[0]])
def test_a_shifted_point_of_the_proof_is_refused(index: int, base: Point) -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, with_point(PROOF, index, point_at(PROOF, index) + base))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_point_from_another_proof_is_refused(index: int) -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, with_point(PROOF, index, point_at(prove(ROWS), index)))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_identity_in_place_of_a_commitment_is_refused(index: int) -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, with_point(PROOF, index, IDENTITY))


def test_one_final_scalar_more_or_less_is_refused() -> None:
    for forged in (PROOF[:-32], PROOF + bytes(32), PROOF + PROOF[-32:], b"", PROOF[:-1]):
        with pytest.raises(ProofRejected, match="bytes where"):
            verify(ROWS, forged)


def test_one_round_more_or_less_is_refused() -> None:
    start = 3 * POINT_BYTES
    fewer = PROOF[:start] + PROOF[start + 2 * POINT_BYTES :]
    more = PROOF[:start] + PROOF[start : start + 2 * POINT_BYTES] + PROOF[start:]
    for forged in (fewer, more):
        with pytest.raises(ProofRejected, match="bytes where"):
            verify(ROWS, forged)


def test_a_final_scalar_that_is_not_reduced_is_refused() -> None:
    last = int.from_bytes(PROOF[-32:], "big")
    assert last + ORDER < 1 << 256 or last >= (1 << 256) - ORDER
    forged = PROOF[:-32] + ((last % ORDER) + ORDER).to_bytes(32, "big")
    with pytest.raises(ProofRejected, match="group order"):
        verify(ROWS, forged)


def test_a_proof_of_zeros_is_refused() -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, bytes(len(PROOF)))
    identity = encode_point(IDENTITY)
    points = 3 + 2 * ROWS.shape.fold.rounds
    with pytest.raises(ProofRejected):
        verify(ROWS, identity * points + bytes(len(PROOF) - POINT_BYTES * points))


@pytest.mark.parametrize("label", [b"alpha", b"lambda", b"varrho", b"beta", b"tau"])
def test_a_zero_challenge_is_refused(label: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unlucky(Transcript):
        def challenge(self, name: bytes) -> Scalar:
            if name == label:
                monkeypatch.setattr("circuits.transcript._keccak", lambda data: bytes(32))
            return super().challenge(name)

    with pytest.raises(ProofRejected, match="zero"):
        verify(ROWS, PROOF, kind=Unlucky)


@pytest.mark.parametrize("digit", [1, 15])
def test_a_challenge_that_cancels_a_digit_is_refused(digit: int) -> None:
    class Unlucky(Transcript):
        def challenge(self, name: bytes) -> Scalar:
            drawn = super().challenge(name)
            return scalar(-digit) if name == b"alpha" else drawn

    with pytest.raises(ProofRejected, match="negative of a digit"):
        verify(ROWS, PROOF, kind=Unlucky)


def test_two_proofs_of_one_statement_share_nothing() -> None:
    again = prove(ROWS)
    assert not {PROOF[at : at + 32] for at in range(0, len(PROOF), 48)} & {
        again[at : at + 32] for at in range(0, len(again), 48)
    }


def test_the_final_equation_holds_in_py_ecc_too() -> None:
    rows = Committed.of((1 << 63,), (64,))
    check = check_range(rows.shape, prove(rows), transcript(rows))
    equation = check.equation
    equation.add(rows.points[0], check.row_weights[0])
    bases = [VALUE_BASE, KEY.blinding_base, *g_vector(len(equation.g)), *h_vector(len(equation.h))]
    scalars = [equation.value, equation.blinding, *equation.g, *equation.h]
    result = Z1
    for point, weight in zip([*bases, *equation.points], [*scalars, *equation.scalars], strict=True):
        result = add(result, multiply(reference(point), int(weight)))
    assert is_inf(result)
    assert not is_inf(add(result, reference(VALUE_BASE)))


def test_a_commitment_of_two_with_blinding_three_is_what_hand_addition_gives() -> None:
    G, H = reference(VALUE_BASE), reference(KEY.blinding_base)
    by_hand = add(add(G, G), add(H, add(H, H)))
    assert is_inf(add(by_hand, multiply(reference(VALUE_BASE * scalar(2) + KEY.blinding_base * scalar(3)), ORDER - 1)))


def test_a_final_scalar_replaced_by_a_random_one_is_refused() -> None:
    with pytest.raises(ProofRejected):
        verify(ROWS, PROOF[:-32] + encode_scalar(random_scalar()))


def test_the_masks_hide_all_five_entries_that_carry_them() -> None:
    """Rank 5 in l_1 … l_5; without v₁ it is 4, and Σλ_j·v_j would show."""
    rows = Committed.of((0,), (64,))
    everything = mask_columns(rows, ("p1", "p2", "q1", "q2", "t2", "u1", "v1"))
    assert rank(everything) == 5
    assert rank(everything[:-1]) == 4


def test_version_two_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any change here changes every proof on the wire: it needs a new protocol version."""
    monkeypatch.setattr("circuits.nonces.secrets.token_bytes", lambda count: b"\x5a" * count)
    blinding = scalar(77)
    points = (VALUE_BASE * scalar(9) + KEY.blinding_base * blinding,)
    rows = Committed(range_shape((64,)), (9,), (blinding,), points)
    proof = prove(rows)
    verify(rows, proof)
    assert hashlib.sha256(proof).hexdigest() == "5e6fa77eb84eb4eaddb9461fa494c5ce921f29cbea80200c4ad6707aef4a18ef"


def mask_columns(rows: Committed, names: tuple[str, ...]) -> list[list[Scalar]]:
    """For each mask by name: what one unit of it adds to l_1 … l_5 of the final opening."""
    challenges = draw_challenges(
        transcript(rows), rows.shape, scalar(1000), digit_reciprocals(scalar(1000), rows.shape.base)
    )
    tau = scalar(4321)
    count = rows.shape.padded

    def entries(name: str | None) -> list[Scalar]:
        prover = RangeProver(KEY, rows.shape, rows.values, rows.blindings, transcript(rows))
        prover.draw_masks()
        for field in fields(prover._masks):
            setattr(prover._masks, field.name, scalar(int(field.name == name)))
        prover._sigma, prover._s = [ZERO] * rows.shape.base, [ZERO] * count
        parts = (
            (tau.inverse(), prover.commit_masks([ZERO] * count, [ZERO] * count, challenges)[0]),
            (tau, prover.commit_digits([0] * count)[0]),
            (tau.square(), prover.commit_reciprocals([ZERO] * count, [ZERO] * rows.shape.base)[0]),
        )
        return [total([power * vector[index] for power, vector in parts]) for index in range(1, 6)]

    baseline = entries(None)
    return [[a - b for a, b in zip(entries(name), baseline, strict=True)] for name in names]


def rank(rows: list[list[Scalar]]) -> int:
    """By Gaussian elimination."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((row for row in rows if row[column] != ZERO), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        found += 1
        inverse = pivot[column].inverse()
        rows = [[entry - row[column] * inverse * lead for entry, lead in zip(row, pivot, strict=True)] for row in rows]
    return found


def reference(point: Point) -> tuple[FQ, FQ, FQ]:
    """The point as py-ecc holds it."""
    xy = bytes(point.to_xy_bytes_be())
    if not any(xy):
        return Z1
    return FQ(int.from_bytes(xy[:48], "big")), FQ(int.from_bytes(xy[48:], "big")), FQ(1)


def point_at(proof: bytes, index: int) -> Point:
    """The index-th point of a proof."""
    return decode_point(proof[POINT_BYTES * index : POINT_BYTES * (index + 1)], allow_identity=True)


def with_point(proof: bytes, index: int, point: Point) -> bytes:
    """A proof with its index-th point replaced."""
    return proof[: POINT_BYTES * index] + encode_point(point) + proof[POINT_BYTES * (index + 1) :]
