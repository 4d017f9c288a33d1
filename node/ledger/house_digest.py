"""The 32 bytes that an owner pins: what a house is, contracts and committee included.

    keccak("zkclear/v1/house" ‖ part(deployment digest) ‖ part(committee key) ‖ part(parameters digest)
           ‖ count ‖ part(validator)… ‖ count ‖ (chain id ‖ part(vault) ‖ part(auction))…)

A part is its length (4 bytes) and itself, a count has 4 bytes, a chain id 32, all big-endian; validators stand in the
order of the hub's signer set, chains ascend by id. The parameters digest covers the listings, and with them every
token's chain and address.

The deployment digest alone would not do. It names the hub, but a node that lies could show the right one beside a
committee key of its own, under which it reads every amount, and vaults of its own, which keep every deposit.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.transcript import Deployment
from node.ledger.types import Digest

HOUSE_DOMAIN: Final = b"zkclear/v1/house"


class HouseContracts(Protocol):
    """The house's two contracts on one chain: addresses of 20 bytes."""

    @property
    def chain_id(self) -> int:
        """The chain."""
        ...

    @property
    def vault(self) -> bytes:
        """What takes deposits."""
        ...

    @property
    def auction(self) -> bytes:
        """What sells seized collateral."""
        ...


def house_digest(
    deployment: Deployment,
    committee: CommitteeKey,
    parameters_digest: bytes,
    validators: Sequence[bytes],
    chains: Iterable[HouseContracts],
) -> Digest:
    """See the module's formula. The order in which the chains are given does not matter."""
    fixed = (deployment.digest, committee.encode(), parameters_digest)
    contracts = sorted((chain.chain_id, chain.vault, chain.auction) for chain in chains)
    parts = [
        HOUSE_DOMAIN,
        *map(_part, fixed),
        _count(validators),
        *map(_part, validators),
        _count(contracts),
        *(chain_id.to_bytes(32, "big") + _part(vault) + _part(auction) for chain_id, vault, auction in contracts),
    ]
    return Digest(bytes(keccak(b"".join(parts))))


def _part(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _count(items: Sequence[object]) -> bytes:
    return len(items).to_bytes(4, "big")
