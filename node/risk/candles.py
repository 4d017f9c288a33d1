"""Candles for a backtest: the file that the oracle's replay reads, with even spacing and nothing missing."""

import csv
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from node.oracle.candles import Candle, SymbolCandles, parse_history
from node.oracle.errors import CandlesInvalid
from node.risk.errors import CandlesUnusable

MAX_FILE_BYTES: Final = 128 << 20
HOUR: Final = 3600
TICKS_PER_CANDLE: Final = 4
_LEAST_TICK: Final = 60
_DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Tick:
    """The price (feed units) from `time` on, and the least and greatest that were seen on the way to it."""

    time: int
    price: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Tape:
    """The prices of one symbol, `tick_seconds` apart; tapes of one file share their times."""

    symbol: str
    tick_seconds: int
    ticks: tuple[Tick, ...]


def load_tapes(path: Path, *, least_seconds: int = _DAY) -> tuple[Tape, ...]:
    """The tapes of a CSV file with the header `time,btc_open,btc_high,btc_low,btc_close,…`; lines with # are skipped.

    Candles of four minutes or more stand for four prices each, in the order of `Candle.path`. Shorter ones stand for
    their close, with the extremes beside it.

    Raises:
        CandlesUnusable: naming the file, the first line at fault and the column. Times must be evenly spaced, by a
            part of an hour, and span at least `least_seconds`.
    """
    lines = _lines(path)
    try:
        history = parse_history(lines)
    except CandlesInvalid as error:
        raise CandlesUnusable(path.name, error.line, error.field, error.reason) from error
    except csv.Error as error:
        raise CandlesUnusable(path.name, 0, "", str(error)) from error
    spacing = _spacing(path.name, lines, [candle.time for candle in history.series[0].candles], least_seconds)
    return tuple(_tape(entry, spacing) for entry in history.series)


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CandlesUnusable(path.name, 0, "", str(error.strerror)) from error
    if len(data) > MAX_FILE_BYTES:
        raise CandlesUnusable(path.name, 0, "", f"more than {MAX_FILE_BYTES} bytes")
    if not data.strip():
        raise CandlesUnusable(path.name, 0, "", "is empty")
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CandlesUnusable(path.name, data[: error.start].count(b"\n") + 1, "", "is not UTF-8") from error


def _spacing(file: str, lines: list[str], times: list[int], least_seconds: int) -> int:
    """Seconds from one candle to the next, everywhere the same."""
    numbers = [number for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")][1:]
    if len(times) < 2:
        raise CandlesUnusable(file, numbers[-1], "time", "is the only candle")
    spacing = min(after - before for before, after in pairwise(times))
    if HOUR % spacing or spacing < _LEAST_TICK:
        raise CandlesUnusable(file, numbers[1], "time", f"candles of {spacing} seconds are neither hours nor a part")
    for number, (before, after) in zip(numbers[1:], pairwise(times), strict=True):
        if after - before != spacing:
            raise CandlesUnusable(
                file, number, "time", f"{after - before} seconds after the line before, not {spacing}"
            )
    if times[-1] + spacing - times[0] < least_seconds:
        hours = least_seconds // HOUR
        raise CandlesUnusable(file, numbers[-1], "time", f"ends within {hours} hours of the first candle")
    return spacing


def _tape(entry: SymbolCandles, spacing: int) -> Tape:
    if spacing < TICKS_PER_CANDLE * _LEAST_TICK:
        closes = (Tick(candle.time + spacing, candle.close, candle.low, candle.high) for candle in entry.candles)
        return Tape(entry.symbol, spacing, tuple(closes))
    seconds = spacing // TICKS_PER_CANDLE
    return Tape(entry.symbol, seconds, tuple(tick for candle in entry.candles for tick in _path(candle, seconds)))


def _path(candle: Candle, seconds: int) -> list[Tick]:
    return [Tick(candle.time + place * seconds, price, price, price) for place, price in enumerate(candle.path)]
