"""`zkclear node breaker` against a real hub: a quorum sets the breaker, and writes a token off."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from eth_abi.abi import decode
from typer.testing import CliRunner, Result

from circuits.transcript import Deployment
from devnet.anvil import Anvil
from node.api import OperatorServer
from node.chains.rpc import connect, disconnect
from node.cli import app
from node.genesis import ChainGenesis, Genesis
from node.ledger.messages import Message
from node.ledger.submissions import decode_submission
from node.ledger.types import Address
from node.liquidation.breaker import Level
from node.secret_files import write_secret
from tests.node.api.fake import FakeNode
from tests.node.chains.conftest import CHAIN_ID, SALT, build_house
from tests.support.clearing import Clearing
from tests.support.ledger import make_setting


@dataclass(frozen=True)
class Operators:
    """The nodes' configurations, their ledger, and the hub."""

    clearing: Clearing
    anvil: Anvil
    configs: tuple[Path, ...]
    folder: Path

    async def do(self, *arguments: object) -> Result:
        """`zkclear node breaker …`, in a thread: the command has an event loop of its own."""
        return await asyncio.to_thread(CliRunner().invoke, app, ["breaker", *map(str, arguments)])

    async def signed(self, *order: object, who: tuple[int, ...] = (0, 1, 2)) -> list[object]:
        """The options that name the signatures of `who`."""
        named: list[object] = []
        for place in who:
            path = self.folder / f"{'-'.join(map(str, order))}-{place}.json"
            command, *options = order
            signed = await self.do(command, "--config", self.configs[place], *options, "-o", path)
            assert signed.exit_code == 0, signed.output
            named += ["--signature", path]
        return named

    async def send(self, named: list[object]) -> Result:
        return await self.do("send", "--config", self.configs[3], *named)

    async def on_hub(self) -> Message | None:
        """What was submitted with the newest block's only transaction."""
        block = await self.anvil.request("eth_getBlockByNumber", "latest", True)
        (transaction,) = block["transactions"]
        (data,) = decode(["bytes"], bytes.fromhex(transaction["input"][10:]))
        return decode_submission(data)

    @property
    def now(self) -> int:
        return self.clearing.state.hub_height


@pytest_asyncio.fixture
async def operators(tmp_path: Path) -> AsyncIterator[Operators]:
    async with Anvil(CHAIN_ID, tmp_path / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        contracts = await build_house(anvil, w3)
        made = make_setting()
        deployment = Deployment(CHAIN_ID, contracts.hub.address, SALT)
        validators = tuple(Address(key.address) for key in contracts.keys)
        house = replace(made.house, deployment=deployment, validators=validators)
        node = FakeNode(replace(made, house=house, keys=contracts.keys))
        server = OperatorServer(node, "127.0.0.1:0")
        await server.start()
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
            lines += ["[operator_listen]", f"port = {server.port}"]
            lines += ["[[chains]]", f"chain_id = {CHAIN_ID}", f'rpc = "{anvil.url}"']
            (folder / "node.toml").write_text("\n".join(lines))
            configs.append(folder / "node.toml")
        try:
            yield Operators(node.clearing, anvil, tuple(configs), tmp_path)
        finally:
            await server.stop(0)
            await disconnect(w3)


async def test_a_quorum_sets_the_breaker_and_lowers_it_again(operators: Operators) -> None:
    clearing, until = operators.clearing, operators.now + 50
    sent = await operators.send(await operators.signed("sign", "--level", 2, "--until", until))
    assert sent.exit_code == 0, sent.output
    assert "order 0" in sent.output
    order = await operators.on_hub()
    assert order is not None
    clearing.accept(order)
    assert (clearing.state.breaker.level, clearing.state.breaker.until) == (Level.NO_BID, until)
    await operators.send(await operators.signed("sign", "--level", 0, "--until", until))
    lowered = await operators.on_hub()
    assert lowered is not None
    clearing.accept(lowered)
    assert clearing.state.breaker.level is Level.OPEN


async def test_a_quorum_writes_a_token_off_and_reinstates_it(operators: Operators) -> None:
    clearing, named = operators.clearing, ("--asset", "WETH@31338", "--until", operators.now + 500)
    for back, expected in ((), {"WETH@31338"}), (("--reinstate",), set()):
        assert (await operators.send(await operators.signed("write-off", *named, *back))).exit_code == 0
        order = await operators.on_hub()
        assert order is not None
        clearing.accept(order)
        assert set(clearing.state.written_off) == expected


async def test_two_signatures_are_not_enough_and_signatures_of_two_orders_are_none(operators: Operators) -> None:
    until = operators.now + 50
    two = await operators.signed("sign", "--level", 1, "--until", until, who=(0, 1))
    assert "2 signatures" in (await operators.send(two)).output
    mixed = await operators.send([*two, *await operators.signed("sign", "--level", 2, "--until", until, who=(2,))])
    assert mixed.exit_code == 1
    assert "different orders" in mixed.output


def amend(path: Path, change: dict[str, object]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"signature": "ab" * 64}, "no order"),
        ({"signature": "zz"}, "holds none"),
        ({"order": "PayAction"}, "holds none"),
        ({"level": 7}, "holds none"),
        ({"level": 3}, "different orders"),
    ],
)
async def test_a_file_that_is_none_is_refused(operators: Operators, change: dict[str, object], told: str) -> None:
    named = await operators.signed("sign", "--level", 1, "--until", operators.now + 50)
    amend(Path(str(named[-1])), change)
    result = await operators.send(named)
    assert result.exit_code == 1
    assert told in result.output


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (("sign", "--level", 1, "--until", 1), "not after hub block"),
        (("sign", "--level", 1, "--until", 10_000), "at most"),
        (("write-off", "--asset", "WETH@7", "--until", 50), "WETH@7"),
        (("write-off", "--asset", "WETH@31338", "--until", 50, "--reinstate"), "not written off"),
        (("sign", "--level", 1, "--until", 50, "--operator", "127.0.0.1:1"), "no answer"),
    ],
)
async def test_an_order_that_the_ledger_could_not_take_is_not_signed(
    operators: Operators, order: tuple[object, ...], told: str
) -> None:
    path = operators.folder / "unsigned.json"
    command, *options = order
    result = await operators.do(command, "--config", operators.configs[0], *options, "-o", path)
    assert result.exit_code == 1
    assert told in result.output
    assert not path.exists()
