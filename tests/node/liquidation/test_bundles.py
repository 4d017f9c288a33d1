import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.bundles import BUNDLE_UNITS, Bundle, bundle_of, pro_rata

books = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]), st.integers(-(2**40), 2**40).filter(bool) | st.integers(1, 300), min_size=1
)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any)


@given(books)
def test_a_bundle_and_its_rest_are_the_lots(lots: dict[str, int]):
    left, bundles = dict(lots), 0
    while left:
        made = bundle_of(left)
        assert made.units > 0
        assert all(quantity * lots[name] > 0 for name, quantity in made.lots.items())
        left = {n: q - made.units * made.lots.get(n, 0) for n, q in left.items()}
        left = {name: quantity for name, quantity in left.items() if quantity}
        assert all(abs(quantity) < BUNDLE_UNITS for quantity in left.values())
        bundles += 1
    assert bundles <= 2


@pytest.mark.parametrize(
    ("lots", "made"),
    [
        ({"A": -7_919}, Bundle(7_919, {"A": -1})),
        ({"A": 10_000, "B": -5_000}, Bundle(5_000, {"A": 2, "B": -1})),
        ({"A": 7_919, "B": -99}, Bundle(100, {"A": 79})),
        ({"A": 60, "B": -40}, Bundle(20, {"A": 3, "B": -2})),
    ],
)
def test_a_bundle_by_hand(lots: dict[str, int], made: Bundle):
    assert bundle_of(lots) == made


@given(st.integers(0, 10**9), weights)
def test_a_share_is_within_one_of_the_exact_one_and_all_of_it_is_shared(amount: int, held: list[int]):
    shares, total = pro_rata(amount, held), sum(held)
    assert sum(shares) == amount
    for share, weight in zip(shares, held, strict=True):
        assert abs(share * total - amount * weight) < total


@given(weights, st.data())
def test_nobody_gets_more_than_it_asked_for(held: list[int], data: st.DataObject):
    amount = data.draw(st.integers(0, sum(held)))
    assert all(share <= weight for share, weight in zip(pro_rata(amount, held), held, strict=True))


def test_a_remainder_goes_to_the_largest_fraction_and_then_to_the_first():
    assert pro_rata(10, [1, 1, 1]) == (4, 3, 3)
    assert pro_rata(5, [6, 1, 1]) == (4, 1, 0), "3.75, 0.625, 0.625"
