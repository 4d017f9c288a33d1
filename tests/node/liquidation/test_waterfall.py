from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.waterfall import Claims, Remedies, Waterfall, settle_default

ME, ANNA, BELA, CARL = b"me", b"anna", b"bela", b"carl"

money = st.integers(-(10**15), 10**15)
parts = st.dictionaries(st.sampled_from([ME, ANNA, BELA, CARL]), st.integers(0, 10**14))
claims = st.builds(Claims, parts, st.integers(0, 10**12))
remedies = st.builds(Remedies, st.integers(0, 10**15), parts)


@given(money, claims, remedies)
def test_every_end_adds_up_to_zero(cash: int, owed: Claims, there: Remedies):
    end = settle_default(cash, owed, there, ME)
    assert min(end.penalty, end.insurance_paid, end.shortfall, *end.fund_paid.values(), *end.repaid.values(), 0) == 0
    assert end.penalty <= owed.insurance
    assert end.insurance_paid <= there.insurance
    assert all(paid <= there.fund[member] for member, paid in end.fund_paid.items())
    assert all(paid <= owed.members[member] for member, paid in end.repaid.items())
    if cash < 0:
        assert cash + end.change + end.shortfall == 0
        assert not end.penalty
        assert not end.repaid
    else:
        assert 0 <= cash + end.change <= cash
        assert (end.insurance_paid, end.fund_paid, end.shortfall) == (0, {}, 0)


@given(money, claims, remedies)
def test_nobody_pays_before_those_who_stand_before_it(cash: int, owed: Claims, there: Remedies):
    end = settle_default(cash, owed, there, ME)
    others = sum(paid for member, paid in end.fund_paid.items() if member != ME)
    if end.insurance_paid:
        assert end.fund_paid.get(ME, 0) == there.fund.get(ME, 0)
    if others:
        assert end.insurance_paid == there.insurance
    if end.shortfall:
        assert others == sum(part for member, part in there.fund.items() if member != ME)


@given(st.integers(1, 10**12), remedies)
def test_members_pay_in_proportion_to_their_parts(loss: int, there: Remedies):
    end = settle_default(-loss, Claims({}, 0), there, ME)
    others = {member: part for member, part in there.fund.items() if member != ME}
    paid = {member: end.fund_paid.get(member, 0) for member in others}
    total, taken = sum(others.values()), sum(paid.values())
    for member, part in others.items():
        assert abs(paid[member] * total - taken * part) < max(total, 1)


def test_the_defaulters_remains_pay_first():
    there = Remedies(50, {})
    assert settle_default(100, Claims({}, 30), there, ME) == Waterfall({}, 30, 0, {}, 0)
    assert settle_default(10, Claims({}, 30), there, ME) == Waterfall({}, 10, 0, {}, 0)


def test_then_its_own_part_of_the_fund_then_insurance_then_the_others_and_the_rest_is_a_shortfall():
    there = Remedies(50, {ME: 10, ANNA: 20, BELA: 40})
    assert settle_default(-8, Claims({}, 30), there, ME) == Waterfall({}, 0, 0, {ME: 8}, 0)
    assert settle_default(-40, Claims({}, 30), there, ME) == Waterfall({}, 0, 30, {ME: 10}, 0)
    assert settle_default(-70, Claims({}, 30), there, ME) == Waterfall({}, 0, 50, {ME: 10, ANNA: 3, BELA: 7}, 0)
    assert settle_default(-200, Claims({}, 30), there, ME).shortfall == 80


def test_late_remains_repay_the_members_before_the_insurance_fund():
    owed = Claims({ANNA: 10, BELA: 20}, 50)
    assert settle_default(15, owed, Remedies(0, {}), ME) == Waterfall({ANNA: 5, BELA: 10}, 0, 0, {}, 0)
    assert settle_default(60, owed, Remedies(0, {}), ME) == Waterfall({ANNA: 10, BELA: 20}, 30, 0, {}, 0)
