"""One canonical encoding for the frozen dataclasses of this package, and the digest over it.

    int    16 bytes, big-endian two's complement           str, bytes   4-byte length, then the (UTF-8) bytes
    tuple  4-byte count, then the items                    enum         as its string value
    union  1 byte: the member's position, then the value   dataclass    the fields of `__init__`, in order

Every value has exactly one encoding, and decoding refuses everything else: digests of it go into proofs and
state roots.
"""

import dataclasses
import types
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from eth_hash.auto import keccak

from node.market.errors import EncodingInvalid

T = TypeVar("T")

INT_BYTES: Final = 16
_COUNT_BYTES: Final = 4
_DOMAIN: Final = b"zkclear/market/v1/"


def encode(value: object) -> bytes:
    """The canonical bytes of a dataclass instance.

    Raises:
        EncodingInvalid: an integer of more than 128 bits, or a type outside the table above.
    """
    parts: list[bytes] = []
    _write(parts, type(value), value)
    return b"".join(parts)


def decode(kind: type[T], data: bytes) -> T:
    """The instance of `kind` that `data` encodes.

    Raises:
        EncodingInvalid: truncated, surplus bytes, unknown union or enum member, or not what `encode` makes.
        MarketError: fields that the class itself refuses.
    """
    value, end = _read(kind, data, 0, kind.__name__)
    if end != len(data):
        raise EncodingInvalid(kind.__name__, f"{len(data) - end} surplus bytes")
    if not isinstance(value, kind) or encode(value) != data:
        raise EncodingInvalid(kind.__name__, "not canonical")
    return value


def digest(value: object) -> bytes:
    """keccak-256 of the encoding, separated by the class's name."""
    return bytes(keccak(_DOMAIN + type(value).__name__.encode() + b"\0" + encode(value)))


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind) if field.init)


@cache
def _members(kind: Any) -> tuple[Any, ...] | None:
    """The alternatives of a union, in order; None for any other type."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else None


def _write(parts: list[bytes], kind: Any, value: Any) -> None:
    members = _members(kind)
    if members is not None:
        place = members.index(type(value))
        parts.append(bytes([place]))
        _write(parts, members[place], value)
    elif kind is int:
        try:
            parts.append(value.to_bytes(INT_BYTES, "big", signed=True))
        except OverflowError:
            raise EncodingInvalid("int", "more than 128 bits") from None
    elif kind is str or kind is bytes:
        data = value.encode() if kind is str else value
        parts.append(len(data).to_bytes(_COUNT_BYTES, "big") + data)
    elif get_origin(kind) is tuple:
        parts.append(len(value).to_bytes(_COUNT_BYTES, "big"))
        item = get_args(kind)[0]
        for entry in value:
            _write(parts, item, entry)
    elif kind is types.NoneType:
        pass
    elif isinstance(kind, type) and issubclass(kind, Enum):
        _write(parts, str, value.value)
    elif dataclasses.is_dataclass(kind):
        for name, hint in _fields(kind):  # type: ignore[arg-type]
            _write(parts, hint, getattr(value, name))
    else:
        raise EncodingInvalid(str(kind), "has no canonical encoding")


def _take(data: bytes, start: int, length: int, root: str) -> tuple[bytes, int]:
    end = start + length
    if end > len(data):
        raise EncodingInvalid(root, "truncated")
    return data[start:end], end


def _read(kind: Any, data: bytes, at: int, root: str) -> tuple[Any, int]:
    members = _members(kind)
    if members is not None:
        tag, at = _take(data, at, 1, root)
        if tag[0] >= len(members):
            raise EncodingInvalid(root, "unknown union member")
        return _read(members[tag[0]], data, at, root)
    if kind is int:
        raw, at = _take(data, at, INT_BYTES, root)
        return int.from_bytes(raw, "big", signed=True), at
    if kind is str or kind is bytes:
        return _read_text(kind, data, at, root)
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind)[0], data, at, root)
    if kind is types.NoneType:
        return None, at
    if isinstance(kind, type) and issubclass(kind, Enum):
        text, at = _read_text(str, data, at, root)
        try:
            return kind(text), at
        except ValueError:
            raise EncodingInvalid(root, f"{text!r} is no {kind.__name__}") from None
    values = {}
    for name, hint in _fields(kind):
        values[name], at = _read(hint, data, at, root)
    return kind(**values), at


def _read_text(kind: Any, data: bytes, at: int, root: str) -> tuple[str | bytes, int]:
    count, at = _take(data, at, _COUNT_BYTES, root)
    raw, at = _take(data, at, int.from_bytes(count, "big"), root)
    if kind is bytes:
        return raw, at
    try:
        return raw.decode(), at
    except UnicodeDecodeError:
        raise EncodingInvalid(root, "text is not UTF-8") from None


def _read_tuple(item: Any, data: bytes, at: int, root: str) -> tuple[tuple[Any, ...], int]:
    count, at = _take(data, at, _COUNT_BYTES, root)
    size = int.from_bytes(count, "big")
    if size > len(data) - at:
        raise EncodingInvalid(root, "more items than bytes")
    entries = []
    for _ in range(size):
        entry, at = _read(item, data, at, root)
        entries.append(entry)
    return tuple(entries), at
