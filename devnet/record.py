"""`devnet.json`: where a devnet's chains, contracts and nodes are, for integrators and for a later `continue`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from devnet.chains import DevChains
from devnet.errors import SettingsInvalid
from devnet.genesis import house_of
from devnet.nodes import DevNode
from devnet.settings import DevnetSettings
from node.chains.deploy import HubDeployment, VaultDeployment

FILE: Final = "devnet.json"


@dataclass(frozen=True, slots=True)
class DevnetRecord:
    """The document. Addresses in it are hex with 0x."""

    document: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the file."""
        (folder / FILE).write_text(json.dumps(self.document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the file.

        Raises:
            SettingsInvalid: there is none, or it is not such a document.
        """
        try:
            document = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsInvalid("folder", f"{folder} holds no devnet to continue: {error}") from error
        return cls(document)

    @property
    def genesis_height(self) -> int:
        """Hub block from which rounds count."""
        return int(self.document["genesis_height"])

    @property
    def round_spacing(self) -> int:
        """Hub blocks from one round to the next."""
        return int(self.document["round_spacing"])

    async def start_chains(self, folder: Path) -> DevChains:
        """The chains at their old ports, from their state files, with everything on them."""
        entries = {int(entry["chain_id"]): entry for entry in self.document["chains"]}
        ports = {name: int(entry["port"]) for name, entry in entries.items()}
        chains = await DevChains.start(folder, int(self.document["genesis_time"]), ports)
        for chain in chains.chains:
            entry = entries[chain.plan.chain_id]
            chain.tokens.update({symbol: _bytes(address) for symbol, address in entry["tokens"].items()})
            chain.aggregators.update({feed: _bytes(address) for feed, address in entry["aggregators"].items()})
            chain.vault = VaultDeployment(_bytes(entry["vault"]), _bytes(entry["auction"]), int(entry["block"]))
        hub = self.document["hub"]
        chains.hub = HubDeployment(_bytes(hub["address"]), _bytes(hub["deployment"]), int(hub["block"]))
        return chains

    def nodes_of(self, folder: Path) -> list[DevNode]:
        """The nodes, not started yet."""
        return [
            DevNode(
                entry["name"],
                tuple(entry["command"]),
                folder / entry["name"],
                Path(entry["log"]),
                entry["api"],
                entry["operator"],
            )
            for entry in self.document["nodes"]
        ]


def record_of(
    chains: DevChains, nodes: Sequence[DevNode], genesis_height: int, genesis_time: int, settings: DevnetSettings
) -> DevnetRecord:
    """The record of a running devnet, whose chains began at `genesis_time`.

    Raises:
        SettingsInvalid: nothing is deployed yet.
    """
    if chains.hub is None:
        raise SettingsInvalid("chains", "nothing is deployed")
    entries = []
    for chain in chains.chains:
        if chain.vault is None:
            raise SettingsInvalid("chains", f"{chain.plan.name} has no vault")
        entries.append(
            {
                "name": chain.plan.name,
                "chain_id": chain.plan.chain_id,
                "rpc": chain.anvil.url,
                "port": chain.anvil.port,
                "vault": _hex(chain.vault.vault),
                "auction": _hex(chain.vault.auction),
                "block": chain.vault.block,
                "tokens": {symbol: _hex(address) for symbol, address in chain.tokens.items()},
                "aggregators": {feed: _hex(address) for feed, address in chain.aggregators.items()},
            }
        )
    document = {
        "hub": {
            "address": _hex(chains.hub.address),
            "deployment": _hex(chains.hub.deployment),
            "block": chains.hub.block,
        },
        "house": _hex(house_of(settings.folder)),
        "genesis": str(settings.folder / "genesis.json"),
        "genesis_height": genesis_height,
        "genesis_time": genesis_time,
        "round_spacing": settings.cadence.round_spacing,
        "chains": entries,
        "nodes": [
            {
                "name": node.name,
                "api": node.api,
                "operator": node.operator,
                "log": str(node.log),
                "command": list(node.command),
            }
            for node in nodes
        ],
    }
    return DevnetRecord(document)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
