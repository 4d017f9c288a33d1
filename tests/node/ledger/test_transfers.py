"""Private transfers in the ledger: what moves, who has to prove what, and every refusal. Proofs are real."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from circuits.auditor import AuditorSecret
from circuits.errors import Insolvent
from circuits.group import ORDER, ZERO, random_scalar
from circuits.pedersen import Opening
from node.ledger.effects import EventKind
from node.ledger.messages import AccountReference, Transfer
from node.ledger.types import CASH, MAX_AMOUNT, AccountId, AssetId, Digest, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, amounts, make_trade, make_transfer, resigned_transfer
from tests.support.scenes import on_margin

COIN = "WETH@31338"
UNITS = 10**5
"""Of one ether."""
PERP = "BTC-PERP"


@pytest.fixture(scope="module")
def sender(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def receiver(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def stranger(setting: Setting) -> Trader:
    """An account without anything in it."""
    return Trader(setting)


@pytest.fixture(scope="module")
def clearing(setting: Setting, sender: Trader, receiver: Trader, stranger: Trader) -> Clearing:
    """Sender and receiver with money, ether and a trade between them. Refusals leave it as it is."""
    made = Clearing.start(setting, sender, receiver, stranger)
    made.deposit(sender.id, 31337, "USD", 5_000 * USD)
    made.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    made.deposit(receiver.id, 31338, "USD", 5_000 * USD)
    made.accept(make_trade(made.state, sender, receiver, PERP, 500, 800_000), blocks=0)
    return made


@pytest.fixture(scope="module")
def transfer(clearing: Clearing, sender: Trader, receiver: Trader) -> Transfer:
    """A good one, of four ether."""
    made = make_transfer(clearing.state, sender, receiver, COIN, 4 * UNITS)
    assert clearing.propose(made, blocks=0).refused == ()
    return made


def test_collateral_moves_and_nobody_reads_how_much(setting: Setting) -> None:
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    clearing.accept(make_transfer(clearing.state, sender, receiver, COIN, 4 * UNITS))
    assert amounts(sender.holdings)[COIN] == 6 * UNITS
    assert amounts(receiver.holdings)[COIN] == 4 * UNITS
    (told,) = clearing.told(EventKind.TRANSFERRED)
    assert told.account == sender.id
    assert dict(told.attributes) == {
        "transfer": dict(told.attributes)["transfer"],
        "receiver": receiver.id.hex(),
        "asset": COIN,
    }
    assert (4 * UNITS).to_bytes(4, "big") not in clearing.body


def test_a_receiver_that_has_nothing_at_risk_signs_and_proves_nothing(setting: Setting) -> None:
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    moved = make_transfer(clearing.state, sender, receiver, COIN, UNITS)
    assert moved.receiver_proof == b""
    needless = make_transfer(clearing.state, sender, receiver, COIN, UNITS, proven=True)
    assert clearing.refusal(needless) == "PROOF_INVALID"
    clearing.accept(moved)
    assert clearing.account(receiver).window is None


def test_cash_moves_between_accounts_and_both_can_be_opened(setting: Setting) -> None:
    """Both prove, so that the limbs by which the committee reads cash are those after the transfer."""
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31337, "USD", 5_000 * USD)
    clearing.accept(make_transfer(clearing.state, sender, receiver, CASH, 1_234 * USD))
    assert amounts(sender.holdings)["cash"] == 3_766 * USD
    assert amounts(receiver.holdings)["cash"] == 1_234 * USD
    for trader in (sender, receiver):
        limbs = clearing.account(trader).limbs
        assert limbs.high is not None
        assert limbs.public_since == 0
    clearing.accept(receiver.withdraw(clearing.state, "USD@31337", 1_000 * USD))
    assert amounts(receiver.holdings)["cash"] == 234 * USD


def test_cash_that_is_received_has_to_be_proven(clearing: Clearing, sender: Trader, stranger: Trader) -> None:
    bare = make_transfer(clearing.state, sender, stranger, CASH, USD, proven=False)
    assert clearing.refusal(bare) == "PROOF_INVALID"


def test_cash_below_zero_needs_collateral_that_covers_it(setting: Setting) -> None:
    """What is left of cash may be negative, like any debit: margin is what holds."""
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    with pytest.raises(Insolvent):
        make_transfer(clearing.state, sender, receiver, CASH, 2_000 * USD)
    clearing.accept(make_transfer(clearing.state, sender, receiver, CASH, 500 * USD))
    assert amounts(sender.holdings)["cash"] == -500 * USD


def test_a_sender_short_of_margin_after_it_makes_none(clearing: Clearing, sender: Trader, receiver: Trader) -> None:
    with pytest.raises(Insolvent):
        make_transfer(clearing.state, sender, receiver, CASH, 9_000 * USD)


@pytest.mark.parametrize("amount", [-UNITS, 11 * UNITS, MAX_AMOUNT, ORDER - UNITS, (ORDER + 1) // 2])
def test_no_amount_outside_its_range_is_ever_moved(
    clearing: Clearing, sender: Trader, receiver: Trader, transfer: Transfer, amount: int
) -> None:
    """The forger commits to it and brings the proofs of a good transfer, which are for another commitment."""
    forged = replace(
        transfer, terms=replace(transfer.terms, commitment=sender.commit(Opening(amount, random_scalar())))
    )
    assert clearing.refusal(resigned_transfer(forged, sender, receiver)) == "PROOF_INVALID"


CROOKED: dict[str, tuple[Callable[[Transfer, Trader, Trader], Transfer], str]] = {
    "another amount under the same proofs": (
        lambda t, s, r: resigned_transfer(t, s, r, commitment=s.commit(Opening(1, random_scalar()))),
        "PROOF_INVALID",
    ),
    "an amount without a blinding": (
        lambda t, s, r: resigned_transfer(t, s, r, commitment=s.commit(Opening(UNITS, ZERO))),
        "COMMITMENT_REUSED|AMOUNT_INVALID",
    ),
    "another receiver": (
        lambda t, s, r: resigned_transfer(t, s, r, receiver=AccountId(bytes(32))),
        "SELF_TRANSFER",
    ),
    "itself as receiver": (
        lambda t, s, r: resigned_transfer(replace(t, receiver=replace(t.receiver, account=s.id)), s, s, receiver=s.id),
        "SELF_TRANSFER",
    ),
    "an unknown receiver": (
        lambda t, s, r: resigned_transfer(
            replace(t, receiver=AccountReference(AccountId(bytes(32)), 0, 0)), s, r, receiver=AccountId(bytes(32))
        ),
        "ACCOUNT_UNKNOWN",
    ),
    "an asset that is not listed": (
        lambda t, s, r: resigned_transfer(t, s, r, asset=AssetId("DOGE@1")),
        "ASSET_UNKNOWN",
    ),
    "dollars of one chain": (lambda t, s, r: resigned_transfer(t, s, r, asset=AssetId("USD@31337")), "ASSET_UNKNOWN"),
    "an asset that the sender does not hold": (
        lambda t, s, r: resigned_transfer(t, s, r, asset=AssetId("WBTC@31338")),
        "AMOUNT_INVALID",
    ),
    "another asset that moves under the same proofs": (
        lambda t, s, r: resigned_transfer(t, s, r, asset=CASH),
        "PROOF_INVALID",
    ),
    "another round": (lambda t, s, r: resigned_transfer(t, s, r, round=99), "ROUND_UNKNOWN"),
    "an expiry that has passed": (lambda t, s, r: resigned_transfer(t, s, r, expiry=0), "EXPIRED"),
    "another box": (
        lambda t, s, r: resigned_transfer(replace(t, sealed_box=bytes([1]) + t.sealed_box[1:]), s, r),
        "MALFORMED",
    ),
    "a short box": (lambda t, s, r: replace(t, sealed_box=t.sealed_box[1:]), "MALFORMED"),
    "an old version of the sender": (
        lambda t, s, r: resigned_transfer(t, s, r, sender=replace(t.terms.sender, version=t.terms.sender.version - 1)),
        "VERSION_MISMATCH",
    ),
    "an old version of the receiver": (
        lambda t, s, r: resigned_transfer(
            replace(t, receiver=replace(t.receiver, version=t.receiver.version - 1)), s, r
        ),
        "VERSION_MISMATCH",
    ),
    "no signature of the sender": (lambda t, s, r: replace(t, sender_signature=bytes(65)), "SIGNATURE_INVALID"),
    "no signature of the receiver": (lambda t, s, r: replace(t, receiver_signature=bytes(65)), "SIGNATURE_INVALID"),
    "the sender's signature twice": (
        lambda t, s, r: replace(t, receiver_signature=t.sender_signature),
        "SIGNATURE_INVALID",
    ),
    "no opening proof": (lambda t, s, r: replace(t, opening_proof=bytes(len(t.opening_proof))), "PROOF_INVALID"),
    "the receiver's proof for the sender's": (
        lambda t, s, r: resigned_transfer(replace(t, sender_proof=t.receiver_proof), s, r),
        "PROOF_INVALID",
    ),
    "no proof of the receiver": (
        lambda t, s, r: resigned_transfer(replace(t, receiver_proof=b""), s, r),
        "PROOF_INVALID",
    ),
}


@pytest.mark.parametrize("name", CROOKED)
def test_a_crooked_transfer_is_refused(
    clearing: Clearing, sender: Trader, receiver: Trader, transfer: Transfer, name: str
) -> None:
    change, reasons = CROOKED[name]
    assert clearing.refusal(change(transfer, sender, receiver)) in reasons.split("|")


def test_a_commitment_moves_something_once(setting: Setting) -> None:
    """A copy of it and a wilful default would have the committee decrypt it for the copier."""
    sender, receiver = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    opening = Opening(UNITS, random_scalar())
    first = make_transfer(clearing.state, sender, receiver, COIN, UNITS, opening=opening)
    clearing.accept(first)
    assert clearing.refusal(first) == "VERSION_MISMATCH"
    again = make_transfer(clearing.state, sender, receiver, COIN, UNITS, opening=opening)
    assert clearing.refusal(again) == "COMMITMENT_REUSED"


def test_no_money_comes_to_or_from_an_account_in_default(setting: Setting) -> None:
    scene = on_margin(setting, collateral={(31338, "WETH"): 10 * UNITS})
    clearing, debtor, other = scene.clearing, scene.debtor, scene.bidder
    clearing.deposit(other.id, 31338, "WETH", 10 * UNITS)
    out = make_transfer(clearing.state, debtor, other, COIN, UNITS)
    gift = make_transfer(clearing.state, other, debtor, COIN, UNITS)
    assert clearing.propose(out, blocks=0).refused == ()
    assert clearing.propose(gift, blocks=0).refused == ()
    for status in (Status.DUE, Status.CALLED, Status.FROZEN):
        held = replace(clearing.account(debtor), status=status)
        clearing.state = clearing.state.with_account(held)
        assert clearing.refusal(out) == "ACCOUNT_NOT_ACTIVE"
    assert clearing.refusal(gift) == "ACCOUNT_NOT_ACTIVE"


def test_a_gift_of_collateral_ends_a_call(setting: Setting) -> None:
    """The receiver proves its margin with what came, and is good again."""
    scene = on_margin(setting)
    clearing, debtor, other = scene.clearing, scene.debtor, scene.bidder
    clearing.deposit(other.id, 31338, "WETH", 50 * UNITS)
    clearing.state = clearing.state.with_account(
        replace(clearing.account(debtor), status=Status.CALLED, deadline=9_999)
    )
    clearing.accept(make_transfer(clearing.state, other, debtor, COIN, 50 * UNITS), blocks=0)
    helped = clearing.account(debtor)
    assert helped.status is Status.ACTIVE
    assert helped.deadline == 0
    assert clearing.told(EventKind.MARGIN_PROVEN)


@pytest.mark.parametrize("asset", [COIN, CASH])
@pytest.mark.parametrize("audited", ["sender", "receiver"])
def test_an_auditor_of_either_side_gets_its_handle(setting: Setting, audited: str, asset: str) -> None:
    sender, receiver, secret = Trader(setting), Trader(setting), AuditorSecret.generate()
    clearing = Clearing.start(setting, sender, receiver)
    clearing.deposit(sender.id, 31338, "WETH", 10 * UNITS)
    clearing.deposit(sender.id, 31337, "USD", 100 * USD)
    named = sender if audited == "sender" else receiver
    clearing.accept(named.set_auditor(clearing.state, secret))
    moved = make_transfer(clearing.state, sender, receiver, asset, 7)
    assert (moved.terms.sender_handle is not None) == (audited == "sender")
    assert (moved.receiver_handle is not None) == (audited == "receiver")
    changes = {"sender_handle": None} if audited == "sender" else {}
    bare = moved if changes else replace(moved, receiver_handle=None, receiver_handle_proof=b"")
    assert clearing.refusal(resigned_transfer(bare, sender, receiver, **changes)) == "HANDLE_MISSING"
    clearing.accept(moved)
    account, key = clearing.account(named), clearing.house.committee.key
    assert account.audit is not None
    held, handle = (
        (account.cash, account.audit.cash)
        if asset == CASH
        else (account.collateral[asset], account.audit.collateral[asset])  # type: ignore[index]
    )
    known = named.holdings.cash if asset == CASH else named.holdings.collateral[AssetId(asset)]
    assert secret.read(held, handle) == key.commit(Opening(known.value, ZERO)).c


def test_the_terms_digest_names_every_field(transfer: Transfer, setting: Setting) -> None:
    """So that both signatures and all proofs are for exactly these terms."""
    deployment, terms = setting.house.deployment, transfer.terms
    changes = {
        "sender": replace(terms.sender, version=terms.sender.version + 1),
        "receiver": AccountId(bytes(32)),
        "asset": CASH,
        "round": terms.round + 1,
        "commitment": terms.commitment + terms.commitment,
        "box_digest": Digest(bytes(32)),
        "nonce": bytes([1] * 32),
        "expiry": terms.expiry - 1,
    }
    digests = {replace(terms, **{name: value}).digest(deployment) for name, value in changes.items()}
    assert len(digests | {terms.digest(deployment)}) == len(changes) + 1
