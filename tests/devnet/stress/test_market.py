"""Price impact: additive, decaying, stronger in a fall; forced sales kept apart from the rest."""

from math import exp, log

import pytest

from devnet.stress.market import COEFFICIENT, HALF_LIFE, ImpactMarket
from node.market.instruments import FEED_UNITS

PRICE = 10_000 * FEED_UNITS


def calm() -> ImpactMarket:
    market = ImpactMarket(1e6, PRICE)
    market.quote()
    return market


def test_a_sale_lowers_the_price_by_its_share_of_open_interest() -> None:
    market = calm()
    market.trade(-1e5, forced=False)
    assert market.price / PRICE == pytest.approx(exp(-COEFFICIENT * 0.1))


def test_an_order_is_filled_between_the_quote_and_where_it_moves_the_price() -> None:
    market = calm()
    filled = market.fill(-1e5)
    market.trade(-1e5, forced=False)
    assert market.price / PRICE < filled < 1
    assert market.fill(1e5) > 1


def test_impact_is_half_as_strong_after_its_half_life() -> None:
    market = calm()
    market.trade(-1e5, forced=True)
    before = market.forced
    market.advance(PRICE, HALF_LIFE)
    assert market.forced == pytest.approx(before / 2)


def test_the_price_without_forced_sales_leaves_out_theirs_alone() -> None:
    market = calm()
    market.trade(-1e5, forced=False)
    expected = market.price
    market.trade(-2e5, forced=True)
    assert market.price < expected
    assert market.price_without_forced == expected


def test_makers_quote_less_in_a_fall_and_not_in_a_rise() -> None:
    falling, rising = calm(), calm()
    falling.advance(PRICE * 8 // 10, 900)
    rising.advance(PRICE * 12 // 10, 900)
    assert falling.thinness == pytest.approx(3, rel=0.01)
    assert rising.thinness == pytest.approx(1, rel=0.01)
    assert falling.expected_move(1e5) == pytest.approx(3 * rising.expected_move(1e5), rel=0.01)


def test_momentum_is_the_return_over_an_hour() -> None:
    market = calm()
    assert market.momentum == 0
    for step in range(1, 5):
        market.advance(PRICE - PRICE * step // 100, 900)
        market.quote()
    assert market.momentum == pytest.approx(-0.04)


def test_impact_is_bounded() -> None:
    market = calm()
    for _ in range(100):
        market.trade(-1e7, forced=True)
    assert log(market.price / PRICE) == pytest.approx(-0.6, abs=1e-6)
