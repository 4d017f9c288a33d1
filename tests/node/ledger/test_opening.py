"""How the committee opens a frozen account: by real shares, and only that account, and only then."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from circuits.group import IDENTITY
from circuits.pedersen import Commitment
from circuits.range_shape import BASES, row_digits
from node.ledger.account import CashLimbs
from node.ledger.batch import AccountOpening, ShareSet
from node.ledger.effects import EventKind
from node.ledger.errors import BatchInvalid
from node.ledger.execution import execute
from node.ledger.opening import LIMB_BOUND, commitments_to_open, hidden_commitments, open_account, value_bounds
from node.ledger.state import Holding, Lot, Stage
from node.ledger.types import AssetId, Digest, InstrumentId, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, make_trade
from tests.support.scenes import LOTS, Scene, auctioned, frozen, on_margin


@pytest.fixture(scope="module")
def scene(setting: Setting) -> Scene:
    """The debtor frozen, with real proofs behind it."""
    return frozen(setting, 6_400, collateral={(31338, "WETH"): 3}, hollow=False)


def refused(clearing: Clearing, opening: AccountOpening) -> str:
    """Why a batch with this opening is invalid; a proposer leaves it out."""
    proposal = clearing.propose(openings=(opening,))
    assert proposal.batch.openings == ()
    with pytest.raises(BatchInvalid) as caught:
        execute(clearing.house, clearing.state, replace(proposal.batch, openings=(opening,)), clearing._verifier)
    assert caught.value.rule == "opening"
    return caught.value.detail


def test_three_of_four_shares_open_positions_collateral_and_cash(setting: Setting):
    scene = frozen(setting, 6_400, collateral={(31338, "WETH"): 3}, hollow=False)
    held = scene.debtor.holdings
    scene.clearing.batch(openings=(scene.clearing.opening(scene.default, members=(4, 1, 3)),))
    default, account = scene.default, scene.clearing.account(scene.debtor)
    assert (default.stage, default.opened_by) == (Stage.AUCTION, (1, 3, 4))
    assert default.lots == (Lot(InstrumentId("BTC-PERP"), 10_000),)
    assert default.cash == held.cash.value == 2_000 * USD - 8_000 * USD
    assert default.collateral == (Holding(AssetId("WETH@31338"), 3),)
    assert account.cash == Commitment.public(default.cash)
    assert account.limbs == CashLimbs(public_since=default.cash)
    assert account.status is Status.LIQUIDATING
    assert scene.clearing.state.residue.cash.d != IDENTITY, "what made the amounts hidden is left to the residue"


def test_four_shares_open_the_same(scene: Scene):
    three = scene.clearing.propose(openings=(scene.clearing.opening(scene.default),))
    four = scene.clearing.propose(openings=(scene.clearing.opening(scene.default, members=(1, 2, 3, 4)),))
    assert [e.executed.state.defaults[scene.default.id].cash for e in (three, four)] == [-6_000 * USD] * 2


def test_two_shares_do_not_open(scene: Scene):
    assert "too few" in refused(scene.clearing, scene.clearing.opening(scene.default, members=(1, 2)))


def test_a_member_cannot_vote_twice(scene: Scene):
    assert "two shares of one member" in refused(
        scene.clearing, scene.clearing.opening(scene.default, members=(1, 2, 2))
    )


MANGLED: dict[str, Callable[[AccountOpening], AccountOpening]] = {
    "share": lambda o: _with_share(o, lambda s: (s[0][:-1] + bytes([s[0][-1] ^ 1]), *s[1:])),
    "point": lambda o: _with_share(o, lambda s: (s[1], *s[1:])),
    "missing": lambda o: _with_share(o, lambda s: s[1:]),
    "surplus": lambda o: _with_share(o, lambda s: (*s, s[0])),
    "empty": lambda o: _with_share(o, lambda s: (b"", *s[1:])),
    "member": lambda o: replace(o, share_sets=(replace(o.share_sets[0], member=4), *o.share_sets[1:])),
    "nobody": lambda o: replace(o, share_sets=(replace(o.share_sets[0], member=0), *o.share_sets[1:])),
    "value": lambda o: replace(o, values=(o.values[0] + 1, *o.values[1:])),
    "cash": lambda o: replace(o, values=(*o.values[:-1], o.values[-1] - 1)),
    "short": lambda o: replace(o, values=o.values[:-1]),
    "long": lambda o: replace(o, values=(*o.values, 0)),
    "other": lambda o: replace(o, default_id=Digest(bytes(32))),
    "nothing": lambda o: replace(o, share_sets=()),
}


def _with_share(opening: AccountOpening, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> AccountOpening:
    first = opening.share_sets[0]
    return replace(opening, share_sets=(ShareSet(first.member, change(first.shares)), *opening.share_sets[1:]))


@pytest.mark.parametrize("name", MANGLED)
def test_a_tampered_opening_is_refused(scene: Scene, name: str):
    refused(scene.clearing, MANGLED[name](scene.clearing.opening(scene.default)))


def test_shares_of_one_default_do_not_open_another(setting: Setting, scene: Scene):
    other = frozen(setting, 6_400)
    strange = other.clearing.opening(other.default)
    refused(scene.clearing, replace(strange, default_id=scene.default.id))


def test_an_account_that_is_not_frozen_is_not_opened(setting: Setting):
    scene = on_margin(setting)
    assert "is not frozen" in refused(scene.clearing, AccountOpening(Digest(bytes(32)), (), ()))


def test_an_account_is_not_opened_in_the_batch_that_freezes_it(setting: Setting):
    scene = on_margin(setting)
    scene.fall(6_400)
    scene.clearing.batch(blocks=8)
    scene.clearing.batch(blocks=24)
    freezing = scene.clearing.propose().executed.state
    (default,) = freezing.defaults.values()
    ready = replace(scene.clearing, state=freezing).opening(default)
    refused(scene.clearing, ready)
    with pytest.raises(BatchInvalid, match="final batch"):
        open_account(setting.house, freezing, ready)


def test_an_account_is_opened_once(setting: Setting):
    scene = frozen(setting, 6_400)
    opening = scene.clearing.opening(scene.default)
    assert len(scene.clearing.propose(openings=(opening, opening)).batch.openings) == 1
    scene.clearing.batch(openings=(opening,))
    refused(scene.clearing, opening)


def test_an_opening_waits_for_valid_prices(setting: Setting):
    scene = frozen(setting, 6_400)
    opening = scene.clearing.opening(scene.default)
    scene.clearing.observers = 2
    scene.clearing.batch(blocks=4)
    assert "valid prices" in refused(scene.clearing, opening)


def test_credits_that_waited_are_opened_with_the_account(setting: Setting):
    scene = frozen(setting, 6_400)
    scene.clearing.deposit(scene.debtor.id, 31337, "USD", 7)
    scene.clearing.deposit(scene.debtor.id, 31340, "WBTC", 5)
    scene.open()
    assert scene.default.cash == -6_000 * USD + 7
    assert scene.default.collateral == (Holding(AssetId("WBTC@31340"), 5),)
    assert scene.clearing.account(scene.debtor).inbox == ()


def test_what_was_settled_since_the_last_proof_is_opened_too(setting: Setting):
    scene = on_margin(setting)
    clearing, future = scene.clearing, InstrumentId("BTC-20200327")
    clearing.accept(make_trade(clearing.state, scene.debtor, scene.maker, future, 70, 800_000))
    clearing.skip_to_expiry(future, rounds=3)
    clearing.batch(prices={"BTC": 7_900}, blocks=12)
    clearing.accept(scene.maker.margin_proof(clearing.state))
    cash = scene.debtor.holdings.cash.value
    scene.freeze()
    account = clearing.account(scene.debtor)
    assert [entry.coefficient for entry in account.limbs.settled] == [790_000]
    assert len(hidden_commitments(account)) == len(commitments_to_open(account)) == len(value_bounds(account)) == 4
    clearing.batch(openings=(clearing.opening(scene.default),))
    assert scene.default.cash == cash == -6_000 * USD - 70 * 10_000
    assert scene.status is Status.ACTIVE, "it has its margin: nothing is sold"


def test_cash_that_moved_in_public_since_the_last_proof_is_opened_too(setting: Setting):
    """The winner of an auction proves what it has before, and pays in public."""
    scene = auctioned(setting, 6_400)
    clearing, winner = scene.clearing, replace(scene, debtor=scene.bidder)
    clearing.accept(scene.bidder.bid(clearing.state, scene.default, 650_000), blocks=0)
    funding = clearing.state.market.funding_index("BTC-PERP") * LOTS
    assert clearing.account(scene.bidder).limbs.public_since == funding - scene.default.sale_price
    for blocks in (32, 32, 4):
        clearing.batch(blocks=blocks)
        clearing.accept(scene.maker.margin_proof(clearing.state))
    winner.freeze()
    clearing.batch(openings=(clearing.opening(winner.default),))
    assert winner.status is Status.ACTIVE
    assert winner.default.cash == scene.bidder.holdings.cash.value


def test_an_account_with_nothing_but_cash_closes_at_once_and_is_the_owners_again(setting: Setting):
    scene = on_margin(setting)
    clearing, future = scene.clearing, InstrumentId("BTC-20200327")
    clearing.accept(make_trade(clearing.state, scene.bidder, scene.maker, future, 70, 800_000))
    clearing.skip_to_expiry(future, rounds=3)
    clearing.batch(prices={"BTC": 7_900}, blocks=12)
    clearing.accept(scene.maker.margin_proof(clearing.state))
    lazy = replace(scene, debtor=scene.bidder)
    lazy.freeze()
    lazy.clearing.batch(openings=(lazy.clearing.opening(lazy.default),))
    lazy.clearing.batch()
    assert (lazy.default.stage, lazy.default.penalty) == (Stage.CLOSED, 0)
    assert lazy.status is Status.ACTIVE
    assert lazy.default.cash == 20_000 * USD - 70 * 10_000
    clearing.accept(lazy.debtor.withdraw(clearing.state, "USD@31337", lazy.default.cash))


def test_a_limb_is_searched_as_far_as_its_row_lets_it_reach(scene: Scene):
    """Else a debtor could cut its cash at 2^32 + 1, which proves like any other cut, and never be opened."""
    assert LIMB_BOUND >= max(row_digits(32, base).limit - 1 for base in BASES) > 1 << 32
    assert list(value_bounds(scene.clearing.account(scene.debtor))).count(LIMB_BOUND) == 2


def test_the_record_says_who_opened_what(setting: Setting):
    scene = auctioned(setting, 6_400)
    (told,) = scene.clearing.told(EventKind.OPENED)
    lots = f"BTC-PERP:{LOTS}"
    assert dict(told.attributes) == {"default": scene.default.id.hex(), "members": "1,2,3", "lots": lots}
