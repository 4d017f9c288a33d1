"""Hand-over documents, the commands that make them, and their way to a real hub and vault."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from circuits.ceremony import CeremonyKind
from circuits.transcript import Deployment
from devnet.anvil import Anvil
from node.ceremony_plan import CeremonyPlan
from node.chains import calls
from node.chains.certificates import BatchCommitment, ValidatorKey
from node.chains.rpc import connect, disconnect
from node.chains.watcher import ChainWatcher
from node.cli import app
from node.errors import HandOverInvalid
from node.genesis import ChainGenesis, Genesis
from node.ledger.types import Address
from node.rotation_relay import Contract, RotationRelay
from node.rotations import HandOver, Succession, certify_hand_over, sign_hand_over
from node.secret_files import write_secret
from tests.node.chains.conftest import CHAIN_ID, SALT, House, build_house
from tests.support.committee import CommitteeDeal
from tests.support.ledger import Setting, make_setting
from tests.support.rotation import reshare, with_one_replaced


@dataclass(frozen=True)
class Chained:
    """A setting whose validators and hub are those of contracts on a real chain."""

    contracts: House
    setting: Setting


@pytest_asyncio.fixture
async def chained(tmp_path: Path) -> AsyncIterator[Chained]:
    async with Anvil(CHAIN_ID, tmp_path / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        try:
            contracts = await build_house(anvil, w3)
            made = make_setting()
            validators = tuple(Address(key.address) for key in contracts.keys)
            deployment = Deployment(CHAIN_ID, contracts.hub.address, SALT)
            house = replace(made.house, deployment=deployment, validators=validators)
            yield Chained(contracts, Setting(house, contracts.keys, made.deal))
        finally:
            await disconnect(w3)


def document(setting: Setting, keys: tuple[ValidatorKey, ...], deal: CommitteeDeal, batch: int = 0) -> HandOver:
    """A hand-over that the first three validators certified."""
    validators = tuple(Address(key.address) for key in keys)
    proposed = HandOver(setting.house.epoch, batch, validators, deal.public)
    signatures = {key.address: sign_hand_over(setting.house, proposed, key) for key in setting.keys[:3]}
    return certify_hand_over(setting.house, proposed, signatures)


def after(setting: Setting, batch: int = 0) -> tuple[HandOver, Setting]:
    """One validator replaced: the document, and the setting that follows."""
    keys = with_one_replaced(setting)
    deal = reshare(setting, keys)
    made = document(setting, keys, deal, batch)
    house = Succession.follow(setting.house, [made]).epochs.current if setting.house.epoch == 0 else setting.house
    return made, Setting(house, keys, deal)


def relay(chained: Chained, succession: Succession, watcher: ChainWatcher) -> RotationRelay:
    contracts = chained.contracts
    hub = Contract(contracts.hub.address, contracts.w3, contracts.relayer)
    vault = Contract(contracts.vault.vault, contracts.w3, contracts.relayer)
    return RotationRelay(succession, hub, watcher, {CHAIN_ID: vault}, 0.0)


async def epochs_of(chained: Chained) -> tuple[int, int]:
    contracts = chained.contracts
    hub = await calls.epoch(contracts.w3, contracts.hub.address)
    return hub, await calls.epoch(contracts.w3, contracts.vault.vault)


def test_a_document_survives_its_text_and_is_followed_from_genesis():
    setting = make_setting()
    made, following = after(setting)
    assert HandOver.from_json(made.to_json()) == made
    epochs = Succession.follow(setting.house, [made]).epochs
    assert epochs.current == following.house
    assert (epochs.current.epoch, epochs.current.first_batch) == (1, 1)
    assert epochs.current.committee.key == epochs.genesis.committee.key


def test_a_document_that_was_changed_uncertified_or_out_of_order_is_not_followed():
    setting = make_setting()
    made, _ = after(setting)
    other = reshare(setting, (*setting.keys,)).public
    changed = {
        "batch": replace(made, batch=1),
        "committee": replace(made, committee=other),
        "validators": replace(made, validators=setting.house.validators),
        "certificate": replace(made, certificate=None),
        "epoch": replace(made, epoch=1),
    }
    for hand_over in changed.values():
        with pytest.raises(HandOverInvalid):
            Succession.follow(setting.house, [hand_over])
    with pytest.raises(HandOverInvalid):
        Succession.follow(setting.house, [made, made])


def test_two_signatures_and_a_newcomers_own_certify_nothing():
    setting = make_setting()
    keys = with_one_replaced(setting)
    proposed = HandOver(0, 0, tuple(Address(k.address) for k in keys), reshare(setting, keys).public)
    two = {key.address: sign_hand_over(setting.house, proposed, key) for key in setting.keys[:2]}
    with pytest.raises(HandOverInvalid, match="2 signatures of the 3 needed"):
        certify_hand_over(setting.house, proposed, two)
    with pytest.raises(HandOverInvalid, match="none of epoch 0"):
        sign_hand_over(setting.house, proposed, keys[1])


async def test_hub_and_then_vault_are_brought_through_every_epoch_they_missed(chained: Chained):
    first, following = after(chained.setting)
    keys = with_one_replaced(following)
    second = document(following, keys, reshare(following, keys))
    succession = Succession.follow(chained.setting.house, [first, second])
    watcher = ChainWatcher(chained.contracts.w3, CHAIN_ID, [chained.contracts.hub.address], poll_interval=0.02)
    await watcher.start()
    bringing = relay(chained, succession, watcher)
    following_vaults = asyncio.create_task(bringing.run())
    try:
        await asyncio.sleep(0.3)
        assert await epochs_of(chained) == (0, 0), "no vault goes ahead of the hub"
        await bringing.rotate_hub()
        assert (await epochs_of(chained))[0] == 2
        async with asyncio.timeout(20):
            while (await epochs_of(chained))[1] != 2:
                await chained.contracts.anvil.mine()
                await asyncio.sleep(0.1)
        with pytest.raises(HandOverInvalid, match="the hub is in epoch 2, this node knows 1"):
            await relay(chained, Succession.follow(chained.setting.house, [first]), watcher).rotate_hub()
    finally:
        following_vaults.cancel()
        await asyncio.gather(following_vaults, return_exceptions=True)
        await watcher.stop()


async def test_a_node_stops_if_the_hub_went_on_without_the_rotation(chained: Chained):
    made, _ = after(chained.setting)
    hub = chained.contracts.hub
    await chained.contracts.commit(BatchCommitment(1, hub.deployment, b"\1" * 32, b"\2" * 32))
    watcher = ChainWatcher(chained.contracts.w3, CHAIN_ID, [hub.address])
    with pytest.raises(HandOverInvalid, match="the hub's last is not 0 any more"):
        await relay(chained, Succession.follow(chained.setting.house, [made]), watcher).rotate_hub()


def write_node(folder: Path, chained: Chained, key: ValidatorKey, plan: CeremonyPlan, deal: CommitteeDeal) -> Path:
    """What a stopped node has after a ceremony, as far as the commands read it."""
    folder.mkdir()
    vault = chained.contracts.vault
    entry = ChainGenesis(CHAIN_ID, "hub", vault.vault, vault.auction, vault.block, bytes(32))
    genesis = Genesis(chained.setting.house, (entry,), 0, 0)
    (folder / "genesis.json").write_text(genesis.to_json())
    (folder / "ceremony.json").write_text(plan.to_json())
    (folder / "committee.key").write_text(deal.public.encode().hex())
    write_secret(folder / "validator.key", key.secret.hex())
    lines = [f"feed_chain = {CHAIN_ID}", "peers = []", "[[chains]]", f"chain_id = {CHAIN_ID}"]
    (folder / "node.toml").write_text("\n".join([*lines, f'rpc = "{chained.contracts.anvil.url}"']))
    return folder / "node.toml"


async def test_the_commands_make_a_document_that_the_hub_takes(chained: Chained, tmp_path: Path):
    setting = chained.setting
    keys = with_one_replaced(setting)
    deal = reshare(setting, keys)
    validators = tuple(Address(key.address) for key in keys)
    plan = CeremonyPlan(
        CeremonyKind.RESHARE,
        setting.house.deployment,
        setting.house.validators,
        validators,
        3,
        0,
        10,
        setting.deal.public,
    )
    configs = [write_node(tmp_path / f"{i}", chained, key, plan, deal) for i, key in enumerate(setting.keys)]

    async def command(*arguments: object) -> int:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["rotation", *map(str, arguments)])
        return result.exit_code

    proposal, made = tmp_path / "proposal.json", tmp_path / "rotation-1.json"
    assert await command("propose", "--config", configs[0], "-o", proposal) == 0
    signed = []
    for place, config in enumerate(configs[:3]):
        signed += ["--signature", tmp_path / f"signature-{place}.json"]
        assert await command("sign", "--config", config, "--proposal", proposal, "-o", signed[-1]) == 0
    # One that is not this node's ceremony's is not signed.
    other = replace(HandOver.load(proposal), committee=reshare(setting, setting.keys).public)
    (tmp_path / "other.json").write_text(other.to_json())
    refused = ("--proposal", tmp_path / "other.json", "-o", tmp_path / "never.json")
    assert await command("sign", "--config", configs[3], *refused) == 1
    assert not (tmp_path / "never.json").exists()
    assert await command("certify", "--config", configs[3], "--proposal", proposal, *signed[:4], "-o", made) == 1
    assert await command("certify", "--config", configs[3], "--proposal", proposal, *signed, "-o", made) == 0

    succession = Succession.follow(setting.house, [HandOver.load(made)])
    watcher = ChainWatcher(chained.contracts.w3, CHAIN_ID, [chained.contracts.hub.address])
    await relay(chained, succession, watcher).rotate_hub()
    assert await epochs_of(chained) == (1, 0)
