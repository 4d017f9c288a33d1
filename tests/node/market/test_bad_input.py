"""What cannot be is refused with an error of one family that names the instrument and the field."""

from dataclasses import replace

import numpy as np
import pytest

from node.market import curved
from node.market.errors import ExpiredInstrument, InvalidInput, InvalidInstrument, MissingFeed, ValueOutOfRange
from node.market.instruments import Barrier, BarrierKind, Digital, Option, OptionKind
from node.market.state import check_alive, check_barrier, genesis_state
from node.market.surface import Slice, Surface, check_surface
from node.market.valuation import option_value

USD = 10**8
START = 1_583_020_800
LATER = START + 30 * 86_400
CALL = Option("BTC", 10_000, LATER, 8_000 * USD, OptionKind.CALL)


def with_underlying(house, **changes):
    """The state with figures of BTC's feed changed."""
    underlyings = tuple(replace(e, **changes) if e.symbol == "BTC" else e for e in house.state.underlyings)
    return replace(house.state, underlyings=underlyings)


@pytest.mark.parametrize("price", [-1, 0, -8_000 * USD])
def test_a_price_that_is_not_positive_is_named_by_its_feed(house, price):
    with pytest.raises(InvalidInput) as refusal:
        house.grid(with_underlying(house, price=price))
    assert (refusal.value.instrument, refusal.value.field, refusal.value.value) == ("BTC", "price", str(price))


@pytest.mark.parametrize("sigma", [0, -1])
def test_a_volatility_that_is_not_positive_is_named_by_its_feed(house, sigma):
    volatility = replace(house.state.underlying("BTC").volatility, sigma_ppm=sigma)
    with pytest.raises(InvalidInput) as refusal:
        house.grid(with_underlying(house, volatility=volatility))
    assert (refusal.value.instrument, refusal.value.field) == ("BTC", "volatility")


@pytest.mark.parametrize("price", [900, 99_999_999 * 10**9])
def test_a_price_whose_window_no_lattice_serves_is_named_by_its_feed(house, price):
    with pytest.raises(ValueOutOfRange) as refusal:
        house.grid(with_underlying(house, price=price))
    assert refusal.value.instrument == "BTC"


def test_a_feed_that_never_spoke_is_named(house):
    with pytest.raises(MissingFeed) as refusal:
        house.grid(with_underlying(house, priced_at=0))
    assert refusal.value.feed == "BTC"


@pytest.mark.parametrize("make", [Option, Digital, Barrier])
@pytest.mark.parametrize("strike", [0, -1, 10**17])
def test_a_strike_that_is_no_price_is_named(make, strike):
    more = {Option: (), Digital: (USD,), Barrier: (7_000 * USD, BarrierKind.DOWN_OUT)}[make]
    with pytest.raises(InvalidInstrument) as refusal:
        make("BTC", 10_000, LATER, strike, OptionKind.CALL, *more)
    assert refusal.value.instrument.startswith("BTC")
    assert refusal.value.field == "strike"


def test_a_barrier_that_is_crossed_when_listed_is_named(house):
    crossed = Barrier("BTC", 10_000, LATER, 9_000 * USD, OptionKind.PUT, 8_000 * USD, BarrierKind.DOWN_IN)
    for refused in (
        lambda: check_barrier(crossed, 8_000 * USD),
        lambda: genesis_state(house.listing(crossed).registry, house.parameters, 0, START),
    ):
        with pytest.raises(InvalidInstrument) as refusal:
            refused()
        assert (refusal.value.instrument, refusal.value.field) == (crossed.id, "barrier")


def test_an_option_that_has_expired_is_named_with_its_expiry(house):
    for refused in (
        lambda: check_alive(CALL, LATER),
        lambda: option_value(CALL, 8e11, 0.8, LATER),
        lambda: genesis_state(house.listing(CALL).registry, house.parameters, 0, LATER),
    ):
        with pytest.raises(ExpiredInstrument) as refusal:
            refused()
        assert refusal.value.expiry <= LATER
        assert refusal.value.instrument


@pytest.mark.parametrize(("field", "bad"), [("forward", np.nan), ("forward", -1.0), ("volatility", np.nan)])
def test_a_figure_of_the_model_that_is_none_is_named(field, bad):
    figures = {"forward": 8e11, "volatility": 0.8, field: bad}
    with pytest.raises(InvalidInput) as refusal:
        option_value(CALL, figures["forward"], figures["volatility"], START)
    assert (refusal.value.instrument, refusal.value.field) == (CALL.id, field)


def test_a_valuation_that_is_not_a_number_never_becomes_a_grid(house, monkeypatch):
    def broken(*arguments):
        values = corner_values(*arguments).copy()
        values[-1, 0, 0] = np.nan
        return values

    corner_values = curved.corner_values
    monkeypatch.setattr(curved, "corner_values", broken)
    with pytest.raises(InvalidInput) as refusal:
        house.grid()
    assert refusal.value.instrument in {entry.id for entry in house.registry.instruments}
    assert refusal.value.field == "values"


def test_a_quoted_figure_that_is_none_is_named_by_underlying_and_expiry():
    with pytest.raises(InvalidInput) as refusal:
        check_surface(Surface("BTC", START, 8_000 * USD, (Slice(LATER, 0, 1, 0, 1),)))
    assert (refusal.value.instrument, refusal.value.field) == ("BTC", f"put_wing of {LATER}")
