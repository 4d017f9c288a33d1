"""Small discrete logarithms: the signed q behind a point q·G, by baby steps and giant steps.

    table     the x-coordinates of 0·G … T·G with T = 2^table_bits: j·G and −j·G share one, so that T + 1
              entries cover the 2T + 1 integers around a centre
    search    P − i·(2T + 1)·G for i = 0, 1, −1, 2, −2, …: the first whose x is in the table names q

The search runs outward from 0, so that its time follows |q| and not the bound (Shanks 1971; with the negation
map). A key is 8 bytes of the compressed x-coordinate in a sorted array: 12 bytes an entry, 12 MiB for the default
of 2^20. Truncated keys may collide, hence every hit is confirmed as q·G = P.

A step costs one encoding, which inverts a coordinate, so that a table of 2^t takes 2^t steps to make, once for a
machine, and |q| ≤ 2^40 at most 2^(40−t) to search. A table of distinguished points (kangaroos: Bernstein and Lange
2012) would search faster and needs the square root of table times range, 2^30 steps, to make.
"""

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitError
from circuits.group import IDENTITY, Point, encode_point, scalar
from circuits.pedersen import VALUE_BASE

MAX_BOUND: Final = 1 << 40
"""The largest |q| that the ledger's rows allow to exist."""
_MIN_TABLE_BITS: Final = 4
_MAX_TABLE_BITS: Final = 24
_KEY_BYTES: Final = 8
_FIRST_BATCH: Final = 8
_LAST_BATCH: Final = 4096
_MAGIC: Final = b"zkclear/v1/dlog\n"
_HEADER_BYTES: Final = len(_MAGIC) + 1 + 32
_CHECKSUM_BYTES: Final = 32

_Keys: TypeAlias = NDArray[np.uint64]
_Steps: TypeAlias = NDArray[np.uint32]
_log = logging.getLogger(__name__)


@dataclass
class NotFound(CircuitError):
    """No integer of absolute value up to `bound` lies behind the point."""

    bound: int

    def __str__(self) -> str:
        return f"no logarithm of absolute value up to {self.bound}"


@dataclass
class OutOfRange(CircuitError):
    """A bound or a table size outside the supported range."""

    value: int
    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.value} is not between {self.least} and {self.most}"


