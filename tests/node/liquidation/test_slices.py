"""Plans of partial liquidation, held against the margin statement itself."""

from dataclasses import replace
from functools import cache

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from node.liquidation.auction import PPM
from node.liquidation.slices import (
    OpenBook,
    PlanRules,
    Slice,
    margin_slack,
    plan_liquidation,
    total_lots,
    within_cap,
)
from node.market.grid import RiskGrid, compute_grid
from node.market.listing import standard_asset, standard_registry
from node.market.oracle_rules import Price
from node.market.state import advance, genesis_state

START = 1_583_020_800
FEED = 10**8
USD = 10**6
WETH = "WETH@1"
PERP, OTHER, FUTURE = "BTC-PERP", "ETH-PERP", "BTC-20200316"
CALL, PUT = "BTC-20200316-8000-C", "BTC-20200316-7200-P"
RULES = PlanRules(slices=8, cost_ppm=30_000, buffer_ppm=0, full_below=0)


@cache
def grid() -> RiskGrid:
    assets = [standard_asset(1, bytes([place]) * 20, symbol) for place, symbol in enumerate(("USD", "WETH"), 1)]
    listing = standard_registry(8_000 * FEED, 200 * FEED, START, assets)
    prices = {"BTC": Price(8_000 * FEED, 500, 4), "ETH": Price(200 * FEED, 500, 4)}
    state = genesis_state(listing.registry, listing.parameters, 100, START)
    return compute_grid(
        listing.registry,
        listing.parameters,
        advance(state, prices, 104, START, listing.registry, listing.parameters),
    )


def worth(book: OpenBook) -> int:
    """Value at mark, collateral without a haircut, in micro-dollars."""
    entries = [(grid().instrument(name), quantity) for name, quantity in book.positions.items()]
    held = sum(quantity * (entry.mark - entry.funding) for entry, quantity in entries)
    collateral = sum(grid().instrument(name).mark * amount for name, amount in book.collateral.items()) // 1000
    return book.cash + held + collateral


