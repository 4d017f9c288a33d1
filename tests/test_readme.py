"""Every command that a README shows is run by a test: here, or in the test that is named for it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

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
def test_the_command_of_the_readme_plays_a_market_and_writes_its_report(tmp_path: Path):
    report = tmp_path / "report.json"
    arguments = f"--exit --report {shlex.quote(str(report))} --hours 1 --folder {shlex.quote(str(tmp_path / 'run'))}"
    played = subprocess.run(
        ["make", "devnet", f"ARGS={arguments}"], capture_output=True, text=True, timeout=900, cwd=ROOT, check=False
    )
    assert played.returncode == 0, played.stdout[-2000:] + played.stderr[-2000:]
    figures = json.loads(report.read_text())
    assert figures["invariants"] == {"matched_book": True, "full_reserves": True}
    assert len(set(figures["roots"].values())) == 1
    assert figures["calls"] == 0
