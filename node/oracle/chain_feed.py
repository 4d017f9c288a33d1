"""A feed that reads an aggregator contract (Chainlink's AggregatorV3Interface) through the node's own chain
connection.

The reading is taken at the newest block whose timestamp is not after the asked-for time, so that it does not
depend on when, or how quickly, a node asks.
"""

from typing import Any, Final

from aiohttp import ClientError
from eth_typing import BlockNumber, ChecksumAddress
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception
from web3.types import BlockData

from node.market.instruments import FEED_UNITS, MAXIMUM_PRICE
from node.oracle.errors import FeedInvalid, FeedUnavailable
from node.oracle.feed import FeedReading

AGGREGATOR_ABI: Final[list[dict[str, Any]]] = [
    {
        "type": "function",
        "name": "decimals",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "uint8"}],
    },
    {
        "type": "function",
        "name": "latestRoundData",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {"name": "roundId", "type": "uint80"},
            {"name": "answer", "type": "int256"},
            {"name": "startedAt", "type": "uint256"},
            {"name": "updatedAt", "type": "uint256"},
            {"name": "answeredInRound", "type": "uint80"},
        ],
    },
]


class ChainFeed:
    """The aggregator at `address` on the chain behind `web3`; `confidence_ppm` is its deviation threshold."""

    def __init__(self, name: str, web3: AsyncWeb3[Any], address: ChecksumAddress, confidence_ppm: int = 5_000) -> None:
        self._name = name
        self._web3 = web3
        self._contract = web3.eth.contract(address=address, abi=AGGREGATOR_ABI)
        self._confidence_ppm = confidence_ppm
        self._decimals: int | None = None

    @property
    def name(self) -> str:
        """The underlying's symbol."""
        return self._name

    async def read(self, not_after: int) -> FeedReading:
        """The aggregator's answer as of `not_after`, scaled to feed units and rounded down.

        Raises:
            FeedUnavailable: the chain cannot be reached, or has no block that old.
            FeedInvalid: an answer that is no price, or was never updated, or is dated after its block.
        """
        return await self.read_at(await self.newest_block(not_after))

    async def read_at(self, block: BlockData) -> FeedReading:
        """The answer as of a block. Raises FeedUnavailable, FeedInvalid."""
        number, latest = block["number"], self._contract.functions.latestRoundData()
        try:
            if self._decimals is None:
                self._decimals = await self._contract.functions.decimals().call(block_identifier=number)
            _, answer, _, updated_at, _ = await latest.call(block_identifier=number)
        except (TimeoutError, Web3Exception, ClientError, OSError) as error:
            raise FeedUnavailable(self._name, type(error).__name__) from error
        price = answer * FEED_UNITS // 10**self._decimals
        if not 0 < price < MAXIMUM_PRICE:
            raise FeedInvalid(self._name, "answer", str(answer))
        if not 0 < updated_at <= block["timestamp"]:
            raise FeedInvalid(self._name, "updatedAt", str(updated_at))
        return FeedReading(price, self._confidence_ppm, updated_at)

    async def newest_block(self, not_after: int) -> BlockData:
        """The newest block not after `not_after`. Raises FeedUnavailable."""
        try:
            return await self._newest_block(not_after)
        except (TimeoutError, Web3Exception, ClientError, OSError) as error:
            raise FeedUnavailable(self._name, type(error).__name__) from error

    async def _newest_block(self, not_after: int) -> BlockData:
        """The newest block not after `not_after`: galloping back from the head, then by bisection."""
        newest = await self._web3.eth.get_block("latest")
        if newest["timestamp"] <= not_after:
            return newest
        above, step = int(newest["number"]), 1
        while True:
            below = max(above - step, 0)
            candidate = await self._web3.eth.get_block(BlockNumber(below))
            if candidate["timestamp"] <= not_after:
                break
            if below == 0:
                raise FeedUnavailable(self._name, f"no block at or before {not_after}")
            above, step = below, step * 2
        while above - below > 1:
            middle = (above + below) // 2
            block = await self._web3.eth.get_block(BlockNumber(middle))
            if block["timestamp"] <= not_after:
                below, candidate = middle, block
            else:
                above = middle
        return candidate
