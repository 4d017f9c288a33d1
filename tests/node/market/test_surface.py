"""Smiles and forwards: no certain profit in what is accepted, typed refusals for the rest, age widens."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import InvalidInput, SurfaceArbitrage
from node.market.instruments import PPM
from node.market.surface import (
    LEAST_VOLATILITY_PPM,
    MOST_SLICES,
    MOST_VOLATILITY_PPM,
    PPB,
    Slice,
    Surface,
    check_surface,
    implied_ppm,
    widening_ppm,
)
from node.market.valuation import black

USD = 10**8
DAY = 86_400
TIME = 1_583_020_800
SPOT = 8_000 * USD
NEAR = Slice(TIME + 15 * DAY, 0, 80_000, 120_000, 130_000)
FAR = Slice(TIME + 90 * DAY, 12_500_000, 150_000, 250_000, 390_000)
SURFACE = Surface("BTC", TIME, SPOT, (NEAR, FAR))


@st.composite
def slices(draw, count):
    """Figures that rise from expiry to expiry and satisfy the butterfly conditions."""
    made, figures = [], (1_000, 1_000, 1_000)
    for place in range(count):
        call, put = (draw(st.integers(low, 1_999_999)) for low in figures[:2])
        bend = draw(st.integers(max(figures[2], -(-max(call, put) // 2)), 5_000_000))
        basis = draw(st.integers(-50_000_000, 50_000_000))
        made.append(Slice(TIME + (place + 1) * DAY, basis, call, put, bend))
        figures = call, put, bend
    return tuple(made)


def surface_of(*made):
    return Surface("BTC", TIME, SPOT, made)


def ssvi(entry, k):
    """Total variance by Gatheral and Jacquier's own formula."""
    p, q, t = entry.call_wing / PPM, entry.put_wing / PPM, entry.bend / PPM
    psi, rho = p + q, (p - q) / (p + q)
    theta = psi * t
    phi = psi / theta
    return theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))


def forward_of(entry):
    return SPOT * (1 + entry.basis_ppb / PPB)


K = np.linspace(-6, 6, 2_401)


@given(slices(1), st.floats(-3, 3))
def test_a_strikes_volatility_is_the_published_ssvis_to_the_nearest_ppm(made, k):
    entry, strike = made[0], int(forward_of(made[0]) * np.exp(k))
    years = (entry.expiry - TIME) / (365 * DAY)
    theirs = np.sqrt(ssvi(entry, np.log(strike / forward_of(entry))) / years)
    expected = np.clip(theirs * PPM, LEAST_VOLATILITY_PPM, MOST_VOLATILITY_PPM)
    assert abs(implied_ppm(surface_of(entry), entry, strike) - expected) <= 0.5 + 1e-6 * expected


@given(slices(1))
def test_an_accepted_slice_makes_call_prices_fall_and_bend_upward_in_the_strike(made):
    entry = made[0]
    check_surface(surface_of(entry))
    strikes = np.linspace(0.05, 12, 4_000)
    prices = black(1.0, strikes, np.sqrt(ssvi(entry, np.log(strikes))), 1.0)
    slopes = np.diff(prices)
    assert slopes.max() <= 1e-12
    assert np.diff(slopes).min() >= -1e-11


@given(slices(3))
def test_accepted_slices_never_cross(made):
    check_surface(surface_of(*made))
    rows = [ssvi(entry, K) for entry in made]
    assert all((later - earlier).min() >= -1e-12 for earlier, later in pairwise(rows))


def test_a_smile_too_steep_for_its_bend_is_refused_and_does_admit_a_butterfly():
    steep = Slice(TIME + DAY, 0, 100_000, 1_900_000, 20_000)
    with pytest.raises(SurfaceArbitrage) as refusal:
        check_surface(surface_of(steep))
    assert (refusal.value.underlying, refusal.value.expiry, refusal.value.condition) == ("BTC", TIME + DAY, "butterfly")
    strikes = np.linspace(0.05, 3, 2_000)
    prices = black(1.0, strikes, np.sqrt(ssvi(steep, np.log(strikes))), 1.0)
    assert np.diff(prices, 2).min() < -1e-9


def test_a_wing_of_two_is_refused_however_wide_the_bend():
    with pytest.raises(SurfaceArbitrage):
        check_surface(surface_of(replace(NEAR, call_wing=2_000_000, bend=9_000_000)))
    check_surface(surface_of(replace(NEAR, call_wing=1_999_999, bend=1_000_000)))


@pytest.mark.parametrize("name", ["call_wing", "put_wing", "bend"])
def test_a_later_slice_that_could_lie_below_an_earlier_one_is_refused(name):
    with pytest.raises(SurfaceArbitrage) as refusal:
        check_surface(surface_of(NEAR, replace(NEAR, expiry=FAR.expiry, **{name: getattr(NEAR, name) - 1})))
    assert (refusal.value.expiry, refusal.value.condition) == (FAR.expiry, "calendar")
    assert name in refusal.value.reason


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"basis_ppb": PPB // 2 + 1}, "basis"),
        ({"basis_ppb": -PPB}, "basis"),
        ({"call_wing": 0}, "call_wing"),
        ({"put_wing": -5}, "put_wing"),
        ({"bend": 0}, "bend"),
        ({"bend": 10**12}, "bend"),
        ({"expiry": TIME}, "expiry"),
    ],
)
def test_a_figure_that_cannot_be_is_named(change, field):
    with pytest.raises(InvalidInput) as refusal:
        check_surface(surface_of(replace(NEAR, **change)))
    assert refusal.value.instrument == "BTC"
    assert refusal.value.field.startswith(field)


@pytest.mark.parametrize("price", [0, -1, 10**17])
def test_a_spot_price_that_is_none_is_refused(price):
    with pytest.raises(InvalidInput) as refusal:
        check_surface(replace(SURFACE, price=price))
    assert refusal.value.field == "price"


def test_slices_out_of_order_none_or_too_many_are_refused():
    many = tuple(replace(NEAR, expiry=NEAR.expiry + day * DAY) for day in range(MOST_SLICES + 1))
    check_surface(replace(SURFACE, slices=many[1:]))
    for made in ((), (FAR, NEAR), (NEAR, NEAR), many):
        with pytest.raises(InvalidInput):
            check_surface(replace(SURFACE, slices=made))


def test_levels_widen_with_age():
    ages = [widening_ppm(SURFACE, TIME + age, 250_000) for age in (0, 1, 3_600, DAY)]
    assert ages == [0, 3, 10_417, 250_000]
    with pytest.raises(InvalidInput):
        widening_ppm(SURFACE, TIME - 1, 250_000)


def test_volatility_is_variance_per_year():
    assert implied_ppm(SURFACE, NEAR, SPOT) == round(np.sqrt(0.2 * 0.13 / (15 / 365)) * PPM)


@pytest.mark.parametrize("strike", [3_000, 7_000, 8_000, 8_100, 9_500, 25_000])
def test_a_value_at_forward_and_volatility_of_the_surface_equals_quantlibs(strike):
    volatility = implied_ppm(SURFACE, FAR, strike * USD) / PPM
    deviation, forward = volatility * np.sqrt(90 / 365), forward_of(FAR) / USD
    assert forward == 8_100
    for sign, kind in ((1.0, QuantLib.Option.Call), (-1.0, QuantLib.Option.Put)):
        theirs = QuantLib.blackFormula(kind, float(strike), forward, deviation, 1.0)
        assert float(black(forward, float(strike), deviation, sign)) == pytest.approx(theirs, abs=1e-10, rel=1e-12)
