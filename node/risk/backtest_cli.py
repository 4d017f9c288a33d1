"""The command `zkclear risk backtest`: recorded candles in, coverage, procyclicality and lead times out."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from node.market.errors import MarketError
from node.market.predictive import WARNING_THRESHOLD_PPM
from node.risk.backtest import INITIAL, AssetBacktest, Backtest, Widths, run_backtest
from node.risk.candles import HOUR, load_tapes
from node.risk.coverage import TARGET_PPM
from node.risk.errors import RiskError
from node.risk.plots import write_plots
from node.risk.procyclicality import BUFFER_PERCENT


def backtest(
    *,
    candles: Annotated[Path, typer.Option(help="A CSV file of candles, an hour or a part of it each.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plots: Annotated[Path | None, typer.Option(help="A folder for one picture per asset.")] = None,
) -> None:
    """Replay recorded prices through the ledger's volatility and widths; exit code 1 only for a file it cannot use."""
    try:
        made = run_backtest(load_tapes(candles))
        pictures = () if plots is None else write_plots(made, plots)
    except (RiskError, MarketError) as error:
        _report(error, as_json=as_json)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps({**document(made), "plots": [str(path) for path in pictures]}))
        return
    console = Console(highlight=False, soft_wrap=True)
    for asset in made.assets:
        for table in (_widths_table(asset), _leads_table(asset)):
            console.print(table)
    for entry in made.apart:
        distance = f"at most {entry.furthest_ppm / 10_000:.1f} % of the maintenance width apart"
        beyond = f"{entry.beyond} of {entry.moves} beyond the near range"
        console.print(f"{entry.pair} within {entry.horizon_seconds // HOUR} h: {distance}, {beyond}", markup=False)
    for path in pictures:
        console.print(f"plotted {path}", markup=False)


def document(made: Backtest) -> dict[str, object]:
    """What `--json` prints, but for the plots' names: figures of the initial width, and of others in comparison."""
    return {
        "rounds": made.rounds,
        "target_ppm": TARGET_PPM,
        "stated_threshold_ppm": WARNING_THRESHOLD_PPM,
        "emir_buffer_percent": BUFFER_PERCENT,
        "coverage": {asset.tape.symbol: _coverage(asset.rule(INITIAL)) for asset in made.assets},
        "procyclicality": {asset.tape.symbol: _procyclicality(asset.rule(INITIAL)) for asset in made.assets},
        "comparison": {
            asset.tape.symbol: {
                entry.rule: {"coverage": _coverage(entry), "procyclicality": _procyclicality(entry)}
                for entry in asset.widths
                if entry.rule != INITIAL
            }
            for asset in made.assets
        },
        "apart": [asdict(entry) for entry in made.apart],
        "lead_times": {asset.tape.symbol: _leads(asset) for asset in made.assets},
    }


def _leads(asset: AssetBacktest) -> dict[str, object]:
    """The figures at the stated threshold, and at the others beside them."""
    entries = [{**asdict(entry), "false_alarm_rate": entry.false_alarm_rate} for entry in asset.lead_times]
    stated = next(entry for entry in entries if entry["threshold_ppm"] == WARNING_THRESHOLD_PPM)
    return {**stated, "by_threshold": entries}


def _coverage(widths: Widths) -> dict[str, object]:
    return {
        f"{entry.horizon_seconds // HOUR}h": {**asdict(entry), "coverage": entry.share, "met": entry.met}
        for entry in widths.coverage
    }


def _procyclicality(widths: Widths) -> dict[str, object]:
    found = widths.procyclicality
    return {
        "peak_to_trough": found.peak_to_trough,
        "rises": {f"{rise.days}d": rise.ratio for rise in found.rises},
        "least_ppm": min(widths.ppm),
        "most_ppm": max(widths.ppm),
        "mean_ppm": found.mean_ppm,
    }


def _widths_table(asset: AssetBacktest) -> Table:
    horizons = [f"beyond in {entry.horizon_seconds // HOUR} h" for entry in asset.widths[0].coverage]
    days = [f"rise in {rise.days} d" for rise in asset.widths[0].procyclicality.rises]
    table = Table("width", *horizons, "peak to trough", *days, "mean", title=asset.tape.symbol)
    for entry in asset.widths:
        measured = entry.procyclicality
        table.add_row(
            entry.rule,
            *(f"{found.beyond} of {found.moves} ({found.share:.2%})" for found in entry.coverage),
            f"{measured.peak_to_trough:.2f}",
            *(f"{rise.ratio:.2f}" for rise in measured.rises),
            f"{measured.mean_ppm / 10_000:.1f} %",
        )
    return table


def _leads_table(asset: AssetBacktest) -> Table:
    table = Table("warned from", "windows", "left", "warned before", "median lead", "false alarms", title="lead times")
    for entry in asset.lead_times:
        table.add_row(
            f"{entry.threshold_ppm / 10_000:.0f} %",
            str(entry.proofs),
            str(entry.left),
            str(entry.warned),
            f"{entry.median_seconds / 60:.0f} min",
            f"{entry.false_alarms} ({entry.false_alarm_rate:.1%})",
        )
    return table


def _report(error: RiskError | MarketError, *, as_json: bool) -> None:
    if as_json:
        figures = {entry.name: getattr(error, entry.name) for entry in fields(error)}  # type: ignore[arg-type]
        typer.echo(json.dumps({"error": type(error).__name__, "message": str(error), **figures}))
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{type(error).__name__}: {error}", markup=False)
