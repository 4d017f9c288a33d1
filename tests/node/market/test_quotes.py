"""Quotes of forwards and smiles become one surface; nonsense, liars and the late change nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import InvalidInput, SurfaceArbitrage, SurfaceUnquoted
from node.market.oracle_rules import Observation, Price, aggregate
from node.market.quotes import SurfaceRefused, aggregate_surface
from node.market.surface import MOST_SLICES, Slice, Surface, check_surface

NOW = 1_583_020_800
USD = 10**8
DAY = 86_400
EXPIRIES = (NOW + 15 * DAY, NOW + 90 * DAY)
NEAR = Slice(EXPIRIES[0], 2_000_000, 80_000, 120_000, 130_000)
FAR = Slice(EXPIRIES[1], 12_500_000, 150_000, 250_000, 390_000)


def quote(author, *slices, price=8_000 * USD, observed_at=NOW - 60):
    return Observation(bytes([author]) * 20, 7, "BTC", price, 500, observed_at, slices)


def made_of(house, *seen, expiries=EXPIRIES):
    price = aggregate(seen, house.parameters, NOW)
    assert isinstance(price, Price)
    return aggregate_surface(seen, price, expiries, house.parameters, NOW)


def shifted(entry, by):
    return replace(
        entry,
        basis_ppb=entry.basis_ppb + by,
        call_wing=entry.call_wing + by,
        put_wing=entry.put_wing - by,
        bend=entry.bend + by,
    )


def test_the_surface_is_the_median_figure_by_figure_at_the_rounds_price(house):
    seen = [quote(author, shifted(NEAR, by), FAR) for author, by in ((1, 0), (2, 100), (3, 700))]
    assert made_of(house, *seen) == Surface("BTC", NOW, 8_000 * USD, (shifted(NEAR, 100), FAR))


def test_of_two_middle_figures_the_mean_is_taken_downward_and_of_the_bend_upward(house):
    seen = [quote(author, shifted(NEAR, by)) for author, by in ((1, 0), (2, 100), (3, 201), (4, 999))]
    (entry,) = made_of(house, *seen).slices
    middle = NEAR.basis_ppb + 150, NEAR.call_wing + 150, NEAR.put_wing - 151, NEAR.bend + 151
    assert (entry.basis_ppb, entry.call_wing, entry.put_wing, entry.bend) == middle


def test_where_nobody_quotes_there_is_nothing_to_refuse(house):
    assert made_of(house, quote(1), quote(2), quote(3)) is None


def test_too_few_quotes_are_refused_by_number(house):
    result = made_of(house, quote(1, NEAR), quote(2, NEAR), quote(3))
    assert result == SurfaceRefused(SurfaceUnquoted("BTC", 2, 3))
    assert "2 usable quotes of 3" in str(result.reason)


@pytest.mark.parametrize(
    "late",
    [
        {"observed_at": NOW - 4_201},
        {"observed_at": NOW + 1},
        {"price": 8_170 * USD},
        {"price": 0},
    ],
)
def test_a_quote_whose_price_does_not_count_does_not_count(house, late):
    honest = [quote(author, NEAR) for author in (1, 2, 3)]
    odd = quote(4, shifted(NEAR, 1_000), **late)
    assert made_of(house, *honest, odd) == made_of(house, *honest)


NONSENSE = [
    (replace(NEAR, call_wing=0), FAR),
    (replace(NEAR, put_wing=-1), FAR),
    (replace(NEAR, bend=10**30), FAR),
    (replace(NEAR, basis_ppb=-(10**9)), FAR),
    (replace(NEAR, bend=1_000), FAR),  # butterfly
    (NEAR, replace(FAR, bend=129_000)),  # calendar
    (FAR, NEAR),
    (NEAR, NEAR),
    (NEAR,),  # where others quote two expiries
    tuple(replace(NEAR, expiry=NEAR.expiry + second) for second in range(MOST_SLICES + 1)),
]


@pytest.mark.parametrize("slices", NONSENSE)
@pytest.mark.parametrize("author", [1, 4])
def test_one_validators_nonsense_changes_nothing(house, slices, author):
    honest = [quote(2, NEAR, FAR), quote(3, shifted(NEAR, 10), FAR), quote(5, shifted(NEAR, 20), FAR)]
    assert made_of(house, *honest, quote(author, *slices)) == made_of(house, *honest)


@pytest.mark.parametrize(
    ("slices", "error"),
    [
        ((replace(NEAR, bend=1_000),), SurfaceArbitrage),
        ((NEAR, replace(FAR, bend=129_000)), SurfaceArbitrage),
        ((replace(NEAR, call_wing=0),), InvalidInput),
    ],
)
def test_a_surface_that_all_quote_and_that_admits_arbitrage_is_refused_by_its_reason(house, slices, error):
    result = made_of(house, *(quote(author, *slices) for author in (1, 2, 3, 4)))
    assert isinstance(result, SurfaceRefused)
    assert isinstance(result.reason, error)
    assert str(result.reason).startswith("BTC")


def test_expiries_that_are_not_listed_or_over_do_not_count(house):
    over, unlisted = replace(NEAR, expiry=NOW - DAY), replace(NEAR, expiry=NOW + 20 * DAY)
    seen = [quote(author, over, NEAR, unlisted, FAR) for author in (1, 2, 3)]
    listed = (over.expiry, *EXPIRIES)
    assert made_of(house, *seen, expiries=listed) == Surface("BTC", NOW, 8_000 * USD, (NEAR, FAR))
    nothing = made_of(house, *(quote(author, unlisted) for author in (1, 2, 3)))
    assert isinstance(nothing, SurfaceRefused)


def test_a_validator_that_signed_two_quotes_has_none(house):
    honest = [quote(author, NEAR) for author in (1, 2, 3)]
    twice = [quote(4, shifted(NEAR, 5)), quote(4, shifted(NEAR, 6))]
    assert made_of(house, *honest, *twice) == made_of(house, *honest)


@st.composite
def quotes_of_two(draw):
    """Two slices without arbitrage."""
    made, figures = [], (1_000, 1_000, 1_000)
    for expiry in EXPIRIES:
        call, put = (draw(st.integers(low, 1_999_999)) for low in figures[:2])
        bend = draw(st.integers(max(figures[2], -(-max(call, put) // 2)), 5_000_000))
        made.append(Slice(expiry, draw(st.integers(-(10**8), 10**8)), call, put, bend))
        figures = call, put, bend
    return tuple(made)


@given(
    honest=st.lists(quotes_of_two(), min_size=3, max_size=3),
    liar=quotes_of_two() | st.sampled_from(NONSENSE),
    order=st.permutations(range(4)),
)
def test_one_liar_in_four_neither_moves_a_figure_out_of_the_honest_range_nor_blocks_the_surface(
    house, honest, liar, order
):
    seen = [quote(author, *slices) for author, slices in enumerate([*honest, liar], 1)]
    made = made_of(house, *(seen[place] for place in order))
    assert made == made_of(house, *seen)
    check_surface(made)
    for place, entry in enumerate(made.slices):
        for name in ("basis_ppb", "call_wing", "put_wing", "bend"):
            figures = [getattr(slices[place], name) for slices in honest]
            assert min(figures) <= getattr(entry, name) <= max(figures)
