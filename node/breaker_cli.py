"""`zkclear node breaker`: stop default management in levels, or write a chain's token off, by a quorum of validators.

Each validator signs the same order with its own key; one of them puts the signatures together and sends the order to
the hub, where no proposer can leave it out. The ledger numbers the orders, so that none is taken twice.
"""

import asyncio
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer
from clearing.v1 import operator_service_pb2, operator_service_pb2_grpc
from rich.console import Console

from node.chains.calls import encode_submit
from node.chains.errors import ChainError
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect
from node.config import NodeConfig, load_config
from node.errors import ConfigInvalid, NodeError, OrderInvalid
from node.ledger.house_orders import BreakerOrder, HouseOrder, WriteOffOrder
from node.ledger.state import House
from node.ledger.submissions import encode_submission
from node.ledger.types import AssetId
from node.liquidation.breaker import Level
from node.market.errors import MarketError
from node.secret_files import load_validator_key
from node.signed_orders import certify, end, own_key, present_house, read_signatures, write_signature

app = typer.Typer(
    help="Stop default management, or write a chain's token off, by a quorum of validators.", no_args_is_help=True
)
_FATAL = (NodeError, ChainError, MarketError, OSError)
_ANSWER_SECONDS = 5.0

Config = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The node's TOML file.")]
Output = Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write.")]
Operator = Annotated[str, typer.Option(help="host:port of the node's operator service, if not as configured.")]


@app.command()
def sign(
    config: Config,
    output: Output,
    until: Annotated[int, typer.Option(min=1, help="The last hub block; the same for every signer.")],
    level: Annotated[int, typer.Option(min=0, max=3, help="0 open, 1 no offer, 2 no bid, 3 halted.")],
    operator: Operator = "",
) -> None:
    """Sign the house's next order with this node's key: the breaker's level until a hub block."""
    try:
        settings = load_config(config)
        house, now = present_house(settings), _status(settings, operator)
        if not now.hub_block < until <= now.hub_block + house.rules.breaker_blocks:
            most = now.hub_block + house.rules.breaker_blocks
            raise OrderInvalid("until", f"{until} is not after hub block {now.hub_block} and at most {most}")
        _sign(settings, house, BreakerOrder(house.epoch, now.orders, Level(level), until), now, output)
    except _FATAL as error:
        end(error)


@app.command()
def write_off(
    config: Config,
    output: Output,
    asset: Annotated[str, typer.Option(help="The token, for example WETH@31338.")],
    until: Annotated[int, typer.Option(min=1, help="The last hub block of the order; the same for every signer.")],
    reinstate: Annotated[bool, typer.Option("--reinstate", help="Let it count again.")] = False,
    operator: Operator = "",
) -> None:
    """Sign the house's next order with this node's key: a chain's token counts nothing, or counts again."""
    try:
        settings = load_config(config)
        house, now = present_house(settings), _status(settings, operator)
        name = AssetId(house.registry.asset(asset).id)
        if (asset in now.written_off) is not reinstate:
            raise OrderInvalid("asset", f"{asset} is {'not ' if reinstate else ''}written off")
        _sign(settings, house, WriteOffOrder(house.epoch, now.orders, name, reinstate, until), now, output)
    except _FATAL as error:
        end(error)


@app.command()
def send(
    config: Config,
    signature: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help="A validator's; repeat it.")],
) -> None:
    """Put a quorum's signatures of one order together and send it to the hub, from this node's account."""
    try:
        settings = load_config(config)
        house = present_house(settings)
        order, signatures = read_signatures(signature, _order)
        certificate = certify(house, order.digest(house.deployment), signatures)
        data = encode_submission(replace(order, signatures=certificate.signatures))
        asyncio.run(_submit(settings, house, encode_submit(data)))
        Console().print(f"on the hub: order {order.sequence} of epoch {order.epoch}", highlight=False)
    except _FATAL as error:
        end(error)


def _sign(
    settings: NodeConfig,
    house: House,
    order: HouseOrder,
    now: operator_service_pb2.GetNodeStatusResponse,
    output: Path,
) -> None:
    if (now.deployment_digest, now.epoch) != (house.deployment.digest, house.epoch):
        raise OrderInvalid("operator", "the node that answers is of another house, or in another epoch")
    fields = asdict(order)
    del fields["signatures"]
    write_signature(
        output,
        {"order": type(order).__name__, **fields},
        order.digest(house.deployment),
        own_key(settings, house),
    )


def _order(document: dict[str, Any]) -> HouseOrder:
    epoch, sequence = int(document["epoch"]), int(document["sequence"])
    if document["order"] == BreakerOrder.__name__:
        return BreakerOrder(epoch, sequence, Level(document["level"]), int(document["until"]))
    if document["order"] != WriteOffOrder.__name__ or not isinstance(document["reinstated"], bool):
        raise ValueError("no order")
    asset = AssetId(str(document["asset"]))
    return WriteOffOrder(epoch, sequence, asset, document["reinstated"], int(document["expiry"]))


def _status(settings: NodeConfig, operator: str) -> operator_service_pb2.GetNodeStatusResponse:
    """What this node's ledger says: hub block, epoch, the next order, what is written off."""
    listen = settings.operator_listen
    if not operator and not listen.port:
        raise ConfigInvalid("operator_listen", "no port: name the operator service with --operator")
    address = operator or f"{listen.host}:{listen.port}"
    with grpc.insecure_channel(address) as channel:
        stub = operator_service_pb2_grpc.OperatorServiceStub(channel)
        try:
            return stub.GetNodeStatus(operator_service_pb2.GetNodeStatusRequest(), timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            raise OrderInvalid("operator", f"no answer from {address}: {error.code().name}") from error


async def _submit(settings: NodeConfig, house: House, data: bytes) -> None:
    deployment = house.deployment
    urls = {chain.chain_id: chain.rpc for chain in settings.chains}
    if deployment.hub_chain_id not in urls:
        raise ConfigInvalid("chains", f"no endpoint for {deployment.hub_chain_id}")
    key = load_validator_key(settings.path(settings.validator_key))
    w3 = connect(urls[deployment.hub_chain_id])
    try:
        await Relayer(w3, key.secret, deployment.hub_chain_id).send(deployment.hub, data)
    finally:
        await disconnect(w3)
