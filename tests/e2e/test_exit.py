"""Every node stops, an owner leaves with a ticket and the chains alone, and the nodes come back to one ledger."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from clearing.v1 import ledger_service_pb2

from devnet.network import Devnet
from devnet.nodes import LedgerTip, connected, start_all
from devnet.scenario import Scenario
from devnet.settings import CHALLENGE, EXIT_AFTER
from node.chains.calls import VaultReader, balance_of
from node.client.deposits import Chain
from node.client.errors import ExitFailed
from node.client.exit_ticket import ExitTicket
from node.client.exits import Departure
from node.client.keystore import ScryptCost, WalletSecrets, create_keystore
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.ledger.batch import Exited
from node.ledger.types import Address, AssetId
from tests.e2e.runs import batches, chains_going_on, on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
HOME, HUB = 31338, 31337
USD, ETHER = AssetId(f"USD@{HOME}"), AssetId(f"WETH@{HOME}")
DOLLARS, UNITS, LEFT = 3_000 * 10**6, 200_000, 50_000
TO = Address(b"\x77" * 20)
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Words:
    """What the commands told, and what the vaults said no with."""

    told: str
    too_early: str
    abroad: list[str]
    twice: str


@dataclass
class Left:
    """What is left of the run."""

    relayed: int
    words: Words
    paid: dict[str, int]
    tips: dict[str, LedgerTip]
    booked: list[list[Exited]]
    balanced: list[bool]
    cash: int
    ether: int


async def refusal(doing: object) -> str:
    with pytest.raises(ExitFailed) as caught:
        await doing  # type: ignore[misc]
    return caught.value.reason


@dataclass(frozen=True)
class Owner:
    """An owner at a terminal: a keystore and a kept ticket."""

    keystore: Path
    ticket: Path

    async def command(self, name: str, **options: object) -> tuple[int, str]:
        """Exit code and output of `zkclear exit`."""
        given = [text for option, value in options.items() for text in ("--" + option.replace("_", "-"), str(value))]
        files = ("--keystore", str(self.keystore), "--ticket", str(self.ticket))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devnet.cli", "exit", name, *files, *given),
            env={**os.environ, "ZKCLEAR_PASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def done(self, name: str, **options: object) -> str:
        code, output = await self.command(name, **options)
        assert code == 0, output
        return output


async def move_in(devnet: Devnet, secrets: WalletSecrets, home: Chain, file: Path) -> dict[str, LedgerTip]:
    """Deposit, merge, keep tickets until the house stands still."""
    async with await ZkClear.connect(devnet.nodes[0].api, secrets) as client:
        account = await client.open_account(home_chain=HOME)
        await account.deposit(home, "USD", DOLLARS)
        await account.deposit(home, "WETH", UNITS)
        await account.prove_margin()
        keeping = asyncio.create_task(account.keep_exit_tickets(file))
        await asyncio.sleep(5)
        tips = await devnet.settled()
        await asyncio.sleep(1)
        keeping.cancel()
        await asyncio.wait([keeping])
    return tips


async def leave(devnet: Devnet, terminal: Owner, owner: OwnerKey, ticket: ExitTicket) -> Words:
    """Take dollars by command and ether by the SDK, while every node is down; try what must not work on the way."""
    home, away = (Chain(chain, devnet.chains.by_id(chain).anvil.url) for chain in (HOME, HUB))
    out, elsewhere = Departure(ticket, owner, home), Departure(ticket, owner, away)
    abroad = []
    told = await terminal.done("ticket")
    async with chains_going_on(devnet):
        told += await terminal.done("show", chain=HOME, rpc=home.rpc, hub_rpc=away.rpc)
        await elsewhere.show(away)
        too_early = await refusal(out.request(USD, DOLLARS, TO))
    await devnet.steps.mine(EXIT_AFTER)
    async with chains_going_on(devnet):
        await terminal.done("request", rpc=home.rpc, asset=USD, units=DOLLARS, to="0x" + TO.hex())
        await out.request(ETHER, UNITS - LEFT, TO)
        abroad.append(await refusal(elsewhere.request(AssetId(f"USD@{HUB}"), DOLLARS, TO)))
    await devnet.steps.mine(CHALLENGE)
    async with chains_going_on(devnet):
        await terminal.done("finish", rpc=home.rpc, asset=USD)
        await out.finish(ETHER)
        abroad.append(await refusal(elsewhere.request(AssetId(f"USD@{HUB}"), DOLLARS, TO)))
        code, twice = await terminal.command("request", rpc=home.rpc, asset=USD, units=1)
    assert code == 1
    return Words(told, too_early, abroad, twice)


async def play(devnet: Devnet, _: Scenario) -> Left:
    secrets, folder, chain = WalletSecrets.generate(), devnet.settings.folder, devnet.chains.by_id(HOME)
    owner, terminal = OwnerKey(secrets.owner_key), Owner(folder / "keystore", folder / "ticket")
    assert chain.vault is not None
    create_keystore(terminal.keystore, PASSWORD, secrets, ScryptCost(n=1 << 12))
    for place in (chain, devnet.chains.hub_chain):
        await place.anvil.fund(owner.address, 10**21)
    await chain.mint("USD", owner.address, DOLLARS)
    await chain.mint("WETH", owner.address, UNITS * 10**13)
    tips = await move_in(devnet, secrets, Chain(HOME, chain.anvil.url), terminal.ticket)

    await asyncio.gather(*(node.stop() for node in devnet.nodes))
    relayed = await VaultReader(chain.w3, chain.vault.vault).checkpoint()
    ticket = await kept_ticket(devnet, secrets, terminal.ticket, next(iter(tips.values())))
    words = await leave(devnet, terminal, owner, ticket)
    paid = {symbol: await balance_of(chain.w3, chain.tokens[symbol], TO) for symbol in ("USD", "WETH")}

    await start_all(devnet.nodes)
    devnet.clock.start()
    booked = await exits_booked(devnet)
    tips = await devnet.settled()
    async with await ZkClear.connect(devnet.nodes[1].api, secrets) as client:
        account = await client.open_account()
        cash, ether = account.cash, account.collateral[ETHER]
    balanced = [await invariants(node.api) for node in devnet.nodes]
    return Left(relayed, words, paid, tips, booked, balanced, cash, ether)


async def kept_ticket(devnet: Devnet, secrets: WalletSecrets, file: Path, tip: LedgerTip) -> ExitTicket:
    """The ticket that the owner kept, read with no node alive."""
    assert [await node.tip() for node in devnet.nodes] == [None] * 4
    ticket = ExitTicket.load(file, secrets)
    assert (ticket.number, ticket.root) == (tip.number, tip.root)
    return ticket


async def exits_booked(devnet: Devnet) -> list[list[Exited]]:
    """Wait until every node has both exits in its ledger; the exits by node."""
    for _ in range(240):
        found = [
            [e.event for b in await batches(node) for s in b.segments for e in s.events if isinstance(e.event, Exited)]
            for node in devnet.nodes
        ]
        if all(len(exits) == 2 for exits in found):
            return found
        await asyncio.sleep(0.5)
    raise AssertionError("the exits were not booked")


async def invariants(api: str) -> bool:
    async with connected(api) as connection:
        books = await connection.call(connection.ledger.GetInvariants, ledger_service_pb2.GetInvariantsRequest())
    return bool(books.hold)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Left:
    return on_a_devnet(settings(tmp_path_factory.mktemp("exit") / "run", cache, hours=6), play)


def test_the_nodes_had_shown_the_vault_checkpoints(left: Left):
    assert left.relayed > 0


def test_the_commands_tell_what_the_ticket_holds_and_when_it_may_be_used(left: Left):
    assert f"cash {DOLLARS} micro-dollars, to be taken on chain {HOME}" in left.words.told
    assert f"{ETHER} {UNITS}" in left.words.told
    assert "exits may be requested from 2020-03-1" in left.words.told
    assert f"paid {CHALLENGE} seconds after" in left.words.told


def test_the_owner_was_paid_without_any_node(left: Left):
    assert left.paid == {"USD": DOLLARS, "WETH": (UNITS - LEFT) * 10**13}


def test_the_vaults_refused_what_was_too_early_abroad_or_twice(left: Left):
    assert left.words.too_early == "a checkpoint was relayed too recently"
    assert left.words.abroad == ["not the account's home chain"] * 2
    assert "the account has taken this token" in left.words.twice


def test_the_nodes_came_back_to_one_ledger_with_the_exits_in_it(left: Left):
    assert len({(tip.number, tip.root) for tip in left.tips.values()}) == 1
    assert len(left.tips) == 4
    assert all(exits == left.booked[0] for exits in left.booked)
    assert sorted(exited.amount for exited in left.booked[0]) == [UNITS - LEFT, DOLLARS]
    assert left.balanced == [True] * 4


def test_the_owner_has_the_rest_and_no_debt(left: Left):
    assert (left.cash, left.ether) == (0, LEFT)
