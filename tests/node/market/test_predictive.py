"""Warnings before the breach."""

from dataclasses import replace

import numpy as np
import pytest

from node.market.instruments import Barrier, BarrierKind, OptionKind
from node.market.predictive import leave_probability
from node.market.window import window_of

HOUR = 3_600
DOWN_OUT = BarrierKind.DOWN_OUT


def priced(house, price: int):
    """The first round's state with another price of BTC, and the same volatility."""
    moved = tuple(
        replace(entry, price=price * 10**8) if entry.symbol == "BTC" else entry for entry in house.state.underlyings
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


def test_it_agrees_with_simulated_paths(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    state = priced(house, 7_350)
    sigma, rng = state.sigma_ppm("BTC") / 1e6, np.random.default_rng(1)
    steps = rng.normal(-(sigma**2) * HOUR / 31_536_000 / 800, sigma * np.sqrt(HOUR / 31_536_000 / 400), (4_000, 400))
    lowest = state.price("BTC") * np.exp(steps.cumsum(axis=1).min(axis=1))
    left = (lowest < window.underlying("BTC").low / (1 - 0.095)).mean()
    assert probability(house, window, state) == pytest.approx(left, abs=0.05)


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


def test_a_lapsed_or_soon_too_old_window_is_certain_to_be_left(house):
    window = window_of(house.grid(), ["BTC-PERP"], [])
    assert probability(house, window, priced(house, 5_000)) == 1.0
    assert probability(house, window, house.state, house.parameters.max_proof_age_seconds + 1) == 1.0
