"""How often a move within a horizon stays inside the width that was in force when it began."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import binomtest

from node.market.widths import price_range
from node.risk.candles import Tape

TARGET_PPM: Final = 995_000
"""99.5 %, the least confidence that EMIR's technical standards ask of a clearing house's margin for OTC derivatives
(Regulation 153/2013, article 24)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Moves within `horizon_seconds` against the widths of one rule.

    Attributes:
        moves: one from every tick that has the whole horizon after it: they overlap.
        beyond: those in which some price left the width.
        disjoint, disjoint_beyond: the same of moves that start where the last one ended.
        chance: probability of `disjoint_beyond` or more among as many independent moves covered at the target.
    """

    horizon_seconds: int
    moves: int
    beyond: int
    disjoint: int
    disjoint_beyond: int
    chance: float

    @property
    def share(self) -> float:
        """The share of moves covered."""
        return 1 - self.beyond / self.moves

    @property
    def met(self) -> bool:
        """Whether it reaches the target, in exact integers."""
        return (self.moves - self.beyond) * 1_000_000 >= TARGET_PPM * self.moves


def coverage(tape: Tape, widths_ppm: Sequence[int], horizon_seconds: int) -> Coverage:
    """Of the moves on `tape` against `widths_ppm`, one per tick."""
    steps = horizon_seconds // tape.tick_seconds
    lows = np.array([tick.low for tick in tape.ticks], dtype=np.int64)
    highs = np.array([tick.high for tick in tape.ticks], dtype=np.int64)
    ranges = [price_range(tick.price, width_ppm) for tick, width_ppm in zip(tape.ticks, widths_ppm, strict=True)]
    moves = len(ranges) - steps
    least = sliding_window_view(lows[1:], steps).min(axis=1)
    most = sliding_window_view(highs[1:], steps).max(axis=1)
    floor = np.array([entry.low for entry in ranges[:moves]], dtype=np.int64)
    ceiling = np.array([entry.high for entry in ranges[:moves]], dtype=np.int64)
    left = (least < floor) | (most > ceiling)
    apart = left[::steps]
    beyond = int(apart.sum())
    chance = float(binomtest(beyond, len(apart), 1 - TARGET_PPM / 1_000_000, alternative="greater").pvalue)
    return Coverage(horizon_seconds, moves, int(left.sum()), len(apart), beyond, chance)
