"""Latencies of the last batches, in milliseconds, for the operator."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_WINDOW: Final = 512


@dataclass(slots=True)
class Samples:
    """The last 512 measurements of one thing."""

    _values: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def add(self, milliseconds: float) -> None:
        """Record one measurement."""
        self._values.append(milliseconds)

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile, 0 < q ≤ 1; None without a measurement."""
        if not self._values:
            return None
        ranked = sorted(self._values)
        return ranked[min(len(ranked) - 1, max(0, -int(-q * len(ranked) // 1) - 1))]

    def __len__(self) -> int:
        return len(self._values)


@dataclass(slots=True)
class Latencies:
    """`certified`: own proposal begun to certificate; `final`: own proposal begun to final on the hub; `verify`: one
    batch of claims; `execute`: one proposal's re-execution."""

    certified: Samples = field(default_factory=Samples)
    final: Samples = field(default_factory=Samples)
    verify: Samples = field(default_factory=Samples)
    execute: Samples = field(default_factory=Samples)
