"""Reading requests: a field is what its documentation says, or the client is told which one is not."""

from clearing.v1 import messages_pb2

from node.api.errors import FieldInvalid
from node.ledger.messages import AccountReference
from node.ledger.types import AccountId, Address, Digest


def exact(field: str, data: bytes, length: int) -> bytes:
    """`data`, if it has `length` bytes. Raises FieldInvalid."""
    if len(data) != length:
        raise FieldInvalid(field, f"{len(data)} bytes where {length} belong")
    return data


def account_field(data: bytes, field: str = "account") -> AccountId:
    """An account id. Raises FieldInvalid."""
    return AccountId(exact(field, data, 32))


def digest_field(data: bytes, field: str) -> Digest:
    """A 32-byte digest. Raises FieldInvalid."""
    return Digest(exact(field, data, 32))


def address_field(data: bytes, field: str) -> Address:
    """A 20-byte address. Raises FieldInvalid."""
    return Address(exact(field, data, 20))


def reference_field(proto: messages_pb2.AccountReference, field: str) -> AccountReference:
    """An account with its version and credits. Raises FieldInvalid."""
    return AccountReference(account_field(proto.account, f"{field}.account"), proto.version, proto.credits)
