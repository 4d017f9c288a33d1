"""Recorded prices on the chain's clock."""

import pytest

from node.oracle.candles import Tick
from node.oracle.errors import FeedUnavailable
from node.oracle.feed import FeedReading
from node.oracle.replay import ReplayFeed

TICKS = [Tick(1_000_000, 10), Tick(1_000_900, 20), Tick(1_001_800, 30), Tick(1_005_400, 40)]


async def test_a_reading_is_the_last_tick_not_after_the_asked_time():
    feed = ReplayFeed("BTC", TICKS)
    assert await feed.read(1_000_000) == FeedReading(10, 500, 1_000_000)
    assert await feed.read(1_000_899) == FeedReading(10, 500, 1_000_000)
    assert await feed.read(1_000_900) == FeedReading(20, 500, 1_000_900)
    assert await feed.read(1_005_000) == FeedReading(30, 500, 1_001_800)


async def test_reading_the_past_again_gives_the_same():
    feed = ReplayFeed("BTC", TICKS)
    await feed.read(1_005_400)
    assert (await feed.read(1_000_950)).price == 20


async def test_a_market_can_be_replayed_elsewhen_and_faster():
    feed = ReplayFeed("BTC", TICKS, origin=5_000, tick_seconds=10)
    assert await feed.read(5_009) == FeedReading(10, 500, 5_000)
    assert await feed.read(5_010) == FeedReading(20, 500, 5_010)
    assert await feed.read(5_060) == FeedReading(40, 500, 5_060)


@pytest.mark.parametrize("time", [999_999, 1_005_400 + 900])
async def test_before_the_first_tick_and_after_the_last_there_is_nothing(time):
    with pytest.raises(FeedUnavailable):
        await ReplayFeed("BTC", TICKS).read(time)


def test_nothing_recorded_is_no_feed():
    with pytest.raises(FeedUnavailable):
        ReplayFeed("BTC", [])
