"""The margin of open quantities: what each rule asks by hand, and that proofs ask the same to the last unit."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.errors import Insolvent
from circuits.pedersen import Opening
from circuits.solvency import SolvencyClaim, SolvencyInputs, SolvencyWitness, evaluate_solvency, prove_solvency
from node.market.errors import InvalidParameters
from node.market.instruments import Barrier, BarrierKind, Digital, Option, OptionKind
from node.market.margin import Scenario, open_margin
from node.market.parameters import CorrelatedPair, DepthStep, MarketParameters
from node.market.rows import compile_terms
from tests.circuits.proofs import CONTEXT, KEY

CALL = "BTC-20200316-8000-C"
USD = 10**8
DAY = 86_400
LOTS = 10_000
"""One bitcoin."""


@pytest.fixture(scope="module")
def busy(house_opener):
    """A house that lists every kind, in two option expiries."""
    house = house_opener()
    soon, late = house.state.time + 9 * DAY, house.state.time + 40 * DAY
    return house.listing(
        Option("BTC", LOTS, soon, 7_000 * USD, OptionKind.PUT),
        Option("BTC", LOTS, late, 7_000 * USD, OptionKind.PUT),
        Option("BTC", LOTS, late, 9_000 * USD, OptionKind.CALL),
        Digital("BTC", LOTS, soon, 8_100 * USD, OptionKind.CALL, 900 * USD),
        Barrier("BTC", LOTS, late, 8_000 * USD, OptionKind.CALL, 7_500 * USD, BarrierKind.DOWN_OUT),
        Option("ETH", 1_000, soon, 190 * USD, OptionKind.PUT),
    )


def flat(grid):
    """The grid of markets that are deep without end."""
    return replace(grid, underlyings=tuple(replace(entry, depth=()) for entry in grid.underlyings))


def slack(grid, positions, collateral=None, cash=0):
    return open_margin(grid, cash, positions, collateral or {}).slack


@st.composite
def accounts(draw, grid):
    """Positions and collateral of a random account, most of them small, some beyond the market's depth."""
    listed = [entry.id for entry in grid.instruments]
    names = draw(st.lists(st.sampled_from(listed), min_size=1, max_size=6, unique=True))
    sizes = st.one_of(st.integers(-(10**5), 10**5), st.integers(-(10**9), 10**9))
    positions = {name: draw(sizes) for name in names if "@" not in name}
    collateral = {name: draw(st.integers(0, 10**9)) for name in names if "@" in name}
    return positions, collateral


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_rows_and_the_twin_have_the_same_slack(busy, data):
    grid = busy.grid()
    positions, collateral = data.draw(accounts(grid))
    terms = compile_terms(grid, list(positions), list(collateral))
    amounts = [positions[name] for name in sorted(positions)] + [collateral[name] for name in sorted(collateral)]
    assert slack(grid, positions, collateral, cash=7) == evaluate_solvency(terms, 7, amounts)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_proof_and_twin_accept_the_same_portfolios_to_the_last_micro_dollar(busy, data):
    grid = busy.grid()
    positions, collateral = data.draw(accounts(grid))
    least = -(slack(grid, positions, collateral) // 1_000)
    terms = compile_terms(grid, list(positions), list(collateral))
    amounts = [positions[name] for name in sorted(positions)] + [collateral[name] for name in sorted(collateral)]
    opened = tuple(Opening.fresh(amount) for amount in amounts)

    def prove(cash):
        witness = SolvencyWitness(Opening.fresh(cash), opened, None)
        inputs = SolvencyInputs(KEY.commit(witness.cash), tuple(map(KEY.commit, opened)), None)
        return SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)

    prove(least).verify(KEY)
    with pytest.raises(Insolvent):
        prove(least - 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_within_the_depth_of_its_markets_no_account_needs_more_than_its_parts(busy, data):
    """Every other rule is concave and in proportion to the quantities; by rounding a lot may lose two row units of 1e-9
    USD, a bound three."""
    grid = flat(busy.grid())
    positions, collateral = data.draw(accounts(grid))
    whole = slack(grid, positions, collateral)
    parts = sum(slack(grid, {name: lots}) for name, lots in positions.items())
    parts += sum(slack(grid, {}, {name: units}) for name, units in collateral.items())
    rounding = sum(2 * abs(lots) for lots in positions.values()) + sum(2 * u for u in collateral.values())
    assert whole >= parts - rounding - 3 * len(grid.instruments)


def test_a_loss_beyond_the_window_counts_an_eighth(busy):
    """A put struck at 5,500 is worth little in the window, and 84 dollars at the tail of 5,416."""
    far = Option("BTC", LOTS, busy.state.time + 9 * DAY, 5_500 * USD, OptionKind.PUT)
    house = busy.listing(far)
    grid = house.grid()
    entry, levels = grid.instrument(far.id), 3
    worst_tail = max(entry.beyond.tails[:levels])
    assert worst_tail > max(entry.values)
    without = replace(grid, tail_part=0)
    more = slack(without, {far.id: -LOTS}) - slack(grid, {far.id: -LOTS})
    assert more == pytest.approx((worst_tail - max(entry.values)) * LOTS / 8, rel=0.2)


def test_a_market_order_beyond_the_stated_depth_costs_more(busy):
    small, large = 10 * LOTS, 10_000 * LOTS
    grid = replace(busy.grid(), pairs=())
    each = -slack(grid, {"BTC-PERP": small}) / small
    assert -slack(grid, {"BTC-PERP": large}) / large > each
    assert -slack(flat(grid), {"BTC-PERP": large}) / large == pytest.approx(each, rel=1e-6)


def test_depth_by_hand(busy):
    """Twenty basis points of 9,680 dollars on 10,000 bitcoin, at the first rate up to 10 M dollars' worth."""
    grid = busy.grid()
    cost = 1_936_000 * 10_000 * LOTS
    first, second = 20_000 * 10**9, 100_000 * 10**9
    assert cost > second
    extra = (cost - first) + 3 * (cost - second)
    assert slack(flat(grid), {"BTC-PERP": 10_000 * LOTS}) - slack(grid, {"BTC-PERP": 10_000 * LOTS}) == extra


def test_a_basis_trade_sets_aside_what_the_forward_may_move(busy):
    """Two weeks: 0.2 % and 2 % a year of 8,000 dollars."""
    grid = busy.grid()
    future = next(
        entry.id for entry in grid.instruments if entry.id.startswith("BTC-2020") and entry.id.count("-") == 1
    )
    entry = grid.instrument(future)
    assert 16 * 10**9 // LOTS < entry.beyond.basis[0] == -entry.beyond.basis[1] < 25 * 10**9 // LOTS
    hedged = {"BTC-PERP": LOTS, future: -LOTS}
    unmoved = replace(grid, instruments=tuple(replace(e, beyond=replace(e.beyond, basis=())) for e in grid.instruments))
    assert slack(unmoved, hedged) - slack(grid, hedged) == entry.beyond.basis[0] * LOTS


def test_two_futures_of_one_expiry_share_its_basis_and_options_too(busy):
    """A synthetic future against the future: the forward moves both alike."""
    house = busy
    expiry = house.state.time + 40 * DAY
    call, put = (Option("BTC", LOTS, expiry, 8_000 * USD, kind) for kind in (OptionKind.CALL, OptionKind.PUT))
    grid = house.listing(call, put).grid()
    moves = [grid.instrument(entry.id).beyond.basis for entry in (call, put)]
    parity = moves[0][0] - moves[1][0]
    future = 8_000 * 10**9 // LOTS * (2_000 + 20_000 * 40 // 365) // 10**6
    assert parity == pytest.approx(future, rel=1e-3)


def test_a_risk_reversal_sets_aside_a_steeper_smile(busy):
    grid = busy.grid()
    late = [
        entry.id for entry in busy.registry.instruments if getattr(entry, "expiry", 0) == busy.state.time + 40 * DAY
    ]
    names = [next(name for name in late if name.endswith(leg)) for leg in ("-7000-P", "-9000-C")]
    put, call = (grid.instrument(name) for name in names)
    assert put.beyond.skew[0] < 0 < put.beyond.skew[1]
    assert call.beyond.skew[1] < 0 < call.beyond.skew[0]
    reversal = {names[0]: -LOTS, names[1]: LOTS}
    unskewed = replace(grid, instruments=tuple(replace(e, beyond=replace(e.beyond, skew=())) for e in grid.instruments))
    aside = slack(unskewed, reversal) - slack(grid, reversal)
    assert aside == -min((call.beyond.skew[s] - put.beyond.skew[s]) * LOTS for s in (0, 1))


def test_the_pair_answers_for_everything_but_going_far_apart(busy):
    """Long bitcoin against short ether: one falls to its edge while the other rises by the near range."""
    grid = busy.grid()
    btc, eth = {"BTC-PERP": LOTS}, {"ETH-PERP": -40_000}
    unpaired = replace(grid, pairs=())
    assert slack(grid, btc | eth) > slack(unpaired, btc | eth)
    long, short = grid.instrument("BTC-PERP"), grid.instrument("ETH-PERP")
    fallen = (7 * long.values[0] + long.beyond.tails[0]) // 8
    risen = (7 * short.values[-1] + short.beyond.tails[1]) // 8
    saved = min((risen - short.beyond.near[1]) * 40_000, (long.beyond.near[0] - fallen) * LOTS)
    assert slack(grid, btc | eth) - slack(unpaired, btc | eth) == saved


def test_the_pair_gives_nothing_to_an_account_that_is_long_both(busy):
    grid = busy.grid()
    both = {"BTC-PERP": LOTS, "ETH-PERP": 40_000}
    assert slack(grid, both) == slack(replace(grid, pairs=()), both)


def test_the_worst_scenario_is_told_with_its_price_and_volatility(busy):
    grid = busy.grid()
    btc, eth = grid.underlying("BTC"), grid.underlying("ETH")
    assert open_margin(grid, 0, {"BTC-PERP": 1}, {}).worst == (Scenario("BTC", btc.nodes[0], None),)
    told = open_margin(grid, 0, {CALL: -LOTS, "ETH-PERP": -1}, {}).worst
    assert told == (Scenario("BTC", btc.tails.high, btc.levels[2]), Scenario("ETH", eth.nodes[-1], None))


def test_figures_are_written_without_trailing_zeros():
    assert str(Scenario("BTC", 8_000 * USD, 1_200_000)) == "BTC at 8000 USD and a volatility of 120 %"
    assert str(Scenario("ETH", 20_050_000_000, 545_000)) == "ETH at 200.5 USD and a volatility of 54.5 %"
    assert str(Scenario("ETH", 20_050_000_000, None)) == "ETH at 200.5 USD"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tail_multiple_ppm": 10**6}, "tail_multiple_ppm"),
        ({"tail_part": 8}, "tail_part"),
        ({"tail_part": 0}, "tail_part"),
        ({"tail_whole": 1025}, "tail_part"),
        ({"near_ppm": 0}, "near_ppm"),
        ({"near_ppm": 10**6 + 1}, "near_ppm"),
        ({"skew_shock_ppm": 500_001}, "skew_shock_ppm"),
        ({"basis_shock_ppm": -1}, "basis_shock_ppm"),
        ({"correlated": (CorrelatedPair("ETH", "BTC"),)}, "correlated"),
        ({"correlated": (CorrelatedPair("BTC", "DOGE"),)}, "correlated"),
        ({"correlated": (CorrelatedPair("BTC", "ETH"),) * 2}, "correlated"),
    ],
    ids=str,
)
def test_parameters_that_make_no_sense_are_refused(house, changes, field):
    with pytest.raises(InvalidParameters) as refused:
        replace(house.parameters, **changes)
    assert refused.value.field == field


@pytest.mark.parametrize("depth", [((5, 1), (5, 2)), ((0, 1),), ((5, 0),), ((9, 1), (5, 1))], ids=str)
def test_a_depth_that_is_none_is_refused(house, depth):
    steps = tuple(DepthStep(size, extra) for size, extra in depth)
    with pytest.raises(InvalidParameters, match="depth"):
        MarketParameters((replace(house.parameters.underlyings[0], depth=steps),))
