"""Puts the house's contracts on a chain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from circuits.group import point_words
from circuits.pedersen import CommitmentKey
from circuits.transcript import Deployment
from node.chains.calls import HubReader, VaultReader
from node.chains.compile import ContractCode, house_contract
from node.chains.margin_verifier import creation_code, generator_data, words
from node.chains.relayer import Receipt, Relayer
from node.chains.rpc import Connection


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token that a vault takes: its address, the base units of one ledger unit, and those that may leave in an hour
    (0: no limit)."""

    address: bytes
    unit: int
    hourly_limit: int = 0


@dataclass(frozen=True, slots=True)
class ExitTerms:
    """How a vault lets owners leave without the house: its SolvencyVerifier, the seconds without a checkpoint after
    which exits may be requested, and the seconds in which a newer checkpoint voids a request."""

    verifier: bytes
    exit_after: int
    challenge: int


@dataclass(frozen=True, slots=True)
class HubDeployment:
    """A ClearingHub in place. `block` is where a watcher begins."""

    address: bytes
    deployment: bytes
    block: int


@dataclass(frozen=True, slots=True)
class VaultDeployment:
    """A CollateralVault and its CollateralAuction in place. `block` is where a watcher begins."""

    vault: bytes
    auction: bytes
    block: int


async def deploy_contract(relayer: Relayer, code: ContractCode, *arguments: Any) -> Receipt:
    """Deploy `code` with its constructor's arguments; the receipt's `contract` is the new address."""
    return await relayer.send(None, code.bytecode + encode(code.constructor_types, arguments))


async def deploy_hub(
    w3: Connection, relayer: Relayer, salt: bytes, signers: Sequence[bytes], cache: Path | None = None
) -> HubDeployment:
    """Deploy the hub of a deployment; `salt` is 32 random bytes, `signers` the validators in bitmap order."""
    receipt = await deploy_contract(relayer, house_contract("ClearingHub", cache), salt, list(signers))
    address = _address(receipt)
    return HubDeployment(address, await HubReader(w3, address).deployment(), receipt.block_number)


async def deploy_vault(
    w3: Connection,
    relayer: Relayer,
    hub: Deployment,
    signers: Sequence[bytes],
    tokens: Sequence[ListedToken],
    usd: bytes,
    exits: ExitTerms,
    cache: Path | None = None,
) -> VaultDeployment:
    """Deploy the blueprint of the auction, then the vault, whose constructor creates its auction from it."""
    blueprint = await relayer.send(None, house_contract("CollateralAuction", cache).blueprint)
    receipt = await deploy_contract(
        relayer,
        house_contract("CollateralVault", cache),
        hub.hub_chain_id,
        hub.hub,
        hub.salt,
        list(signers),
        [token.address for token in tokens],
        [token.unit for token in tokens],
        [token.hourly_limit for token in tokens],
        usd,
        _address(blueprint),
        *(exits.verifier, exits.exit_after, exits.challenge),
    )
    vault = _address(receipt)
    return VaultDeployment(vault, await VaultReader(w3, vault).auction(), receipt.block_number)


async def deploy_generators(relayer: Relayer) -> tuple[bytes, ...]:
    """Deploy the data contracts with the generators; every SolvencyVerifier of a chain can use the same ones."""
    sent = (relayer.send(None, creation_code(data)) for data in generator_data())
    return tuple(map(_address, await asyncio.gather(*sent)))


async def deploy_verifier(
    relayer: Relayer,
    deployment: Deployment,
    key: CommitmentKey,
    generators: Sequence[bytes],
    cache: Path | None = None,
) -> bytes:
    """Deploy the SolvencyVerifier of a deployment and its committee's `key`; answers its address.

    `generators` are the addresses that `deploy_generators` answered.
    """
    receipt = await deploy_contract(
        relayer,
        house_contract("SolvencyVerifier", cache),
        deployment.hub_chain_id,
        to_checksum_address(deployment.hub),
        deployment.salt,
        words(point_words(key.blinding_base)),
        [to_checksum_address(address) for address in generators],
    )
    return _address(receipt)


def _address(receipt: Receipt) -> bytes:
    if receipt.contract is None:
        raise ValueError("the receipt is not of a deployment")
    return receipt.contract
