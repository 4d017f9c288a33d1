"""Parameters that contradict themselves are refused; the rest has one encoding."""

from dataclasses import replace

import pytest

from node.market.errors import EncodingInvalid, InvalidParameters, MissingFeed
from node.market.instruments import Registry
from node.market.parameters import MarketParameters, UnderlyingParameters


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"maintenance_floor_ppm": 0}, "maintenance_floor_ppm"),
        ({"maintenance_floor_ppm": 400_000}, "maintenance_floor_ppm"),
        ({"initial_cap_ppm": 600_000}, "initial_cap_ppm"),
        ({"initial_cap_ppm": 350_000}, "maintenance_cap_ppm"),
        ({"initial_multiple_ppm": 1_000_000}, "initial_multiple_ppm"),
        ({"step_numerator": 10}, "step_numerator"),
        ({"level_up_ppm": 1_200_000}, "level_down_ppm"),
        ({"volatility_start_ppm": 100_000}, "volatility_floor_ppm"),
        ({"funding_rate_ppm": 1_000_000}, "funding_rate_ppm"),
        ({"closing_charge_bps": 10_001}, "closing_charge_bps"),
        ({"underlyings": (UnderlyingParameters("BTC", 0, 1),)}, "BTC.lattice_origin"),
        ({"underlyings": (UnderlyingParameters("BTC", 9, 0),)}, "BTC.funding_tolerance"),
    ],
)
def test_contradictory_parameters_are_refused_naming_the_field(house, change, field):
    with pytest.raises(InvalidParameters) as refusal:
        replace(house.parameters, **change)
    assert refusal.value.field == field


def test_an_underlying_without_parameters_is_named(house):
    with pytest.raises(MissingFeed, match="DOGE"):
        house.parameters.underlying("DOGE")


def test_parameters_and_registry_survive_encoding(house):
    assert MarketParameters.decode(house.parameters.encode()) == house.parameters
    assert Registry.decode(house.registry.encode()) == house.registry


def test_every_parameter_changes_the_digest(house):
    assert replace(house.parameters, closing_charge_bps=21).digest != house.parameters.digest


def test_truncated_surplus_and_unsorted_bytes_are_refused(house):
    data = house.registry.encode()
    for bad in (data[:-1], data + b"\0", b"", b"\xff" * 40):
        with pytest.raises(EncodingInvalid):
            Registry.decode(bad)
    btc, eth = b"\0\0\0\x03BTC", b"\0\0\0\x03ETH"
    swapped = data.replace(btc + eth, eth + btc, 1)
    assert swapped != data
    with pytest.raises(EncodingInvalid, match="canonical"):
        Registry.decode(swapped)
