"""Auditors in the ledger: handles come with every hidden amount, move like it, and read what the owner knows."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from circuits.auditor import AuditorKey, AuditorSecret, Handle
from circuits.dlog import DiscreteLog
from circuits.group import IDENTITY, POINT_BYTES, random_scalar, scalar
from circuits.handles import prove_handles
from circuits.pedersen import Opening
from node.audit.errors import NotAudited, Unreadable, WrongKey
from node.audit.reading import AccountInClear, read_account
from node.ledger.account import Account
from node.ledger.audit import Audit
from node.ledger.batch import Exited
from node.ledger.claims import message_context, proof_context
from node.ledger.effects import EventKind
from node.ledger.leaves import account_leaf
from node.ledger.messages import SetAuditor, Trade
from node.ledger.types import Status
from node.ledger.wire import encode_message
from tests.circuits.test_group import compress, order_eleven_point
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, amounts, make_trade, resigned, token
from tests.support.scenes import on_margin

PERP = "BTC-PERP"
FUTURE = "BTC-20200327"
SECRET = AuditorSecret.generate()
OTHER = AuditorSecret.generate()


@pytest.fixture(scope="module")
def logarithms() -> DiscreteLog:
    return DiscreteLog(14)


@pytest.fixture(scope="module")
def audited(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def plain(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def traded(setting: Setting, audited: Trader, plain: Trader) -> Clearing:
    """Two owners with money, ether and a trade behind them, before anybody names an auditor."""
    made = Clearing.start(setting, audited, plain)
    made.deposit(audited.id, 31337, "USD", 9_000 * USD)
    made.deposit(audited.id, 31338, "WETH", 10 * 10**5)
    made.deposit(plain.id, 31338, "USD", 9_000 * USD)
    made.accept(make_trade(made.state, audited, plain, PERP, 500, 800_000), blocks=0)
    return made


@pytest.fixture(scope="module")
def clearing(traded: Clearing, audited: Trader) -> Clearing:
    """The first owner names an auditor. Refusals leave it as it is."""
    traded.accept(audited.set_auditor(traded.state, SECRET), blocks=0)
    return traded


def reading(
    clearing: Clearing, trader: Trader, logarithms: DiscreteLog, secret: AuditorSecret = SECRET
) -> AccountInClear:
    return read_account(secret, clearing.house.committee.key, clearing.account(trader), lambda: logarithms)


def require_same(clearing: Clearing, trader: Trader, logarithms: DiscreteLog) -> None:
    """The auditor's opening is the owner's own."""
    read = reading(clearing, trader, logarithms)
    assert {"cash": read.cash, **read.collateral, **read.positions} == amounts(trader.holdings)


def test_an_auditor_reads_what_was_there_before_it_was_named(
    clearing: Clearing, audited: Trader, logarithms: DiscreteLog
) -> None:
    require_same(clearing, audited, logarithms)
    assert amounts(audited.holdings)[PERP] == 500
    (told,) = clearing.told(EventKind.AUDITOR_NAMED)
    assert dict(told.attributes) == {"auditor": SECRET.key(clearing.house.committee.key).encode().hex()}


def test_nobody_reads_with_another_key_and_nothing_without_an_auditor(
    clearing: Clearing, audited: Trader, plain: Trader, logarithms: DiscreteLog
) -> None:
    with pytest.raises(WrongKey) as caught:
        reading(clearing, audited, logarithms, OTHER)
    assert SECRET.encode().hex() not in str(caught.value)
    assert OTHER.encode().hex() not in str(caught.value)
    with pytest.raises(NotAudited):
        reading(clearing, plain, logarithms)


@pytest.mark.parametrize("entry", ["cash", "positions", "high", "low"])
def test_a_handle_that_is_not_the_amounts_reads_nothing(
    clearing: Clearing, audited: Trader, logarithms: DiscreteLog, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.audit.reading.MAX_AMOUNT", 1 << 20)
    account = clearing.account(audited)
    assert account.audit is not None
    stray = Handle(account.auditor.base * random_scalar())
    handles = {PERP: stray} if entry == "positions" else stray
    crooked = replace(account, audit=replace(account.audit, **{entry: handles}))
    with pytest.raises(Unreadable):
        read_account(SECRET, clearing.house.committee.key, crooked, lambda: logarithms)


# What a SetAuditor has to bring


def naming(clearing: Clearing, trader: Trader, secret: AuditorSecret = SECRET, **changes: object) -> SetAuditor:
    """A SetAuditor of a trader, who afterwards still brings handles for whom it brought them before."""
    before = trader.auditor
    try:
        return trader.set_auditor(clearing.state, secret, **changes)  # type: ignore[arg-type]
    finally:
        trader.auditor = before


def resealed(message: SetAuditor, trader: Trader, **changes: object) -> SetAuditor:
    return resigned(message, trader, **changes)


def test_a_good_message_names_anybody(clearing: Clearing, plain: Trader) -> None:
    assert clearing.propose(naming(clearing, plain), blocks=0).refused == ()


CROOKED: dict[str, tuple[Callable[[SetAuditor, Trader], SetAuditor], str]] = {
    "the proof of another key": (
        lambda m, t: resealed(
            m, t, auditor_proof=OTHER.prove(t.setting.house.committee.key, t.setting.house.deployment.digest)
        ),
        "PROOF_INVALID",
    ),
    "a key that nobody can read with": (
        lambda m, t: resealed(m, t, auditor=AuditorKey(m.auditor.base + t.setting.house.committee.key.blinding_base)),
        "PROOF_INVALID",
    ),
    "a proof for another house": (
        lambda m, t: resealed(m, t, auditor_proof=SECRET.prove(t.setting.house.committee.key, b"elsewhere")),
        "PROOF_INVALID",
    ),
    "no proof of the key": (lambda m, t: resealed(m, t, auditor_proof=b""), "AUDITOR_INVALID"),
    "no handles": (lambda m, t: resealed(m, t, handles=b"", handles_proof=b""), "HANDLE_MISSING"),
    "one handle less": (lambda m, t: resealed(m, t, handles=m.handles[:-POINT_BYTES]), "HANDLE_MISSING"),
    "one handle more": (lambda m, t: resealed(m, t, handles=m.handles + m.handles[:POINT_BYTES]), "HANDLE_MISSING"),
    "a handle outside the subgroup": (
        lambda m, t: resealed(m, t, handles=compress(order_eleven_point()) + m.handles[POINT_BYTES:]),
        "MALFORMED",
    ),
    "the identity for a handle": (
        lambda m, t: resealed(m, t, handles=Handle(IDENTITY).encode() + m.handles[POINT_BYTES:]),
        "MALFORMED",
    ),
    "no proof of the handles": (lambda m, t: resealed(m, t, handles_proof=b""), "PROOF_INVALID"),
    "no margin proof": (lambda m, t: resealed(m, t, proof=b""), "PROOF_INVALID"),
    "a margin proof with a byte more": (lambda m, t: resealed(m, t, proof=m.proof + b"\0"), "PROOF_INVALID"),
    "another's signature": (lambda m, t: replace(m, signature=Trader(t.setting).sign(bytes(32))), "SIGNATURE_INVALID"),
    "an old version": (
        lambda m, t: resealed(m, t, reference=replace(m.reference, version=m.reference.version - 1)),
        "VERSION_MISMATCH",
    ),
    "an expiry that has passed": (lambda m, t: resealed(m, t, expiry=0), "EXPIRED"),
}


@pytest.mark.parametrize("name", CROOKED)
def test_a_crooked_naming_is_refused(clearing: Clearing, plain: Trader, name: str) -> None:
    change, reason = CROOKED[name]
    assert clearing.refusal(change(naming(clearing, plain), plain)) == reason


def test_handles_for_another_blinding_order_or_key_are_refused(clearing: Clearing, plain: Trader) -> None:
    """The prover answers for the true blindings, and everything else of the message is proven and signed."""
    house, held = clearing.house, plain.merged()
    key, good = house.committee.key, naming(clearing, plain)
    own, other = SECRET.key(key), OTHER.key(key)
    true = [held.cash.blinding, held.positions[PERP].blinding]
    assert good.handles == b"".join(own.handle(blinding).encode() for blinding in true)
    for auditor, used in ((own, [true[0], true[1] + scalar(1)]), (own, true[::-1]), (other, true)):
        handles = b"".join(auditor.handle(blinding).encode() for blinding in used)
        digest = replace(good, handles=handles).digest(house.deployment)
        pairs = tuple(map(plain.commit, (held.cash, held.positions[PERP])))
        tied = prove_handles(key, own, pairs, true, message_context(house, digest))
        plain.auditor = own
        proof = plain.prove(clearing.grid, digest, held)
        plain.auditor = None
        crooked = replace(good, handles=handles, handles_proof=tied, proof=proof)
        reason = clearing.refusal(resealed(crooked, plain))
        assert reason == "PROOF_INVALID"
    assert clearing.refusal(naming(clearing, plain, round=99)) == "ROUND_UNKNOWN"


def test_a_naming_without_the_limbs_handle_is_refused(clearing: Clearing, plain: Trader) -> None:
    good = naming(clearing, plain)
    digest = good.digest(clearing.house.deployment)
    bare = plain.prove(clearing.grid, digest, plain.merged())
    assert len(good.proof) - len(bare) == 96
    assert clearing.refusal(replace(good, proof=bare)) == "HANDLE_MISSING"


def test_taking_the_name_back_brings_nothing(clearing: Clearing, audited: Trader) -> None:
    before = audited.auditor
    for changes in ({"handles": bytes(48)}, {"auditor_proof": bytes(80)}, {"proof": b"\1"}, {"round": 1}):
        assert clearing.refusal(audited.remove_auditor(clearing.state, **changes)) == "MALFORMED"
    assert clearing.propose(audited.remove_auditor(clearing.state), blocks=0).refused == ()
    audited.auditor = before


# What an audited account's messages have to bring


def without_handles(trader: Trader, make: Callable[[], object]) -> object:
    """A message made as if the trader had no auditor."""
    before, trader.auditor = trader.auditor, None
    try:
        return make()
    finally:
        trader.auditor = before


def with_handles(trader: Trader, make: Callable[[], object], secret: AuditorSecret = OTHER) -> object:
    """A message made as if the trader's auditor were the holder of `secret`."""
    before, trader.auditor = trader.auditor, secret.key(trader.setting.house.committee.key)
    try:
        return make()
    finally:
        trader.auditor = before


