"""The client against a node in this process that applies the real ledger rules and verifies every proof."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from node.client import pipeline
from node.client.account import ClientAccount
from node.client.deposits import Chain, VaultDeposit
from node.client.errors import (
    AmountInvalid,
    HouseRefused,
    HouseUntrusted,
    ProposalLapsed,
    ProposalRejected,
    ShortOfMargin,
    WalletDiverged,
)
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.views import Proposal, Receipt
from node.ledger.messages import Withdraw
from node.ledger.state import Default, Lot, Offer, Stage
from node.ledger.types import Address, AssetId, Digest, InstrumentId, MicroUsd

DOLLAR = 10**6
PERPETUAL = InstrumentId("BTC-PERP")
CASH = AssetId("USD@31337")
COIN = AssetId("WBTC@31337")
RECIPIENT = Address(b"\x77" * 20)


@asynccontextmanager
async def funded(served: Any, wallet: WalletSecrets, dollars: int = 10_000) -> AsyncIterator[ClientAccount]:
    """An open account with a deposit waiting in its inbox."""
    async with await ZkClear.connect(served.target, wallet) as client:
        account = await client.open_account()
        if not served.node.postings.get(account.id):
            await served.node.credit(account.id, None, dollars * DOLLAR)
        await account.refresh()
        yield account


@pytest.fixture
async def taker(served: Any) -> AsyncIterator[ClientAccount]:
    async with funded(served, WalletSecrets.generate()) as account:
        yield account


@pytest.fixture
async def maker(served: Any) -> AsyncIterator[ClientAccount]:
    async with funded(served, WalletSecrets.generate()) as account:
        yield account


async def next_proposal(maker: ClientAccount) -> Proposal:
    async for proposal in maker.proposals():
        return proposal
    raise AssertionError("unreachable")


async def accept_next(maker: ClientAccount) -> Receipt:
    return await maker.accept(await next_proposal(maker))


def propose(taker: ClientAccount, maker: ClientAccount, size: int) -> asyncio.Task[Receipt]:
    order = taker.propose(maker=maker.id, instrument=PERPETUAL, size=size, price=MicroUsd(DOLLAR), fee=7)
    return asyncio.create_task(order)


async def trade(taker: ClientAccount, maker: ClientAccount, size: int) -> None:
    proposed = propose(taker, maker, size)
    await accept_next(maker)
    await proposed


async def test_both_sides_of_a_trade_hold_what_the_ledger_committed_to(
    taker: ClientAccount, maker: ClientAccount
) -> None:
    await trade(taker, maker, -500)
    await taker.refresh()
    await maker.refresh()
    assert taker.positions == {PERPETUAL: -500}
    assert maker.positions == {PERPETUAL: 500}
    # cash′ moves by price less funding, 1 − 3 dollars a lot.
    assert taker.cash == 9_000 * DOLLAR - 7
    assert maker.cash == 11_000 * DOLLAR


async def test_a_wallet_is_restored_from_seed_and_public_history_on_either_side(served: Any) -> None:
    taking, making = WalletSecrets.generate(), WalletSecrets.generate()
    async with funded(served, taking) as taker, funded(served, making) as maker:
        await trade(taker, maker, -321)
    for secrets, size in ((taking, -321), (making, 321)):
        async with funded(served, secrets) as restored:
            assert restored.positions == {PERPETUAL: size}


async def test_another_seed_does_not_take_over_an_open_account(served: Any) -> None:
    secrets = WalletSecrets.generate()
    async with funded(served, secrets):
        pass
    async with await ZkClear.connect(served.target, WalletSecrets.with_owner_key(secrets.owner_key)) as client:
        with pytest.raises(HouseUntrusted):
            await client.open_account()


async def test_a_version_that_moved_on_is_retried_on_the_current_one(served: Any, taker: ClientAccount) -> None:
    moves = 2

    async def move(method: str, message: Any) -> None:
        nonlocal moves
        if moves:
            moves -= 1
            await served.node.bump(taker.id)

    served.node.meddle = move
    receipt = await taker.prove_margin()
    assert served.node.refused == ["VERSION_MISMATCH", "VERSION_MISMATCH"]
    assert served.node.final[receipt.message_id] == receipt.batch


async def test_retries_are_bounded(served: Any, taker: ClientAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_ATTEMPTS", 3)

    async def always_move(method: str, message: Any) -> None:
        await served.node.bump(taker.id)

    served.node.meddle = always_move
    with pytest.raises(HouseRefused) as refused:
        await taker.prove_margin()
    assert refused.value.reason == "VERSION_MISMATCH"
    assert served.node.refused == ["VERSION_MISMATCH"] * 3


async def test_a_withdrawal_whose_answer_was_lost_is_not_made_twice(served: Any, taker: ClientAccount) -> None:
    served.node.lose_answers = 2
    receipt = await taker.withdraw(CASH, 100 * DOLLAR, RECIPIENT)
    await taker.refresh()
    assert taker.cash == 9_900 * DOLLAR
    assert len(served.node.state.payouts) == 1
    assert receipt.message_id in served.node.final


async def test_a_withdrawal_that_landed_in_spite_of_a_refusal_is_not_made_twice(
    served: Any, taker: ClientAccount
) -> None:
    async def land_then_refuse(method: str, message: Any) -> None:
        served.node.meddle = None
        assert isinstance(message, Withdraw)
        digest = message.digest(served.node.house.deployment)
        await served.node.apply(message, digest)
        # Another node took it in first: here it is out of date, and its batch not final yet.
        served.node.certified.add(digest)
        asyncio.get_running_loop().call_later(0.3, served.node.certified.clear)

    served.node.meddle = land_then_refuse
    await taker.withdraw(CASH, 100 * DOLLAR, RECIPIENT)
    assert served.node.refused == ["VERSION_MISMATCH"]
    assert len(served.node.state.payouts) == 1


async def test_concurrent_messages_of_one_account_chain_on_predicted_versions(
    served: Any, taker: ClientAccount
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(taker.withdraw(CASH, DOLLAR, RECIPIENT))
    await taker.refresh()
    assert taker.cash == 9_996 * DOLLAR
    assert served.node.refused == []


async def test_a_maker_serves_several_takers_at_once(served: Any, maker: ClientAccount) -> None:
    async with (
        funded(served, WalletSecrets.generate()) as first,
        funded(served, WalletSecrets.generate()) as second,
        funded(served, WalletSecrets.generate()) as third,
    ):
        proposed = [propose(first, maker, 10), propose(second, maker, -20), propose(third, maker, 40)]
        async with asyncio.TaskGroup() as group:
            async for proposal in maker.proposals():
                group.create_task(maker.accept(proposal))
                if len(served.node.proposals) == 3 and proposal.id == list(served.node.proposals)[-1]:
                    break
        await asyncio.gather(*proposed)
        await maker.refresh()
        assert maker.positions == {PERPETUAL: -30}
        assert served.node.refused == []


async def test_a_proposal_is_made_again_when_the_taker_moves_on(
    served: Any, taker: ClientAccount, maker: ClientAccount
) -> None:
    proposed = propose(taker, maker, 5)
    first = await next_proposal(maker)
    await taker.prove_margin()
    async for again in maker.proposals():
        if again.id != first.id:
            await maker.accept(again)
            break
    assert (await proposed).message_id == again.id
    # A fresh nonce, hence a fresh blinding: the same size in another commitment.
    assert first.trade.terms.commitment != again.trade.terms.commitment


async def test_a_proposal_that_nobody_accepts_lapses(served: Any, taker: ClientAccount, maker: ClientAccount) -> None:
    proposed = propose(taker, maker, 5)
    await next_proposal(maker)
    await served.node.advance(replace(served.node.state, hub_height=10_000), ())
    with pytest.raises(ProposalLapsed):
        await proposed


async def test_a_maker_signs_nothing_but_what_it_was_shown(
    served: Any, taker: ClientAccount, maker: ClientAccount
) -> None:
    proposed = propose(taker, maker, 5)
    proposal = await next_proposal(maker)
    with pytest.raises(ProposalRejected) as rejected:
        await maker.accept(replace(proposal, price=MicroUsd(proposal.price + 1)))
    assert rejected.value.field == "price"
    proposed.cancel()


async def test_a_bad_proposal_is_passed_over_and_the_next_one_arrives(
    served: Any, taker: ClientAccount, maker: ClientAccount, caplog: pytest.LogCaptureFixture
) -> None:
    proposed = propose(taker, maker, 5)
    good = await next_proposal(maker)
    doctored = type(served.node.proposals[good.id])()
    doctored.CopyFrom(served.node.proposals[good.id])
    doctored.terms.price += 1
    served.node.proposals = {b"\x01" * 32: doctored, **served.node.proposals}
    with caplog.at_level(logging.WARNING):
        assert (await next_proposal(maker)).id == good.id
    assert "is not the digest of the terms" in caplog.text
    proposed.cancel()


async def test_an_account_short_of_margin_sends_nothing(
    served: Any, taker: ClientAccount, maker: ClientAccount
) -> None:
    with pytest.raises(ShortOfMargin) as short:
        await taker.propose(maker=maker.id, instrument=PERPETUAL, size=90_000, price=MicroUsd(DOLLAR))
    assert short.value.scenario == "BTC at 8000 USD"
    assert short.value.shortfall > 8_000
    assert str(short.value.shortfall) not in str(short.value) + repr(short.value)
    assert served.node.proposals == {}


async def test_collateral_is_withdrawn_up_to_what_is_there(served: Any, taker: ClientAccount) -> None:
    served.node.state = served.node.state.with_inventory_moved(COIN, 10**9)
    await served.node.credit(taker.id, COIN, 2_000_000)
    await taker.refresh()
    await taker.withdraw(COIN, 500_000, RECIPIENT)
    await taker.refresh()
    assert taker.collateral == {COIN: 1_500_000}
    with pytest.raises(AmountInvalid):
        await taker.withdraw(COIN, 1_500_001, RECIPIENT)


async def test_a_commitment_that_is_not_the_wallets_stops_the_owner(served: Any, taker: ClientAccount) -> None:
    held = served.node.state.accounts[taker.id]
    served.node.state = served.node.state.with_account(held.with_cash_moved(MicroUsd(1)))
    with pytest.raises(WalletDiverged) as diverged:
        await taker.prove_margin()
    assert diverged.value.subject == "cash"


async def test_equal_deposits_wait_for_a_credit_each(
    served: Any, taker: ClientAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = []

    async def pay(chain: Chain, key: Any, deposit: VaultDeposit) -> bytes:
        paid.append(deposit)
        return bytes(32)

    monkeypatch.setattr("node.client.account.pay_in", pay)
    chain = Chain(31337, "http://127.0.0.1:1")
    deposits = [asyncio.create_task(taker.deposit(chain, "WBTC", 7)) for _ in range(2)]
    await asyncio.sleep(0.05)
    await served.node.credit(taker.id, COIN, 7)
    await asyncio.wait(deposits, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    await asyncio.sleep(0.05)
    assert [task.done() for task in deposits].count(True) == 1
    await served.node.credit(taker.id, COIN, 7)
    await asyncio.wait_for(asyncio.gather(*deposits), 5)
    # Ledger units become the token's base units: 1e-6 of a coin with eight decimals is 100.
    assert [(d.account, d.token, d.amount) for d in paid] == [(taker.id, b"\x02" * 20, 700)] * 2


async def test_the_margin_report_names_equity_and_the_windows_edges(taker: ClientAccount, maker: ClientAccount) -> None:
    await trade(taker, maker, -500)
    report = await taker.margin()
    # Sold at the mark: only the fee is lost.
    assert report.equity * DOLLAR == 10_000 * DOLLAR - 7
    assert report.slack > 0
    assert report.deposit == 0
    (edge,) = report.edges
    assert edge.symbol == "BTC"
    assert edge.down_ppm > 0
    assert edge.up_ppm > 0
    assert "9999" not in repr(report)


async def test_a_bidder_takes_a_defaulted_portfolio_and_holds_its_openings(
    served: Any, taker: ClientAccount, maker: ClientAccount
) -> None:
    auction = Digest(b"\x08" * 32)
    default = Default(
        auction,
        maker.id,
        Stage.AUCTION,
        frozen_in=1,
        lots=(Lot(PERPETUAL, 500),),
        offer=Offer((Lot(PERPETUAL, 1),), 500, 500, served.node.state.hub_height, MicroUsd(DOLLAR)),
        auctions=1,
    )
    served.node.state = served.node.state.with_default(default)
    await taker.bid(auction, MicroUsd(2 * DOLLAR), units=200)
    await taker.refresh()
    price = served.node.state.defaults[auction].sale_price
    assert price < 400 * DOLLAR
    assert taker.positions == {PERPETUAL: 200}
    # cash′ pays the price and takes in the funding index of each lot.
    assert taker.cash == 10_000 * DOLLAR - price + 200 * 3 * DOLLAR
    await taker.bid(auction, MicroUsd(2 * DOLLAR))
    await taker.refresh()
    assert taker.positions == {PERPETUAL: 500}
    assert served.node.state.defaults[auction].offer is None


async def test_a_member_contributes_to_the_default_fund_and_takes_it_back(served: Any, taker: ClientAccount) -> None:
    await taker.contribute(MicroUsd(1_000 * DOLLAR))
    await taker.refresh()
    assert served.node.state.default_fund == {taker.id: 1_000 * DOLLAR}
    assert taker.cash == 9_000 * DOLLAR
    await taker.contribute(MicroUsd(-1_000 * DOLLAR))
    await taker.prove_margin()
    assert served.node.state.default_fund == {}
    assert taker.cash == 10_000 * DOLLAR
    with pytest.raises(HouseRefused) as refused:
        await taker.contribute(MicroUsd(-1))
    assert refused.value.reason == "AMOUNT_INVALID"


async def test_bidding_on_what_is_not_on_offer_is_refused(taker: ClientAccount) -> None:
    with pytest.raises(HouseRefused) as refused:
        await taker.bid(Digest(b"\x09" * 32), MicroUsd(DOLLAR))
    assert refused.value.reason == "AUCTION_UNKNOWN"


async def test_an_accounts_events_are_read_along(served: Any, taker: ClientAccount) -> None:
    await taker.prove_margin()
    kinds = []
    async for event in taker.events():
        kinds.append(event.kind)
        if len(kinds) == 2:
            break
    assert kinds == ["ACCOUNT_OPENED", "MARGIN_PROVEN"]


async def test_a_client_that_pins_a_house_connects_to_it_and_to_no_other(served: Any) -> None:
    wallet = WalletSecrets.generate()
    async with await ZkClear.connect(served.target, wallet, house=served.pin) as client:
        assert client.house.digest == served.pin
    for other in (bytes(32), b"", served.node.house.deployment.digest):
        with pytest.raises(HouseUntrusted):
            await ZkClear.connect(served.target, wallet, house=other)


async def test_an_opening_whose_answer_was_lost_opens_one_account(served: Any) -> None:
    served.node.lose_answers = 1
    # The node does not recognise the message when it comes again, and says that the account exists.
    known = served.node.final

    class Forgetful(dict[bytes, int]):
        def __contains__(self, digest: object) -> bool:
            return False

    served.node.final = Forgetful(known)
    async with funded(served, WalletSecrets.generate()) as account:
        assert served.node.refused == ["ACCOUNT_EXISTS"]
        assert list(served.node.state.accounts) == [account.id]


async def test_a_pinned_sealing_key_keeps_the_size_from_a_node_that_names_its_own(
    served: Any, taker: ClientAccount, maker: ClientAccount
) -> None:
    own = maker.sealing_key
    held = served.node.state.accounts[maker.id]
    served.node.state = served.node.state.with_account(replace(held, sealing_key=taker.sealing_key))
    order = {"maker": maker.id, "instrument": PERPETUAL, "size": 5, "price": MicroUsd(DOLLAR)}
    proposed = asyncio.create_task(taker.propose(**order, sealing_key=own))
    assert (await next_proposal(maker)).size == 5
    proposed.cancel()
