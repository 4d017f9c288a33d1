"""`zkclear stress`: the READMEs' commands, its JSON, its table and plots, and how it ends."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devnet.cli import app
from devnet.stress.policies import POLICIES

ROOT = Path(__file__).parents[3]
READMES = (ROOT / "README.md", ROOT / "devnet" / "stress" / "README.md")
FIGURES = {
    "bad_debt_usd",
    "insurance_usd",
    "open_interest_usd",
    "liquidations",
    "cascaded",
    "overshoot",
    "shortfall_usd",
    "tear_up_overshoot_usd",
}
HOURS = """time,btc_open,btc_high,btc_low,btc_close
2020-03-12T00:00Z,8000,8000,7900,7900
2020-03-12T01:00Z,7900,7900,7200,7300
2020-03-12T02:00Z,7300,7300,6000,6200
2020-03-12T03:00Z,6200,6500,5600,5700
2020-03-12T04:00Z,5700,5900,5400,5600
2020-03-12T05:00Z,5600,5900,5500,5800
"""


def stress(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["stress", *map(str, arguments)])


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    path = tmp_path / "hours.csv"
    path.write_text(HOURS)
    return path


def test_json_has_exactly_the_figures_of_each_policy(candles: Path) -> None:
    shown = stress("--candles", candles, "--accounts", 20, "--json")
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert list(found) == [policy.name for policy in POLICIES]
    for figures in found.values():
        assert set(figures) == FIGURES


@pytest.mark.parametrize("readme", READMES, ids=["root", "stress"])
def test_the_commands_of_the_readmes_run(tmp_path: Path, readme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few accounts, one policy, and six hours in place of the files that they name."""
    monkeypatch.setattr("devnet.stress.cli.POLICIES", POLICIES[-1:])
    found = re.findall(r"^ {4}(?:\.venv/bin/)?zkclear stress ?(.*?)(?:\s+#.*)?$", readme.read_text(), re.M)
    assert found
    monkeypatch.chdir(tmp_path)
    for command in found:
        arguments = shlex.split(command)
        for place, argument in enumerate(arguments):
            if argument.endswith(".csv"):
                assert argument == "FILE.csv" or (ROOT / argument).exists()
                (tmp_path / argument).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / argument).write_text(HOURS)
            if place and arguments[place - 1] == "--accounts":
                arguments[place] = "20"
        if "--accounts" not in arguments:
            arguments += ["--accounts", "20"]
        shown = stress(*arguments)
        assert shown.exit_code == 0, shown.output


def test_the_same_command_prints_the_same_line_twice(candles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devnet.stress.cli.POLICIES", POLICIES[-1:])
    first, second = (stress("--candles", candles, "--accounts", 20, "--seed", 5, "--json") for _ in range(2))
    assert first.stdout == second.stdout


def test_the_table_names_every_policy_and_plots_are_written(candles: Path, tmp_path: Path) -> None:
    shown = stress("--candles", candles, "--accounts", 20, "--plots", tmp_path / "plots")
    assert shown.exit_code == 0
    assert "hours: 24 rounds" in shown.stdout
    for word in ("static", "volatility aware", "predictive", "full", "partial", "auction", "market order"):
        assert word in shown.stdout
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["btc.png", "losses.png"]
    for path in (tmp_path / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_plots_that_cannot_be_written_are_said_so(
    candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devnet.stress.cli.POLICIES", POLICIES[-1:])
    (tmp_path / "plots").write_text("a file")
    shown = stress("--candles", candles, "--accounts", 20, "--plots", tmp_path / "plots", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["error"] == "PlotsUnwritable"


def test_a_bad_file_ends_with_1_and_names_line_and_column(candles: Path) -> None:
    candles.write_text(HOURS.replace("7300,7300,6000", "7300,7300,-6000"))
    shown = stress("--candles", candles, "--json")
    assert shown.exit_code == 1
    error = json.loads(shown.stdout)
    assert (error["error"], error["file"], error["line"], error["field"]) == (
        "CandlesUnusable",
        "hours.csv",
        4,
        "btc_low",
    )


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--crash", "plague"), "crash"),
        (("--accounts", "3"), "accounts"),
        (("--accounts", "1000000"), "accounts"),
        (("--candles", "hours.csv", "--crash", "cliff"), "crash"),
    ],
)
def test_a_setting_that_makes_no_experiment_is_refused_at_once(arguments: tuple[str, ...], setting: str) -> None:
    shown = stress(*arguments, "--json")
    assert shown.exit_code == 1
    error = json.loads(shown.stdout)
    assert (error["error"], error["setting"]) == ("ExperimentInvalid", setting)


def test_a_price_that_no_ledger_serves_is_refused(candles: Path) -> None:
    rows = [f"2020-03-12T{hour:02}:00Z,0.00000002,0.00000002,0.00000001,0.00000001" for hour in range(6)]
    candles.write_text("\n".join([HOURS.splitlines()[0], *rows]))
    shown = stress("--candles", candles, "--json")
    assert shown.exit_code == 1
    assert "error" in json.loads(shown.stdout)
