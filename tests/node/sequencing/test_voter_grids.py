"""Two machines whose floats differ in the last bits sign each other's grids; a millionth is disputed by name.

The proposal has every kind of instrument, and forwards and smiles that the round's observations quote.
"""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from node.ledger.batch import Batch
from node.ledger.execution import Executed
from node.ledger.state import ChainCursor, LedgerState, genesis
from node.market import contingencies, curved
from node.market.exotic_valuation import BarrierBook, DigitalBook
from node.market.instruments import Barrier, BarrierKind, Digital, OptionKind
from node.market.state import genesis_state
from node.market.surface import Slice
from node.sequencing.errors import Dispute, Rule
from node.sequencing.rotation import proposer_of
from tests.node.sequencing.bench import Bench, make_bench, observe, proposed
from tests.node.sequencing.world import BLOCK_SECONDS, FakeChain
from tests.support.ledger import CHAINS, FEED, START, Setting

SPACING = 4
EXPIRY = START + 15 * 86_400
DIGITAL = Digital("BTC", 10_000, EXPIRY, 8_200 * FEED, OptionKind.CALL, 1_000 * FEED)
OUT = Barrier("BTC", 10_000, EXPIRY, 8_000 * FEED, OptionKind.CALL, 7_800 * FEED, BarrierKind.DOWN_OUT)
SMILE = Slice(EXPIRY, 10_000_000, 60_000, 100_000, 100_000)
PLAIN = "BTC-20200327-8000-C"


@dataclass
class Pair:
    """The proposer of batch 1, and a validator that judges it."""

    state: LedgerState
    proposer: Bench
    judge: Bench

    async def propose(self) -> Batch:
        return (await proposed(self.proposer, self.state)).batch

    async def examine(self, batch: Batch) -> Executed:
        return await self.judge.voter.examine(self.state, 0, batch)


@pytest.fixture
async def pair(setting: Setting) -> AsyncIterator[Pair]:
    registry = setting.house.registry
    smile = replace(SMILE, expiry=next(e.time for e in registry.expiries if e.underlying == "BTC"))
    listed = replace(registry, instruments=(*registry.instruments, DIGITAL, OUT))
    quoting = replace(setting, house=replace(setting.house, registry=listed))
    chains = {chain_id: FakeChain(chain_id) for chain_id in CHAINS}
    market = genesis_state(listed, quoting.house.market, 0, START)
    state = genesis(quoting.house, market, 0, {c: ChainCursor(0, chains[c].headers[0].hash) for c in CHAINS})
    for chain in chains.values():
        while chain.head < SPACING + 3:
            await chain.mine()
    with ThreadPoolExecutor(1) as workers:
        benches = [make_bench(quoting, key, chains, state, workers) for key in quoting.keys]
        for bench in benches:
            bench.feeds.slices = {"BTC": tuple(sorted((SMILE, smile), key=lambda entry: entry.expiry))}
        await observe(benches, 1, START + SPACING * BLOCK_SECONDS)
        turn = proposer_of(quoting.house.validators, 1, 0)
        proposer = next(bench for bench in benches if bench.key.address == turn)
        yield Pair(state, proposer, next(bench for bench in benches if bench is not proposer))


def on_another_machine(monkeypatch: pytest.MonkeyPatch, moved: Callable[[np.ndarray], np.ndarray]) -> None:
    """Every float that a value is made of is moved, for all kinds, inside the window and beyond."""
    plain, black, black76 = curved.corner_values, contingencies.black, curved.black76
    digital, barrier, crossed = DigitalBook.values, BarrierBook.values, BarrierBook.crossed_values
    monkeypatch.setattr(curved, "corner_values", lambda *a: moved(plain(*a)))
    monkeypatch.setattr(curved, "black76", lambda *a: moved(black76(*a)))
    monkeypatch.setattr(contingencies, "black", lambda *a: moved(black(*a)))
    monkeypatch.setattr(DigitalBook, "values", lambda self, *a: moved(digital(self, *a)))
    monkeypatch.setattr(BarrierBook, "values", lambda self, *a: moved(barrier(self, *a)))
    monkeypatch.setattr(BarrierBook, "crossed_values", lambda self, *a: moved(crossed(self, *a)))


async def test_the_proposal_has_a_surface_and_all_kinds(pair: Pair):
    batch = await pair.propose()
    assert batch.grid is not None
    executed = await pair.examine(batch)
    (surface,) = executed.state.market.surfaces
    assert SMILE in surface.slices
    assert batch.grid.instrument(DIGITAL.id).carry > 0
    levels = {batch.grid.instrument(name).levels for name in (DIGITAL.id, OUT.id, PLAIN)}
    assert len(levels) == 3, "each strike and expiry has volatilities of its own"


@pytest.mark.parametrize("ulps", [-8, -1, 1, 8])
async def test_floats_that_differ_in_the_last_bits_are_signed(pair: Pair, monkeypatch: pytest.MonkeyPatch, ulps: int):
    with monkeypatch.context() as machine:
        on_another_machine(machine, lambda values: values + ulps * np.spacing(np.abs(values)))
        batch = await pair.propose()
    assert batch.grid is not None
    assert (await pair.examine(batch)).state.grids == (batch.grid,)


@pytest.mark.parametrize("name", [PLAIN, DIGITAL.id, OUT.id])
@pytest.mark.parametrize("before_last", [1, 4])
async def test_a_value_a_millionth_off_is_disputed_by_node_and_instrument(pair: Pair, name: str, before_last: int):
    batch = await pair.propose()
    assert batch.grid is not None
    entry = batch.grid.instrument(name)
    values, node = list(entry.values), len(entry.values) - 1 - before_last
    assert values[node] > 2 * 10**6
    values[node] += values[node] // 10**6
    wrong = replace(entry, values=tuple(values))
    entries = tuple(wrong if e.id == name else e for e in batch.grid.instruments)
    with pytest.raises(Dispute) as dispute:
        await pair.examine(replace(batch, grid=replace(batch.grid, instruments=entries)))
    assert dispute.value.rule is Rule.GRID_DIFFERS
    assert dispute.value.detail.startswith(f"{name}.values[{node}]: published {values[node]}, own ")


async def test_a_whole_valuation_a_millionth_off_is_disputed(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as machine:
        on_another_machine(machine, lambda values: values * (1 + 1e-6))
        batch = await pair.propose()
    with pytest.raises(Dispute) as dispute:
        await pair.examine(batch)
    assert dispute.value.rule is Rule.GRID_DIFFERS
    assert dispute.value.detail.startswith("BTC-")


@pytest.mark.parametrize("figure", [0, 1, 2])
async def test_a_level_or_a_forward_off_by_one_part_is_disputed(pair: Pair, figure: int):
    batch = await pair.propose()
    assert batch.grid is not None
    entry = batch.grid.instrument(PLAIN)
    levels = tuple(level + (place == figure) for place, level in enumerate(entry.levels))
    for wrong, name in ((replace(entry, levels=levels), "levels"), (replace(entry, carry=entry.carry + 1), "carry")):
        entries = tuple(wrong if e.id == PLAIN else e for e in batch.grid.instruments)
        with pytest.raises(Dispute) as dispute:
            await pair.examine(replace(batch, grid=replace(batch.grid, instruments=entries)))
        assert dispute.value.detail.startswith(f"{PLAIN}.{name}[")
