"""A running devnet: chains, clock, node processes; started in stages, stopped in reverse."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from devnet.ceremony import BLOCK_INTERVAL, hold_ceremony, write_plan
from devnet.chains import DevChains
from devnet.clock import LockStep, MarketClock
from devnet.errors import ScenarioStalled
from devnet.genesis import (
    CEREMONY,
    VALIDATORS,
    ValidatorPlan,
    deployment_of,
    expiry_of,
    fresh_salt,
    logarithms,
    make_genesis,
    write_nodes,
)
from devnet.market import MarketReplay, load_replay
from devnet.nodes import DevNode, LedgerTip, QuorumHeight, start_all
from devnet.record import DevnetRecord, record_of
from devnet.settings import DevnetSettings
from node.client.keystore import WalletSecrets
from node.client.signing import OwnerKey
from node.ledger.types import Address
from node.sequencing.workers import find_logarithms, start_workers, stop_workers

LEAD_SECONDS: Final = 3600
"""Chain time before the replay's first tick, for deployment and the first deposits."""
SETTLE_SECONDS: Final = 20.0
QUORUM: Final = 3
Prepare = Callable[[Sequence[DevNode]], None]


def clear_run(folder: Path) -> None:
    """Remove what an earlier run left, but not the cache of compiled contracts and logarithms."""
    if not folder.exists():
        return
    for entry in folder.iterdir():
        if entry.name == "cache":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@dataclass(slots=True)
class Devnet:
    """Everything that runs. `backstop` is the secret of the account that genesis names as backstop."""

    settings: DevnetSettings
    replay: MarketReplay
    chains: DevChains
    steps: LockStep
    clock: MarketClock
    nodes: list[DevNode]
    backstop: WalletSecrets = field(repr=False)
    follower: QuorumHeight
    ceremony_s: float | None = None
    """Seconds that the key ceremony took, None where an earlier run held it."""
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)
    _builder: Executor | None = field(default=None, repr=False)

    @classmethod
    async def start(cls, settings: DevnetSettings, prepare: Prepare | None = None) -> "Devnet":
        """Fresh chains, contracts, genesis and nodes, in a folder that `clear_run` left.

        `prepare` sees the nodes before they start. Returns when every node answers and market time passes.
        """
        replay = load_replay(settings)
        cache = settings.folder / "cache"
        start_time = replay.start - LEAD_SECONDS
        chains = await DevChains.start(settings.folder, start_time)
        steps = LockStep(chains, start_time)
        # Nobody waits for the table of logarithms: the nodes' own workers read it once it is there.
        builder = start_workers(1)
        builder.submit(find_logarithms, (), (), logarithms(settings.folder))
        try:
            devnet = await cls._start_on(settings, replay, chains, steps, cache, prepare)
            devnet._builder = builder
            return devnet
        except BaseException:
            stop_workers(builder)
            await steps.stop()
            await chains.stop()
            raise

    @classmethod
    async def resume(cls, settings: DevnetSettings) -> "Devnet":
        """The devnet that an earlier run left in the folder, its market standing still at the last price.

        Raises:
            SettingsInvalid: the folder holds no devnet.
        """
        record = DevnetRecord.load(settings.folder)
        nodes = record.nodes_of(settings.folder)
        chains = await record.start_chains(settings.folder)
        try:
            heads = [await chain.anvil.request("eth_getBlockByNumber", "latest", False) for chain in chains.chains]
            newest = max(int(head["timestamp"], 16) for head in heads)
            steps = LockStep(chains, newest, int(heads[0]["number"], 16))
            follower = QuorumHeight(nodes, QUORUM, height=steps.height)
            replay = MarketReplay((await chains.hub_chain.posted_prices(steps.timestamp),))
            cadence = replace(settings.cadence, round_spacing=record.round_spacing)
            clock = MarketClock(steps, replay, cadence, record.genesis_height, lambda: follower.height)
            await start_all(nodes)
        except BaseException:
            await asyncio.gather(*(node.stop() for node in nodes))
            await chains.stop()
            raise
        devnet = cls(settings, replay, chains, steps, clock, nodes, WalletSecrets.generate(), follower)
        devnet._watch = asyncio.create_task(follower.follow())
        clock.begin()
        clock.start()
        return devnet

    @classmethod
    async def _start_on(
        cls,
        settings: DevnetSettings,
        replay: MarketReplay,
        chains: DevChains,
        steps: LockStep,
        cache: Path,
        prepare: Prepare | None,
    ) -> "Devnet":
        validators = tuple(ValidatorPlan.draw(number) for number in range(1, VALIDATORS + 1))
        backstop = WalletSecrets.generate()
        salt = fresh_salt()
        await steps.start_setup()
        await chains.fund([plan.key.address for plan in validators])
        await chains.deploy(salt, [plan.key.address for plan in validators], cache)
        await steps.stop()
        deployment = deployment_of(chains, salt)
        nodes = write_nodes(chains, settings.folder, validators)
        write_plan(settings.folder / CEREMONY, deployment, validators, steps.height)
        await steps.start_setup(BLOCK_INTERVAL)
        ceremony = await hold_ceremony(nodes)
        await chains.deploy_vaults(deployment, [plan.key.address for plan in validators], ceremony.committee.key, cache)
        await steps.stop()
        owner = Address(OwnerKey(backstop.owner_key).address)
        genesis_time = steps.timestamp
        await make_genesis(
            chains, settings, replay, validators, deployment, ceremony.committee, owner, steps.height, genesis_time
        )
        follower = QuorumHeight(nodes, QUORUM, height=steps.height)
        clock = MarketClock(
            steps, replay, settings.cadence, steps.height, lambda: follower.height, (expiry_of(replay),)
        )
        if prepare is not None:
            prepare(nodes)
        try:
            await start_all(nodes)
        except BaseException:
            await asyncio.gather(*(node.stop() for node in nodes))
            raise
        devnet = cls(settings, replay, chains, steps, clock, nodes, backstop, follower, ceremony.seconds)
        devnet._watch = asyncio.create_task(follower.follow())
        clock.start()
        record_of(chains, nodes, clock.genesis_height, replay.start - LEAD_SECONDS, settings).save(settings.folder)
        return devnet

    async def settled(self) -> dict[str, LedgerTip]:
        """Stop the clock and wait until every running node has the same final ledger; its tip by node.

        Raises:
            ScenarioStalled: they do not come together in time.
        """
        await self.clock.stop()
        loop = asyncio.get_running_loop()
        limit = loop.time() + SETTLE_SECONDS
        before: dict[str, LedgerTip] = {}
        while loop.time() < limit:
            tips = {node.name: await node.tip() for node in self.nodes if node.running}
            found = {name: tip for name, tip in tips.items() if tip is not None}
            if len(found) == len(tips) and found == before and len({tip.number for tip in found.values()}) == 1:
                return found
            before = found
            await asyncio.sleep(0.5)
        raise ScenarioStalled("equal ledgers on every node", SETTLE_SECONDS)

    async def stop(self) -> None:
        """Clock, nodes, chains."""
        if self._builder is not None:
            stop_workers(self._builder)
        try:
            await self.clock.stop()
            if self._watch is not None:
                self._watch.cancel()
                await asyncio.wait([self._watch])
            await asyncio.gather(*(node.stop() for node in self.nodes))
        finally:
            await self.chains.stop()
