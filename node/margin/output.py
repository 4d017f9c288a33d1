"""What the commands of `zkclear margin` share: options, one JSON object, and errors as an exit code and a reason."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from node.margin.errors import MarginError, ShortOfMargin
from node.market.margin import Scenario

MarketOption = Annotated[Path, typer.Option("--market", help="The public side: instruments, prices, parameters.")]
PortfolioOption = Annotated[Path, typer.Option("--portfolio", help="The secret side: cash, positions, collateral.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def scenario_documents(scenarios: Sequence[Scenario]) -> list[dict[str, object]]:
    """Scenarios as they stand in JSON."""
    return [
        {"underlying": place.symbol, "price_e8_usd": place.price, "volatility_ppm": place.volatility_ppm}
        for place in scenarios
    ]


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Ends the command with exit code 1 and the reason if the work raises one of this package's errors."""
    try:
        yield
    except MarginError as error:
        if as_json:
            print_json({"error": type(error).__name__, "reason": str(error), **_figures(error)})
        else:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"{type(error).__name__}: {error}", markup=False
            )
        raise typer.Exit(1) from error


def _figures(error: MarginError) -> dict[str, object]:
    """What a program wants of a shortfall; of any other error its own fields."""
    if isinstance(error, ShortOfMargin):
        return {"shortfall_e9_usd": error.shortfall, "scenarios": scenario_documents(error.scenarios)}
    return {entry.name: getattr(error, entry.name) for entry in fields(error)}  # type: ignore[arg-type]


def print_json(document: object) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(document))
