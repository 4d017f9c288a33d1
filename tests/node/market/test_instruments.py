"""Listings: identities, order, refusals."""

from dataclasses import replace

import pytest

from node.market.errors import InvalidInstrument, UnknownInstrument
from node.market.instruments import CollateralAsset, Future, Option, OptionKind, Perpetual, Registry
from node.market.listing import round_strike, standard_asset, standard_registry

MARCH_27 = 1_585_296_000  # 2020-03-27 08:00 UTC
USD = 10**8


def test_ids_name_underlying_expiry_strike_and_kind():
    assert Perpetual("BTC", 10_000).id == "BTC-PERP"
    assert Future("BTC", 10_000, MARCH_27).id == "BTC-20200327"
    assert Option("BTC", 10_000, MARCH_27, 8_000 * USD, OptionKind.CALL).id == "BTC-20200327-8000-C"
    assert Option("ETH", 1_000, MARCH_27, 187 * USD + USD // 2, OptionKind.PUT).id == "ETH-20200327-187.5-P"


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
