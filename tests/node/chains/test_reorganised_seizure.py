"""A reorganisation that takes a seizure's block away before it is final: seized again, paid once, booked once."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from devnet.anvil import Anvil
from node.chains import calls
from node.chains.certificates import SeizeAction, seize_digest
from node.chains.errors import TransactionReverted
from node.chains.events import ChainEvent, Seized, Sold
from node.chains.relayer import Receipt
from node.chains.rpc import connect, disconnect
from node.chains.watcher import ChainWatcher
from tests.node.chains.conftest import CHAIN_ID, WETH_UNIT, House, build_house

ACTION = b"\x51" * 32


async def in_next_block(anvil: Anvil, sending: Coroutine[Any, Any, Receipt]) -> Receipt:
    """Send a transaction and mine the block that holds it, with mining otherwise stopped."""
    task = asyncio.create_task(sending)
    async with asyncio.timeout(60):
        while not task.done() and (await anvil.request("txpool_status"))["pending"] == "0x0":
            await asyncio.sleep(0.005)
    if not task.done():
        await anvil.mine()
    return await task


async def final_events(watcher: ChainWatcher, last: int) -> list[ChainEvent]:
    async with asyncio.timeout(60):
        await watcher.wait_final(last)
    return [event for event in watcher.events(0, watcher.final.number) if isinstance(event, Seized | Sold)]


async def seized_and_sold(
    house: House, watcher: ChainWatcher, *, reorganised: bool
) -> tuple[list[ChainEvent], list[int]]:
    """What a node saw, final, of one seizure and its sale, and who holds what at the end."""
    anvil, weth, usd = house.anvil, house.tokens.weth, house.tokens.usd
    await house.deposit(weth, 5 * WETH_UNIT)
    await house.mint(usd, house.trader.address, 1_000)
    await house.trader.send(usd, calls.encode_approve(house.vault.auction, 1_000))
    await anvil.request("evm_setAutomine", False)
    order = SeizeAction(ACTION, weth, 5 * WETH_UNIT, 700, 700, 60, 6)
    buy = calls.encode_buy(ACTION, 700)
    certificate = house.certify(seize_digest(CHAIN_ID, house.vault.vault, order))
    reader = calls.VaultReader(house.w3, house.vault.vault)
    lost = await in_next_block(anvil, house.seize(order, certificate))
    if reorganised:
        await in_next_block(anvil, house.trader.send(house.vault.auction, buy))
        await anvil.reorganise(2)
        assert not any(isinstance(event, Seized | Sold) for event in watcher.events(0, watcher.final.number))
        assert not await reader.done(ACTION), "the id is free again"
        # What a validator's relayer does when it finds the id free: the very same order and certificate.
        again = await in_next_block(anvil, house.seize(order, certificate))
        assert again.block_hash != lost.block_hash
    sold = await in_next_block(anvil, house.trader.send(house.vault.auction, buy))
    with pytest.raises(TransactionReverted, match="the action was done"):
        await in_next_block(anvil, house.seize(order, certificate))
    await anvil.mine_many(3)
    seen = await final_events(watcher, sold.block_number)
    places = (house.vault.vault, house.vault.auction, house.trader.address)
    held = [await house.balance(token, place) for token in (weth, usd) for place in places]
    return seen, held


async def test_a_reorganisation_before_finality_leads_to_the_same_figures_and_one_payment(tmp_path: Path) -> None:
    outcomes = []
    for reorganised in (False, True):
        async with Anvil(CHAIN_ID, tmp_path / f"log-{reorganised}") as anvil:
            w3 = connect(anvil.url)
            house = await build_house(anvil, w3)
            watcher = ChainWatcher(w3, CHAIN_ID, [house.vault.vault, house.vault.auction], poll_interval=0.01)
            await watcher.start()
            try:
                seen, held = await seized_and_sold(house, watcher, reorganised=reorganised)
            finally:
                await watcher.stop()
                await disconnect(w3)
        assert [type(event) for event in seen] == [Seized, Sold]
        seized, sold = seen
        outcomes.append((seized.action_id, seized.amount, sold.action_id, sold.amount, sold.proceeds, held))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][4] == 700
