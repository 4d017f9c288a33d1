"""A validator is replaced: resharing ceremony, certified hand-over, restart; then the new four pay an owner.

Every step is an operator's command in a process of its own, on real chains.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from circuits.ceremony import CeremonyKind
from devnet.clock import LAG_FREE
from devnet.network import Devnet
from devnet.nodes import DevNode, LedgerTip, start_all
from devnet.ports import free_port
from devnet.scenario import Scenario
from node.ceremony import load_committee
from node.ceremony_plan import CeremonyPlan
from node.chains import calls
from node.chains.calls import HubReader
from node.chains.certificates import ValidatorKey
from node.client.deposits import Chain
from node.client.errors import HouseRefused
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.genesis import Genesis
from node.ledger.errors import Reason
from node.ledger.types import Address
from node.network.identity import create_authority, issue_identity
from node.rotations import HandOver
from node.secret_files import load_validator_key, write_secret
from tests.e2e.runs import chains_going_on, on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
HOME = 31338
DOLLARS, TAKEN = 3_000 * 10**6, 1_000 * 10**6
TO = Address(b"\x77" * 20)
LEAVES = 1
"""Place of the validator that is replaced."""
ROUND_BLOCKS = 400


@dataclass
class Handed:
    """What is left of the run. Contracts are the hub's and every vault's, by name."""

    before: LedgerTip
    hand_over: HandOver
    genesis: Genesis
    validators: tuple[Address, ...]
    keys_agree: bool
    shares: dict[str, bool]
    epochs: dict[str, int]
    signer_sets: dict[str, bytes]
    tips: dict[str, LedgerTip]
    paid: int
    cash: int


async def operators_do(*commands: Sequence[object]) -> list[int]:
    """Run `python -m node.cli …` for several operators at once; the exit codes."""

    async def one(command: Sequence[object]) -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "node.cli", *map(str, command))
        return await process.wait()

    return list(await asyncio.gather(*map(one, commands)))


async def quiet(devnet: Devnet) -> LedgerTip:
    """Let the house finish what is under way: no batch is certified that is not final on every node."""
    await devnet.settled()
    assert devnet.chains.hub is not None
    hub = HubReader(devnet.chains.hub_chain.w3, devnet.chains.hub.address)
    for _ in range(60):
        known = [await node.status() for node in devnet.nodes]
        if {status.height for status in known} == {status.certified_height for status in known} == {await hub.height()}:
            return next(iter((await devnet.settled()).values()))
        await devnet.steps.mine(1)
        await asyncio.sleep(0.7)
    raise AssertionError("the house never came to rest")


def newcomer(old: DevNode, key: ValidatorKey) -> DevNode:
    """A machine set up like the one that it replaces, with its own key and ports, and no database and no share."""
    folder = old.folder.with_name("node-5")
    folder.mkdir()
    ports = {"api": free_port(), "operator": free_port(), "peer": free_port()}
    text = (old.folder / "node.toml").read_text()
    for server, port in ports.items():
        text = re.sub(rf"(\[{server}_listen\]\nport = )\d+", rf"\g<1>{port}", text)
    (folder / "node.toml").write_text(text)
    write_secret(folder / "validator.key", key.secret.hex())
    return DevNode(
        "node-5",
        ("-m", "node.cli", "run", "--config", str(folder / "node.toml")),
        folder,
        old.log.with_name("node-5.log"),
        f"127.0.0.1:{ports['api']}",
        f"127.0.0.1:{ports['operator']}",
    )


def introduce(nodes: Sequence[DevNode], first_line: str = "") -> None:
    """Write into each node's configuration that the others are its peers."""
    found = {}
    for node in nodes:
        text = (node.folder / "node.toml").read_text()
        port = re.search(r"\[peer_listen\]\nport = (\d+)", text)
        assert port is not None
        found[node.name] = (text.split("\n[[peers]]")[0], key_of(node).address, port[1])
    for node in nodes:
        others = [peer for name, peer in found.items() if name != node.name]
        peers = [f'\n[[peers]]\naddress = "{a.hex()}"\nhost = "127.0.0.1"\nport = {port}\n' for _, a, port in others]
        (node.folder / "node.toml").write_text(first_line + found[node.name][0] + "".join(peers))


def key_of(node: DevNode) -> ValidatorKey:
    return load_validator_key(node.folder / "validator.key")


