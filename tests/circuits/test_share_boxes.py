"""Boxes for shares: only their recipient opens them, in their context, and revealing one key opens one box."""

import pytest

from circuits.errors import DecodingError
from circuits.share_boxes import box_public_key, check_box_key, open_share, seal_share

DEALER, RECIPIENT, OTHER = (bytes([number]) * 32 for number in (3, 4, 5))
BOX = seal_share(DEALER, box_public_key(RECIPIENT), b"a share", b"context")
LOW_ORDER = (
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
)


def test_the_recipient_opens_its_box() -> None:
    assert len(BOX) == len(b"a share") + 16
    assert open_share(RECIPIENT, box_public_key(DEALER), BOX, b"context") == b"a share"


@pytest.mark.parametrize("place", range(len(BOX)))
def test_a_box_with_any_byte_changed_does_not_open(place: int) -> None:
    changed = BOX[:place] + bytes([BOX[place] ^ 1]) + BOX[place + 1 :]
    with pytest.raises(DecodingError, match="share box"):
        open_share(RECIPIENT, box_public_key(DEALER), changed, b"context")


def test_a_box_opens_for_nobody_else_and_in_no_other_context() -> None:
    for secret, dealer, context in (
        (OTHER, box_public_key(DEALER), b"context"),
        (RECIPIENT, box_public_key(OTHER), b"context"),
        (RECIPIENT, box_public_key(DEALER), b"other"),
    ):
        with pytest.raises(DecodingError):
            open_share(secret, dealer, BOX, context)


@pytest.mark.parametrize("key", [*LOW_ORDER, b"", bytes(31), bytes(33)])
def test_keys_of_low_order_or_another_length_are_refused(key: bytes) -> None:
    with pytest.raises(DecodingError, match="box key"):
        check_box_key(key)
    with pytest.raises(DecodingError, match="box key"):
        seal_share(DEALER, key, b"a share", b"context")
    with pytest.raises(DecodingError, match="box key"):
        open_share(RECIPIENT, key, BOX, b"context")
