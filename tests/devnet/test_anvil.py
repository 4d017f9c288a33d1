"""Anvil as the devnet runs it: its binary, its life, and the ways that the rest of the house relies on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from eth_account import Account

from devnet.anvil import (
    ANVIL_VARIABLE,
    DEV_KEYS,
    FINALITY_DEPTH,
    Anvil,
    AnvilFailed,
    AnvilMissing,
    anvil_binary,
    install_anvil,
)
from node.chains.errors import RpcUnavailable
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect

GENESIS_TIME = 1_583_000_000
CHAIN_ID = 31338


@pytest_asyncio.fixture
async def on_demand(tmp_path: Path) -> AsyncIterator[Anvil]:
    """A chain that mines only when told to, as the lock-step devnet has them."""
    async with Anvil(CHAIN_ID, tmp_path / "log", mine_on_demand=True, genesis_time=GENESIS_TIME) as anvil:
        yield anvil


async def block(anvil: Anvil, tag: str) -> dict:
    return await anvil.request("eth_getBlockByNumber", tag, False)


async def test_final_is_two_blocks_behind_the_head(on_demand: Anvil) -> None:
    finals = []
    for _ in range(4):
        await on_demand.mine()
        finals.append(int((await block(on_demand, "finalized"))["number"], 16))
    assert finals == [0, 0, 1, 4 - FINALITY_DEPTH]


async def test_blocks_carry_the_timestamps_they_are_mined_with(on_demand: Anvil) -> None:
    assert int((await block(on_demand, "latest"))["timestamp"], 16) == GENESIS_TIME
    for timestamp in (GENESIS_TIME + 7, GENESIS_TIME + 1000):
        await on_demand.mine(timestamp)
        assert int((await block(on_demand, "latest"))["timestamp"], 16) == timestamp


async def test_a_transaction_hash_returns_before_its_receipt_and_the_next_block_holds_it(
    on_demand: Anvil,
) -> None:
    w3 = connect(on_demand.url)
    relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
    try:
        sending = asyncio.create_task(relayer.send(b"\x42" * 20, b""))
        async with asyncio.timeout(2):
            while not (await on_demand.request("txpool_content"))["pending"]:
                await asyncio.sleep(0.005)
        assert not sending.done()
        assert int((await block(on_demand, "latest"))["number"], 16) == 0, "sending mines nothing"
        await on_demand.mine(GENESIS_TIME + 1)
        receipt = await asyncio.wait_for(sending, 2)
        assert receipt.block_number == 1
    finally:
        sending.cancel()
        await disconnect(w3)


async def test_genesis_hashes_are_equal_whatever_the_chain_id(tmp_path: Path) -> None:
    """Nothing but the chain id tells two development chains apart, so everything has to name it."""
    options = {"mine_on_demand": True, "genesis_time": GENESIS_TIME}
    async with Anvil(1001, tmp_path / "1", **options) as one, Anvil(1002, tmp_path / "2", **options) as other:
        assert (await block(one, "0x0"))["hash"] == (await block(other, "0x0"))["hash"]
        assert await one.request("eth_chainId") != await other.request("eth_chainId")


async def test_a_reorganisation_loses_its_transactions(on_demand: Anvil) -> None:
    call = {"from": (await on_demand.request("eth_accounts"))[0], "to": "0x" + "42" * 20, "value": "0x1"}
    transaction = await on_demand.request("eth_sendTransaction", call)
    await on_demand.mine()
    head = await block(on_demand, "latest")
    assert head["transactions"] == [transaction]
    await on_demand.reorganise(1)
    assert (await block(on_demand, "latest"))["hash"] != head["hash"]
    assert await on_demand.request("eth_getTransactionByHash", transaction) is None


async def test_an_old_hardforks_missing_precompile_succeeds_with_empty_output(tmp_path: Path) -> None:
    """Success alone proves nothing of a call: the returned length must be looked at."""
    points = "0x" + "00" * 256
    async with Anvil(CHAIN_ID, tmp_path / "new") as new, Anvil(CHAIN_ID, tmp_path / "old", hardfork="cancun") as old:
        call = {"to": "0x" + "00" * 19 + "0b", "data": points}
        assert len(await new.request("eth_call", call, "latest")) == 2 + 2 * 128
        assert await old.request("eth_call", call, "latest") == "0x"


async def test_a_transaction_above_the_protocols_gas_cap_is_refused(on_demand: Anvil) -> None:
    account = (await on_demand.request("eth_accounts"))[0]
    call = {"from": account, "to": account, "gas": hex(2**24 + 1)}
    with pytest.raises(Exception, match="gas"):
        await on_demand.request("eth_sendTransaction", call)


async def test_the_state_survives_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    first = Anvil(CHAIN_ID, tmp_path / "log", mine_on_demand=True, state=state)
    await first.start()
    await first.fund(b"\x42" * 20, 12345)
    for _ in range(5):
        await first.mine()
    async with asyncio.timeout(5):
        while not state.exists():
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.2)
    head = await block(first, "latest")
    await first.kill()
    assert not first.running
    async with Anvil(CHAIN_ID, tmp_path / "log", mine_on_demand=True, state=state) as second:
        assert (await block(second, "latest"))["hash"] == head["hash"]
        assert int(await second.request("eth_getBalance", "0x" + "42" * 20, "latest"), 16) == 12345


async def test_the_state_is_saved_by_an_orderly_stop(tmp_path: Path) -> None:
    anvil = Anvil(CHAIN_ID, tmp_path / "log", mine_on_demand=True, state=tmp_path / "state.json")
    await anvil.start()
    await anvil.mine_many(3)
    await anvil.stop()
    await anvil.start()
    assert int((await block(anvil, "latest"))["number"], 16) == 3
    await anvil.stop()


async def test_the_dev_keys_are_those_of_the_funded_accounts(on_demand: Anvil) -> None:
    accounts = await on_demand.request("eth_accounts")
    assert [Account.from_key(key).address.lower() for key in DEV_KEYS] == [a.lower() for a in accounts]


def listening_sockets() -> set[str] | None:
    """Linux' own list of listening IPv4 sockets as hex address:port; None on other systems."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        return None
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A"}


async def test_it_listens_on_loopback_only(on_demand: Anvil) -> None:
    assert on_demand.url.startswith("http://127.0.0.1:")
    listening = listening_sockets()
    if listening is not None:
        assert f"0100007F:{on_demand.port:04X}" in listening
        assert f"00000000:{on_demand.port:04X}" not in listening


async def test_a_start_that_fails_shows_anvils_own_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        anvil = Anvil(CHAIN_ID, tmp_path / "log", port=taken.getsockname()[1])
        with pytest.raises(AnvilFailed, match="in use"):
            await anvil.start()
    assert not anvil.running


async def test_a_stopped_chain_answers_nothing(tmp_path: Path) -> None:
    anvil = Anvil(CHAIN_ID, tmp_path / "log")
    await anvil.start()
    await anvil.stop()
    with pytest.raises(RpcUnavailable):
        await anvil.request("eth_chainId")


def test_a_missing_binary_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANVIL_VARIABLE, raising=False)
    with pytest.raises(AnvilMissing, match="make install"):
        anvil_binary(tmp_path)


def test_the_environment_names_another_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "my-anvil"
    other.touch()
    monkeypatch.setenv(ANVIL_VARIABLE, str(other))
    assert anvil_binary() == other


def test_an_installed_anvil_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANVIL_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")
    assert install_anvil() == anvil_binary()
