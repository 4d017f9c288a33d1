"""Aggregator contracts, read at the right block."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3 import AsyncWeb3
from web3.providers.async_base import AsyncBaseProvider

from node.oracle.chain_feed import ChainFeed
from node.oracle.errors import FeedInvalid, FeedUnavailable
from node.oracle.feed import FeedReading

AGGREGATOR = AsyncWeb3.to_checksum_address("0x" + "aa" * 20)
DECIMALS = "0x" + keccak(text="decimals()")[:4].hex()
LATEST = "0x" + keccak(text="latestRoundData()")[:4].hex()


class RecordedChain(AsyncBaseProvider):
    """A chain of blocks with given timestamps; the aggregator answers 1000 + its block's number."""

    def __init__(self, timestamps: list[int], *, answer: int | None = None, updated_at: int | None = None) -> None:
        super().__init__()
        self.timestamps = timestamps
        self.answer = answer
        self.updated_at = updated_at
        self.decimals = 8
        self.blocks_read = 0
        self.down = False

    async def make_request(self, method: Any, params: Any) -> Any:
        if self.down:
            raise ConnectionRefusedError
        if method == "eth_chainId":
            return self.reply("0x1")
        if method == "eth_getBlockByNumber":
            self.blocks_read += 1
            number = len(self.timestamps) - 1 if params[0] == "latest" else int(params[0], 16)
            return self.reply({"number": hex(number), "timestamp": hex(self.timestamps[number])})
        assert method == "eth_call"
        return self.reply("0x" + self.call(params[0]["data"], int(params[1], 16)).hex())

    def call(self, data: str, number: int) -> bytes:
        if data == DECIMALS:
            return encode(["uint8"], [self.decimals])
        assert data == LATEST
        answer = 1_000 + number if self.answer is None else self.answer
        updated = self.timestamps[number] - 3 if self.updated_at is None else self.updated_at
        return encode(["uint80", "int256", "uint256", "uint256", "uint80"], [1, answer, 0, updated, 1])

    @staticmethod
    def reply(result: Any) -> Any:
        return {"jsonrpc": "2.0", "id": 1, "result": result}


def feed_of(chain: RecordedChain) -> ChainFeed:
    return ChainFeed("BTC", AsyncWeb3(chain), AGGREGATOR)


@pytest.mark.parametrize("not_after", [100, 101, 1_000, 1_001, 1_501, 1_999, 2_098, 2_099, 9_999])
async def test_the_reading_is_of_the_newest_block_not_after_the_asked_time(not_after):
    chain = RecordedChain([100 + 2 * number for number in range(1_000)])
    expected = min((not_after - 100) // 2, 999)
    reading = await feed_of(chain).read(not_after)
    assert reading == FeedReading(1_000 + expected, 5_000, 100 + 2 * expected - 3)
    assert chain.blocks_read <= 22


async def test_blocks_mined_since_do_not_change_a_reading():
    chain = RecordedChain([100, 110, 120])
    feed = feed_of(chain)
    before = await feed.read(125)
    chain.timestamps += [126, 130]
    assert await feed.read(125) == before


async def test_an_answer_is_scaled_to_eight_decimals():
    chain = RecordedChain([100], answer=8_000 * 10**18 + 1)
    chain.decimals = 18
    assert (await feed_of(chain).read(100)).price == 8_000 * 10**8


@pytest.mark.parametrize(
    ("answer", "updated_at", "field"),
    [(0, 90, "answer"), (-5, 90, "answer"), (7, 0, "updatedAt"), (7, 101, "updatedAt")],
)
async def test_an_answer_that_is_no_price_is_refused_naming_the_field(answer, updated_at, field):
    with pytest.raises(FeedInvalid) as refusal:
        await feed_of(RecordedChain([100], answer=answer, updated_at=updated_at)).read(100)
    assert (refusal.value.feed, refusal.value.field) == ("BTC", field)


async def test_a_time_before_the_chain_has_no_reading():
    with pytest.raises(FeedUnavailable):
        await feed_of(RecordedChain([100, 110])).read(99)


async def test_a_chain_that_is_down_makes_the_feed_unavailable():
    chain = RecordedChain([100])
    chain.down = True
    with pytest.raises(FeedUnavailable) as refusal:
        await feed_of(chain).read(100)
    assert refusal.value.reason == "ConnectionRefusedError"
