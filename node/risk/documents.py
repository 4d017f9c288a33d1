"""JSON of other people's making: figures as numbers or decimal text, members nobody asks for left alone.

What is asked for is checked: an error names the file and the field.
"""

import json
import math
import re
from pathlib import Path
from typing import Any, Final, NoReturn

from node.risk.errors import FileInvalid

MAX_FILE_BYTES: Final = 4 << 20
MAX_ENTRIES: Final = 4096
_MAX_FIGURE: Final = 1e18
_MAX_NAME: Final = 64
_MAX_DEPTH: Final = 8
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""Texts, each as a whole, and brackets."""
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Members:
    """The members of one JSON object, by name."""

    def __init__(self, file: str, path: str, value: object) -> None:
        """`path` is how errors call the object. Raises FileInvalid if `value` is no object."""
        if not isinstance(value, dict):
            raise FileInvalid(file, path, "is no object")
        self._file, self._path = file, path
        self._values: dict[str, Any] = value

    def refuse(self, key: str, reason: str) -> NoReturn:
        """Raise FileInvalid for a member."""
        raise FileInvalid(self._file, self._name(key), reason)

    def figure(self, key: str, least: float = -_MAX_FIGURE, most: float = _MAX_FIGURE) -> float:
        """A finite number from `least` to `most`, or the decimal text of one."""
        return self._number(key, self._take(key), least, most)

    def positive(self, key: str) -> float:
        """A figure above 0."""
        value = self.figure(key, 0.0)
        if value == 0:
            self.refuse(key, "is 0, and is to be positive")
        return value

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self.figure(key)
        if value != int(value):
            self.refuse(key, "is no whole number")
        return int(value)

    def flag(self, key: str) -> bool:
        """True or false, or 1 or 0."""
        value = self._take(key)
        if not (isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))):
            self.refuse(key, "is neither true nor false")
        return bool(value)

    def text(self, key: str) -> str:
        """Text of 1 to 64 characters."""
        value = self._take(key)
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME:
            self.refuse(key, f"is no text of 1 to {_MAX_NAME} characters")
        return value

    def nested(self, key: str) -> "Members":
        """A nested object."""
        return Members(self._file, self._name(key), self._take(key))

    def entries(self, key: str) -> list["Members"]:
        """An array of objects; a missing one is empty."""
        values = self._array(key)
        return [Members(self._file, f"{self._name(key)}[{at}]", value) for at, value in enumerate(values)]

    def last_figures(self, key: str, place: int) -> list[float]:
        """Of an array of arrays, the figure at `place` of each; a missing array is empty."""
        found = []
        for at, value in enumerate(self._array(key)):
            name = f"{key}[{at}]"
            if not isinstance(value, list) or len(value) != place + 1:
                self.refuse(name, f"is no array of {place + 1} entries")
            found.append(self._number(f"{name}[{place}]", value[place], -_MAX_FIGURE, _MAX_FIGURE))
        return found

    def _array(self, key: str) -> list[object]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            self.refuse(key, f"is no array of at most {MAX_ENTRIES} entries")
        return value

    def _take(self, key: str) -> Any:
        if key not in self._values:
            self.refuse(key, "is missing")
        return self._values[key]

    def _number(self, key: str, value: object, least: float, most: float) -> float:
        if isinstance(value, str) and len(value) <= _MAX_NAME and _DECIMAL.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MAX_FIGURE:
            self.refuse(key, "is no number that this format takes")
        number = float(value)
        if not math.isfinite(number):
            self.refuse(key, "is no finite number")
        if not least <= number <= most:
            self.refuse(key, f"is not between {least:g} and {most:g}")
        return number

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def load(path: Path) -> Members:
    """The one object of a JSON file.

    Raises:
        FileInvalid: it cannot be read, is oversize, no UTF-8 or no JSON, nests too deep, has a key twice, NaN or
            Infinity.
    """
    file = path.name

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in members:
            if key in found:
                raise FileInvalid(file, key[:_MAX_NAME], "stands twice in one object")
            found[key] = value
        return found

    def refuse(word: str) -> NoReturn:
        raise FileInvalid(file, "", f"{word} is no number")

    try:
        with path.open("rb") as source:
            data = source.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise FileInvalid(file, "", f"more than {MAX_FILE_BYTES} bytes")
        text = data.decode()
        # The parser recurses in C: where a library has raised Python's limit, depth would end the process.
        if _depth(text) > _MAX_DEPTH:
            raise FileInvalid(file, "", f"nests deeper than {_MAX_DEPTH}")
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse)
    except OSError as error:
        raise FileInvalid(file, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileInvalid(file, "", "is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise FileInvalid(file, "", f"is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise FileInvalid(file, "", "is no JSON that this program reads") from error
    return Members(file, "", value)


def _depth(text: str) -> int:
    """How deep arrays and objects nest, brackets within texts left out."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest
