"""What a wallet restores from seed and history, and what it refuses."""

from dataclasses import dataclass, field, replace

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.auditor import AuditorKey
from circuits.group import random_scalar
from circuits.pedersen import HANDLE_BASE, NOTHING, Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment
from node.client.derivation import fresh_nonce
from node.client.errors import BoxRefused, OpeningMismatch, PostingInvalid, ProposalRejected, WalletDiverged
from node.client.proposals import read_proposal
from node.client.signing import OwnerKey
from node.client.wallet import MAX_TRADE_LOTS, AccountWallet, SizeSearch
from node.ledger.effects import Posting, PostingKind
from node.ledger.messages import AccountReference, SetAuditor, Trade, TradeTerms
from node.ledger.types import AccountId, AssetId, Digest, InstrumentId, MicroUsd

KEY = CommitmentKey(HANDLE_BASE * random_scalar())
DEPLOYMENT = Deployment(31337, b"\x0a" * 20, b"\x05" * 32)
TAKER, MAKER = AccountId(b"\x01" * 32), AccountId(b"\x02" * 32)
PERPETUAL = InstrumentId("BTC-PERP")
SEARCH = SizeSearch(table_bits=12)
TAKING, MAKING = b"\x11" * 32, b"\x22" * 32
OWNER = OwnerKey(b"\x33" * 32)
AUDITOR = AuditorKey(HANDLE_BASE * random_scalar())


@dataclass(frozen=True)
class Committed:
    """A ledger account as far as a wallet compares it."""

    cash: Commitment = NOTHING
    collateral: dict[AssetId, Commitment] = field(default_factory=dict)
    positions: dict[InstrumentId, Commitment] = field(default_factory=dict)
    credits_merged: int = 0
    auditor: AuditorKey | None = None


def wallet(seed: bytes, account: AccountId) -> AccountWallet:
    return AccountWallet(seed, DEPLOYMENT, account, KEY, SEARCH)


def make_trade(size: int, price: int = 100) -> Trade:
    """The taker's half, with proofs and signatures left out: wallets do not look at them."""
    nonce = fresh_nonce()
    taker = wallet(TAKING, TAKER)
    opening = taker.size_opening(size, nonce)
    box = taker.seal(wallet(MAKING, MAKER).sealing_key, opening, MAKER, nonce)
    terms = TradeTerms(
        taker=AccountReference(TAKER, 0, 0),
        maker=MAKER,
        instrument=PERPETUAL,
        price=MicroUsd(price),
        fee=MicroUsd(0),
        round=1,
        commitment=KEY.commit(opening),
        box_digest=Digest(keccak(box)),
        nonce=nonce,
        expiry=100,
    )
    return Trade(terms, box, b"", b"", b"", AccountReference(MAKER, 0, 0))


def posting(trade: Trade, kind: PostingKind, amount: int = 100) -> Posting:
    account = TAKER if kind is PostingKind.TRADE_TAKEN else MAKER
    return Posting(kind, account, amount, instrument=PERPETUAL, message=trade.digest(DEPLOYMENT))


def with_terms(trade: Trade, **changes: object) -> Trade:
    return replace(trade, terms=replace(trade.terms, **changes))  # type: ignore[arg-type]


@settings(max_examples=15)
@given(st.lists(st.integers(-5_000_000, 5_000_000).filter(bool), min_size=1, max_size=4))
def test_taker_and_maker_restore_the_same_trades_from_seed_and_history(sizes: list[int]) -> None:
    taker, maker = wallet(TAKING, TAKER), wallet(MAKING, MAKER)
    total = NOTHING
    for size in sizes:
        trade = make_trade(size)
        taker.apply(posting(trade, PostingKind.TRADE_TAKEN), trade)
        maker.apply(posting(trade, PostingKind.TRADE_MADE), trade)
        total = total + trade.terms.commitment
    taker.verify(Committed(cash=-total.scaled(100), positions={PERPETUAL: total}))
    maker.verify(Committed(cash=total.scaled(100), positions={PERPETUAL: -total}))
    assert taker.holdings.position(PERPETUAL).value == sum(sizes)
    assert maker.holdings.position(PERPETUAL).value == -sum(sizes)


