"""Whole networks for the end-to-end tests: started, played, asked, and always stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from clearing.v1 import ledger_service_pb2

from devnet.network import Devnet, Prepare
from devnet.nodes import DevNode, connected
from devnet.roles import OUTAGE, TRADES, PlannedOutage, PlannedTrade, Role
from devnet.scenario import Scenario
from devnet.settings import CRASH_OF_2020, Cadence, DevnetSettings
from node.chains.calls import balance_of
from node.ledger.batch import Batch
from node.ledger.types import AccountId
from node.ledger.wire import decode_batch

T = TypeVar("T")
CRASH = datetime(2020, 3, 12, 8, tzinfo=UTC)
"""Two quiet hours, then the fall of 12 March at 10:00."""


def with_cache(folder: Path, cache: Path) -> Path:
    """`folder`, made for a run that shares compiled contracts and logarithms with other runs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cache").symlink_to(cache)
    return folder


def settings(folder: Path, cache: Path, hours: int, **changes: object) -> DevnetSettings:
    """A run in `folder`, with what it shares with other runs."""
    with_cache(folder, cache)
    values = {"replay": CRASH_OF_2020, "start": CRASH, "cadence": Cadence()} | changes
    return DevnetSettings(folder, hours=hours, **values)  # type: ignore[arg-type]


def on_a_devnet(
    chosen: DevnetSettings,
    work: Callable[[Devnet, Scenario], Awaitable[T]],
    *,
    prepare: Prepare | None = None,
    trades: Sequence[PlannedTrade] = TRADES,
    outage: PlannedOutage | None = OUTAGE,
    homes: tuple[int, ...] = (0, 1, 2, 3),
) -> T:
    """What `work` returns, with the network up while it runs and every process ended afterwards."""

    async def run() -> T:
        devnet = await Devnet.start(chosen, prepare)
        scenario = Scenario(devnet, lambda _: None, tuple(trades), outage, homes)
        try:
            return await work(devnet, scenario)
        finally:
            await scenario.close()
            await devnet.stop()

    return asyncio.run(run())


@asynccontextmanager
async def chains_going_on(devnet: Devnet) -> AsyncIterator[None]:
    """A block now and then while the clock stands, for whoever waits for a receipt or a final block."""

    async def mine() -> None:
        while True:
            await devnet.steps.mine(1)
            await asyncio.sleep(0.1)

    mining = asyncio.create_task(mine())
    try:
        yield
    finally:
        mining.cancel()
        await asyncio.wait([mining])


async def bodies(node: DevNode) -> list[bytes]:
    """Every final batch of a node, from the first on."""
    found = []
    async with connected(node.api) as connection:
        status = await connection.call(connection.ledger.GetStatus, ledger_service_pb2.GetStatusRequest())
        for number in range(1, status.final.number + 1):
            request = ledger_service_pb2.GetBatchRequest(number=number)
            found.append((await connection.call(connection.ledger.GetBatch, request)).body)
    return found


async def batches(node: DevNode) -> list[Batch]:
    """The same, decoded."""
    return [decode_batch(body) for body in await bodies(node)]


@dataclass(frozen=True)
class Reserve:
    """What a vault's token contract says it holds, and what the ledger says, in ledger units."""

    asset: str
    on_chain: int
    in_ledger: int


async def reserves(devnet: Devnet, scenario: Scenario, node: DevNode) -> list[Reserve]:
    """Every vault's holdings in every token."""
    async with connected(node.api) as connection:
        books = await connection.call(connection.ledger.GetInvariants, ledger_service_pb2.GetInvariantsRequest())
    booked = {entry.asset: entry.in_vault for entry in books.assets}
    registry = scenario.actors[Role.MARKET_MAKER].client.house.registry
    found = []
    for chain in devnet.chains.chains:
        assert chain.vault is not None
        for symbol, token in chain.tokens.items():
            asset = registry.asset(f"{symbol}@{chain.plan.chain_id}")
            held = await balance_of(chain.w3, token, chain.vault.vault)
            found.append(Reserve(asset.id, held // asset.base_units, booked.get(asset.id, 0)))
    return found


def account_names(scenario: Scenario) -> dict[AccountId, str]:
    """role/index of every account."""
    return {
        account.id: f"{role.value}/{index}"
        for role, actor in scenario.actors.items()
        for index, account in actor.accounts.items()
    }
