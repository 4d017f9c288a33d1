"""Medians of a quorum, and what is dropped on the way."""

from dataclasses import fields, replace

import pytest
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import InvalidInput
from node.market.oracle_rules import (
    Observation,
    Price,
    RefusalReason,
    Refused,
    aggregate,
    observation_digest,
)
from node.market.surface import Slice

NOW = 1_583_020_800
USD = 10**8
SLICE = Slice(NOW + 86_400, -1_000, 80_000, 120_000, 130_000)


def observation(author: int, price: int = 8_000 * USD, **changes: object) -> Observation:
    return replace(Observation(bytes([author]) * 20, 7, "BTC", price, 500, NOW - 60), **changes)


def test_the_price_is_the_median_of_a_quorum(house):
    seen = [observation(1, 8_001 * USD), observation(2), observation(3, 7_999 * USD)]
    result = aggregate(seen, house.parameters, NOW)
    assert result == Price(8_000 * USD, 500, 3)


def test_an_even_number_takes_the_mean_of_the_middle_two(house):
    seen = [observation(author, (7_998 + author) * USD) for author in (1, 2, 3, 4)]
    result = aggregate(seen, house.parameters, NOW)
    assert isinstance(result, Price)
    assert result.price == 8_000 * USD + USD // 2


def test_too_few_observations_make_no_price(house):
    result = aggregate([observation(1), observation(2)], house.parameters, NOW)
    assert result == Refused(RefusalReason.NO_QUORUM, 2, 3)
    assert aggregate([], house.parameters, NOW) == Refused(RefusalReason.NO_QUORUM, 0, 3)


def test_an_outlier_is_dropped_and_named(house):
    seen = [observation(1), observation(2), observation(3), observation(4, 9_000 * USD)]
    result = aggregate(seen, house.parameters, NOW)
    assert result == Price(8_000 * USD, 500, 3, (b"\x04" * 20,))


def test_without_agreement_there_is_no_price(house):
    seen = [observation(1), observation(2, 8_500 * USD), observation(3, 7_500 * USD)]
    result = aggregate(seen, house.parameters, NOW)
    assert isinstance(result, Refused)
    assert result.reason is RefusalReason.NO_AGREEMENT
    assert result.dropped == (b"\x02" * 20, b"\x03" * 20)


@pytest.mark.parametrize(
    "fault",
    [
        {"observed_at": NOW - 4_201},
        {"observed_at": NOW + 1},
        {"price": 0},
        {"price": -8_000 * USD},
        {"confidence_ppm": 50_001},
        {"confidence_ppm": -1},
    ],
)
def test_an_unusable_observation_does_not_count(house, fault):
    seen = [observation(1), observation(2), observation(3, **fault)]
    result = aggregate(seen, house.parameters, NOW)
    assert result == Refused(RefusalReason.NO_QUORUM, 2, 3, (b"\x03" * 20,))


def test_a_validator_that_contradicts_itself_has_no_say(house):
    seen = [observation(author) for author in (1, 2, 3, 4)] + [observation(4, 8_001 * USD)]
    result = aggregate(seen, house.parameters, NOW)
    assert result == Price(8_000 * USD, 500, 3, (b"\x04" * 20,))


def test_saying_the_same_twice_counts_once(house):
    result = aggregate([observation(1), observation(1), observation(2)], house.parameters, NOW)
    assert isinstance(result, Refused)
    assert result.usable == 2


def test_a_wide_spread_widens_the_confidence(house):
    seen = [observation(1, 7_900 * USD), observation(2), observation(3, 8_100 * USD)]
    result = aggregate(seen, house.parameters, NOW)
    assert isinstance(result, Price)
    assert result.confidence == 12_500


def test_observations_of_two_rounds_do_not_mix(house):
    with pytest.raises(InvalidInput):
        aggregate([observation(1), observation(2, round=8)], house.parameters, NOW)


@given(
    honest=st.lists(st.integers(7_950 * USD, 8_050 * USD), min_size=3, max_size=3),
    liar=st.integers(1, 10**15),
    order=st.permutations(range(4)),
)
def test_one_liar_in_four_cannot_move_the_price_out_of_the_honest_range(house, honest, liar, order):
    seen = [observation(author, price) for author, price in enumerate([*honest, liar], 1)]
    result = aggregate([seen[place] for place in order], house.parameters, NOW)
    assert result == aggregate(seen, house.parameters, NOW)
    assert isinstance(result, Price)
    assert min(honest) <= result.price <= max(honest)


def test_every_field_and_the_deployment_enter_the_signed_digest():
    base = observation(1)
    seen = {observation_digest(b"\x01" * 32, base), observation_digest(b"\x02" * 32, base)}
    changed = {"validator": b"\x09" * 20, "feed": "ETH"}
    for field in fields(Observation):
        value = changed.get(field.name, (SLICE,) if field.name == "slices" else 12_345)
        seen.add(observation_digest(b"\x01" * 32, replace(base, **{field.name: value})))
    for field in fields(Slice):
        other = replace(SLICE, **{field.name: getattr(SLICE, field.name) + 1})
        seen.add(observation_digest(b"\x01" * 32, replace(base, slices=(other,))))
    seen.add(observation_digest(b"\x01" * 32, replace(base, slices=(SLICE, SLICE))))
    assert len(seen) == 3 + len(fields(Observation)) + len(fields(Slice))


def test_the_signed_digest_is_the_hash_of_an_abi_encoding():
    seen = observation(1, slices=(SLICE, replace(SLICE, basis_ppb=-7)))
    slice_type = b"Slice(uint256 expiry,int256 basisPpb,uint256 callWing,uint256 putWing,uint256 bend)"
    type_hash = keccak(
        b"Observation(bytes32 deployment,address validator,uint256 round,string feed,"
        b"uint256 price,uint256 confidencePpm,uint256 observedAt,Slice[] slices)" + slice_type
    )
    words = ["bytes32", "uint256", "int256", "uint256", "uint256", "uint256"]
    hashed = b"".join(
        keccak(abi_encode(words, [keccak(slice_type), e.expiry, e.basis_ppb, e.call_wing, e.put_wing, e.bend]))
        for e in seen.slices
    )
    expected = abi_encode(
        ["bytes32", "bytes32", "address", "uint256", "bytes32", "uint256", "uint256", "uint256", "bytes32"],
        [
            type_hash,
            b"\x05" * 32,
            seen.validator,
            seen.round,
            keccak(b"BTC"),
            seen.price,
            seen.confidence_ppm,
            seen.observed_at,
            keccak(hashed),
        ],
    )
    assert observation_digest(b"\x05" * 32, seen) == keccak(expected)


@pytest.mark.parametrize("change", [{"call_wing": -1}, {"expiry": -1}, {"bend": 2**128}, {"basis_ppb": 2**128}])
def test_a_slice_that_cannot_be_encoded_is_not_signed(change):
    with pytest.raises(InvalidInput) as refusal:
        observation_digest(b"\x01" * 32, observation(1, slices=(replace(SLICE, **change),)))
    assert refusal.value.field == next(iter(change))


def test_a_digest_needs_whole_words():
    with pytest.raises(InvalidInput):
        observation_digest(b"\x01" * 31, observation(1))
    with pytest.raises(InvalidInput):
        observation_digest(b"\x01" * 32, observation(1, price=-1))
    with pytest.raises(InvalidInput):
        observation_digest(b"\x01" * 32, replace(observation(1), validator=b""))
