"""An aggregator on the node's own chain that also quotes forwards and smiles, in a call of its own.

    latestSurface() → ((expiry, basis in ppb, call wing, put wing, bend)[], updated at)

No standard contract does; the devnet's aggregators do. What it quotes counts if it is as new as the price, and makes a
surface by itself (`node.market.surface`); otherwise the reading has the price alone.
"""

from typing import Any, Final

import structlog
from aiohttp import ClientError
from eth_typing import ChecksumAddress
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception

from node.market.errors import MarketError
from node.market.surface import Slice, Surface, check_surface
from node.oracle.chain_feed import ChainFeed
from node.oracle.feed import FeedReading

SURFACE_ABI: Final[list[dict[str, Any]]] = [
    {
        "type": "function",
        "name": "latestSurface",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {
                "name": "slices",
                "type": "tuple[]",
                "components": [
                    {"name": "expiry", "type": "uint256"},
                    {"name": "basis_ppb", "type": "int256"},
                    {"name": "call_wing", "type": "uint256"},
                    {"name": "put_wing", "type": "uint256"},
                    {"name": "bend", "type": "uint256"},
                ],
            },
            {"name": "updatedAt", "type": "uint256"},
        ],
    },
]
log = structlog.get_logger(__name__)


class SurfaceFeed:
    """The aggregator at `address` on the chain behind `web3`, with its forwards and smiles."""

    def __init__(self, name: str, web3: AsyncWeb3[Any], address: ChecksumAddress) -> None:
        self._prices = ChainFeed(name, web3, address)
        self._contract = web3.eth.contract(address=address, abi=SURFACE_ABI)

    @property
    def name(self) -> str:
        """The underlying's symbol."""
        return self._prices.name

    async def read(self, not_after: int) -> FeedReading:
        """The price as of `not_after`, with the slices that were quoted for it; without, where they are not usable.

        Raises:
            FeedUnavailable, FeedInvalid: of the price (`ChainFeed.read`).
        """
        block = await self._prices.newest_block(not_after)
        reading = await self._prices.read_at(block)
        try:
            slices, updated_at = await self._contract.functions.latestSurface().call(block_identifier=block["number"])
        except (TimeoutError, Web3Exception, ClientError, OSError) as error:
            log.info("surface_not_read", feed=self.name, error=type(error).__name__)
            return reading
        if not reading.updated_at <= updated_at <= block["timestamp"]:
            return reading
        quote = tuple(Slice(*figures) for figures in slices)
        try:
            check_surface(Surface(self.name, updated_at, reading.price, quote))
        except MarketError as error:
            log.warning("surface_not_quoted", feed=self.name, error=str(error))
            return reading
        return FeedReading(reading.price, reading.confidence_ppm, reading.updated_at, quote)
