"""What the devnet quotes: smiles from the replayed volatility, without arbitrage, posted on a chain and read by a
node."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from devnet.anvil import DEV_KEYS, Anvil
from devnet.chains import CONTRACTS, DevChain
from devnet.market import PriceTick, load_replay
from devnet.settings import CHAINS, DevnetSettings
from devnet.smiles import quoted
from node.chains.compile import compile_contract
from node.chains.deploy import deploy_contract
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect
from node.market.surface import Surface, check_surface, implied_ppm
from node.oracle.feed import FeedReading
from node.oracle.surface_feed import SurfaceFeed

DAY = 86_400
TIME = 1_584_000_000
EXPIRIES = (TIME + 3_600, TIME + 15 * DAY, TIME + 90 * DAY)
USD = 10**8
TICK = PriceTick(TIME, 8_000 * USD, 200 * USD, 800_000, 900_000)


@given(volatility=st.integers(100_000, 4_000_000), lives=st.lists(st.integers(1, 700 * DAY), min_size=1, max_size=6))
def test_quoted_smiles_are_accepted_whatever_the_volatility_and_the_expiries(volatility, lives):
    expiries = sorted({TIME + life for life in lives})
    slices = quoted(volatility, TIME, expiries)
    check_surface(Surface("BTC", TIME, 8_000 * USD, slices))
    assert [entry.expiry for entry in slices] == expiries
    assert quoted(volatility, TIME, [TIME, TIME - 1, *expiries]) == slices


def test_at_the_money_the_implied_volatility_is_the_realised_one_and_puts_are_dearer_than_calls():
    slices = quoted(800_000, TIME, EXPIRIES)
    for entry in slices:
        surface = Surface("BTC", TIME, 8_000 * USD, slices)
        forward = 8_000 * USD * (10**9 + entry.basis_ppb) // 10**9
        assert implied_ppm(surface, entry, forward) == pytest.approx(800_000, rel=2e-3)
        assert implied_ppm(surface, entry, forward * 9 // 10) > implied_ppm(surface, entry, forward * 10 // 9)
    assert slices[-1].basis_ppb == 50_000_000 * 90 // 365


def test_a_replay_knows_the_volatility_of_its_prices(tmp_path: Path):
    ticks = load_replay(DevnetSettings(tmp_path)).ticks
    assert ticks[0].btc_volatility == ticks[0].eth_volatility == 800_000
    assert max(tick.btc_volatility for tick in ticks) > 2_000_000  # the crash of 12 March 2020
    assert ticks == load_replay(DevnetSettings(tmp_path)).ticks


@pytest_asyncio.fixture
async def chain(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevChain]:
    """The hub chain with aggregators on it, mining only when told to."""
    plan = CHAINS[0]
    async with Anvil(plan.chain_id, tmp_path / "log", mine_on_demand=True, genesis_time=TIME - DAY) as anvil:
        w3 = connect(anvil.url)
        deployer = Relayer(w3, DEV_KEYS[0], plan.chain_id, poll_interval=0.005)
        made = DevChain(plan, anvil, w3, deployer, {}, {})
        code = compile_contract(CONTRACTS / "Aggregator.vy", tmp_path_factory.getbasetemp() / "contracts")
        await anvil.request("evm_setAutomine", True)
        for feed in ("BTC", "ETH"):
            receipt = await deploy_contract(deployer, code, f"{feed} / USD")
            made.aggregators[feed] = receipt.contract or b""
        await anvil.request("evm_setAutomine", False)
        yield made
        await disconnect(w3)


def feed_of(chain: DevChain, feed: str) -> SurfaceFeed:
    return SurfaceFeed(feed, chain.w3, to_checksum_address(chain.aggregators[feed]))


async def post(chain: DevChain, tick: PriceTick, time: int) -> None:
    await chain.post_prices(tick)
    await chain.post_surfaces(tick, time, EXPIRIES[1:])
    await chain.mine(time)


async def test_a_node_reads_the_smiles_that_were_posted_with_the_price(chain: DevChain):
    await post(chain, TICK, TIME)
    for feed, price, volatility in (("BTC", 8_000, 800_000), ("ETH", 200, 900_000)):
        reading = await feed_of(chain, feed).read(TIME)
        assert reading == FeedReading(price * USD, 5_000, TIME, quoted(volatility, TIME, EXPIRIES[1:]))


async def test_smiles_older_than_the_price_are_not_quoted(chain: DevChain):
    await post(chain, TICK, TIME)
    await post(chain, replace(TICK, btc_volatility=0), TIME + 900)
    assert (await feed_of(chain, "BTC").read(TIME + 900)) == FeedReading(8_000 * USD, 5_000, TIME + 900)
    assert (await feed_of(chain, "ETH").read(TIME + 900)).slices
    assert (await feed_of(chain, "BTC").read(TIME + 899)).slices, "a later block changes no earlier reading"


async def test_a_price_without_smiles_is_read_as_it_is(chain: DevChain):
    await chain.post_prices(TICK)
    await chain.mine(TIME)
    assert await feed_of(chain, "BTC").read(TIME) == FeedReading(8_000 * USD, 5_000, TIME)
