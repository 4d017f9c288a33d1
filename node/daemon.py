"""One validator as a process: its parts joined, started, and stopped in order."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

import structlog
from prometheus_client import start_http_server

from node.chains.errors import RpcUnavailable
from node.chains.watcher import ChainWatcher
from node.config import NodeConfig, store_url
from node.errors import ConfigInvalid
from node.genesis import Genesis
from node.network import NodeIdentity
from node.rotations import HandOver, Succession
from node.secret_files import load_committee_share, load_validator_key
from node.sequencing.finality import rebuild
from node.sequencing.tasks import until_first_ends
from node.store import Store
from node.wiring import Parts, Secrets, join_parts

_SWITCH_SECONDS: Final = 0.001
"""After so long a thread hands the interpreter on: batches are executed in threads, and the loop waits for none."""
_START_PAUSE: Final = 1.0
"""Seconds between two tries to reach a chain's endpoint at the start."""
log = structlog.get_logger(__name__)


class Daemon:
    """The node of one configuration. `run` serves until `stop` is called or a part fails for good."""

    def __init__(self, config: NodeConfig) -> None:
        """Raises ConfigInvalid, GenesisInvalid, HandOverInvalid, IdentityRejected, OSError."""
        self.config = config
        self.genesis = Genesis.load(config.path(config.genesis))
        hand_overs = [HandOver.load(config.path(path)) for path in config.rotations]
        self._succession = Succession.follow(self.genesis.house, hand_overs)
        self._secrets = Secrets(
            load_validator_key(config.path(config.validator_key)),
            load_committee_share(config.path(config.committee_share)),
            NodeIdentity.load(config.path(config.identity)),
        )
        address = self._secrets.key.address
        house = self._succession.epochs.current
        if address not in house.validators:
            raise ConfigInvalid("validator_key", f"0x{address.hex()} is no validator in epoch {house.epoch}")
        self._stopping = asyncio.Event()
        self.parts: Parts | None = None
        """While the node runs."""

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve.

        Raises:
            HandOverInvalid: the hub is in another epoch than this node's configuration leads to.
            FinalBatchInvalid: the stored batches, or the hub's, contradict this node.
            ChainError: the hub was given up, or an endpoint serves another chain.
            StoreError: the store is another deployment's.
            OSError, RuntimeError: an address to listen on is taken.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        async with AsyncExitStack() as closing:
            store = Store(store_url(self.config), self.genesis.house.deployment)
            closing.callback(store.close)
            state = await asyncio.to_thread(rebuild, self._succession.epochs, self.genesis.state(), store)
            log.info("ledger_rebuilt", number=state.number, root=state.root.hex())
            parts = join_parts(self.config, self.genesis, self._succession, self._secrets, store, state, closing)
            await self._listen(parts, closing)
            self.parts = parts
            await self._work(parts)
            self.parts = None
            log.info("node_stopping", number=parts.sequencer.state.number)

    async def _listen(self, parts: Parts, closing: AsyncExitStack) -> None:
        await parts.mesh.start()
        closing.push_async_callback(parts.mesh.stop)
        for server in (parts.clients, parts.operators):
            await server.start()
            closing.push_async_callback(server.stop)
        metrics = self.config.metrics_listen
        if metrics is not None:
            http, thread = start_http_server(metrics.port, metrics.host, parts.metrics)
            closing.callback(thread.join)
            closing.callback(http.shutdown)
        ports = {"api": parts.clients.port, "operator": parts.operators.port, "peers": parts.mesh.port}
        log.info("node_started", validator=self._secrets.key.address.hex(), **ports)

    async def _work(self, parts: Parts) -> None:
        """Run everything until told to stop, or until one part ends: none does of its own accord."""
        chains = (_follow(watcher) for watcher in parts.watchers.values())
        await until_first_ends(
            self._stopping.wait(), _sequence(parts), parts.coordinator.run(), parts.rotations.run(), *chains
        )


async def _sequence(parts: Parts) -> None:
    await parts.rotations.rotate_hub()
    await parts.sequencer.run()


async def _follow(watcher: ChainWatcher) -> None:
    """Follow a chain until cancelled; an endpoint that is away at the start is waited for.

    Raises:
        WrongChain: the endpoint serves another chain.
    """
    try:
        while True:
            try:
                await watcher.start()
                break
            except RpcUnavailable as error:
                log.warning("chain_unreachable", chain_id=watcher.chain_id, error=str(error))
                await asyncio.sleep(_START_PAUSE)
        await asyncio.Event().wait()
    finally:
        await watcher.stop()
