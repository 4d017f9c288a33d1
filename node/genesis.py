"""The genesis document: everything public that all nodes of a deployment must agree on, as one JSON file.

Canonical bytes (registry, parameters, committee key) stand in it as hex; their digests are recomputed on loading, and
the house contracts are named, so that a node with a wrong file has another parameters digest and signs nothing useful.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from circuits.committee import CommitteeKey
from circuits.errors import CircuitError
from circuits.transcript import Deployment
from node.errors import GenesisInvalid
from node.ledger.house_digest import house_digest
from node.ledger.parameters import HouseParameters
from node.ledger.state import ChainCursor, House, LedgerState, genesis
from node.ledger.types import AccountId, Address, Digest
from node.market.errors import MarketError
from node.market.instruments import Registry
from node.market.parameters import MarketParameters
from node.market.state import genesis_state

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ChainGenesis:
    """One chain: its contracts (20-byte addresses), and the block after which its events count."""

    chain_id: int
    name: str
    vault: bytes
    auction: bytes
    block: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Genesis:
    """The document. `height` and `time` are the hub block and the market time from which oracle rounds count."""

    house: House
    chains: tuple[ChainGenesis, ...]
    height: int
    time: int

    def chain(self, chain_id: int) -> ChainGenesis:
        """One chain's entry.

        Raises:
            GenesisInvalid: the house is not on that chain.
        """
        for entry in self.chains:
            if entry.chain_id == chain_id:
                return entry
        raise GenesisInvalid("chains", f"chain {chain_id} is not listed")

    @property
    def digest(self) -> Digest:
        """What clients pin: the same 32 bytes on every node of the house."""
        house = self.house
        return house_digest(house.deployment, house.committee, house.parameters_digest, house.validators, self.chains)

    def state(self) -> LedgerState:
        """The ledger before the first batch."""
        market = genesis_state(self.house.registry, self.house.market, self.height, self.time)
        cursors = {entry.chain_id: ChainCursor(entry.block, entry.block_hash) for entry in self.chains}
        return genesis(self.house, market, self.height, cursors)

    def to_json(self) -> str:
        """The document's text."""
        house = self.house
        rules = {item.name: getattr(house.rules, item.name) for item in fields(house.rules)}
        document = {
            "format": FORMAT,
            "hub": {
                "chain_id": house.deployment.hub_chain_id,
                "address": house.deployment.hub.hex(),
                "salt": house.deployment.salt.hex(),
            },
            "validators": [validator.hex() for validator in house.validators],
            "committee": house.committee.encode().hex(),
            "registry": house.registry.encode().hex(),
            "market": house.market.encode().hex(),
            "rules": rules | {"backstop": house.rules.backstop.hex()},
            "height": self.height,
            "time": self.time,
            "chains": [
                {
                    "chain_id": entry.chain_id,
                    "name": entry.name,
                    "vault": entry.vault.hex(),
                    "auction": entry.auction.hex(),
                    "block": entry.block,
                    "block_hash": entry.block_hash.hex(),
                }
                for entry in self.chains
            ],
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Genesis":
        """The inverse of `to_json`.

        Raises:
            GenesisInvalid: not such a document, or one whose parts contradict themselves.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise GenesisInvalid("format", f"{document['format']} is unknown")
            genesis = cls(
                _house(document),
                tuple(_chain(entry) for entry in document["chains"]),
                int(document["height"]),
                int(document["time"]),
            )
            genesis.state()  # listings that are over, or crossed, are refused here
        except (KeyError, TypeError, ValueError, MarketError, CircuitError) as error:
            raise GenesisInvalid("document", f"{type(error).__name__}: {error}") from error
        return genesis

    @classmethod
    def load(cls, path: Path) -> "Genesis":
        """From a file.

        Raises:
            GenesisInvalid: as `from_json`, or the file cannot be read.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise GenesisInvalid("file", str(error)) from error


def _house(document: dict[str, Any]) -> House:
    hub = document["hub"]
    committee = CommitteeKey.decode(bytes.fromhex(document["committee"]))
    committee.verify()
    if len(committee.public_shares) != len(document["validators"]):
        raise GenesisInvalid("committee", f"of {len(committee.public_shares)} members, not one for each validator")
    rules = dict(document["rules"])
    rules["backstop"] = AccountId(bytes.fromhex(rules["backstop"]))
    return House(
        deployment=Deployment(int(hub["chain_id"]), bytes.fromhex(hub["address"]), bytes.fromhex(hub["salt"])),
        validators=tuple(Address(bytes.fromhex(address)) for address in document["validators"]),
        committee=committee,
        registry=Registry.decode(bytes.fromhex(document["registry"])),
        market=MarketParameters.decode(bytes.fromhex(document["market"])),
        rules=HouseParameters(**rules),
    )


def _chain(entry: dict[str, Any]) -> ChainGenesis:
    return ChainGenesis(
        int(entry["chain_id"]),
        str(entry["name"]),
        bytes.fromhex(entry["vault"]),
        bytes.fromhex(entry["auction"]),
        int(entry["block"]),
        bytes.fromhex(entry["block_hash"]),
    )
