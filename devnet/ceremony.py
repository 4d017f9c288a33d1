"""The key ceremony at a devnet's start: one process for each node, as each validator's operator would run it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from circuits.ceremony import CeremonyKind
from circuits.committee import CommitteeKey
from circuits.transcript import Deployment
from devnet.errors import NodeFailed
from devnet.genesis import COMMITTEE_THRESHOLD, ValidatorPlan
from devnet.nodes import DevNode
from node.ceremony import load_committee
from node.ceremony_plan import CeremonyPlan
from node.ledger.types import Address

BLOCK_INTERVAL: Final = 0.1
ROUND_BLOCKS: Final = 400
"""At least 40 s of real time for each round, so that a slow machine's nodes are not taken for absent ones."""
COMMITTEE: Final = "committee.key"


@dataclass(frozen=True, slots=True)
class HeldCeremony:
    """The key that all nodes ended with, and how many seconds it took, processes' start included."""

    committee: CommitteeKey
    seconds: float


def write_plan(path: Path, deployment: Deployment, validators: Sequence[ValidatorPlan], height: int) -> None:
    """The ceremony that makes this deployment's key, from hub block `height` on."""
    members = tuple(Address(plan.key.address) for plan in validators)
    plan = CeremonyPlan(
        CeremonyKind.KEY, deployment, members, members, COMMITTEE_THRESHOLD, start=height, round_blocks=ROUND_BLOCKS
    )
    path.write_text(plan.to_json(), encoding="utf-8")


async def hold_ceremony(nodes: Sequence[DevNode]) -> HeldCeremony:
    """Run every node's part until all have ended; blocks must be coming meanwhile.

    Raises:
        NodeFailed: a node ended without a share, or with another key than the first.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    parts = [_part(node) for node in nodes]
    try:
        await asyncio.gather(*(part.start() for part in parts))
        codes = await asyncio.gather(*(part.ended() for part in parts))
    finally:
        await asyncio.gather(*(part.stop() for part in parts))
    for part, code in zip(parts, codes, strict=True):
        if code:
            raise NodeFailed(part.name, f"left the key ceremony with exit code {code}", part.log)
    seconds = loop.time() - began
    keys = [load_committee(part.folder / COMMITTEE) for part in parts]
    for part, key in zip(parts, keys, strict=True):
        if key != keys[0]:
            raise NodeFailed(part.name, "has another committee key than the others", part.log)
    return HeldCeremony(keys[0], seconds)


def _part(node: DevNode) -> DevNode:
    command = ("-m", "node.cli", "ceremony", "--config", str(node.folder / "node.toml"))
    return replace(node, command=command, log=node.log.with_name(f"{node.name}-ceremony.log"), _process=None)
