"""How much an option's value can differ from what the margin rows make of it between their nodes: the gap
charge.

Rows hold at the corners of cells of price × volatility, on values of one moment. Within a cell, and until the
proof is too old (or the option expires), an account is worth Σ V_j·q_j, while the rows speak for Σ B_j·q_j,
where B is the bilinear interpolation of the corner values, in the price and in the place between an option's own
levels. With e_j ≥ |V_j − B_j| everywhere in between, rows reduced by Σ e_j·|q_j| speak for the true value. The bound
computed here is one, not an estimate, by four facts about Black's formula without interest:

1. V falls with time, so at any moment it lies between its value now and its value at the last moment t₁.
2. V is convex in the price and B is linear in it. B − V is thus concave: between samples it stays below the
secants
   through neighbouring samples. V − B is convex: largest at a node.
3. |∂²V/∂v²| = S·√τ·φ(d₁)·|d₁·d₂|/v ≤ S·√τ·(2/e + v·√τ/√e)/(√(2π)·v), from max x²φ(x) and max |x|φ(x). Between
samples of
   volatility h apart, a function with second derivative at most M exceeds the larger neighbour by at most
   M·h²/8.
4. At expiry V is the payoff, convex too. That strikes are nodes keeps the bound small; it holds without.

A strike keeps its volatility while the price moves, so fact 2 holds for each option at a volatility of its own. A
forward that is a multiple r of the spot price S changes nothing either: V(r·S, K) = r·V(S, K/r), so an option is
bounded at the strike K/r and the bound taken r times. What moves r is charged apart (`forwards.py`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from node.market.valuation import Floats, black76

_PRICE_STEPS: Final = 16
"""Samples per price cell: the secants overshoot the peak of a parabola by 4/16² of its height."""
_VOLATILITY_STEPS: Final = 6
_CURVATURE: Final = 2 / (np.e * np.sqrt(2 * np.pi))
_SLOPE: Final = 1 / np.sqrt(2 * np.pi * np.e)


@dataclass(frozen=True, slots=True)
class OptionBook:
    """Options on one underlying, as columns: arrays of shape (options, 1, 1, 1, 1)."""

    strike: Floats
    sign: Floats
    years_now: Floats
    years_last: Floats


def option_book(
    strikes: list[float], signs: list[float], years_now: list[float], years_last: list[float]
) -> OptionBook:
    """Columns from lists: strikes, signs (±1), years to expiry now and at a proof's last moment."""
    columns = (strikes, signs, years_now, years_last)
    return OptionBook(*(np.array(column, dtype=np.float64).reshape(-1, 1, 1, 1, 1) for column in columns))


def corner_values(book: OptionBook, nodes: Floats, levels: Floats) -> Floats:
    """Values now at every node and level, shape (options, nodes, levels), in the unit of the nodes.

    `levels` are volatilities as fractions, shape (levels,) or, each option's own, (options, levels).
    """
    value = black76(
        nodes[None, :, None, None, None],
        book.strike,
        np.atleast_2d(levels)[:, None, :, None, None],
        book.years_now,
        book.sign,
    )
    return value[..., 0, 0]


def gap_bounds(book: OptionBook, nodes: Floats, levels: Floats) -> Floats:
    """For each option an upper bound of |V − B| over all cells and all moments; unit of the nodes, shape
    (options,).

    Args:
        book: the options.
        nodes: prices, ascending.
        levels: volatilities as fractions, ascending, shape (levels,) or (options, levels).
    """
    levels = np.atleast_2d(levels)
    corners = corner_values(book, nodes, levels)
    return np.maximum(_chord_above(book, nodes, levels, corners), _chord_below(book, nodes, levels, corners))


def _chord_above(book: OptionBook, nodes: Floats, levels: Floats, corners: Floats) -> Floats:
    """Bound of B − V: against the value at the last moment, by secants (price) and curvature (volatility)."""
    along = np.linspace(0.0, 1.0, _PRICE_STEPS + 1)
    across = np.linspace(0.0, 1.0, _VOLATILITY_STEPS + 1)
    by_price = (
        corners[:, :-1, None, :] * (1 - along)[None, None, :, None]
        + corners[:, 1:, None, :] * along[None, None, :, None]
    )  # options, price cells, samples, levels
    chord = by_price[..., :-1, None] * (1 - across) + by_price[..., 1:, None] * across
    prices = (nodes[:-1, None] + np.diff(nodes)[:, None] * along)[None, :, :, None, None]
    volatilities = _between(levels, across)[:, None, None, :, :]
    last = black76(prices, book.strike, volatilities, book.years_last, book.sign)
    peaks = _concave_bound(np.moveaxis(chord - last, 2, -1)).max(axis=-1)  # options, price cells, volatility cells
    bulge = _volatility_bulge(nodes[None, 1:, None], levels, book.years_last[..., 0, 0])
    return np.asarray((peaks + bulge).max(axis=(1, 2)))


def _chord_below(book: OptionBook, nodes: Floats, levels: Floats, corners: Floats) -> Floats:
    """Bound of V − B: against the value now, at the nodes, by curvature over volatility."""
    across = np.linspace(0.0, 1.0, _VOLATILITY_STEPS + 1)
    chord = corners[..., :-1, None] * (1 - across) + corners[..., 1:, None] * across
    volatilities = _between(levels, across)[:, None, :, :]
    columns = (book.strike, book.years_now, book.sign)
    strike, years, sign = (column[..., 0] for column in columns)
    now = black76(nodes[None, :, None, None], strike, volatilities, years, sign)
    peaks = (now - chord).max(axis=-1)  # options, nodes, volatility cells
    bulge = _volatility_bulge(nodes[None, :, None], levels, book.years_now[..., 0, 0])
    return np.asarray((peaks + bulge).max(axis=(1, 2)))


def _between(levels: Floats, across: Floats) -> Floats:
    """Samples of each cell between levels, shape (options or 1, cells, samples)."""
    return np.asarray(levels[:, :-1, None] + np.diff(levels)[:, :, None] * across)


def _concave_bound(samples: Floats) -> Floats:
    """Upper bound of concave functions over the range of their equidistant samples, which run along the last
    axis.

    Between samples k and k+1 the function lies below the line through k−1 and k, and below the line through
    k+1 and k+2; each line is largest at one end of the interval, and the smaller of the two maxima holds.
    """
    left, right = samples[..., :-1], samples[..., 1:]
    rise = np.diff(samples, axis=-1)
    infinite = np.full((*samples.shape[:-1], 1), np.inf)
    from_left = left + np.maximum(np.concatenate([infinite, rise[..., :-1]], axis=-1), 0.0)
    from_right = right + np.maximum(np.concatenate([-rise[..., 1:], infinite], axis=-1), 0.0)
    return np.asarray(np.minimum(from_left, from_right).max(axis=-1))


def _volatility_bulge(prices: Floats, levels: Floats, years: Floats) -> Floats:
    """M·h²/8 of fact 3 for each (option, price, volatility cell); `years` has shape (options, 1, 1)."""
    low, high = levels[:, None, :-1], levels[:, None, 1:]
    step = (high - low) / _VOLATILITY_STEPS
    root = np.sqrt(years)
    return np.asarray(prices * root * (_CURVATURE + _SLOPE * high * root) / low * step**2 / 8)
