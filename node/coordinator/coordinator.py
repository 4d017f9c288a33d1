"""Everything that follows from a final batch: shares, openings, payouts, seizures, checkpoints, notices of deposits."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from circuits.committee import KeyShare
from node.chains.certificates import ValidatorKey
from node.chains.errors import ChainError
from node.coordinator.actions import Actions, Vault
from node.coordinator.checkpoints import Checkpoints, CheckpointVault
from node.coordinator.notices import Notices
from node.coordinator.shares import Shares
from node.coordinator.warnings import Warnings
from node.ledger.batch import AccountOpening, Deposited
from node.ledger.state import House, LedgerState
from node.sequencing.inputs import ledger_event
from node.sequencing.ports import ChainView, Mesh
from node.sequencing.sequencer import FinalNews
from node.sequencing.tasks import until_first_ends
from node.store import Store

log = structlog.get_logger(__name__)


class LiveVault(Vault, CheckpointVault, Protocol):
    """One chain's vault contract with all that the coordinator does there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the coordinator stands on; `addresses` and `vaults` by chain.

    `home` are the chains whose deposits this node announces; `logarithms` is where workers keep their table.
    """

    mesh: Mesh
    store: Store
    workers: Executor
    chains: Mapping[int, ChainView]
    addresses: Mapping[int, bytes]
    vaults: Mapping[int, LiveVault]
    home: frozenset[int]
    checkpoint_interval: float
    logarithms: Path | None = None


class Coordinator:
    """One validator's coordinator. Subscribe `on_final` to the sequencer; give `openings` to its proposer."""

    def __init__(
        self,
        house: House,
        key: ValidatorKey,
        share: KeyShare,
        state: LedgerState,
        around: Surroundings,
        fallback: float,
    ) -> None:
        """`state` is final; `fallback` the seconds between two validators' turns to relay. Raises ProofRejected."""
        self._house = house
        self._state = state
        self._around = around
        self.shares = Shares(house, share, around.mesh, around.workers, around.logarithms)
        self.actions = Actions(
            house, key, around.addresses, around.vaults, around.mesh, around.store, state.number, fallback
        )
        self.checkpoints = Checkpoints(around.vaults, around.store, house.deployment.digest, around.checkpoint_interval)
        self.notices = Notices(house, around.mesh, around.home)
        self.warnings = Warnings(house)

    def openings(self) -> tuple[AccountOpening, ...]:
        """For the next batch."""
        return self.shares.openings()

    async def on_final(self, news: FinalNews) -> None:
        """A batch became final."""
        self._state = news.executed.state
        await self.actions.on_final(news.batch, news.executed.effects)
        self.notices.on_final(news.batch)
        await self.shares.on_final(news.executed.state)
        await self.warnings.on_final(news.executed.state)

    async def run(self) -> None:
        """Take up what was open before a restart, and go on until cancelled."""
        await self.actions.restore()
        await self.shares.on_final(self._state)
        announcing = (self._announce(chain_id) for chain_id in sorted(self._around.home))
        await until_first_ends(self.actions.run(), self.shares.run(), self.checkpoints.run(), *announcing)

    async def _announce(self, chain_id: int) -> None:
        """Tell the peers of each final deposit on a home chain."""
        view = self._around.chains[chain_id]
        block = self._state.cursors[chain_id].block
        try:
            while True:
                await view.wait_final(block + 1)
                last = view.final.number
                for happened in view.events(block + 1, last):
                    booked = ledger_event(self._house, happened)
                    if isinstance(booked, Deposited):
                        await self.notices.announce(chain_id, happened.block_number, booked)
                block = last
        except ChainError as error:
            log.error("home_chain_failed", chain_id=chain_id, error=str(error))
            await asyncio.Event().wait()  # the house goes on without this chain's notices
