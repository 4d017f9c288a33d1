"""Commitments with handles: their arithmetic follows their openings', and their encoding is exact."""

import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.optimized_bls12_381 import FQ, add, multiply, normalize

from circuits.errors import DecodingError
from circuits.group import (
    IDENTITY,
    ORDER,
    Point,
    Scalar,
    encode_point,
    hash_to_point,
    msm,
    point_words,
    random_scalar,
    scalar,
)
from circuits.pedersen import (
    HANDLE_BASE,
    NOTHING,
    VALUE_BASE,
    Commitment,
    CommitmentKey,
    Opening,
    generators_digest,
)

KEY = CommitmentKey(HANDLE_BASE * scalar(0xC0FFEE))
values = st.integers(-(1 << 119), 1 << 119)
blindings = st.integers(0, ORDER - 1)
factors = st.integers(-(1 << 62), 1 << 62)


def reference(point: Point) -> tuple[FQ, FQ, FQ]:
    xy = bytes(point.to_xy_bytes_be())
    return FQ(int.from_bytes(xy[:48], "big")), FQ(int.from_bytes(xy[48:], "big")), FQ(1)


def xy_bytes(point: tuple[FQ, FQ, FQ]) -> bytes:
    x, y = normalize(point)
    return int(x).to_bytes(48, "big") + int(y).to_bytes(48, "big")


@settings(max_examples=5)
@given(st.integers(-(1 << 119), -1), st.integers(1, ORDER - 1))
def test_a_commitment_equals_that_of_py_ecc(value: int, blinding: int) -> None:
    ours = KEY.commit(Opening(value, scalar(blinding)))
    theirs = add(multiply(reference(VALUE_BASE), value % ORDER), multiply(reference(KEY.blinding_base), blinding))
    assert bytes(ours.c.to_xy_bytes_be()) == xy_bytes(theirs)
    assert bytes(ours.d.to_xy_bytes_be()) == xy_bytes(multiply(reference(HANDLE_BASE), blinding))


def test_the_bases_come_from_hashing_and_differ() -> None:
    assert hash_to_point(b"value", b"zkclear/v1/G") == VALUE_BASE
    assert hash_to_point(b"handle", b"zkclear/v1/B") == HANDLE_BASE
    assert VALUE_BASE != HANDLE_BASE


@settings(max_examples=20)
@given(values, blindings, values, blindings, factors)
def test_commitments_add_and_scale_like_their_openings(
    left: int, left_blinding: int, right: int, right_blinding: int, factor: int
) -> None:
    a, b = Opening(left, scalar(left_blinding)), Opening(right, scalar(right_blinding))
    assert KEY.commit(a) + KEY.commit(b) == KEY.commit(a + b)
    assert KEY.commit(a) - KEY.commit(b) == KEY.commit(a - b)
    assert -KEY.commit(a) == KEY.commit(-a)
    assert KEY.commit(a).scaled(factor) == KEY.commit(a.scaled(factor))


def test_a_public_amount_is_committed_without_blinding() -> None:
    assert Commitment.public(-42) == KEY.commit(Opening.public(-42))
    assert Commitment.public(-42).d == IDENTITY


def test_fresh_openings_of_one_value_commit_differently() -> None:
    assert KEY.commit(Opening.fresh(5)) != KEY.commit(Opening.fresh(5))


def test_an_opening_shows_neither_value_nor_blinding() -> None:
    assert repr(Opening(987654321, scalar(123456789))) == "Opening(…)"


@settings(max_examples=20)
@given(values, blindings)
def test_a_commitment_survives_encoding_and_pickling(value: int, blinding: int) -> None:
    commitment = KEY.commit(Opening(value, scalar(blinding)))
    assert len(commitment.encode()) == 96
    assert Commitment.decode(commitment.encode()) == commitment
    assert pickle.loads(pickle.dumps(commitment)) == commitment
    assert hash(Commitment.decode(commitment.encode())) == hash(commitment)


def test_the_identity_is_a_ledger_commitment() -> None:
    assert Commitment.decode(NOTHING.encode()).is_identity()
    assert not Commitment.public(1).is_identity()
    assert not Commitment(IDENTITY, HANDLE_BASE).is_identity()


@pytest.mark.parametrize("length", [0, 48, 95, 97])
def test_a_commitment_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError, match="commitment"):
        Commitment.decode((NOTHING.encode() * 2)[:length])


@pytest.mark.parametrize("at", [0, 48])
def test_a_commitment_with_a_bad_half_is_refused(at: int) -> None:
    data = bytearray(KEY.commit(Opening(1, scalar(1))).encode())
    data[at : at + 48] = b"\xff" * 48
    with pytest.raises(DecodingError):
        Commitment.decode(bytes(data))


def test_commitments_that_differ_in_one_half_are_unequal() -> None:
    commitment = KEY.commit(Opening(1, scalar(1)))
    assert commitment != Commitment(commitment.c, IDENTITY)
    assert commitment != Commitment(IDENTITY, commitment.d)
    assert commitment != "commitment"


def test_the_words_are_both_halves_in_order() -> None:
    commitment = KEY.commit(Opening(3, scalar(4)))
    assert commitment.words() == point_words(commitment.c) + point_words(commitment.d)


def test_a_key_that_is_the_identity_is_refused() -> None:
    with pytest.raises(DecodingError, match="identity"):
        CommitmentKey.decode(encode_point(IDENTITY))


def test_a_key_survives_encoding_and_pickling() -> None:
    assert CommitmentKey.decode(KEY.encode()) == KEY
    assert pickle.loads(pickle.dumps(KEY)) == KEY
    assert CommitmentKey(HANDLE_BASE) != KEY
    assert hash(CommitmentKey.decode(KEY.encode())) == hash(KEY)


def test_the_words_of_a_key_name_every_base() -> None:
    assert KEY.words() == point_words(KEY.blinding_base) + point_words(HANDLE_BASE) + generators_digest()
    assert CommitmentKey(HANDLE_BASE).words() != KEY.words()


@pytest.mark.parametrize("value", [0, 1, -1, 1 << 39])
def test_no_multiplication_sees_the_amount(value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time would tell sign and size: the amount goes in masked, with another mask each time."""
    seen: list[Scalar] = []

    def watched(points: Sequence[Point], scalars: Sequence[Scalar]) -> Point:
        seen.extend(scalars)
        return msm(points, scalars)

    monkeypatch.setattr("circuits.pedersen.msm", watched)
    opening = Opening(value, random_scalar())
    first, second = KEY.point(opening), KEY.point(opening)
    assert first == second == VALUE_BASE * scalar(value) + KEY.blinding_base * opening.blinding
    assert scalar(value) not in seen
    assert -scalar(value) not in seen
    assert len(set(map(int, seen))) == 5
