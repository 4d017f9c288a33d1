"""The gap charge of what jumps: how far digitals and barrier options can be from what the margin rows make of them.

`gap.py` argues by convexity, which these do not have. Here each cell of price × volatility is cut into boxes. Over a
box, and over all moments from now to the last one of a proof, the instrument's book gives a range that holds every
value it can have: the payoff at expiry and the value after a crossed barrier included. The rows' interpolation B is
bilinear in a box, so it lies between its values at the box's four corners. Hence for every value V in the box

    |V − B| ≤ max(V's upper bound − B's least corner, B's greatest corner − V's lower bound)

and the largest over all boxes bounds every gap. No value is sampled, and finer boxes only make the bound smaller.
"""

from typing import Final

import numpy as np

from node.market.exotic_valuation import BarrierBook, Bounds, Box, DigitalBook
from node.market.valuation import Floats

_PRICE_STEPS: Final = 32
"""Boxes per cell along the price."""
_LEVEL_STEPS: Final = 12
"""Boxes per cell along the volatility."""


def digital_gaps(
    book: DigitalBook, corners: Floats, nodes: Floats, levels: Floats, roots: tuple[Floats, Floats]
) -> Floats:
    """For each digital an upper bound of |V − B|, shape (digitals,); see `barrier_gaps`."""
    return _gaps(book.bounds(_boxes(nodes, levels, *roots)), corners, nodes, levels)


def barrier_gaps(
    book: BarrierBook, corners: Floats, nodes: Floats, levels: Floats, roots: tuple[Floats, Floats]
) -> Floats:
    """For each living barrier option an upper bound of |V − B|, shape (options,), in the unit of the nodes.

    Args:
        book: the options.
        corners: what the rows say, shape (options, nodes, levels).
        nodes: prices, ascending; a barrier between the first and the last is one of them.
        levels: volatilities as fractions, ascending, shape (levels,) or (options, levels).
        roots: columns of √τ at a proof's last moment and now, shape (options, 1, 1), τ in years.
    """
    bounds = book.bounds(_boxes(nodes, levels, *roots), reachable=book.reachable(nodes))
    return _gaps(bounds, corners, nodes, levels)


def _refined(edges: Floats, steps: int) -> Floats:
    """The edges along the last axis with each cell cut into equal parts; the edges themselves exactly as they were."""
    weights = np.arange(steps) / steps
    inner = edges[..., :-1, None] + np.diff(edges)[..., None] * weights
    return np.concatenate([inner.reshape(*edges.shape[:-1], -1), edges[..., -1:]], axis=-1)


def _boxes(nodes: Floats, levels: Floats, root_last: Floats, root_now: Floats) -> Box:
    prices, volatilities = _refined(nodes, _PRICE_STEPS), _refined(np.atleast_2d(levels), _LEVEL_STEPS)
    return Box(
        price_low=prices[None, :-1, None],
        price_high=prices[None, 1:, None],
        deviation_low=volatilities[:, None, :-1] * root_last,
        deviation_high=volatilities[:, None, 1:] * root_now,
    )


def _gaps(bounds: Bounds, corners: Floats, nodes: Floats, levels: Floats) -> Floats:
    rows = _between(_between(corners, 1, _PRICE_STEPS), 2, _LEVEL_STEPS)
    four = [rows[:, :-1, :-1], rows[:, 1:, :-1], rows[:, :-1, 1:], rows[:, 1:, 1:]]
    least, most = np.minimum.reduce(four), np.maximum.reduce(four)
    return np.asarray(np.maximum(bounds.high - least, most - bounds.low).max(axis=(1, 2)))


def _between(values: Floats, axis: int, steps: int) -> Floats:
    """Linear interpolation along one axis, at the places of `_refined`."""
    return np.moveaxis(_refined(np.moveaxis(values, axis, -1), steps), -1, axis)
