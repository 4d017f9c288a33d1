"""Relayer against real chains: nonces, receipts that come late, lost transactions, reasons of failure."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devnet.anvil import DEV_KEYS, Anvil
from node.chains import calls
from node.chains.compile import compile_contract
from node.chains.deploy import deploy_contract
from node.chains.errors import ReceiptTimeout, RpcRefused, RpcUnavailable, TransactionReverted
from node.chains.relayer import Relayer, revert_reason
from node.chains.rpc import Connection, connect, disconnect, request_batch

CHAIN_ID = 31337
TOKEN = Path(__file__).parents[3] / "devnet" / "contracts" / "TestToken.vy"
RECEIVER = b"\x42" * 20


@pytest_asyncio.fixture
async def anvil(tmp_path: Path) -> AsyncIterator[Anvil]:
    """A chain that mines on demand: hashes return at once, receipts exist only after `mine`."""
    async with Anvil(CHAIN_ID, tmp_path / "log", mine_on_demand=True) as anvil:
        yield anvil


@pytest_asyncio.fixture
async def w3(anvil: Anvil) -> AsyncIterator[Connection]:
    w3 = connect(anvil.url)
    yield w3
    await disconnect(w3)


@pytest.fixture
def relayer(w3: Connection) -> Relayer:
    return Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)


async def pending(anvil: Anvil, count: int) -> None:
    """Wait until `count` transactions are in the pool."""
    async with asyncio.timeout(5):
        while int((await anvil.request("txpool_status"))["pending"], 16) < count:
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def token(anvil: Anvil, relayer: Relayer) -> bytes:
    deploying = asyncio.create_task(deploy_contract(relayer, compile_contract(TOKEN), "US Dollar", "USD", 6))
    await pending(anvil, 1)
    await anvil.mine()
    return (await deploying).contract or b""


def mint(amount: int) -> bytes:
    return calls.encode_call("mint", ("address", "uint256"), [RECEIVER, amount])


async def test_a_receipt_is_awaited_though_the_hash_comes_first(
    anvil: Anvil, relayer: Relayer, token: bytes, w3: Connection
) -> None:
    sending = asyncio.create_task(relayer.send(token, mint(5)))
    await pending(anvil, 1)
    await asyncio.sleep(0.05)
    assert not sending.done()
    await anvil.mine()
    receipt = await asyncio.wait_for(sending, 2)
    assert receipt.block_number == 2
    assert await calls.balance_of(w3, token, RECEIVER) == 5


async def test_transactions_sent_at_once_get_successive_nonces(
    anvil: Anvil, relayer: Relayer, token: bytes, w3: Connection
) -> None:
    sending = [asyncio.create_task(relayer.send(token, mint(1))) for _ in range(20)]
    await pending(anvil, 20)
    await anvil.mine()
    receipts = await asyncio.wait_for(asyncio.gather(*sending), 5)
    assert {receipt.block_number for receipt in receipts} == {2}
    assert await calls.balance_of(w3, token, RECEIVER) == 20


async def test_a_call_that_would_revert_is_not_sent(anvil: Anvil, relayer: Relayer, token: bytes) -> None:
    data = calls.encode_call("transfer", ("address", "uint256"), [RECEIVER, 1])
    with pytest.raises(TransactionReverted) as caught:
        await relayer.send(token, data)
    assert (caught.value.reason, caught.value.transaction_hash) == ("above the balance", b"")
    assert (await anvil.request("txpool_status"))["pending"] == "0x0"


async def test_a_transaction_that_reverts_in_its_block_tells_why(anvil: Anvil, relayer: Relayer, token: bytes) -> None:
    data = calls.encode_call("transfer", ("address", "uint256"), [RECEIVER, 1])
    sending = asyncio.create_task(relayer.send(token, data, gas=100_000))
    await pending(anvil, 1)
    await anvil.mine()
    with pytest.raises(TransactionReverted) as caught:
        await sending
    assert caught.value.reason == "above the balance"
    assert len(caught.value.transaction_hash) == 32


async def test_a_transaction_that_a_reorganisation_drops_is_sent_again(
    anvil: Anvil, w3: Connection, token: bytes
) -> None:
    # Polls so slowly that its transaction is mined and dropped before it looks.
    relayer = Relayer(w3, DEV_KEYS[1], CHAIN_ID, poll_interval=0.3)
    sending = asyncio.create_task(relayer.send(token, mint(9)))
    await pending(anvil, 1)
    await asyncio.sleep(0.05)
    await anvil.mine()
    await anvil.reorganise(1)
    assert (await anvil.request("txpool_status"))["pending"] == "0x0"
    await pending(anvil, 1)
    await anvil.mine()
    await asyncio.wait_for(sending, 5)
    assert await calls.balance_of(w3, token, RECEIVER) == 9


async def test_a_dropped_transaction_leaves_no_gap_in_the_nonces(
    anvil: Anvil, relayer: Relayer, token: bytes, w3: Connection
) -> None:
    first = asyncio.create_task(relayer.send(token, mint(1)))
    await pending(anvil, 1)
    await anvil.mine()
    await first
    await anvil.reorganise(1)
    second = asyncio.create_task(relayer.send(token, mint(2)))
    await pending(anvil, 1)
    await anvil.mine()
    await asyncio.wait_for(second, 2)
    assert await calls.balance_of(w3, token, RECEIVER) == 2


async def test_a_transaction_that_another_replaced_is_signed_anew(anvil: Anvil, w3: Connection, token: bytes) -> None:
    slow = Relayer(w3, DEV_KEYS[1], CHAIN_ID, poll_interval=0.3)
    quick = Relayer(w3, DEV_KEYS[1], CHAIN_ID, poll_interval=0.005)
    first = asyncio.create_task(slow.send(token, mint(1)))
    await pending(anvil, 1)
    await asyncio.sleep(0.05)
    await anvil.mine()
    await anvil.reorganise(1)
    second = asyncio.create_task(quick.send(token, mint(2)))
    await pending(anvil, 1)
    await anvil.mine()
    await second
    await pending(anvil, 1)
    await anvil.mine()
    await asyncio.wait_for(first, 5)
    assert await calls.balance_of(w3, token, RECEIVER) == 3


async def test_a_transaction_that_no_block_takes_times_out(anvil: Anvil, w3: Connection, token: bytes) -> None:
    impatient = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.01, receipt_timeout=0.1)
    with pytest.raises(ReceiptTimeout):
        await impatient.send(token, mint(1))


async def test_an_outage_is_sat_out(anvil: Anvil, relayer: Relayer, token: bytes, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    other = Anvil(CHAIN_ID, tmp_path / "other", mine_on_demand=True, state=state)
    await other.start()
    w3 = connect(other.url)
    patient = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.01)
    await other.stop()
    sending = asyncio.create_task(patient.send(RECEIVER, b""))
    await asyncio.sleep(0.1)
    await other.start()
    await pending(other, 1)
    await other.mine()
    assert (await asyncio.wait_for(sending, 5)).block_number == 1
    await disconnect(w3)
    await other.stop()


async def test_a_dead_endpoint_is_a_typed_error(w3: Connection, anvil: Anvil) -> None:
    await anvil.stop()
    with pytest.raises(RpcUnavailable):
        await request_batch(w3, [("eth_chainId", []), ("eth_blockNumber", [])])


async def test_an_account_without_ether_is_refused(w3: Connection, anvil: Anvil) -> None:
    pauper = Relayer(w3, b"\x55" * 32, CHAIN_ID)
    with pytest.raises(RpcRefused, match=r"[Ii]nsufficient"):
        await pauper.send(RECEIVER, b"", gas=50_000)


def test_a_repr_shows_no_secret(w3: Connection) -> None:
    assert DEV_KEYS[0].hex() not in repr(Relayer(w3, DEV_KEYS[0], CHAIN_ID))


def test_revert_data_that_is_no_text_gives_the_endpoints_message() -> None:
    assert revert_reason(RpcRefused("eth_call", 3, "execution reverted", "")) == "execution reverted"
    garbled = RpcRefused("eth_call", 3, "execution reverted", "0x08c379a0ffff")
    assert revert_reason(garbled) == "execution reverted"
