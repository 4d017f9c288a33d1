"""Every command that a README shows is run by a test: here, or in the test that is named for it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import with_cache

ROOT = Path(__file__).parent.parent
READMES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("README.md")
    if not {".venv", "node_modules", ".devnet"} & set(path.relative_to(ROOT).parts)
)
ELSEWHERE = {
    "make test": "the continuous integration runs it: this test is part of it",
    "make unit": "the part of `make test` that this test belongs to",
    "make fuzz": "tests/fuzz/test_targets.py runs one of its targets, where atheris is installed",
    "make stubs": "tests/test_stubs.py runs what it runs",
    "zkclear devnet stop": "tests/devnet/test_cli.py",
    "zkclear devnet continue": "tests/devnet/test_cli.py",
    "zkclear devnet reset": "tests/devnet/test_cli.py",
    "zkclear margin": "tests/node/margin/test_cli.py runs them as they stand",
    "zkclear risk backtest": "tests/node/risk/test_backtest_cli.py runs them as they stand",
    "zkclear risk conformance": "tests/node/risk/test_conformance_cli.py runs it on the same folder",
    "zkclear stress": "tests/devnet/stress/test_cli.py, with few accounts",
    "zkclear risk efficiency": "tests/node/risk/test_efficiency.py",
    "zkclear bench gas": "tests/devnet/test_gas_bench.py",
    "zkclear bench proofs": "tests/devnet/test_proof_bench.py, with the smallest size",
    "zkclear bench verify": "tests/devnet/test_proof_bench.py, with few proofs",
    "zkclear audit": "tests/e2e/test_audit.py runs each of them",
    "zkclear exit": "tests/e2e/test_exit.py leaves with each of them",
    "zkclear node run": "each end-to-end test starts its nodes with it",
    "zkclear node ceremony": "tests/node/test_ceremony.py, and the start of each devnet",
    "zkclear node rotation": "tests/node/test_rotations.py, and a whole hand-over in tests/e2e/test_rotation.py",
    "zkclear node status": "tests/devnet/test_cli.py",
    "zkclear node guard": "tests/node/test_guard_cli.py",
    "zkclear node breaker": "tests/node/test_breaker_cli.py",
    "pytest tests/benchmarks": "tests/benchmarks run with `make test`, untimed",
}
HEADER = "time,btc_open,btc_high,btc_low,btc_close,eth_open,eth_high,eth_low,eth_close"
HERE = ("make devnet", "zkclear devnet run", "zkclear --help")


def shown_commands() -> list[str]:
    """The commands in the indented blocks of all READMEs, without their comments."""
    found = []
    for readme in READMES:
        for line in (ROOT / readme).read_text(encoding="utf-8").splitlines():
            match = re.match(r" {4,}(?:\.venv/bin/)?((?:make|zkclear|pytest|python) .*)", line)
            if match:
                found.append(re.sub(r"\s+#.*", "", match[1]).strip())
    return found


def test_each_command_is_run_somewhere():
    commands = shown_commands()
    assert commands, "the READMEs show no commands any more"
    unknown = [c for c in commands if not c.startswith((*ELSEWHERE, *HERE))]
    assert not unknown


def test_each_stated_place_is_needed():
    commands = shown_commands()
    unused = [prefix for prefix in (*ELSEWHERE, *HERE) if not any(c.startswith(prefix) for c in commands)]
    assert not unused


def test_the_help_names_the_devnet_and_the_node():
    shown = subprocess.run(
        [sys.executable, "-m", "devnet.cli", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "devnet" in shown.stdout
    assert "node" in shown.stdout


@pytest.mark.e2e
@pytest.mark.timeout(1000)
def test_the_command_of_the_readme_plays_a_flat_market_in_which_nobody_is_called(tmp_path: Path, cache: Path):
    report, flat, folder = tmp_path / "report.json", tmp_path / "flat.csv", with_cache(tmp_path / "run", cache)
    rows = [f"2022-01-01T{hour:02d}:00Z,9000,9000,9000,9000,300,300,300,300" for hour in range(3)]
    flat.write_text("\n".join(["# prices that do not move", HEADER, *rows]) + "\n")
    paths = {"--report": report, "--replay": flat, "--folder": folder}
    arguments = " ".join(
        ["--exit --hours 3", *(f"{option} {shlex.quote(str(path))}" for option, path in paths.items())]
    )
    played = subprocess.run(
        ["make", "devnet", f"ARGS={arguments}"], capture_output=True, text=True, timeout=900, cwd=ROOT, check=False
    )
    assert played.returncode == 0, played.stdout[-2000:] + played.stderr[-2000:]
    figures = json.loads(report.read_text())
    assert figures["invariants"] == {"matched_book": True, "full_reserves": True}
    assert len(set(figures["roots"].values())) == 1
    assert figures["trades"] > 0
    assert figures["calls"] == 0
    assert figures["defaults"] == []
