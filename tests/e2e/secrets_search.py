"""Looks for secrets in everything that leaves their owner: every form in which a careless program would write them."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

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
    """A named secret with the patterns of its forms."""

    name: str
    patterns: tuple[tuple[str, re.Pattern[bytes]], ...]

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
    return Secret(name, tuple(patterns))


def opaque(name: str, data: bytes) -> Secret:
    """A seed, key or blinding of 32 bytes, in both byte orders."""
    return Secret(name, tuple(_raw("big", data) + _raw("little", data[::-1])))


def search(secrets: Iterable[Secret], place: str, data: bytes) -> list[Finding]:
    """Every secret that stands in `data` in some form."""
    return [finding for secret in secrets for finding in secret.find(place, data)]


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
