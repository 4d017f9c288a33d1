"""The devnet's time: all chains mine in lock step, and market time passes with the blocks.

Each block of the hub has one block of the same timestamp on every other chain. Before the block of an oracle round the
aggregators get the prices of the round. When the nodes fall behind, or a proof takes long for want of a processor (each
owner would have a machine), the chains slow down, so that deadlines counted in blocks mean the same on a slow machine.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from devnet.chains import DevChain, DevChains
from devnet.market import MarketReplay, PriceTick
from devnet.settings import Cadence

SETUP_INTERVAL: Final = 0.02
LAG_FREE: Final = 12
"""Hub blocks that the slowest quorum may be behind before the chains slow down: finality and one batch."""
LONGEST_INTERVAL: Final = 1.0
"""Seconds until the next block at most: time passes, however long nodes and owners take."""
LOOK_INTERVAL: Final = 0.05


@dataclass(slots=True)
class LockStep:
    """Mines all chains together."""

    chains: DevChains
    timestamp: int
    height: int = 0
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def mine(self, seconds: int) -> None:
        """One block on every chain, `seconds` after the last."""
        self.timestamp += seconds
        await asyncio.gather(*(chain.mine(self.timestamp) for chain in self.chains.chains))
        self.height += 1

    async def start_setup(self, interval: float = SETUP_INTERVAL) -> None:
        """Blocks every `interval` seconds at most, one second of chain time apart, until `stop`."""
        self._task = asyncio.create_task(self._setup(interval))

    async def _setup(self, interval: float) -> None:
        while True:
            await self.mine(1)
            await asyncio.sleep(interval)

    async def stop(self) -> None:
        """No more blocks from a running task."""
        await _ended(self._task)


@dataclass(slots=True)
class MarketClock:
    """Market time: until `begin` the market stands still at its first tick and a block is a second of it; from then on
    every round is one tick further, and a block takes the cadence's market seconds."""

    steps: LockStep
    replay: MarketReplay
    cadence: Cadence
    genesis_height: int
    ledger_height: Callable[[], int]
    """Hub block that a quorum of nodes has in its ledger."""
    expiries: Sequence[int] = ()
    """What forwards and smiles are quoted for, unix seconds, ascending."""
    strained: Callable[[], bool] = lambda: False
    """Whether the machine has more of the owners' work in hand than it can do at once."""
    begun: int | None = None
    """The round that had the replay's first tick, once it began."""
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def round(self) -> int:
        """The last round whose block was mined."""
        return (self.steps.height - self.genesis_height) // self.cadence.round_spacing

    @property
    def ticks_played(self) -> int:
        """How many ticks of the replay the chains have seen."""
        return 0 if self.begun is None else max(self.round - self.begun + 1, 0)

    @property
    def finished(self) -> bool:
        """Whether the last tick has been played."""
        return self.ticks_played >= len(self.replay.ticks)

    def begin(self) -> None:
        """Let the replay start with the next round."""
        self.begun = self.round + 1

    async def block(self) -> None:
        """The next block on every chain, with its round's prices if it is a round's."""
        position = self.steps.height + 1 - self.genesis_height
        next_round, place = divmod(position, self.cadence.round_spacing)
        if place == 0:
            tick = self.replay.tick(0 if self.begun is None else next_round - self.begun)
            await asyncio.gather(*(self._post(chain, tick, next_round) for chain in self.steps.chains.chains))
        await self.steps.mine(self._seconds(next_round))

    async def _post(self, chain: DevChain, tick: PriceTick, next_round: int) -> None:
        await chain.post_prices(tick)
        await chain.post_surfaces(tick, self.steps.timestamp + self._seconds(next_round), self.expiries)

    def _seconds(self, next_round: int) -> int:
        if self.begun is None or next_round < self.begun:
            return 1
        return max(self.cadence.seconds_per_block, self.replay.start - self.steps.timestamp)

    def start(self) -> None:
        """Let time pass until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self.cadence.block_interval, loop.time())
            await asyncio.sleep(due - loop.time())
            latest = due + LONGEST_INTERVAL - self.cadence.block_interval
            while self._behind() and loop.time() < latest:
                await asyncio.sleep(LOOK_INTERVAL)
            await self.block()

    def _behind(self) -> bool:
        """Whether nodes or owners have not done with the last blocks."""
        return self.steps.height - self.ledger_height() > LAG_FREE or self.strained()

    async def stop(self) -> None:
        """Time stands still."""
        await _ended(self._task)

    def failure(self) -> BaseException | None:
        """What stopped the clock, if it was not `stop`."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel and wait; how the task ended is for `failure` to tell."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
