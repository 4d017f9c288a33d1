"""Looks for secrets in everything that leaves their owner: every form in which a careless program would write them."""

import base64
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TAGS = range(1, 5)
"""Field numbers whose varints are searched for; more would find chance matches in random bytes."""


@dataclass(frozen=True)
class Finding:
    """A secret, by the name the test gave it, and the place and form in which it stands."""

    secret: str
    place: str
    form: str


@dataclass(frozen=True)
class Secret:
    """A named secret with the patterns of its forms, and its value if it is a number."""

    name: str
    patterns: tuple[tuple[str, re.Pattern[bytes]], ...]
    value: int | None = None

    def find(self, place: str, data: bytes) -> list[Finding]:
        return [Finding(self.name, place, form) for form, pattern in self.patterns if pattern.search(data)]


def _raw(form: str, data: bytes) -> list[tuple[str, re.Pattern[bytes]]]:
    """The bytes themselves, as hex, and as base64 at each of its three alignments."""
    found = [
        (f"{form} raw", re.compile(re.escape(data))),
        (f"{form} hex", re.compile(data.hex().encode(), re.IGNORECASE)),
    ]
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data)
        begin, end = (0, 2, 3)[shift], (len(data) + shift) * 8 // 6
        found.append((f"{form} base64", re.compile(re.escape(text[begin:end]))))
    return found


def number(name: str, value: int) -> Secret:
    """A hidden amount, with its sign turned too."""
    patterns: list[tuple[str, re.Pattern[bytes]]] = []
    for signed in (value, -value):
        for width in (8, 32):
            for order in ("big", "little"):
                patterns += _raw(f"{width} bytes {order}", signed.to_bytes(width, order, signed=True))
        zigzag = signed * 2 if signed >= 0 else -signed * 2 - 1
        for form, encoded in (("varint", signed % 2**64), ("zigzag", zigzag)):
            tagged = b"|".join(re.escape(bytes([tag << 3]) + _varint(encoded)) for tag in TAGS)
            patterns.append((form, re.compile(tagged)))
    decimal = str(abs(value)).encode()
    patterns.append(("decimal", re.compile(rb"(?<![0-9a-fA-F])" + decimal + rb"(?![0-9a-fA-F])")))
    return Secret(name, tuple(patterns), value)


def opaque(name: str, data: bytes) -> Secret:
    """A seed, key or blinding of 32 bytes, in both byte orders."""
    return Secret(name, tuple(_raw("big", data) + _raw("little", data[::-1])))


def search(secrets: Iterable[Secret], place: str, data: bytes) -> list[Finding]:
    """Every secret that stands in `data` in some form."""
    return [finding for secret in secrets for finding in secret.find(place, data)]


def search_rows(secrets: Iterable[Secret], database: Path, before_batch: int | None = None) -> list[Finding]:
    """Every numeric secret that is an integer of some table: SQLite packs those too tightly for `search`.

    With `before_batch`, only in the rows that name an earlier batch, or none.
    """
    names = {sign * s.value: s.name for s in secrets if s.value is not None for sign in (1, -1)}
    found = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in (dict(zip(columns, values, strict=True)) for values in cursor):
                if before_batch is not None and row.get("batch", row.get("number", 0)) >= before_batch:
                    continue
                place = f"{database.parent.name}: {table}"
                found += [
                    Finding(names[value], f"{place}.{column}", "integer")
                    for column, value in row.items()
                    if isinstance(value, int) and value in names
                ]
    return found


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
