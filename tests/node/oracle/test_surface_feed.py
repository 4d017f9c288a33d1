"""Forwards and smiles beside an aggregator's price: quoted if they are usable, and never in the price's way."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3 import AsyncWeb3

from node.market.surface import MOST_SLICES, Slice
from node.oracle.errors import FeedInvalid, FeedUnavailable
from node.oracle.feed import FeedReading
from node.oracle.surface_feed import SurfaceFeed
from tests.node.oracle.test_chain_feed import AGGREGATOR, RecordedChain

SURFACE = "0x" + keccak(text="latestSurface()")[:4].hex()
SLICE = Slice(100_000, -2_000_000, 80_000, 120_000, 130_000)


class QuotingChain(RecordedChain):
    """The aggregator of the recorded chain also quotes: `slices` as of `quoted_at`, at each block the same."""

    def __init__(self, *slices: tuple[int, ...], quoted_at: int = 97) -> None:
        super().__init__([100])
        self.slices = slices
        self.quoted_at = quoted_at
        self.silent = False

    def call(self, data: str, number: int) -> bytes:
        if data != SURFACE:
            return super().call(data, number)
        if self.silent:
            raise ConnectionRefusedError
        kinds = ["(uint256,int256,uint256,uint256,uint256)[]", "uint256"]
        return encode(kinds, [list(self.slices), self.quoted_at])


def figures(entry: Slice) -> tuple[int, ...]:
    return entry.expiry, entry.basis_ppb, entry.call_wing, entry.put_wing, entry.bend


async def read(chain: QuotingChain) -> FeedReading:
    return await SurfaceFeed("BTC", AsyncWeb3(chain), AGGREGATOR).read(100)


BARE = FeedReading(1_000, 5_000, 97)


async def test_the_reading_has_the_slices_of_the_same_block():
    assert await read(QuotingChain(figures(SLICE))) == FeedReading(1_000, 5_000, 97, (SLICE,))


@pytest.mark.parametrize("quoted_at", [0, 96, 101])
async def test_slices_older_than_the_price_or_younger_than_the_block_are_left_out(quoted_at: int):
    assert await read(QuotingChain(figures(SLICE), quoted_at=quoted_at)) == BARE


@pytest.mark.parametrize(
    "slices",
    [
        (),
        ((100_000, 0, 0, 1, 1),),
        ((100_000, 0, 80_000, 120_000, 10),),
        ((97, 0, 80_000, 120_000, 130_000),),
        ((100_000, 10**9, 80_000, 120_000, 130_000),),
        ((100_000, 0, 2**255, 120_000, 2**256 - 1),),
        tuple((100_000 + place, 0, 80_000, 120_000, 130_000) for place in range(MOST_SLICES + 1)),
    ],
)
async def test_what_makes_no_surface_is_not_quoted_and_the_price_is_read(slices: Any):
    assert await read(QuotingChain(*slices)) == BARE


async def test_a_contract_that_does_not_answer_leaves_the_price():
    chain = QuotingChain(figures(SLICE))
    chain.silent = True
    assert await read(chain) == BARE


async def test_a_price_that_is_none_is_refused_as_ever():
    chain = QuotingChain(figures(SLICE))
    chain.answer = -1
    with pytest.raises(FeedInvalid):
        await read(chain)
    chain.down = True
    with pytest.raises(FeedUnavailable):
        await read(chain)
