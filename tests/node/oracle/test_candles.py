"""Recorded candles: paths, and faults named by line and column."""

import pytest

from node.oracle.candles import Candle, load_history, parse_history
from node.oracle.errors import CandlesInvalid, FeedUnknown

HEADER = "time,btc_open,btc_high,btc_low,btc_close,eth_open,eth_high,eth_low,eth_close"
FIRST = "2020-03-12T10:00Z,7300,7400,7200,7350,170,171,160,165"
SECOND = "2020-03-12T11:00Z,7350,7360,5555,5600.5,165,166,120,130.25"
USD = 10**8
TEN = 1_584_007_200


def test_candles_become_integers_by_symbol():
    history = parse_history(["# source", HEADER, FIRST, "", SECOND])
    assert [entry.symbol for entry in history.series] == ["BTC", "ETH"]
    assert history.candles("BTC")[1] == Candle(TEN + 3_600, 7_350 * USD, 7_360 * USD, 5_555 * USD, 560_050_000_000)
    assert history.candles("ETH")[1].close == 13_025_000_000


def test_an_hour_that_closed_up_went_low_first_and_one_that_closed_down_high_first():
    history = parse_history([HEADER, FIRST, SECOND])
    ticks = [(tick.time - TEN, tick.price // USD) for tick in history.ticks("BTC")]
    assert ticks == [
        (0, 7_300),
        (900, 7_200),
        (1_800, 7_400),
        (2_700, 7_350),
        (3_600, 7_350),
        (4_500, 7_360),
        (5_400, 5_555),
        (6_300, 5_600),
    ]


def test_a_symbol_that_was_not_recorded_is_named():
    with pytest.raises(FeedUnknown, match="DOGE"):
        parse_history([HEADER, FIRST]).ticks("DOGE")


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "candles.csv"
    path.write_text(f"# by hand\n{HEADER}\n{FIRST}\n{SECOND}\n", encoding="utf-8")
    assert load_history(path) == parse_history([HEADER, FIRST, SECOND])


def row(place: int, value: str) -> str:
    fields = FIRST.split(",")
    fields[place] = value
    return ",".join(fields)


@pytest.mark.parametrize(
    ("lines", "line", "field"),
    [
        ([], 1, "header"),
        (["# nothing"], 1, "header"),
        ([HEADER], 1, "row"),
        ([HEADER.replace("time", "date"), FIRST], 1, "time"),
        ([HEADER.replace("btc_low", "btc_floor"), FIRST], 1, "btc_low"),
        (["time", FIRST], 1, "header"),
        ([HEADER, FIRST + ",1"], 2, "row"),
        (["#", HEADER, row(0, "noon")], 3, "time"),
        ([HEADER, SECOND, FIRST], 3, "time"),
        ([HEADER, FIRST, FIRST], 3, "time"),
        ([HEADER, row(1, "dear")], 2, "btc_open"),
        ([HEADER, row(1, "nan")], 2, "btc_open"),
        ([HEADER, row(1, "Infinity")], 2, "btc_open"),
        ([HEADER, row(7, "-160")], 2, "eth_low"),
        ([HEADER, row(7, "0")], 2, "eth_low"),
        ([HEADER, row(7, "0.123456789")], 2, "eth_low"),
        ([HEADER, row(2, "7299")], 2, "btc_high"),
        ([HEADER, row(3, "7301")], 2, "btc_low"),
    ],
)
def test_a_fault_is_named_by_line_and_column(lines, line, field):
    with pytest.raises(CandlesInvalid) as refusal:
        parse_history(lines)
    assert (refusal.value.line, refusal.value.field) == (line, field)
