"""A chain that goes down in the middle of a default: how that happens, and when the house is over it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clearing.v1 import ledger_service_pb2, margin_service_pb2

from devnet.network import Devnet
from devnet.nodes import connected
from devnet.roles import PlannedOutage
from node.ledger.effects import EventKind
from node.ledger.types import AccountId

ROUNDS_AFTER: Final = 3
"""A round that the chain's return disturbs may have no price, and its default goes on with the next."""


@dataclass(slots=True)
class Outage:
    """Takes the planned chain away once `account` is frozen, which begins its default."""

    devnet: Devnet
    planned: PlannedOutage
    account: AccountId
    progress: Callable[[str], None]
    begun: bool = False

    async def happen(self) -> None:
        """Wait for the default, and keep the chain down for as long as planned, or until cancelled."""
        async with connected(self.devnet.nodes[0].api) as connection:
            async for response in connection.ledger.StreamEvents(ledger_service_pb2.StreamEventsRequest()):
                if response.event.kind == EventKind.FROZEN and response.event.account == self.account:
                    break
        chain, steps = self.devnet.chains.chains[self.planned.chain], self.devnet.clock.steps
        self.begun = True
        self.progress(f"{self.planned.role} is in default, and the chain {chain.plan.name} is down")
        await chain.go_down()
        try:
            back = steps.height + self.planned.blocks
            while steps.height < back:
                await asyncio.sleep(0.1)
        finally:
            await chain.come_back()
        self.progress(f"the chain {chain.plan.name} is back")

    async def over(self, check: Callable[[], None]) -> None:
        """Until the chain is up again, and the ledger has seen it alive and had prices to go on with; at once where it
        never went down. `check` is called meanwhile, and may raise."""
        chain = self.devnet.chains.chains[self.planned.chain]
        while self.begun and (chain.down or await self._unseen(chain.plan.chain_id)):
            check()
            await asyncio.sleep(0.25)
        enough = self.devnet.clock.round + ROUNDS_AFTER
        while self.begun and await self._grid_round() < enough:
            check()
            await asyncio.sleep(0.1)

    async def _unseen(self, chain_id: int) -> bool:
        """Whether the ledger still takes the chain for silent."""
        async with connected(self.devnet.nodes[0].api) as connection:
            request = ledger_service_pb2.GetInvariantsRequest()
            books = await connection.call(connection.ledger.GetInvariants, request)
        return any(entry.silent for entry in books.assets if entry.asset.endswith(f"@{chain_id}"))

    async def _grid_round(self) -> int:
        async with connected(self.devnet.nodes[0].api) as connection:
            latest = await connection.call(connection.margin.GetGrid, margin_service_pb2.GetGridRequest())
        return int(latest.round)
