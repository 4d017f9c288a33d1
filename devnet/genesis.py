"""The devnet's genesis: certificates issued, one folder for each node; then, with the committee's key, the document."""

import json
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from circuits.committee import CommitteeKey
from circuits.transcript import Deployment
from devnet.chains import DevChain, DevChains
from devnet.errors import SettingsInvalid
from devnet.market import MarketReplay
from devnet.nodes import DevNode
from devnet.ports import free_port
from devnet.settings import CHECKPOINT_INTERVAL, DevnetSettings
from node.chains.certificates import ValidatorKey
from node.chains.rpc import request
from node.genesis import ChainGenesis, Genesis
from node.ledger.parameters import HouseParameters
from node.ledger.state import House
from node.ledger.types import Address, Digest, MicroUsd, account_id
from node.market.instruments import Barrier, BarrierKind, CollateralAsset, Digital, OptionKind
from node.market.listing import LOT_SCALES, round_strike, standard_asset, standard_registry
from node.network.identity import create_authority, issue_identity
from node.secret_files import write_secret

VALIDATORS: Final = 4
COMMITTEE_THRESHOLD: Final = 3
GENESIS: Final = "genesis.json"
CEREMONY: Final = "ceremony.json"
EXPIRY_SECONDS: Final = 15 * 86_400
MICRO_USD: Final = 10**6
DUE_BLOCKS: Final = 24
GRACE_BLOCKS: Final = 32


@dataclass(frozen=True, slots=True)
class ValidatorPlan:
    """One validator's key and where its servers will listen."""

    name: str
    key: ValidatorKey
    peer_port: int
    api_port: int
    operator_port: int

    @classmethod
    def draw(cls, number: int) -> "ValidatorPlan":
        """A fresh key and free ports."""
        return cls(f"node-{number}", ValidatorKey.generate(), free_port(), free_port(), free_port())


def house_rules(deployment: Deployment, backstop_owner: Address, backstop_limit: MicroUsd) -> HouseParameters:
    """The devnet's deadlines, fees and limits."""
    return HouseParameters(
        due_blocks=DUE_BLOCKS,
        grace_blocks=GRACE_BLOCKS,
        hub_gap_blocks=48,
        auction_start_ppm=980_000,
        auction_fast_ppm=800_000,
        auction_fast_blocks=8,
        auction_blocks=24,
        insolvent_blocks=24,
        auction_discount_ppm=150_000,
        plan_slices=8,
        plan_discount_ppm=20_000,
        margin_buffer_ppm=100_000,
        full_below=MicroUsd(10_000 * MICRO_USD),
        account_cap=backstop_limit,
        batch_cap=backstop_limit,
        reset_ppm=100_000,
        max_resets=3,
        penalty_ppm=5_000,
        jump_ppm=150_000,
        uncertain_ppm=30_000,
        volatile_ppm=4_000_000,
        tear_up_band_ppm=200_000,
        backstop=account_id(deployment, backstop_owner, 0),
        backstop_limit=backstop_limit,
        seizure_buffer_ppm=30_000,
        sale_floor_ppm=700_000,
        sale_seconds=6 * 3600,
        chain_silent_blocks=24,
        seizure_blocks=48,
        sale_blocks=128,
        absent_blocks=48,
        max_hub_lag=64,
        max_messages=64,
        breaker_blocks=600,
        plans_per_batch=32,
        openings_per_batch=16,
    )


