import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.liquidation.auction import PPM
from node.liquidation.tear_up import OpenedLot, TearUpPrice, tear_up_prices

lots = st.lists(
    st.builds(OpenedLot, st.sampled_from("ABCDEF"), st.integers(-(2**40), 2**40).filter(bool), st.integers(0, 10**9)),
    min_size=1,
    max_size=5,
    unique_by=lambda lot: lot.instrument,
)
losses = st.integers(0, 10**18)
bands = st.integers(0, 2 * PPM)


@given(losses, lots, bands)
def test_no_price_leaves_its_band_or_is_negative(loss: int, held: list[OpenedLot], band: int):
    marks = {lot.instrument: lot.mark for lot in held}
    for torn in tear_up_prices(loss, held, band):
        assert torn.price >= 0
        assert abs(torn.price - marks[torn.instrument]) * PPM <= band * marks[torn.instrument]


@given(losses, lots, bands)
def test_what_the_price_moves_is_the_defaulters_gain(loss: int, held: list[OpenedLot], band: int):
    by_name = {lot.instrument: lot for lot in held}
    prices = tear_up_prices(loss, held, band)
    assert sorted(by_name) == sorted(torn.instrument for torn in prices)
    for torn in prices:
        lot = by_name[torn.instrument]
        assert torn.gain == lot.quantity * (torn.price - lot.mark) >= 0


@given(losses, lots, bands)
def test_less_than_one_step_a_lot_is_taken_beyond_the_loss(loss: int, held: list[OpenedLot], band: int):
    prices = tear_up_prices(loss, held, band)
    moved = [torn for torn in prices if torn.gain]
    over = sum(torn.gain for torn in prices) - loss
    if over > 0:
        assert over < abs(next(lot.quantity for lot in held if lot.instrument == moved[-1].instrument))


@given(losses, lots)
def test_a_loss_stays_open_only_when_every_price_is_at_its_bound(loss: int, held: list[OpenedLot]):
    prices = tear_up_prices(loss, held, 100_000)
    if sum(torn.gain for torn in prices) < loss:
        by_name = {lot.instrument: lot for lot in held}
        assert all(abs(t.price - by_name[t.instrument].mark) == by_name[t.instrument].mark // 10 for t in prices)


@pytest.mark.parametrize(
    ("loss", "prices"),
    [
        (0, [("A", 800), ("B", 200)]),
        (101, [("A", 811), ("B", 200)]),
        (1_000, [("A", 880), ("B", 190)]),
        (10_000, [("A", 880), ("B", 180)]),
    ],
)
def test_the_largest_notional_pays_first(loss: int, prices: list[tuple[str, int]]):
    held = [OpenedLot("B", -20, 200), OpenedLot("A", 10, 800)]
    assert [(torn.instrument, torn.price) for torn in tear_up_prices(loss, held, 100_000)] == prices


def test_a_short_can_be_settled_at_nothing_and_no_lower():
    assert tear_up_prices(10**6, [OpenedLot("A", -3, 100)], 3 * PPM) == (TearUpPrice("A", 0, 300),)
