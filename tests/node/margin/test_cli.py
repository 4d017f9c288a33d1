"""The commands of the README, with files alone: what they write, what they say, how they end."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devnet.cli import app

ROOT = Path(__file__).parents[3]
README = ROOT / "node" / "margin" / "README.md"


def zkclear(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["margin", *map(str, arguments)])


def proven(folder: Path, examples: Path, *extra: object) -> Result:
    files = ("--portfolio", examples / "portfolio.json", "--market", examples / "market.json")
    return zkclear("prove", *files, "-o", folder / "proof.bin", "--commitments", folder / "c.json", *extra)


def checked(folder: Path, examples: Path, *extra: object) -> Result:
    files = ("--market", examples / "market.json", "--commitments", folder / "c.json")
    return zkclear("verify", folder / "proof.bin", *files, *extra)


def test_a_hedged_book_is_proven_and_verified(tmp_path: Path, examples: Path) -> None:
    assert proven(tmp_path, examples).exit_code == 0
    assert stat.S_IMODE((tmp_path / "proof.openings.json").stat().st_mode) == 0o600
    shown = checked(tmp_path, examples)
    assert shown.exit_code == 0
    assert shown.output.startswith("holds: ")
    assert "BTC: 6570.24793388 to 9619.5 USD" in shown.output


def test_a_book_short_of_margin_is_told_where_and_by_how_much_and_nothing_is_written(
    tmp_path: Path, examples: Path
) -> None:
    book = json.loads((examples / "portfolio.json").read_text())
    book["positions"].pop("BTC-20200327-7500-P")
    (tmp_path / "p.json").write_text(json.dumps(book))
    arguments = ("prove", "--portfolio", tmp_path / "p.json", "--market", examples / "market.json")
    shown = zkclear(*arguments, "-o", tmp_path / "proof.bin")
    assert shown.exit_code == 1
    assert re.search(r"short of margin by [\d.]+ USD, with BTC at 5382.15 USD and a volatility of", shown.output)
    as_json = json.loads(zkclear(*arguments, "-o", tmp_path / "proof.bin", "--json").stdout)
    assert as_json["error"] == "ShortOfMargin"
    assert as_json["shortfall_e9_usd"] > 0
    assert as_json["scenarios"][0]["price_e8_usd"] == 538_215_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.json"]


def test_json_tells_what_holds(tmp_path: Path, examples: Path) -> None:
    made = json.loads(proven(tmp_path, examples, "--challenge", "venue", "--json").stdout)
    assert made["bytes"] == (tmp_path / "proof.bin").stat().st_size
    shown = json.loads(checked(tmp_path, examples, "--challenge", "venue", "--json").stdout)
    assert shown["verified"] is True
    assert shown["challenge"] == "venue"
    assert shown["until"] - shown["time"] == 4 * 3600


def test_a_false_proof_ends_with_1_and_the_reason(tmp_path: Path, examples: Path) -> None:
    proven(tmp_path, examples)
    shown = checked(tmp_path, examples, "--challenge", "another", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout) == {"error": "MarginRejected", "reason": "the proof was made for another challenge"}
    data = bytearray((tmp_path / "proof.bin").read_bytes())
    data[-1] ^= 1
    (tmp_path / "proof.bin").write_bytes(data)
    assert checked(tmp_path, examples).exit_code == 1


def test_openings_are_kept_and_reused(tmp_path: Path, examples: Path) -> None:
    proven(tmp_path, examples)
    before = (tmp_path / "c.json").read_bytes()
    assert proven(tmp_path, examples).exit_code == 1  # the openings are there already
    again = ("--reuse", tmp_path / "proof.openings.json", "--openings", tmp_path / "o2.json")
    assert proven(tmp_path, examples, *again, "--challenge", "tomorrow").exit_code == 0
    assert (tmp_path / "c.json").read_bytes() == before
    assert checked(tmp_path, examples, "--challenge", "tomorrow").exit_code == 0


def test_a_wrong_file_is_named(tmp_path: Path, examples: Path) -> None:
    (tmp_path / "p.json").write_text('{"version": "zkclear/portfolio/1", "cash_micro_usd": 1.5}')
    shown = zkclear(
        "prove", "--portfolio", tmp_path / "p.json", "--market", examples / "market.json", "-o", tmp_path / "proof.bin"
    )
    assert shown.exit_code == 1
    told = " ".join(shown.output.split())
    assert "p.json: cash_micro_usd: is no whole number" in told
    assert "1.5" not in told, "the file is secret"


@pytest.mark.parametrize("readme", [ROOT / "README.md", README])
def test_the_commands_of_the_readme_run(tmp_path: Path, readme: Path) -> None:
    """In an empty folder, one after the other, as they stand; example files are found from the project's folder."""
    found = re.findall(r"^ {4}(?:\.venv/bin/)?zkclear (margin .*?)(?:\s+#.*)?$", readme.read_text(), flags=re.MULTILINE)
    assert len(found) >= 2
    os.symlink(ROOT / "node", tmp_path / "node")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'node' / 'stubs'}"}
    for command in found:
        ran = subprocess.run(
            [sys.executable, "-m", "devnet.cli", *shlex.split(command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(ROOT)
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})
