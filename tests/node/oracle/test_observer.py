"""One signed observation per round and feed."""

import asyncio

import pytest

from node.market.oracle_rules import Observation, observation_digest
from node.oracle.candles import Tick
from node.oracle.errors import FeedUnavailable, FeedUnknown
from node.oracle.feed import FeedReading
from node.oracle.observer import Observer
from node.oracle.replay import ReplayFeed

VALIDATOR = b"\x07" * 20
DEPLOYMENT = b"\x01" * 32


class RestlessFeed:
    """Gives another price each time, slowly."""

    name = "BTC"

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, not_after: int) -> FeedReading:
        self.reads += 1
        price = self.reads
        await asyncio.sleep(0)
        return FeedReading(price, 500, not_after)


def observer(feeds, memory: int = 64) -> Observer:
    return Observer(VALIDATOR, DEPLOYMENT, feeds, lambda digest: digest[::-1] * 2, memory)


async def test_an_observation_carries_the_reading_and_is_signed_over_its_digest():
    signed = await observer({"BTC": ReplayFeed("BTC", [Tick(1_000, 55)])}).observe(3, "BTC", 1_100)
    assert signed.observation == Observation(VALIDATOR, 3, "BTC", 55, 500, 1_000)
    assert signed.signature == observation_digest(DEPLOYMENT, signed.observation)[::-1] * 2


async def test_a_round_is_observed_once_however_often_it_is_asked_for():
    source = observer({"BTC": RestlessFeed()})
    together = await asyncio.gather(*(source.observe(3, "BTC", 1_000) for _ in range(4)))
    again = await source.observe(3, "BTC", 2_000)
    assert {*together} == {again}


async def test_old_rounds_are_forgotten_so_that_memory_stays_bounded():
    feed = RestlessFeed()
    source = observer({"BTC": feed}, memory=2)
    for number in range(10):
        await source.observe(number, "BTC", 1_000)
    await source.observe(8, "BTC", 1_000)
    assert feed.reads == 10
    await source.observe(3, "BTC", 1_000)
    assert feed.reads == 11


async def test_an_absent_feed_is_named():
    with pytest.raises(FeedUnknown, match="DOGE"):
        await observer({}).observe(1, "DOGE", 1_000)


async def test_one_feeds_failure_is_reported_and_does_not_hold_up_the_others():
    feeds = {"ETH": ReplayFeed("ETH", [Tick(5_000, 9)]), "BTC": ReplayFeed("BTC", [Tick(1_000, 55)])}
    report = await observer(feeds).observe_all(3, 1_100)
    assert [entry.observation.feed for entry in report.observations] == ["BTC"]
    assert [entry.feed for entry in report.failures] == ["ETH"]
    assert isinstance(report.failures[0].error, FeedUnavailable)
