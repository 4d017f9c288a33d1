"""What an operator watches, on a port of its own."""

import grpc
import pytest
from clearing.v1 import operator_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from node.api.convert_market import endpoints_digest
from node.api.services.operator import quantile
from node.ledger.effects import PayAction
from node.ledger.types import Address, AssetId, Digest
from node.liquidation.breaker import Level
from node.store import Latency
from tests.support.ledger import CHAINS


async def test_node_status_tells_identity_heights_and_latencies(operator, node):
    for batch in range(1, 101):
        node.store.record_latency(Latency(batch, float(batch), 10.0 * batch))

    status = await operator.operator.GetNodeStatus(pb.GetNodeStatusRequest())

    state = node.ledger()
    assert status.validator == node.house.validators[0]
    assert (status.height, status.root, status.certified_height) == (state.number, state.root, state.number + 1)
    assert (status.attempt, status.peers_connected) == (2, 2)
    assert status.house_digest == endpoints_digest(node.house, node.endpoints)
    assert [(c.chain_id, c.final_block) for c in status.chains] == [(c, 500) for c in CHAINS]
    assert (status.certified_ms_median, status.certified_ms_p99) == (50.0, 99.0)
    assert (status.final_ms_median, status.final_ms_p99) == (500.0, 990.0)


async def test_node_status_tells_what_the_validators_ordered(operator, node):
    clearing = node.clearing
    clearing.accept(clearing.breaker(Level.HALTED))
    clearing.accept(clearing.write_off("WETH@31338"))

    status = await operator.operator.GetNodeStatus(pb.GetNodeStatusRequest())

    assert (status.hub_block, status.epoch, status.orders) == (clearing.state.hub_height, 0, 2)
    assert (status.breaker_level, status.breaker_until) == (3, clearing.state.breaker.until)
    assert list(status.written_off) == ["WETH@31338"]


async def test_a_node_without_samples_states_no_latency(operator):
    status = await operator.operator.GetNodeStatus(pb.GetNodeStatusRequest())

    assert not status.HasField("certified_ms_median")
    assert not status.HasField("final_ms_p99")


async def test_peers_are_listed_whether_connected_or_not(operator, node):
    answer = await operator.operator.ListPeers(pb.ListPeersRequest())

    assert [(p.validator, p.connected) for p in answer.peers] == [
        (validator, index != 2) for index, validator in enumerate(node.house.validators[1:], 1)
    ]


async def test_the_outbox_shows_what_is_still_to_be_sent(operator, node):
    action = PayAction(Digest(bytes([5] * 32)), AssetId("USD@31338"), Address(bytes(20)), 3)
    node.store.add(4, action)
    node.store.mark_sent(action.action_id, bytes([6] * 32))

    (entry,) = (await operator.operator.ListOutbox(pb.ListOutboxRequest())).entries

    assert (entry.id, entry.kind, entry.chain_id, entry.batch) == (action.action_id, pb.OUTBOX_KIND_PAY, 31338, 4)
    assert (entry.transaction, entry.attempts) == (bytes([6] * 32), 1)
    node.store.close_entry(action.action_id)
    assert list((await operator.operator.ListOutbox(pb.ListOutboxRequest())).entries) == []


async def test_the_operators_service_is_not_on_the_clients_port(client):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.operator.GetNodeStatus(pb.GetNodeStatusRequest())

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_a_sample_that_its_share_does_not_exceed(values, share):
    found = quantile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)
