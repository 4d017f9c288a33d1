"""Makes the parts of a node from its configuration and joins them. Nothing runs yet."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

from eth_utils.address import to_checksum_address
from grpc import ServerCredentials
from prometheus_client import CollectorRegistry, Gauge

from circuits.committee import KeyShare
from node.api.server import ClientServer, OperatorServer, server_credentials
from node.backend import NodeBackend
from node.chains.certificates import ValidatorKey
from node.chains.relayer import Relayer
from node.chains.rpc import Connection, connect, disconnect
from node.chains.watcher import ChainWatcher
from node.config import ListenSettings, NodeConfig
from node.coordinator.coordinator import Coordinator, Surroundings
from node.errors import ConfigInvalid
from node.gateways import HubGateway, VaultGateway
from node.genesis import Genesis
from node.ledger.signatures import recover_compact
from node.ledger.state import LedgerState
from node.ledger.types import Address
from node.network import NodeIdentity, PeerAddress, PeerMesh
from node.oracle.chain_feed import ChainFeed
from node.oracle.observer import Observer
from node.oracle.surface_feed import SurfaceFeed
from node.rotation_relay import Contract, RotationRelay
from node.rotations import Succession
from node.sequencing.admission import Admission
from node.sequencing.finality import BatchArchive
from node.sequencing.forced import first_block
from node.sequencing.payloads import MESSAGE
from node.sequencing.sequencer import Sequencer, Settings, Timings, World
from node.sequencing.workers import prepare_worker, start_workers, stop_workers
from node.store import Store
from node.trades import TradeBoard
from node.transfers import TransferBoard


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only this node holds."""

    key: ValidatorKey
    share: KeyShare
    identity: NodeIdentity


@dataclass(frozen=True, slots=True)
class Parts:
    """A node's joined parts."""

    watchers: dict[int, ChainWatcher]
    mesh: PeerMesh
    sequencer: Sequencer
    coordinator: Coordinator
    rotations: RotationRelay
    clients: ClientServer
    operators: OperatorServer
    metrics: CollectorRegistry


class _LatePool:
    """The message pool as the mesh sees it, which is made first."""

    admission: Admission

    def pool_digests(self) -> Collection[bytes]:
        return self.admission.pool_digests()

    def pool_items(self, digests: Collection[bytes]) -> Sequence[bytes]:
        return self.admission.pool_items(digests)


def join_parts(
    config: NodeConfig,
    genesis: Genesis,
    succession: Succession,
    secrets: Secrets,
    store: Store,
    state: LedgerState,
    closing: AsyncExitStack,
) -> Parts:
    """The node whose last final state is `state`; what must be closed at the end is given to `closing`.

    Raises:
        ConfigInvalid: a chain or peer is missing, or a file of the API's certificate cannot be read.
        ProofRejected: the committee share is not this committee's.
        IdentityRejected: the TLS identity is another validator's.
    """
    pinned, house = genesis, succession.epochs.current
    genesis = replace(pinned, house=house)
    pool, metrics = _LatePool(), CollectorRegistry()
    ground = _ground(config, genesis, secrets.key, state, closing)
    mesh = _mesh(config, genesis, secrets, store, pool, metrics)
    timings = Timings(config.batch_interval, config.proposer_timeout, config.observation_timeout)
    around = _surroundings(config, genesis, ground, mesh, store, closing)
    coordinator = Coordinator(house, secrets.key, secrets.share, state, around, timings.commit_fallback)
    world = _world(config, genesis, secrets.key, ground, mesh, store, closing)
    sequencer = Sequencer(house, secrets.key, state, world, Settings(timings), coordinator.openings, succession.epochs)
    pool.admission = sequencer.admission
    trades = TradeBoard(house, sequencer.admission, sequencer.checker, mesh)
    transfers = TransferBoard(house, sequencer.admission, sequencer.checker, mesh)
    rotations = _rotations(genesis, succession, ground, house.validators.index(Address(secrets.key.address)), timings)
    backend = NodeBackend(pinned, sequencer, trades, transfers, store, mesh, ground.watchers)
    sequencer.subscribe(backend.on_final)
    sequencer.subscribe(coordinator.on_final)
    _add_gauges(metrics, backend, sequencer)
    clients = ClientServer(backend, _address(config.api_listen), credentials=_credentials(config))
    operators = OperatorServer(backend, _address(config.operator_listen))
    return Parts(ground.watchers, mesh, sequencer, coordinator, rotations, clients, operators, metrics)


