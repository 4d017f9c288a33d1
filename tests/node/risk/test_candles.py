"""Files of candles: what is taken, and how a bad one is refused by file, line and column."""

from collections.abc import Callable
from pathlib import Path

import pytest

from node.risk.candles import load_tapes
from node.risk.errors import CandlesUnusable

HEADER = "time,btc_open,btc_high,btc_low,btc_close"


def written(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join(["# a comment", header, *rows]) + "\n")
    return path


def hourly(count: int = 30) -> list[str]:
    return [f"2020-03-{1 + n // 24:02d}T{n % 24:02d}:00Z,100,110,90,105" for n in range(count)]


def minutely(count: int = 24 * 60) -> list[str]:
    return [f"2020-03-01T{n // 60:02d}:{n % 60:02d}Z,100,110,90,105" for n in range(count)]


def test_an_hour_is_four_prices_a_quarter_apart(tmp_path: Path) -> None:
    (tape,) = load_tapes(written(tmp_path / "c.csv", hourly()))
    assert (tape.symbol, tape.tick_seconds, len(tape.ticks)) == ("BTC", 900, 120)
    assert [tick.price // 10**8 for tick in tape.ticks[:4]] == [100, 90, 110, 105]
    assert all(tick.low == tick.price == tick.high for tick in tape.ticks)


def test_a_minute_is_its_close_with_the_extremes_beside_it(tmp_path: Path) -> None:
    (tape,) = load_tapes(written(tmp_path / "c.csv", minutely()))
    assert (tape.tick_seconds, len(tape.ticks)) == (60, 1440)
    first = tape.ticks[0]
    assert (first.price, first.low, first.high) == (105 * 10**8, 90 * 10**8, 110 * 10**8)
    assert first.time % 86_400 == 60  # a close is known when its minute is over


def swapped(rows: list[str]) -> list[str]:
    return [*rows[:5], rows[6], rows[5], *rows[7:]]


@pytest.mark.parametrize(
    ("spoil", "line", "field"),
    [
        (lambda rows: [*rows[:3], rows[3].replace(",90,", ",-90,"), *rows[4:]], 6, "btc_low"),
        (lambda rows: [*rows[:3], rows[3].replace(",110,", ",80,"), *rows[4:]], 6, "btc_high"),
        (lambda rows: [*rows[:3], rows[3].replace(",105", ",NaN"), *rows[4:]], 6, "btc_close"),
        (lambda rows: [*rows[:3], rows[3].replace(",105", ",Infinity"), *rows[4:]], 6, "btc_close"),
        (lambda rows: [*rows[:3], rows[3].replace(",105", ",0"), *rows[4:]], 6, "btc_close"),
        (lambda rows: [*rows[:3], rows[3].replace(",105", ","), *rows[4:]], 6, "btc_close"),
        (lambda rows: [*rows[:3], rows[3] + ",1", *rows[4:]], 6, "row"),
        (lambda rows: [*rows[:3], "yesterday" + rows[3][17:], *rows[4:]], 6, "time"),
        (lambda rows: [*rows[:10], *rows[11:]], 13, "time"),
        (swapped, 9, "time"),
        (lambda rows: [*rows[:5], rows[4], *rows[5:]], 8, "time"),
        (lambda rows: rows[:1], 3, "time"),
        (lambda rows: rows[:20], 22, "time"),
        (lambda rows: [], 2, "row"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, spoil: Callable[[list[str]], list[str]], line: int, field: str) -> None:
    with pytest.raises(CandlesUnusable) as refused:
        load_tapes(written(tmp_path / "c.csv", spoil(hourly())))
    assert (refused.value.file, refused.value.line, refused.value.field) == ("c.csv", line, field)
    assert str(refused.value).startswith(f"c.csv: line {line}: {field}: ")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing\n", b"\xff\xfe\x00", b"open,high\n1,2\n"])
def test_a_file_without_candles_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "c.csv").write_bytes(data)
    with pytest.raises(CandlesUnusable, match=r"^c\.csv: "):
        load_tapes(tmp_path / "c.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CandlesUnusable, match=r"none\.csv: No such file"):
        load_tapes(tmp_path / "none.csv")


def test_candles_of_seven_minutes_are_no_part_of_an_hour(tmp_path: Path) -> None:
    rows = [f"2020-03-01T{7 * n // 60:02d}:{7 * n % 60:02d}Z,100,110,90,105" for n in range(200)]
    with pytest.raises(CandlesUnusable, match="420 seconds"):
        load_tapes(written(tmp_path / "c.csv", rows))