async def reshare(devnet: Devnet, old: Sequence[DevNode], new: Sequence[DevNode], genesis: Genesis) -> list[int]:
    """The ceremony in which the old members hand their shares to the new ones; every member's exit code."""
    members = list({node.name: node for node in (*old, *new)}.values())
    dealers, recipients = (tuple(Address(key_of(node).address) for node in nodes) for nodes in (old, new))
    house = genesis.house
    plan = CeremonyPlan(
        *(CeremonyKind.RESHARE, house.deployment, dealers, recipients),
        *(3, devnet.steps.height, ROUND_BLOCKS, house.committee),
    )
    (devnet.settings.folder / "ceremony.json").write_text(plan.to_json())
    authority = create_authority()
    for node in members:
        issue_identity(authority, key_of(node).address).save(node.folder / "identity")
    introduce(members)
    async with chains_going_on(devnet):
        return await operators_do(*(("ceremony", "--config", node.folder / "node.toml") for node in members))


async def certify(devnet: Devnet, old: Sequence[DevNode]) -> HandOver:
    """Propose, sign and certify the hand-over: three of the four old operators sign, the one that leaves among them."""
    folder = devnet.settings.folder
    proposal, made = folder / "proposal.json", folder / "rotation-1.json"
    configs = [node.folder / "node.toml" for node in old[:3]]
    signatures = [folder / f"signature-{node.name}.json" for node in old[:3]]
    assert await operators_do(("rotation", "propose", "--config", configs[0], "-o", proposal)) == [0]
    signing = zip(configs, signatures, strict=True)
    codes = await operators_do(
        *(("rotation", "sign", "--config", config, "--proposal", proposal, "-o", path) for config, path in signing)
    )
    assert codes == [0, 0, 0]
    named = [part for path in signatures for part in ("--signature", path)]
    certifying = ("rotation", "certify", "--config", configs[2], "--proposal", proposal, *named, "-o", made)
    assert await operators_do(certifying) == [0]
    return HandOver.load(made)


async def contracts_in(devnet: Devnet) -> tuple[dict[str, int], dict[str, bytes]]:
    """Epoch and signer set of the hub and of every vault."""
    hub = devnet.chains.hub
    assert hub is not None
    places = [("the hub", devnet.chains.hub_chain.w3, hub.address)]
    for chain in devnet.chains.chains:
        assert chain.vault is not None
        places.append((chain.plan.name, chain.w3, chain.vault.vault))
    epochs = {name: await calls.epoch(w3, address) for name, w3, address in places}
    sets = {name: await calls.read(w3, address, "signer_set_hash", (), (), "bytes32") for name, w3, address in places}
    return epochs, {name: bytes(found) for name, found in sets.items()}


async def vaults_follow(devnet: Devnet, epoch: int) -> tuple[dict[str, int], dict[str, bytes]]:
    """Wait until hub and vaults are in an epoch."""
    for _ in range(120):
        epochs, sets = await contracts_in(devnet)
        if set(epochs.values()) == {epoch}:
            return epochs, sets
        await asyncio.sleep(0.25)
    raise AssertionError(f"the contracts are in epochs {epochs}")


async def move_in(devnet: Devnet, secrets: WalletSecrets) -> None:
    owner, chain = OwnerKey(secrets.owner_key), devnet.chains.by_id(HOME)
    await chain.anvil.fund(owner.address, 10**21)
    await chain.mint("USD", owner.address, DOLLARS)
    async with await ZkClear.connect(devnet.nodes[0].api, secrets) as client:
        account = await client.open_account(home_chain=HOME)
        await account.deposit(Chain(HOME, chain.anvil.url), "USD", DOLLARS)


async def caught_up(devnet: Devnet, back: int) -> None:
    """Wait until the house has booked what happened while it was away, and is at hub block `back` at least."""
    for _ in range(240):
        height = devnet.follower.height
        if height >= max(back, devnet.steps.height - LAG_FREE):
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"the house is at hub block {height} of {devnet.steps.height}")


async def with_prices(send: Callable[[], Awaitable[object]]) -> None:
    """Send again after a round without prices: with one of four away, every feed must have spoken in time."""
    for _ in range(60):
        try:
            await send()
            return
        except HouseRefused as refusal:
            if refusal.reason != Reason.ORACLE_STALE:
                raise
            await asyncio.sleep(0.5)
    raise AssertionError("no price came")


