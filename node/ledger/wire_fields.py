"""Single fields of the wire: exact lengths, names, decoders, and references to accounts."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from clearing.v1 import messages_pb2
from google.protobuf.message import DecodeError

from circuits.auditor import Handle
from circuits.errors import DecodingError
from node.ledger.errors import WireError
from node.ledger.messages import MAX_MESSAGE_BYTES, AccountReference
from node.ledger.types import AccountId
from node.market.errors import MarketError

MAX_NAME: Final = 64
_T = TypeVar("_T")


def exact(field: str, data: bytes, length: int) -> bytes:
    """`data`, if it has `length` bytes; WireError if not."""
    if len(data) != length:
        raise WireError(field, f"{len(data)} bytes where {length} belong")
    return data


def name_field(field: str, text: str) -> str:
    """The id of an asset or instrument; WireError for one that none can have."""
    if not text or len(text) > MAX_NAME or not text.isascii():
        raise WireError(field, "1 to 64 ASCII characters are required")
    return text


def parsed(field: str, parse: Callable[[bytes], _T], data: bytes) -> _T:
    """What `parse` makes of the bytes; WireError where it refuses them."""
    try:
        return parse(data)
    except (DecodeError, DecodingError, MarketError, ValueError) as error:
        raise WireError(field, str(error)) from error


def handle_from_proto(field: str, proto: Any, name: str) -> Handle | None:
    """The auditor's handle in an optional field; None where it is absent."""
    return parsed(field, Handle.decode, getattr(proto, name)) if proto.HasField(name) else None


def handle_to_proto(handle: Handle | None) -> bytes | None:
    """The inverse of `handle_from_proto`."""
    return None if handle is None else handle.encode()


def require_bounded(field: str, proto: messages_pb2.ClientMessage | messages_pb2.Trade | messages_pb2.Transfer) -> None:
    """WireError for a message above `MAX_MESSAGE_BYTES`."""
    if proto.ByteSize() > MAX_MESSAGE_BYTES:
        raise WireError(field, f"{proto.ByteSize()} bytes, at most {MAX_MESSAGE_BYTES}")


def reference_from_proto(field: str, proto: messages_pb2.AccountReference) -> AccountReference:
    """An account reference; WireError for an id of another length."""
    return AccountReference(AccountId(exact(f"{field}.account", proto.account, 32)), proto.version, proto.credits)


def reference_to_proto(reference: AccountReference) -> messages_pb2.AccountReference:
    """The inverse of `reference_from_proto`."""
    return messages_pb2.AccountReference(
        account=reference.account, version=reference.version, credits=reference.credits
    )
