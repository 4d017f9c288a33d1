"""Small vector algebra over native scalars: never Python integers in a loop."""

from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import mul

from circuits.errors import LengthMismatch
from circuits.group import ONE, ZERO, Scalar


def twice(value: Scalar) -> Scalar:
    """2·value."""
    return value + value


def powers(base: Scalar, count: int) -> list[Scalar]:
    """base, base², …, base^count."""
    return list(accumulate(repeat(base, count), mul))


def geometric(first: Scalar, ratio: Scalar, count: int) -> list[Scalar]:
    """first, first·ratio, …, first·ratio^(count−1)."""
    if count == 0:
        return []
    return list(accumulate(repeat(ratio, count - 1), mul, initial=first))


def hadamard(left: Sequence[Scalar], right: Sequence[Scalar]) -> list[Scalar]:
    """left[i]·right[i], entry by entry.

    Raises:
        LengthMismatch: the vectors differ in length.
    """
    if len(left) != len(right):
        raise LengthMismatch(len(left), len(right))
    return list(map(mul, left, right))


def dot(left: Sequence[Scalar], right: Sequence[Scalar]) -> Scalar:
    """Σ left[i]·right[i], for vectors of one length."""
    return total(hadamard(left, right))


def weighted_dot(weights: Sequence[Scalar], left: Sequence[Scalar], right: Sequence[Scalar]) -> Scalar:
    """Σ weights[i]·left[i]·right[i], for vectors of one length."""
    return dot(hadamard(weights, left), right)


def total(entries: Sequence[Scalar]) -> Scalar:
    """Σ entries[i]."""
    return sum(entries, ZERO)


def scale(factor: Scalar, vector: Sequence[Scalar]) -> list[Scalar]:
    """factor·vector."""
    return list(map(mul, repeat(factor), vector))


def combine(left: Sequence[Scalar], factor: Scalar, right: Sequence[Scalar]) -> list[Scalar]:
    """left + factor·right, for vectors of one length."""
    return [a + factor * b for a, b in zip(left, right, strict=True)]


def inverses(entries: Sequence[Scalar]) -> list[Scalar]:
    """1/entries[i] for non-zero entries, with one inversion in all (Montgomery's trick)."""
    prefix = [ONE]
    for entry in entries:
        prefix.append(prefix[-1] * entry)
    running = prefix[-1].inverse()
    result = []
    for entry, before in zip(reversed(entries), reversed(prefix[:-1]), strict=True):
        result.append(running * before)
        running = running * entry
    result.reverse()
    return result
