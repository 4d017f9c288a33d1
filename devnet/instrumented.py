"""A node in a wrapper that records what it tells its peers, or kills it at a stated moment. For tests.

    python -m devnet.instrumented --gossip FILE --kill-before-commit N -- run --config node.toml

The node's code knows nothing of it: the wrapper replaces two methods before it starts the node's own command.
"""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from devnet.nodes import DevNode
from node.chains.certificates import BatchCommitment, Certificate
from node.cli import app as node_app
from node.gateways import HubGateway
from node.network.envelope import EnvelopeWriter, SignedEnvelope

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


def instrument(node: DevNode, *, gossip: Path | None = None, kill_before: int | None = None) -> None:
    """Let `node` start in the wrapper from now on."""
    options: list[str] = []
    if gossip is not None:
        options += ["--gossip", str(gossip)]
    if kill_before is not None:
        options += ["--kill-before-commit", str(kill_before)]
    node.command = ("-m", "devnet.instrumented", *options, "--", *node.command[2:])


@app.command()
def main(
    command: Annotated[list[str], typer.Argument(help="The node's own command and its options.")],
    gossip: Annotated[Path | None, typer.Option(help="File for what the node tells its peers.")] = None,
    kill_before_commit_: Annotated[
        int | None, typer.Option("--kill-before-commit", help="The commitment before which the node dies.")
    ] = None,
) -> None:
    """Run a node's command with the instruments that were asked for."""
    if gossip is not None:
        record_gossip(gossip)
    if kill_before_commit_ is not None:
        kill_before_commit(kill_before_commit_)
    node_app(command)


if __name__ == "__main__":
    app()
