"""`zkclear node guard` against a real vault: a quorum pauses it, lifts the pause and tightens a limit."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from circuits.transcript import Deployment
from devnet.anvil import Anvil
from node.chains.calls import VaultReader
from node.chains.rpc import connect, disconnect
from node.cli import app
from node.genesis import ChainGenesis, Genesis
from node.ledger.types import Address
from node.secret_files import write_secret
from tests.node.chains.conftest import CHAIN_ID, SALT, House, build_house
from tests.support.ledger import make_setting


@dataclass(frozen=True)
class Operators:
    """The nodes' configurations, and what they share."""

    contracts: House
    configs: tuple[Path, ...]
    folder: Path

    async def do(self, *arguments: object) -> Result:
        """`zkclear node guard …`, in a thread: the command has an event loop of its own."""
        return await asyncio.to_thread(CliRunner().invoke, app, ["guard", *map(str, arguments)])

    async def signed(self, name: str, *order: object, who: tuple[int, ...] = (0, 1, 2)) -> list[object]:
        """The options that name the signatures of `who`."""
        named: list[object] = []
        for place in who:
            path = self.folder / f"{name}-{place}.json"
            arguments = ("sign", "--config", self.configs[place], "--chain", CHAIN_ID, *order, "-o", path)
            assert (await self.do(*arguments)).exit_code == 0
            named += ["--signature", path]
        return named

    async def send(self, named: list[object]) -> Result:
        return await self.do("send", "--config", self.configs[3], *named)

    @property
    def vault(self) -> VaultReader:
        return VaultReader(self.contracts.w3, self.contracts.vault.vault)


@pytest_asyncio.fixture
async def operators(tmp_path: Path) -> AsyncIterator[Operators]:
    async with Anvil(CHAIN_ID, tmp_path / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        try:
            contracts = await build_house(anvil, w3)
            deployment = Deployment(CHAIN_ID, contracts.hub.address, SALT)
            validators = tuple(Address(key.address) for key in contracts.keys)
            house = replace(make_setting().house, deployment=deployment, validators=validators)
            vault = contracts.vault
            entry = ChainGenesis(CHAIN_ID, "hub", vault.vault, vault.auction, vault.block, bytes(32))
            (tmp_path / "genesis.json").write_text(Genesis(house, (entry,), 0, 0).to_json())
            configs = []
            for place, key in enumerate(contracts.keys):
                await anvil.request("anvil_setBalance", "0x" + key.address.hex(), hex(10**18))
                folder = tmp_path / f"node-{place}"
                folder.mkdir()
                write_secret(folder / "validator.key", key.secret.hex())
                lines = [f'genesis = "{tmp_path / "genesis.json"}"', f"feed_chain = {CHAIN_ID}", "peers = []"]
                lines += ["[[chains]]", f"chain_id = {CHAIN_ID}", f'rpc = "{anvil.url}"']
                (folder / "node.toml").write_text("\n".join(lines))
                configs.append(folder / "node.toml")
            yield Operators(contracts, tuple(configs), tmp_path)
        finally:
            await disconnect(w3)


async def test_a_quorum_pauses_a_vault_and_lifts_the_pause(operators: Operators) -> None:
    until = 4_000_000_000
    refused = await operators.send(await operators.signed("far", "--pause-until", until))
    assert refused.exit_code == 1
    assert "the pause is too long" in refused.output
    block = await operators.contracts.anvil.request("eth_getBlockByNumber", "latest", False)
    until = int(block["timestamp"], 16) + 86_400
    sent = await operators.send(await operators.signed("pause", "--pause-until", until))
    assert sent.exit_code == 0
    assert "order 0" in sent.output
    assert await operators.vault.paused_until() == until
    assert (await operators.send(await operators.signed("lift"))).exit_code == 0
    assert await operators.vault.paused_until() == 0


async def test_a_quorum_tightens_a_limit(operators: Operators) -> None:
    usd = operators.contracts.tokens.usd
    named = await operators.signed("limit", "--token", "0x" + usd.hex(), "--limit", 5_000_000)
    assert (await operators.send(named)).exit_code == 0
    assert await operators.vault.hourly_limit(usd) == 5_000_000


async def test_two_signatures_are_not_enough_and_signatures_of_two_orders_are_none(operators: Operators) -> None:
    two = await operators.signed("two", who=(0, 1))
    assert "2 signatures" in (await operators.send(two)).output
    other = await operators.signed("other", "--token", operators.contracts.tokens.usd.hex(), "--limit", 9, who=(2,))
    mixed = await operators.send([*two, *other])
    assert mixed.exit_code == 1
    assert "different orders" in mixed.output
    assert await operators.vault.guard_orders() == 0


def amend(path: Path, change: dict[str, object]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"signature": "ab" * 64}, "no order"),
        ({"signature": "zz"}, "holds none"),
        ({"order": {}}, "holds none"),
        ({"chain_id": 5}, "different orders"),
    ],
    ids=["wrong signature", "no hex", "no order", "another chain"],
)
async def test_a_file_that_is_none_is_refused(operators: Operators, change: dict[str, object], told: str) -> None:
    named = await operators.signed("bad")
    amend(Path(str(named[-1])), change)
    result = await operators.send(named)
    assert result.exit_code == 1
    assert told in result.output


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (("--token", "nonsense", "--limit", 5), "no address"),
        (("--token", "abcd", "--limit", 5), "no address"),
        (("--token", "07" * 20, "--limit", 5), "not listed"),
    ],
)
async def test_an_order_that_the_vault_could_not_take_is_not_signed(
    operators: Operators, order: tuple[object, ...], told: str
) -> None:
    path = operators.folder / "unsigned.json"
    result = await operators.do("sign", "--config", operators.configs[0], "--chain", CHAIN_ID, *order, "-o", path)
    assert result.exit_code == 1
    assert told in result.output
    assert not path.exists()


async def test_a_chain_without_a_vault_is_refused(operators: Operators) -> None:
    path = operators.folder / "unsigned.json"
    result = await operators.do("sign", "--config", operators.configs[0], "--chain", 99, "-o", path)
    assert result.exit_code == 1
    assert "chain 99" in result.output
