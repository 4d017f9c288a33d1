"""The command `zkclear risk efficiency`: a market file in, requirements of ten standard books out."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from node.margin.errors import MarginError
from node.margin.market import Market
from node.risk.books import STANDARD_BOOKS
from node.risk.conformance_cli import report
from node.risk.efficiency import Efficiency, efficiency_of
from node.risk.errors import MarketRefused, RiskError

EXAMPLE: Final = Path(__file__).parent / "examples" / "market.json"


def efficiency(
    *,
    market: Annotated[Path, typer.Option(help="A market file that lists what the books hold.")] = EXAMPLE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare the requirement of ten standard books with the sum over their legs in accounts of their own."""
    try:
        found = list(efficiency_of(_load(market), STANDARD_BOOKS))
    except RiskError as error:
        report(error, as_json=as_json)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps({"books": [_document(entry) for entry in found]}))
        return
    console = Console(highlight=False, soft_wrap=True)
    for entry in found:
        console.print(
            f"{entry.book}: {entry.portfolio / 10**6:,.2f} USD of {entry.isolated / 10**6:,.2f} isolated, "
            f"{entry.ratio:.1%}",
            markup=False,
        )


def _load(path: Path) -> Market:
    try:
        return Market.load(path)
    except MarginError as error:
        raise MarketRefused(str(error)) from error


def _document(entry: Efficiency) -> dict[str, str | int | float]:
    return {
        "book": entry.book,
        "portfolio_micro_usd": entry.portfolio,
        "isolated_micro_usd": entry.isolated,
        "ratio": entry.ratio,
    }
