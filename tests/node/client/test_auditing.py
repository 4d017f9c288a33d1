"""An owner names an auditor, and every later message brings its handles; no node can name one in its place."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from circuits.auditor import AuditorSecret, ProvenAuditor
from circuits.dlog import DiscreteLog
from node.audit.errors import NotAudited
from node.audit.reading import AccountInClear, read_account
from node.client.account import ClientAccount
from node.client.errors import AuditorInvalid, PostingInvalid, WalletDiverged
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.ledger.effects import Posting, PostingKind
from node.ledger.messages import AccountReference, SetAuditor
from tests.node.client.test_sdk import CASH, COIN, DOLLAR, RECIPIENT, funded, propose

SECRET = AuditorSecret.generate()


@pytest.fixture(scope="module")
def logarithms() -> DiscreteLog:
    return DiscreteLog(18)


@pytest.fixture
async def taker(served: Any) -> AsyncIterator[ClientAccount]:
    async with funded(served, WalletSecrets.generate()) as account:
        yield account


@pytest.fixture
async def maker(served: Any) -> AsyncIterator[ClientAccount]:
    async with funded(served, WalletSecrets.generate()) as account:
        yield account


async def trade(taker: ClientAccount, maker: ClientAccount, size: int) -> None:
    """The node shows old proposals too: the maker takes the one of this size."""
    proposed = propose(taker, maker, size)
    async for proposal in maker.proposals():
        if proposal.size == size:
            await maker.accept(proposal)
            break
    await proposed


def name_of(served: Any, secret: AuditorSecret = SECRET) -> bytes:
    """What an auditor hands to an owner of this house."""
    house = served.node.house
    return ProvenAuditor(
        secret.key(house.committee.key), secret.prove(house.committee.key, house.deployment.digest)
    ).encode()


def reading(served: Any, account: ClientAccount, logarithms: DiscreteLog) -> AccountInClear:
    held = served.node.state.accounts[account.id]
    return read_account(SECRET, served.node.house.committee.key, held, lambda: logarithms)


async def require_same(served: Any, account: ClientAccount, logarithms: DiscreteLog) -> None:
    await account.refresh()
    read = await asyncio.to_thread(reading, served, account, logarithms)
    assert read.cash == account.cash
    assert {name: lots for name, lots in read.positions.items() if lots} == account.positions
    assert read.collateral == account.collateral


async def test_an_auditor_reads_along_from_its_naming_on(
    served: Any, taker: ClientAccount, maker: ClientAccount, logarithms: DiscreteLog
) -> None:
    await trade(taker, maker, -500)
    await served.node.credit(taker.id, COIN, 700)
    await taker.refresh()
    await asyncio.gather(taker.set_auditor(name_of(served)), maker.set_auditor(name_of(served)))
    for account in (taker, maker):
        await require_same(served, account, logarithms)
    await trade(taker, maker, 120)
    await trade(taker, maker, -30)
    await taker.prove_margin()
    await taker.withdraw(CASH, 5 * DOLLAR, RECIPIENT)
    for account in (taker, maker):
        await require_same(served, account, logarithms)
    await taker.set_auditor(None)
    with pytest.raises(NotAudited):
        reading(served, taker, logarithms)
    await trade(taker, maker, 5)
    await require_same(served, maker, logarithms)
    assert served.node.refused == []


async def test_messages_under_way_bring_handles_for_the_auditor_named_before_them(
    served: Any, taker: ClientAccount, logarithms: DiscreteLog
) -> None:
    """They chain on a version that no batch has yet, and on the auditor that it will have."""
    async with asyncio.TaskGroup() as group:
        group.create_task(taker.set_auditor(name_of(served)))
        group.create_task(taker.prove_margin())
        group.create_task(taker.withdraw(CASH, DOLLAR, RECIPIENT))
    await require_same(served, taker, logarithms)
    assert served.node.refused == []


async def test_a_restored_wallet_knows_its_auditor_from_what_its_owner_signed(
    served: Any, maker: ClientAccount, logarithms: DiscreteLog
) -> None:
    secrets = WalletSecrets.generate()
    async with funded(served, secrets) as before:
        await before.set_auditor(name_of(served))
        await trade(before, maker, 42)
    async with funded(served, secrets) as restored:
        await trade(restored, maker, -40)
        await require_same(served, restored, logarithms)


@pytest.mark.parametrize("change", [lambda n: n[:-1], lambda n: n[:48] + bytes(80), lambda n: bytes(48) + n[48:]])
async def test_what_is_no_auditor_of_this_house_is_not_named(served: Any, taker: ClientAccount, change: Any) -> None:
    with pytest.raises(AuditorInvalid):
        await taker.set_auditor(change(name_of(served)))
    house = served.node.house.committee.key
    elsewhere = ProvenAuditor(SECRET.key(house), SECRET.prove(house, b"another deployment"))
    with pytest.raises(AuditorInvalid):
        await taker.set_auditor(elsewhere.encode())
    assert served.node.state.accounts[taker.id].audit is None


async def test_a_node_that_invents_an_auditor_gets_no_handle(served: Any) -> None:
    """It says so in the account, or in a posting with a message that it signed itself."""
    secrets, node = WalletSecrets.generate(), served.node
    async with funded(served, secrets) as account:
        name = account.id
        await account.prove_margin()
    auditor = AuditorSecret.generate().key(node.house.committee.key)
    message = SetAuditor(AccountReference(name, 1, 1), auditor, b"", 0, bytes(32), 10**9)
    posting = Posting(PostingKind.AUDITOR, name, message=message.digest(node.house.deployment))
    node.postings[name].append((node.batch, posting, message))
    async with await ZkClear.connect(served.target, secrets) as client:
        with pytest.raises(PostingInvalid):
            await client.open_account()
    node.postings[name].pop()
    node.claimed_auditor = auditor
    async with await ZkClear.connect(served.target, secrets) as client:
        with pytest.raises(WalletDiverged, match="auditor"):
            await client.open_account()
