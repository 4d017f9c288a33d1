"""An owner names an auditor on a running house, trades and transfers on, and the auditor reads it from any node."""

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devnet.chains import DevChain
from devnet.genesis import house_of
from devnet.network import Devnet
from devnet.scenario import Scenario
from node.client.account import ClientAccount
from node.client.deposits import Chain
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.ledger.types import CASH, AssetId, InstrumentId, MicroUsd
from tests.e2e.runs import on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
HOME = 31338
PERP, ETHER = InstrumentId("BTC-PERP"), AssetId(f"WETH@{HOME}")
DOLLARS, UNITS, SENT, LOTS = 9_000 * 10**6, 200_000, 12_345, 321


@dataclass
class Seen:
    """What the commands said, and what the owner knew at the time."""

    own: list[dict[str, Any]] = field(default_factory=list)
    read: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    mode: int = 0
    kept: str = ""


@dataclass(frozen=True)
class Auditor:
    """An auditor at a terminal, with one key file and one table of logarithms."""

    key: Path
    table: Path

    async def run(self, name: str, *options: object) -> tuple[int, str]:
        """Exit code and output of `zkclear audit`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devnet.cli", "audit", name, *map(str, options)),
            env={**os.environ, "ZKCLEAR_PASSWORD": "correct horse battery staple"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def done(self, name: str, *options: object) -> str:
        code, output = await self.run(name, *options)
        assert code == 0, output
        return output

    async def opened(self, *options: object) -> dict[str, Any]:
        """What `zkclear audit open --json` tells."""
        told = await self.done("open", "--key", self.key, "--table", self.table, "--json", *options)
        return dict(json.loads(told))

    async def fails(self, *options: object) -> str:
        """What `zkclear audit open` says when it reads nothing."""
        code, output = await self.run("open", "--key", self.key, "--table", self.table, *options)
        assert code == 1, output
        return output


async def funded(client: ZkClear, secrets: WalletSecrets, chain: DevChain) -> ClientAccount:
    """An account with dollars and ether on the home chain."""
    owner = OwnerKey(secrets.owner_key).address
    await chain.anvil.fund(owner, 10**21)
    await chain.mint("USD", owner, DOLLARS)
    await chain.mint("WETH", owner, UNITS * 10**13)
    account = await client.open_account()
    for symbol, amount in (("USD", DOLLARS), ("WETH", UNITS)):
        await account.deposit(Chain(HOME, chain.anvil.url), symbol, amount)
    return account


async def agree(one: ClientAccount, other: ClientAccount, size: int) -> None:
    """A trade of both, `one` as taker."""
    price = MicroUsd(800_000)

    async def take() -> None:
        async for proposal in other.proposals():
            await other.accept(proposal)
            return

    taking = asyncio.create_task(take())
    await one.propose(maker=other.id, instrument=PERP, size=size, price=price)
    await taking


async def move(one: ClientAccount, other: ClientAccount, asset: AssetId) -> None:
    """A private transfer from `one` to `other`."""

    async def take() -> None:
        async for proposal in other.transfers():
            await other.accept_transfer(proposal)
            return

    taking = asyncio.create_task(take())
    await one.propose_transfer(receiver=other.id, asset=asset, amount=SENT)
    await taking


def owned(account: ClientAccount) -> dict[str, Any]:
    return {
        "cash_micro_usd": account.cash,
        "positions": dict(account.positions),
        "collateral": dict(account.collateral),
    }


async def play(devnet: Devnet, _: Scenario) -> Seen:
    folder, chain, seen = devnet.settings.folder, devnet.chains.by_id(HOME), Seen()
    auditor, stranger = (Auditor(folder / name, folder / "logarithms") for name in ("auditor.key", "stranger.key"))
    for each in (auditor, stranger):
        await each.done("keygen", "--key", each.key)
    seen.mode = auditor.key.stat().st_mode & 0o777
    pin = house_of(folder).hex()
    here, there = devnet.nodes[0].api, devnet.nodes[2].api
    name = bytes.fromhex(await auditor.done("identity", "--key", auditor.key, "--node", here, "--house", pin))
    desk_secrets, maker_secrets = WalletSecrets.generate(), WalletSecrets.generate()
    async with (
        await ZkClear.connect(here, desk_secrets) as first,
        await ZkClear.connect(there, maker_secrets) as second,
    ):
        desk = await funded(first, desk_secrets, chain)
        maker = await funded(second, maker_secrets, chain)
        await agree(desk, maker, LOTS)
        asked = ("--account", desk.id.hex(), "--house", pin)
        seen.failed["unnamed"] = await auditor.fails("--node", there, *asked)
        # A taker whose past is hidden, and a maker that named the auditor before anything of the next trade.
        await asyncio.gather(desk.set_auditor(name), maker.set_auditor(name))
        for steps in (
            [],
            [agree(maker, desk, 2 * LOTS)],
            [agree(desk, maker, -LOTS), move(desk, maker, ETHER), move(maker, desk, CASH)],
        ):
            for step in steps:
                await step
            seen.own += [owned(account) for account in (desk, maker)]
            ids = (desk.id.hex(), maker.id.hex())
            reading = [auditor.opened("--node", there, "--account", each, "--house", pin) for each in ids]
            seen.read += await asyncio.gather(*reading)
        kept = folder / "desk.json"
        await auditor.done("fetch", "--node", there, *asked, "--output", kept)
        seen.kept = kept.read_text()
        await desk.withdraw(AssetId(f"USD@{HOME}"), 10**6, OwnerKey(desk_secrets.owner_key).address)
        seen.own.append({**seen.own[-2]})
        seen.read.append(await auditor.opened("--leaf", kept, "--house", pin))
        hub = devnet.chains.hub_chain.anvil.url
        seen.own.append(owned(desk))
        seen.read.append(await auditor.opened("--node", here, *asked, "--hub-rpc", hub))
        seen.failed["another key"], seen.failed["another house"] = await asyncio.gather(
            stranger.fails("--node", there, *asked),
            auditor.fails("--node", there, *asked[:2], "--house", "00" * 32),
        )
        await desk.set_auditor(None)
        seen.failed["removed"] = await auditor.fails("--node", there, *asked)
        # A wallet that starts from seed and history knows whom its owner named.
        await maker.refresh()
    async with await ZkClear.connect(here, maker_secrets) as again:
        restored = await again.open_account()
        await restored.prove_margin()
        seen.own.append(owned(restored))
        seen.read.append(await auditor.opened("--node", here, "--account", restored.id.hex()))
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Seen:
    return on_a_devnet(settings(tmp_path_factory.mktemp("audit"), cache, hours=1), play)


def test_what_the_auditor_reads_is_what_the_owner_knows(seen: Seen) -> None:
    assert len(seen.read) == 9
    for own, read in zip(seen.own, seen.read, strict=True):
        assert {key: read[key] for key in own} == own


def test_the_key_file_is_its_owners_alone(seen: Seen) -> None:
    assert seen.mode == 0o600


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unnamed", "NotAudited"),
        ("another key", "WrongKey"),
        ("another house", "HouseUntrusted"),
        ("removed", "NotAudited"),
    ],
)
def test_nobody_else_reads_anything(seen: Seen, case: str, words: str) -> None:
    told = seen.failed[case]
    assert words in told
    figures = set(re.findall(r"\b\d+\b", told))  # numbers by themselves: a key in hex may contain any digits
    for amount in (LOTS, 2 * LOTS, SENT, UNITS - SENT, UNITS + SENT, *(entry["cash_micro_usd"] for entry in seen.own)):
        assert str(amount) not in figures


def test_what_is_kept_of_an_account_shows_no_amount(seen: Seen) -> None:
    assert set(json.loads(seen.kept)) == {"format", "deployment", "leaf", "batch"}