async def pay_out(devnet: Devnet, secrets: WalletSecrets, node: DevNode) -> tuple[int, int]:
    """Withdraw through a node; what the recipient got, and the owner's cash after it."""
    chain = devnet.chains.by_id(HOME)
    async with await ZkClear.connect(node.api, secrets) as client:
        account = await client.open_account()
        await with_prices(lambda: account.withdraw(f"USD@{HOME}", TAKEN, recipient=TO))
        for _ in range(120):
            paid = await calls.balance_of(chain.w3, chain.tokens["USD"], TO)
            if paid:
                return paid, account.cash
            await asyncio.sleep(0.25)
    raise AssertionError("nobody was paid")


async def play(devnet: Devnet, _: Scenario) -> Handed:
    secrets, key, old = WalletSecrets.generate(), ValidatorKey.generate(), list(devnet.nodes)
    await move_in(devnet, secrets)
    before = await quiet(devnet)
    await asyncio.gather(*(node.stop() for node in old))
    genesis = Genesis.load(devnet.settings.folder / "genesis.json")

    joined = newcomer(old[LEAVES], key)
    new = [joined if place == LEAVES else node for place, node in enumerate(old)]
    await devnet.chains.fund([key.address])
    codes = await reshare(devnet, old, new, genesis)
    assert codes == [0, 2, 0, 0, 0], "who leaves ends without a share, and is told so"
    committees = [load_committee(node.folder / "committee.key") for node in (*old, joined)]
    shares = {node.name: (node.folder / "committee.share").exists() for node in (*old, joined)}
    hand_over = await certify(devnet, old)

    introduce(new, f'rotations = ["{devnet.settings.folder / "rotation-1.json"}"]\n')
    devnet.nodes[:] = new
    back = devnet.steps.height + LAG_FREE
    devnet.clock.start()
    await start_all(new)
    epochs, signer_sets = await vaults_follow(devnet, 1)
    # Three of the new four are a quorum: without an old one, the newcomer's signature is in every certificate.
    await new[0].stop()
    await caught_up(devnet, back)
    paid, cash = await pay_out(devnet, secrets, joined)
    tips = await devnet.settled()
    validators = tuple(Address(key_of(node).address) for node in new)
    keys_agree = all(committee == hand_over.committee for committee in committees)
    return Handed(
        *(before, hand_over, genesis, validators, keys_agree, shares),
        *(epochs, signer_sets, tips, paid, cash),
    )


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Handed:
    return on_a_devnet(settings(tmp_path_factory.mktemp("rotation") / "run", cache, hours=6), play)


def test_the_ceremony_left_the_key_and_moved_its_shares(handed: Handed):
    assert handed.keys_agree
    assert handed.hand_over.committee.key == handed.genesis.house.committee.key
    assert handed.hand_over.committee.public_shares != handed.genesis.house.committee.public_shares
    assert handed.shares == {"node-1": True, "node-2": False, "node-3": True, "node-4": True, "node-5": True}


def test_the_old_validators_certified_the_new_after_their_last_batch(handed: Handed):
    assert replace(handed.hand_over, certificate=None) == HandOver(
        0, handed.before.number, handed.validators, handed.hand_over.committee
    )
    former = handed.genesis.house.validators
    assert set(former) - set(handed.validators) == {former[LEAVES]}


def test_hub_and_vaults_followed(handed: Handed):
    addresses = [to_checksum_address(address) for address in handed.validators]
    expected = bytes(keccak(abi_encode(["address[]"], [addresses])))
    assert handed.epochs == dict.fromkeys(("the hub", "hub", "north", "east", "west"), 1)
    assert handed.signer_sets == dict.fromkeys(handed.epochs, expected)


def test_the_new_validators_paid_a_withdrawal_that_needed_the_newcomer(handed: Handed):
    assert handed.paid == TAKEN
    assert handed.cash == DOLLARS - TAKEN


def test_the_newcomer_has_the_ledger_of_the_others(handed: Handed):
    assert set(handed.tips) == {"node-3", "node-4", "node-5"}
    assert len({(tip.number, tip.root) for tip in handed.tips.values()}) == 1
    assert next(iter(handed.tips.values())).number > handed.before.number
