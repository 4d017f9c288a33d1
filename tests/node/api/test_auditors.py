"""Audited accounts over gRPC: handles in accounts and leaves, what the owner signed in postings, a maker's handle."""

import pytest
from clearing.v1 import account_service_pb2 as pb
from clearing.v1 import ledger_service_pb2, messages_pb2, trade_service_pb2

from circuits.auditor import AuditorSecret
from node.audit.accounts import account_from_proto
from node.ledger.leaves import account_leaf
from node.ledger.wire import auditor_from_proto, message_to_proto
from node.ledger.wire_proposals import trade_proposal_to_proto
from tests.node.api.calls import refusal, until_mark
from tests.support.ledger import make_trade

SECRET = AuditorSecret.generate()


@pytest.fixture
def named(node, taker, maker):
    """The taker's and the maker's SetAuditor, in the ledger after a trade."""
    node.clearing.accept(make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000))
    messages = [trader.set_auditor(node.ledger(), SECRET) for trader in (taker, maker)]
    node.clearing.accept(*messages)
    return messages


async def test_an_audited_accounts_leaf_follows_from_its_fields(client, node, taker, named):
    request = ledger_service_pb2.GetLeafProofRequest(account=taker.id)
    answer = await client.ledger.GetLeafProof(request)

    held = node.ledger().accounts[taker.id]
    assert answer.account.audit.auditor == SECRET.key(node.house.committee.key).encode()
    assert account_from_proto(answer.account) == held
    assert account_leaf(node.house.registry, account_from_proto(answer.account)) == answer.leaf


async def test_an_account_without_an_auditor_has_no_field_of_it(client, taker):
    account = (await client.accounts.GetAccount(pb.GetAccountRequest(account=taker.id))).account

    assert not account.HasField("audit")


async def test_a_posting_brings_what_the_owner_signed(client, taker, named):
    stream = client.accounts.StreamPostings(pb.StreamPostingsRequest(account=taker.id))

    past = [item.posting for item in await until_mark(stream)]
    (posting,) = [entry for entry in past if entry.kind == pb.POSTING_KIND_AUDITOR]

    assert auditor_from_proto(posting.set_auditor) == named[0]
    stream.cancel()


async def test_a_naming_is_handed_to_the_node_if_its_owner_signed(client, node, taker, maker):
    message = taker.set_auditor(node.ledger(), SECRET)
    sent = ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(message))
    sent.message.set_auditor.signature = maker.sign(message.digest(node.house.deployment))
    answer = await refusal(client.ledger.SubmitMessage(sent))

    assert answer.reason == "SIGNATURE_INVALID"
    assert node.taken == []

    await client.ledger.SubmitMessage(ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(message)))
    assert node.taken == [message]


async def test_a_maker_accepts_with_its_handle(client, node, taker, maker, named):
    trade = make_trade(node.ledger(), taker, maker, "BTC-PERP", 1, 800_000)
    request = trade_service_pb2.ProposeRequest(proposal=trade_proposal_to_proto(trade))
    name = (await client.trades.Propose(request)).proposal_id
    acceptance = trade_service_pb2.AcceptRequest(
        proposal_id=name,
        maker=messages_pb2.AccountReference(
            account=trade.maker.account, version=trade.maker.version, credits=trade.maker.credits
        ),
        maker_proof=trade.maker_proof,
        maker_signature=trade.maker_signature,
        maker_handle=trade.maker_handle.encode(),
        maker_handle_proof=trade.maker_handle_proof,
    )
    await client.trades.Accept(acceptance)

    assert node.taken == [trade]

    acceptance.maker_handle = bytes(48)
    answer = await refusal(client.trades.Accept(acceptance))
    assert (answer.reason, answer.fields) == ("MALFORMED", ("maker_handle",))
