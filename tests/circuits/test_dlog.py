"""Small logarithms: found wherever they lie within the bound, refused elsewhere, whatever the cache holds."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import dlog as module
from circuits.dlog import MAX_BOUND, DiscreteLog, NotFound, OutOfRange
from circuits.group import ORDER, hash_to_point, scalar
from circuits.pedersen import VALUE_BASE

SMALL = DiscreteLog(table_bits=10)
SPAN = 1 << 10
ROOT = Path(__file__).parents[2]
STRIDE = 2 * SPAN + 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "value",
    [0, 1, SPAN - 1, SPAN, SPAN + 1, STRIDE - 1, STRIDE, STRIDE + SPAN, STRIDE + SPAN + 1, 40 * STRIDE + 7],
)
def test_a_logarithm_at_the_seams_of_the_table_is_found(value: int, sign: int) -> None:
    assert SMALL.find(VALUE_BASE * scalar(sign * value), 1 << 20) == sign * value


@settings(max_examples=60)
@given(st.integers(-(1 << 22), 1 << 22))
def test_any_logarithm_within_the_bound_is_found(value: int) -> None:
    assert SMALL.find(VALUE_BASE * scalar(value), 1 << 22) == value


@settings(max_examples=60)
@given(st.integers(0, 1 << 14), st.integers(-(1 << 15), 1 << 15))
def test_the_bound_is_exact(bound: int, value: int) -> None:
    if abs(value) <= bound:
        assert SMALL.find(VALUE_BASE * scalar(value), bound) == value
    else:
        with pytest.raises(NotFound) as refusal:
            SMALL.find(VALUE_BASE * scalar(value), bound)
        assert refusal.value.bound == bound


@pytest.mark.parametrize("bound", [0, SPAN, SPAN + 1, STRIDE + SPAN, 1 << 16])
def test_the_last_value_within_the_bound_is_found_and_the_next_is_not(bound: int) -> None:
    for sign in (1, -1):
        assert SMALL.find(VALUE_BASE * scalar(sign * bound), bound) == sign * bound
        with pytest.raises(NotFound):
            SMALL.find(VALUE_BASE * scalar(sign * (bound + 1)), bound)


def test_a_point_without_small_logarithm_is_not_found() -> None:
    with pytest.raises(NotFound):
        SMALL.find(hash_to_point(b"any", b"zkclear/test"), 1 << 20)
    with pytest.raises(NotFound):
        SMALL.find(VALUE_BASE * scalar(ORDER // 2), 1 << 20)


@pytest.mark.parametrize("bound", [-1, MAX_BOUND + 1])
def test_a_bound_out_of_range_is_refused(bound: int) -> None:
    with pytest.raises(OutOfRange):
        SMALL.find(VALUE_BASE, bound)


@pytest.mark.parametrize("bits", [3, 25])
def test_a_table_size_out_of_range_is_refused(bits: int) -> None:
    with pytest.raises(OutOfRange):
        DiscreteLog(table_bits=bits)


def test_a_small_logarithm_is_found_at_once_whatever_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = 0

    def counting(point: object) -> bytes:
        nonlocal computed
        computed += 1
        return bytes(module.encode_point(point)[-8:])  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_key", counting)
    assert SMALL.find(VALUE_BASE * scalar(-3 * STRIDE), MAX_BOUND) == -3 * STRIDE
    assert computed <= 32


def test_keys_that_collide_are_told_apart_by_the_point(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = module._key
    monkeypatch.setattr(module, "_key", lambda point: bytes(7) + genuine(point)[:1])
    crowded = DiscreteLog(table_bits=8)
    for value in (*range(-256, 257, 16), 3000, -3000):
        assert crowded.find(VALUE_BASE * scalar(value), 1 << 13) == value


def test_a_table_is_written_once_and_then_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "new" / "table.bin"
    DiscreteLog(table_bits=8, cache=cache)
    assert [entry.name for entry in cache.parent.iterdir()] == ["table.bin"]
    monkeypatch.setattr(DiscreteLog, "_build", lambda self: pytest.fail("the cache was not used"))
    loaded = DiscreteLog(table_bits=8, cache=cache)
    assert loaded.cache_fault is None
    assert loaded.find(VALUE_BASE * scalar(-70_000), 1 << 17) == -70_000


@pytest.mark.parametrize("damage", ["flipped byte", "truncated", "surplus", "empty", "other size", "magic"])
def test_a_corrupt_cache_is_rebuilt_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    cache = tmp_path / "table.bin"
    DiscreteLog(table_bits=8, cache=cache)
    sound = cache.read_bytes()
    middle = len(sound) // 2
    if damage == "other size":
        DiscreteLog(table_bits=7, cache=cache.with_name("other"))
        cache.write_bytes(cache.with_name("other").read_bytes())
    else:
        cache.write_bytes(
            {
                "flipped byte": sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :],
                "truncated": sound[:middle],
                "surplus": sound + b"\x00",
                "empty": b"",
                "magic": b"Z" + sound[1:],
            }[damage]
        )
    with caplog.at_level(logging.WARNING, logger="circuits.dlog"):
        rebuilt = DiscreteLog(table_bits=8, cache=cache)
    assert rebuilt.cache_fault is not None
    assert "rebuilt" in caplog.text
    assert rebuilt.find(VALUE_BASE * scalar(12_345), 1 << 17) == 12_345
    assert cache.read_bytes() == sound


def test_a_failed_write_leaves_the_old_cache_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "table.bin"
    cache.write_bytes(b"damaged")

    def fail(descriptor: int) -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(module.os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        DiscreteLog(table_bits=8, cache=cache)
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.bin"]
    assert cache.read_bytes() == b"damaged"


BUILDER = """
import sys, time
from pathlib import Path
from circuits.dlog import DiscreteLog
from circuits.group import scalar
from circuits.pedersen import VALUE_BASE
genuine = DiscreteLog._build
def build(self):
    print("built")
    time.sleep(1)
    return genuine(self)
