"""Keepers: they move seized collateral out of the auctions of every chain, whichever way pays the vault more: into a
liquidity source as soon as one pays the price, or to themselves at a price that pays for the trouble."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from devnet.chains import DevChain
from node.chains.calls import VaultReader, encode_approve, encode_buy, encode_route
from node.chains.errors import ChainError, TransactionReverted
from node.chains.events import Seized
from node.chains.liquidity import LiquiditySource, best_offer
from node.chains.relayer import Relayer
from node.chains.watcher import ChainWatcher

DISCOUNT_PPM: Final = 20_000
"""A keeper buys this far below the start price of a lot."""
POLL_SECONDS: Final = 0.25
UNLIMITED: Final = 2**256 - 1


@dataclass(slots=True)
class Keeper:
    """Works on one chain with its own key. `bought` are its own lots, `routed` those that a source took, by id."""

    chain: DevChain
    relayer: Relayer
    watcher: ChainWatcher
    sources: Sequence[LiquiditySource] = ()
    bought: list[bytes] = field(default_factory=list)
    routed: list[bytes] = field(default_factory=list)
    failures: list[ChainError] = field(default_factory=list)

    async def run(self) -> None:
        """Approve the auction, then sell or buy every seized lot once its price has come down."""
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
                pending |= {asyncio.create_task(self._place(auction, lot)) for lot in lots}
                seen = final
            pending = {task for task in pending if not task.done()}
            await asyncio.sleep(POLL_SECONDS)

    async def _place(self, auction: bytes, lot: Seized) -> None:
        if self.chain.vault is None:
            raise ValueError("the chain has no vault")
        reader = VaultReader(self.chain.w3, self.chain.vault.vault)
        try:
            start = await reader.price(lot.action_id)
            limit = start * (1_000_000 - DISCOUNT_PPM) // 1_000_000
            while not await self._routed(auction, lot, price := await reader.price(lot.action_id)):
                if price <= limit:
                    await self.relayer.send(auction, encode_buy(lot.action_id, limit))
                    self.bought.append(lot.action_id)
                    return
                await asyncio.sleep(POLL_SECONDS)
        except ChainError as error:
            self.failures.append(error)

    async def _routed(self, auction: bytes, lot: Seized, price: int) -> bool:
        """Whether a source pays the price, and has taken the lot. One that changed its mind meanwhile cost some gas."""
        offers = await best_offer(self.sources, lot.token, lot.amount, self.chain.tokens["USD"])
        self.failures.extend(offers.failures)
        if offers.best is None or offers.best.pays < price:
            return False
        try:
            await self.relayer.send(auction, encode_route(lot.action_id, offers.best.source))
        except TransactionReverted as error:
            self.failures.append(error)
            return False
        self.routed.append(lot.action_id)
        return True


async def run_keepers(keepers: Sequence[Keeper]) -> None:
    """Every keeper at once, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for keeper in keepers:
            group.create_task(keeper.run())
