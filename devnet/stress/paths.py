"""Price paths: recorded candles in rounds of a quarter of an hour, and crashes drawn from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path as FilePath
from typing import Final

import numpy as np

from devnet.stress.errors import ExperimentInvalid
from node.market.instruments import FEED_UNITS
from node.market.parameters import YEAR_SECONDS
from node.oracle.candles import Candle
from node.risk.candles import HOUR, TICKS_PER_CANDLE, Tape, load_tapes

ROUND_SECONDS: Final = HOUR // TICKS_PER_CANDLE
MAX_ROUNDS: Final = 4 * 24 * TICKS_PER_CANDLE
"""Of a longer file, the rounds around its deepest fall are played."""
_LEAD: Final = MAX_ROUNDS // 2
_START: Final = 1_600_000_200
_NOISE: Final = 0.6
"""Annual volatility of what is drawn around a crash's shape."""
CRASHES: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "cliff": ((0, 1.0), (12, 0.99), (13, 0.78), (16, 0.70), (24, 0.80), (48, 0.85)),
    "grind": ((0, 1.0), (12, 0.99), (60, 0.60), (84, 0.65)),
    "waves": ((0, 1.0), (12, 0.97), (15, 0.83), (27, 0.92), (30, 0.66), (54, 0.75)),
}
"""Hours from the start, and the share of the first price that is left by then; straight in the logarithm between."""


@dataclass(frozen=True, slots=True)
class PricePath:
    """What the prices would be without anybody in the laboratory: feed units by symbol, one for each of `times`."""

    name: str
    times: tuple[int, ...]
    prices: Mapping[str, tuple[int, ...]]

    @property
    def symbols(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(self.prices)


def recorded_path(file: FilePath) -> PricePath:
    """The path that a file of candles stands for: the four prices of each hour, candles shorter than that put together.

    Raises:
        node.risk.errors.CandlesUnusable: naming file, line and column.
    """
    tapes = load_tapes(file, least_seconds=HOUR)
    hourly = {tape.symbol: _hourly(tape) for tape in tapes}
    first = next(iter(hourly.values()))
    times = tuple(candle.time + place * ROUND_SECONDS for candle in first for place in range(TICKS_PER_CANDLE))
    prices = {symbol: tuple(p for candle in candles for p in candle.path) for symbol, candles in hourly.items()}
    return _bounded(PricePath(file.stem, times, prices))


def _hourly(tape: Tape) -> list[Candle]:
    per_hour = HOUR // tape.tick_seconds
    groups = (tape.ticks[at : at + per_hour] for at in range(0, len(tape.ticks), per_hour))
    return [
        Candle(
            group[0].time,
            group[0].price,
            max(tick.high for tick in group),
            min(tick.low for tick in group),
            group[-1].price,
        )
        for group in groups
    ]


def _bounded(path: PricePath) -> PricePath:
    """At most `MAX_ROUNDS`, with the end of the deepest fall of any symbol in the middle."""
    if len(path.times) <= MAX_ROUNDS:
        return path
    bottom = max((_deepest(prices) for prices in path.prices.values()), key=lambda found: found.depth).place
    start = min(max(bottom - _LEAD, 0), len(path.times) - MAX_ROUNDS)
    cut = slice(start, start + MAX_ROUNDS)
    return PricePath(path.name, path.times[cut], {symbol: prices[cut] for symbol, prices in path.prices.items()})


@dataclass(frozen=True, slots=True)
class _Fall:
    depth: float
    place: int


def _deepest(prices: tuple[int, ...]) -> _Fall:
    """The deepest fall from any earlier price."""
    series = np.array(prices, dtype=np.float64)
    falls = 1 - series / np.maximum.accumulate(series)
    place = int(falls.argmax())
    return _Fall(float(falls[place]), place)


def synthetic_path(name: str, seed: int) -> PricePath:
    """The crash of this name: its shape, and noise drawn from the seed.

    Raises:
        ExperimentInvalid: no crash of this name.
    """
    shape = CRASHES.get(name)
    if shape is None:
        raise ExperimentInvalid("crash", f"{name} is none of {', '.join(CRASHES)}")
    rounds = int(shape[-1][0] * TICKS_PER_CANDLE) + 1
    hours = np.arange(rounds) / TICKS_PER_CANDLE
    drift = np.interp(hours, [hour for hour, _ in shape], [log(level) for _, level in shape])
    steps = np.random.default_rng(seed).normal(0, _NOISE * sqrt(ROUND_SECONDS / YEAR_SECONDS), rounds)
    steps[0] = 0
    noise = np.cumsum(steps)
    start = 10_000 * FEED_UNITS
    prices = tuple(int(start * exp(log_price)) for log_price in drift + noise)
    return PricePath(name, tuple(_START + place * ROUND_SECONDS for place in range(rounds)), {"BTC": prices})
