"""The client's own library against these services, with genuine proofs: what one side sends, the other understands."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from node.api import ClientServer
from node.client.account import ClientAccount
from node.client.errors import HouseRefused
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.ledger.batch import Deposited
from node.ledger.claims import InlineVerifier
from node.ledger.errors import Reason, Refused
from node.ledger.types import AssetId, InstrumentId, MicroUsd
from tests.node.api.fake import FakeNode
from tests.support.ledger import HUB_CHAIN, RECIPIENT, USD, token

PERPETUAL = InstrumentId("BTC-PERP")


@pytest.fixture
def node(setting) -> FakeNode:
    """A node without accounts that verifies every proof and makes each message final."""
    return FakeNode(setting, verifier=InlineVerifier(setting.house.committee.key), decides=True)


@pytest.fixture
async def clients(server: ClientServer) -> AsyncIterator[tuple[ZkClear, ZkClear]]:
    target = f"127.0.0.1:{server.port}"
    async with (
        await ZkClear.connect(target, WalletSecrets.generate()) as first,
        await ZkClear.connect(target, WalletSecrets.generate()) as second,
    ):
        yield first, second


async def funded(client: ZkClear, node: FakeNode) -> ClientAccount:
    account = await client.open_account()
    node.clearing.batch(events={HUB_CHAIN: [Deposited(account.id, token(HUB_CHAIN, "USD"), 10_000 * USD)]})
    await account.refresh()
    return account


async def test_two_wallets_open_trade_and_withdraw(node, clients):
    taker, maker = [await funded(client, node) for client in clients]

    proposing = asyncio.create_task(
        taker.propose(maker=maker.id, instrument=PERPETUAL, size=3, price=MicroUsd(800_000), fee=MicroUsd(7))
    )
    async for proposal in maker.proposals():
        await maker.accept(proposal)
        break
    await proposing
    await taker.withdraw(AssetId("USD@31337"), 5 * USD, RECIPIENT)

    state = node.ledger()
    assert state.trades == 1
    assert PERPETUAL in state.accounts[taker.id].positions
    assert PERPETUAL in state.accounts[maker.id].positions
    assert [payout.amount for payout in state.payouts.values()] == [5 * USD]


async def test_a_refusal_reaches_the_client_with_its_reason(node, clients):
    account = await funded(clients[0], node)
    node.refuse = Refused(Reason.VAULT_SHORT, "the vault holds 3", (("available", "3"),))

    with pytest.raises(HouseRefused) as caught:
        await account.withdraw(AssetId("USD@31337"), 5, RECIPIENT)

    error = caught.value
    assert (error.reason, error.detail, error.metadata) == ("VAULT_SHORT", "the vault holds 3", {"available": "3"})
