"""A wallet stands at exactly one final batch, whatever the stream brings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from clearing.v1 import account_service_pb2 as pb

from circuits.group import random_scalar
from circuits.pedersen import HANDLE_BASE, CommitmentKey
from circuits.transcript import Deployment
from node.client.errors import HouseUnavailable, HouseUntrusted, PostingInvalid
from node.client.follower import PostingFollower
from node.client.wallet import AccountWallet, SizeSearch
from node.ledger.types import AccountId

ACCOUNT = AccountId(b"\x01" * 32)


class Feed:
    """A connection whose posting stream says what the test puts into it; None makes the stream start again."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.accounts = SimpleNamespace(StreamPostings=None)
        self.asked: list[int] = []

    async def stream(self, method: Any, request: Callable[[], Any]) -> AsyncIterator[Any]:
        self.asked.append(request().after_sequence)
        while True:
            item = await self.items.get()
            if item is None:
                self.asked.append(request().after_sequence)
            else:
                yield item

    def cash(self, sequence: int, batch: int, amount: int) -> None:
        kind = pb.POSTING_KIND_CASH
        posting = pb.Posting(sequence=sequence, batch=batch, kind=kind, amount=amount)
        self.items.put_nowait(pb.StreamPostingsResponse(posting=posting))

    def complete(self, batch: int) -> None:
        mark = pb.BatchReference(number=batch, hub_block=10 * batch)
        self.items.put_nowait(pb.StreamPostingsResponse(complete_through=mark))


@pytest.fixture
async def feed() -> Feed:
    return Feed()


@pytest.fixture
def wallet() -> AccountWallet:
    key = CommitmentKey(HANDLE_BASE * random_scalar())
    return AccountWallet(bytes(32), Deployment(1, bytes(20), bytes(32)), ACCOUNT, key, SizeSearch())


@pytest.fixture
async def follower(feed: Feed, wallet: AccountWallet) -> AsyncIterator[PostingFollower]:
    following = PostingFollower(feed, wallet)  # type: ignore[arg-type]
    following.start()
    yield following
    await following.stop()


async def test_postings_of_a_batch_count_once_it_is_complete(
    feed: Feed, wallet: AccountWallet, follower: PostingFollower
) -> None:
    feed.cash(1, 1, 5)
    await asyncio.sleep(0.01)
    assert wallet.holdings.cash.value == 0
    feed.complete(1)
    assert (await follower.through(1)).hub_block == 10
    assert wallet.holdings.cash.value == 5


async def test_postings_ahead_of_the_mark_wait_for_their_own(
    feed: Feed, wallet: AccountWallet, follower: PostingFollower
) -> None:
    feed.cash(1, 1, 5)
    feed.cash(2, 2, 70)
    feed.complete(1)
    await follower.through(1)
    assert wallet.holdings.cash.value == 5
    feed.complete(2)
    await follower.through(2)
    assert wallet.holdings.cash.value == 75


async def test_a_stream_that_starts_again_brings_nothing_twice(
    feed: Feed, wallet: AccountWallet, follower: PostingFollower
) -> None:
    feed.cash(1, 1, 5)
    feed.complete(1)
    await follower.through(1)
    feed.cash(2, 2, 70)
    feed.items.put_nowait(None)
    feed.cash(2, 2, 70)
    feed.complete(2)
    await follower.through(2)
    assert wallet.holdings.cash.value == 75
    assert feed.asked == [0, 1]


async def test_a_node_that_catches_up_does_not_set_the_wallet_back(feed: Feed, follower: PostingFollower) -> None:
    feed.complete(5)
    await follower.through(5)
    feed.complete(3)
    feed.complete(6)
    await follower.through(6)
    assert follower.as_of is not None
    assert follower.as_of.batch == 6


async def test_a_gap_in_the_history_is_told_to_everyone_who_waits(feed: Feed, follower: PostingFollower) -> None:
    waiting = [asyncio.create_task(follower.through(1)) for _ in range(2)]
    feed.cash(2, 1, 5)
    feed.complete(1)
    for task in waiting:
        with pytest.raises(HouseUntrusted):
            await task
    with pytest.raises(HouseUntrusted):
        await follower.through(1)


async def test_a_posting_that_cannot_follow_ends_the_wallet(feed: Feed, follower: PostingFollower) -> None:
    kind = pb.POSTING_KIND_MERGED
    feed.items.put_nowait(pb.StreamPostingsResponse(posting=pb.Posting(sequence=1, batch=1, kind=kind, amount=1)))
    feed.complete(1)
    with pytest.raises(PostingInvalid):
        await follower.through(1)


async def test_who_waits_on_a_closed_account_is_told(follower: PostingFollower) -> None:
    waiting = asyncio.create_task(follower.through(1))
    await asyncio.sleep(0.01)
    await follower.stop()
    with pytest.raises(HouseUnavailable):
        await waiting
