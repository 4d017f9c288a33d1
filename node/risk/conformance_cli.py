"""The command `zkclear risk conformance`: a folder of cases in, a verdict and an exit code out."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from node.risk.conformance import CaseOutcome, run_cases
from node.risk.errors import RiskError

_NOT_CONVEX: Final = (
    "not convex in the quantities, proven with hidden bits (a skew scenario takes the profit of an expiry of several "
    "options for a loss, whose discount depends on a sign; or what is worth something is discounted less than what is "
    "owed)"
)


def conformance(
    *,
    folder: Annotated[Path, typer.Argument(help="A folder of PMRM_2 cases, one JSON file each.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Evaluate published PMRM_2 cases, and prove their initial margin; exit code 1 unless all pass."""
    console = Console(highlight=False, soft_wrap=True)
    outcomes = []
    try:
        for outcome in run_cases(folder):
            outcomes.append(outcome)
            if not as_json:
                console.print(_line(outcome), markup=False)
    except RiskError as error:
        _report(error, as_json=as_json)
        raise typer.Exit(1) from error
    document = {
        "cases": len(outcomes),
        "passed": sum(outcome.passed for outcome in outcomes),
        "worst_relative_error": max(outcome.worst.relative_error for outcome in outcomes),
        "proven": sum(outcome.proven is not None for outcome in outcomes),
    }
    if as_json:
        typer.echo(json.dumps(document))
    else:
        _summarise(console, outcomes, document)
    if document["passed"] != document["cases"]:
        raise typer.Exit(1)


def _line(outcome: CaseOutcome) -> str:
    worst = outcome.worst
    verdict = "passes" if outcome.passed else f"FAILS at {worst.figure}, {worst.own!r} for {worst.published!r}"
    head = f"{outcome.file}: {verdict}, error {worst.relative_error:.1e}, initial {outcome.initial:.6f} USD"
    if outcome.proven is None:
        return f"{head}; not proven: {outcome.unproven}"
    proof = f"{outcome.proven.rows} rows, {outcome.proven.bytes} bytes"
    bits = f", {outcome.choices} hidden bits" if outcome.choices else ""
    return f"{head}; proven {outcome.apart} µUSD below it, at most {outcome.tolerance}: {proof}{bits}"


def _summarise(console: Console, outcomes: list[CaseOutcome], document: dict[str, float]) -> None:
    bits = [outcome.file for outcome in outcomes if outcome.choices and outcome.proven]
    console.print(
        f"{document['passed']} of {document['cases']} pass, worst error {document['worst_relative_error']:.1e}; "
        f"{document['proven']} proven, of which {len(bits)} with terms that are not convex",
        markup=False,
    )
    if bits:
        console.print(f"{_NOT_CONVEX}: {', '.join(bits)}", markup=False)


def _report(error: RiskError, *, as_json: bool) -> None:
    if as_json:
        figures = {entry.name: getattr(error, entry.name) for entry in fields(error)}  # type: ignore[arg-type]
        typer.echo(json.dumps({"error": type(error).__name__, "message": str(error), **figures}))
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{type(error).__name__}: {error}", markup=False)
