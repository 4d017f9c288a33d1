"""`zkclear bench gas`: what a margin proof costs on chain, by receipts of a chain of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GOALS = {"1x64": 600_000, "16x64": 3_000_000}


def bench_gas(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "devnet.cli", "bench", "gas", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
        check=False,
    )


def test_the_figures_are_one_json_object_and_within_the_goals() -> None:
    ended = bench_gas("--json")
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures.keys() == GOALS.keys()
    assert all(21_000 < figures[name] <= GOALS[name] for name in GOALS)


def test_the_table_shows_the_same_sizes() -> None:
    ended = bench_gas()
    assert ended.returncode == 0, ended.stderr
    assert all(name in ended.stdout for name in GOALS)


def test_a_machine_without_anvil_gets_a_clear_message(tmp_path: Path) -> None:
    ended = bench_gas("--json", ZKCLEAR_ANVIL=str(tmp_path / "nowhere"))
    assert ended.returncode == 1
    assert not ended.stdout, "standard output is for figures alone"
    said = " ".join(ended.stderr.split())
    assert "AnvilMissing" in said
    assert "make install" in said
