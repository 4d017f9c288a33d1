"""The command `zkclear`: each of its commands is imported when it is asked for.

Together they import web servers, solvers and plotting: seconds that nobody waits for who only wants one of them.
"""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS: Final = {
    "devnet": "devnet.network_cli",
    "node": "node.cli",
    "margin": "node.margin.cli",
    "risk": "node.risk.cli",
    "exit": "node.exit_cli",
    "audit": "node.audit.cli",
    "bench": "devnet.bench",
    "stress": "devnet.stress.cli",
}
"""The module of each command, which calls its own `app`."""


class LateCommands(TyperGroup):
    """A group that knows its commands' names before it has them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order in which the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now if it was not before; None if there is none of that name."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            command = get_command(import_module(COMMANDS[cmd_name]).app)
            command.name = cmd_name
            self.add_command(command)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(cls=LateCommands, no_args_is_help=True)


@app.callback()
def zkclear() -> None:
    """A clearing house for crypto derivatives with hidden books."""


if __name__ == "__main__":
    app()
