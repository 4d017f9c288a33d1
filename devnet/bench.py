"""The commands `zkclear bench`: what proofs cost."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from devnet.anvil import AnvilError
from devnet.gas_bench import measure_gas
from devnet.proof_bench import BATCH, ROWS, measure_proofs
from devnet.verify_bench import BATCH as PROOFS
from devnet.verify_bench import measure_verification
from node.chains.errors import ChainError

FAILURES: Final = (AnvilError, ChainError, OSError)
MOST_ROWS: Final = 512
MOST_WORKERS: Final = 256
app = typer.Typer(help="Measure what proofs cost.", no_args_is_help=True)
console, errors = Console(), Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")]


@app.command("gas")
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


@app.command("proofs")
def proofs(
    *,
    sizes: Annotated[str, typer.Option(help="Rows, separated by commas.")] = ",".join(map(str, ROWS)),
    as_json: JsonOption = False,
) -> None:
    """Prove and verify rows of 64 bits in one thread, and print milliseconds: medians of eleven runs."""
    figures = measure_proofs(_counts("sizes", sizes, MOST_ROWS))
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
        return
    unit = figures.msm310_ms
    table = Table(title=f"ms (times one multiplication of 310 points: {unit} ms)", title_justify="left")
    for column in ("rows x bits", "prove", "verify", f"each of {BATCH} in a batch", "bytes"):
        table.add_column(column, justify="right")
    for size in figures.sizes:
        times = (size.prove_ms, size.verify_ms, size.batch64_ms_per_proof)
        cells = (f"{time:.2f} ({time / unit:.2f})" for time in times)
        table.add_row(f"{size.rows} x {size.bits}", *cells, f"{size.bytes:,}")
    console.print(table)


@app.command("verify")
def verify(
    *,
    workers: Annotated[str, typer.Option(help="Numbers of worker processes, separated by commas.")] = "1,2",
    count: Annotated[int, typer.Option("--proofs", min=1, max=1024, help="Proofs in a batch.")] = PROOFS,
    as_json: JsonOption = False,
) -> None:
    """Verify margin proofs in worker processes as a node does: proofs a second, and how long the event loop waited."""
    figures = asyncio.run(measure_verification(_counts("workers", workers, MOST_WORKERS), count))
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
        return
    table = Table(title=f"{figures.proofs} proofs of {figures.rows} rows in a batch", title_justify="left")
    for column in ("workers", "proofs a second", "longest lag of the loop, ms"):
        table.add_column(column, justify="right")
    for entry in figures.workers:
        table.add_row(str(entry.workers), f"{entry.proofs_per_second:.0f}", f"{entry.loop_lag_ms:.1f}")
    console.print(table)
    console.print(f"speed-up: {figures.speedup}")


def _counts(name: str, text: str, most: int) -> tuple[int, ...]:
    """The whole numbers of an option, each between 1 and `most`; ends the command if they are none."""
    parts = text.split(",")
    if not all(part.isdecimal() and part.isascii() and len(part) < 5 and 1 <= int(part) <= most for part in parts):
        errors.print(f"[red]{name}[/red]: {text} are no whole numbers from 1 to {most}")
        raise typer.Exit(1)
    return tuple(map(int, parts))
