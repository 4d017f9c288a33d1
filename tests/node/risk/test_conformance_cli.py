"""`zkclear risk conformance` on the published cases beside these tests: what it counts, says, and ends with."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devnet.cli import app

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "vectors" / "pmrm2"
PERPS = "test_31_perps_basic_perp_low_confidence_2.json"
BOX = "test_24_structures_short_box_capped.json"


def conformance(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["risk", "conformance", str(folder), *options])


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        shutil.copy(CASES / name, tmp_path / name)
    return tmp_path


def change(path: Path, group: str, **figures: Any) -> None:
    document = json.loads(path.read_text())
    document[group].update(figures)
    path.write_text(json.dumps(document))


def test_all_published_cases_pass_and_are_proven() -> None:
    result = conformance(CASES, "--json")

    assert result.exit_code == 0
    document = json.loads(result.output)
    count = len(list(CASES.glob("*.json")))
    assert set(document) == {"cases", "passed", "worst_relative_error", "proven"}
    assert (document["cases"], document["passed"], document["proven"]) == (count, count, count)
    assert 0 <= document["worst_relative_error"] < 1e-11


def test_the_command_of_the_readme_is_the_one_tested_here() -> None:
    shown = re.findall(r"^ {4}zkclear risk conformance (\S+)", (ROOT / "node" / "risk" / "README.md").read_text(), re.M)

    assert [ROOT / path for path in shown] == [CASES]


def test_each_case_has_a_line_and_terms_that_are_not_convex_are_named(tmp_path: Path) -> None:
    result = conformance(folder_of(tmp_path, PERPS, BOX))

    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(f"{BOX}: passes")
    assert "2 hidden bits" in lines[0]
    assert lines[1].startswith(f"{PERPS}: passes")
    assert "hidden bits" not in lines[1]
    assert lines[2].startswith("2 of 2 pass, ")
    assert lines[2].endswith("2 proven, of which 1 with terms that are not convex")
    assert "not convex" in lines[3]
    assert BOX in lines[3]
    assert PERPS not in lines[3]


@pytest.mark.parametrize("figure", ["IM", "MM"])
def test_a_figure_that_is_off_fails_its_case(tmp_path: Path, figure: str) -> None:
    folder = folder_of(tmp_path, PERPS)
    expected = json.loads((folder / PERPS).read_text())["Result"][figure]
    change(folder / PERPS, "Result", **{figure: expected * (1 + 1e-8)})
    result = conformance(folder, "--json")

    assert result.exit_code == 1
    document = json.loads(result.output)
    assert (document["cases"], document["passed"], document["proven"]) == (1, 0, 1)
    assert document["worst_relative_error"] == pytest.approx(1e-8, rel=1e-3)
    assert f"{PERPS}: FAILS at {figure}, " in conformance(folder).output


def test_a_scenario_that_is_off_fails_its_case(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PERPS)
    document = json.loads((folder / PERPS).read_text())
    document["Result"]["tail_losses"][0][2] = "144.0000002"
    (folder / PERPS).write_text(json.dumps(document))

    result = conformance(folder)
    assert result.exit_code == 1
    assert "FAILS at profit of scenario 23, " in result.output


def test_an_account_too_large_to_prove_passes_and_is_listed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "test_10_collateral_negative_margin_from_collateral.json")
    (path,) = folder.glob("*.json")
    document = json.loads(path.read_text())
    scale = 1e12
    document["Scenario"]["Collaterals"][0]["Amount"] = scale
    for name in ("reg_losses", "tail_losses", "skew_losses"):
        for entry in document["Result"][name]:
            entry[-1] = float(entry[-1]) * scale
    for name in ("IM", "MM"):
        document["Result"][name] *= scale
    path.write_text(json.dumps(document))
    result = conformance(folder)

    assert result.exit_code == 0
    assert "; not proven: " in result.output
    assert "1 of 1 pass" in result.output
    assert "0 proven" in result.output


def test_a_malformed_case_is_named_with_its_field(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PERPS, BOX)
    change(folder / PERPS, "Scenario", SpotPrice="dear")
    result = conformance(folder, "--json")

    assert result.exit_code == 1
    document = json.loads(result.output)
    assert (document["error"], document["file"], document["field"]) == ("FileInvalid", PERPS, "Scenario.SpotPrice")
    assert f"FileInvalid: {PERPS}: Scenario.SpotPrice: " in conformance(folder).output


def test_parameters_without_a_finite_outcome_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, BOX)
    document = json.loads((folder / BOX).read_text())
    document["Parameters"]["Margin"]["SHORT_RATE_ADDSCALE"] = 1e9
    (folder / BOX).write_text(json.dumps(document))
    result = conformance(folder, "--json")

    assert result.exit_code == 1
    assert json.loads(result.output)["field"] == "Parameters"


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        result = conformance(folder, "--json")
        assert result.exit_code == 1
        assert json.loads(result.output)["error"] == "NoCases"
