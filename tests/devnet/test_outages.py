"""A development chain that goes down: nobody reaches it, nothing is lost, nobody is told that something was done."""

from pathlib import Path

import pytest

from devnet.anvil import DEV_KEYS, Anvil
from devnet.chains import DevChain
from devnet.errors import ChainDown
from devnet.settings import ChainPlan
from node.chains.errors import RpcUnavailable
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect, request

GENESIS = 1_600_000_000


async def test_a_chain_comes_back_with_the_block_it_had_and_mines_nothing_meanwhile(tmp_path: Path):
    anvil = Anvil(31399, tmp_path / "log", mine_on_demand=True, state=tmp_path / "state.json", genesis_time=GENESIS)
    await anvil.start()
    w3 = connect(anvil.url)
    chain = DevChain(ChainPlan("lone", 31399), anvil, w3, Relayer(w3, DEV_KEYS[0], 31399), {"USD": bytes(20)}, {})
    try:
        await chain.mine(GENESIS + 5)
        before = await request(w3, "eth_getBlockByNumber", "latest", False)
        await chain.go_down()
        await chain.mine(GENESIS + 6)
        with pytest.raises(RpcUnavailable):
            await request(w3, "eth_blockNumber")
        with pytest.raises(ChainDown, match="lone is down"):
            await chain.mint("USD", bytes(20), 1)
        await chain.come_back()
        after = await request(w3, "eth_getBlockByNumber", "latest", False)
        await chain.mine(GENESIS + 7)
        assert after["hash"] == before["hash"]
        assert int(await request(w3, "eth_blockNumber"), 16) == int(before["number"], 16) + 1
    finally:
        await disconnect(w3)
        await anvil.stop()
