"""Private transfers between two owners, over a node in this process that applies the real ledger rules."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from node.client.account import ClientAccount
from node.client.errors import AmountInvalid, HouseRefused, ProposalLapsed, ProposalRejected, ShortOfMargin
from node.client.keystore import WalletSecrets
from node.client.transferring import TransferOrder
from node.client.views import Receipt, TransferProposal
from node.ledger.types import CASH, MAX_AMOUNT, AccountId, AssetId
from tests.node.client.test_sdk import COIN, DOLLAR, funded, trade

UNITS = 12_345


@pytest.fixture
async def sender(served: Any) -> AsyncIterator[ClientAccount]:
    """With dollars and bitcoin."""
    async with funded(served, WalletSecrets.generate()) as account:
        await served.node.credit(account.id, COIN, 10 * UNITS)
        await account.refresh()
        yield account


@pytest.fixture
async def receiver(served: Any) -> AsyncIterator[ClientAccount]:
    async with funded(served, WalletSecrets.generate()) as account:
        yield account


def offer(sender: ClientAccount, receiver: ClientAccount, asset: AssetId, amount: int) -> asyncio.Task[Receipt]:
    return asyncio.create_task(sender.propose_transfer(receiver=receiver.id, asset=asset, amount=amount))


async def next_transfer(receiver: ClientAccount) -> TransferProposal:
    async for proposal in receiver.transfers():
        return proposal
    raise AssertionError("unreachable")


async def move(sender: ClientAccount, receiver: ClientAccount, asset: AssetId, amount: int) -> None:
    offered = offer(sender, receiver, asset, amount)
    await receiver.accept_transfer(await next_transfer(receiver))
    await offered
    await sender.refresh()
    await receiver.refresh()


@pytest.mark.parametrize("asset", [COIN, CASH])
async def test_what_one_owner_sends_the_other_holds(
    sender: ClientAccount, receiver: ClientAccount, asset: AssetId
) -> None:
    """Both wallets hold their openings against the ledger's commitments at every batch."""
    await move(sender, receiver, asset, UNITS)
    if asset == CASH:
        assert (sender.cash, receiver.cash) == (10_000 * DOLLAR - UNITS, 10_000 * DOLLAR + UNITS)
    else:
        assert (sender.collateral[COIN], receiver.collateral[COIN]) == (9 * UNITS, UNITS)


async def test_the_receiver_is_shown_what_it_signs_for(sender: ClientAccount, receiver: ClientAccount) -> None:
    offered = offer(sender, receiver, COIN, UNITS)
    shown = await next_transfer(receiver)
    assert (shown.sender, shown.asset, shown.amount) == (sender.id, COIN, UNITS)
    assert str(UNITS) not in repr(shown)
    for lie in (replace(shown, amount=UNITS + 1), replace(shown, asset=CASH), replace(shown, sender=receiver.id)):
        with pytest.raises(ProposalRejected):
            await receiver.accept_transfer(lie)
    await receiver.accept_transfer(shown)
    await offered


async def test_a_wallet_is_restored_from_seed_and_public_history_on_either_side(served: Any) -> None:
    sending, receiving = WalletSecrets.generate(), WalletSecrets.generate()
    async with funded(served, sending) as sender, funded(served, receiving) as receiver:
        await move(sender, receiver, CASH, UNITS)
    for secrets, cash in ((sending, 10_000 * DOLLAR - UNITS), (receiving, 10_000 * DOLLAR + UNITS)):
        async with funded(served, secrets) as restored:
            assert restored.cash == cash


async def test_a_receiver_with_positions_proves_its_margin_with_what_came(
    served: Any, sender: ClientAccount, receiver: ClientAccount
) -> None:
    await trade(sender, receiver, 100)
    before = served.node.state.accounts[receiver.id].limbs
    await move(sender, receiver, COIN, UNITS)
    assert served.node.state.accounts[receiver.id].limbs != before
    assert receiver.collateral == {COIN: UNITS}


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT])
def test_an_amount_that_no_transfer_has_makes_no_order(amount: int) -> None:
    with pytest.raises(AmountInvalid):
        TransferOrder(AccountId(bytes(32)), COIN, amount)


def test_an_orders_repr_shows_no_amount() -> None:
    assert str(UNITS) not in repr(TransferOrder(AccountId(bytes(32)), COIN, UNITS))


async def test_nobody_sends_more_than_there_is(served: Any, sender: ClientAccount, receiver: ClientAccount) -> None:
    with pytest.raises(AmountInvalid):
        await sender.propose_transfer(receiver=receiver.id, asset=COIN, amount=11 * UNITS)
    with pytest.raises(ShortOfMargin):
        await sender.propose_transfer(receiver=receiver.id, asset=CASH, amount=MAX_AMOUNT - 1)
    assert served.node.offered == {}


async def test_an_account_sends_nothing_to_itself(sender: ClientAccount) -> None:
    with pytest.raises(HouseRefused) as caught:
        await sender.propose_transfer(receiver=sender.id, asset=COIN, amount=UNITS)
    assert caught.value.reason == "SELF_TRANSFER"


async def test_a_transfer_that_nobody_accepts_lapses(
    served: Any, sender: ClientAccount, receiver: ClientAccount
) -> None:
    before = served.node.state.accounts[sender.id]
    offered = offer(sender, receiver, COIN, UNITS)
    await next_transfer(receiver)
    late = replace(served.node.state, hub_height=served.node.state.hub_height + 1_000)
    await served.node.advance(late, ())
    with pytest.raises(ProposalLapsed):
        await offered
    assert served.node.state.accounts[sender.id] == before


async def test_a_transfer_is_offered_again_when_the_sender_moves_on(
    served: Any, sender: ClientAccount, receiver: ClientAccount
) -> None:
    offered = offer(sender, receiver, COIN, UNITS)
    first = await next_transfer(receiver)
    await served.node.bump(sender.id)
    async for proposal in receiver.transfers():
        if proposal.id != first.id:
            await receiver.accept_transfer(proposal)
            break
    await offered
    await receiver.refresh()
    assert receiver.collateral == {COIN: UNITS}
