"""The commands `zkclear devnet`: a local network from its start to its removal."""

import asyncio
import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
from rich.console import Console
from rich.table import Table

from devnet.anvil import DEV_KEYS, AnvilError
from devnet.errors import DevnetError, SettingsInvalid
from devnet.network import Devnet, clear_run
from devnet.report import Report
from devnet.scenario import Scenario
from devnet.settings import CRASH_OF_2020, Cadence, DevnetSettings
from node.chains.errors import ChainError
from node.client.errors import ClientError
from node.oracle.errors import OracleError

FOLDER: Final = Path(".devnet")
PID_FILE: Final = "devnet.pid"
FAILURES: Final = (DevnetError, AnvilError, ChainError, OracleError, ClientError, OSError)
app = typer.Typer(help="A local network of four chains and four nodes.", no_args_is_help=True)
console = Console()

FolderOption = Annotated[Path, typer.Option("--folder", help="Where the devnet keeps everything.")]


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC)
    except ValueError as error:
        raise SettingsInvalid("start", f"{text} is not a time such as 2020-03-12T00:00") from error


@app.command("run")
def run(
    *,
    leave: Annotated[bool, typer.Option("--exit", help="Leave when the scenario has ended.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    replay: Annotated[Path, typer.Option(help="Hourly candles to replay.")] = CRASH_OF_2020,
    start: Annotated[str | None, typer.Option(help="First candle, for example 2020-03-12T00:00 (UTC).")] = None,
    hours: Annotated[int, typer.Option(help="Hours of market to replay.")] = 36,
    block_interval: Annotated[float, typer.Option(help="Least seconds between blocks.")] = 0.25,
    round_spacing: Annotated[int, typer.Option(help="Hub blocks from one oracle round to the next.")] = 4,
    folder: FolderOption = FOLDER,
) -> None:
    """Start chains and nodes, play the scenario, print the result, and stay up until Ctrl-C."""
    try:
        settings = DevnetSettings(
            folder.resolve(), replay, _parse_time(start), hours, Cadence(block_interval, round_spacing)
        )
        asyncio.run(_run(settings, leave=leave, report_path=report))
    except FAILURES as error:
        console.print(f"[red]{type(error).__name__}[/red]: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped")


async def _run(settings: DevnetSettings, *, leave: bool, report_path: Path | None) -> None:
    clear_run(settings.folder)
    _log_to(settings.folder / "logs" / "devnet.log")
    with console.status("starting chains and nodes"):
        devnet = await Devnet.start(settings)
    (settings.folder / PID_FILE).write_text(str(os.getpid()))
    scenario = Scenario(devnet, lambda line: console.print(f"[dim]·[/dim] {line}"))
    stop = _stop_event()
    try:
        console.print(_overview(devnet))
        console.print("[yellow]The funded keys are anvil's well-known ones: everybody has them.[/yellow]")
        played = asyncio.create_task(_play(scenario))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({played, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not played.done():
            played.cancel()
            return
        result = played.result()
        console.print(_summary(result))
        if report_path is not None:
            result.write(report_path)
        if not leave:
            console.print("The network stays up; Ctrl-C ends it.")
            devnet.clock.start()
            await _stay(devnet, stop)
    finally:
        with console.status("stopping"):
            await scenario.close()
            await devnet.stop()
        (settings.folder / PID_FILE).unlink(missing_ok=True)


async def _play(scenario: Scenario) -> Report:
    await scenario.open_accounts()
    await scenario.play()
    return await scenario.report()


def _log_to(path: Path) -> None:
    """The devnet's own log, beside those of the nodes and chains."""
    path.parent.mkdir(parents=True, exist_ok=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(path.open("a", encoding="utf-8")),
    )


def _overview(devnet: Devnet) -> Table:
    table = Table(title="devnet", title_justify="left")
    for column in ("what", "id", "endpoint", "contracts", "log"):
        table.add_column(column, overflow="fold")
    for chain in devnet.chains.chains:
        contracts = [f"vault 0x{chain.vault.vault.hex()}"] if chain.vault else []
        if devnet.chains.hub is not None and chain is devnet.chains.hub_chain:
            contracts.insert(0, f"hub 0x{devnet.chains.hub.address.hex()}")
        contracts += [f"{symbol} 0x{address.hex()}" for symbol, address in chain.tokens.items()]
        row = (f"chain {chain.plan.name}", str(chain.plan.chain_id), chain.anvil.url)
        table.add_row(*row, "\n".join(contracts), str(chain.anvil.log))
    for node in devnet.nodes:
        table.add_row(node.name, str(node.pid), f"api {node.api}\noperator {node.operator}", "", str(node.log))
    for place, key in enumerate(DEV_KEYS[:5]):
        table.add_row(f"funded key {place}", "", "0x" + key.hex(), "", "")
    return table


def _summary(report: Report) -> Table:
    table = Table(title="result", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    held = report.invariants
    rows = {
        "rounds, batches": f"{report.rounds}, {report.batches}",
        "trades, margin proofs": f"{report.trades}, {report.margin_proofs}",
        "calls": ", ".join(f"{name} ({count})" for name, count in report.called.items()) or "none",
        "matched book, full reserves": f"{held.matched_book}, {held.full_reserves}",
        "one root on all nodes": f"{report.agreed}",
        "wall": f"{report.wall_s} s",
    }
    if report.ceremony_s is not None:
        rows["committee key made in"] = f"{report.ceremony_s} s"
    for quantity in ("certified_ms", "final_ms", "prove_ms", "verify_ms"):
        figures = getattr(report, quantity)
        if figures is not None:
            rows[quantity] = f"p50 {figures.p50:.1f}, p99 {figures.p99:.1f}"
    for name, value in rows.items():
        table.add_row(name, value)
    for default in report.defaults:
        seized = ", ".join(f"{chain} {usd:,.0f}" for chain, usd in default.seized.items()) or "nothing"
        table.add_row(
            f"default of {default.account}",
            f"{_opened(default.opened_by)}, sold to {', '.join(default.buyers) or 'nobody'} "
            f"for {default.sale_price_usd:,.0f} USD, "
            f"seized {seized} USD, insurance {default.insurance_usd:,.0f} USD, "
            f"shortfall {default.shortfall_usd:,.0f} USD",
        )
    return table


def _opened(members: list[int]) -> str:
    """By whom an account was opened: by nobody where an earlier default had left nothing hidden in it."""
    return f"opened by {members}" if members else "open already"


@app.command("continue")
def continue_(folder: FolderOption = FOLDER) -> None:
    """Start the chains and nodes that an earlier run left, their market standing still, until Ctrl-C."""
    try:
        asyncio.run(_continue(DevnetSettings(folder.resolve())))
    except FAILURES as error:
        console.print(f"[red]{type(error).__name__}[/red]: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped")


async def _continue(settings: DevnetSettings) -> None:
    _log_to(settings.folder / "logs" / "devnet.log")
    with console.status("starting chains and nodes where they were"):
        devnet = await Devnet.resume(settings)
    stop = _stop_event()
    (settings.folder / PID_FILE).write_text(str(os.getpid()))
    try:
        console.print(_overview(devnet))
        console.print("The network is up; Ctrl-C ends it.")
        await _stay(devnet, stop)
    finally:
        with console.status("stopping"):
            await devnet.stop()
        (settings.folder / PID_FILE).unlink(missing_ok=True)


async def _stay(devnet: Devnet, stop: asyncio.Event) -> None:
    """Wait for the end, or for what stops the clock."""
    while not stop.is_set():
        failure = devnet.clock.failure()
        if failure is not None:
            raise failure
        await asyncio.sleep(0.2)


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


@app.command("stop")
def stop(folder: FolderOption = FOLDER) -> None:
    """Stop a devnet that runs in another terminal; its folder stays."""
    pid_file = folder / PID_FILE
    if not pid_file.exists():
        console.print(f"no devnet runs in {folder}")
        raise typer.Exit(1)
    os.kill(int(pid_file.read_text()), signal.SIGTERM)
    console.print("stopping")


@app.command("reset")
def reset(folder: FolderOption = FOLDER) -> None:
    """Remove everything that devnets left in the folder."""
    if (folder / PID_FILE).exists():
        console.print(f"a devnet runs in {folder}: stop it first")
        raise typer.Exit(1)
    shutil.rmtree(folder, ignore_errors=True)
    console.print(f"{folder} is gone")