def sold(book: OpenBook, slices: tuple[Slice, ...], rules: PlanRules) -> OpenBook:
    """The book after the sale at the expected cost, by an independent sum."""
    lots = total_lots(slices)
    notional = sum(abs(item.quantity) * grid().mark_price(item.instrument) for item in slices)
    proceeds = sum(q * (grid().mark_price(n) - grid().instrument(n).funding) for n, q in lots.items())
    left = {name: quantity - lots.get(name, 0) for name, quantity in book.positions.items()}
    return OpenBook(book.cash + proceeds - -(-notional * rules.cost_ppm // PPM), left, book.collateral)


def restored(book: OpenBook, rules: PlanRules) -> bool:
    slack = margin_slack(grid(), book)
    return slack >= 0 and slack * PPM >= rules.buffer_ppm * (1000 * worth(book) - slack)


@st.composite
def books(draw: st.DrawFn) -> OpenBook:
    """Up to a few bitcoin either way in every instrument, worth from a little less than nothing to its requirement."""
    lots = st.integers(-40_000, 40_000) | st.integers(-150, 150)
    positions = draw(st.dictionaries(st.sampled_from([PERP, OTHER, FUTURE, CALL, PUT]), lots.filter(bool), min_size=1))
    collateral = draw(st.dictionaries(st.just(WETH), st.integers(1, 10**7)))
    flat = OpenBook(0, dict(sorted(positions.items())), collateral)
    requirement = worth(flat) - margin_slack(grid(), flat) // 1000
    return replace(flat, cash=requirement * draw(st.integers(-10, 110)) // 100 - worth(flat))


rules = st.builds(
    PlanRules,
    slices=st.integers(1, 10),
    cost_ppm=st.sampled_from([0, 10_000, 30_000, 100_000]),
    buffer_ppm=st.sampled_from([0, 200_000]),
    full_below=st.sampled_from([0, 500 * USD]),
)


@given(books(), rules)
def test_a_plan_restores_margin_or_sells_everything(book: OpenBook, chosen: PlanRules):
    plan = plan_liquidation(grid(), book, worth(book), chosen)
    lots = total_lots(plan.slices)
    assert all(0 < abs(q) <= abs(book.positions[name]) and q * book.positions[name] > 0 for name, q in lots.items())
    if plan.full:
        assert lots == book.positions
    elif plan.slices:
        assert restored(sold(book, plan.slices, chosen), chosen)
    else:
        assert margin_slack(grid(), book) >= 0


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(books(), rules)
def test_no_slice_of_a_partial_plan_can_be_left_out(book: OpenBook, chosen: PlanRules):
    plan = plan_liquidation(grid(), book, worth(book), chosen)
    assume(plan.slices and not plan.full)
    for place in range(len(plan.slices)):
        without = (*plan.slices[:place], *plan.slices[place + 1 :])
        assert not restored(sold(book, without, chosen), chosen)


@given(books(), rules, st.integers(1, 10**12))
def test_a_plan_cut_by_a_cap_sells_the_same_and_costs_the_same(book: OpenBook, chosen: PlanRules, cap: int):
    """Two small liquidations leave neither the account nor the house better off than one large."""
    plan = plan_liquidation(grid(), book, worth(book), chosen)
    assume(plan.slices)
    free = replace(chosen, cost_ppm=0)
    first = within_cap(grid(), plan.slices, cap)
    assert first > 0
    assert sold(sold(book, plan.slices[:first], free), plan.slices[first:], free) == sold(book, plan.slices, free)
    apart = sold(sold(book, plan.slices[:first], chosen), plan.slices[first:], chosen)
    assert apart.cash <= sold(book, plan.slices, chosen).cash


@given(books(), rules)
def test_every_node_plans_the_same_whatever_the_order_of_its_book(book: OpenBook, chosen: PlanRules):
    backwards = OpenBook(book.cash, dict(reversed(book.positions.items())), book.collateral)
    assert plan_liquidation(grid(), book, worth(book), chosen) == plan_liquidation(
        grid(), backwards, worth(book), chosen
    )


def test_a_naked_perpetual_is_sold_as_far_as_it_must():
    """One bitcoin at 8,000 with 1,000 dollars: 16.15 % is asked at least, so less than it holds is left."""
    book = OpenBook(-7_000 * USD, {PERP: 10_000}, {})
    plan = plan_liquidation(grid(), book, 1_000 * USD, RULES)
    assert not plan.full
    assert {item.instrument for item in plan.slices} == {PERP}
    lots = total_lots(plan.slices)[PERP]
    assert 0 < lots < 10_000
    assert lots % -(-10_000 // 800) == 0


def test_the_naked_leg_goes_and_the_hedge_stays():
    """A long future against a short perpetual needs little; the ether on top is what it is short for."""
    book = OpenBook(400 * USD - 20_000 * 200_000, {FUTURE: 20_000, PERP: -20_000, OTHER: 20_000}, {})
    plan = plan_liquidation(grid(), book, worth(book), RULES)
    assert not plan.full
    assert set(total_lots(plan.slices)) == {OTHER}


def test_of_a_short_strangle_the_leg_is_bought_back_that_restores_most_for_its_cost():
    book = OpenBook(30_000 * USD, {CALL: -30_000, PUT: -10_000}, {})
    short = replace(book, cash=book.cash - margin_slack(grid(), book) // 1000 - 500 * USD)
    plan = plan_liquidation(grid(), short, worth(short), RULES)
    assert not plan.full
    for item in plan.slices[:1]:
        others = [s for s in (Slice(CALL, -4_000), Slice(PUT, -1_300)) if s.instrument != item.instrument]
        base = margin_slack(grid(), short)
        for other in others:
            mine = (margin_slack(grid(), sold(short, (item,), RULES)) - base) / abs(item.quantity)
            theirs = (margin_slack(grid(), sold(short, (other,), RULES)) - base) / abs(other.quantity)
            assert mine / grid().mark_price(item.instrument) >= theirs / grid().mark_price(other.instrument)


def test_an_account_below_the_floor_or_worth_nothing_is_sold_whole():
    book = OpenBook(-7_000 * USD, {PERP: 10_000}, {})
    assert plan_liquidation(grid(), book, 1_000 * USD, replace(RULES, full_below=1_001 * USD)).full
    broke = OpenBook(-8_001 * USD, {PERP: 10_000}, {})
    assert plan_liquidation(grid(), broke, -USD, RULES).full


def test_an_account_with_its_margin_sells_nothing():
    book = OpenBook(-5_000 * USD, {PERP: 10_000}, {})
    assert plan_liquidation(grid(), book, 3_000 * USD, RULES).slices == ()


def test_a_buffer_sells_more():
    book = OpenBook(-7_000 * USD, {PERP: 10_000}, {})
    plain = plan_liquidation(grid(), book, 1_000 * USD, RULES)
    buffered = plan_liquidation(grid(), book, 1_000 * USD, replace(RULES, buffer_ppm=200_000))
    assert len(buffered.slices) > len(plain.slices)


def test_a_cap_can_let_nothing_through():
    assert within_cap(grid(), (Slice(PERP, 100),), 0, least=0) == 0


def test_a_cap_lets_through_what_fits_and_at_least_one_slice():
    slices = (Slice(PERP, 100), Slice(PERP, 100), Slice(PERP, 100))
    notional = 100 * grid().mark_price(PERP)
    assert [within_cap(grid(), slices, cap) for cap in (0, notional, 2 * notional - 1, 2 * notional, 10**15)] == [
        1, 1, 1, 2, 3,
    ]  # fmt: skip
