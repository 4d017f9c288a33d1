"""Messages in; batches, events, Merkle proofs and sums out."""

import threading
from dataclasses import replace

import grpc
import pytest
from clearing.v1 import account_service_pb2, liquidation_service_pb2, margin_service_pb2, messages_pb2
from clearing.v1 import ledger_service_pb2 as pb

from node.api import ClientServer, MessageStage, MessageState
from node.ledger.account import Credit
from node.ledger.batch import Deposited
from node.ledger.errors import Reason, Refused
from node.ledger.leaves import account_leaf
from node.ledger.merkle import leaf_hash, verify_path
from node.ledger.types import INSURANCE_ACCOUNT, Digest
from node.ledger.wire import batch_hash, decode_batch, message_to_proto
from node.liquidation.breaker import Level
from node.sequencing.errors import PoolFull
from tests.node.api.calls import connect, items, refusal, until_mark
from tests.support.ledger import HUB_CHAIN, USD, Trader, token


async def test_a_signed_message_is_handed_to_the_node(client, node, setting):
    message = Trader(setting).open_account()

    answer = await client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(message)))

    assert answer.message_id == message.digest(setting.house.deployment)
    assert node.taken == [message]


async def test_a_margin_proof_and_a_bid_have_calls_of_their_own(client, node, taker):
    proof = taker.margin_proof(node.ledger())
    request = margin_service_pb2.SubmitMarginProofRequest(margin_proof=message_to_proto(proof).margin_proof)
    answer = await client.margin.SubmitMarginProof(request)

    assert answer.message_id == proof.digest(node.house.deployment)
    assert node.taken == [proof]


async def test_a_bid_without_a_signature_is_refused_before_the_node_sees_it(client, node, taker):
    reference = messages_pb2.AccountReference(account=taker.id)
    bid = messages_pb2.Bid(reference=reference, auction=bytes(32), nonce=bytes(32))

    answer = await refusal(client.liquidations.SubmitBid(liquidation_service_pb2.SubmitBidRequest(bid=bid)))

    assert answer.reason == "SIGNATURE_INVALID"
    assert node.taken == []


