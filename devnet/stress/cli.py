"""The command `zkclear stress`: one crash under several policies, the figures of each side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from devnet.errors import DevnetError
from devnet.stress.errors import ExperimentInvalid
from devnet.stress.laboratory import compare
from devnet.stress.outcome import Outcome
from devnet.stress.paths import CRASHES, PricePath, recorded_path, synthetic_path
from devnet.stress.plots import write_plots
from devnet.stress.policies import POLICIES
from devnet.stress.run import Experiment
from node.ledger.errors import LedgerError
from node.market.errors import MarketError
from node.market.instruments import PPM
from node.risk.errors import RiskError

FAILURES: Final = (DevnetError, RiskError, MarketError, LedgerError)
ACCOUNTS: Final = 1_000
DEFAULT_CRASH: Final = "cliff"
_TABLE_WIDTH: Final = 180
app = typer.Typer()


@app.command()
def stress(
    *,
    candles: Annotated[Path | None, typer.Option(help="A CSV file of candles, an hour or a part of it each.")] = None,
    crash: Annotated[str | None, typer.Option(help=f"A synthetic crash: {', '.join(CRASHES)}.")] = None,
    accounts: Annotated[int, typer.Option(help="Accounts in the laboratory.")] = ACCOUNTS,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by policy.")] = False,
    plots: Annotated[Path | None, typer.Option(help="A folder for the pictures.")] = None,
) -> None:
    """Play a crash on the ledger's own code, once for each policy; exit code 1 if a run's books do not add up."""
    try:
        path = _path(candles, crash, seed)
        outcomes = compare(Experiment(path, accounts, seed), POLICIES)
        pictures = () if plots is None else write_plots(path, outcomes, plots)
    except FAILURES as error:
        _report(error, as_json=as_json)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps({outcome.policy.name: outcome.document() for outcome in outcomes}))
        return
    console = Console(highlight=False, width=max(Console().width, _TABLE_WIDTH))
    console.print(_table(path, outcomes))
    for picture in pictures:
        console.print(f"plotted {picture}", markup=False, soft_wrap=True)


def _path(candles: Path | None, crash: str | None, seed: int) -> PricePath:
    if candles is None:
        return synthetic_path(crash or DEFAULT_CRASH, seed)
    if crash is not None:
        raise ExperimentInvalid("crash", "a file of candles is the crash already")
    return recorded_path(candles)


def _table(path: PricePath, outcomes: Sequence[Outcome]) -> Table:
    interest = _dollars(outcomes[0].open_interest)
    title = f"{path.name}: {len(path.times)} rounds, open interest {interest} USD"
    table = Table("margin", "extent", "sale", title=title, title_justify="left")
    for name in _FIGURES:
        table.add_column(name, justify="right")
    for outcome in outcomes:
        policy = outcome.policy
        words = (axis.value.replace("_", " ") for axis in (policy.margin, policy.extent, policy.sale))
        table.add_row(*words, *(shown(outcome) for shown in _FIGURES.values()))
    return table


def _dollars(amount: int) -> str:
    return f"{amount / PPM:,.0f}"


_FIGURES: Final[Mapping[str, Callable[[Outcome], str]]] = {
    "bad debt": lambda outcome: _dollars(outcome.bad_debt),
    "insurance": lambda outcome: _dollars(outcome.insurance),
    "shortfall": lambda outcome: _dollars(outcome.shortfall),
    "liquidated": lambda outcome: str(outcome.liquidations),
    "cascaded": lambda outcome: str(outcome.cascaded),
    "overshoot": lambda outcome: f"{outcome.overshoot:.2%}",
    "tear-ups": lambda outcome: str(outcome.tear_ups),
    "moved by them": lambda outcome: _dollars(outcome.moved),
    "sold": lambda outcome: _dollars(outcome.sold),
    "warned": lambda outcome: str(outcome.warned),
    "reduced": lambda outcome: _dollars(outcome.reduced),
}
"""Columns of the table beside the policy; sums in dollars."""


def _report(error: DevnetError | RiskError | MarketError | LedgerError, *, as_json: bool) -> None:
    if as_json:
        figures = {entry.name: getattr(error, entry.name) for entry in fields(error)}  # type: ignore[arg-type]
        typer.echo(json.dumps({"error": type(error).__name__, "message": str(error), **figures}))
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{type(error).__name__}: {error}", markup=False)