DiscreteLog._build = build
table = DiscreteLog(table_bits=10, cache=Path(sys.argv[1]))
assert table.find(VALUE_BASE * scalar(-54321), 1 << 17) == -54321
print("found")
"""


def test_of_two_processes_one_builds_and_the_other_waits_for_its_table(tmp_path: Path) -> None:
    cache = tmp_path / "table.bin"
    command = [sys.executable, "-c", BUILDER, str(cache)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    outputs = sorted(process.communicate(timeout=60)[0].split() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert outputs == [["built", "found"], ["found"]]
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.bin"]


def test_a_killed_builder_leaves_the_work_to_the_next(tmp_path: Path) -> None:
    cache = tmp_path / "table.bin"
    first = subprocess.Popen(
        [sys.executable, "-u", "-c", BUILDER, str(cache)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "built\n"
    first.kill()
    first.communicate(timeout=10)
    assert DiscreteLog(table_bits=10, cache=cache).find(VALUE_BASE * scalar(99), 100) == 99


def test_the_ends_of_the_ledgers_range_are_matched_by_the_last_steps() -> None:
    """±2^40 with the centres set there: the last steps of the search run, the millions before them do not."""
    stride = SMALL._stride
    last = (MAX_BOUND + SMALL._span) // stride
    for sign in (1, -1):
        for value in (MAX_BOUND, MAX_BOUND - 1, last * stride - SPAN):
            point = VALUE_BASE * scalar(sign * value)
            keys = [module._key(point - VALUE_BASE * scalar(sign * i * stride)) for i in (last - 1, last)]
            assert SMALL._match(point, [sign * (last - 1), sign * last], keys) == sign * value


def test_the_table_takes_twelve_bytes_an_entry() -> None:
    table = SMALL._table
    assert table.keys.nbytes + table.steps.nbytes == 12 * (SPAN + 1)
    assert bool(np.all(table.keys[:-1] <= table.keys[1:]))
