"""How far a correlated pair went apart: what the near range of the margin rows has to cover (`node/market/bounds.py`).

Two prices stand apart by the smaller of their moves, each in parts of its own maintenance width when the move began,
where one fell and the other rose; by nothing where both moved one way.
"""

from dataclasses import dataclass

import numpy as np

from node.market.instruments import PPM
from node.market.parameters import CorrelatedPair
from node.risk.replay import Replay


@dataclass(frozen=True, slots=True)
class Apart:
    """Of the moves of `pair` within `horizon_seconds`: how many there are, the furthest and the share's quantile at
    99.9 % (ppm of the maintenance width), and how many went beyond the near range."""

    pair: str
    horizon_seconds: int
    moves: int
    furthest_ppm: int
    quantile_ppm: int
    beyond: int


def apart(replayed: Replay, pair: CorrelatedPair, horizon_seconds: int) -> Apart:
    """At every price within the horizon after each price; extremes inside a candle happen at different moments and are
    left out."""
    first, second = (_moves(replayed, symbol, horizon_seconds) for symbol in (pair.first, pair.second))
    distance = np.where(first * second < 0, np.minimum(np.abs(first), np.abs(second)), 0.0).max(axis=1)
    near = replayed.parameters.near_ppm / PPM
    return Apart(
        f"{pair.first}/{pair.second}",
        horizon_seconds,
        len(distance),
        round(float(distance.max()) * PPM),
        round(float(np.quantile(distance, 0.999)) * PPM),
        int((distance > near).sum()),
    )


def _moves(replayed: Replay, symbol: str, horizon_seconds: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """From every tick with the whole horizon after it to each tick within, in maintenance widths."""
    tape = next(tape for tape in replayed.tapes if tape.symbol == symbol)
    prices = np.array([tick.price for tick in tape.ticks], dtype=np.float64)
    widths = np.array(replayed.maintenance_widths(symbol), dtype=np.float64) / PPM
    steps = horizon_seconds // tape.tick_seconds
    later = np.lib.stride_tricks.sliding_window_view(prices[1:], steps)
    return np.asarray((later / prices[: len(later), None] - 1) / widths[: len(later), None])