def test_a_margin_proof_or_withdrawal_without_its_handle_is_refused(clearing: Clearing, audited: Trader) -> None:
    state = clearing.state
    for make in (
        lambda: audited.margin_proof(state),
        lambda: audited.withdraw(state, "USD@31337", 5 * USD),
        lambda: audited.withdraw(state, "WETH@31338", 5),
    ):
        assert clearing.propose(make(), blocks=0).refused == ()
        assert clearing.refusal(without_handles(audited, make)) == "HANDLE_MISSING"
        assert clearing.refusal(with_handles(audited, make)) == "PROOF_INVALID"


def test_a_handle_without_an_auditor_is_refused(clearing: Clearing, plain: Trader, audited: Trader) -> None:
    state = clearing.state
    proof = with_handles(plain, lambda: plain.margin_proof(state))
    assert clearing.refusal(proof) == "HANDLE_UNEXPECTED"
    for taker, maker in ((plain, audited), (audited, plain)):
        trade = with_handles(plain, lambda t=taker, m=maker: make_trade(state, t, m, PERP, 9, 800_000))
        assert clearing.refusal(trade) == "HANDLE_UNEXPECTED"
    bare = make_trade(state, audited, plain, PERP, 9, 800_000)
    assert clearing.refusal(replace(bare, maker_handle_proof=bytes(128))) == "HANDLE_UNEXPECTED"


