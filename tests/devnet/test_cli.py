"""The devnet's commands around a run: stop, continue, status, reset, and what they say when there is nothing to do."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devnet.cli import COMMANDS, app
from tests.e2e.runs import with_cache

ROOT = Path(__file__).parent.parent.parent
LIMIT = 180.0


def zkclear(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "devnet.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def started(log: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    with log.open("wb") as file:
        return subprocess.Popen([sys.executable, "-m", "devnet.cli", *arguments], stdout=file, stderr=file, cwd=ROOT)


def wait_for(text: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + LIMIT
    while text not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        assert time.monotonic() < limit, f"no {text!r} within {LIMIT} s"
        time.sleep(0.2)


def height(folder: Path) -> int:
    """The first node's final height, as `zkclear node status` prints it."""
    address = json.loads((folder / "devnet.json").read_text())["nodes"][0]["operator"]
    shown = zkclear("node", "status", "--address", address)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    words = shown.stdout.replace("│", " ").split()
    return int(words[words.index("batch") + 1])


@pytest.mark.e2e
def test_a_stopped_devnet_continues_where_it_was_and_can_be_removed(tmp_path: Path, cache: Path):
    folder, log = with_cache(tmp_path / "run", cache), tmp_path / "log"
    first = started(log, "devnet", "run", "--folder", str(folder), "--hours", "1")
    try:
        wait_for("collateral is in", log, first)
        before = height(folder)
        assert zkclear("devnet", "reset", "--folder", str(folder)).returncode == 1
        assert zkclear("devnet", "stop", "--folder", str(folder)).returncode == 0
        assert first.wait(LIMIT) == 0
    finally:
        first.kill()
    second = started(log, "devnet", "continue", "--folder", str(folder))
    try:
        wait_for("The network is up", log, second)
        limit = time.monotonic() + LIMIT
        while height(folder) <= before + 2:
            assert time.monotonic() < limit, "the continued network makes no batches"
            time.sleep(0.5)
        second.send_signal(signal.SIGINT)
        assert second.wait(LIMIT) == 0
    finally:
        second.kill()
    assert zkclear("devnet", "reset", "--folder", str(folder)).returncode == 0
    assert not folder.exists()
    assert any(cache.iterdir()), "what other folders have is left alone"


def test_the_help_names_each_command_and_what_it_is_for():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    lines = [line.strip("│ ").split(maxsplit=1) for line in shown.output.splitlines()]
    assert {words[0] for words in lines if len(words) == 2} >= set(COMMANDS)


def test_a_command_is_imported_when_it_is_asked_for():
    asked = "import sys; from devnet.cli import app; app(['margin', 'verify', '--help'], standalone_mode=False)"
    heavy = "print(*({'matplotlib', 'web3', 'sqlalchemy'} & set(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", f"{asked}; {heavy}"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert shown.stdout.splitlines()[-1] == ""


def test_a_command_that_is_not_there_is_refused_by_name():
    shown = CliRunner().invoke(app, ["clear"])
    assert shown.exit_code == 2
    assert "clear" in shown.output


def test_there_is_nothing_to_stop_in_an_empty_folder(tmp_path: Path):
    shown = CliRunner().invoke(app, ["devnet", "stop", "--folder", str(tmp_path)])
    assert shown.exit_code == 1
    assert "no devnet runs" in shown.output


def test_there_is_nothing_to_continue_in_an_empty_folder(tmp_path: Path):
    shown = CliRunner().invoke(app, ["devnet", "continue", "--folder", str(tmp_path)])
    assert shown.exit_code == 1
    assert "holds no devnet" in " ".join(shown.output.split())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--hours", "0"], "hours"),
        (["--start", "yesterday"], "start"),
        (["--round-spacing", "3"], "round spacing"),
        (["--replay", "nowhere.csv"], "nowhere.csv"),
        (["--hours", "400"], "does not hold"),
    ],
)
def test_a_run_that_cannot_be_says_what_is_wrong(tmp_path: Path, arguments: list[str], complaint: str):
    shown = CliRunner().invoke(app, ["devnet", "run", "--folder", str(tmp_path / "run"), *arguments])
    assert shown.exit_code == 1
    assert complaint in " ".join(shown.output.split())
