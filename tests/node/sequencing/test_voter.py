"""What a validator will not sign."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import pytest
from structlog.testing import capture_logs

from node.chains import events as chain_events
from node.ledger.batch import Batch, Deposited, HubHeader, LoggedEvent
from node.ledger.claims import CollectingVerifier
from node.ledger.effects import EventKind, LedgerEvent
from node.ledger.execution import Executed, assemble
from node.ledger.state import ChainCursor, LedgerState, genesis
from node.ledger.types import AccountId, Address
from node.market.state import genesis_state
from node.sequencing.errors import Dispute, Rule
from node.sequencing.rotation import proposer_of
from tests.node.sequencing.bench import Bench, altered, make_bench, observe, proposed
from tests.node.sequencing.world import BLOCK_SECONDS, FakeChain
from tests.support.clearing import Clearing
from tests.support.ledger import CHAINS, FEED, HUB_CHAIN, START, Setting, Trader, token

SPOKE = CHAINS[1]
SPACING = 4


@dataclass
class Court:
    """A proposal for batch 1 with a round, a deposit and a message, and a validator that judges it."""

    setting: Setting
    chains: dict[int, FakeChain]
    state: LedgerState
    proposer: Bench
    judge: Bench
    batch: Batch

    async def verdict(self, batch: Batch | None = None, attempt: int = 0) -> Rule | None:
        """The rule that the judge finds broken; None if it would sign."""
        try:
            await self.judge.voter.examine(self.state, attempt, self.batch if batch is None else batch)
        except Dispute as dispute:
            return dispute.rule
        return None


@pytest.fixture
async def court(setting: Setting) -> AsyncIterator[Court]:
    chains = {chain_id: FakeChain(chain_id) for chain_id in CHAINS}
    market = genesis_state(setting.house.registry, setting.house.market, 0, START)
    cursors = {chain: ChainCursor(0, chains[chain].headers[0].hash) for chain in CHAINS}
    state = genesis(setting.house, market, 0, cursors)
    trader = Trader(setting)
    deposit = partial(
        chain_events.Deposited, account=trader.id, token=token(SPOKE, "USD"), amount=5_000_000, sequence=1
    )
    await chains[SPOKE].mine(deposit)
    for chain in chains.values():
        while chain.head < SPACING + 3:
            await chain.mine()
    with ThreadPoolExecutor(1) as workers:
        turn = proposer_of(setting.house.validators, 1, 0)
        benches = [make_bench(setting, key, chains, state, workers) for key in setting.keys]
        proposer = next(bench for bench in benches if bench.key.address == turn)
        judge = next(bench for bench in benches if bench.key.address != turn)
        await observe(benches, 1, START + SPACING * BLOCK_SECONDS)
        batch = (await proposed(proposer, state)).batch
        yield Court(setting, chains, state, proposer, judge, batch)


async def test_an_honest_proposal_is_signed(court: Court):
    assert len(court.batch.rounds) == 1
    assert court.batch.grid is not None
    assert any(segment.events for segment in court.batch.segments)
    assert await court.verdict() is None


async def test_a_deposit_that_the_validators_own_chain_connection_did_not_see_is_disputed(court: Court):
    def doubled(segment):
        raised = tuple(
            replace(logged, event=replace(logged.event, amount=logged.event.amount * 2))
            if isinstance(logged.event, Deposited)
            else logged
            for logged in segment.events
        )
        return replace(segment, events=raised)

    forged = altered(court.batch, segments=tuple(doubled(segment) for segment in court.batch.segments))

    assert await court.verdict(forged) is Rule.SEGMENT_DIFFERS


async def test_a_deposit_that_is_left_out_of_its_segment_is_disputed(court: Court):
    segments = tuple(replace(segment, events=()) for segment in court.batch.segments)

    assert await court.verdict(altered(court.batch, segments=segments)) is Rule.SEGMENT_DIFFERS


async def test_an_invented_event_is_disputed(court: Court):
    spoke = next(segment for segment in court.batch.segments if segment.chain_id == SPOKE)
    invented = Deposited(AccountId(b"\7" * 32), token(SPOKE, "WETH"), 1)
    forged = replace(spoke, events=(*spoke.events, LoggedEvent(spoke.to_block, 9, invented)))
    segments = tuple(forged if segment is spoke else segment for segment in court.batch.segments)

    assert await court.verdict(altered(court.batch, segments=segments)) is Rule.SEGMENT_DIFFERS


async def test_a_chain_whose_blocks_the_validator_does_not_have_is_not_taken_on_trust(court: Court):
    court.judge.views[SPOKE].held_at = 0

    assert await court.verdict() is Rule.CHAIN_NOT_SEEN


async def test_a_validator_a_moment_behind_waits_for_its_own_chains(court: Court, monkeypatch: pytest.MonkeyPatch):
    view = court.judge.views[SPOKE]
    view.held_at = 0
    looks = iter(range(100))
    through = view._final
    monkeypatch.setattr(view, "_final", lambda: 0 if next(looks) < 3 else court.chains[SPOKE].head - 2)

    assert through() == 0
    assert await court.verdict() is None


async def test_a_hub_header_too_far_behind_is_disputed(court: Court):
    for _ in range(court.setting.house.rules.max_hub_lag + 1):
        await court.chains[HUB_CHAIN].mine()

    assert await court.verdict() is Rule.HUB_HEADER_STALE


async def test_a_hub_header_of_another_chain_is_disputed(court: Court):
    hub = replace(court.batch.hub, hash=b"\1" * 32)

    assert await court.verdict(altered(court.batch, hub=hub)) is Rule.HUB_HEADER_DIFFERS


async def test_a_hub_header_from_the_future_is_disputed(court: Court):
    hub = replace(court.batch.hub, number=court.batch.hub.number + 50)

    assert await court.verdict(altered(court.batch, hub=hub)) is Rule.HUB_HEADER_UNKNOWN


async def test_a_grid_off_by_one_millionth_is_disputed(court: Court):
    grid = court.batch.grid
    assert grid is not None
    option = next(entry for entry in grid.instruments if not grid.is_linear(entry.id))
    largest = max(range(len(option.values)), key=lambda place: abs(option.values[place]))
    values = list(option.values)
    values[largest] += max(2, abs(values[largest]) // 10**6)
    wrong = replace(option, values=tuple(values))
    entries = tuple(wrong if entry is option else entry for entry in grid.instruments)

    assert await court.verdict(altered(court.batch, grid=replace(grid, instruments=entries))) is Rule.GRID_DIFFERS


async def test_a_grid_that_differs_in_the_last_unit_of_an_option_is_signed(court: Court):
    grid = court.batch.grid
    assert grid is not None
    option = next(entry for entry in grid.instruments if not grid.is_linear(entry.id))
    near = replace(option, values=(option.values[0] + 1, *option.values[1:]))
    entries = tuple(near if entry is option else entry for entry in grid.instruments)

    batch, published = court.batch, replace(grid, instruments=entries)
    made = assemble(
        court.setting.house,
        court.state,
        batch.proposer,
        batch.hub,
        batch.segments,
        batch.rounds,
        published,
        (),
        (),
        CollectingVerifier(),
    )

    assert published != grid
    assert await court.verdict(made.batch) is None


async def test_a_round_that_cannot_be_valued_is_proposed_and_signed_without_a_grid(setting: Setting, court: Court):
    with ThreadPoolExecutor(1) as workers:
        keys = {bench.key.address: bench.key for bench in (court.proposer, court.judge)}
        benches = [make_bench(setting, key, court.chains, court.state, workers) for key in setting.keys]
        for bench in benches:  # a price below the billion, whose window is not
            bench.feeds.prices = {"BTC": 999_000_000, "ETH": 200}
        await observe(benches, 1, START + SPACING * BLOCK_SECONDS)
        proposer = next(bench for bench in benches if bench.key.address == court.batch.proposer)
        with capture_logs() as logs:
            batch = (await proposed(proposer, court.state)).batch
            judge = next(bench for bench in benches if bench.key == keys[court.judge.key.address])
            executed = await judge.voter.examine(court.state, 0, batch)

    assert batch.grid is None
    told = [entry["error"] for entry in logs if entry["event"] == "round_not_valued"]
    assert len(told) >= 2
    assert all(error.startswith("BTC: ") for error in told)
    assert [e.attributes for e in executed.effects if getattr(e, "kind", None) is EventKind.ROUND_NOT_VALUED] == [
        (("round", "1"),)
    ]
    assert executed.state.market.price("BTC") == 999_000_000 * FEED
    assert executed.state.grids == ()


async def test_a_grid_that_is_left_out_though_the_round_can_be_valued_is_disputed(court: Court):
    assert await court.verdict(altered(court.batch, grid=None)) is Rule.GRID_DIFFERS


async def test_a_round_cannot_be_skipped(court: Court):
    assert await court.verdict(altered(court.batch, rounds=(), grid=None)) is Rule.ROUND_MISSING


async def test_a_round_cannot_be_dated_otherwise(court: Court):
    (brought,) = court.batch.rounds
    later = (replace(brought, time=brought.time + 1),)

    assert await court.verdict(altered(court.batch, rounds=later)) is Rule.ROUND_DIFFERS


async def test_a_forged_observation_is_disputed(court: Court):
    (brought,) = court.batch.rounds
    first, *others = brought.observations
    forged = replace(first, observation=replace(first.observation, price=first.observation.price + 1))
    rounds = (replace(brought, observations=(forged, *others)),)

    assert await court.verdict(altered(court.batch, rounds=rounds)) is Rule.ROUND_DIFFERS


async def test_a_median_far_from_what_the_validator_saw_itself_is_disputed(setting: Setting, court: Court):
    lonely = make_bench(setting, court.judge.key, court.chains, court.state, ThreadPoolExecutor(1))
    lonely.feeds.prices = {"BTC": 9_000, "ETH": 200}
    await observe([lonely], 1, START + SPACING * BLOCK_SECONDS)
    assert lonely.observations.own(1, Address(lonely.key.address))[0].price == 9_000 * FEED
    court.judge = lonely

    assert await court.verdict() is Rule.PRICE_DEVIATES


async def test_a_proposal_out_of_turn_is_disputed(court: Court):
    assert await court.verdict(attempt=1) is Rule.WRONG_PROPOSER


async def test_a_batch_on_another_root_is_disputed(court: Court):
    assert await court.verdict(altered(court.batch, previous_root=b"\1" * 32)) is Rule.WRONG_PREDECESSOR


async def test_a_wrong_new_root_is_disputed(court: Court):
    assert await court.verdict(altered(court.batch, new_root=b"\1" * 32)) is Rule.BATCH_INVALID


async def test_a_false_proof_in_a_batch_is_disputed(setting: Setting, court: Court):
    clearing, trader = proven_trader(setting)
    message = trader.margin_proof(clearing.state)
    false = replace(message, proof=message.proof[:-1] + bytes([message.proof[-1] ^ 1]))
    hub = HubHeader(clearing.state.hub_height, bytes(32), clearing.state.hub_time)
    proposer = proposer_of(setting.house.validators, clearing.state.number + 1, 0)
    nothing: tuple[()] = ()
    made = assemble(
        setting.house, clearing.state, proposer, hub, *[nothing] * 2, None, nothing, (false,), CollectingVerifier()
    )
    judge = make_bench(setting, setting.keys[0], court.chains, clearing.state, ThreadPoolExecutor(1))

    with pytest.raises(Dispute) as caught:
        await judge.voter._execute(clearing.state, made.batch)

    assert made.batch.messages == (false,)
    assert caught.value.rule is Rule.PROOF_INVALID


async def test_nobody_is_frozen_while_this_node_holds_a_proof_that_would_have_kept_the_account(setting: Setting):
    clearing, trader = proven_trader(setting)
    chains = {chain_id: FakeChain(chain_id) for chain_id in CHAINS}
    with ThreadPoolExecutor(1) as workers:
        judge = make_bench(setting, setting.keys[0], chains, clearing.state, workers)
        frozen = Executed(clearing.state, (LedgerEvent(EventKind.FROZEN, trader.id),))
        judge.voter._check_breaches(frozen)
        await hold(judge, trader, clearing)

        with pytest.raises(Dispute) as caught:
            judge.voter._check_breaches(frozen)

    assert caught.value.rule is Rule.BREACH_DISPROVEN


async def hold(bench: Bench, trader: Trader, clearing: Clearing) -> None:
    """The bench's pool holds a valid margin proof of the trader."""
    running = asyncio.create_task(bench.admission.run())
    await bench.admission.submit(trader.margin_proof(clearing.state))
    running.cancel()


def proven_trader(setting: Setting) -> tuple[Clearing, Trader]:
    """A house in its second round, and an owner of an open account with cash."""
    trader = Trader(setting)
    clearing = Clearing.start(setting, trader)
    clearing.deposit(trader.id, SPOKE, "USD", 10_000_000)
    return clearing, trader
