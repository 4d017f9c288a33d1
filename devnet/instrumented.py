"""A node in a wrapper that records what it tells its peers, or kills it at a stated moment. For tests.

    python -m devnet.instrumented --gossip FILE --kill-before-commit N --kill-at EVENT -- run --config node.toml

The node's code knows nothing of it: the wrapper replaces a method for each before it starts the node's own command.
"""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from devnet.nodes import DevNode
from node.chains.certificates import BatchCommitment, Certificate
from node.cli import app as node_app
from node.coordinator.coordinator import Coordinator
from node.gateways import HubGateway
from node.ledger.effects import EventKind, LedgerEvent
from node.network.envelope import EnvelopeWriter, SignedEnvelope
from node.sequencing.sequencer import FinalNews

app = typer.Typer(add_completion=False)


def record_gossip(file: Path) -> None:
    """Append every payload that this process signs for its peers to `file`, each after its length (8 bytes)."""
    write = EnvelopeWriter.write
    out = file.open("ab", buffering=0)

    def recorded(self: EnvelopeWriter, topic: str, payload: bytes) -> SignedEnvelope:
        out.write(len(payload).to_bytes(8, "big") + payload)
        return write(self, topic, payload)

    EnvelopeWriter.write = recorded  # type: ignore[method-assign]


def kill_before_commit(number: int) -> None:
    """SIGKILL this process when it is about to send its `number`-th commitment to the hub."""
    commit, seen = HubGateway.commit, [0]

    async def fatal(self: HubGateway, batch: BatchCommitment, certificate: Certificate) -> bytes:
        seen[0] += 1
        if seen[0] >= number:
            os.kill(os.getpid(), signal.SIGKILL)
        return await commit(self, batch, certificate)

    HubGateway.commit = fatal  # type: ignore[method-assign]


def kill_at_event(kind: EventKind) -> None:
    """SIGKILL this process when it learns that a batch with such an event is final, before it acts on it."""
    on_final = Coordinator.on_final

    async def fatal(self: Coordinator, news: FinalNews) -> None:
        if any(isinstance(effect, LedgerEvent) and effect.kind is kind for effect in news.executed.effects):
            os.kill(os.getpid(), signal.SIGKILL)
        await on_final(self, news)

    Coordinator.on_final = fatal  # type: ignore[method-assign]


def instrument(
    node: DevNode, *, gossip: Path | None = None, kill_before: int | None = None, kill_at: EventKind | None = None
) -> None:
    """Let `node`, whose command is its own, start in the wrapper from now on."""
    options: list[str] = []
    if gossip is not None:
        options += ["--gossip", str(gossip)]
    if kill_before is not None:
        options += ["--kill-before-commit", str(kill_before)]
    if kill_at is not None:
        options += ["--kill-at", kill_at.value]
    node.command = ("-m", "devnet.instrumented", *options, "--", *node.command[2:])


def bare(node: DevNode) -> None:
    """Let `node` start without a wrapper from now on."""
    if "--" in node.command:
        node.command = ("-m", "node.cli", *node.command[node.command.index("--") + 1 :])


@app.command()
def main(
    command: Annotated[list[str], typer.Argument(help="The node's own command and its options.")],
    gossip: Annotated[Path | None, typer.Option(help="File for what the node tells its peers.")] = None,
    kill_before_commit_: Annotated[
        int | None, typer.Option("--kill-before-commit", help="The commitment before which the node dies.")
    ] = None,
    kill_at: Annotated[EventKind | None, typer.Option(help="The event at which the node dies.")] = None,
) -> None:
    """Run a node's command with the instruments that were asked for."""
    if gossip is not None:
        record_gossip(gossip)
    if kill_before_commit_ is not None:
        kill_before_commit(kill_before_commit_)
    if kill_at is not None:
        kill_at_event(kill_at)
    node_app(command)


if __name__ == "__main__":
    app()
