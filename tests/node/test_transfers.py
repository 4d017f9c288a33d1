"""The board of private transfers."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from node.ledger.errors import Reason, Refused
from node.ledger.messages import MAX_MESSAGE_BYTES, AccountReference, Transfer
from node.ledger.types import CASH
from node.network.errors import InvalidGossip
from node.sequencing.admission import Admission, PoolLimits
from node.sequencing.verification import ClaimChecker
from node.transfers import TransferBoard
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.clearing import Clearing
from tests.support.ledger import Trader, make_setting, make_transfer


@dataclass
class Boards:
    """Two nodes' boards, and a transfer that its sender offers."""

    clearing: Clearing
    offer: Transfer
    near: TransferBoard
    far: TransferBoard


@pytest.fixture
async def boards() -> AsyncIterator[Boards]:
    setting = make_setting()
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31337, "USD", 20_000_000_000)
    transfer = make_transfer(clearing.state, sender, receiver, CASH, 1_000)
    offer = replace(transfer, receiver=AccountReference(receiver.id, 0, 0), receiver_proof=b"", receiver_signature=b"")
    switch = FakeSwitch()
    meshes = [FakeMesh(switch, key.address) for key in setting.keys[:2]]
    workers = ThreadPoolExecutor(1)
    checker = ClaimChecker(setting.house.committee.key, workers)
    admission = Admission(setting.house, clearing.state, checker, PoolLimits(), lambda: 0.0)
    near, far = (TransferBoard(setting.house, admission, checker, mesh) for mesh in meshes)
    yield Boards(clearing, offer, near, far)
    for mesh in meshes:
        mesh._task.cancel()
    workers.shutdown()


async def test_a_transfer_offered_at_one_node_reaches_the_receiver_at_another(boards: Boards) -> None:
    with boards.far.book.news.subscribe(8) as arriving:
        name = await boards.near.propose(boards.offer)
        arrived = await anext(arriving)

    assert arrived.id == name
    assert arrived.transfer == boards.offer
    assert boards.far.book.to(boards.offer.terms.receiver) == (arrived,)


@pytest.mark.parametrize("field", ["sender_proof", "opening_proof"])
async def test_an_offer_whose_proof_is_false_is_refused(boards: Boards, field: str) -> None:
    proof = getattr(boards.offer, field)
    false = replace(boards.offer, **{field: proof[:-1] + bytes([proof[-1] ^ 1])})

    with pytest.raises(Refused) as caught:
        await boards.near.propose(false)

    assert caught.value.reason is Reason.PROOF_INVALID
    assert boards.near.book.to(boards.offer.terms.receiver) == ()


async def test_an_offer_in_anothers_name_is_refused(boards: Boards) -> None:
    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, sender_signature=bytes(65)))

    assert caught.value.reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("payload", [bytes(MAX_MESSAGE_BYTES + 1), b"\xff" * 40, b""], ids=["long", "noise", "empty"])
async def test_gossip_that_is_no_transfer_is_an_offence(boards: Boards, payload: bytes) -> None:
    with pytest.raises(InvalidGossip):
        await boards.far._on_proposal(bytes(20), payload)


async def test_what_was_moved_or_expired_leaves_the_board(boards: Boards) -> None:
    name = await boards.near.propose(boards.offer)
    boards.near.book.on_final(boards.clearing.state.hub_height, {name})
    assert boards.near.book.find(name) is None

    await boards.near.propose(boards.offer)
    boards.near.book.on_final(boards.offer.terms.expiry + 1, set())
    assert boards.near.book.find(name) is None
