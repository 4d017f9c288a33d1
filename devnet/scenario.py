"""The main job: one margin account across four chains, hidden books, a crash, a default liquidated on all of them.

Stages: accounts and deposits, then the replay with the trades of its first rounds, then the end of every default.
What happens in between is the actors' reaction to the market; the report is read from the nodes afterwards.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final

import structlog
from clearing.v1 import ledger_service_pb2, liquidation_service_pb2, margin_service_pb2

from devnet.actors import Actor, guards
from devnet.amm import Amm
from devnet.anvil import DEV_KEYS
from devnet.chains import DevChain
from devnet.errors import ScenarioStalled
from devnet.genesis import house_of
from devnet.keeper import Keeper, run_keepers
from devnet.network import Devnet
from devnet.nodes import connected
from devnet.outage import Outage
from devnet.report import Report, read_defaults, read_invariants, read_record
from devnet.roles import FUNDINGS, INSURANCE, OUTAGE, TRADES, PlannedOutage, PlannedTrade, Role
from devnet.timing import MeasuringExecutor, Quantiles
from node.chains.liquidity import ContractSource
from node.chains.relayer import Relayer
from node.chains.watcher import ChainWatcher
from node.client.deposits import Chain, VaultDeposit, pay_in
from node.client.errors import ClientError, HouseRefused
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.ledger.effects import EventKind
from node.ledger.errors import Reason
from node.ledger.types import INSURANCE_ACCOUNT, Address, AssetId, InstrumentId, MicroUsd
from node.market.grid import RiskGrid
from node.sequencing.workers import prepare_worker

_log = structlog.get_logger(__name__)
Progress = Callable[[str], None]
CLOSING_ROUNDS: Final = 80
"""Rounds that open defaults have, after the last tick, to come to their end."""
TRADE_ATTEMPTS: Final = 4
STRAINED_SECONDS: Final = 0.75
"""A proof that takes longer has to share its processor with what other owners would do on machines of their own."""
WITHDRAWAL_ATTEMPTS: Final = 6
FOR_A_ROUND: Final = frozenset({Reason.ORACLE_STALE, Reason.PRICE_UNFIT})
"""Refusals that the next round may end."""
PROVERS: Final = 2
"""Processes that make the owners' proofs."""
AMM_CHAIN: Final = "north"
"""Where seized ether can be sold into an AMM too."""
WITHDRAWAL: Final = 25_000 * 10**6
"""What the hedged desk pays itself out at the end, on a chain where it never deposited."""


