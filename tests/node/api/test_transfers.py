"""From a proposed transfer to its acceptance."""

from dataclasses import replace

import grpc
import pytest
from clearing.v1 import messages_pb2
from clearing.v1 import transfer_service_pb2 as pb

from node.ledger.errors import Reason, Refused
from node.ledger.messages import Transfer
from node.ledger.types import CASH
from node.ledger.wire_proposals import transfer_proposal_to_proto
from tests.node.api.calls import items, refusal
from tests.support.ledger import Trader, make_transfer


@pytest.fixture
def transfer(node, taker, maker) -> Transfer:
    return make_transfer(node.ledger(), taker, maker, CASH, 5)


def propose(transfer: Transfer) -> pb.ProposeTransferRequest:
    return pb.ProposeTransferRequest(proposal=transfer_proposal_to_proto(transfer))


def accept(transfer: Transfer, name: bytes) -> pb.AcceptTransferRequest:
    receiver = messages_pb2.AccountReference(
        account=transfer.receiver.account, version=transfer.receiver.version, credits=transfer.receiver.credits
    )
    return pb.AcceptTransferRequest(
        proposal_id=name,
        receiver=receiver,
        receiver_proof=transfer.receiver_proof,
        receiver_signature=transfer.receiver_signature,
    )


async def test_a_proposal_becomes_the_transfer_that_both_signed(client, node, transfer):
    proposed = await client.transfers.ProposeTransfer(propose(transfer))
    accepted = await client.transfers.AcceptTransfer(accept(transfer, proposed.proposal_id))

    assert accepted.message_id == proposed.proposal_id == transfer.digest(node.house.deployment)
    assert node.taken == [transfer]


async def test_a_receiver_sees_waiting_transfers_then_new_ones_and_only_its_own(client, node, taker, maker):
    first = make_transfer(node.ledger(), taker, maker, CASH, 1)
    others = make_transfer(node.ledger(), maker, taker, CASH, 1)
    second = make_transfer(node.ledger(), taker, maker, CASH, 2)
    await client.transfers.ProposeTransfer(propose(first))
    stream = client.transfers.StreamTransfers(pb.StreamTransfersRequest(receiver=maker.id))
    waiting = await items(stream, 1)
    await client.transfers.ProposeTransfer(propose(others))
    await client.transfers.ProposeTransfer(propose(second))
    new = await items(stream, 1)

    deployment = node.house.deployment
    assert [item.proposal_id for item in (*waiting, *new)] == [first.digest(deployment), second.digest(deployment)]
    stream.cancel()


async def test_a_transfer_that_its_sender_did_not_sign_is_refused(client, node, transfer, maker):
    forged = replace(transfer, sender_signature=maker.sign(transfer.digest(node.house.deployment)))

    answer = await refusal(client.transfers.ProposeTransfer(propose(forged)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SIGNATURE_INVALID")
    assert node.offered == {}


async def test_an_acceptance_that_the_receiver_did_not_sign_is_refused(client, node, transfer, taker):
    name = (await client.transfers.ProposeTransfer(propose(transfer))).proposal_id
    forged = replace(transfer, receiver_signature=taker.sign(transfer.acceptance_digest(node.house.deployment)))

    answer = await refusal(client.transfers.AcceptTransfer(accept(forged, name)))

    assert answer.reason == "SIGNATURE_INVALID"
    assert node.taken == []


async def test_an_unknown_transfer_cannot_be_accepted(client, transfer):
    answer = await refusal(client.transfers.AcceptTransfer(accept(transfer, bytes(32))))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_only_the_receiver_it_names_can_accept_a_transfer(client, transfer, setting):
    name = (await client.transfers.ProposeTransfer(propose(transfer))).proposal_id
    other = replace(transfer, receiver=replace(transfer.receiver, account=Trader(setting).id))

    answer = await refusal(client.transfers.AcceptTransfer(accept(other, name)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")


async def test_an_account_that_moved_on_aborts_the_acceptance_with_its_version(client, node, transfer):
    name = (await client.transfers.ProposeTransfer(propose(transfer))).proposal_id
    metadata = (("account", transfer.receiver.account.hex()), ("version", "4"))
    node.refuse = Refused(Reason.VERSION_MISMATCH, "version 3 named, 4 is current", metadata)

    answer = await refusal(client.transfers.AcceptTransfer(accept(transfer, name)))

    assert (answer.code, answer.reason) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH")
    assert answer.metadata == dict(metadata)


async def test_a_transfer_with_a_commitment_off_the_curve_names_the_field(client, transfer):
    request = propose(transfer)
    request.proposal.terms.commitment = b"\xff" * 96

    answer = await refusal(client.transfers.ProposeTransfer(request))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert answer.fields == ("terms.commitment",)
