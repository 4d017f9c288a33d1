"""Recorded markets: hourly candles from a CSV file, and the path of prices they stand for.

The header is `time,btc_open,btc_high,btc_low,btc_close,eth_open,…`: one group of four columns per symbol, in
USD; lines that begin with `#` are skipped; times are ISO 8601, UTC. Prices become integers in feed units
(1e-8 USD) and must have no more than eight decimals.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from node.market.instruments import FEED_UNITS, MAXIMUM_PRICE
from node.oracle.errors import CandlesInvalid, FeedUnknown

CANDLE_SECONDS: Final = 3600
TICKS_PER_CANDLE: Final = 4
TICK_SECONDS: Final = CANDLE_SECONDS // TICKS_PER_CANDLE
_SIDES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Candle:
    """One hour of one symbol from `time` on (unix seconds); prices in feed units."""

    time: int
    open: int
    high: int
    low: int
    close: int

    @property
    def path(self) -> tuple[int, int, int, int]:
        """The four prices in the order they are taken to have come: the low first if the hour closed up."""
        if self.close >= self.open:
            return self.open, self.low, self.high, self.close
        return self.open, self.high, self.low, self.close


@dataclass(frozen=True, slots=True)
class Tick:
    """A price (feed units) from `time` on."""

    time: int
    price: int


@dataclass(frozen=True, slots=True)
class SymbolCandles:
    """The candles of one symbol, ascending in time, an hour apart where none is missing."""

    symbol: str
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What one file holds."""

    series: tuple[SymbolCandles, ...]

    def candles(self, symbol: str) -> tuple[Candle, ...]:
        """The candles of a symbol ("BTC"). Raises FeedUnknown."""
        for entry in self.series:
            if entry.symbol == symbol:
                return entry.candles
        raise FeedUnknown(symbol)

    def ticks(self, symbol: str) -> tuple[Tick, ...]:
        """The path of a symbol, four ticks an hour, fifteen minutes apart. Raises FeedUnknown."""
        return tuple(
            Tick(candle.time + place * TICK_SECONDS, price)
            for candle in self.candles(symbol)
            for place, price in enumerate(candle.path)
        )


def load_history(path: Path) -> History:
    """Reads a file of candles.

    Raises:
        CandlesInvalid: naming the first line and column at fault.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return parse_history(file.read().splitlines())


def parse_history(lines: Sequence[str]) -> History:
    """The history that the lines of a file hold. Raises CandlesInvalid."""
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not rows:
        raise CandlesInvalid(max(len(lines), 1), "header", "missing")
    header_line, header = rows[0]
    symbols = _symbols(header_line, next(csv.reader([header])))
    columns: dict[str, list[Candle]] = {symbol: [] for symbol in symbols}
    before = None
    for number, line in rows[1:]:
        fields = next(csv.reader([line]))
        if len(fields) != 1 + len(_SIDES) * len(symbols):
            raise CandlesInvalid(number, "row", f"{len(fields)} fields")
        time = _time(number, fields[0])
        if before is not None and time <= before:
            raise CandlesInvalid(number, "time", "not after the line before")
        before = time
        for place, symbol in enumerate(symbols):
            start = 1 + len(_SIDES) * place
            columns[symbol].append(_candle(number, symbol, time, fields[start : start + len(_SIDES)]))
    if before is None:
        raise CandlesInvalid(header_line, "row", "no candles")
    return History(tuple(SymbolCandles(symbol, tuple(candles)) for symbol, candles in columns.items()))


def _symbols(line: int, header: list[str]) -> tuple[str, ...]:
    """The symbols, in capitals, of a header's groups of columns."""
    if not header or header[0] != "time":
        raise CandlesInvalid(line, "time", "is not the first column")
    symbols = tuple(name.removesuffix("_open") for name in header[1 :: len(_SIDES)])
    expected = ["time", *(f"{symbol}_{side}" for symbol in symbols for side in _SIDES)]
    for place in range(max(len(header), len(expected))):
        found = header[place] if place < len(header) else ""
        wanted = expected[place] if place < len(expected) else ""
        if found != wanted:
            raise CandlesInvalid(line, wanted or found, f"the header has {found!r} in its place")
    if not symbols or len(set(symbols)) != len(symbols):
        raise CandlesInvalid(line, "header", "no symbol, or one named twice")
    return tuple(symbol.upper() for symbol in symbols)


def _time(line: int, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CandlesInvalid(line, "time", f"{text!r} is not ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def _candle(line: int, symbol: str, time: int, fields: Sequence[str]) -> Candle:
    names = [f"{symbol.lower()}_{side}" for side in _SIDES]
    prices = [_price(line, name, text) for name, text in zip(names, fields, strict=True)]
    candle = Candle(time, *prices)
    if candle.high < max(candle.open, candle.close):
        raise CandlesInvalid(line, names[1], "is below the open or the close")
    if candle.low > min(candle.open, candle.close):
        raise CandlesInvalid(line, names[2], "is above the open or the close")
    return candle


def _price(line: int, field: str, text: str) -> int:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise CandlesInvalid(line, field, f"{text!r} is not a number") from None
    if not price.is_finite() or not 0 < price < Decimal(MAXIMUM_PRICE) / FEED_UNITS:
        raise CandlesInvalid(line, field, f"{text!r} is not a price")
    units = price * FEED_UNITS
    if units != int(units):
        raise CandlesInvalid(line, field, f"{text!r} has more than eight decimals")
    return int(units)
