"""Price paths: recorded ones are the file's, bounded and evenly spaced; drawn ones follow from their seed."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from devnet.stress.errors import ExperimentInvalid
from devnet.stress.paths import CRASHES, MAX_ROUNDS, ROUND_SECONDS, recorded_path, synthetic_path
from node.market.instruments import FEED_UNITS
from node.oracle.candles import load_history
from node.risk.errors import CandlesUnusable

CANDLES = Path(__file__).parents[3] / "devnet" / "data" / "candles_1h_2020-03-11_13.csv"
HEADER = "time,btc_open,btc_high,btc_low,btc_close"


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def minutes(count: int, price: int = 1000) -> list[str]:
    """One candle a minute that stands still."""
    return [
        f"2020-01-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}Z,{price},{price},{price},{price}"
        for minute in range(count)
    ]


def hours(prices: list[int]) -> list[str]:
    first = datetime(2020, 1, 1)
    moments = (first + timedelta(hours=hour) for hour in range(len(prices)))
    return [
        f"{moment:%Y-%m-%dT%H:%MZ},{price},{price},{price},{price}"
        for moment, price in zip(moments, prices, strict=True)
    ]


def test_hourly_candles_are_the_ticks_that_the_oracle_replays() -> None:
    path, history = recorded_path(CANDLES), load_history(CANDLES)
    assert path.symbols == ("BTC", "ETH")
    for symbol in path.symbols:
        assert path.prices[symbol] == tuple(tick.price for tick in history.ticks(symbol))
        assert path.times == tuple(tick.time for tick in history.ticks(symbol))


def test_rounds_are_a_quarter_of_an_hour_apart() -> None:
    times = recorded_path(CANDLES).times
    assert {after - before for before, after in pairwise(times)} == {ROUND_SECONDS}


def test_minutes_are_put_together_to_hours_that_keep_their_extremes(tmp_path: Path) -> None:
    rows = minutes(120)
    rows[30] = "2020-01-01T00:30Z,1000,1000,700,900"
    rows[95] = "2020-01-01T01:35Z,1000,1300,1000,1000"
    path = recorded_path(write(tmp_path / "minutes.csv", rows))
    assert len(path.times) == 8
    assert min(path.prices["BTC"][:4]) == 700 * FEED_UNITS
    assert max(path.prices["BTC"][4:]) == 1300 * FEED_UNITS


def test_of_a_month_the_days_around_the_deepest_fall_are_played(tmp_path: Path) -> None:
    prices = [1000] * 700
    prices[500] = 500
    prices[100] = 700
    path = recorded_path(write(tmp_path / "month.csv", hours(prices)))
    assert len(path.times) == MAX_ROUNDS
    assert min(path.prices["BTC"]) == 500 * FEED_UNITS
    assert 700 * FEED_UNITS not in path.prices["BTC"]


def test_a_fall_at_the_very_end_is_played_too(tmp_path: Path) -> None:
    path = recorded_path(write(tmp_path / "end.csv", hours([1000] * 699 + [600])))
    assert len(path.times) == MAX_ROUNDS
    assert path.prices["BTC"][-1] == 600 * FEED_UNITS


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    assert len(recorded_path(write(tmp_path / "short.csv", hours([1000, 900, 800]))).times) == 12


@pytest.mark.parametrize(
    ("rows", "line", "field"),
    [
        (["2020-01-01T00:00Z,1,2,1,1", "2020-01-01T01:00Z,1,-2,1,1"], 3, "btc_high"),
        (["2020-01-01T00:00Z,1,2,1,1", "2020-01-01T01:00Z,1,2,1"], 3, "row"),
        (["2020-01-01T00:00Z,1,2,1,1", "yesterday,1,2,1,1"], 3, "time"),
        (["2020-01-01T00:00Z,1,2,1,1", "2020-01-01T01:00Z,1,2,1,1", "2020-01-01T03:00Z,1,2,1,1"], 4, "time"),
        (["2020-01-01T00:00Z,1,2,1,1"], 2, "time"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused_with_line_and_column(
    tmp_path: Path, rows: list[str], line: int, field: str
) -> None:
    with pytest.raises(CandlesUnusable) as caught:
        recorded_path(write(tmp_path / "bad.csv", rows))
    assert (caught.value.file, caught.value.line, caught.value.field) == ("bad.csv", line, field)


@pytest.mark.parametrize("name", CRASHES)
def test_a_drawn_crash_follows_from_its_seed_and_falls_as_far_as_its_shape(name: str) -> None:
    path = synthetic_path(name, 7)
    assert path == synthetic_path(name, 7)
    assert path.prices != synthetic_path(name, 8).prices
    lowest = min(level for _, level in CRASHES[name])
    assert min(path.prices["BTC"]) / path.prices["BTC"][0] == pytest.approx(lowest, rel=0.2)


def test_an_unknown_crash_is_refused() -> None:
    with pytest.raises(ExperimentInvalid) as caught:
        synthetic_path("plague", 1)
    assert caught.value.setting == "crash"