@pytest.mark.parametrize("size", [-MAX_TRADE_LOTS, MAX_TRADE_LOTS - 1])
def test_the_largest_trades_are_restored(size: int) -> None:
    taker = AccountWallet(TAKING, DEPLOYMENT, TAKER, KEY, SizeSearch(table_bits=16))
    trade = make_trade(size)
    taker.apply(posting(trade, PostingKind.TRADE_TAKEN), trade)
    assert taker.holdings.position(PERPETUAL).value == size


def test_a_remembered_size_needs_no_search() -> None:
    class NoSearch(SizeSearch):
        def opening(self, *_: object) -> Opening:
            raise AssertionError("searched")

    taker = AccountWallet(TAKING, DEPLOYMENT, TAKER, KEY, NoSearch())
    trade = make_trade(7)
    taker.remember(trade.digest(DEPLOYMENT), taker.size_opening(7, trade.terms.nonce))
    taker.apply(posting(trade, PostingKind.TRADE_TAKEN), trade)
    assert taker.holdings.position(PERPETUAL).value == 7


def test_a_taken_trade_of_another_seed_is_not_restored() -> None:
    trade = make_trade(7)
    with pytest.raises(PostingInvalid):
        wallet(b"\x33" * 32, TAKER).apply(posting(trade, PostingKind.TRADE_TAKEN), trade)


def test_a_trade_posting_needs_the_very_trade_it_names() -> None:
    trade, other = make_trade(7), make_trade(7)
    for wrong in (None, other):
        with pytest.raises(PostingInvalid):
            wallet(MAKING, MAKER).apply(posting(trade, PostingKind.TRADE_MADE), wrong)


def test_a_posting_of_another_account_is_refused() -> None:
    with pytest.raises(PostingInvalid):
        wallet(TAKING, TAKER).apply(Posting(PostingKind.CASH, MAKER, 5))


def test_a_wallet_never_takes_the_other_part_in_its_trade() -> None:
    trade = make_trade(7)
    wrong = replace(posting(trade, PostingKind.TRADE_TAKEN), account=MAKER)
    with pytest.raises(PostingInvalid):
        wallet(MAKING, MAKER).apply(wrong, trade)


@pytest.mark.parametrize("subject", ["cash", "WBTC@1", "BTC-PERP", "the number of merged credits", "the auditor"])
def test_a_commitment_that_is_not_the_openings_is_named(subject: str) -> None:
    one = Commitment.public(1)
    committed = {
        "cash": Committed(cash=one),
        "WBTC@1": Committed(collateral={AssetId("WBTC@1"): one}),
        "BTC-PERP": Committed(positions={PERPETUAL: one}),
        "the number of merged credits": Committed(credits_merged=1),
        "the auditor": Committed(auditor=AUDITOR),
    }[subject]
    wallet(TAKING, TAKER).verify(Committed())
    with pytest.raises(WalletDiverged) as diverged:
        wallet(TAKING, TAKER).verify(committed)
    assert diverged.value.subject == subject


def test_a_good_proposal_shows_the_maker_what_the_taker_signed() -> None:
    trade = make_trade(-12, price=345)
    shown = read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, trade.digest(DEPLOYMENT), trade)
    assert (shown.taker, shown.instrument, shown.price, shown.size) == (TAKER, PERPETUAL, 345, -12)
    assert "-12" not in repr(shown)


def test_a_box_that_opens_to_another_size_is_refused() -> None:
    trade = make_trade(12)
    doctored = with_terms(trade, commitment=trade.terms.commitment + Commitment.public(1))
    with pytest.raises(OpeningMismatch):
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, doctored.digest(DEPLOYMENT), doctored)


def test_a_box_that_opens_c_but_not_d_is_refused() -> None:
    # Such a handle would keep the committee from ever opening the maker's position.
    trade = make_trade(12)
    bent = Commitment(trade.terms.commitment.c, trade.terms.commitment.d + HANDLE_BASE)
    doctored = with_terms(trade, commitment=bent)
    with pytest.raises(OpeningMismatch):
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, doctored.digest(DEPLOYMENT), doctored)


