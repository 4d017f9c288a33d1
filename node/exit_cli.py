"""`zkclear exit`: an owner's way out of a house that stopped, with a ticket, a keystore and the chains alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from circuits.errors import CircuitError
from node.client.deposits import Chain
from node.client.errors import ClientError
from node.client.exit_ticket import ExitTicket
from node.client.exits import Departure
from node.client.keystore import open_keystore
from node.client.signing import OwnerKey
from node.ledger.types import Address, AssetId
from node.market.errors import MarketError

app = typer.Typer(help="Leave a house that stopped, with an exit ticket and the chains alone.", no_args_is_help=True)
_FATAL = (ClientError, CircuitError, MarketError, OSError)
_ADDRESS_BYTES = 20

TicketOption = Annotated[Path, typer.Option("--ticket", exists=True, dir_okay=False, help="The kept exit ticket.")]
KeystoreOption = Annotated[Path, typer.Option("--keystore", exists=True, dir_okay=False, help="The owner's keystore.")]
PasswordOption = Annotated[
    str, typer.Option("--password", prompt=True, hide_input=True, envvar="ZKCLEAR_PASSWORD", help="The keystore's.")
]
IndexOption = Annotated[int, typer.Option("--index", min=0, help="Which of the owner's accounts.")]
RpcOption = Annotated[str, typer.Option("--rpc", help="An endpoint of the vault's chain.")]
AssetOption = Annotated[str, typer.Option("--asset", help="For example USD@31338.")]


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the files hold."""

    ticket: ExitTicket
    key: OwnerKey

    @classmethod
    def read(cls, ticket: Path, keystore: Path, password: str, index: int) -> "_Owner":
        wallet = open_keystore(keystore, password)
        return cls(ExitTicket.load(ticket, wallet, index), OwnerKey(wallet.owner_key))

    def leaves(self, chain_id: int, rpc: str) -> Departure:
        return Departure(self.ticket, self.key, Chain(chain_id, rpc))

    def leaves_with(self, asset: str, rpc: str) -> Departure:
        """From the vault on the asset's chain."""
        return self.leaves(self.ticket.asset(AssetId(asset)).chain_id, rpc)


@app.command()
def ticket(ticket: TicketOption, keystore: KeystoreOption, password: PasswordOption, index: IndexOption = 0) -> None:
    """Tell what a ticket holds: its batch and the account's balances in ledger units, secrets of the owner's."""
    with _reported():
        owner = _Owner.read(ticket, keystore, password, index)
    kept = owner.ticket
    _say(f"account 0x{kept.account.hex()} after batch {kept.number}, owner 0x{owner.key.address.hex()}")
    _say(f"cash {kept.cash.value} micro-dollars, to be taken on chain {kept.home_chain}")
    for name, opening in sorted(kept.collateral.items()):
        _say(f"{name} {opening.value}")


@app.command()
def show(
    ticket: TicketOption,
    keystore: KeystoreOption,
    password: PasswordOption,
    chain: Annotated[int, typer.Option(help="The id of the vault's chain.")],
    rpc: RpcOption,
    hub_rpc: Annotated[str, typer.Option(help="An endpoint of the hub's chain.")],
    index: IndexOption = 0,
) -> None:
    """Relay the certificate of the ticket's batch to a vault, unless it is known there; tell when owners may go."""
    with _reported():
        owner = _Owner.read(ticket, keystore, password, index)
        hub = Chain(owner.ticket.deployment.hub_chain_id, hub_rpc)
        standing = asyncio.run(owner.leaves(chain, rpc).show(hub))
    _say(f"the vault's checkpoint is batch {standing.checkpoint}; exits may be requested from {_time(standing.opens)}")
    _say(f"a request is paid {standing.challenge} seconds after it, unless the vault learns of a newer batch")


@app.command()
def request(
    ticket: TicketOption,
    keystore: KeystoreOption,
    password: PasswordOption,
    asset: AssetOption,
    units: Annotated[int, typer.Option(min=1, help="Ledger units; micro-dollars of USD.")],
    rpc: RpcOption,
    to: Annotated[str | None, typer.Option(help="Who is to be paid; the owner's own address if left out.")] = None,
    index: IndexOption = 0,
) -> None:
    """Prove that the account has an amount, and ask its vault for it. Each asset leaves once: ask for all of it."""
    with _reported():
        owner = _Owner.read(ticket, keystore, password, index)
        recipient = owner.key.address if to is None else _address(to)
        sent = asyncio.run(owner.leaves_with(asset, rpc).request(AssetId(asset), units, recipient))
    _say(f"requested {units} units of {asset} for 0x{recipient.hex()}: transaction 0x{sent.hex()}")


@app.command()
def finish(
    ticket: TicketOption,
    keystore: KeystoreOption,
    password: PasswordOption,
    asset: AssetOption,
    rpc: RpcOption,
    index: IndexOption = 0,
) -> None:
    """Have the vault pay what was requested, once its time to object has passed."""
    with _reported():
        owner = _Owner.read(ticket, keystore, password, index)
        sent = asyncio.run(owner.leaves_with(asset, rpc).finish(AssetId(asset)))
    _say(f"paid: transaction 0x{sent.hex()}")


def _address(text: str) -> Address:
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no address") from error
    if len(address) != _ADDRESS_BYTES:
        raise typer.BadParameter(f"{text} is no address")
    return Address(address)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@contextmanager
def _reported() -> Iterator[None]:
    """Ends the command with exit code 1 and the reason."""
    try:
        yield
    except _FATAL as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"{type(error).__name__}: {error}", markup=False)
        raise typer.Exit(1) from error


def _say(line: str) -> None:
    Console(highlight=False, soft_wrap=True).print(line, markup=False)
