"""`zkclear node rotation`: hand the house over, with the nodes stopped, once a resharing ceremony has ended."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from circuits.errors import CircuitError
from node.ceremony import load_committee
from node.ceremony_plan import CeremonyPlan
from node.chains.calls import HubReader
from node.chains.errors import ChainError
from node.chains.rpc import connect, disconnect
from node.config import NodeConfig, load_config, store_url
from node.errors import ConfigInvalid, HandOverInvalid, NodeError
from node.ledger.state import House
from node.rotations import HandOver, certify_hand_over, sign_hand_over
from node.secret_files import load_validator_key
from node.signed_orders import present_house
from node.store import Store, StoreError

app = typer.Typer(help="Hand the house over to other validators, while its nodes are stopped.", no_args_is_help=True)
_FATAL = (NodeError, StoreError, ChainError, CircuitError, OSError)

Config = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The node's TOML file.")]
Proposal = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The proposed rotation.")]
Output = Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write.")]


@app.command()
def propose(config: Config, output: Output) -> None:
    """Write what is to be signed: the ceremony's recipients and key, after the last batch that this node has."""
    try:
        settings = load_config(config)
        output.write_text(_own_proposal(settings).to_json(), encoding="utf-8")
    except _FATAL as error:
        _end(error)


@app.command()
def sign(config: Config, proposal: Proposal, output: Output) -> None:
    """Sign a proposed rotation, if it is what this node's own ceremony and ledger say and the hub stands there too."""
    try:
        settings = load_config(config)
        proposed = HandOver.load(proposal)
        if proposed != _own_proposal(settings):
            raise HandOverInvalid("proposal", "not what this node's ceremony and ledger lead to")
        house = present_house(settings)
        asyncio.run(_require_hub_at(settings, house, proposed.batch))
        key = load_validator_key(settings.path(settings.validator_key))
        signature = sign_hand_over(house, proposed, key)
        signed = {"validator": key.address.hex(), "signature": signature.hex()}
        output.write_text(json.dumps(signed, indent=2) + "\n", encoding="utf-8")
    except _FATAL as error:
        _end(error)


@app.command()
def certify(
    config: Config,
    proposal: Proposal,
    signature: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help="A validator's; repeat it.")],
    output: Output,
) -> None:
    """Put a quorum's signatures together. The result goes to `rotations` in every node's configuration."""
    try:
        settings = load_config(config)
        signatures = dict(_signature(path) for path in signature)
        made = certify_hand_over(present_house(settings), HandOver.load(proposal), signatures)
        output.write_text(made.to_json(), encoding="utf-8")
    except _FATAL as error:
        _end(error)


def _own_proposal(settings: NodeConfig) -> HandOver:
    house = present_house(settings)
    plan = CeremonyPlan.load(settings.path(settings.ceremony))
    store = Store(store_url(settings), house.deployment)
    try:
        last = store.last()
    finally:
        store.close()
    number = 0 if last is None else last.number
    return HandOver(house.epoch, number, plan.recipients, load_committee(settings.path(settings.committee)))


async def _require_hub_at(settings: NodeConfig, house: House, batch: int) -> None:
    """Raise HandOverInvalid unless batch `batch` is the hub's last: the hub takes a rotation at no other."""
    urls = {chain.chain_id: chain.rpc for chain in settings.chains}
    if house.deployment.hub_chain_id not in urls:
        raise ConfigInvalid("chains", f"no endpoint for {house.deployment.hub_chain_id}")
    w3 = connect(urls[house.deployment.hub_chain_id])
    try:
        height = await HubReader(w3, house.deployment.hub).height()
    finally:
        await disconnect(w3)
    if height != batch:
        raise HandOverInvalid("batch", f"the hub is at batch {height}, not {batch}")


def _signature(path: Path) -> tuple[bytes, bytes]:
    try:
        signed = json.loads(path.read_text(encoding="utf-8"))
        return bytes.fromhex(signed["validator"]), bytes.fromhex(signed["signature"])
    except (KeyError, TypeError, ValueError) as error:
        raise HandOverInvalid("signature", f"{path.name} holds none") from error


def _end(error: Exception) -> None:
    Console(stderr=True).print(f"[bold red]no rotation:[/] {type(error).__name__}: {error}", highlight=False)
    raise typer.Exit(1) from error
