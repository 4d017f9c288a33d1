"""`zkclear node guard`: pause a vault, lift the pause, or tighten an hourly limit, by a quorum of validators.

Each validator signs the same order with its own key, whether or not its node runs; one of them puts the signatures
together and sends the order. A vault numbers its orders, so that none is taken twice.
"""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from node.chains.calls import VaultReader, encode_guard, epoch
from node.chains.certificates import GuardOrder, ValidatorKey, guard_digest
from node.chains.errors import ChainError
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect
from node.config import NodeConfig, load_config
from node.errors import ConfigInvalid, NodeError, OrderInvalid
from node.genesis import Genesis
from node.ledger.state import House
from node.secret_files import load_validator_key
from node.signed_orders import certify, end, own_key, present_house, read_signatures, write_signature

app = typer.Typer(help="Pause a vault or tighten its limits, by a quorum of validators.", no_args_is_help=True)
_FATAL = (NodeError, ChainError, OSError)
_NO_TOKEN = bytes(20)

Config = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The node's TOML file.")]


@dataclass(frozen=True, slots=True)
class _Vault:
    """Where an order goes: the vault, who may certify it, and the way there."""

    chain_id: int
    address: bytes
    house: House
    rpc: str


@app.command()
def sign(
    config: Config,
    chain: Annotated[int, typer.Option(help="The vault's chain id.")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write.")],
    pause_until: Annotated[int, typer.Option(min=0, help="Unix second; 0 lifts a pause.")] = 0,
    token: Annotated[str, typer.Option(help="Address of a token whose limit is tightened.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Base units of the token that may leave in an hour.")] = 0,
) -> None:
    """Sign the vault's next guard order with this node's key."""
    try:
        settings = load_config(config)
        vault = _vault(settings, chain)
        order = asyncio.run(_next_order(vault, _address(token), limit, pause_until))
        told = {"chain_id": vault.chain_id, "order": asdict(order) | {"token": order.token.hex()}}
        digest = guard_digest(vault.chain_id, vault.address, order)
        write_signature(output, told, digest, own_key(settings, vault.house))
    except _FATAL as error:
        end(error)


@app.command()
def send(
    config: Config,
    signature: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help="A validator's; repeat it.")],
) -> None:
    """Put a quorum's signatures of one order together and send it to the vault, from this node's account."""
    try:
        settings = load_config(config)
        (chain_id, order), signatures = read_signatures(signature, _order)
        vault = _vault(settings, chain_id)
        certificate = certify(vault.house, guard_digest(vault.chain_id, vault.address, order), signatures)
        key = load_validator_key(settings.path(settings.validator_key))
        asyncio.run(_send(vault, encode_guard(order, vault.house.validators, certificate), key))
        Console().print(f"taken: order {order.sequence} of the vault on chain {vault.chain_id}", highlight=False)
    except _FATAL as error:
        end(error)


async def _next_order(vault: _Vault, token: bytes, limit: int, paused_until: int) -> GuardOrder:
    async def read(w3: Connection) -> GuardOrder:
        reader = VaultReader(w3, vault.address)
        if token != _NO_TOKEN and not await reader.unit(token):
            raise OrderInvalid("token", f"0x{token.hex()} is not listed by the vault")
        sequence, present = await reader.guard_orders(), await epoch(w3, vault.address)
        return GuardOrder(sequence, token, limit, paused_until, present)

    w3 = connect(vault.rpc)
    try:
        return await read(w3)
    finally:
        await disconnect(w3)


async def _send(vault: _Vault, data: bytes, key: ValidatorKey) -> None:
    w3 = connect(vault.rpc)
    try:
        await Relayer(w3, key.secret, vault.chain_id).send(vault.address, data)
    finally:
        await disconnect(w3)


def _vault(settings: NodeConfig, chain_id: int) -> _Vault:
    """Raises ConfigInvalid where the house has no vault there, or this node no endpoint."""
    genesis, house = Genesis.load(settings.path(settings.genesis)), present_house(settings)
    urls = {chain.chain_id: chain.rpc for chain in settings.chains}
    for entry in genesis.chains:
        if entry.chain_id == chain_id and chain_id in urls:
            return _Vault(chain_id, entry.vault, house, urls[chain_id])
    raise ConfigInvalid("chains", f"no vault and endpoint of chain {chain_id}")


def _address(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.removeprefix("0x")) if text else _NO_TOKEN
    except ValueError as error:
        raise OrderInvalid("token", f"{text!r} is no address") from error
    if len(raw) != len(_NO_TOKEN):
        raise OrderInvalid("token", f"{len(raw)} bytes are no address")
    return raw


def _order(document: dict[str, Any]) -> tuple[int, GuardOrder]:
    """The vault's chain, and the order."""
    fields = document["order"]
    figures = {name: int(fields[name]) for name in ("sequence", "limit", "paused_until", "epoch")}
    return int(document["chain_id"]), GuardOrder(token=bytes.fromhex(fields["token"]), **figures)