@pytest.mark.parametrize("taking", [True, False], ids=["taker", "maker"])
def test_a_trade_of_an_audited_account_needs_its_handle(
    clearing: Clearing, audited: Trader, plain: Trader, taking: bool
) -> None:
    sides = (audited, plain) if taking else (plain, audited)

    def make() -> Trade:
        return make_trade(clearing.state, *sides, PERP, 9, 800_000)

    assert clearing.propose(make(), blocks=0).refused == ()
    assert clearing.refusal(without_handles(audited, make)) == "HANDLE_MISSING"
    assert clearing.refusal(with_handles(audited, make)) == "PROOF_INVALID"


def test_a_takers_handle_for_another_blinding_is_refused(clearing: Clearing, audited: Trader, plain: Trader) -> None:
    good = audited.auditor
    stray = good.handle(random_scalar())
    trade = make_trade(clearing.state, audited, plain, PERP, 9, 800_000, taker_handle=stray)
    assert clearing.refusal(trade) == "PROOF_INVALID"


def test_a_makers_handle_for_another_blinding_or_with_a_copied_proof_is_refused(
    clearing: Clearing, audited: Trader, plain: Trader
) -> None:
    house, state = clearing.house, clearing.state
    opening = Opening(9, random_scalar())
    trade = make_trade(state, plain, audited, PERP, 9, 800_000, opening=opening)
    for handle in (audited.auditor.handle(random_scalar()), -trade.maker_handle):
        changed = replace(trade, maker_handle=handle)
        acceptance = changed.acceptance_digest(house.deployment)
        context = proof_context(house, acceptance, clearing.grid)
        pair, blinding = (trade.terms.commitment,), [opening.blinding]
        tied = prove_handles(house.committee.key, audited.auditor, pair, blinding, context)
        sold = audited.merged().traded(PERP, -opening, 800_000)
        changed = replace(
            changed,
            maker_handle_proof=tied,
            maker_proof=audited.prove(clearing.grid, acceptance, sold),
            maker_signature=audited.sign(acceptance),
        )
        assert clearing.refusal(changed) == "PROOF_INVALID"
    again = make_trade(state, plain, audited, PERP, 9, 800_000, opening=opening, nonce=bytes([1] * 32))
    assert clearing.refusal(replace(again, maker_handle_proof=trade.maker_handle_proof)) == "PROOF_INVALID"
    assert clearing.refusal(replace(trade, maker_handle_proof=b"")) == "PROOF_INVALID"


