"""The devnet's AMM follows the market, and its keeper sells a seized lot into it where that pays more than it would."""

import asyncio
from pathlib import Path

import pytest

from devnet.amm import SEEDED_ETHER, Amm
from devnet.anvil import DEV_KEYS, Anvil
from devnet.chains import CONTRACTS, DevChain
from devnet.keeper import Keeper
from devnet.settings import ChainPlan
from devnet.uniswap import _ROUTER, ArtefactRefused, artefact, towards
from node.chains.calls import encode_call
from node.chains.certificates import SeizeAction
from node.chains.compile import compile_contract
from node.chains.deploy import deploy_contract
from node.chains.liquidity import Offer, best_offer
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect
from node.chains.watcher import ChainWatcher
from tests.node.chains.conftest import CHAIN_ID, build_house

ETHER = 10**18
USD = 10**6


async def test_the_pair_follows_the_market_and_a_keeper_takes_the_better_way(tmp_path: Path) -> None:
    async with Anvil(CHAIN_ID, tmp_path / "log") as anvil:
        w3 = connect(anvil.url)
        house = await build_house(anvil, w3)
        feed = await deploy_contract(house.relayer, compile_contract(CONTRACTS / "Aggregator.vy"), "ETH / USD")
        tokens = {"USD": house.tokens.usd, "WETH": house.tokens.weth}
        chain = DevChain(
            ChainPlan("north", CHAIN_ID), anvil, w3, house.relayer, tokens, {"ETH": feed.contract or b""}, house.vault
        )

        async def post(price: int) -> None:
            await house.relayer.send(chain.aggregators["ETH"], encode_call("update", ("int256",), [price * 10**8]))

        await post(200)
        amm = await Amm.found(chain, Relayer(w3, DEV_KEYS[-1], CHAIN_ID, poll_interval=0.005), tmp_path)
        for price in (200, 150, 230):
            await post(price)
            await amm.arbitrage()
            ether, dollars = await amm.uniswap.reserves(tokens["WETH"], tokens["USD"])
            assert dollars * ETHER / ether == pytest.approx(price * USD, rel=0.007)
        assert amm.trades == 2, "nothing pays at the market's own price"

        relayer = Relayer(w3, DEV_KEYS[2], CHAIN_ID, poll_interval=0.005)
        await house.mint(tokens["USD"], relayer.address, 10**15)
        watcher = ChainWatcher(w3, CHAIN_ID, [house.vault.vault, house.vault.auction], poll_interval=0.01)
        await watcher.start()
        keeper = Keeper(chain, relayer, watcher, (amm.source,))
        working = asyncio.create_task(keeper.run())
        lots = {
            # A small lot hardly moves the pair; one of a tenth of it does, and the keeper itself pays more.
            b"\x01" * 32: (10 * ETHER, 2_300 * USD),
            b"\x02" * 32: (SEEDED_ETHER // 10, 230 * USD * SEEDED_ETHER // (10 * ETHER)),
        }
        for name, (amount, mark) in lots.items():
            await house.deposit(tokens["WETH"], amount)
            await house.seize(SeizeAction(name, tokens["WETH"], amount, mark, mark // 2, 60, 6))
        async with asyncio.timeout(120):
            while len(keeper.bought) + len(keeper.routed) < 2:
                assert not working.done(), working.exception()
                await anvil.mine()
                await asyncio.sleep(0.05)
        assert (keeper.routed, keeper.bought) == ([b"\x01" * 32], [b"\x02" * 32])
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await watcher.stop()
        await disconnect(w3)


class Fixed:
    """A source that always quotes the same."""

    def __init__(self, address: bytes, pays: int) -> None:
        self.address, self.pays = address, pays

    async def quote(self, token: bytes, amount: int, usd: bytes) -> int:
        return self.pays


async def test_the_best_offer_is_the_highest_and_among_equals_the_first() -> None:
    sources = [Fixed(b"a", 3), Fixed(b"b", 7), Fixed(b"c", 7), Fixed(b"d", 0)]
    assert (await best_offer(sources, b"t", 1, b"u")).best == Offer(b"b", 7)
    assert (await best_offer([Fixed(b"d", 0)], b"t", 1, b"u")).best is None


def test_a_trade_towards_the_market_ends_at_its_price() -> None:
    assert towards(100, 400, 1, 1) == 100, "200 and 200 are one for one"
    assert towards(400, 100, 1, 1) < 0


def test_bytecode_other_than_the_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactRefused, match="no bytecode"):
        artefact(_ROUTER, tmp_path)
    other = tmp_path / "uniswap" / "node_modules" / _ROUTER
    other.parent.mkdir(parents=True)
    other.write_text('{"bytecode": "6080"}')
    with pytest.raises(ArtefactRefused, match="not the pinned"):
        artefact(_ROUTER, tmp_path)
