"""Polynomials over the scalar field, and over points in the exponent: what secret sharing computes with.

Shamir (1979): f(x) = a_0 + a_1·x + … + a_{t−1}·x^{t−1}; share i is f(i); any t shares give f back.
"""

import hmac
from collections.abc import Sequence
from typing import Final, Protocol

from circuits.group import ONE, ZERO, Point, Scalar, msm, scalar, wide_scalar

_WIDE_BYTES: Final = 64


class RandomSource(Protocol):
    """Where randomness comes from; the module `secrets` is one."""

    def token_bytes(self, nbytes: int, /) -> bytes:
        """`nbytes` uniform bytes."""
        ...


class SeededSource:
    """Pseudorandom bytes from a secret seed and a public label: HMAC-SHA-512(seed, label ‖ counter).

    Equal seeds and labels give equal bytes, which lets an interrupted member say again what it said before
    instead of something else. One seed serves one ceremony.
    """

    __slots__ = ("_counter", "_label", "_seed")

    def __init__(self, seed: bytes, label: bytes) -> None:
        """`seed` has 32 secret bytes."""
        self._seed, self._label, self._counter = seed, label, 0

    def token_bytes(self, nbytes: int, /) -> bytes:
        """The next `nbytes` of the stream."""
        stream = b""
        while len(stream) < nbytes:
            stream += hmac.digest(self._seed, self._label + self._counter.to_bytes(8, "big"), "sha512")
            self._counter += 1
        return stream[:nbytes]


def nonzero_scalar(source: RandomSource) -> Scalar:
    """A uniform scalar other than zero."""
    value = ZERO
    while value == ZERO:
        value = wide_scalar(source.token_bytes(_WIDE_BYTES))
    return value


def random_polynomial(count: int, source: RandomSource) -> tuple[Scalar, ...]:
    """`count` uniform coefficients, none of them zero."""
    return tuple(nonzero_scalar(source) for _ in range(count))


def evaluate(polynomial: Sequence[Scalar], at: int) -> Scalar:
    """f(at)."""
    value = ZERO
    for coefficient in reversed(polynomial):
        value = value * scalar(at) + coefficient
    return value


def evaluate_points(coefficients: Sequence[Point], at: int) -> Point:
    """Σ at^k·A_k: the image of f(at) where A_k are those of f's coefficients."""
    return msm(coefficients, [scalar(at**power) for power in range(len(coefficients))])


def lagrange_at_zero(indices: Sequence[int]) -> list[Scalar]:
    """λ_i = Π_{j≠i} j / (j − i), so that f(0) = Σ λ_i·f(i) for every f of lower degree than `indices` are many."""
    weights = []
    for i in indices:
        numerator, denominator = ONE, ONE
        for j in indices:
            if j != i:
                numerator *= scalar(j)
                denominator *= scalar(j - i)
        weights.append(numerator * denominator.inverse())
    return weights


def interpolate(values: dict[int, Scalar]) -> tuple[Scalar, ...]:
    """The coefficients of the polynomial of least degree with f(i) = values[i]."""
    result = [ZERO] * len(values)
    for i, value in values.items():
        basis, denominator = [ONE], ONE
        for j in values:
            if j != i:
                shifted = [ZERO, *basis]
                basis = [high - scalar(j) * low for high, low in zip(shifted, [*basis, ZERO], strict=True)]
                denominator *= scalar(i - j)
        weight = value * denominator.inverse()
        result = [sum_ + weight * term for sum_, term in zip(result, basis, strict=True)]
    return tuple(result)
