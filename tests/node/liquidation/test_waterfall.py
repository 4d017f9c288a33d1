from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.waterfall import Waterfall, settle_default

money = st.integers(-(10**15), 10**15)


@given(money, st.integers(0, 10**12), st.integers(0, 10**15))
def test_every_end_adds_up_to_zero(cash: int, penalty: int, insurance: int):
    end = settle_default(cash, penalty, insurance)
    assert cash - end.remains + end.insurance_paid + end.shortfall == 0
    assert 0 <= end.penalty <= min(end.remains, penalty)
    assert 0 <= end.insurance_paid <= insurance
    assert end.shortfall >= 0
    assert not (end.remains and end.insurance_paid)


@given(money, st.integers(0, 10**12), st.integers(0, 10**15))
def test_there_is_no_shortfall_while_the_fund_has_money(cash: int, penalty: int, insurance: int):
    end = settle_default(cash, penalty, insurance)
    if end.shortfall:
        assert end.insurance_paid == insurance


def test_the_defaulters_remains_pay_first():
    assert settle_default(100, 30, 50) == Waterfall(remains=100, penalty=30, insurance_paid=0, shortfall=0)
    assert settle_default(10, 30, 50) == Waterfall(remains=10, penalty=10, insurance_paid=0, shortfall=0)


def test_then_the_insurance_fund():
    assert settle_default(-40, 30, 50) == Waterfall(remains=0, penalty=0, insurance_paid=40, shortfall=0)


def test_and_the_rest_is_a_shortfall():
    assert settle_default(-80, 30, 50) == Waterfall(remains=0, penalty=0, insurance_paid=50, shortfall=30)
