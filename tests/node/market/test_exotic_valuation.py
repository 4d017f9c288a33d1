"""Digitals and barrier options against QuantLib's engines, and the identities that bind them to plain options."""

from itertools import product

import numpy as np
import pytest
import QuantLib
from hypothesis import assume, given
from hypothesis import strategies as st

from node.market.errors import InvalidInstrument
from node.market.exotic_valuation import Box, barrier_book, digital_book
from node.market.instruments import Barrier, BarrierKind, Digital, OptionKind
from node.market.valuation import black

USD = 10**8
CALL, PUT = OptionKind
LATER = 2_000_000_000
DAYS = 365
TODAY = QuantLib.Date(1, 1, 2024)
QL_SIDE = {CALL: QuantLib.Option.Call, PUT: QuantLib.Option.Put}
QL_BARRIER = {
    BarrierKind.DOWN_OUT: QuantLib.Barrier.DownOut,
    BarrierKind.DOWN_IN: QuantLib.Barrier.DownIn,
    BarrierKind.UP_OUT: QuantLib.Barrier.UpOut,
    BarrierKind.UP_IN: QuantLib.Barrier.UpIn,
}

prices = st.floats(50, 200)
deviations = st.floats(0.001, 3)
strikes = st.integers(50, 200)


def digital(strike, kind, payout=1_000):
    return Digital("BTC", 1, LATER, round(strike * USD), kind, payout * USD)


def barrier(strike, kind, level, crossing):
    """The listing, or None where the barrier could not matter."""
    try:
        return Barrier("BTC", 1, LATER, round(strike * USD), kind, round(level * USD), crossing)
    except InvalidInstrument:
        return None


def worth(entry, price, deviation):
    """In dollars."""
    book = digital_book([entry]) if isinstance(entry, Digital) else barrier_book([entry])
    return float(book.values(np.array(price * USD), np.array(deviation)).ravel()[0]) / USD


def quantlib(option, engine, price, volatility):
    """The value by a QuantLib engine, one year before expiry, without interest."""
    QuantLib.Settings.instance().evaluationDate = TODAY
    count = QuantLib.Actual365Fixed()
    flat = QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, 0.0, count))
    surface = QuantLib.BlackVolTermStructureHandle(
        QuantLib.BlackConstantVol(TODAY, QuantLib.NullCalendar(), volatility, count)
    )
    quote = QuantLib.QuoteHandle(QuantLib.SimpleQuote(price))
    option.setPricingEngine(engine(QuantLib.BlackScholesMertonProcess(quote, flat, flat, surface)))
    return option.NPV()


@pytest.mark.parametrize("kind", OptionKind)
def test_digitals_equal_quantlib_to_ten_decimals(kind):
    exercise = QuantLib.EuropeanExercise(TODAY + DAYS)
    for strike, price, volatility in product((70.0, 100.0, 130.0), (60.0, 100.0, 101.0, 160.0), (0.05, 0.4, 1.5)):
        payoff = QuantLib.CashOrNothingPayoff(QL_SIDE[kind], strike, 1_000.0)
        theirs = quantlib(QuantLib.EuropeanOption(payoff, exercise), QuantLib.AnalyticEuropeanEngine, price, volatility)
        assert worth(digital(strike, kind), price, volatility) == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize("crossing", BarrierKind)
@pytest.mark.parametrize("kind", OptionKind)
def test_barrier_options_equal_quantlib_to_ten_decimals(kind, crossing):
    exercise, compared = QuantLib.EuropeanExercise(TODAY + DAYS), 0
    for strike, level in product((70.0, 90.0, 95.0, 100.0, 105.0, 110.0, 130.0), (80.0, 95.0, 105.0, 125.0)):
        entry = barrier(strike, kind, level, crossing)
        for price, volatility in product((81.0, 90.0, 100.0, 110.0, 124.0), (0.1, 0.4, 1.5)):
            if entry is None or entry.is_crossed(round(price * USD)):
                continue
            payoff = QuantLib.PlainVanillaPayoff(QL_SIDE[kind], strike)
            option = QuantLib.BarrierOption(QL_BARRIER[crossing], level, 0.0, payoff, exercise)
            theirs = quantlib(option, QuantLib.AnalyticBarrierEngine, price, volatility)
            assert worth(entry, price, volatility) == pytest.approx(theirs, abs=1e-10)
            compared += 1
    assert compared > 100


@given(prices, deviations, strikes)
def test_a_digital_call_and_put_together_are_the_payout(price, deviation, strike):
    both = worth(digital(strike, CALL), price, deviation) + worth(digital(strike, PUT), price, deviation)
    assert both == pytest.approx(1_000, abs=1e-9)


