"""Keepers: they buy seized collateral in the on-chain auctions of every chain, at a price that pays for the trouble."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from devnet.chains import DevChain
from node.chains.calls import VaultReader, encode_approve, encode_buy
from node.chains.errors import ChainError, TransactionReverted
from node.chains.events import Seized
from node.chains.relayer import Relayer
from node.chains.watcher import ChainWatcher

DISCOUNT_PPM: Final = 20_000
"""A keeper buys this far below the start price of a lot."""
POLL_SECONDS: Final = 0.25
UNLIMITED: Final = 2**256 - 1


@dataclass(slots=True)
class Keeper:
    """Buys on one chain with its own key; `bought` are the action ids of its lots."""

    chain: DevChain
    relayer: Relayer
    watcher: ChainWatcher
    bought: list[bytes] = field(default_factory=list)
    failures: list[ChainError] = field(default_factory=list)

    async def run(self) -> None:
        """Approve the auction, then buy every seized lot once its price has come down."""
        if self.chain.vault is None:
            raise ValueError("the chain has no vault")
        auction = self.chain.vault.auction
        await self.relayer.send(self.chain.tokens["USD"], encode_approve(auction, UNLIMITED))
        seen = self.watcher.final.number
        pending: set[asyncio.Task[None]] = set()
        while True:
            final = self.watcher.final.number
            if final > seen:
                lots = [e for e in self.watcher.events(seen + 1, final) if isinstance(e, Seized)]
                pending |= {asyncio.create_task(self._buy(auction, lot.action_id)) for lot in lots}
                seen = final
            pending = {task for task in pending if not task.done()}
            await asyncio.sleep(POLL_SECONDS)

    async def _buy(self, auction: bytes, action_id: bytes) -> None:
        if self.chain.vault is None:
            raise ValueError("the chain has no vault")
        reader = VaultReader(self.chain.w3, self.chain.vault.vault)
        try:
            start = await reader.price(action_id)
            limit = start * (1_000_000 - DISCOUNT_PPM) // 1_000_000
            while await reader.price(action_id) > limit:
                await asyncio.sleep(POLL_SECONDS)
            await self.relayer.send(auction, encode_buy(action_id, limit))
            self.bought.append(action_id)
        except (ChainError, TransactionReverted) as error:
            self.failures.append(error)


async def run_keepers(keepers: Sequence[Keeper]) -> None:
    """Every keeper at once, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for keeper in keepers:
            group.create_task(keeper.run())
