from random import Random

from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.auction import PPM
from node.liquidation.plan import SeizableHolding, plan_seizures

WETH = 10**5
PRICE = 200 * 10**8


def ether(asset: str, units: int, *, available: int | None = None, haircut_ppm: int = 50_000) -> SeizableHolding:
    return SeizableHolding(asset, units, units if available is None else available, PRICE, WETH, haircut_ppm)


holdings = st.lists(
    st.builds(
        SeizableHolding,
        st.uuids().map(str),
        st.integers(0, 2**40),
        st.integers(0, 2**40),
        st.integers(0, 10**14),
        st.sampled_from([10**5, 10**6]),
        st.sampled_from([0, 50_000, 300_000]),
    ),
    max_size=6,
)


@given(st.integers(1, 10**14), holdings, st.integers(0, 10**5), st.integers(0, PPM))
def test_no_plan_takes_more_than_there_is_or_more_assets_than_it_needs(
    deficit: int, held: list[SeizableHolding], buffer_ppm: int, floor_ppm: int
):
    by_asset = {holding.asset: holding for holding in held}
    planned = plan_seizures(deficit, held, buffer_ppm, floor_ppm)
    target = deficit * (PPM + buffer_ppm) // PPM
    covered = 0
    for item in planned:
        holding = by_asset[item.asset]
        assert covered < target
        assert 0 < item.amount <= min(holding.amount, holding.available)
        assert 0 <= item.floor_price <= item.start_price == holding.mark_value(item.amount)
        covered += holding.forced_value(item.amount)
    everything = sum(h.forced_value(min(h.amount, h.available)) for h in held)
    assert covered >= min(target, everything) - len(planned)


@given(st.integers(1, 10**14), holdings, st.randoms(use_true_random=False))
def test_every_node_plans_the_same(deficit: int, held: list[SeizableHolding], random: Random):
    shuffled = list(held)
    random.shuffle(shuffled)
    assert plan_seizures(deficit, shuffled, 0, PPM) == plan_seizures(deficit, held, 0, PPM)


def test_the_cheapest_slippage_comes_first_and_the_larger_holding_among_equals():
    held = [
        ether("dear", 9 * WETH, haircut_ppm=100_000),
        ether("small", WETH),
        ether("large", 2 * WETH),
    ]
    planned = plan_seizures(1_000_000_000, held, 0, 700_000)
    assert [item.asset for item in planned] == ["large", "small", "dear"]


def test_only_what_the_deficit_needs_is_seized():
    (item,) = plan_seizures(95_000_000, [ether("WETH@1", 5 * WETH)], 0, 700_000)
    assert item.amount == WETH // 2
    assert (item.start_price, item.floor_price) == (100_000_000, 70_000_000)


def test_a_vault_that_lacks_the_token_is_passed_over():
    held = [ether("down", 5 * WETH, available=0), ether("up", WETH)]
    assert [item.asset for item in plan_seizures(10**9, held, 0, PPM)] == ["up"]


def test_dust_that_is_worth_nothing_is_left_alone():
    worthless = SeizableHolding("dust", 3, 3, 1, WETH, 0)
    assert plan_seizures(10**6, [worthless], 0, PPM) == ()
