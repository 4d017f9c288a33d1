"""Black's formula against QuantLib, and its refusals."""

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import ExpiredInstrument, InvalidInput
from node.market.instruments import Option, OptionKind
from node.market.valuation import black76, option_value

EXPIRY = 1_585_296_000
CALL = Option("BTC", 10_000, EXPIRY, 8_000 * 10**8, OptionKind.CALL)


@pytest.mark.parametrize(("sign", "kind"), [(1.0, QuantLib.Option.Call), (-1.0, QuantLib.Option.Put)])
def test_values_equal_quantlib_to_ten_decimals(sign, kind):
    forwards = np.array([3_800.0, 7_000.0, 8_000.0, 9_500.0, 20_000.0])
    volatilities = np.array([0.05, 0.6, 0.8, 1.5, 5.0])
    years = np.array([1 / 8760, 1 / 365, 15 / 365, 1.0])
    ours = black76(forwards[:, None, None], 8_000.0, volatilities[:, None], years, sign)
    for index, value in np.ndenumerate(ours):
        forward, volatility, time = forwards[index[0]], volatilities[index[1]], years[index[2]]
        theirs = QuantLib.blackFormula(kind, 8_000.0, forward, volatility * np.sqrt(time), 1.0)
        assert value == pytest.approx(theirs, abs=1e-10, rel=1e-13)


@given(
    forward=st.floats(10, 1e6),
    strike=st.floats(10, 1e6),
    volatility=st.floats(0.01, 5),
    years=st.floats(0, 2),
)
def test_call_minus_put_is_forward_minus_strike(forward, strike, volatility, years):
    call = black76(forward, strike, volatility, years, 1.0)
    put = black76(forward, strike, volatility, years, -1.0)
    assert float(call - put) == pytest.approx(forward - strike, abs=1e-9 * max(forward, strike))


def test_at_expiry_the_value_is_the_payoff():
    forwards = np.array([7_000.0, 8_000.0, 9_000.0])
    np.testing.assert_array_equal(black76(forwards, 8_000.0, 0.8, 0.0, 1.0), [0, 0, 1_000])
    np.testing.assert_array_equal(black76(forwards, 8_000.0, 0.8, 0.0, -1.0), [1_000, 0, 0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0, -0.5])
def test_a_volatility_that_is_none_is_refused_naming_the_option(bad):
    with pytest.raises(InvalidInput) as refusal:
        option_value(CALL, 8e11, np.array([0.8, bad]), EXPIRY - 3600)
    assert (refusal.value.instrument, refusal.value.field) == (CALL.id, "volatility")


def test_a_negative_forward_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        option_value(CALL, -1.0, 0.8, EXPIRY - 3600)
    assert refusal.value.field == "forward"


def test_an_expired_option_has_no_model_value():
    with pytest.raises(ExpiredInstrument) as refusal:
        option_value(CALL, 8e11, 0.8, EXPIRY)
    assert refusal.value.instrument == CALL.id