def test_handles_are_signed(clearing: Clearing, audited: Trader, plain: Trader) -> None:
    deployment = clearing.house.deployment
    trade = make_trade(clearing.state, audited, plain, PERP, 9, 800_000)
    bare = replace(trade, terms=replace(trade.terms, taker_handle=None))
    assert bare.digest(deployment) != trade.digest(deployment)
    assert replace(trade, maker_handle=trade.terms.taker_handle).acceptance_digest(
        deployment
    ) != trade.acceptance_digest(deployment)


# What it costs others


def test_an_account_without_an_auditor_pays_nothing_on_the_wire(
    clearing: Clearing, audited: Trader, plain: Trader
) -> None:
    """The fields are absent, and no proof is longer."""
    bystander = make_trade(clearing.state, plain, audited, PERP, 9, 800_000)
    assert bystander.terms.taker_handle is None
    proof = plain.margin_proof(clearing.state)
    audited_proof = audited.margin_proof(clearing.state)
    assert len(audited_proof.proof) - len(proof.proof) > 0
    alone = replace(bystander, maker_handle=None, maker_handle_proof=b"")
    assert len(encode_message(bystander)) - len(encode_message(alone)) == 50 + 131


def test_the_leaf_names_auditor_and_handles(clearing: Clearing, audited: Trader) -> None:
    account = clearing.account(audited)
    assert account.audit is not None
    audit = account.audit
    leaves = {account_leaf(clearing.house.registry, replace(account, audit=changed)) for changed in variants(account)}
    assert len(leaves | {account_leaf(clearing.house.registry, account)}) == 8
    assert audit.positions.keys() == {PERP}


def variants(account: Account) -> list[object]:
    audit = account.audit
    stray = Handle(audit.auditor.base)
    return [
        None,
        replace(audit, auditor=AuditorKey(audit.cash.point)),
        replace(audit, cash=stray),
        replace(audit, positions={PERP: stray}),
        replace(audit, collateral={"WETH@31338": stray}),
        replace(audit, high=stray),
        replace(audit, low=stray),
    ]


# How handles move


