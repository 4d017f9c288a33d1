"""`zkclear node ceremony`: one validator's part in making, renewing or handing on the committee's key.

before      ceremony.json, agreed on by all; a deployed hub; the peers' addresses and certificates
after       committee.key (hex, public, the same on every node) and committee.share (0600, this node's alone)
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from circuits.ceremony import CeremonyTerms, Fault, Post
from circuits.ceremony_board import Progress
from circuits.ceremony_member import CeremonyMember
from circuits.committee import CommitteeKey, KeyShare
from circuits.errors import CircuitError, DecodingError
from node.ceremony_memory import CeremonyMemory
from node.ceremony_plan import CeremonyPlan
from node.chains.calls import encode_submit
from node.chains.events import Submitted
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect
from node.chains.watcher import ChainWatcher
from node.config import NodeConfig
from node.coordinator.ceremony import CeremonyRun
from node.errors import CeremonyInvalid, ConfigInvalid
from node.ledger.signatures import recover_compact
from node.network import NodeIdentity, PeerAddress, PeerMesh
from node.secret_files import load_committee_share, load_validator_key, write_secret

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CeremonyEnd:
    """How it ended: the committee, whether this node holds a share of it, and what is held against whom."""

    committee: CommitteeKey
    shared: bool
    faults: tuple[Fault, ...]
    blocks: int


class HubBoard:
    """The hub's `Submitted` events as a ceremony's board."""

    def __init__(self, watcher: ChainWatcher, relayer: Relayer, hub: bytes, start: int) -> None:
        self._watcher, self._relayer, self._hub, self._start = watcher, relayer, hub, start

    def height(self) -> int:
        """The newest final block. Raises ChainError."""
        return self._watcher.final.number

    def posts(self) -> list[Post]:
        """All final posts since the start, in the chain's order. Raises ChainError."""
        logged = self._watcher.events(self._start, self._watcher.final.number)
        return [Post(item.block_number, item.sender, item.data) for item in logged if isinstance(item, Submitted)]

    async def post(self, data: bytes) -> int:
        """Send `data`; the block it is in. Raises ChainError."""
        return (await self._relayer.send(self._hub, encode_submit(data))).block_number


async def hold_ceremony(config: NodeConfig) -> CeremonyEnd:
    """Take part in the configured ceremony from its start to its end; where this node was interrupted, go on.

    Raises:
        CeremonyInvalid, ConfigInvalid: this node cannot take part, or has done so already.
        CeremonyFailed: too many members failed; nothing is written.
        ChainError, NetworkError, OSError: the hub, the peers' port or a file is out of reach.
    """
    plan = CeremonyPlan.load(config.path(config.ceremony))
    terms = plan.terms()
    key = load_validator_key(config.path(config.validator_key))
    identity = NodeIdentity.load(config.path(config.identity))
    memory = _memory(config, terms, key.address)
    member = CeremonyMember(terms, key.address, memory.seed, memory.share)
    chain_id, hub = plan.deployment.hub_chain_id, plan.deployment.hub
    async with AsyncExitStack() as closing:
        w3 = connect(_hub_rpc(config, chain_id))
        closing.push_async_callback(disconnect, w3)
        watcher = ChainWatcher(w3, chain_id, [hub], start=plan.start, poll_interval=config.poll_interval)
        mesh = PeerMesh(
            identity,
            key,
            lambda digest, signature: recover_compact(signature, digest),
            [PeerAddress(bytes.fromhex(peer.address), peer.host, peer.port) for peer in config.peers],
            plan.deployment.digest,
            host=config.peer_listen.host,
            port=config.peer_listen.port,
        )
        board = HubBoard(watcher, Relayer(w3, key.secret, chain_id), hub, plan.start)
        run = CeremonyRun(terms, member, board, mesh, memory)
        await mesh.start()
        closing.push_async_callback(mesh.stop)
        await watcher.start()
        closing.push_async_callback(watcher.stop)
        log.info("ceremony_begins", ceremony=terms.digest.hex(), start=plan.start)
        await watcher.wait_final(plan.start)
        progress = await run.run()
    return _finish(config, terms, member, memory, progress)


def _memory(config: NodeConfig, terms: CeremonyTerms, name: bytes) -> CeremonyMemory:
    """A fresh seed, or the one of a ceremony that was interrupted."""
    if terms.dealer(name) is None and terms.recipient(name) is None:
        raise CeremonyInvalid("members", f"0x{name.hex()} is not among them")
    state, share_path = config.path(config.ceremony_state), config.path(config.committee_share)
    if state.exists():
        return CeremonyMemory.begin(state, terms, None)
    share: KeyShare | None = None
    if terms.previous is None and share_path.exists():
        raise CeremonyInvalid("share", f"{share_path.name} is there already: a new key would replace it")
    if terms.previous is not None and terms.dealer(name) is not None:
        share = load_committee_share(share_path)
        try:
            share.check(terms.previous)
        except CircuitError as error:
            raise CeremonyInvalid("share", f"not of the committee whose shares are renewed ({error})") from error
    return CeremonyMemory.begin(state, terms, share)


def _finish(
    config: NodeConfig, terms: CeremonyTerms, member: CeremonyMember, memory: CeremonyMemory, progress: Progress
) -> CeremonyEnd:
    """Write key and share, then erase what led to them. An old share is replaced; nothing else is."""
    committee = progress.committee
    if committee is None:
        raise CeremonyInvalid("end", "it is not done")
    share = None
    if member.recipient is not None:
        try:
            share = member.share(progress)
        except CircuitError as error:
            # The key stands for the others; this node's operator must know that it has no part in it.
            log.error("ceremony_without_share", reason=str(error))
    _write_public(config.path(config.committee), committee.encode().hex())
    if share is not None:
        write_secret(config.path(config.committee_share), share.encode().hex())
    elif terms.previous is not None:
        # Who hands on its share and gets none keeps none: the old ones together would still be the key.
        config.path(config.committee_share).unlink(missing_ok=True)
    memory.erase()
    return CeremonyEnd(committee, share is not None, progress.faults, progress.begin - terms.start)


def load_committee(path: Path) -> CommitteeKey:
    """The committee's public key as a ceremony leaves it, verified.

    Raises:
        ConfigInvalid: no such file, or no such key.
    """
    try:
        committee = CommitteeKey.decode(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        committee.verify()
    except OSError as error:
        raise ConfigInvalid("committee", f"{path.name}: {error.strerror}") from error
    except (ValueError, DecodingError, CircuitError) as error:
        raise ConfigInvalid("committee", f"{path.name} holds no committee key ({error})") from error
    return committee


def _write_public(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_text(text + "\n", encoding="ascii")
    aside.replace(path)


def _hub_rpc(config: NodeConfig, chain_id: int) -> str:
    for chain in config.chains:
        if chain.chain_id == chain_id:
            return chain.rpc
    raise ConfigInvalid("chains", f"no endpoint for the hub's chain {chain_id}")