async def make_genesis(
    chains: DevChains,
    settings: DevnetSettings,
    replay: MarketReplay,
    validators: tuple[ValidatorPlan, ...],
    deployment: Deployment,
    committee: CommitteeKey,
    backstop_owner: Address,
    height: int,
    time: int,
) -> None:
    """Write `genesis.json` into `settings.folder`.

    `height` is the hub block from which oracle rounds count, `time` its timestamp.
    """
    first = replay.ticks[0]
    assets = [asset for chain in chains.chains for asset in _assets(chain)]
    expiry = expiry_of(replay)
    listing = standard_registry(first.btc, first.eth, replay.start, assets, expiry, expiry)
    limit = MicroUsd(40_000_000_000_000 * first.btc // (8_000 * 10**8))
    house = House(
        deployment,
        tuple(Address(plan.key.address) for plan in validators),
        committee,
        replace(listing.registry, instruments=(*listing.registry.instruments, *exotics(first.btc, expiry))),
        replace(listing.parameters, round_spacing=settings.cadence.round_spacing),
        house_rules(deployment, backstop_owner, limit),
    )
    entries = tuple([await _chain_entry(chain) for chain in chains.chains])
    genesis = Genesis(house, entries, height, time)
    (settings.folder / GENESIS).write_text(genesis.to_json(), encoding="utf-8")


def expiry_of(replay: MarketReplay) -> int:
    """When everything dated settles, unix seconds."""
    return (replay.start // 86_400) * 86_400 + EXPIRY_SECONDS + 8 * 3600


def exotics(price: int, expiry: int) -> tuple[Digital, Barrier]:
    """A digital and a barrier option on bitcoin around its first price (feed units).

    Struck, and crossed, where the standard options have their strikes, so that no price joins the risk grid's nodes.
    """
    tenth_below, at, tenth_above = (round_strike(price * percent // 100) for percent in (90, 100, 110))
    lots = LOT_SCALES["BTC"]
    return (
        Digital("BTC", lots, expiry, tenth_above, OptionKind.CALL, round_strike(price // 8)),
        Barrier("BTC", lots, expiry, at, OptionKind.CALL, tenth_below, BarrierKind.DOWN_OUT),
    )


def deployment_of(chains: DevChains, salt: bytes) -> Deployment:
    """The name of what is deployed on these chains.

    Raises:
        SettingsInvalid: nothing is.
    """
    if chains.hub is None:
        raise SettingsInvalid("chains", "nothing is deployed")
    return Deployment(chains.hub_chain.plan.chain_id, chains.hub.address, salt)


def write_nodes(chains: DevChains, folder: Path, validators: tuple[ValidatorPlan, ...]) -> list[DevNode]:
    """A folder for each node below `folder`, with everything but its share of the key; no process is started."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = create_authority()
    nodes = []
    for place, plan in enumerate(validators):
        home = folder / plan.name
        home.mkdir(parents=True, exist_ok=True)
        issue_identity(authority, plan.key.address).save(home / "identity")
        write_secret(home / "validator.key", plan.key.secret.hex())
        (home / "node.toml").write_text(_config(plan, validators, chains, place, folder), encoding="utf-8")
        nodes.append(_node(plan, folder))
    return nodes


def _node(plan: ValidatorPlan, folder: Path) -> DevNode:
    return DevNode(
        plan.name,
        ("-m", "node.cli", "run", "--config", str(folder / plan.name / "node.toml")),
        folder / plan.name,
        folder / "logs" / f"{plan.name}.log",
        f"127.0.0.1:{plan.api_port}",
        f"127.0.0.1:{plan.operator_port}",
    )


def _assets(chain: DevChain) -> list[CollateralAsset]:
    return [standard_asset(chain.plan.chain_id, address, symbol) for symbol, address in chain.tokens.items()]


async def _chain_entry(chain: DevChain) -> ChainGenesis:
    if chain.vault is None:
        raise SettingsInvalid("chains", f"{chain.plan.name} has no vault")
    block = await request(chain.w3, "eth_getBlockByNumber", hex(chain.vault.block), False)
    return ChainGenesis(
        chain.plan.chain_id,
        chain.plan.name,
        chain.vault.vault,
        chain.vault.auction,
        chain.vault.block,
        bytes.fromhex(block["hash"][2:]),
    )


def house_of(folder: Path) -> Digest:
    """What clients pin of the devnet in this folder. Raises GenesisInvalid."""
    return Genesis.load(folder / GENESIS).digest


def logarithms(folder: Path) -> Path:
    """The table of logarithms that all nodes of this machine share; it depends on nothing but the group."""
    return folder / "cache" / "logarithms.bin"


def _config(
    plan: ValidatorPlan, validators: tuple[ValidatorPlan, ...], chains: DevChains, place: int, folder: Path
) -> str:
    home = chains.chains[place % len(chains.chains)]
    lines = [
        f"genesis = {json.dumps(str(folder / GENESIS))}",
        f"ceremony = {json.dumps(str(folder / CEREMONY))}",
        f"feed_chain = {home.plan.chain_id}",
        f"checkpoint_interval = {CHECKPOINT_INTERVAL}",
        f"logarithms = {json.dumps(str(logarithms(folder)))}",
        "workers = 1",
        "",
        "[peer_listen]",
        f"port = {plan.peer_port}",
        "[api_listen]",
        f"port = {plan.api_port}",
        "[operator_listen]",
        f"port = {plan.operator_port}",
    ]
    for chain in chains.chains:
        lines += ["", "[[chains]]", f"chain_id = {chain.plan.chain_id}", f'rpc = "{chain.anvil.url}"']
        feeds = ", ".join(f'{feed} = "{address.hex()}"' for feed, address in chain.aggregators.items())
        lines += [f"aggregators = {{ {feeds} }}", "surfaces = true"]
    for other in validators:
        if other is not plan:
            address = other.key.address.hex()
            lines += ["", "[[peers]]", f'address = "{address}"', 'host = "127.0.0.1"', f"port = {other.peer_port}"]
    return "\n".join(lines) + "\n"


def fresh_salt() -> bytes:
    """32 random bytes that make this deployment unlike any other on chains with equal ids."""
    return secrets.token_bytes(32)
