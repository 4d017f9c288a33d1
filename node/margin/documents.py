"""Strict JSON: no duplicated key, no float, no unknown or missing field, nothing oversize; refusals name the field.

Python's parser keeps the last of two equal keys and takes NaN; a file that two programs read apart must not decide
about margin.
"""

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NoReturn

from node.margin.errors import FileExists, FileInvalid

MAX_FILE_BYTES: Final = 1 << 20
MAX_TEXT: Final = 64
_MAX_DEPTH: Final = 8
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class Fields:
    """The members of one JSON object, read one by one; `end` refuses what was not asked for."""

    def __init__(self, file: str, path: str, value: object) -> None:
        """`path` is how errors call the object within `file`. Raises FileInvalid if `value` is no object."""
        if not isinstance(value, dict):
            raise FileInvalid(file, path, "is no object")
        self._file, self._path, self._subject = file, path, ""
        self._left: dict[str, Any] = dict(value)

    def name(self, key: str) -> str:
        """How errors call a member."""
        return f"{self._path}.{key}" if self._path else key

    def about(self, subject: str) -> None:
        """What the object is about, for the reasons of errors: they name it beside the object's place in the file."""
        self._subject = subject

    def refuse(self, key: str, reason: str) -> NoReturn:
        """Raise FileInvalid for a member."""
        raise FileInvalid(self._file, self.name(key), f"of {self._subject} {reason}" if self._subject else reason)

    def _take(self, key: str) -> Any:
        if key not in self._left:
            self.refuse(key, "is missing")
        return self._left.pop(key)

    def integer(self, key: str, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        value = self._take(key)
        if isinstance(value, _Constant):
            self.refuse(key, f"is {value.text}, which is no whole number")
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(key, "is no whole number")
        if not least <= value <= most:
            self.refuse(key, f"is not between {least} and {most}")
        return value

    def text(self, key: str) -> str:
        """Between 1 and 64 printable ASCII characters without spaces."""
        value = self._take(key)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
            self.refuse(key, f"is no text of 1 to {MAX_TEXT} characters")
        if not all("!" <= character <= "~" for character in value):
            self.refuse(key, "has a character that is not printable ASCII")
        return value

    def data(self, key: str, length: int) -> bytes:
        """`length` bytes in lower-case hexadecimal digits."""
        value = self._take(key)
        if not isinstance(value, str) or len(value) != 2 * length or set(value) - set("0123456789abcdef"):
            self.refuse(key, f"is not {2 * length} lower-case hexadecimal digits")
        return bytes.fromhex(value)

    def version(self, expected: str) -> None:
        """The member `version`, which names the format."""
        if self._take("version") != expected:
            self.refuse("version", f"is not {expected!r}")

    def objects(self, key: str, most: int) -> Iterator["Fields"]:
        """The objects of an array of at most `most`."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(key, f"is no array of at most {most} objects")
        for place, entry in enumerate(value):
            yield Fields(self._file, f"{self.name(key)}[{place}]", entry)

    def object(self, key: str) -> "Fields":
        """A nested object."""
        return Fields(self._file, self.name(key), self._take(key))

    def members(self) -> list[str]:
        """The members not yet read, sorted."""
        return sorted(self._left)

    def end(self) -> None:
        """Raise FileInvalid if a member is left that nobody asked for."""
        for key in self.members():
            self.refuse(key[:MAX_TEXT], "is not a field of this format")


@dataclass(frozen=True, slots=True)
class _Constant:
    """NaN or an infinity: no figure of any field, kept so that the refusal can name the field."""

    text: str


@dataclass(frozen=True, slots=True)
class _Fraction:
    """A figure with a point or an exponent: no figure of any field, and maybe a secret."""


def parse(file: str, data: bytes) -> Fields:
    """The one object of a JSON text; `file` is how errors call it. Floats, NaN and Infinity are refused by field.

    Raises:
        FileInvalid: oversize, not UTF-8, not JSON, a duplicated key.
    """

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in members:
            if key in found:
                raise FileInvalid(file, key[:MAX_TEXT], "stands twice in one object")
            found[key] = value
        return found

    if len(data) > MAX_FILE_BYTES:
        raise FileInvalid(file, "", f"more than {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode()
        # The parser recurses in C: where a library has raised Python's limit, depth would end the process.
        if max(accumulate(_STEPS.get(character, 0) for character in _STRING.sub("", text)), default=0) > _MAX_DEPTH:
            raise FileInvalid(file, "", f"nests deeper than {_MAX_DEPTH}")
        value = json.loads(text, object_pairs_hook=pairs, parse_float=lambda _: _Fraction(), parse_constant=_Constant)
    except UnicodeDecodeError as error:
        raise FileInvalid(file, "", "is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise FileInvalid(file, "", f"is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise FileInvalid(file, "", "is no JSON that this program reads") from error
    return Fields(file, "", value)


def read(path: Path, limit: int = MAX_FILE_BYTES, *, secret: bool = False) -> bytes:
    """The bytes of a file; `secret` refuses one that others than its owner can read.

    Raises:
        FileInvalid: it cannot be read, or is larger than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            if secret and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise FileInvalid(path.name, "", "can be read by others: its mode must be 0600")
            data = file.read(limit + 1)
    except OSError as error:
        raise FileInvalid(path.name, "", str(error.strerror)) from error
    if len(data) > limit:
        raise FileInvalid(path.name, "", f"more than {limit} bytes")
    return data


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, over what is there.

    Raises:
        FileInvalid: it cannot be written.
    """
    try:
        name = _beside(path, data)
        try:
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileInvalid(path.name, "", str(error.strerror)) from error


def write_secret(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, for its owner alone (mode 0600), and never over another file.

    Raises:
        FileExists: there is one.
        FileInvalid: it cannot be written.
    """
    try:
        name = _beside(path, data)
        try:
            os.link(name, path)  # unlike a rename, it fails where a file is
        finally:
            Path(name).unlink()
    except FileExistsError as error:
        raise FileExists(path.name) from error
    except OSError as error:
        raise FileInvalid(path.name, "", str(error.strerror)) from error


def _beside(path: Path, data: bytes) -> str:
    """A finished file (mode 0600) with `data` in the folder of `path`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return name


def render(document: object) -> bytes:
    """JSON text as this package writes it: members in the order given, indented, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=True).encode() + b"\n"
