"""Openings move as the ledger's commitments do, whatever the history."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.group import random_scalar
from circuits.pedersen import HANDLE_BASE, NOTHING, Commitment, CommitmentKey, Opening
from node.client.errors import PostingInvalid
from node.client.holdings import Holdings
from node.ledger.account import Account, Credit
from node.ledger.effects import Posting, PostingKind
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd

KEY = CommitmentKey(HANDLE_BASE * random_scalar())
ACCOUNT = AccountId(b"\x01" * 32)
ASSETS = (AssetId("WBTC@1"), AssetId("WETH@2"))
INSTRUMENTS = (InstrumentId("BTC-PERP"), InstrumentId("ETH-PERP"))
TRADE = Digest(b"\x02" * 32)

amounts = st.integers(-(2**40), 2**40)
assets, instruments = st.sampled_from(ASSETS), st.sampled_from(INSTRUMENTS)
postings = st.one_of(
    st.builds(Posting, st.just(PostingKind.CREDITED), st.just(ACCOUNT), amounts, st.none() | assets),
    st.builds(Posting, st.just(PostingKind.MERGED), st.just(ACCOUNT), st.integers(0, 2)),
    st.builds(Posting, st.just(PostingKind.CASH), st.just(ACCOUNT), amounts),
    st.builds(Posting, st.just(PostingKind.COLLATERAL), st.just(ACCOUNT), amounts, assets),
    st.builds(Posting, st.just(PostingKind.POSITION), st.just(ACCOUNT), amounts, st.none(), instruments),
    st.builds(
        Posting,
        st.sampled_from((PostingKind.TRADE_TAKEN, PostingKind.TRADE_MADE)),
        st.just(ACCOUNT),
        amounts,
        st.none(),
        instruments,
        st.just(TRADE),
    ),
    st.builds(Posting, st.just(PostingKind.SETTLED), st.just(ACCOUNT), amounts, st.none(), instruments),
    st.just(Posting(PostingKind.OPENED, ACCOUNT)),
)


def ledger_step(account: Account, posting: Posting, size: Commitment, secret: Holdings) -> Account:
    """The step of the ledger's own account that the posting tells of."""
    match posting.kind:
        case PostingKind.CREDITED:
            return account.credited(Credit(posting.asset, posting.amount))
        case PostingKind.MERGED:
            return account.merged(account.credits_merged + posting.amount)
        case PostingKind.CASH:
            return account.with_cash_moved(MicroUsd(posting.amount))
        case PostingKind.COLLATERAL:
            assert posting.asset is not None
            return account.with_collateral_moved(posting.asset, posting.amount)
        case PostingKind.OPENED:
            return replace(
                account,
                cash=Commitment.public(secret.cash.value),
                collateral={name: Commitment.public(o.value) for name, o in secret.collateral.items()},
                positions={name: Commitment.public(o.value) for name, o in secret.positions.items()},
            )
        case _:
            return position_step(account, posting, size)


def position_step(account: Account, posting: Posting, size: Commitment) -> Account:
    assert posting.instrument is not None
    match posting.kind:
        case PostingKind.POSITION:
            return account.with_position_moved(posting.instrument, Commitment.public(posting.amount))
        case PostingKind.SETTLED:
            return account.settled(posting.instrument, MicroUsd(posting.amount))
        case _:
            change = size if posting.kind is PostingKind.TRADE_TAKEN else -size
            moved = account.with_position_moved(posting.instrument, change)
            return replace(moved, cash=moved.cash - change.scaled(posting.amount))


@settings(max_examples=40)
@given(st.lists(st.tuples(postings, st.integers(-(2**31), 2**31 - 1)), max_size=12))
def test_openings_commit_to_what_the_ledger_holds_after_any_history(
    history: list[tuple[Posting, int]],
) -> None:
    holdings, account = Holdings(), Account(ACCOUNT, Address(bytes(20)), 0, bytes(32), 31337)
    for posting, value in history:
        if posting.kind is PostingKind.MERGED and posting.amount > len(holdings.waiting):
            continue
        size = Opening.fresh(value)
        account = ledger_step(account, posting, KEY.commit(size), holdings)
        holdings = holdings.apply(posting, size)
    assert KEY.commit(holdings.cash) == account.cash
    for name in ASSETS:
        opening = holdings.collateral.get(name, Opening.public(0))
        assert KEY.commit(opening) == account.collateral.get(name, NOTHING)
    for instrument in INSTRUMENTS:
        assert KEY.commit(holdings.position(instrument)) == account.position(instrument)
    assert holdings.credits_arrived == account.credits_merged + len(account.inbox)


def test_a_position_settles_into_cash_at_price_less_funding() -> None:
    size = Opening.fresh(-40)
    bought = Holdings().traded(INSTRUMENTS[0], size, MicroUsd(100))
    settled = bought.settled(INSTRUMENTS[0], MicroUsd(70))
    assert bought.cash.value == 4_000
    assert settled.cash.value == 4_000 - 40 * 70
    assert settled.positions == {}


def test_more_credits_than_wait_cannot_be_merged() -> None:
    with pytest.raises(PostingInvalid):
        Holdings().apply(Posting(PostingKind.MERGED, ACCOUNT, 1))


@pytest.mark.parametrize("kind", [PostingKind.TRADE_TAKEN, PostingKind.TRADE_MADE])
def test_a_trade_without_its_size_is_refused(kind: PostingKind) -> None:
    with pytest.raises(PostingInvalid):
        Holdings().apply(Posting(kind, ACCOUNT, 5, instrument=INSTRUMENTS[0], message=TRADE))


@pytest.mark.parametrize(
    "kind", [PostingKind.COLLATERAL, PostingKind.POSITION, PostingKind.SETTLED, PostingKind.TRADE_TAKEN]
)
def test_a_posting_that_names_nothing_to_move_is_refused(kind: PostingKind) -> None:
    with pytest.raises(PostingInvalid):
        Holdings().apply(Posting(kind, ACCOUNT, 5), Opening.public(1))


def test_the_repr_of_holdings_shows_no_amount() -> None:
    held = Holdings().with_public_cash(987_654_321).with_public_position(INSTRUMENTS[0], 123_456)
    assert "987654321" not in repr(held)
    assert "123456" not in repr(held)
