"""What options of every kind are worth throughout a window: values at nodes and levels, marks, gap charges.

One array operation per kind and underlying; every option has a forward and volatility levels of its own. An in whose
barrier was crossed is valued as the plain option that it has become; an out is worth nothing from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from node.market.exotic_valuation import barrier_book, digital_book
from node.market.gap import corner_values, gap_bounds, option_book
from node.market.instruments import Barrier, Curved, Digital, Option
from node.market.jump_gap import barrier_gaps, digital_gaps
from node.market.valuation import Floats, black76, option_sign, years_to

_BATCH: Final = 64
"""Options per array operation: what they need at once stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values are wanted: prices in feed units, times in unix seconds.

    `average_seconds` is how long before expiry the settlement price begins to be averaged.
    """

    price: float
    nodes: Floats
    time: int
    last_time: int
    average_seconds: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """An option with what is in force for it: volatility and levels as fractions, forward over spot.

    A barrier option is valued at forward = spot (see `forwards.py`).
    """

    entry: Curved
    volatility: float
    levels: tuple[float, ...]
    forward: float


@dataclass(frozen=True, slots=True)
class Valuation:
    """Of one option: `values` of shape (nodes, levels), mark, and a bound of every gap between the nodes until
    `last_time`; in feed units per whole unit of the underlying."""

    values: Floats
    mark: float
    gap: float


def valuations(options: Sequence[Quoted], frame: Frame) -> list[Valuation]:
    """The valuation of each living option, in their order."""
    made: dict[int, Valuation] = {}
    for kind, value in ((Option, _plain), (Digital, _digital), (Barrier, _barrier)):
        places = [place for place, quoted in enumerate(options) if isinstance(quoted.entry, kind)]
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            made |= zip(batch, value([options[place] for place in batch], frame), strict=True)
    return [made[place] for place in range(len(options))]


def after_crossing(entry: Curved) -> Curved | None:
    """What a barrier option is once its barrier was crossed: the plain option, or nothing any more."""
    if not isinstance(entry, Barrier):
        return entry
    if not entry.barrier_kind.is_in:
        return None
    return Option(entry.underlying, entry.lot_scale, entry.expiry, entry.strike, entry.kind, entry.tick)


def _column(figures: Sequence[float]) -> Floats:
    return np.array(figures, dtype=np.float64).reshape(-1, 1, 1)


def _years(options: Sequence[Quoted], time: int) -> Floats:
    return _column([years_to(quoted.entry.expiry, time) for quoted in options])


def _levels(options: Sequence[Quoted]) -> Floats:
    return np.array([quoted.levels for quoted in options], dtype=np.float64)


def _valuations(values: Floats, marks: Floats, gaps: Floats) -> list[Valuation]:
    return [
        Valuation(corners, float(mark), float(gap))
        for corners, mark, gap in zip(values, marks.ravel(), gaps, strict=True)
    ]


def _plain(options: Sequence[Quoted], frame: Frame) -> list[Valuation]:
    """At the strike K/r, r times: what an option is worth whose forward is r times the spot price."""
    now, last = _years(options, frame.time), _years(options, frame.last_time)
    forwards, levels = np.array([quoted.forward for quoted in options]), _levels(options)
    strikes = np.array([float(quoted.entry.strike) for quoted in options]) / forwards
    signs = np.array([option_sign(quoted.entry) for quoted in options])
    volatilities = np.array([quoted.volatility for quoted in options])
    book = option_book(strikes.tolist(), signs.tolist(), now.ravel().tolist(), last.ravel().tolist())
    marks = black76(frame.price, strikes, volatilities, now.ravel(), signs) * forwards
    values = corner_values(book, frame.nodes, levels) * forwards[:, None, None]
    return _valuations(values, marks, gap_bounds(book, frame.nodes, levels) * forwards)


def _digital(options: Sequence[Quoted], frame: Frame) -> list[Valuation]:
    """Once the settlement price is being averaged, the price no longer tells on which side it will come to lie:
    then the gap is the payout."""
    now, last = np.sqrt(_years(options, frame.time)), np.sqrt(_years(options, frame.last_time))
    book = digital_book([quoted.entry for quoted in options if isinstance(quoted.entry, Digital)])
    book = replace(book, strike=book.strike / _column([quoted.forward for quoted in options]))
    levels = _levels(options)
    values = book.values(frame.nodes[None, :, None], levels[:, None, :] * now)
    marks = book.values(np.array(frame.price), _column([quoted.volatility for quoted in options]) * now)
    gaps = digital_gaps(book, values, frame.nodes, levels, (last, now))
    averaged = _years(options, frame.last_time + frame.average_seconds) == 0
    gaps = np.where(averaged, book.payout, gaps[:, None, None]).ravel()
    return _valuations(values, marks, gaps)


def _barrier(options: Sequence[Quoted], frame: Frame) -> list[Valuation]:
    """Where the window reaches the barrier, the option may be crossed anywhere in it before the proof is renewed: the
    values are then the mean of the living and the crossed option's, which makes the gap as small as one number can."""
    now, last = np.sqrt(_years(options, frame.time)), np.sqrt(_years(options, frame.last_time))
    book = barrier_book([quoted.entry for quoted in options if isinstance(quoted.entry, Barrier)])
    levels = _levels(options)
    prices, deviations = frame.nodes[None, :, None], levels[:, None, :] * now
    living, crossed = book.values(prices, deviations), book.crossed_values(prices, deviations)
    values = np.where(book.reachable(frame.nodes), (living + crossed) / 2, living)
    marks = book.values(np.array(frame.price), _column([quoted.volatility for quoted in options]) * now)
    return _valuations(values, marks, barrier_gaps(book, values, frame.nodes, levels, (last, now)))
