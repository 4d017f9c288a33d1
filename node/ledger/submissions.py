"""A client message as an owner puts it on the hub chain (`ClearingHub.submit`): a prefix, then the encoded message.

The hub's events carry other things too (posts of key ceremonies): what does not begin with the prefix is none of ours.
"""

from typing import Final

from node.ledger.errors import WireError
from node.ledger.messages import Message
from node.ledger.wire import decode_message, encode_message

SUBMISSION_PREFIX: Final = b"zkclear/message/1\0"
"""Names format and version."""
MAX_SUBMISSION_BYTES: Final = 9_216
"""What `ClearingHub.submit` takes, prefix included."""


def encode_submission(message: Message) -> bytes:
    """The argument of `ClearingHub.submit` for a signed message.

    Raises:
        WireError: it is too long for the hub, which a proof over very many positions is.
    """
    data = SUBMISSION_PREFIX + encode_message(message)
    if len(data) > MAX_SUBMISSION_BYTES:
        raise WireError("submission", f"{len(data)} bytes, and the hub takes {MAX_SUBMISSION_BYTES}")
    return data


def decode_submission(data: bytes) -> Message | None:
    """The message in what somebody submitted; None for what is not meant to be one.

    Raises:
        WireError: it begins as a message and is none.
    """
    if not data.startswith(SUBMISSION_PREFIX):
        return None
    if len(data) > MAX_SUBMISSION_BYTES:
        raise WireError("submission", f"{len(data)} bytes, and the hub takes {MAX_SUBMISSION_BYTES}")
    return decode_message(data[len(SUBMISSION_PREFIX) :])