@dataclass(frozen=True, slots=True)
class _Ground:
    """This node's own way to each chain, by chain id."""

    connections: dict[int, Connection]
    relayers: dict[int, Relayer]
    watchers: dict[int, ChainWatcher]


def _ground(
    config: NodeConfig, genesis: Genesis, key: ValidatorKey, state: LedgerState, closing: AsyncExitStack
) -> _Ground:
    connections = _connect(config, genesis, closing)
    relayers = {chain_id: Relayer(w3, key.secret, chain_id) for chain_id, w3 in connections.items()}
    watchers = {chain_id: _watcher(config, genesis, state, chain_id, w3) for chain_id, w3 in connections.items()}
    return _Ground(connections, relayers, watchers)


def _mesh(
    config: NodeConfig,
    genesis: Genesis,
    secrets: Secrets,
    store: Store,
    pool: _LatePool,
    metrics: CollectorRegistry,
) -> PeerMesh:
    return PeerMesh(
        secrets.identity,
        secrets.key,
        lambda digest, signature: recover_compact(signature, digest),
        [PeerAddress(bytes.fromhex(peer.address), peer.host, peer.port) for peer in config.peers],
        genesis.house.deployment.digest,
        host=config.peer_listen.host,
        port=config.peer_listen.port,
        pools={MESSAGE: pool},
        batches=BatchArchive(store),
        registry=metrics,
    )


def _world(
    config: NodeConfig,
    genesis: Genesis,
    key: ValidatorKey,
    ground: _Ground,
    mesh: PeerMesh,
    store: Store,
    closing: AsyncExitStack,
) -> World:
    workers = start_workers(config.workers)
    closing.callback(stop_workers, workers)
    # The first claim should not wait for a worker to be born.
    for _ in range(config.workers):
        workers.submit(prepare_worker)
    house, hub_id = genesis.house, genesis.house.deployment.hub_chain_id
    hub = HubGateway(ground.connections[hub_id], ground.relayers[hub_id], house.deployment.hub, house.validators)
    feeds = _observer(config, genesis, key, ground.connections)
    return World(mesh, ground.watchers, hub, feeds, store, workers, time.monotonic, config.workers)


def _surroundings(
    config: NodeConfig,
    genesis: Genesis,
    ground: _Ground,
    mesh: PeerMesh,
    store: Store,
    closing: AsyncExitStack,
) -> Surroundings:
    # A search for logarithms may take seconds, which no vote should wait for.
    searchers = start_workers(1)
    closing.callback(stop_workers, searchers)
    vaults = {
        chain.chain_id: VaultGateway(
            ground.connections[chain.chain_id],
            ground.relayers[chain.chain_id],
            chain.vault,
            genesis.house.validators,
        )
        for chain in genesis.chains
    }
    return Surroundings(
        mesh=mesh,
        store=store,
        workers=searchers,
        chains=ground.watchers,
        addresses={chain.chain_id: chain.vault for chain in genesis.chains},
        vaults=vaults,
        home=frozenset({config.feed_chain}),
        checkpoint_interval=config.checkpoint_interval,
        logarithms=config.path(config.logarithms),
    )


def _rotations(
    genesis: Genesis, succession: Succession, ground: _Ground, place: int, timings: Timings
) -> RotationRelay:
    def contract(chain_id: int, address: bytes) -> Contract:
        return Contract(address, ground.connections[chain_id], ground.relayers[chain_id])

    hub_id = genesis.house.deployment.hub_chain_id
    hub = contract(hub_id, genesis.house.deployment.hub)
    vaults = {chain.chain_id: contract(chain.chain_id, chain.vault) for chain in genesis.chains}
    return RotationRelay(succession, hub, ground.watchers[hub_id], vaults, place * timings.commit_fallback)