@dataclass(slots=True)
class Scenario:
    """The actors on a running devnet."""

    devnet: Devnet
    progress: Progress
    trades: tuple[PlannedTrade, ...] = TRADES
    planned_outage: PlannedOutage | None = OUTAGE
    homes: tuple[int, ...] = (0, 1, 2, 3)
    """Places of the nodes that the actors connect to, in turn."""
    actors: dict[Role, Actor] = field(default_factory=dict)
    keepers: list[Keeper] = field(default_factory=list)
    traded: int = 0
    outage: Outage | None = None
    _trading: int | None = field(default=None, repr=False)
    """The round whose planned trades are not all done."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)
    _executor: MeasuringExecutor | None = field(default=None, repr=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, repr=False)
    _started: float = field(default_factory=time.monotonic)

    async def open_accounts(self) -> None:
        """Connect every actor to a node of its own choice, open its accounts, fund them and the insurance fund."""
        pool = ProcessPoolExecutor(PROVERS, mp_context=get_context("spawn"))
        self._stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        for _ in range(PROVERS):
            pool.submit(prepare_worker)
        executor = self._executor = MeasuringExecutor(pool)
        self.devnet.clock.strained = lambda: executor.longest_wait > STRAINED_SECONDS or self._overdue
        pinned = house_of(self.devnet.settings.folder)
        for place, role in enumerate(Role):
            secrets = self.devnet.backstop if role is Role.BACKSTOP else WalletSecrets.generate()
            node = self.devnet.nodes[self.homes[place % len(self.homes)]]
            client = await ZkClear.connect(
                node.api,
                secrets,
                house=pinned,
                executor=executor,
                size_cache=self.devnet.settings.folder / "cache" / "sizes.bin",
            )
            await self._stack.enter_async_context(client)
            self.actors[role] = Actor(role, secrets, client, {}, self.devnet.chains, self.devnet.replay.ticks[0])
        await self.devnet.chains.fund([actor.owner for actor in self.actors.values()])
        wanted = sorted({(funding.role, funding.index) for funding in FUNDINGS})
        await asyncio.gather(*(self._open(role, index) for role, index in wanted))
        self.progress(f"{len(wanted)} accounts are open")
        await asyncio.gather(*(self._fund(role) for role in Role))
        self.progress("collateral is in")

    async def _open(self, role: Role, index: int) -> None:
        self.actors[role].accounts[index] = await self.actors[role].client.open_account(index)

    async def _fund(self, role: Role) -> None:
        actor = self.actors[role]
        for funding in FUNDINGS:
            if funding.role is role:
                await actor.pay_in(funding)
        if role is Role.BACKSTOP:
            await self._fund_insurance(actor)

    async def _fund_insurance(self, actor: Actor) -> None:
        chain = self.devnet.chains.chains[INSURANCE.chain]
        amount = INSURANCE.amount * actor.first.btc // (8_000 * 10**8)
        if chain.vault is None:
            raise ScenarioStalled("a vault on the hub", 0.0)
        await chain.mint("USD", actor.owner, amount)
        deposit = VaultDeposit(INSURANCE_ACCOUNT, Address(chain.vault.vault), Address(chain.tokens["USD"]), amount)
        await pay_in(Chain(chain.plan.chain_id, chain.anvil.url), OwnerKey(actor.secrets.owner_key), deposit)

    async def play(self) -> None:
        """Replay the market to its end with everybody at work, and wait until every default is closed."""
        await self._start_work()
        clock, replay = self.devnet.clock, self.devnet.replay
        clock.begin()
        begun = clock.begun or 0
        trading = asyncio.create_task(self._trade(begun))
        shown = -1
        while not clock.finished:
            self._raise_failures()
            hour = clock.ticks_played // 4
            if hour != shown and clock.ticks_played:
                shown = hour
                tick = replay.tick(clock.ticks_played - 1)
                self.progress(f"hour {hour:3d}: BTC {tick.btc / 1e8:,.0f}, ETH {tick.eth / 1e8:,.2f}")
            await asyncio.sleep(0.1)
        await trading
        if self.outage is not None:
            await self.outage.over(self._raise_failures)
        await self._end_of_defaults()
        await self._withdraw()
        await self._wait_for_payouts()

    async def _start_work(self) -> None:
        maker = self.actors[Role.MARKET_MAKER]
        for actor, index in guards(list(self.actors.values())):
            self._spawn(actor.guard(index), f"guard of {actor.role} {index}")
        self._spawn(maker.make_markets(), "market making")
        bidder = await self._stack.enter_async_context(connected(self.devnet.nodes[0].api))
        self._spawn(maker.bid_for_defaults(bidder), "bidding")
        for chain, key in zip(self.devnet.chains.chains, DEV_KEYS[1:], strict=False):
            if chain.vault is None:
                continue
            watcher = ChainWatcher(
                chain.w3,
                chain.plan.chain_id,
                [chain.vault.vault, chain.vault.auction],
                start=chain.vault.block,
            )
            await watcher.start()
            self._stack.push_async_callback(watcher.stop)
            relayer = Relayer(chain.w3, key, chain.plan.chain_id)
            await chain.mint("USD", relayer.address, 10**15)
            await watcher.wait_final(chain.vault.block)
            sources = (await self._found_amm(chain),) if chain.plan.name == AMM_CHAIN else ()
            self.keepers.append(Keeper(chain, relayer, watcher, sources))
        self._spawn(run_keepers(self.keepers), "keepers")
        if self.planned_outage is not None:
            (account,) = self.actors[self.planned_outage.role].accounts.values()
            self.outage = Outage(self.devnet, self.planned_outage, account.id, self.progress)
            self._spawn(self.outage.happen(), "outage")

    async def _found_amm(self, chain: DevChain) -> ContractSource:
        relayer = Relayer(chain.w3, DEV_KEYS[-1], chain.plan.chain_id)
        amm = await Amm.found(chain, relayer, self.devnet.settings.folder / "cache")
        self._spawn(amm.follow_market(), "arbitrage")
        return amm.source

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _raise_failures(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise task.exception() or RuntimeError(task.get_name())
        failure = self.devnet.clock.failure()
        if failure is not None:
            raise failure

    async def _trade(self, begun: int) -> None:
        """The planned trades, each in its round of the replay."""
        for planned_round in sorted({planned.round for planned in self.trades}):
            while await self._grid_round() < begun + planned_round:
                await asyncio.sleep(0.1)
            due = [planned for planned in self.trades if planned.round == planned_round]
            self._trading = begun + planned_round
            await asyncio.gather(*(self._trade_one(planned) for planned in due))
            self._trading = None

    @property
    def _overdue(self) -> bool:
        """Whether the market has left behind the round of a planned trade."""
        return self._trading is not None and self.devnet.clock.round > self._trading

    async def _trade_one(self, planned: PlannedTrade) -> None:
        """Propose at the mark of the moment, again on a new round when the last proposal was not taken in time."""
        actor = self.actors[planned.role]
        account = actor.accounts[planned.index]
        maker = self.actors[Role.MARKET_MAKER].accounts[0]
        instrument = planned.listed(actor.client.house.registry)
        for _ in range(TRADE_ATTEMPTS):
            mark = await self._mark(instrument)
            side = 1 if planned.size > 0 else -1
            price = MicroUsd(mark + side * mark * planned.premium_ppm // 1_000_000)
            try:
                await account.propose(maker=maker.id, instrument=instrument, size=planned.size, price=price)
            except ClientError as error:
                actor.refusals.append(str(error))
                _log.warning("trade failed", role=planned.role, instrument=instrument, reason=str(error))
                continue
            self.traded += 1
            return

    async def _mark(self, instrument: InstrumentId) -> int:
        """The instrument's mark in the latest grid, micro-dollars per lot."""
        return RiskGrid.decode((await self._latest_grid(self.homes[0])).grid).mark_price(instrument)

    async def _grid_round(self) -> int:
        """The last round of which every node that serves an actor has a grid."""
        return min([int((await self._latest_grid(place)).round) for place in self.homes])

    async def _latest_grid(self, place: int) -> margin_service_pb2.GetGridResponse:
        async with connected(self.devnet.nodes[place].api) as connection:
            response: margin_service_pb2.GetGridResponse = await connection.call(
                connection.margin.GetGrid, margin_service_pb2.GetGridRequest()
            )
        return response

    async def _end_of_defaults(self) -> None:
        clock = self.devnet.clock
        last = clock.round + CLOSING_ROUNDS
        async with connected(self.devnet.nodes[0].api) as connection:
            while True:
                self._raise_failures()
                request = liquidation_service_pb2.ListDefaultsRequest()
                listed = await connection.call(connection.liquidations.ListDefaults, request)
                if not listed.defaults:
                    return
                if clock.round > last:
                    raise ScenarioStalled("the end of every default", CLOSING_ROUNDS)
                await asyncio.sleep(0.25)

    async def _withdraw(self) -> None:
        """The hedged desk takes some cash out, on a chain where others deposited dollars."""
        actor = self.actors[Role.HEDGED_DESK]
        hub = AssetId(f"USD@{self.devnet.chains.hub_chain.plan.chain_id}")
        for _ in range(WITHDRAWAL_ATTEMPTS):
            asked = self.devnet.clock.round
            try:
                await actor.accounts[0].withdraw_dollars(WITHDRAWAL, Address(actor.owner), hub)
            except ClientError as error:
                actor.refusals.append(str(error))
                _log.info("not withdrawn", role=actor.role, reason=str(error))
                if not (isinstance(error, HouseRefused) and error.reason in FOR_A_ROUND):
                    return
            else:
                return
            while self.devnet.clock.round == asked:
                await asyncio.sleep(0.1)

    async def _wait_for_payouts(self) -> None:
        """Until every withdrawal has been paid and booked.

        Raises:
            ScenarioStalled: a vault does not pay.
        """
        last = self.devnet.clock.round + CLOSING_ROUNDS
        async with connected(self.devnet.nodes[0].api) as connection:
            while True:
                request = ledger_service_pb2.GetInvariantsRequest()
                books = await connection.call(connection.ledger.GetInvariants, request)
                if not any(entry.promised for entry in books.assets):
                    return
                if self.devnet.clock.round > last:
                    raise ScenarioStalled("every payout", CLOSING_ROUNDS)
                await asyncio.sleep(0.25)

    async def report(self) -> Report:
        """Stop the clock, let the nodes come together, and read the figures from them."""
        await self._stop_work()
        tips = await self.devnet.settled()
        names = {
            account.id: f"{role.value}/{index}" if len(actor.accounts) > 1 else role.value
            for role, actor in self.actors.items()
            for index, account in actor.accounts.items()
        }
        chain_names = {chain.plan.chain_id: chain.plan.name for chain in self.devnet.chains.chains}
        running = [node for node in self.devnet.nodes if node.running]
        statuses = [await node.status() for node in running]
        async with connected(running[0].api) as connection:
            record = await read_record(connection)
            defaults = await read_defaults(connection, names, chain_names)
            books = await connection.call(connection.ledger.GetInvariants, ledger_service_pb2.GetInvariantsRequest())
        proven = self._executor.milliseconds if self._executor is not None else []
        return Report(
            chains=len(self.devnet.chains.chains),
            nodes=len(self.devnet.nodes),
            rounds=record.count(EventKind.ROUND),
            batches=max(tip.number for tip in tips.values()),
            trades=int(books.trades),
            margin_proofs=record.count(EventKind.MARGIN_PROVEN),
            proofs=len(proven),
            calls=record.count(EventKind.CALLED),
            called=record.by_account(EventKind.CALLED, names),
            defaults=defaults,
            invariants=await read_invariants(running),
            roots={name: tip.root.hex() for name, tip in sorted(tips.items())},
            certified_ms=_slowest([(s.certified_ms_median, s.certified_ms_p99) for s in statuses]),
            final_ms=_slowest([(s.final_ms_median, s.final_ms_p99) for s in statuses]),
            prove_ms=Quantiles.of(proven),
            verify_ms=_slowest([(s.verify_ms_median, s.verify_ms_p99) for s in statuses]),
            wall_s=round(time.monotonic() - self._started, 1),
            ceremony_s=None if self.devnet.ceremony_s is None else round(self.devnet.ceremony_s, 1),
        )

    async def _stop_work(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def close(self) -> None:
        """End the actors; the devnet itself goes on."""
        await self._stop_work()
        await self._stack.aclose()


def _slowest(quantiles: list[tuple[float, float]]) -> Quantiles | None:
    """The figures of the slowest node: no average hides a laggard."""
    return Quantiles(*max(quantiles)) if quantiles else None