@dataclass
class CacheFault(CircuitError):
    """Why a cached table was not used. Reported through `DiscreteLog.cache_fault` and a log warning."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """`keys` ascending; `steps[i]` is the j whose j·G has `keys[i]`."""

    keys: _Keys
    steps: _Steps


class DiscreteLog:
    """A baby-step table over G, built or loaded once, shared by any number of searches."""

    __slots__ = ("_span", "_stride", "_table", "cache_fault")

    cache_fault: CacheFault | None
    """Why the cached table had to be rebuilt, if there was one."""

    def __init__(self, table_bits: int = 20, cache: Path | None = None) -> None:
        """`table_bits` from 4 to 24; with `cache`, the table is read from that file, or written to it.

        A cache that is damaged or of another size is rebuilt and replaced; `cache_fault` then says why.

        Raises:
            OutOfRange: an unsupported table size.
            OSError: the cache cannot be read or written.
        """
        if not _MIN_TABLE_BITS <= table_bits <= _MAX_TABLE_BITS:
            raise OutOfRange(table_bits, _MIN_TABLE_BITS, _MAX_TABLE_BITS)
        self._span = 1 << table_bits
        self._stride = 2 * self._span + 1
        self.cache_fault = None
        self._table = self._build() if cache is None else self._load_or_build(cache)

    def find(self, point: Point, bound: int) -> int:
        """The q with q·G = point and |q| ≤ bound.

        Raises:
            NotFound: there is none.
            OutOfRange: a negative bound, or one above MAX_BOUND.
        """
        if not 0 <= bound <= MAX_BOUND:
            raise OutOfRange(bound, 0, MAX_BOUND)
        stride = VALUE_BASE * scalar(self._stride)
        last = (bound + self._span) // self._stride
        below, above, start, size = point, point, 0, _FIRST_BATCH
        while start <= last:
            centres: list[int] = []
            rows: list[bytes] = []
            for i in range(start, min(start + size, last + 1)):
                centres += (i, -i)
                rows += (_key(below), _key(above))
                below, above = below - stride, above + stride
            found = self._match(point, centres, rows)
            if found is not None:
                if abs(found) > bound:
                    break
                return found
            start, size = start + size, min(2 * size, _LAST_BATCH)
        raise NotFound(bound)

    def _match(self, point: Point, centres: list[int], rows: list[bytes]) -> int | None:
        """The confirmed logarithm among candidates whose key is in the table."""
        wanted = np.frombuffer(b"".join(rows), dtype=">u8").astype(np.uint64)
        first = np.searchsorted(self._table.keys, wanted, side="left")
        end = np.searchsorted(self._table.keys, wanted, side="right")
        for hit in np.nonzero(end > first)[0]:
            for at in range(int(first[hit]), int(end[hit])):
                centre, step = centres[hit] * self._stride, int(self._table.steps[at])
                for candidate in (centre + step, centre - step):
                    if VALUE_BASE * scalar(candidate) == point:
                        return candidate
        return None

    def _build(self) -> _Table:
        step = IDENTITY
        keys = bytearray()
        for _ in range(self._span + 1):
            keys += _key(step)
            step = step + VALUE_BASE
        unsorted = np.frombuffer(bytes(keys), dtype=">u8").astype(np.uint64)
        order = np.argsort(unsorted, kind="stable")
        return _Table(unsorted[order], order.astype(np.uint32))

    def _load_or_build(self, cache: Path) -> _Table:
        table = self._load(cache)
        if table is not None:
            return table
        cache.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(cache.parent):
            table = self._load(cache)  # whoever had the lock before may have made it
            if table is None:
                table = self._build()
                _replace(cache, self._render(table))
        return table

    def _load(self, cache: Path) -> _Table | None:
        try:
            return self._parse(cache.read_bytes())
        except FileNotFoundError:
            return None
        except CacheFault as fault:
            self.cache_fault = fault
            _log.warning("discrete logarithm table is rebuilt: %s", fault)
            return None

    def _header(self) -> bytes:
        return _MAGIC + bytes([self._span.bit_length() - 1]) + hashlib.sha256(encode_point(VALUE_BASE)).digest()

    def _render(self, table: _Table) -> bytes:
        body = self._header() + table.keys.astype(">u8").tobytes() + table.steps.astype(">u4").tobytes()
        return body + hashlib.sha256(body).digest()

    def _parse(self, data: bytes) -> _Table:
        entries = self._span + 1
        keys_end = _HEADER_BYTES + entries * _KEY_BYTES
        steps_end = keys_end + entries * 4
        if data[:_HEADER_BYTES] != self._header():
            raise CacheFault("the cache is of another version, size or generator")
        if len(data) != steps_end + _CHECKSUM_BYTES:
            raise CacheFault(f"the cache has {len(data)} bytes instead of {steps_end + _CHECKSUM_BYTES}")
        if hashlib.sha256(data[:steps_end]).digest() != data[steps_end:]:
            raise CacheFault("the cache's checksum does not match")
        keys = np.frombuffer(data[_HEADER_BYTES:keys_end], dtype=">u8").astype(np.uint64)
        steps = np.frombuffer(data[keys_end:steps_end], dtype=">u4").astype(np.uint32)
        return _Table(keys, steps)


def _key(point: Point) -> bytes:
    """The last 8 of the 48 compressed bytes: the low bits of x, without the sign flag."""
    return encode_point(point)[-_KEY_BYTES:]


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with its process: one builder works, the others wait and read its table."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    """Write beside the target and rename: a crash leaves the old file or the new one, never half of one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
