"""Bytes from strangers neither crash a reader nor pass a verifier: arbitrary ones, and true ones bent a little."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import Target, targets

NAMES = list(targets())


@st.composite
def bent(draw: st.DrawFn, target: Target) -> bytes:
    """A sample with a few bytes changed, cut, repeated, or put in the place of others."""
    data = bytearray(draw(st.sampled_from(target.samples)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["flip", "set", "cut", "insert", "copy", "tail"])):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if data:
                data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xC0, 0xFF]))
            case "cut":
                del data[at : at + draw(st.integers(1, 48))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=48))
            case "copy":
                length = draw(st.sampled_from([1, 32, 48]))
                data[at : at + length] = data[: len(data[at : at + length])]
            case _:
                data += draw(st.binary(max_size=48))
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_its_own_samples_are_taken(name: str) -> None:
    target = targets()[name]
    assert target.samples
    assert all(target.run(sample) for sample in target.samples)


@pytest.mark.parametrize("name", NAMES)
def test_no_bent_sample_crashes_or_passes(name: str) -> None:
    target = targets()[name]

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(bent(target))
    def check(data: bytes) -> None:
        target.run(data)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_no_arbitrary_bytes_crash_or_pass(name: str) -> None:
    target = targets()[name]
    longest = max(map(len, target.samples)) + 1

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=longest))
    def check(data: bytes) -> None:
        target.run(data)

    check()


def test_a_reader_that_crashes_or_takes_too_much_is_a_finding() -> None:
    """So that the tests above can fail."""

    def crash(data: bytes) -> bytes:
        return data[3:4] + bytes([data[4]])

    with pytest.raises(IndexError):
        Target(crash, ValueError, ()).run(b"abc")
    with pytest.raises(AssertionError, match="accepted"):
        Target(lambda data: None, ValueError, (b"proof",)).run(b"forged")
    with pytest.raises(AssertionError, match="canonical"):
        Target(bytes.lower, ValueError, (), bytes).run(b"A")
    with pytest.raises(AssertionError, match="sample"):
        Target(int, ValueError, (b"x",)).run(b"x")


def test_the_fuzzer_runs_a_target_where_atheris_is_installed() -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install -e '.[fuzz]'")
    command = [sys.executable, "-m", "tests.fuzz", "certificate", "-runs=500", "-verbosity=0", "-print_final_stats=1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "number_of_executed_units: 5" in ran.stderr


def test_the_fuzzer_names_its_targets() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--list"], capture_output=True, text=True, check=True, timeout=60
    )
    assert listed.stdout.splitlines() == NAMES
