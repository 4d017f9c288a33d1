"""`zkclear audit`: make an auditor's key, tell owners whom to name, read the accounts that name it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from circuits.auditor import ProvenAuditor
from circuits.dlog import DiscreteLog
from circuits.errors import CircuitError
from node.audit.errors import ArgumentInvalid, AuditError
from node.audit.evidence import Evidence, ShownAccount
from node.audit.keyfile import create_key, open_key
from node.audit.reading import AccountInClear, read_account
from node.audit.sources import fetch_evidence, fetch_house, require_on_hub
from node.client.errors import ClientError
from node.ledger.types import AccountId, Digest
from node.market.errors import MarketError

app = typer.Typer(help="Read the accounts whose owners named you.", no_args_is_help=True)
_FATAL = (AuditError, ClientError, CircuitError, MarketError, OSError)
_TABLE_BITS = 18

KeyOption = Annotated[Path, typer.Option("--key", help="The file with the auditor's secret.")]
PasswordOption = Annotated[
    str, typer.Option("--password", prompt=True, hide_input=True, envvar="ZKCLEAR_PASSWORD", help="The key file's.")
]
NewPasswordOption = Annotated[
    str,
    typer.Option(
        "--password",
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        envvar="ZKCLEAR_PASSWORD",
        help="The key file's.",
    ),
]
NodeOption = Annotated[str, typer.Option("--node", help="host:port of a node's client services.")]
CaOption = Annotated[Path | None, typer.Option("--ca", help="PEM file of the node's certificate authority.")]
HouseOption = Annotated[str | None, typer.Option("--house", help="The digest that the house must have.")]
HubOption = Annotated[
    str | None, typer.Option("--hub-rpc", help="An endpoint of the hub's chain, to ask for the root.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where an account is to be read from: a node, or a file that was fetched before."""

    node: str | None
    account: str | None
    leaf: Path | None
    ca: Path | None
    house: str | None
    hub: str | None

    async def checked(self) -> tuple[Evidence, ShownAccount]:
        """The evidence and what it shows, with the root certified, or on the hub if that is asked."""
        account = None if self.account is None else AccountId(_digest("--account", self.account))
        evidence = await self._evidence(account)
        shown = evidence.shown(account, _house(self.house))
        if self.hub is None:
            evidence.require_certified(shown)
        else:
            await require_on_hub(shown, self.hub)
        return evidence, shown

    async def _evidence(self, account: AccountId | None) -> Evidence:
        if (self.node is None) == (self.leaf is None):
            raise ArgumentInvalid("--node", "either a node or a file from `zkclear audit fetch` (--leaf)")
        if self.leaf is not None:
            return await asyncio.to_thread(Evidence.load, self.leaf)
        if account is None or self.node is None:
            raise ArgumentInvalid("--account", "a node has many: which one?")
        return await fetch_evidence(self.node, self.ca, account)


@app.command()
def keygen(key: KeyOption, password: NewPasswordOption) -> None:
    """Make a secret in a new file of mode 0600, encrypted under a password."""
    with _reported():
        create_key(key, password)
    _say(f"the auditor's secret is in {key}: whoever has it and the password reads every account that names it")


@app.command()
def identity(
    key: KeyOption,
    password: PasswordOption,
    node: NodeOption,
    ca: CaOption = None,
    house: HouseOption = None,
) -> None:
    """Print what owners of a house name to let this key read: 128 public bytes, another for every house."""
    with _reported():
        terms = asyncio.run(fetch_house(node, ca, _house(house)))
        secret = open_key(key, password)
        proven = ProvenAuditor(secret.key(terms.key), secret.prove(terms.key, terms.deployment.digest))
    _say(proven.encode().hex())


@app.command()
def fetch(
    node: NodeOption,
    account: Annotated[str, typer.Option(help="The account's id: 32 bytes in hexadecimal.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the evidence goes.")],
    ca: CaOption = None,
    house: HouseOption = None,
    hub_rpc: HubOption = None,
) -> None:
    """Keep an account as it is now, with the proof that the house certified it; all of it is public."""
    with _reported():
        source = _Source(node, account, None, ca, house, hub_rpc)
        evidence, shown = asyncio.run(source.checked())
        evidence.save(output)
    _say(f"account 0x{shown.account.id.hex()} after batch {shown.batch} is in {output}")


@app.command("open")
def open_account(
    key: KeyOption,
    password: PasswordOption,
    node: Annotated[str | None, typer.Option("--node", help="host:port of a node's client services.")] = None,
    account: Annotated[str | None, typer.Option(help="The account's id: 32 bytes in hexadecimal.")] = None,
    leaf: Annotated[Path | None, typer.Option(help="A file from `zkclear audit fetch`, instead of a node.")] = None,
    ca: CaOption = None,
    house: HouseOption = None,
    hub_rpc: HubOption = None,
    table: Annotated[Path | None, typer.Option(help="Where the table for logarithms is kept.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show an account's cash, positions and collateral, once the house's word for its commitments is checked."""
    with _reported(as_json=as_json):
        source = _Source(node, account, leaf, ca, house, hub_rpc)
        _, shown = asyncio.run(source.checked())
        secret = open_key(key, password)
        # The table is made only for a key that can read.
        read = read_account(secret, shown.house.key, shown.account, lambda: DiscreteLog(_TABLE_BITS, table))
    if as_json:
        typer.echo(json.dumps(_document(read, shown)))
        return
    _say(f"account 0x{read.account.hex()}, version {read.version}, after batch {shown.batch}")
    _say(f"cash {read.cash} micro-dollars, each position times its funding index included")
    for name, amount in (*read.positions.items(), *read.collateral.items()):
        _say(f"{name} {amount}")
    for credit in read.waiting:
        _say(f"waiting: {credit.asset or 'cash'} {credit.amount}")


def _document(read: AccountInClear, shown: ShownAccount) -> dict[str, object]:
    return {
        "account": read.account.hex(),
        "version": read.version,
        "batch": shown.batch,
        "root": shown.root.hex(),
        "cash_micro_usd": read.cash,
        "positions": dict(read.positions),
        "collateral": dict(read.collateral),
        "waiting": [{"asset": credit.asset, "amount": credit.amount} for credit in read.waiting],
    }


def _house(text: str | None) -> Digest | None:
    return None if text is None else _digest("--house", text)


def _digest(argument: str, text: str) -> Digest:
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise ArgumentInvalid(argument, "is not hexadecimal") from error
    if len(data) != 32:
        raise ArgumentInvalid(argument, f"has {len(data)} bytes, not 32")
    return Digest(data)


@contextmanager
def _reported(*, as_json: bool = False) -> Iterator[None]:
    """Ends the command with exit code 1 and the reason."""
    try:
        yield
    except _FATAL as error:
        if as_json:
            typer.echo(json.dumps({"error": type(error).__name__, "reason": str(error)}))
        else:
            told = f"{type(error).__name__}: {error}"
            Console(stderr=True, highlight=False, soft_wrap=True).print(told, markup=False)
        raise typer.Exit(1) from error


def _say(line: str) -> None:
    Console(highlight=False, soft_wrap=True).print(line, markup=False)
