from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.auction import (
    PPM,
    AccountStanding,
    AuctionSchedule,
    AuctionTerms,
    MarkedLot,
    gross_notional,
    portfolio_mark,
    terms_of,
)

DERIVE = AuctionSchedule(
    start_ppm=980_000, fast_ppm=800_000, fast_blocks=100, slow_blocks=14_400, insolvent_blocks=3_600
)
"""Derive's v2 simulation in seconds: 0.98 to 0.80 of the mark in 100 s, then to nothing in 14,400 s."""
LINE = AuctionSchedule(PPM, PPM, 0, 4, 4)
lots = st.lists(
    st.builds(MarkedLot, st.integers(-(2**40), 2**40).filter(bool), st.integers(0, 10**9)), min_size=1, max_size=5
)
money = st.integers(-(10**15), 10**15)


@st.composite
def schedules(draw: st.DrawFn) -> AuctionSchedule:
    fast_ppm = draw(st.integers(0, PPM))
    start_ppm = draw(st.integers(fast_ppm, PPM))
    fast, slow, insolvent = draw(st.integers(0, 50)), draw(st.integers(1, 100)), draw(st.integers(1, 100))
    return AuctionSchedule(start_ppm, fast_ppm, fast, slow, insolvent)


standings = st.builds(AccountStanding, money, st.integers(0, 10**15))
auctions = st.builds(terms_of, lots, st.integers(1, 10**6), standings, st.integers(0, PPM), schedules())


@given(auctions)
def test_the_price_starts_at_or_just_below_mark_and_ends_at_the_floor(terms: AuctionTerms):
    schedule = terms.schedule
    share = schedule.start_ppm if schedule.fast_blocks else schedule.fast_ppm
    given_away = terms.solvent_depth * (PPM - share) // PPM
    assert terms.asking_price(0) == terms.asking_price(-1) == terms.mark - given_away
    assert terms.asking_price(terms.duration) == terms.asking_price(terms.duration + 1) == terms.floor


@given(auctions, st.integers(0, 300))
def test_the_price_never_rises_and_never_leaves_mark_and_floor(terms: AuctionTerms, elapsed: int):
    assert terms.floor <= terms.asking_price(elapsed + 1) <= terms.asking_price(elapsed) <= terms.mark


@given(lots, st.integers(1, 10**6), standings, st.integers(0, PPM), schedules())
def test_all_units_together_give_away_no_more_than_stands_behind_them(
    unit: list[MarkedLot], units: int, stands: AccountStanding, discount: int, schedule: AuctionSchedule
):
    terms = terms_of(unit, units, stands, discount, schedule)
    assert terms.solvent_depth * units <= max(stands.equity, 0)
    assert (terms.solvent_depth + terms.insolvent_depth) * units <= max(stands.equity + stands.funds, 0)
    assert terms.mark - terms.floor <= gross_notional(unit) * discount // PPM


@pytest.mark.parametrize(
    ("seconds", "share"),
    [
        (0, "0.98"), (10, "0.962"), (20, "0.944"), (50, "0.89"), (90, "0.818"),
        (100, "0.80"), (1_540, "0.72"), (7_300, "0.40"), (13_060, "0.08"), (14_500, "0"),
    ],
)  # fmt: skip
def test_derives_ten_solvent_steps(seconds: int, share: str):
    """A unit of a whole account that is worth 1,000 dollars: its price is mark less what of the worth is given away."""
    unit = [MarkedLot(10_000, 800_000)]
    terms = terms_of(unit, 1, AccountStanding(1_000_000_000, 0), PPM, DERIVE)
    worth = terms.asking_price(seconds) - (terms.mark - 1_000_000_000)
    assert worth == round(float(share) * 1_000_000_000)


def test_an_owner_who_was_only_away_loses_a_share_of_its_position_and_not_its_equity():
    terms = terms_of([MarkedLot(1, 800_000)], 1, AccountStanding(10**12, 10**12), 150_000, LINE)
    assert (terms.floor, terms.insolvent_depth) == (680_000, 0)


def test_a_solvent_account_goes_to_bankruptcy_first_and_then_as_far_as_the_funds_reach():
    terms = terms_of([MarkedLot(1, 1_000)], 10, AccountStanding(400, 200), PPM, LINE)
    assert [terms.asking_price(t) for t in range(9)] == [1_000, 990, 980, 970, 960, 955, 950, 945, 940]
    assert (terms.backstop_after, terms.duration) == (4, 8)


def test_an_insolvent_account_begins_at_mark_and_gives_away_what_the_funds_have_left():
    terms = terms_of([MarkedLot(1, 1_000)], 10, AccountStanding(-400, 600), PPM, LINE)
    assert [terms.asking_price(t) for t in range(5)] == [1_000, 995, 990, 985, 980]
    assert (terms.backstop_after, terms.duration) == (4, 4)


def test_a_loss_beyond_the_funds_cannot_be_auctioned():
    assert AccountStanding(-400, 400).coverable
    assert not AccountStanding(-401, 400).coverable


@pytest.mark.parametrize(("elapsed", "price"), [(0, 100), (1, 98), (2, 95), (3, 93), (4, 90)])
def test_the_price_on_the_way_is_rounded_up(elapsed: int, price: int):
    assert AuctionTerms(100, 10, 0, LINE).asking_price(elapsed) == price


def test_a_short_portfolio_has_a_negative_price_its_buyer_is_paid():
    short = [MarkedLot(-10, 800)]
    assert (portfolio_mark(short), gross_notional(short)) == (-8_000, 8_000)
    terms = terms_of(short, 1, AccountStanding(1_000, 0), PPM, LINE)
    assert [terms.asking_price(t) for t in range(5)] == [-8_000, -8_250, -8_500, -8_750, -9_000]


def test_bidders_have_their_time_to_the_last_block():
    terms = AuctionTerms(100, 10, 5, LINE)
    assert [terms.over(t) for t in (7, 8, 9)] == [False, True, True]
    assert replace(terms, insolvent_depth=0).over(4)
