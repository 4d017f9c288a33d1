"""What owners do on a good day, with real proofs; both invariants and both executions' roots hold after every batch."""

from dataclasses import replace

import pytest

from circuits.pedersen import NOTHING, Commitment
from node.ledger.apply import apply_message
from node.ledger.batch import Deposited, Paid, PayFailed
from node.ledger.claims import TrustingVerifier
from node.ledger.effects import EventKind, PayAction
from node.ledger.errors import InvariantBroken
from node.ledger.execution import execute
from node.ledger.invariants import check_invariants, report_invariants
from node.ledger.leaves import account_leaf, state_tree
from node.ledger.merkle import leaf_hash, verify_path
from node.ledger.types import AssetId, InstrumentId, Status
from node.ledger.wire import decode_batch
from tests.support.clearing import Clearing
from tests.support.ledger import RECIPIENT, USD, Setting, Trader, amounts, make_trade, token

PERP = InstrumentId("BTC-PERP")
FUTURE = InstrumentId("BTC-20200327")


@pytest.fixture
def taker(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture
def maker(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture
def clearing(setting: Setting, taker: Trader, maker: Trader) -> Clearing:
    """Taker and maker with 5,000 dollars each."""
    made = Clearing.start(setting, taker, maker)
    made.deposit(taker.id, 31337, "USD", 5_000 * USD)
    made.deposit(maker.id, 31338, "USD", 5_000 * USD)
    return made


def test_a_deposit_before_opening_waits_for_the_account(setting: Setting):
    newcomer = Trader(setting)
    clearing = Clearing.start(setting)
    clearing.deposit(newcomer.id, 31339, "WETH", 70)
    assert [credit.amount for credit in clearing.state.unclaimed[newcomer.id]] == [70]
    clearing.open(newcomer)
    assert newcomer.id not in clearing.state.unclaimed
    assert [credit.amount for credit in clearing.account(newcomer).inbox] == [70]


def test_a_deposit_changes_neither_version_nor_window(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.accept(make_trade(clearing.state, taker, maker, PERP, 100, 800_000))
    before = clearing.account(taker)
    clearing.deposit(taker.id, 31340, "WBTC", 5)
    after = clearing.account(taker)
    assert (after.version, after.window, after.cash) == (before.version, before.window, before.cash)
    clearing.accept(taker.margin_proof(clearing.state))
    assert clearing.account(taker).collateral == {"WBTC@31340": Commitment.public(5)}
    assert clearing.account(taker).inbox == ()


def test_a_trade_moves_a_hidden_size_and_a_public_price(clearing: Clearing, taker: Trader, maker: Trader):
    trade = make_trade(clearing.state, taker, maker, PERP, -1_500, 790_000, fee=2 * USD)
    executed = clearing.accept(trade)
    assert amounts(taker.holdings) == {"cash": 4_998 * USD + 1_500 * 790_000, PERP: -1_500}
    assert amounts(maker.holdings) == {"cash": 5_000 * USD - 1_500 * 790_000, PERP: 1_500}
    assert clearing.state.insurance == 2 * USD
    told = clearing.told(EventKind.TRADED)[0]
    assert "1500" not in dict(told.attributes).values()
    assert clearing.account(taker).position(PERP) + clearing.account(maker).position(PERP) == NOTHING
    assert clearing.account(taker).position(PERP) == trade.terms.commitment
    assert executed.state.trades == 1


def test_a_second_trade_and_a_margin_proof_build_on_the_first(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.accept(make_trade(clearing.state, taker, maker, PERP, 1_000, 800_000))
    clearing.batch(blocks=4)
    clearing.accept(make_trade(clearing.state, maker, taker, PERP, 400, 801_000))
    clearing.accept(taker.margin_proof(clearing.state))
    assert amounts(taker.holdings)[PERP] == 600
    assert clearing.account(taker).version == 3
    assert clearing.account(taker).window.round == clearing.grid.round


def test_a_maker_chains_several_takers_in_one_batch_on_predicted_versions(
    clearing: Clearing, taker: Trader, maker: Trader, setting: Setting
):
    other = Trader(setting)
    clearing.open(other)
    clearing.deposit(other.id, 31337, "USD", 1_000 * USD)
    first = make_trade(clearing.state, taker, maker, PERP, 100, 800_000)
    ahead = apply_message(setting.house, clearing.state, first, TrustingVerifier())
    predicted = replace(maker)
    predicted.follow(ahead.effects)
    second = make_trade(ahead.state, other, predicted, PERP, 50, 800_000)
    clearing.accept(first, second)
    assert amounts(maker.holdings)[PERP] == -150


def test_a_paid_withdrawal_leaves_vault_and_escrow(clearing: Clearing, taker: Trader):
    message = taker.withdraw(clearing.state, "USD@31337", 1_000 * USD)
    executed = clearing.accept(message)
    pay = next(effect for effect in executed.effects if isinstance(effect, PayAction))
    assert (pay.asset, pay.amount, pay.recipient) == ("USD@31337", 1_000 * USD, RECIPIENT)
    usd = AssetId("USD@31337")
    assert clearing.state.escrow[usd] == 1_000 * USD
    clearing.batch(events={31337: (Paid(pay.action_id),)})
    assert clearing.state.escrow.get(usd, 0) == 0
    assert clearing.state.inventory[usd] == 4_000 * USD
    assert clearing.state.payouts == {}


def test_a_failed_payout_becomes_a_credit(clearing: Clearing, taker: Trader):
    clearing.deposit(taker.id, 31338, "WETH", 100_000)
    executed = clearing.accept(taker.withdraw(clearing.state, "WETH@31338", 60_000))
    pay = next(effect for effect in executed.effects if isinstance(effect, PayAction))
    clearing.batch(events={31338: (PayFailed(pay.action_id),)})
    assert [credit.amount for credit in clearing.account(taker).inbox] == [60_000]
    assert clearing.state.escrow == {}
    clearing.accept(taker.margin_proof(clearing.state))
    assert amounts(taker.holdings)["WETH@31338"] == 100_000


def test_a_collateral_withdrawn_to_the_last_unit_disappears(clearing: Clearing, taker: Trader):
    clearing.deposit(taker.id, 31338, "WETH", 100_000)
    clearing.accept(taker.withdraw(clearing.state, "WETH@31338", 100_000))
    assert clearing.account(taker).collateral == {}


def test_cash_backed_by_collateral_may_become_negative(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.deposit(taker.id, 31338, "WETH", 100 * 10**5)
    clearing.accept(taker.withdraw(clearing.state, "USD@31337", 5_000 * USD))
    clearing.accept(taker.withdraw(clearing.state, "USD@31338", 5_000 * USD))
    assert amounts(taker.holdings)["cash"] == -5_000 * USD
    assert clearing.state.inventory["USD@31338"] == clearing.state.escrow["USD@31338"]


def test_an_expiry_settles_everyone_at_one_price_without_opening_anyone(
    clearing: Clearing, taker: Trader, maker: Trader
):
    clearing.accept(make_trade(clearing.state, taker, maker, FUTURE, 1_000, 800_000))
    clearing.skip_to_expiry(FUTURE, rounds=3)
    clearing.batch(prices={"BTC": 8_400}, blocks=4)
    clearing.accept(*(trader.margin_proof(clearing.state) for trader in (taker, maker)), blocks=0)
    clearing.batch(prices={"BTC": 8_600}, blocks=4)
    clearing.batch(prices={"BTC": 9_999}, blocks=4)
    assert len(clearing.told(EventKind.SETTLED)) == 1
    assert amounts(taker.holdings) == {"cash": 5_000 * USD + 1_000 * 50_000}
    assert amounts(maker.holdings) == {"cash": 5_000 * USD - 1_000 * 50_000}
    account = clearing.account(taker)
    assert (account.positions, account.window, account.status) == ({}, None, Status.DUE)
    clearing.accept(taker.margin_proof(clearing.state))
    assert clearing.account(taker).status is Status.ACTIVE


def test_hidden_cash_alone_needs_no_new_proof_however_old(clearing: Clearing, taker: Trader, maker: Trader):
    clearing.accept(make_trade(clearing.state, taker, maker, FUTURE, 1_000, 800_000))
    clearing.deposit(maker.id, 31338, "WETH", 10)
    clearing.skip_to_expiry(FUTURE)
    clearing.batch(blocks=4)
    clearing.accept(taker.margin_proof(clearing.state), maker.margin_proof(clearing.state))
    clearing.skip(400)
    clearing.batch(blocks=4)
    assert clearing.account(taker).status is Status.ACTIVE
    assert clearing.account(maker).status is Status.DUE, "its ether can fall"


def test_an_owner_can_prove_its_leaf_against_the_root(clearing: Clearing, taker: Trader, setting: Setting):
    tree = state_tree(setting.house, clearing.state)
    leaf = leaf_hash(account_leaf(setting.house.registry, clearing.account(taker)))
    assert tree.root == clearing.state.root
    assert verify_path(leaf, tree.path(taker.id), clearing.state.root)


def test_the_first_root_is_the_deployments_digest(setting: Setting):
    clearing = Clearing.start(setting)
    assert decode_batch(clearing.body).previous_root == setting.house.deployment.digest


def test_books_that_do_not_add_up_stop_the_node(clearing: Clearing, taker: Trader, maker: Trader, setting: Setting):
    clearing.accept(make_trade(clearing.state, taker, maker, PERP, 100, 800_000))
    account, one = clearing.account(taker), Commitment.public(1)
    richer = clearing.state.with_account(replace(account, cash=account.cash + one))
    longer = clearing.state.with_account(account.with_position_moved(PERP, one))
    lighter = replace(clearing.state, inventory={})
    for state, invariant, subject in (
        (richer, "full reserves", "cash"),
        (longer, "matched book", PERP),
        (lighter, "full reserves", "cash"),
    ):
        with pytest.raises(InvariantBroken) as caught:
            check_invariants(setting.house, state)
        assert (caught.value.invariant, caught.value.subject) == (invariant, subject)
    assert report_invariants(setting.house, clearing.state).failing == ()


def test_execution_does_not_depend_on_the_order_in_which_accounts_were_stored(
    clearing: Clearing, taker: Trader, maker: Trader, setting: Setting
):
    clearing.accept(make_trade(clearing.state, taker, maker, FUTURE, 100, 800_000))
    clearing.skip_to_expiry(FUTURE)
    state = clearing.state
    shuffled = replace(
        state,
        accounts=dict(reversed(state.accounts.items())),
        cursors=dict(reversed(state.cursors.items())),
        inventory=dict(reversed(state.inventory.items())),
    )
    proposal = clearing.propose(taker.margin_proof(state), events={31337: ()}, blocks=4)
    assert execute(setting.house, shuffled, proposal.batch, TrustingVerifier()) == proposal.executed


def test_a_deposit_of_several_tokens_of_several_chains_is_booked_in_one_batch(clearing: Clearing, taker: Trader):
    clearing.batch(
        events={
            31339: (Deposited(taker.id, token(31339, "WETH"), 5), Deposited(taker.id, token(31339, "USD"), 6)),
            31340: (Deposited(taker.id, token(31340, "WBTC"), 7),),
        }
    )
    assert [credit.amount for credit in clearing.account(taker).inbox] == [5_000 * USD, 5, 6, 7]
