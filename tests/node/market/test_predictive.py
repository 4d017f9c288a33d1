"""Warnings before the breach."""

from dataclasses import replace

import numpy as np
import pytest

from node.market.instruments import Barrier, BarrierKind, OptionKind
from node.market.predictive import Covered, leave_probability, warnings
from node.market.widths import maintenance_width
from node.market.window import window_of

HOUR = 3_600
DOWN_OUT = BarrierKind.DOWN_OUT


def priced(house, price: float):
    """The first round's state with another price of BTC, and the same volatility."""
    moved = tuple(
        replace(entry, price=round(price * 10**8)) if entry.symbol == "BTC" else entry
        for entry in house.state.underlyings
    )
    return replace(house.state, underlyings=moved)


def probability(house, window, state, seconds=HOUR, positions=("BTC-PERP",)):
    return leave_probability(window, state, seconds, positions, (), house.registry, house.parameters)


def test_the_nearer_the_edge_the_likelier_the_breach(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    likelihoods = [probability(house, window, priced(house, price)) for price in (8_000, 7_500, 7_400, 7_310)]
    assert likelihoods == sorted(likelihoods)
    assert likelihoods[0] < 0.01 < 0.5 < likelihoods[-1] < 1


def test_more_time_means_more_risk(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    state = priced(house, 7_400)
    assert 0.0 == probability(house, window, state, 0) < probability(house, window, state, 900)
    assert probability(house, window, state, 900) < probability(house, window, state, HOUR)


def simulated(distance: float, deviation: float, paths: int = 40_000, steps: int = 60) -> float:
    """How often driftless paths of the log-price come `distance` below their start, without error of the step size.

    Between two points above the barrier a path has touched it with probability exp(−2·a·b/δ²), a and b their
    distances and δ² the variance of a step (Brownian bridge).
    """
    rng = np.random.default_rng(7)
    above, missed = np.full(paths, distance), np.ones(paths)
    step = deviation / np.sqrt(steps)
    for _ in range(steps):
        after = above + rng.normal(0.0, step, paths)
        touched = np.where((after > 0) & (above > 0), np.exp(-2 * above * after / step**2), 1.0)
        missed *= 1 - np.minimum(touched, 1.0)
        above = after
    return float(1 - missed.mean())


@pytest.mark.parametrize("edge", ["low", "high"])
@pytest.mark.parametrize("deviations", [0.2, 1.0, 2.0])
def test_it_agrees_with_simulated_paths_at_either_edge_to_one_percent(house, edge, deviations):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    covered = window.underlying("BTC")
    deviation = house.state.sigma_ppm("BTC") / 1e6 * np.sqrt(HOUR / 31_536_000)
    width = maintenance_width(house.state.sigma_ppm("BTC"), house.parameters) / 1e6
    limit = covered.low / (1 - width) if edge == "low" else covered.high / (1 + width)
    start = limit * np.exp(deviations * deviation if edge == "low" else -deviations * deviation)
    state = priced(house, start / 10**8)
    # 40,000 paths: three standard errors are at most 0.0075
    assert probability(house, window, state) == pytest.approx(simulated(deviations * deviation, deviation), abs=0.01)


def test_the_most_urgent_is_warned_first_and_the_safe_not_at_all(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    state = priced(house, 7_350)
    covered = window.underlying("BTC")
    wide = replace(window, underlyings=(replace(covered, low=covered.low // 2),))
    tight = replace(window, underlyings=(replace(covered, low=covered.low * 1_003 // 1_000),))
    windows = {b"c": window, b"a": tight, b"d": wide, b"b": window}
    accounts = [Covered(name, held, ("BTC-PERP",), ()) for name, held in windows.items()]
    found = warnings(accounts, state, house.registry, house.parameters)
    assert [entry.account for entry in found] == [b"a", b"b", b"c"]
    assert found[0].probability > found[1].probability == found[2].probability >= 0.1


def test_a_barrier_near_the_price_makes_a_call_likely_until_it_is_crossed_or_over(house):
    near, far = (
        Barrier("BTC", 10_000, house.state.time + life, 8_000 * 10**8, OptionKind.CALL, level * 10**8, DOWN_OUT)
        for level, life in ((7_950, 86_400), (7_400, 1_800))
    )
    listed = house.listing(near, far)
    window = window_of(listed.grid(), [near.id, far.id, "BTC-PERP"], [])
    chances = [probability(listed, window, listed.state, positions=(entry.id,)) for entry in (near, far)]
    assert 0.4 < chances[0] < 0.6
    assert chances[1] < 0.01
    close = priced(listed, 7_405)
    plain, later = (probability(listed, window, close, 900, (name,)) for name in ("BTC-PERP", far.id))
    assert later - plain == pytest.approx(0.874, abs=0.001)
    over = listed.after(900, BTC=7_949).after(60, BTC=8_000)
    renewed = window_of(over.grid(), [near.id], [])
    assert probability(over, renewed, over.state, positions=(near.id,)) < 0.01
    beyond = listed.after(900, BTC=7_949)
    unconfirmed = replace(beyond.state, knocks=())
    assert probability(beyond, window_of(beyond.grid(unconfirmed), [near.id], []), unconfirmed, 60, (near.id,)) == 1.0


def test_a_lapsed_or_soon_too_old_window_is_certain_to_be_left(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    assert probability(house, window, priced(house, 5_000)) == 1.0
    assert probability(house, window, house.state, house.parameters.max_proof_age_seconds + 1) == 1.0
