"""The ladder of node/liquidation/README.md: from every state somebody else goes on, and no step is left out."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.ledger.auctions import asking_price
from node.ledger.batch import Seized, Sold, VaultEvent
from node.ledger.effects import Effect, EventKind, LedgerEvent, SeizeAction
from node.ledger.messages import Message
from node.ledger.state import Stage
from node.ledger.types import INSURANCE_ACCOUNT, AccountId, MicroUsd, Status
from node.liquidation.breaker import Level
from tests.support.ledger import CHAINS, USD, Setting, make_setting
from tests.support.scenes import Scene, on_margin

STEPS: Final = {
    "good": "DUE>due REOPENED>collateral",
    "due": "CALLED>called",
    "called": "FROZEN>frozen",
    "frozen": "OPENED>planned",
    "planned": "PLANNED>planned ON_AUCTION>auction RESTORED>closing SEIZED>collateral TORN_UP>collateral "
    "COLLATERAL_AWAITED>waiting SHORTFALL>loss DEFAULT_CLOSED>good INSURANCE_PAID>closing",
    "auction": "PORTFOLIO_SOLD>sold AUCTION_RESET>planned TORN_UP>sold SEIZED>collateral",
    "sold": "PORTFOLIO_SOLD>sold AUCTION_RESET>planned TORN_UP>sold PLANNED>planned ON_AUCTION>auction "
    "RESTORED>closing SEIZED>collateral INSURANCE_PAID>closing SHORTFALL>loss DEFAULT_CLOSED>good "
    "COLLATERAL_AWAITED>waiting",
    "collateral": "SEIZED>collateral SEIZURE_SET_ASIDE>collateral COLLATERAL_AWAITED>waiting GIVEN_UP>collateral "
    "TORN_UP>collateral INSURANCE_PAID>closing SHORTFALL>loss DEFAULT_CLOSED>good",
    "waiting": "SEIZED>collateral SEIZURE_SET_ASIDE>waiting TORN_UP>collateral INSURANCE_PAID>closing SHORTFALL>loss "
    "DEFAULT_CLOSED>good",
    "closing": "SHORTFALL>loss DEFAULT_CLOSED>good",
    "loss": "DEFAULT_CLOSED>closed",
    "closed": "REOPENED>collateral INSURANCE_PAID>closed",
}
LADDER: Final = {
    (place, step.split(">")[0]): step.split(">")[1]
    for place, steps in STEPS.items()
    for step in [*steps.split(), f"SOLD>{place}", f"SEIZURE_RESUMED>{place}", f"GIVEN_UP>{place}"]
}
"""What may happen to an account without its owner, by where it stands, and where it stands then. A chain that was away
may bring what was seized there at any time."""
LONGEST_STAY: Final = 12
"""Batches of eight blocks: the two phases of an auction, or the grace, and a turn of each proposer."""
ETHERS: Final = "WETH@31338"


@pytest.fixture(scope="module")
def house() -> Setting:
    return make_setting(
        full_below=100 * USD,
        account_cap=3_000 * USD,
        reset_ppm=50_000,
        max_resets=2,
        jump_ppm=150_000,
        tear_up_band_ppm=100_000,
        chain_silent_blocks=16,
        seizure_blocks=24,
        sale_blocks=24,
        absent_blocks=40,
    )


def climb(place: str, account: AccountId, effects: Iterable[Effect]) -> str:
    """Where the account stands after a batch; every event of it must be a step from where it stood."""
    known = {kind for _, kind in LADDER}
    for line in effects:
        if isinstance(line, LedgerEvent) and line.account == account and line.kind.value in known:
            assert (place, line.kind.value) in LADDER, f"{line.kind} from {place}"
            place = LADDER[place, line.kind.value]
    return place


def stands(scene: Scene) -> tuple[object, ...]:
    """Whatever must not stay as it is for ever."""
    account = scene.clearing.account(scene.debtor)
    default = scene.clearing.state.open_default_of(account.id)
    lots = () if default is None else tuple((s.handed_over, s.proceeds, s.set_aside) for s in default.seizures)
    stage = None if default is None else (default.stage, default.auctions, lots, default.waits_until)
    return (account.status, stage, default and default.id)


def turn(scene: Scene, price: float, *, bids: bool) -> tuple[Effect, ...]:
    """House, committee and the chains that run go on; the owner does nothing. The other accounts are looked after."""
    clearing = scene.clearing
    default = clearing.state.open_default_of(scene.debtor.id)
    members = [place + 1 for place in range(4) if place != clearing.down][:3]
    openings = (clearing.opening(default, members),) if default is not None and default.stage is Stage.OPENING else ()
    happened: dict[int, list[VaultEvent]] = {}
    waiting = {s.action_id for d in clearing.state.defaults.values() for s in d.seizures if s.proceeds is None}
    for order in clearing.effects:
        chain = int(order.asset.split("@")[1]) if isinstance(order, SeizeAction) else 0
        if isinstance(order, SeizeAction) and order.action_id in waiting and chain in clearing.running:
            sold = Sold(order.action_id, MicroUsd(order.floor_price))
            happened.setdefault(chain, []).extend((Seized(order.action_id), sold))
    executed = clearing.batch(prices={"BTC": price}, events=happened, openings=openings, blocks=8)
    sent: list[Message] = [scene.maker.margin_proof(clearing.state)]
    default = clearing.state.open_default_of(scene.debtor.id)
    offered = None if default is None else asking_price(clearing.house, clearing.state, default)
    if bids and default is not None and default.offer is not None and offered is not None:
        sent.append(scene.bidder.bid(clearing.state, default, offered, -(-default.offer.total * 2 // 3)))
    else:
        sent.append(scene.bidder.margin_proof(clearing.state))
    return (*executed.effects, *clearing.batch(*sent, blocks=0).effects)


@settings(max_examples=16, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    down=st.sampled_from([None, 0, 1, 2, 3]),
    ether=st.integers(0, 3),
    insured=st.sampled_from([0, 300]),
    moves=st.lists(st.sampled_from([75, 85, 92, 97, 100, 103, 110]), min_size=4, max_size=10),
    cash=st.sampled_from([2_000, 4_000]),
    bids=st.booleans(),
    stops=st.dictionaries(st.integers(0, 25), st.tuples(st.sampled_from(Level), st.integers(1, 100)), max_size=2),
    lost=st.none() | st.integers(0, 25),
    halts=st.lists(st.tuples(st.integers(0, 25), st.integers(1, 40)), min_size=2, max_size=2),
)
def test_from_every_state_the_house_goes_on_without_the_owner_and_with_f_nodes_down(
    house: Setting,
    down: int | None,
    ether: int,
    insured: int,
    moves: list[int],
    cash: int,
    bids: bool,
    stops: dict[int, tuple[Level, int]],
    lost: int | None,
    halts: list[tuple[int, int]],
):
    """Nor does it wait for an order: a level of the breaker ends by itself, and a frozen chain is given up. Each chain
    with collateral halts once, for some of the steps."""
    held = {(chain, "WETH"): ether * 10**5 for chain in CHAINS[1:3]} if ether else {}
    scene = on_margin(house, cash=cash * USD, collateral=held)
    clearing = scene.clearing
    if insured:
        clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", insured * USD)
    for trader in (scene.maker, scene.bidder):
        clearing.deposit(trader.id, 31337, "USD", 40_000 * USD)
    clearing.down, price, place, stayed = down, 8_000.0, "good", 0
    for step in range(64):
        if step in stops:
            clearing.accept(clearing.breaker(*stops[step]), blocks=0)
        if step == lost:
            executed = clearing.accept(clearing.write_off(ETHERS), blocks=0)
            place = climb(place, scene.debtor.id, executed.effects)
        stopped = clearing.state.breaker.level is not Level.OPEN
        before = stands(scene)
        price = max(price * (moves[step] if step < len(moves) else 100) / 100, 2_500.0)
        away = {c for c, (first, length) in zip(CHAINS[1:3], halts, strict=True) if first <= step < first + length}
        clearing.running = tuple(chain for chain in CHAINS if chain not in away)
        place = climb(place, scene.debtor.id, turn(scene, price, bids=bids))
        resting = clearing.account(scene.debtor).status in (Status.ACTIVE, Status.CLOSED)
        stayed = 0 if resting or stopped or stands(scene) != before else stayed + 1
        assert stayed <= LONGEST_STAY, f"nothing moves {before}"
    assert clearing.told(EventKind.DUE), "an owner that is away long enough is always due"
