"""The node's commands: `zkclear node run`, `ceremony`, `rotation`, `guard`, `breaker` and `status`."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import grpc
import structlog
import typer
from clearing.v1 import operator_service_pb2, operator_service_pb2_grpc
from rich.console import Console
from rich.table import Table

from circuits.errors import CircuitError
from node.breaker_cli import app as breaker_app
from node.ceremony import CeremonyEnd, hold_ceremony
from node.chains.errors import ChainError
from node.config import NodeConfig, load_config
from node.daemon import Daemon
from node.errors import NodeError
from node.guard_cli import app as guard_app
from node.liquidation.breaker import Level
from node.logs import configure_logs
from node.network import NetworkError
from node.rotation_cli import app as rotation_app
from node.sequencing.errors import SequencingError
from node.store import StoreError

app = typer.Typer(
    name="node", help="Run one validator of the clearing house, or ask how it is doing.", no_args_is_help=True
)
app.add_typer(rotation_app, name="rotation")
app.add_typer(guard_app, name="guard")
app.add_typer(breaker_app, name="breaker")
log = structlog.get_logger(__name__)

_FATAL = (NodeError, NetworkError, StoreError, ChainError, SequencingError, CircuitError, OSError, RuntimeError)


@app.command()
def run(
    config: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The node's TOML file.")],
) -> None:
    """Run the node until SIGTERM or SIGINT; logs are JSON lines on standard output."""
    try:
        settings = load_config(config)
        configure_logs(settings.log_level)
        asyncio.run(_run(settings))
    except _FATAL as error:
        Console(stderr=True).print(f"[bold red]node stopped:[/] {type(error).__name__}: {error}", highlight=False)
        raise typer.Exit(1) from error


async def _run(settings: NodeConfig) -> None:
    daemon = Daemon(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    try:
        await daemon.run()
    except _FATAL:
        log.exception("node_failed")
        raise


@app.command()
def ceremony(
    config: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The node's TOML file.")],
) -> None:
    """Take part in making, renewing or handing on the committee's key, as ceremony.json says.

    Every member's operator runs it at about the same time. It ends with committee.key, the same everywhere, and this
    node's committee.share. If it was interrupted, run it again: it goes on where it was.
    """
    try:
        settings = load_config(config)
        configure_logs(settings.log_level)
        end = asyncio.run(hold_ceremony(settings))
    except _FATAL as error:
        Console(stderr=True).print(f"[bold red]ceremony ended:[/] {type(error).__name__}: {error}", highlight=False)
        raise typer.Exit(1) from error
    _tell_end(end, settings)
    if not end.shared:
        raise typer.Exit(2)


def _tell_end(end: CeremonyEnd, settings: NodeConfig) -> None:
    console = Console(highlight=False, soft_wrap=True)
    committee = end.committee
    numbers = f"{committee.threshold} of {len(committee.public_shares)}"
    console.print(f"[bold green]committee key[/] {committee.key.encode().hex()} ({numbers}, {end.blocks} hub blocks)")
    for fault in end.faults:
        console.print(f"[yellow]faulty:[/] {fault}")
    if end.shared:
        console.print(f"this node's share is in {settings.committee_share.name}")
    else:
        console.print("[bold red]this node holds no share of it[/]")


@app.command()
def status(
    address: Annotated[str, typer.Option(help="host:port of the node's operator service.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the answer.")] = 5.0,
) -> None:
    """Show a running node's heights, peers, chains and latencies."""
    with grpc.insecure_channel(address) as channel:
        stub = operator_service_pb2_grpc.OperatorServiceStub(channel)
        try:
            answer = stub.GetNodeStatus(operator_service_pb2.GetNodeStatusRequest(), timeout=timeout)
        except grpc.RpcError as error:
            Console(stderr=True).print(f"[bold red]no answer from {address}:[/] {error.code().name}", highlight=False)
            raise typer.Exit(1) from error
    Console().print(_status_table(answer))


def _status_table(answer: operator_service_pb2.GetNodeStatusResponse) -> Table:
    table = Table("figure", "value", title=f"validator 0x{answer.validator.hex()}")
    rows = {
        "house": answer.house_digest.hex(),
        "deployment": answer.deployment_digest.hex(),
        "final batch": f"{answer.height} ({answer.root.hex()})",
        "certified batch": str(answer.certified_height),
        "attempt": str(answer.attempt),
        "peers connected": str(answer.peers_connected),
        "messages waiting": str(answer.pool_messages),
    }
    if answer.breaker_level:
        rows["breaker"] = f"{Level(answer.breaker_level).name} until hub block {answer.breaker_until}"
    if answer.written_off:
        rows["written off"] = ", ".join(answer.written_off)
    for chain in answer.chains:
        rows[f"chain {chain.chain_id}"] = f"final {chain.final_block}, booked {chain.booked_block}"
    for name in ("certified_ms_median", "certified_ms_p99", "final_ms_median", "final_ms_p99"):
        if answer.HasField(name):
            rows[name.replace("_", " ")] = f"{getattr(answer, name):.1f}"
    for name, value in rows.items():
        table.add_row(name, value)
    return table


if __name__ == "__main__":
    app()
