"""Listings: identities, order, refusals."""

from dataclasses import replace

import pytest

from node.market.errors import EncodingInvalid, ExpiredInstrument, InvalidInstrument, UnknownInstrument
from node.market.instruments import (
    Barrier,
    BarrierKind,
    CollateralAsset,
    Digital,
    Expiry,
    Future,
    Option,
    OptionKind,
    Perpetual,
    Registry,
)
from node.market.listing import round_strike, standard_asset, standard_registry
from node.market.state import genesis_state

MARCH_27 = 1_585_296_000  # 2020-03-27 08:00 UTC
USD = 10**8
CALL, PUT = OptionKind


def digital(strike: int = 8_000 * USD, payout: int = 1_000 * USD, tick: int = 1) -> Digital:
    return Digital("BTC", 10_000, MARCH_27, strike, OptionKind.CALL, payout, tick)


def barrier(
    strike: int = 8_000, level: int = 6_000, kind: OptionKind = CALL, crossing: BarrierKind = BarrierKind.DOWN_OUT
) -> Barrier:
    return Barrier("BTC", 10_000, MARCH_27, strike * USD, kind, level * USD, crossing)


def test_ids_name_underlying_expiry_strike_and_kind():
    assert Perpetual("BTC", 10_000).id == "BTC-PERP"
    assert Future("BTC", 10_000, MARCH_27).id == "BTC-20200327"
    assert Option("BTC", 10_000, MARCH_27, 8_000 * USD, OptionKind.CALL).id == "BTC-20200327-8000-C"
    assert Option("ETH", 1_000, MARCH_27, 187 * USD + USD // 2, OptionKind.PUT).id == "ETH-20200327-187.5-P"
    assert digital().id == "BTC-20200327-8000-C-PAYS-1000"
    assert barrier().id == "BTC-20200327-8000-C-DO-6000"


def test_an_expiry_off_the_customary_hour_has_an_id_of_its_own():
    assert Future("BTC", 10_000, MARCH_27 + 90).id == "BTC-20200327T080130"


def test_an_asset_is_named_by_symbol_and_chain():
    asset = standard_asset(31_338, b"\x02" * 20, "WETH")
    assert asset.id == "WETH@31338"
    assert asset.base_units == 10**13
    assert standard_asset(1, b"\x01" * 20, "USD").is_cash


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Option("BTC", 10_000, MARCH_27, 0, OptionKind.CALL), "strike"),
        (lambda: Option("BTC", 10_000, MARCH_27, -1, OptionKind.CALL), "strike"),
        (lambda: Option("BTC", 10_000, 0, USD, OptionKind.CALL), "expiry"),
        (lambda: Future("BTC", 10_000, 10**15), "expiry"),
        (lambda: Perpetual("BTC", 0), "lot_scale"),
        (lambda: Perpetual("", 10), "underlying"),
        (lambda: Perpetual("BTC", 10, tick=0), "tick"),
        (lambda: digital(strike=0), "strike"),
        (lambda: digital(strike=10**17), "strike"),
        (lambda: digital(payout=0), "payout"),
        (lambda: digital(payout=-1), "payout"),
        (lambda: digital(tick=-5), "tick"),
        (lambda: barrier(strike=0), "strike"),
        (lambda: barrier(level=0), "barrier"),
        (lambda: barrier(level=-6_000), "barrier"),
        (lambda: barrier(strike=8_000, level=8_000, kind=PUT, crossing=BarrierKind.DOWN_OUT), "barrier"),
        (lambda: barrier(strike=8_000, level=9_000, kind=PUT, crossing=BarrierKind.DOWN_IN), "barrier"),
        (lambda: barrier(strike=8_000, level=7_000, kind=CALL, crossing=BarrierKind.UP_OUT), "barrier"),
        (lambda: barrier(strike=8_000, level=8_000, kind=CALL, crossing=BarrierKind.UP_IN), "barrier"),
        (lambda: CollateralAsset(1, b"\x01" * 19, "WETH", "ETH", 18, 10**5, 0), "token"),
        (lambda: CollateralAsset(1, b"\x01" * 20, "WETH", "ETH", 18, 3, 0), "unit_scale"),
        (lambda: CollateralAsset(1, b"\x01" * 20, "WETH", "ETH", 18, 10**5, 10**6), "haircut_ppm"),
        (lambda: CollateralAsset(1, b"\x01" * 20, "USD", None, 6, 10**5, 0), "unit_scale"),
    ],
)
def test_a_contradictory_listing_is_refused_naming_the_field(make, field):
    with pytest.raises(InvalidInstrument) as refusal:
        make()
    assert refusal.value.field == field


def test_a_registry_is_the_same_in_whatever_order_it_was_listed(house):
    registry = house.registry
    shuffled = Registry(registry.underlyings[::-1], registry.instruments[::-1], registry.collateral[::-1])
    assert shuffled == registry
    assert shuffled.digest == registry.digest


