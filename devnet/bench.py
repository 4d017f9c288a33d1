"""The commands `zkclear bench`: what proofs cost."""

import asyncio
import json
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from devnet.anvil import AnvilError
from devnet.gas_bench import measure_gas
from node.chains.errors import ChainError

FAILURES: Final = (AnvilError, ChainError, OSError)
bench_app = typer.Typer(help="Measure what proofs cost.", no_args_is_help=True)
console, errors = Console(), Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")]


@bench_app.command("gas")
def gas(*, as_json: JsonOption = False) -> None:
    """Verify proofs by SolvencyVerifier on a chain of this command's own, and print the gas of each transaction."""
    try:
        figures = asyncio.run(measure_gas())
    except FAILURES as error:
        errors.print(f"[red]{type(error).__name__}[/red]: {error}")
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(figures))
        return
    table = Table(title="gas to verify one proof", title_justify="left")
    table.add_column("rows x bits")
    table.add_column("gas", justify="right")
    for name, figure in figures.items():
        table.add_row(name, f"{figure:,}")
    console.print(table)


@bench_app.callback()
def _group() -> None:
    """Keeps `gas` a command of its own while the group has a single one."""