def test_handles_follow_trades_settlement_credits_and_removal(setting: Setting, logarithms: DiscreteLog) -> None:
    first, second = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, first, second)
    clearing.deposit(first.id, 31337, "USD", 9_000 * USD)
    clearing.deposit(second.id, 31337, "USD", 9_000 * USD)
    # Nothing is hidden yet: a name costs no handle and no margin proof.
    bare = first.set_auditor(clearing.state, SECRET)
    assert (bare.handles, bare.handles_proof, bare.proof, bare.round) == (b"", b"", b"", 0)
    clearing.accept(bare, blocks=0)
    require_same(clearing, first, logarithms)
    clearing.accept(make_trade(clearing.state, first, second, FUTURE, 700, 801_000, fee=7), blocks=0)
    require_same(clearing, first, logarithms)
    clearing.accept(second.set_auditor(clearing.state, SECRET), blocks=0)
    clearing.accept(make_trade(clearing.state, second, first, FUTURE, 300, 799_000), blocks=0)
    clearing.accept(make_trade(clearing.state, first, second, PERP, -40, 800_000), blocks=0)
    clearing.deposit(first.id, 31338, "WETH", 77)
    for trader in (first, second):
        require_same(clearing, trader, logarithms)
    clearing.skip_to_expiry(FUTURE)
    clearing.batch(blocks=4)
    clearing.batch(blocks=4)
    assert FUTURE not in clearing.account(first).positions
    assert clearing.account(first).limbs.settled
    for trader in (first, second):
        require_same(clearing, trader, logarithms)
    clearing.accept(first.margin_proof(clearing.state), blocks=0)
    assert not clearing.account(first).limbs.settled
    require_same(clearing, first, logarithms)
    clearing.accept(first.remove_auditor(clearing.state), blocks=0)
    assert clearing.account(first).audit is None
    with pytest.raises(NotAudited):
        reading(clearing, first, logarithms)
    clearing.accept(first.margin_proof(clearing.state), blocks=0)
    clearing.accept(first.set_auditor(clearing.state, OTHER), blocks=0)
    assert reading(clearing, first, logarithms, OTHER).cash == first.holdings.cash.value


def test_naming_an_auditor_proves_margin_and_reads_what_was_settled(setting: Setting, logarithms: DiscreteLog) -> None:
    first, second = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, first, second)
    for trader in (first, second):
        clearing.deposit(trader.id, 31337, "USD", 9_000 * USD)
    clearing.accept(make_trade(clearing.state, first, second, FUTURE, 700, 801_000), blocks=0)
    clearing.skip_to_expiry(FUTURE)
    clearing.batch(blocks=4)
    clearing.batch(blocks=4)
    assert clearing.account(first).limbs.settled
    assert clearing.account(first).status is Status.DUE
    message = first.set_auditor(clearing.state, SECRET)
    assert len(message.handles) == POINT_BYTES
    clearing.accept(message, blocks=0)
    assert clearing.account(first).status is Status.ACTIVE
    require_same(clearing, first, logarithms)


def test_a_forced_exit_of_an_audited_account_is_a_public_debit(setting: Setting, logarithms: DiscreteLog) -> None:
    """The words of the leaf that a vault reads do not change with an auditor, and handles stay what they are."""
    first, second = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, first, second)
    for trader in (first, second):
        clearing.deposit(trader.id, 31337, "USD", 9_000 * USD)
    clearing.deposit(first.id, 31338, "WETH", 1_000)
    clearing.accept(make_trade(clearing.state, first, second, FUTURE, 700, 801_000), blocks=0)
    clearing.skip_to_expiry(FUTURE)
    clearing.batch(blocks=4)
    clearing.batch(blocks=4)
    clearing.accept(first.set_auditor(clearing.state, SECRET), blocks=0)
    account = clearing.account(first)
    head = account_leaf(clearing.house.registry, account)[:-32]
    assert head == account_leaf(clearing.house.registry, replace(account, audit=None))[:-32]
    left = [Exited(first.id, token(31337, "USD"), 100 * USD, account.version)]
    away = [Exited(first.id, token(31338, "WETH"), 400, account.version)]
    clearing.batch(events={31337: left, 31338: away}, blocks=0)
    assert clearing.account(first).status is Status.ACTIVE
    assert clearing.account(first).audit == account.audit
    require_same(clearing, first, logarithms)
    clearing.accept(first.margin_proof(clearing.state), blocks=0)
    require_same(clearing, first, logarithms)


def test_what_the_committee_opened_has_no_handles_and_keeps_its_auditor(
    setting: Setting, logarithms: DiscreteLog
) -> None:
    scene = on_margin(setting, collateral={(31338, "WETH"): 500})
    clearing, debtor = scene.clearing, scene.debtor
    clearing.accept(debtor.set_auditor(clearing.state, SECRET), blocks=0)
    assert clearing.account(debtor).audit.positions
    scene.fall(6_100)
    scene.freeze()
    require_same(clearing, debtor, logarithms)
    scene.open()
    opened = clearing.account(debtor)
    assert opened.audit == Audit(SECRET.key(clearing.house.committee.key))
    require_same(clearing, debtor, logarithms)
