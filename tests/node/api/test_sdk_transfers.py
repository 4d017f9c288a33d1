"""Private transfers with the client's own library against these services, with genuine proofs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from node.api import ClientServer
from node.client.account import ClientAccount
from node.client.errors import AmountInvalid, ProposalRejected, ShortOfMargin
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.views import TransferProposal
from node.ledger.batch import Deposited
from node.ledger.claims import InlineVerifier
from node.ledger.effects import EventKind
from node.ledger.types import AssetId, InstrumentId, MicroUsd
from tests.node.api.fake import FakeNode
from tests.support.ledger import HUB_CHAIN, RECIPIENT, USD, token

ETHER = AssetId(f"WETH@{HUB_CHAIN}")
PERPETUAL = InstrumentId("BTC-PERP")
UNITS = 10**5
"""Ledger units of one ether."""


@pytest.fixture
def node(setting) -> FakeNode:
    """A node without accounts that verifies every proof and makes each message final."""
    return FakeNode(setting, verifier=InlineVerifier(setting.house.committee.key), decides=True)


@pytest.fixture
def secrets() -> list[WalletSecrets]:
    return [WalletSecrets.generate(), WalletSecrets.generate()]


@pytest.fixture
async def owners(server: ClientServer, node: FakeNode, secrets) -> AsyncIterator[list[ClientAccount]]:
    """A sender with ten ether and dollars, and a receiver with dollars."""
    target = f"127.0.0.1:{server.port}"
    async with (
        await ZkClear.connect(target, secrets[0]) as first,
        await ZkClear.connect(target, secrets[1]) as second,
    ):
        accounts = [await first.open_account(), await second.open_account()]
        paid = [Deposited(account.id, token(HUB_CHAIN, "USD"), 10_000 * USD) for account in accounts]
        ether = Deposited(accounts[0].id, token(HUB_CHAIN, "WETH"), 10 * UNITS)
        node.clearing.batch(events={HUB_CHAIN: [*paid, ether]})
        for account in accounts:
            await account.refresh()
        yield accounts


async def incoming(receiver: ClientAccount) -> TransferProposal:
    async for proposal in receiver.transfers():
        return proposal
    raise AssertionError("unreachable")


async def move(sender: ClientAccount, receiver: ClientAccount, amount: int) -> None:
    sending = asyncio.create_task(sender.propose_transfer(receiver=receiver.id, asset=ETHER, amount=amount))
    shown = await incoming(receiver)
    assert (shown.sender, shown.asset, shown.amount) == (sender.id, ETHER, amount)
    assert str(amount) not in repr(shown)
    received = await receiver.accept_transfer(shown)
    assert await sending == received
    await sender.refresh()
    await receiver.refresh()


async def test_ether_moves_privately_and_both_owners_hold_what_the_ledger_committed_to(node, owners):
    sender, receiver = owners
    await move(sender, receiver, 4 * UNITS)

    assert sender.collateral == {ETHER: 6 * UNITS}
    assert receiver.collateral == {ETHER: 4 * UNITS}
    (told,) = node.clearing.told(EventKind.TRANSFERRED)
    assert str(4 * UNITS) not in dict(told.attributes).values()


async def test_a_receiver_without_positions_signs_alone_and_one_with_a_window_proves_it_again(node, owners):
    sender, receiver = owners
    await move(sender, receiver, UNITS)
    assert node.taken[-1].receiver_proof == b""
    await receiver.prove_margin()
    node.offered.clear()
    await move(sender, receiver, UNITS)
    assert node.taken[-1].receiver_proof != b""
    assert receiver.collateral == {ETHER: 2 * UNITS}


async def test_what_was_received_can_be_withdrawn(node, owners):
    sender, receiver = owners
    await move(sender, receiver, 3 * UNITS)
    await receiver.withdraw(ETHER, 2 * UNITS, RECIPIENT)
    await receiver.refresh()
    assert receiver.collateral == {ETHER: UNITS}
    assert [payout.amount for payout in node.ledger().payouts.values()] == [2 * UNITS]


async def test_both_wallets_are_restored_from_seed_and_history(node, owners, secrets, server):
    await move(*owners, 123_456)
    for wallet, left in zip(secrets, (10 * UNITS - 123_456, 123_456), strict=True):
        async with await ZkClear.connect(f"127.0.0.1:{server.port}", wallet) as again:
            restored = await again.open_account()
            assert restored.collateral == {ETHER: left}


@pytest.mark.parametrize("amount", [0, -1, 1 << 40])
async def test_an_amount_that_no_transfer_has_is_not_offered(node, owners, amount: int):
    with pytest.raises(AmountInvalid):
        await owners[0].propose_transfer(receiver=owners[1].id, asset=ETHER, amount=amount)
    assert node.offered == {}


async def test_more_than_there_is_is_not_offered(node, owners):
    with pytest.raises(AmountInvalid):
        await owners[0].propose_transfer(receiver=owners[1].id, asset=ETHER, amount=10 * UNITS + 1)
    assert node.offered == {}


async def test_a_sender_that_would_be_short_of_margin_offers_nothing(node, owners):
    """Its cash is withdrawn and more, so that the debt stands on a position and the ether."""
    sender, receiver = owners
    trading = asyncio.create_task(
        sender.propose(maker=receiver.id, instrument=PERPETUAL, size=1_000, price=MicroUsd(800_000))
    )
    async for proposal in receiver.proposals():
        await receiver.accept(proposal)
        break
    await trading
    await sender.withdraw(AssetId(f"USD@{HUB_CHAIN}"), 9_900 * USD, RECIPIENT)
    node.offered.clear()

    with pytest.raises(ShortOfMargin):
        await sender.propose_transfer(receiver=receiver.id, asset=ETHER, amount=10 * UNITS)
    assert node.offered == {}


async def test_a_receiver_signs_nothing_but_what_it_was_shown(node, owners):
    sender, receiver = owners
    sending = asyncio.create_task(sender.propose_transfer(receiver=receiver.id, asset=ETHER, amount=7))
    shown = await incoming(receiver)
    with pytest.raises(ProposalRejected) as rejected:
        await receiver.accept_transfer(replace(shown, amount=8))
    assert rejected.value.field == "amount"
    assert node.ledger().used_handles == frozenset()
    sending.cancel()
