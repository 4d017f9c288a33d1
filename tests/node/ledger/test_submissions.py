"""Client messages as the hub carries them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger.errors import WireError
from node.ledger.messages import AccountReference, MarginProof
from node.ledger.submissions import (
    MAX_SUBMISSION_BYTES,
    SUBMISSION_PREFIX,
    decode_submission,
    encode_submission,
)
from node.ledger.types import AccountId
from node.ledger.wire import encode_message


def proof_of(length: int) -> MarginProof:
    reference = AccountReference(AccountId(b"\1" * 32), 3, 2)
    return MarginProof(reference, 7, b"\2" * 32, 99, bytes(length), bytes(65))


@given(st.integers(0, 8_192))
def test_a_submission_decodes_to_its_message(length: int):
    message = proof_of(length)

    assert decode_submission(encode_submission(message)) == message


def test_the_longest_submission_fits_the_hub_and_a_longer_one_is_refused_on_both_sides():
    frame = len(encode_submission(proof_of(8_192))) - 8_192
    longest = proof_of(MAX_SUBMISSION_BYTES - frame)
    assert len(encode_submission(longest)) == MAX_SUBMISSION_BYTES
    assert decode_submission(encode_submission(longest)) == longest

    longer = proof_of(MAX_SUBMISSION_BYTES - frame + 1)
    with pytest.raises(WireError):
        encode_submission(longer)
    with pytest.raises(WireError):
        decode_submission(SUBMISSION_PREFIX + encode_message(longer))


@given(st.binary(max_size=256))
def test_what_does_not_begin_as_a_message_is_none(data: bytes):
    if not data.startswith(SUBMISSION_PREFIX):
        assert decode_submission(data) is None


@given(st.binary(max_size=256))
def test_what_begins_as_a_message_is_one_or_a_wire_error(data: bytes):
    try:
        message = decode_submission(SUBMISSION_PREFIX + data)
    except WireError:
        return
    assert message is not None


def test_another_version_is_none_of_ours():
    other = SUBMISSION_PREFIX.replace(b"1", b"2")

    assert decode_submission(other + encode_message(proof_of(8))) is None
