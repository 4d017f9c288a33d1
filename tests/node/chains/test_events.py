"""Logs become typed events, or a typed error: nothing in between."""

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from node.chains.compile import house_contract
from node.chains.errors import MalformedLog
from node.chains.events import EVENT_TOPICS, Deposited, Sold, Submitted, decode_log

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
amounts = st.integers(0, 2**256 - 1)


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def log(topics: list[bytes], data: bytes) -> dict:
    """A log as JSON-RPC gives it."""
    return {
        "address": "0x" + "ab" * 20,
        "topics": [hexed(topic) for topic in topics],
        "data": hexed(data),
        "blockNumber": "0x10",
        "blockHash": "0x" + "cd" * 32,
        "logIndex": "0x3",
        "transactionHash": "0x" + "ef" * 32,
    }


def topic(signature: str) -> bytes:
    return keccak(signature.encode())


DEPOSITED = topic("Deposited(bytes32,address,uint256,uint256)")
SOLD = topic("Sold(bytes32,address,uint256,uint256,address)")


@given(account=words, token=addresses, amount=amounts, sequence=amounts)
def test_a_deposit_is_read_back_as_it_was_logged(account: bytes, token: bytes, amount: int, sequence: int) -> None:
    raw = log([DEPOSITED, account, token.rjust(32, b"\0")], encode(["uint256", "uint256"], [amount, sequence]))
    assert decode_log(7, raw) == Deposited(
        chain_id=7,
        block_number=16,
        block_hash=b"\xcd" * 32,
        log_index=3,
        transaction_hash=b"\xef" * 32,
        contract=b"\xab" * 20,
        account=account,
        token=token,
        amount=amount,
        sequence=sequence,
    )


@given(action=words, token=addresses, buyer=addresses, amount=amounts, proceeds=amounts)
def test_a_sale_is_read_back_as_it_was_logged(
    action: bytes, token: bytes, buyer: bytes, amount: int, proceeds: int
) -> None:
    data = encode(["uint256", "uint256", "address"], [amount, proceeds, buyer])
    event = decode_log(7, log([SOLD, action, token.rjust(32, b"\0")], data))
    assert isinstance(event, Sold)
    assert (event.action_id, event.token, event.amount, event.proceeds, event.buyer) == (
        *(action, token, amount, proceeds, buyer),
    )


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([], b""),
        ([topic("Transfer(address,address,uint256)")], b"\0" * 32),
        ([DEPOSITED, b"\1" * 32], b"\0" * 64),
        ([DEPOSITED, b"\1" * 32, b"\0" * 32], b"\0" * 63),
        ([DEPOSITED, b"\1" * 32, b"\1" * 32], b"\0" * 64),
    ],
    ids=["anonymous", "another event", "a topic missing", "data cut short", "an address with dirt above it"],
)
def test_a_log_that_is_no_event_of_ours_is_refused(topics: list[bytes], data: bytes) -> None:
    with pytest.raises(MalformedLog) as caught:
        decode_log(7, log(topics, data))
    assert (caught.value.chain_id, caught.value.block_number, caught.value.log_index) == (7, 16, 3)


def test_every_event_of_the_contracts_is_known() -> None:
    declared = set()
    for name in ("ClearingHub", "CollateralVault", "CollateralAuction"):
        for entry in house_contract(name).abi:
            if entry["type"] == "event":
                types = ",".join(field["type"] for field in entry["inputs"])
                declared.add(topic(f"{entry['name']}({types})"))
    assert declared == set(EVENT_TOPICS)


@given(addresses, st.binary(max_size=200))
def test_a_post_is_read_with_its_bytes_and_its_sender(sender: bytes, data: bytes) -> None:
    topics = [topic("Submitted(address,bytes)"), bytes(12) + sender]
    event = decode_log(1, log(topics, encode(["bytes"], [data])))
    assert isinstance(event, Submitted)
    assert (event.sender, event.data) == (sender, data)
    with pytest.raises(MalformedLog):
        decode_log(1, log(topics, encode(["bytes"], [data])[:40]))
