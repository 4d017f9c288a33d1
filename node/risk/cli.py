"""The group `zkclear risk`."""

import typer

from node.risk.conformance_cli import conformance

app = typer.Typer(help="Hold risk models against the record.", no_args_is_help=True)
app.command()(conformance)
