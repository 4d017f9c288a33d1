"""`zkclear bench proofs` and `zkclear bench verify`: the shape of their figures, and that they are measured."""

import json

import pytest
from typer.testing import CliRunner

from circuits.errors import ProofRejected
from devnet.cli import app
from devnet.proof_bench import CommittedRows


def bench(*arguments: str) -> "dict[str, object]":
    shown = CliRunner().invoke(app, ["bench", *arguments, "--json"])
    assert shown.exit_code == 0, shown.output
    return dict(json.loads(shown.stdout))


def test_the_figures_of_proofs_are_one_json_object() -> None:
    figures = bench("proofs", "--sizes", "1,2")
    assert list(figures) == ["msm310_ms", "sizes"]
    sizes = figures["sizes"]
    assert isinstance(sizes, list)
    keys = ["rows", "bits", "prove_ms", "verify_ms", "batch64_ms_per_proof", "bytes"]
    assert [list(size) for size in sizes] == [keys, keys]
    assert [(size["rows"], size["bits"]) for size in sizes] == [(1, 64), (2, 64)]
    for size in sizes:
        assert 0 < size["batch64_ms_per_proof"] < size["verify_ms"] < size["prove_ms"]
        assert size["bytes"] == len(CommittedRows(size["rows"]).prove())


def test_the_table_shows_ratios() -> None:
    shown = CliRunner().invoke(app, ["bench", "proofs", "--sizes", "1"])
    assert shown.exit_code == 0
    assert "1 x 64" in shown.stdout
    assert "310" in shown.stdout


def test_what_is_timed_is_a_real_verification() -> None:
    rows = CommittedRows(2)
    proof = rows.prove()
    rows.verify([proof, rows.prove()])
    with pytest.raises(ProofRejected):
        rows.verify([proof, proof[:-1] + bytes([proof[-1] ^ 1])])
    with pytest.raises(ProofRejected):
        rows.verify([CommittedRows(2).prove()])


def test_the_figures_of_verification_are_one_json_object() -> None:
    figures = bench("verify", "--workers", "1", "--proofs", "4")
    assert list(figures) == ["proofs", "rows", "workers", "speedup"]
    workers = figures["workers"]
    assert isinstance(workers, list)
    assert [list(entry) for entry in workers] == [["workers", "proofs_per_second", "loop_lag_ms"]]
    assert workers[0]["proofs_per_second"] > 0
    assert figures["speedup"] == 1.0


@pytest.mark.parametrize("text", ["", "0", "1,", "-1", "1.5", "513", "٣", "99999999999"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    shown = CliRunner().invoke(app, ["bench", "proofs", "--sizes", text])
    assert shown.exit_code == 1
    assert "no whole numbers" in " ".join(shown.output.split())
