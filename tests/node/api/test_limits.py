"""Nobody takes more than a share, and nobody can spend another's."""

from dataclasses import replace

import grpc
import pytest
from clearing.v1 import account_service_pb2, market_service_pb2
from clearing.v1 import ledger_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from node.api import ApiLimits, ClientServer
from node.api.errors import RateLimited, TooManyStreams
from node.api.limits import BucketTable, StreamSlots, TokenBucket
from node.ledger.wire import message_to_proto
from tests.node.api.calls import connect, refusal


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    st.floats(0.5, 50),
    st.floats(1, 20),
    st.lists(st.one_of(st.just(None), st.floats(0, 3)), max_size=60),
)
def test_a_bucket_never_admits_more_than_its_burst_and_rate(rate, burst, steps):
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    admitted = 0
    for step in steps:
        if step is None:
            admitted += bucket.take() == 0
        else:
            clock.now += step

    assert admitted <= burst + rate * clock.now + 1e-6


@given(st.floats(0.5, 50), st.integers(1, 20))
def test_a_refused_call_is_admitted_after_the_time_it_was_told(rate, burst):
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    while not (wait := bucket.take()):
        pass
    clock.now += wait * (1 + 1e-9) + 1e-9

    assert bucket.take() == 0


def test_keys_have_buckets_of_their_own():
    table = BucketTable(1.0, 1.0, 10, Clock())
    table.admit("one")
    table.admit("other")

    with pytest.raises(RateLimited) as caught:
        table.admit("one")
    assert (caught.value.subject, caught.value.retry_after) == ("one", 1.0)


def test_a_table_keeps_the_buckets_that_are_in_use():
    table = BucketTable(1.0, 1.0, 2, Clock())
    table.admit("busy")
    for key in ("a", "b", "c"):
        with pytest.raises(RateLimited):
            table.admit("busy")
        table.admit(key)


def test_a_peer_holds_no_more_streams_than_allowed():
    slots = StreamSlots(1)
    with slots.hold("peer"), slots.hold("other"), pytest.raises(TooManyStreams), slots.hold("peer"):
        pass
    with slots.hold("peer"):
        pass


async def serve(node, limits: ApiLimits, clock: Clock) -> ClientServer:
    server = ClientServer(node, "127.0.0.1:0", limits=limits, clock=clock)
    await server.start()
    return server


async def test_a_peer_that_calls_too_often_is_told_when_to_come_back(node):
    clock = Clock()
    server = await serve(node, ApiLimits(peer_calls_per_second=4.0, peer_calls_burst=2.0), clock)
    first, second = connect(server), connect(server)
    request = market_service_pb2.GetPricesRequest()
    await first.market.GetPrices(request)
    await second.market.GetPrices(request)

    answer = await refusal(first.market.GetPrices(request))

    assert (answer.code, answer.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert answer.retry_seconds == 0.25
    clock.now += 0.25
    await first.market.GetPrices(request)
    await first.channel.close()
    await second.channel.close()
    await server.stop(0)


async def test_an_account_sends_no_more_messages_than_its_share(node, taker, maker):
    server = await serve(node, ApiLimits(account_messages_per_second=1.0, account_messages_burst=1.0), Clock())
    client = connect(server)

    def submit(message):
        return client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(message)))

    await submit(taker.margin_proof(node.ledger()))
    answer = await refusal(submit(taker.margin_proof(node.ledger(), nonce=bytes([1] * 32))))
    await submit(maker.margin_proof(node.ledger()))

    assert (answer.code, answer.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert len(node.taken) == 2
    await client.channel.close()
    await server.stop(0)


async def test_a_forged_message_costs_the_account_it_names_nothing(node, taker, maker):
    server = await serve(node, ApiLimits(account_messages_per_second=1.0, account_messages_burst=1.0), Clock())
    client = connect(server)
    genuine = taker.margin_proof(node.ledger())
    forged = replace(genuine, signature=maker.sign(genuine.digest(node.house.deployment)))
    for _ in range(3):
        answer = await refusal(client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(forged))))
        assert answer.reason == "SIGNATURE_INVALID"

    await client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(genuine)))

    assert node.taken == [genuine]
    await client.channel.close()
    await server.stop(0)


async def test_a_peer_that_opens_too_many_streams_is_refused_one_more(node, taker):
    server = await serve(node, ApiLimits(streams_per_peer=1), Clock())
    client = connect(server)
    request = account_service_pb2.StreamPostingsRequest(account=taker.id)
    held = client.accounts.StreamPostings(request)
    await held.read()

    answer = await refusal(client.accounts.StreamPostings(request).read())

    assert (answer.code, answer.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    await client.channel.close()
    await server.stop(0)