def test_a_box_of_another_proposal_is_refused() -> None:
    trade = make_trade(12)
    moved = with_terms(trade, nonce=fresh_nonce())
    with pytest.raises(BoxRefused):
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, moved.digest(DEPLOYMENT), moved)


def test_a_box_that_is_not_the_one_in_the_terms_is_refused() -> None:
    trade = make_trade(12)
    swapped = replace(trade, sealed_box=make_trade(12).sealed_box)
    with pytest.raises(ProposalRejected) as rejected:
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, swapped.digest(DEPLOYMENT), swapped)
    assert rejected.value.field == "box"


def test_terms_that_are_not_the_proposals_are_refused() -> None:
    trade = make_trade(12)
    cheaper = with_terms(trade, price=MicroUsd(1))
    with pytest.raises(ProposalRejected) as rejected:
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, trade.digest(DEPLOYMENT), cheaper)
    assert rejected.value.field == "id"


def test_a_proposal_for_another_maker_is_refused() -> None:
    trade = make_trade(12)
    with pytest.raises(ProposalRejected) as rejected:
        read_proposal(wallet(TAKING, TAKER), DEPLOYMENT, trade.digest(DEPLOYMENT), trade)
    assert rejected.value.field == "maker"


@pytest.mark.parametrize("size", [0, MAX_TRADE_LOTS, -MAX_TRADE_LOTS - 1])
def test_a_size_that_no_trade_can_have_is_refused(size: int) -> None:
    trade = make_trade(size)
    with pytest.raises(ProposalRejected) as rejected:
        read_proposal(wallet(MAKING, MAKER), DEPLOYMENT, trade.digest(DEPLOYMENT), trade)
    assert rejected.value.field == "size"


def naming(auditor: AuditorKey | None, account: AccountId = TAKER, owner: OwnerKey = OWNER) -> SetAuditor:
    message = SetAuditor(AccountReference(account, 3, 0), auditor, b"", 0, fresh_nonce(), 99)
    return replace(message, signature=owner.sign(message.digest(DEPLOYMENT)))


def named(message: SetAuditor) -> Posting:
    return Posting(PostingKind.AUDITOR, TAKER, message=message.digest(DEPLOYMENT))


def test_an_auditor_is_whom_the_owner_signed_for_until_it_signs_again() -> None:
    owned = AccountWallet(TAKING, DEPLOYMENT, TAKER, KEY, SEARCH, OWNER.address)
    for auditor in (AUDITOR, None):
        message = naming(auditor)
        owned.apply(named(message), message)
        assert owned.holdings.auditor == auditor
    amount = Opening.fresh(7)
    assert owned.holdings.handle(amount) is None


@pytest.mark.parametrize(
    "message",
    [
        naming(AUDITOR, owner=OwnerKey(b"\x44" * 32)),
        naming(AUDITOR, account=MAKER),
        replace(naming(AUDITOR), auditor=AuditorKey(HANDLE_BASE * random_scalar())),
        replace(naming(AUDITOR), signature=b""),
        None,
        make_trade(12),
    ],
    ids=["another signer", "another account", "another auditor", "no signature", "no message", "a trade"],
)
def test_a_node_cannot_make_an_owner_believe_in_an_auditor(message: SetAuditor | None) -> None:
    """Whoever brought handles for it would be read by the node."""
    owned = AccountWallet(TAKING, DEPLOYMENT, TAKER, KEY, SEARCH, OWNER.address)
    told = Digest(bytes(32)) if message is None else message.digest(DEPLOYMENT)
    with pytest.raises(PostingInvalid):
        owned.apply(Posting(PostingKind.AUDITOR, TAKER, message=told), message)
    with pytest.raises(PostingInvalid):
        wallet(TAKING, TAKER).apply(named(naming(AUDITOR)), naming(AUDITOR))
    assert owned.holdings.auditor is None


def test_the_repr_of_a_wallet_shows_no_secret() -> None:
    owner = wallet(TAKING, TAKER)
    owner.apply(Posting(PostingKind.CASH, TAKER, 987_654_321))
    for secret in (TAKING.hex(), repr(TAKING), "987654321"):
        assert secret not in repr(owner) + repr(owner.holdings)
