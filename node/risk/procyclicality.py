"""How much margin rises when a crash comes: peak to trough, and the largest rise within n days.

The measures are those of Murphy, Vasios and Vause, An investigation into the procyclicality of risk-based initial
margin models (Bank of England, Financial Stability Paper 29, 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

DAY: Final = 86_400
RISE_DAYS: Final = (1, 5, 20)
BUFFER_PERCENT: Final = 25


@dataclass(frozen=True, slots=True)
class Rise:
    """The largest ratio of a width to the least of the `days` before it."""

    days: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Procyclicality:
    """Of one width over a whole file. `mean_ppm` is what it costs: the average width."""

    peak_to_trough: float
    rises: tuple[Rise, ...]
    mean_ppm: int


def procyclicality(widths_ppm: Sequence[int], tick_seconds: int) -> Procyclicality:
    """The measures of widths that are `tick_seconds` apart."""
    widths = np.array(widths_ppm, dtype=np.int64)
    rises = tuple(Rise(days, _rise(widths, days * DAY // tick_seconds)) for days in RISE_DAYS)
    return Procyclicality(float(widths.max() / widths.min()), rises, int(widths.sum() // len(widths)))


def buffered(widths_ppm: Sequence[int]) -> list[int]:
    """EMIR's first option against procyclicality (Regulation 153/2013, article 28(1)(a)): a quarter on top, which may
    be used up when the calculated margin rises.

    What is charged stays while it lies between the calculated width and 125 % of it, follows the 125 % down, and the
    calculated width up.
    """
    charged: list[int] = []
    for width in widths_ppm:
        full = -(-width * (100 + BUFFER_PERCENT) // 100)
        charged.append(max(width, min(full, charged[-1] if charged else full)))
    return charged


def _rise(widths: np.ndarray[tuple[int], np.dtype[np.int64]], steps: int) -> float:
    """The running minimum by doubling: windows of 2^k from two of 2^(k−1), and the last overlap."""
    least, reach = widths.copy(), 0
    while reach < min(steps, len(widths) - 1):
        shift = min(reach + 1, steps - reach)
        least[shift:] = np.minimum(least[shift:], least[:-shift])
        reach += shift
    return float((widths / least).max())
