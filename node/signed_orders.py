"""Orders that validators sign one by one, each with its own key and whether or not its node runs, and of which one of
them puts a quorum's signatures together: one JSON file for each signature, the order in clear beside it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console

from node.chains import certificates
from node.chains.certificates import Certificate, ValidatorKey
from node.config import NodeConfig
from node.errors import OrderInvalid
from node.genesis import Genesis
from node.ledger.state import House
from node.rotations import HandOver, Succession
from node.secret_files import load_validator_key

_Order = TypeVar("_Order")


def present_house(settings: NodeConfig) -> House:
    """The house of the last epoch that this node knows. Raises GenesisInvalid, HandOverInvalid."""
    genesis = Genesis.load(settings.path(settings.genesis))
    hand_overs = [HandOver.load(settings.path(path)) for path in settings.rotations]
    return Succession.follow(genesis.house, hand_overs).epochs.current


def own_key(settings: NodeConfig, house: House) -> ValidatorKey:
    """This node's key. Raises OrderInvalid if it is none of the house's validators."""
    key = load_validator_key(settings.path(settings.validator_key))
    if key.address not in house.validators:
        raise OrderInvalid("validator", f"0x{key.address.hex()} is none of epoch {house.epoch}")
    return key


def write_signature(path: Path, order: Mapping[str, Any], digest: bytes, key: ValidatorKey) -> None:
    """The file with an order, in JSON's types, and the key's signature of its digest. Raises OSError."""
    signed = {**order, "validator": key.address.hex(), "signature": key.sign_digest(digest).hex()}
    path.write_text(json.dumps(signed, indent=2) + "\n", encoding="utf-8")


def read_signatures(
    paths: Sequence[Path], parse: Callable[[dict[str, Any]], _Order]
) -> tuple[_Order, dict[bytes, bytes]]:
    """The one order that the files hold, as `parse` makes it of a file's content, and its signatures by validator.

    `parse` may raise KeyError, TypeError and ValueError.

    Raises:
        OrderInvalid: a file that holds none, or files of different orders.
    """
    orders, signatures = [], dict[bytes, bytes]()
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            orders.append(parse(document))
            signatures[bytes.fromhex(document["validator"])] = bytes.fromhex(document["signature"])
        except (KeyError, TypeError, ValueError) as error:
            raise OrderInvalid("signature", f"{path.name} holds none") from error
    if any(order != orders[0] for order in orders):
        raise OrderInvalid("signature", "the files are of different orders")
    return orders[0], signatures


def certify(house: House, digest: bytes, signatures: Mapping[bytes, bytes]) -> Certificate:
    """A quorum of them, each checked. Raises UnknownSigner, BadSignature, InsufficientQuorum."""
    return certificates.assemble(digest, house.validators, signatures, house.quorum)


def end(error: Exception) -> NoReturn:
    """Say why there is no order, and leave."""
    told = f"[bold red]no order:[/] {type(error).__name__}: {error}"
    Console(stderr=True).print(told, highlight=False, soft_wrap=True)
    raise typer.Exit(1) from error