def test_an_instrument_cannot_be_listed_twice(house):
    with pytest.raises(InvalidInstrument, match="listed twice"):
        replace(house.registry, instruments=(*house.registry.instruments, Perpetual("BTC", 5)))


def test_an_instrument_needs_a_listed_underlying():
    with pytest.raises(InvalidInstrument) as refusal:
        Registry(("BTC",), (Perpetual("ETH", 1_000),), ())
    assert (refusal.value.instrument, refusal.value.field) == ("ETH-PERP", "underlying")


def test_lookup_refuses_what_is_not_listed(house):
    assert house.registry.instrument("BTC-PERP").underlying == "BTC"
    assert house.registry.asset("WBTC@2").underlying == "BTC"
    assert house.registry.asset_at(1, b"\x02" * 20).id == "WETH@1"
    assert house.registry.underlying_of("USD@1") is None
    for lookup in (house.registry.instrument, house.registry.asset, house.registry.underlying_of):
        with pytest.raises(UnknownInstrument):
            lookup("DOGE-PERP")
    with pytest.raises(UnknownInstrument):
        house.registry.asset_at(2, b"\x02" * 20)


def test_the_standard_listing_has_two_of_each_linear_contract_and_six_options(house):
    kinds = [type(entry) for entry in house.registry.instruments]
    assert (kinds.count(Perpetual), kinds.count(Future), kinds.count(Option)) == (2, 2, 6)
    expiries = {entry.expiry for entry in house.registry.instruments if not isinstance(entry, Perpetual)}
    assert expiries == {1_583_020_800 + 15 * 86_400 + 8 * 3600}


def test_strikes_have_two_significant_digits():
    assert round_strike(852_361_000_000) == 8_500 * USD
    assert round_strike(19_549_000_000) == 200 * USD


def test_a_ledger_unit_too_small_to_value_is_not_listed():
    dust = CollateralAsset(1, b"\x02" * 20, "WETH", "ETH", 18, 10**8, 0)
    with pytest.raises(InvalidInstrument, match="less than 10⁶"):
        standard_registry(8_000 * USD, 200 * USD, 1_583_020_800, [dust])


def test_a_registry_with_every_kind_survives_encoding_and_knows_its_expiries(house):
    late = Future("ETH", 1_000, MARCH_27 + 90)
    listed = house.listing(digital(), barrier(), barrier(level=9_000, kind=PUT, crossing=BarrierKind.UP_IN), late)
    registry = listed.registry
    assert Registry.decode(registry.encode()) == registry
    assert [entry.id for entry in registry.barriers] == ["BTC-20200327-8000-C-DO-6000", "BTC-20200327-8000-P-UI-9000"]
    march_16 = MARCH_27 - 11 * 86_400
    assert registry.expiries == (
        Expiry("BTC", march_16),
        Expiry("BTC", MARCH_27),
        Expiry("ETH", march_16),
        Expiry("ETH", MARCH_27 + 90),
    )


def test_an_unknown_kind_of_instrument_is_refused_when_decoded(house):
    data = bytearray(house.registry.encode())
    place = data.index((10).to_bytes(4, "big")) + 4  # ten instruments, the first one's kind
    data[place] = 5
    with pytest.raises(EncodingInvalid) as refusal:
        Registry.decode(bytes(data))
    assert refusal.value.reason == "unknown union member"


@pytest.mark.parametrize(
    ("entry", "price"),
    [
        (barrier(level=6_000), 6_000),
        (barrier(level=6_000), 5_999),
        (barrier(level=9_000, kind=PUT, crossing=BarrierKind.UP_IN), 9_000),
        (barrier(level=9_000, kind=PUT, crossing=BarrierKind.UP_OUT), 9_500),
    ],
)
def test_a_barrier_that_the_listing_price_has_crossed_is_refused(house, entry, price):
    listed = house.listing(entry)
    underlyings = tuple(
        replace(figures, lattice_origin=price * USD) if figures.symbol == "BTC" else figures
        for figures in house.parameters.underlyings
    )
    with pytest.raises(InvalidInstrument) as refusal:
        genesis_state(listed.registry, replace(house.parameters, underlyings=underlyings), 1, MARCH_27 - 86_400 * 20)
    assert (refusal.value.instrument, refusal.value.field) == (entry.id, "barrier")
    assert "crossed already" in str(refusal.value)


def test_a_house_does_not_open_with_what_has_expired(house):
    listed = house.listing(digital())
    with pytest.raises(ExpiredInstrument) as refusal:
        genesis_state(listed.registry, house.parameters, 1, MARCH_27)
    assert (refusal.value.expiry, refusal.value.time) == (MARCH_27 - 11 * 86_400, MARCH_27)
