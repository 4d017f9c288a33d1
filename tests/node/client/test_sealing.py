"""Sealed boxes: only the recipient opens them, only for the message they came with, and only unchanged."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circuits.group import ORDER, scalar
from circuits.pedersen import HANDLE_BASE, Commitment, CommitmentKey, Opening
from node.client.errors import BoxRefused, OpeningMismatch, RecipientInvalid, ValueTooLarge
from node.client.sealing import (
    BOX_OVERHEAD_BYTES,
    OPENING_BOX_BYTES,
    decode_opening,
    encode_opening,
    seal,
    seal_opening,
    sealing_public_key,
    unseal,
    unseal_opening,
)
from node.ledger.messages import SEALED_BOX_BYTES

MAKER = X25519PrivateKey.from_private_bytes(b"\x07" * 32)
MAKER_PUBLIC = sealing_public_key(MAKER)
STRANGER = X25519PrivateKey.from_private_bytes(b"\x08" * 32)
KEY = CommitmentKey(HANDLE_BASE * scalar(0xC0FFEE))
OPENING = Opening(-5_000, scalar(ORDER - 17))
COMMITMENT = KEY.commit(OPENING)
TERMS = b"digest of the trade's terms"
LOW_ORDER_KEYS = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


@pytest.mark.parametrize("value", [0, 1, -(1 << 31), 1 << 100])
def test_a_sealed_opening_has_the_one_length_that_the_ledger_takes(value: int) -> None:
    box = seal_opening(MAKER_PUBLIC, Opening(value, OPENING.blinding), TERMS)
    assert len(box) == OPENING_BOX_BYTES == SEALED_BOX_BYTES


@settings(max_examples=30)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_the_recipient_opens_what_was_sealed(plaintext: bytes, associated_data: bytes) -> None:
    box = seal(MAKER_PUBLIC, plaintext, associated_data)
    assert len(box) == len(plaintext) + BOX_OVERHEAD_BYTES
    assert unseal(MAKER, box, associated_data) == plaintext


def test_nobody_else_opens_it() -> None:
    with pytest.raises(BoxRefused):
        unseal(STRANGER, seal(MAKER_PUBLIC, b"secret", TERMS), TERMS)


def test_a_box_moved_to_another_message_is_refused() -> None:
    with pytest.raises(BoxRefused):
        unseal(MAKER, seal(MAKER_PUBLIC, b"secret", TERMS), TERMS + b"!")


@settings(max_examples=60)
@given(st.integers(0, OPENING_BOX_BYTES * 8 - 1))
@example(255)  # the bit of the ephemeral key that X25519 itself ignores
def test_a_box_with_any_bit_flipped_is_refused(bit: int) -> None:
    box = bytearray(seal_opening(MAKER_PUBLIC, OPENING, TERMS))
    box[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(BoxRefused):
        unseal(MAKER, bytes(box), TERMS)


@pytest.mark.parametrize("length", [0, 31, 32, 47, 48, 95])
def test_a_truncated_box_is_refused(length: int) -> None:
    with pytest.raises(BoxRefused):
        unseal(MAKER, seal_opening(MAKER_PUBLIC, OPENING, TERMS)[:length], TERMS)


@pytest.mark.parametrize("low_order", LOW_ORDER_KEYS, ids=["0", "1", "order 8", "order 8 too"])
def test_a_key_of_low_order_is_refused_on_both_sides(low_order: bytes) -> None:
    with pytest.raises(RecipientInvalid, match="low order"):
        seal(low_order, b"secret", TERMS)
    with pytest.raises(BoxRefused, match="low order"):
        unseal(MAKER, low_order + bytes(16), TERMS)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_recipient_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(RecipientInvalid):
        seal(bytes(length), b"secret", TERMS)


def test_two_boxes_of_one_opening_share_nothing() -> None:
    first, second = (seal_opening(MAKER_PUBLIC, OPENING, TERMS) for _ in range(2))
    assert first[:32] != second[:32]
    assert first[32:] != second[32:]


@settings(max_examples=60)
@given(st.integers(-(1 << 127), (1 << 127) - 1), st.integers(0, ORDER - 1))
def test_an_opening_survives_its_encoding(value: int, blinding: int) -> None:
    opening = Opening(value, scalar(blinding))
    assert len(encode_opening(opening)) == 48
    assert decode_opening(encode_opening(opening)) == opening


@pytest.mark.parametrize("value", [0, 1, -1, (1 << 127) - 1, -(1 << 127)])
def test_the_length_of_a_box_says_nothing_about_the_size(value: int) -> None:
    assert len(seal_opening(MAKER_PUBLIC, Opening.fresh(value), TERMS)) == OPENING_BOX_BYTES == 96


@pytest.mark.parametrize("value", [1 << 127, -(1 << 127) - 1])
def test_a_value_beyond_its_width_is_refused_without_naming_it(value: int) -> None:
    with pytest.raises(ValueTooLarge) as refusal:
        encode_opening(Opening.fresh(value))
    assert str(value) not in str(refusal.value)
    assert refusal.value.bits == 128


@pytest.mark.parametrize(
    "data",
    [b"", bytes(47), bytes(49), bytes(16) + ORDER.to_bytes(32, "big")],
    ids=["empty", "short", "long", "not reduced"],
)
def test_a_malformed_opening_is_refused(data: bytes) -> None:
    with pytest.raises(BoxRefused):
        decode_opening(data)


def test_the_counterparty_learns_the_opening_of_the_commitment() -> None:
    box = seal_opening(MAKER_PUBLIC, OPENING, TERMS)
    assert unseal_opening(MAKER, box, TERMS, KEY, COMMITMENT) == OPENING


@pytest.mark.parametrize(
    "commitment",
    [
        KEY.commit(OPENING + Opening.public(1)),
        KEY.commit(-OPENING),
        Commitment(COMMITMENT.c, COMMITMENT.d + HANDLE_BASE),
        Commitment.public(OPENING.value),
    ],
    ids=["other amount", "other direction", "other handle", "no blinding"],
)
def test_an_opening_of_another_commitment_is_refused(commitment: Commitment) -> None:
    box = seal_opening(MAKER_PUBLIC, OPENING, TERMS)
    with pytest.raises(OpeningMismatch):
        unseal_opening(MAKER, box, TERMS, KEY, commitment)


def test_a_box_frozen_in_version_one_still_opens() -> None:
    assert (
        unseal(
            MAKER,
            bytes.fromhex(
                "48700222291e06339b29c8df093abfd7302ea73c38c037edb95354cf5f06283f"
                "83db4e787142f903ce7f0d7a3f94e1e08ef289bf004270"
            ),
            b"terms",
        )
        == b"opening"
    )
