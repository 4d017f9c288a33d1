"""`zkclear risk backtest`: the README's command, its JSON, its plots, and how it ends."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devnet.cli import app

ROOT = Path(__file__).parents[3]
CANDLES = ROOT / "devnet" / "data" / "candles_1h_2020-03-11_13.csv"
README = ROOT / "node" / "risk" / "README.md"


def backtest(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["risk", "backtest", *map(str, arguments)])


@pytest.mark.parametrize("readme", [README, ROOT / "README.md"])
def test_the_commands_of_the_readme_run(tmp_path: Path, readme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.findall(r"^ {4}(?:\.venv/bin/)?zkclear risk backtest (.*?)(?:\s+#.*)?$", readme.read_text(), re.M)
    assert found
    (tmp_path / "devnet").symlink_to(ROOT / "devnet")
    monkeypatch.chdir(tmp_path)
    for command in found:
        assert backtest(*shlex.split(command)).exit_code == 0


def test_json_has_coverage_procyclicality_and_lead_times_of_each_asset() -> None:
    shown = backtest("--candles", CANDLES, "--json")
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert found["rounds"] == 288
    assert [(entry["pair"], entry["horizon_seconds"]) for entry in found["apart"]] == [
        ("BTC/ETH", 3600),
        ("BTC/ETH", 21600),
    ]
    for asset in ("BTC", "ETH"):
        assert set(found["coverage"][asset]) == {"1h", "6h"}
        for horizon in found["coverage"][asset].values():
            assert horizon["coverage"] == 1 - horizon["beyond"] / horizon["moves"]
            assert horizon["met"] is (horizon["coverage"] >= 0.995)
        assert found["procyclicality"][asset]["peak_to_trough"] >= found["procyclicality"][asset]["rises"]["5d"] >= 1
        assert set(found["comparison"][asset]) == {"maintenance", "unbuffered", "emir_buffer"}
        assert found["lead_times"][asset]["threshold_ppm"] == 100_000
        assert 0 <= found["lead_times"][asset]["false_alarm_rate"] <= 1
        assert len(found["lead_times"][asset]["by_threshold"]) == 4


def test_plots_are_written_one_per_asset(tmp_path: Path) -> None:
    shown = backtest("--candles", CANDLES, "--plots", tmp_path / "plots", "--json")
    assert [Path(path).name for path in json.loads(shown.stdout)["plots"]] == ["btc.png", "eth.png"]
    for path in (tmp_path / "plots").iterdir():
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) > 10_000


def test_plots_that_cannot_be_written_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "plots").write_text("a file")
    shown = backtest("--candles", CANDLES, "--plots", tmp_path / "plots", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["error"] == "PlotsUnwritable"


def test_a_bad_file_ends_with_1_and_names_line_and_column(tmp_path: Path) -> None:
    lines = CANDLES.read_text().splitlines()
    lines[9] = re.sub(r",[\d.]+", ",-5", lines[9], count=1)
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    shown = backtest("--candles", tmp_path / "bad.csv", "--json")
    assert shown.exit_code == 1
    error = json.loads(shown.stdout)
    assert (error["error"], error["file"], error["line"], error["field"]) == (
        "CandlesUnusable",
        "bad.csv",
        10,
        "btc_open",
    )


def test_minutes_are_taken_like_hours(tmp_path: Path) -> None:
    rows = [
        f"2020-03-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}Z,{100 + n % 7},110,90,{100 + n % 5}"
        for n in range(2880)
    ]
    (tmp_path / "m.csv").write_text("time,sol_open,sol_high,sol_low,sol_close\n" + "\n".join(rows))
    found = json.loads(backtest("--candles", tmp_path / "m.csv", "--json").stdout)
    assert found["rounds"] == 2880
    assert found["coverage"]["SOL"]["1h"]["moves"] == 2820
