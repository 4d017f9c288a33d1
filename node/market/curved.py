"""What options of every kind are worth throughout a window: values at nodes and levels, marks, gap charges.

One array operation per kind and underlying. An in whose barrier was crossed is valued as the plain option that it has
become; an out is worth nothing from then on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from node.market.exotic_valuation import barrier_book, digital_book
from node.market.gap import corner_values, gap_bounds, option_book
from node.market.instruments import Barrier, Curved, Digital, Option
from node.market.jump_gap import barrier_gaps, digital_gaps
from node.market.valuation import Floats, black76, option_sign, years_to

_BATCH: Final = 64
"""Options per array operation: what they need at once stays in the processor's cache."""

Kind = TypeVar("Kind", Option, Digital, Barrier)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values are wanted: prices in feed units, volatilities as fractions, times in unix seconds.

    `average_seconds` is how long before expiry the settlement price begins to be averaged.
    """

    price: float
    volatility: float
    nodes: Floats
    levels: Floats
    time: int
    last_time: int
    average_seconds: int


@dataclass(frozen=True, slots=True)
class Surface:
    """One option: `values` of shape (nodes, levels), mark, and a bound of every gap between the nodes until
    `last_time`; in feed units per whole unit of the underlying."""

    values: Floats
    mark: float
    gap: float


def surfaces(options: Sequence[Curved], knocked: frozenset[str], frame: Frame) -> dict[str, Surface]:
    """The surface of each living option, by id. `knocked` are the ids of crossed barriers."""
    current = {entry.id: after_crossing(entry) if entry.id in knocked else entry for entry in options}
    living = {entry.id: entry for entry in current.values() if entry is not None}.values()
    made = _batched([entry for entry in living if isinstance(entry, Option)], frame, _plain)
    made |= _batched([entry for entry in living if isinstance(entry, Digital)], frame, _digital)
    made |= _batched([entry for entry in living if isinstance(entry, Barrier)], frame, _barrier)
    nothing = Surface(np.zeros((frame.nodes.size, frame.levels.size)), 0.0, 0.0)
    return {name: nothing if entry is None else made[entry.id] for name, entry in current.items()}


def after_crossing(entry: Curved) -> Curved | None:
    """What a barrier option is once its barrier was crossed: the plain option, or nothing any more."""
    if not isinstance(entry, Barrier):
        return entry
    if not entry.barrier_kind.is_in:
        return None
    return Option(entry.underlying, entry.lot_scale, entry.expiry, entry.strike, entry.kind, entry.tick)


def _batched(
    options: Sequence[Kind], frame: Frame, value: Callable[[Sequence[Kind], Frame], list[Surface]]
) -> dict[str, Surface]:
    made: dict[str, Surface] = {}
    for start in range(0, len(options), _BATCH):
        batch = options[start : start + _BATCH]
        made |= {entry.id: surface for entry, surface in zip(batch, value(batch, frame), strict=True)}
    return made


def _years(options: Sequence[Curved], time: int) -> Floats:
    return np.array([years_to(entry.expiry, time) for entry in options], dtype=np.float64).reshape(-1, 1, 1)


def _surfaces(values: Floats, marks: Floats, gaps: Floats) -> list[Surface]:
    return [
        Surface(surface, float(mark), float(gap))
        for surface, mark, gap in zip(values, marks.ravel(), gaps, strict=True)
    ]


def _plain(options: Sequence[Option], frame: Frame) -> list[Surface]:
    now, last = _years(options, frame.time), _years(options, frame.last_time)
    strikes, signs = [float(entry.strike) for entry in options], [option_sign(entry) for entry in options]
    book = option_book(strikes, signs, now.ravel().tolist(), last.ravel().tolist())
    marks = black76(frame.price, np.array(strikes), frame.volatility, now.ravel(), np.array(signs))
    return _surfaces(corner_values(book, frame.nodes, frame.levels), marks, gap_bounds(book, frame.nodes, frame.levels))


def _digital(digitals: Sequence[Digital], frame: Frame) -> list[Surface]:
    """Once the settlement price is being averaged, the price no longer tells on which side it will come to lie:
    then the gap is the payout."""
    now, last = np.sqrt(_years(digitals, frame.time)), np.sqrt(_years(digitals, frame.last_time))
    book = digital_book(digitals)
    values = book.values(frame.nodes[None, :, None], frame.levels[None, None, :] * now)
    marks = book.values(np.array(frame.price), frame.volatility * now)
    gaps = digital_gaps(book, values, frame.nodes, frame.levels, (last, now))
    averaged = _years(digitals, frame.last_time + frame.average_seconds) == 0
    gaps = np.where(averaged, book.payout, gaps[:, None, None]).ravel()
    return _surfaces(values, marks, gaps)


def _barrier(barriers: Sequence[Barrier], frame: Frame) -> list[Surface]:
    """Where the window reaches the barrier, the option may be crossed anywhere in it before the proof is renewed: the
    values are then the mean of the living and the crossed option's, which makes the gap as small as one number can."""
    now, last = np.sqrt(_years(barriers, frame.time)), np.sqrt(_years(barriers, frame.last_time))
    book = barrier_book(barriers)
    prices, deviations = frame.nodes[None, :, None], frame.levels[None, None, :] * now
    living, crossed = book.values(prices, deviations), book.crossed_values(prices, deviations)
    values = np.where(book.reachable(frame.nodes), (living + crossed) / 2, living)
    marks = book.values(np.array(frame.price), frame.volatility * now)
    return _surfaces(values, marks, barrier_gaps(book, values, frame.nodes, frame.levels, (last, now)))