@given(prices, st.floats(0.02, 3), strikes)
def test_a_digital_is_the_limit_of_a_call_spread(price, deviation, strike):
    width = strike * 1e-4
    low, high = (float(black(price, strike + side * width, deviation, 1.0)) for side in (-0.5, 0.5))
    spread = (low - high) / width * 1_000
    # N(d₂) has a third derivative in the strike of at most a few over (strike · deviation)³
    assert worth(digital(strike, CALL), price, deviation) == pytest.approx(spread, abs=1e-4 + 1e-5 / deviation**3)


@given(prices, deviations, strikes, strikes, st.sampled_from(OptionKind), st.booleans())
def test_an_in_and_an_out_together_are_the_plain_option(price, deviation, strike, level, kind, down):
    kinds = (BarrierKind.DOWN_OUT, BarrierKind.DOWN_IN) if down else (BarrierKind.UP_OUT, BarrierKind.UP_IN)
    pair = [barrier(strike, kind, level, crossing) for crossing in kinds]
    assume(None not in pair)
    plain = float(black(price, strike, deviation, 1.0 if kind is CALL else -1.0))
    assert sum(worth(entry, price, deviation) for entry in pair) == pytest.approx(plain, abs=1e-9)
    assert all(0 <= worth(entry, price, deviation) <= plain + 1e-12 for entry in pair)


@given(deviations, strikes, strikes, st.sampled_from(OptionKind), st.sampled_from(BarrierKind))
def test_at_the_barrier_an_out_is_worth_nothing_and_the_limit_from_before_is_the_same(
    deviation, strike, level, kind, crossing
):
    entry = barrier(strike, kind, level, crossing)
    assume(entry is not None)
    plain = float(black(level, strike, deviation, 1.0 if kind is CALL else -1.0))
    before = level * (1 + 1e-9 * (1 if crossing.is_down else -1))
    crossed = plain if crossing.is_in else 0.0
    assert worth(entry, level, deviation) == pytest.approx(crossed, abs=1e-9)
    assert worth(entry, before, deviation) == pytest.approx(crossed, abs=1e-6 / deviation * level)


@given(prices, strikes, strikes, st.sampled_from(OptionKind), st.sampled_from(BarrierKind))
def test_at_expiry_the_value_is_the_payoff(price, strike, level, kind, crossing):
    price = round(price * USD) / USD  # a price of the ledger: one just below a barrier must not round onto it
    entry = barrier(strike, kind, level, crossing)
    assume(entry is not None)
    payoff = max((price - strike) * (1 if kind is CALL else -1), 0)
    pays = entry.is_crossed(round(price * USD)) is crossing.is_in
    assert worth(entry, price, 0.0) == pytest.approx(payoff if pays else 0, abs=1e-9)
    over = worth(digital(strike, CALL), strike + 1, 0.0), worth(digital(strike, CALL), strike - 1, 0.0)
    assert over == (1_000, 0)


@st.composite
def boxes(draw):
    low = draw(prices)
    quiet = draw(st.just(0.0) | deviations)
    edges = low, low * draw(st.floats(1, 1.3)), quiet, quiet + draw(st.floats(0, 1))
    return Box(*(np.full((1, 1, 1), edge * unit) for edge, unit in zip(edges, (USD, USD, 1, 1), strict=True)))


def inside(box, share, depth):
    price = box.price_low + share * (box.price_high - box.price_low)
    return price, box.deviation_low + depth * (box.deviation_high - box.deviation_low)


@given(boxes(), st.floats(0, 1), st.floats(0, 1), strikes, st.sampled_from(OptionKind))
def test_no_digital_leaves_the_range_of_its_box(box, share, depth, strike, kind):
    book = digital_book([digital(strike, kind)])
    value, bounds = book.values(*inside(box, share, depth)), book.bounds(box)
    assert bounds.low - 1e-3 <= value <= bounds.high + 1e-3  # feed units


@given(boxes(), st.floats(0, 1), st.floats(0, 1), strikes, strikes, *map(st.sampled_from, (OptionKind, BarrierKind)))
def test_no_barrier_option_leaves_the_range_of_its_box_alive_or_crossed(
    box, share, depth, strike, level, kind, crossing
):
    entry = barrier(strike, kind, level, crossing)
    assume(entry is not None and not box.price_low < entry.barrier < box.price_high)
    book, place = barrier_book([entry]), inside(box, share, depth)
    for reachable, values in (
        (False, [book.values(*place)]),
        (True, [book.values(*place), book.crossed_values(*place)]),
    ):
        bounds = book.bounds(box, reachable=np.full((1, 1, 1), reachable))
        assert all(bounds.low - 1e-3 <= value <= bounds.high + 1e-3 for value in values)
