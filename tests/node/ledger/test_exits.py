"""Forced exits when the house is back: what a vault paid is debited, whatever became of the account meanwhile."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.batch import Exited
from node.ledger.effects import EventKind
from node.ledger.errors import BatchInvalid, Reason
from node.ledger.invariants import report_invariants
from node.ledger.leaves import account_leaf, structure_digest
from node.ledger.merkle import leaf_hash
from node.ledger.state import Stage
from node.ledger.types import INSURANCE_ACCOUNT, AccountId, Address, AssetId, Status
from tests.support.clearing import Clearing
from tests.support.ledger import CHAINS, USD, Setting, Trader, make_trade

HOME = CHAINS[0]
ETHER = AssetId(f"WETH@{HOME}")
PERP = "BTC-PERP"


@pytest.fixture
def owner(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture
def other(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture
def clearing(setting: Setting, owner: Trader, other: Trader) -> Clearing:
    """Two owners with 5,000 dollars and one ether each, all of it booked."""
    made = Clearing.start(setting, owner, other)
    for trader in (owner, other):
        made.deposit(trader.id, HOME, "USD", 5_000 * USD)
        made.deposit(trader.id, HOME, "WETH", 10**5)
        made.accept(trader.margin_proof(made.state))
    return made


def leave(clearing: Clearing, owner: Trader | AccountId, symbol: str, amount: int, version: int, chain: int = HOME):
    """The chain says that its vault paid an exit."""
    token = clearing.house.registry.asset(f"{symbol}@{chain}").token
    account = owner.id if isinstance(owner, Trader) else owner
    clearing.batch(events={chain: [Exited(account, Address(token), amount, version)]})
    assert report_invariants(clearing.house, clearing.state).full_reserves


def opened(clearing: Clearing, owner: Trader) -> None:
    """The committee opens the account that the last batch froze, and the default runs to its end."""
    clearing.batch(openings=(clearing.opening(clearing.default_of(owner)),))
    for _ in range(3):
        clearing.batch()


def test_an_exit_debits_what_was_proven(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    leave(clearing, owner, "WETH", 40_000, version)
    leave(clearing, owner, "USD", 5_000 * USD, version)
    account = clearing.account(owner)
    assert (account.status, account.version) == (Status.ACTIVE, version + 2)
    assert owner.holdings.cash.value == 0
    assert owner.holdings.collateral[ETHER].value == 60_000
    assert account.cash == owner.commit(owner.holdings.cash)
    assert account.collateral == {ETHER: owner.commit(owner.holdings.collateral[ETHER])}
    assert [dict(told.attributes)["amount"] for told in clearing.told(EventKind.EXITED)] == ["40000", str(5_000 * USD)]
    assert clearing.state.inventory[ETHER] == 160_000


def test_the_owner_goes_on_after_an_exit(clearing: Clearing, owner: Trader, other: Trader):
    leave(clearing, owner, "WETH", 10**5, clearing.account(owner).version)
    clearing.accept(make_trade(clearing.state, owner, other, PERP, 100, 800_000))
    clearing.accept(owner.withdraw(clearing.state, f"USD@{HOME}", USD))
    assert clearing.account(owner).exits is not None


def test_an_exit_leaves_the_inbox_alone(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    clearing.deposit(owner.id, HOME, "USD", USD)
    leave(clearing, owner, "USD", 5_000 * USD, version)
    assert clearing.account(owner).status is Status.ACTIVE
    assert [credit.amount for credit in clearing.account(owner).inbox] == [USD]


def test_an_exit_from_an_outdated_state_freezes_the_account(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    clearing.accept(owner.margin_proof(clearing.state))
    leave(clearing, owner, "USD", 1_000 * USD, version)
    assert clearing.account(owner).status is Status.FROZEN
    opened(clearing, owner)
    account = clearing.account(owner)
    assert (account.status, account.cash) == (Status.ACTIVE, Commitment.public(4_000 * USD)), "it had the amount"


def test_exits_from_two_states_are_not_one_run(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    leave(clearing, owner, "WETH", 1, version)
    clearing.accept(owner.margin_proof(clearing.state))
    leave(clearing, owner, "USD", 1, version)
    assert clearing.account(owner).status is Status.FROZEN


def test_cash_taken_twice_is_covered_by_collateral_and_insurance(clearing: Clearing, owner: Trader):
    """Withdrawn while the house lived, then taken again by an exit from an older checkpoint."""
    version = clearing.account(owner).version
    clearing.accept(owner.withdraw(clearing.state, f"USD@{HOME}", 4_900 * USD))
    leave(clearing, owner, "USD", 5_000 * USD, version)
    opened(clearing, owner)
    default = clearing.default_of(owner)
    assert default.cash == -4_900 * USD
    assert [seizure.asset for seizure in default.seizures] == [ETHER], "what it still has is sold for what it owes"


def test_collateral_taken_twice_is_owed_at_mark(clearing: Clearing, owner: Trader, setting: Setting):
    version = clearing.account(owner).version
    clearing.accept(owner.withdraw(clearing.state, ETHER, 10**5))
    leave(clearing, owner, "WETH", 10**5, version)
    opened(clearing, owner)
    (told,) = clearing.told(EventKind.SHORTAGE)
    said = dict(told.attributes)
    assert (said["asset"], said["amount"], said["owed"]) == (ETHER, str(10**5), str(200 * USD))
    account, residue = clearing.account(owner), clearing.state.residue
    assert account.status is Status.ACTIVE, "it could pay"
    assert account.cash == Commitment.public(4_800 * USD)
    assert account.collateral == {}
    assert residue.collateral[ETHER] == Commitment.public(-(10**5))
    clearing.accept(owner.margin_proof(clearing.state))


def test_what_an_exit_took_and_nobody_can_pay_is_a_shortfall(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    clearing.accept(owner.withdraw(clearing.state, ETHER, 10**5))
    clearing.accept(owner.withdraw(clearing.state, f"USD@{HOME}", 5_000 * USD))
    leave(clearing, owner, "WETH", 10**5, version)
    opened(clearing, owner)
    assert clearing.account(owner).status is Status.CLOSED
    assert clearing.state.shortfall == 200 * USD
    leave(clearing, owner, "USD", 5_000 * USD, version)
    clearing.batch()
    assert clearing.told(EventKind.REOPENED)
    assert clearing.account(owner).status is Status.CLOSED
    assert clearing.state.shortfall == 5_200 * USD
    clearing.deposit(INSURANCE_ACCOUNT, HOME, "USD", 5_200 * USD)
    assert clearing.state.shortfall == 0


def test_an_exit_of_a_frozen_account_is_found_when_it_is_opened(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    clearing.accept(owner.margin_proof(clearing.state))
    leave(clearing, owner, "USD", USD, version)
    leave(clearing, owner, "WETH", 10**5, version)
    assert clearing.account(owner).status is Status.FROZEN
    opened(clearing, owner)
    account = clearing.account(owner)
    assert (account.cash, account.collateral) == (Commitment.public(4_999 * USD), {})


def test_an_exit_of_an_opened_account_counts_in_its_default(clearing: Clearing, owner: Trader):
    version = clearing.account(owner).version
    clearing.accept(owner.margin_proof(clearing.state))
    leave(clearing, owner, "USD", USD, version)
    default = clearing.default_of(owner)
    token = clearing.house.registry.asset(ETHER).token
    clearing.batch(openings=(clearing.opening(default),))
    stage = clearing.default_of(owner).stage
    assert stage in (Stage.AUCTION, Stage.COLLATERAL, Stage.CLOSED)
    clearing.batch(events={HOME: [Exited(owner.id, Address(token), 10**5, version)]})
    clearing.batch()
    assert clearing.account(owner).collateral == {}
    assert not report_invariants(clearing.house, clearing.state).failing


@pytest.mark.parametrize("insured", [0, 50, 500])
@pytest.mark.parametrize(("symbol", "amount", "worth"), [("USD", 100 * USD, 100), ("WETH", 10**5, 200)])
def test_an_exit_of_an_unknown_account_is_the_houses_loss(
    clearing: Clearing, insured: int, symbol: str, amount: int, worth: int
):
    if insured:
        clearing.deposit(INSURANCE_ACCOUNT, HOME, "USD", insured * USD)
    leave(clearing, AccountId(bytes([9] * 32)), symbol, amount, 3)
    assert clearing.state.insurance == max(insured - worth, 0) * USD
    assert not report_invariants(clearing.house, clearing.state).failing


@pytest.mark.parametrize(("token", "amount"), [(bytes(20), 1), (None, 0), (None, 1 << 40)])
def test_an_exit_that_no_vault_would_pay_is_refused(clearing: Clearing, owner: Trader, token: bytes, amount: int):
    token = clearing.house.registry.asset(ETHER).token if token is None else token
    with pytest.raises(BatchInvalid, match="exit"):
        clearing.propose(events={HOME: [Exited(owner.id, Address(token), amount, 1)]})


def test_an_account_names_one_of_the_houses_chains_as_home(setting: Setting):
    stranger, clearing = Trader(setting), Clearing.start(setting)
    clearing.batch(stranger.open_account(home_chain=5))
    assert [refusal.reason for refusal in clearing.refused] == [Reason.CHAIN_UNKNOWN]


# The leaf as a contract reads it.


def test_the_leaf_opens_one_holding_at_a_time(clearing: Clearing, owner: Trader):
    account = clearing.account(owner)
    words = [account.cash.words()[at : at + 32] for at in range(0, 256, 32)]
    held = account.collateral[ETHER].words()
    token = "0x" + clearing.house.registry.asset(ETHER).token.hex()
    entry = keccak(
        encode(["uint256", "address", "bytes32[8]"], [HOME, token, [held[i : i + 32] for i in range(0, 256, 32)]])
    )
    collateral = keccak(encode(["bytes32[]"], [[entry]]))
    leaf = account_leaf(clearing.house.registry, account)
    assert len(leaf) == 17 * 32
    assert leaf[5 * 32 : 6 * 32] == HOME.to_bytes(32, "big")
    assert leaf[6 * 32 : 14 * 32] == b"".join(words)
    assert leaf[14 * 32 : 15 * 32] == collateral
    assert leaf[15 * 32 : 16 * 32] == keccak(b"m" + bytes(8)), "no positions"


@pytest.mark.parametrize("change", [{"home_chain": CHAINS[1]}, {"collateral": {}}, {"index": 7}, {"credits_merged": 9}])
def test_the_leaf_holds_what_an_exit_depends_on(clearing: Clearing, owner: Trader, change: dict[str, object]):
    account: Account = clearing.account(owner)
    registry = clearing.house.registry
    changed = replace(account, **change)
    assert leaf_hash(account_leaf(registry, changed)) != leaf_hash(account_leaf(registry, account))
    assert structure_digest(account.positions) == structure_digest({})