async def test_a_message_of_an_unknown_account_is_refused(client, node, setting, taker):
    state = node.ledger()
    message = replace(taker.margin_proof(state), reference=replace(taker.reference(state), account=bytes(32)))

    answer = await refusal(client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(message))))

    assert (answer.code, answer.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")


async def test_a_stale_version_aborts_with_the_current_one(client, node, setting):
    node.refuse = Refused(Reason.VERSION_MISMATCH, "version 3 named, 4 is current", (("version", "4"),))
    request = pb.SubmitMessageRequest(message=message_to_proto(Trader(setting).open_account()))

    answer = await refusal(client.ledger.SubmitMessage(request))

    assert (answer.code, answer.reason, answer.domain) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH", "zkclear")
    assert answer.metadata == {"version": "4"}


async def test_a_full_pool_is_exhausted(client, node, setting):
    node.refuse = PoolFull(10)
    request = pb.SubmitMessageRequest(message=message_to_proto(Trader(setting).open_account()))

    answer = await refusal(client.ledger.SubmitMessage(request))

    assert (answer.code, answer.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "POOL_FULL")


async def test_an_empty_message_is_malformed(client):
    answer = await refusal(client.ledger.SubmitMessage(pb.SubmitMessageRequest()))

    assert (answer.code, answer.reason, answer.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED",
        ("message",),
    )


@pytest.mark.parametrize(
    ("stage", "batch"),
    [(MessageStage.PENDING, None), (MessageStage.CERTIFIED, 7), (MessageStage.FINAL, 7)],
)
async def test_a_messages_stage_is_told(client, node, stage, batch):
    node.known[Digest(bytes(32))] = MessageState(stage, batch)

    answer = await client.ledger.GetMessage(pb.GetMessageRequest(message_id=bytes(32)))

    assert pb.MessageStatus.Name(answer.status) == f"MESSAGE_STATUS_{stage.name}"
    assert (answer.batch if answer.HasField("batch") else None) == batch


async def test_a_late_refusal_is_told_with_its_reason(client, node):
    refused = Refused(Reason.WINDOW_LAPSED, "round 3", (("round", "3"),))
    node.known[Digest(bytes(32))] = MessageState(MessageStage.REFUSED, refusal=refused)

    answer = await client.ledger.GetMessage(pb.GetMessageRequest(message_id=bytes(32)))

    assert answer.status == pb.MESSAGE_STATUS_REFUSED
    assert (answer.refusal.reason, dict(answer.refusal.metadata)) == ("WINDOW_LAPSED", {"round": "3"})


async def test_an_unknown_message_is_not_found(client):
    answer = await refusal(client.ledger.GetMessage(pb.GetMessageRequest(message_id=bytes(32))))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_status_tells_final_from_certified(client, node):
    answer = await client.ledger.GetStatus(pb.GetStatusRequest())

    state = node.ledger()
    assert (answer.final.number, answer.final.root, answer.certified) == (state.number, state.root, state.number + 1)
    assert {c.chain_id: c.booked_block for c in answer.chains}[HUB_CHAIN] == state.cursors[HUB_CHAIN].block


async def test_an_order_is_handed_on_once_a_quorum_signed_it_and_its_outcome_told(client, node):
    clearing = node.clearing
    clearing.deposit(INSURANCE_ACCOUNT, 31338, "USD", 5 * USD)
    order = clearing.breaker(Level.NO_BID)
    unsigned = pb.SubmitMessageRequest(message=message_to_proto(clearing.ordered(order, (0, 1))))
    assert (await refusal(client.ledger.SubmitMessage(unsigned))).reason == "SIGNATURE_INVALID"
    await client.ledger.SubmitMessage(pb.SubmitMessageRequest(message=message_to_proto(order)))
    assert node.taken == [order]
    clearing.accept(order)
    clearing.accept(clearing.write_off("USD@31338"))

    status = await client.ledger.GetStatus(pb.GetStatusRequest())
    assert status.breaker == pb.Breaker(level=2, until=order.until)
    assert list(status.written_off) == [pb.WriteOff(asset="USD@31338", lost=5 * USD, insurance_paid=5 * USD)]
    assert status.orders == 2
    clearing.deposit(INSURANCE_ACCOUNT, 31338, "USD", 7)
    books = await client.ledger.GetInvariants(pb.GetInvariantsRequest())
    assert {entry.asset: entry.written_off for entry in books.assets} == {"USD@31337": False, "USD@31338": True}


async def test_a_batch_comes_as_the_bytes_that_were_signed(client, node):
    answer = await client.ledger.GetBatch(pb.GetBatchRequest(number=node.ledger().number))

    assert answer.body == node.clearing.body
    assert answer.batch_hash == batch_hash(answer.body)
    assert decode_batch(answer.body).new_root == answer.root == node.ledger().root


async def test_a_batch_that_is_not_final_is_not_found(client, node):
    answer = await refusal(client.ledger.GetBatch(pb.GetBatchRequest(number=node.ledger().number + 1)))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_events_bring_the_past_then_a_mark_then_what_follows(client, node, taker):
    stream = client.ledger.StreamEvents(pb.StreamEventsRequest())
    past = [item.event for item in await until_mark(stream)]
    node.clearing.batch(events={HUB_CHAIN: [Deposited(taker.id, token(HUB_CHAIN, "USD"), 5)]})
    (coming,) = await items(stream, 1)

    assert [e.sequence for e in past] == list(range(1, len(past) + 1))
    assert {"ROUND", "ACCOUNT_OPENED", "DEPOSITED"} <= {e.kind for e in past}
    assert (coming.event.sequence, coming.event.kind) == (len(past) + 1, "DEPOSITED")
    assert coming.event.account == taker.id
    stream.cancel()


async def test_events_of_one_account_leave_the_others_out(client, taker):
    stream = client.ledger.StreamEvents(pb.StreamEventsRequest(account=taker.id))

    seen = await items(stream, 3)

    assert [item.event.account for item in seen[:2]] == [taker.id] * 2
    assert seen[2].HasField("complete_through")
    stream.cancel()


async def test_a_leaf_proof_leads_from_the_account_to_the_root(client, node, taker):
    answer = await client.ledger.GetLeafProof(pb.GetLeafProofRequest(account=taker.id))

    state = node.ledger()
    assert answer.leaf == account_leaf(node.house.registry, state.accounts[taker.id])
    assert verify_path(leaf_hash(answer.leaf), answer.path, state.root)
    assert not verify_path(leaf_hash(answer.leaf + b"\0"), answer.path, state.root)


async def test_a_leaf_proof_follows_the_state(client, node, taker):
    await client.ledger.GetLeafProof(pb.GetLeafProofRequest(account=taker.id))
    node.clearing.batch(events={HUB_CHAIN: [Deposited(taker.id, token(HUB_CHAIN, "USD"), 5)]})

    answer = await client.ledger.GetLeafProof(pb.GetLeafProofRequest(account=taker.id))

    assert answer.as_of.root == node.ledger().root
    assert verify_path(leaf_hash(answer.leaf), answer.path, node.ledger().root)


async def test_an_account_that_is_not_open_has_no_leaf(client):
    answer = await refusal(client.ledger.GetLeafProof(pb.GetLeafProofRequest(account=bytes(32))))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_the_books_add_up_and_say_so(client, node):
    answer = await client.ledger.GetInvariants(pb.GetInvariantsRequest())

    assert answer.hold
    assert list(answer.broken) == []
    assert [(a.asset, a.in_vault, a.promised) for a in answer.assets] == [("USD@31337", 20_000 * USD, 0)]
    assert answer.accounts == 2


async def test_books_that_do_not_add_up_are_told(client, node, taker):
    state = node.ledger()
    forged = state.accounts[taker.id].credited(Credit(None, 1))
    node.clearing.state = state.with_account(forged)

    answer = await client.ledger.GetInvariants(pb.GetInvariantsRequest())

    assert not answer.hold
    assert list(answer.broken) == ["cash"]


async def test_an_account_is_answered_while_the_books_are_added_up(node, taker, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("node.api.books.report_invariants", lambda *_: release.wait(10))
    server = ClientServer(node, "127.0.0.1:0")
    await server.start()
    client = connect(server)

    books = client.ledger.GetInvariants(pb.GetInvariantsRequest())
    await client.accounts.GetAccount(account_service_pb2.GetAccountRequest(account=taker.id), timeout=5)

    assert not books.done()
    release.set()
    await refusal(books)
    await client.channel.close()
    await server.stop(0)
