"""Live news: bounded, in order, and honest about what was lost."""

import asyncio

import pytest

from node.api import Feed
from node.api.errors import SlowReader


async def test_every_subscriber_gets_every_item_in_order():
    feed: Feed[int] = Feed()
    with feed.subscribe(8) as first, feed.subscribe(8) as second:
        for item in range(3):
            feed.publish(item)

        assert [await anext(first) for _ in range(3)] == [0, 1, 2]
        assert [await anext(second) for _ in range(3)] == [0, 1, 2]


async def test_a_reader_waits_for_the_next_item():
    feed: Feed[int] = Feed()
    with feed.subscribe(8) as news:
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        assert not waiting.done()
        feed.publish(7)

        assert await waiting == 7


async def test_a_reader_that_falls_behind_is_told_so_instead_of_missing_items():
    feed: Feed[int] = Feed()
    with feed.subscribe(2) as news:
        for item in range(3):
            feed.publish(item)

        with pytest.raises(SlowReader):
            await anext(news)


async def test_a_follower_gets_the_newest_item_only():
    feed: Feed[int] = Feed()
    with feed.follow() as news:
        for item in range(5):
            feed.publish(item)

        assert await anext(news) == 4


async def test_a_subscription_that_ended_costs_the_publisher_nothing():
    feed: Feed[int] = Feed()
    with feed.subscribe(1) as news:
        pass
    feed.publish(1)
    feed.publish(2)

    waiting = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
