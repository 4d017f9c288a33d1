import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.auction import PPM, AuctionTerms, MarkedLot, gross_notional, portfolio_mark

lots = st.lists(
    st.builds(MarkedLot, st.integers(-(2**40), 2**40).filter(bool), st.integers(0, 10**9)), min_size=1, max_size=5
)


@st.composite
def auctions(draw: st.DrawFn) -> AuctionTerms:
    held = draw(lots)
    bankruptcy = portfolio_mark(held) + draw(st.integers(-(10**12), 10**12))
    return AuctionTerms(
        portfolio_mark(held), bankruptcy, gross_notional(held), draw(st.integers(1, 100)), draw(st.integers(0, PPM))
    )


@given(auctions())
def test_the_price_starts_at_mark_and_ends_at_the_floor(terms: AuctionTerms):
    assert terms.asking_price(0) == terms.asking_price(-1) == terms.mark
    assert terms.asking_price(terms.duration) == terms.asking_price(terms.duration + 1) == terms.floor


@given(auctions(), st.integers(0, 100))
def test_the_price_never_rises_and_never_goes_below_the_floor(terms: AuctionTerms, elapsed: int):
    assert terms.floor <= terms.asking_price(elapsed + 1) <= terms.asking_price(elapsed) <= terms.mark


@given(auctions())
def test_a_solvent_portfolio_is_never_sold_below_the_price_that_leaves_its_owner_at_zero(terms: AuctionTerms):
    if terms.bankruptcy < terms.mark:
        assert terms.floor >= terms.bankruptcy


@given(auctions())
def test_no_portfolio_is_sold_for_less_than_mark_less_the_stated_share_of_gross_notional(terms: AuctionTerms):
    assert terms.floor >= terms.mark - terms.gross * terms.discount_ppm // PPM


def test_an_owner_who_was_only_away_loses_a_share_of_its_position_and_not_its_equity():
    terms = AuctionTerms(mark=800_000, bankruptcy=-1_000_000_000_000, gross=800_000, duration=16, discount_ppm=150_000)
    assert terms.floor == 680_000


@given(auctions())
def test_an_insolvent_portfolio_falls_by_the_stated_share_of_gross_notional(terms: AuctionTerms):
    if terms.bankruptcy >= terms.mark:
        assert terms.floor == terms.mark - terms.gross * terms.discount_ppm // PPM


@pytest.mark.parametrize(("elapsed", "price"), [(0, 100), (1, 98), (2, 95), (3, 93), (4, 90)])
def test_the_price_on_the_way_is_rounded_up(elapsed: int, price: int):
    assert AuctionTerms(100, 90, 100, 4, PPM).asking_price(elapsed) == price


def test_a_short_portfolio_has_a_negative_price_its_buyer_is_paid():
    short = [MarkedLot(-10, 800)]
    assert (portfolio_mark(short), gross_notional(short)) == (-8_000, 8_000)
    terms = AuctionTerms(-8_000, -9_000, 8_000, 4, PPM)
    assert [terms.asking_price(t) for t in range(5)] == [-8_000, -8_250, -8_500, -8_750, -9_000]


def test_bidders_have_their_time_to_the_last_block():
    terms = AuctionTerms(100, 90, 100, 4, PPM)
    assert [terms.over(t) for t in (3, 4, 5)] == [False, True, True]
