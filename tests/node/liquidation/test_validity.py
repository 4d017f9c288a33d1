import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.validity import (
    ALLOWED,
    MAX_UNCONFIRMED,
    Action,
    Condition,
    Quote,
    Reference,
    ValidityLimits,
    condition_of,
    worst,
)

TENTH = 100_000
LIMITS = ValidityLimits(TENTH, 20_000, 3_000_000)
prices = st.integers(1, 10**12)


def test_the_matrix():
    """Written out, so that whoever changes it sees what it allows."""
    marks = {
        condition: "".join("x" if action in ALLOWED[condition] else "." for action in Action) for condition in Condition
    }
    assert [action.name for action in Action] == [
        "TRADE", "WITHDRAW", "DEADLINE", "CALL", "FREEZE", "OPEN", "BID", "BACKSTOP", "SETTLE", "OFFER", "CLOSE",
    ]  # fmt: skip
    assert marks == {
        Condition.FRESH: "xxxxxxxxxxx",
        Condition.VOLATILE: "x.xxxxxxxxx",
        Condition.UNCERTAIN: "x.xx....x.x",
        Condition.JUMPED: "..x.......x",
        Condition.STALE: "..........x",
    }


@pytest.mark.parametrize(("worse", "better"), list(zip(list(Condition)[1:], list(Condition)[:-1], strict=True)))
def test_a_worse_price_allows_nothing_more(worse: Condition, better: Condition):
    assert ALLOWED[worse] < ALLOWED[better]


@pytest.mark.parametrize(
    ("quote", "condition"),
    [
        (Quote(Reference("BTC", 100), False, 500, 600_000), Condition.FRESH),
        (Quote(Reference("BTC", 100), False, 20_000, 3_000_000), Condition.FRESH),
        (Quote(Reference("BTC", 100), False, 20_000, 3_000_001), Condition.VOLATILE),
        (Quote(Reference("BTC", 100), False, 20_001, 3_000_001), Condition.UNCERTAIN),
        (Quote(Reference("BTC", 100, 0, 120, 1), False, 20_001, 0), Condition.JUMPED),
        (Quote(Reference("BTC", 100, 0, 120, 1), True, 0, 0), Condition.STALE),
    ],
)
def test_a_price_is_as_fit_as_the_worst_that_is_true_of_it(quote: Quote, condition: Condition):
    assert condition_of(quote, LIMITS) is condition


def test_several_feeds_are_as_fit_as_the_worst_of_them():
    assert worst([Condition.FRESH, Condition.JUMPED, Condition.VOLATILE]) is Condition.JUMPED
    assert worst([]) is Condition.FRESH


def after(*seen: int) -> Reference:
    made = Reference("BTC", 100)
    for price in seen:
        made = made.after(price, 9, TENTH)
    return made


def test_a_jump_counts_once_a_second_round_stands_by_it():
    assert after(110) == Reference("BTC", 110, 9)
    assert after(111) == Reference("BTC", 100, 0, 111, 1)
    assert after(80, 82) == Reference("BTC", 82, 9)


def test_a_wick_that_comes_back_was_nothing():
    assert after(60, 101) == Reference("BTC", 101, 9)


def test_a_jump_away_from_a_jump_waits_again():
    assert after(60, 80) == Reference("BTC", 100, 0, 80, 2)


@given(st.lists(prices, min_size=MAX_UNCONFIRMED + 1, max_size=MAX_UNCONFIRMED + 1))
def test_no_feed_waits_for_ever(seen: list[int]):
    made, waited = Reference("BTC", 100), 0
    for price in seen:
        made = made.after(price, 9, TENTH)
        waited += made.jumped
    assert waited <= MAX_UNCONFIRMED


@given(prices, prices)
def test_one_price_never_moves_the_confirmed_one_by_more_than_the_limit(first: int, second: int):
    made = Reference("BTC", first).after(second, 9, TENTH)
    assert abs(made.price - first) * 10 <= first
