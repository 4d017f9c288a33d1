"""From proposal to acceptance."""

from dataclasses import replace

import grpc
import pytest
from clearing.v1 import messages_pb2
from clearing.v1 import trade_service_pb2 as pb

from node.ledger.errors import Reason, Refused
from node.ledger.messages import Trade
from node.ledger.wire_proposals import trade_proposal_from_proto, trade_proposal_to_proto
from tests.node.api.calls import items, refusal
from tests.support.ledger import Trader, make_trade


@pytest.fixture
def trade(node, taker, maker) -> Trade:
    return make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000)


def propose(trade: Trade) -> pb.ProposeRequest:
    return pb.ProposeRequest(proposal=trade_proposal_to_proto(trade))


def accept(trade: Trade, name: bytes) -> pb.AcceptRequest:
    reference = messages_pb2.AccountReference(
        account=trade.maker.account, version=trade.maker.version, credits=trade.maker.credits
    )
    return pb.AcceptRequest(
        proposal_id=name,
        maker=reference,
        maker_proof=trade.maker_proof,
        maker_signature=trade.maker_signature,
    )


async def test_a_proposal_becomes_the_trade_that_both_signed(client, node, trade):
    proposed = await client.trades.Propose(propose(trade))
    accepted = await client.trades.Accept(accept(trade, proposed.proposal_id))

    assert accepted.message_id == proposed.proposal_id == trade.digest(node.house.deployment)
    assert node.taken == [trade]


async def test_a_maker_sees_waiting_proposals_then_new_ones_and_only_its_own(client, node, taker, maker, setting):
    first = make_trade(node.ledger(), taker, maker, "BTC-PERP", 1, 800_000)
    others = make_trade(node.ledger(), maker, taker, "BTC-PERP", 1, 800_000)
    second = make_trade(node.ledger(), taker, maker, "ETH-PERP", 1, 20_000)
    await client.trades.Propose(propose(first))
    stream = client.trades.StreamProposals(pb.StreamProposalsRequest(maker=maker.id))
    waiting = await items(stream, 1)
    await client.trades.Propose(propose(others))
    await client.trades.Propose(propose(second))
    new = await items(stream, 1)

    deployment = node.house.deployment
    assert [item.proposal_id for item in (*waiting, *new)] == [first.digest(deployment), second.digest(deployment)]
    assert trade_proposal_from_proto(new[0].proposal).terms == second.terms
    stream.cancel()


async def test_a_proposal_that_its_taker_did_not_sign_is_refused(client, node, trade, maker):
    forged = replace(trade, taker_signature=maker.sign(trade.digest(node.house.deployment)))

    answer = await refusal(client.trades.Propose(propose(forged)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SIGNATURE_INVALID")
    assert node.waiting == {}


async def test_an_acceptance_that_the_maker_did_not_sign_is_refused(client, node, trade, taker):
    name = (await client.trades.Propose(propose(trade))).proposal_id
    forged = replace(trade, maker_signature=taker.sign(trade.acceptance_digest(node.house.deployment)))

    answer = await refusal(client.trades.Accept(accept(forged, name)))

    assert answer.reason == "SIGNATURE_INVALID"
    assert answer.metadata["account"] == trade.maker.account.hex()
    assert node.taken == []


async def test_an_unknown_proposal_cannot_be_accepted(client, trade):
    answer = await refusal(client.trades.Accept(accept(trade, bytes(32))))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_only_the_maker_it_names_can_accept_a_proposal(client, trade, setting):
    name = (await client.trades.Propose(propose(trade))).proposal_id
    other = replace(trade, maker=replace(trade.maker, account=Trader(setting).id))

    answer = await refusal(client.trades.Accept(accept(other, name)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")


async def test_an_account_that_moved_on_aborts_the_acceptance_with_its_version(client, node, trade):
    name = (await client.trades.Propose(propose(trade))).proposal_id
    metadata = (("account", trade.maker.account.hex()), ("version", "4"))
    node.refuse = Refused(Reason.VERSION_MISMATCH, "version 3 named, 4 is current", metadata)

    answer = await refusal(client.trades.Accept(accept(trade, name)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH")
    assert answer.metadata == dict(metadata)


async def test_a_proposal_with_a_commitment_off_the_curve_names_the_field(client, trade):
    request = propose(trade)
    request.proposal.terms.commitment = b"\xff" * 96

    answer = await refusal(client.trades.Propose(request))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert answer.fields == ("terms.commitment",)
