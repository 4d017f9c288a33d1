"""Token bucket, penalties and queues, without a network."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.network.limits import Conduct, PeerLimits, TokenBucket
from node.network.queues import Lane, Outbox


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 50)), max_size=40))
def test_whoever_waits_as_told_never_exceeds_rate_and_burst(steps):
    clock = Hands()
    bucket = TokenBucket(10.0, 20.0, clock)
    taken = 0.0
    for pause, units in steps:
        clock.now += pause
        delay = bucket.take(units)
        taken += units
        clock.now += delay
        assert taken <= 20.0 + 10.0 * clock.now + 1e-6


def test_penalties_add_up_throttle_ban_and_are_forgiven():
    clock = Hands()
    limits = PeerLimits()
    conduct = Conduct(limits, clock)
    states = []
    for _ in range(10):
        conduct.punish(limits.invalid_penalty)
        states.append((conduct.throttled, conduct.banned))

    assert states.index((True, False)) == 2
    assert states.index((True, True)) == 9
    clock.now = 60.0
    assert (conduct.score, conduct.throttled, conduct.banned) == (40.0, True, False)
    clock.now = 1000.0
    assert conduct.score == 0.0


def test_the_slower_of_the_two_rates_decides():
    clock = Hands()
    limits = replace(PeerLimits(), envelopes_per_second=10.0, envelopes_burst=1.0)
    conduct = Conduct(limits, clock)

    assert conduct.admit(1) == 0.0
    assert conduct.admit(1) == pytest.approx(0.1)
    heavy = int(limits.bytes_burst + limits.bytes_per_second)
    assert conduct.admit(heavy) == pytest.approx(1.0, abs=0.01)


@given(st.lists(st.integers(1, 30), max_size=60))
def test_a_lane_that_drops_the_oldest_keeps_the_newest_within_both_bounds(sizes):
    lane: Lane[int] = Lane(5, 60)
    dropped = sum(lane.push(number, size) for number, size in enumerate(sizes))
    kept = [lane.pop() for _ in range(len(lane))]

    assert kept == list(range(len(sizes) - len(kept), len(sizes)))
    assert dropped + len(kept) == len(sizes)
    assert len(kept) <= 5
    assert sum(sizes[number] for number in kept) <= 60


async def test_a_lane_makes_its_writer_wait_until_there_is_room():
    lane: Lane[str] = Lane(1, 100)
    assert lane.offer("first", 10)
    assert not lane.offer("second", 10)
    waiting = asyncio.create_task(lane.put("second", 10))
    await asyncio.sleep(0)
    assert not waiting.done()

    assert await lane.get() == "first"
    await waiting
    assert await lane.get() == "second"


async def test_every_reader_of_a_lane_gets_something():
    lane: Lane[int] = Lane(10, 100)
    readers = [asyncio.create_task(lane.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(3):
        lane.offer(number, 1)

    assert sorted(await asyncio.gather(*readers)) == [0, 1, 2]


async def test_an_outbox_gives_consensus_first_and_never_drops_it():
    outbox: Outbox[str] = Outbox(critical_items=2, critical_bytes=100, gossip_items=2, gossip_bytes=100)
    dropped = [outbox.push_gossip(item, 1) for item in ("a", "b", "c")]
    accepted = [outbox.offer_critical(item, 1) for item in ("vote 1", "vote 2", "vote 3")]

    assert dropped == [0, 0, 1]
    assert accepted == [True, True, False]
    assert [await outbox.get() for _ in range(4)] == ["vote 1", "vote 2", "b", "c"]