def _connect(config: NodeConfig, genesis: Genesis, closing: AsyncExitStack) -> dict[int, Connection]:
    urls = {chain.chain_id: chain.rpc for chain in config.chains}
    missing = sorted({chain.chain_id for chain in genesis.chains} - set(urls))
    if missing:
        raise ConfigInvalid("chains", f"no endpoint for {missing}")
    connections = {}
    for chain in genesis.chains:
        connections[chain.chain_id] = connect(urls[chain.chain_id])
        closing.push_async_callback(disconnect, connections[chain.chain_id])
    return connections


def _watcher(config: NodeConfig, genesis: Genesis, state: LedgerState, chain_id: int, w3: Connection) -> ChainWatcher:
    """From the last booked block on, whose hash must still be the booked one; the hub from the oldest submission on."""
    chain, cursor = genesis.chain(chain_id), state.cursors[chain_id]
    contracts, start = [chain.vault, chain.auction], cursor.block
    if chain_id == genesis.house.deployment.hub_chain_id:
        contracts.append(genesis.house.deployment.hub)
        start = min(start, first_block(state.hub_height))
    return ChainWatcher(
        w3,
        chain_id,
        contracts,
        start=start,
        anchor=cursor.hash,
        anchored=cursor.block,
        poll_interval=config.poll_interval,
    )


def _observer(config: NodeConfig, genesis: Genesis, key: ValidatorKey, connections: dict[int, Connection]) -> Observer:
    home = next((chain for chain in config.chains if chain.chain_id == config.feed_chain), None)
    if home is None or home.chain_id not in connections:
        raise ConfigInvalid("feed_chain", f"chain {config.feed_chain} is not among the house's")
    w3 = connections[home.chain_id]
    kind: type[ChainFeed] | type[SurfaceFeed] = SurfaceFeed if home.surfaces else ChainFeed
    feeds = {
        feed: kind(feed, w3, to_checksum_address("0x" + address.removeprefix("0x")))
        for feed, address in home.aggregators.items()
    }
    return Observer(Address(key.address), genesis.house.deployment.digest, feeds, key.sign_digest)


def _credentials(config: NodeConfig) -> ServerCredentials | None:
    if config.api_certificate is None or config.api_key is None:
        return None
    try:
        key = config.path(config.api_key).read_bytes()
        return server_credentials(key, config.path(config.api_certificate).read_bytes())
    except OSError as error:
        raise ConfigInvalid("api_certificate", str(error)) from error


def _address(listen: ListenSettings) -> str:
    return f"{listen.host}:{listen.port}"


def _add_gauges(metrics: CollectorRegistry, backend: NodeBackend, sequencer: Sequencer) -> None:
    figures = {
        "zkclear_height": ("Number of the last final batch", lambda: sequencer.state.number),
        "zkclear_certified_height": (
            "Number of the last certified batch",
            lambda: backend.node_status().certified_height,
        ),
        "zkclear_attempt": ("Attempt at the next batch", lambda: sequencer.rotation.attempt),
        "zkclear_pool_messages": ("Messages in the pool", lambda: len(sequencer.admission)),
        "zkclear_breaker_level": ("What the validators stopped", lambda: int(sequencer.state.breaker.level)),
        "zkclear_written_off": ("Tokens that count nothing", lambda: len(sequencer.state.written_off)),
        "zkclear_verify_ms": (
            "Median of verifying a batch of claims",
            lambda: sequencer.latencies.verify.quantile(0.5),
        ),
        "zkclear_execute_ms": ("Median of executing a batch", lambda: sequencer.latencies.execute.quantile(0.5)),
        "zkclear_certified_ms": (
            "Median from proposal to certificate",
            lambda: sequencer.latencies.certified.quantile(0.5),
        ),
        "zkclear_final_ms": ("Median from proposal to finality", lambda: sequencer.latencies.final.quantile(0.5)),
    }
    for name, (description, read) in figures.items():
        Gauge(name, description, registry=metrics).set_function(partial(_figure, read))


def _figure(read: Callable[[], float | None]) -> float:
    return float(read() or 0)
