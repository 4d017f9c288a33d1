"""The group `zkclear risk`."""

import typer

from node.risk.backtest_cli import backtest
from node.risk.conformance_cli import conformance
from node.risk.efficiency_cli import efficiency

app = typer.Typer(help="Hold risk models against the record.", no_args_is_help=True)
app.command()(conformance)
app.command()(efficiency)
app.command()(backtest)
