"""The group against vectors that others published: RFC 9380, EIP-2537, and Ethereum's deserialisation tests."""

from hashlib import sha256

import pytest
from py_arkworks_bls12381 import G1Point
from py_ecc.bls.hash_to_curve import clear_cofactor_G1, hash_to_field_FQ, map_to_curve_G1
from py_ecc.optimized_bls12_381 import FQ, normalize

from circuits.errors import DecodingError
from circuits.group import (
    IDENTITY,
    Point,
    Scalar,
    decode_point,
    encode_point,
    hash_to_point,
    msm,
    point_words,
)
from tests.support.vectors import load

RFC_9380 = load("rfc9380-g1.json")
DOMAIN = RFC_9380["domain"].encode()
EIP_2537 = load("eip2537-g1.json")["files"]
DESERIALISATION = load("bls12-381-tests-g1.json")["vectors"]
WORDS = 128
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB


def cases(name: str) -> list[object]:
    """The cases of a published file, by name."""
    return [pytest.param(bytes.fromhex(c["Input"]), c.get("Expected"), id=c["Name"]) for c in EIP_2537[name]]


def compressed(words: bytes) -> bytes:
    """The 48 bytes of a point that stands in EIP-2537 words."""
    if not any(words):
        return encode_point(IDENTITY)
    y = int.from_bytes(words[64:], "big")
    return bytes([words[16] | 0x80 | (0x20 if 2 * y > FIELD else 0)]) + words[17:64]


def point(words: bytes) -> Point:
    """The point in EIP-2537 words, by way of this project's decoder."""
    decoded = decode_point(compressed(words), allow_identity=True)
    assert point_words(decoded) == words
    return decoded


@pytest.mark.parametrize("vector", RFC_9380["vectors"], ids=lambda vector: vector["msg"][:16] or "empty")
def test_hash_to_point_gives_the_vectors_of_rfc_9380(vector: dict[str, str]) -> None:
    hashed = hash_to_point(vector["msg"].encode(), DOMAIN)
    assert bytes(hashed.to_xy_bytes_be()).hex() == vector["x"] + vector["y"]


@pytest.mark.parametrize("vector", RFC_9380["vectors"], ids=lambda vector: vector["msg"][:16] or "empty")
def test_hash_to_point_is_the_sum_of_two_mapped_field_elements(vector: dict[str, str]) -> None:
    """hash_to_field by py-ecc, the map that EIP-2537's vectors pin down, and one addition."""
    message = vector["msg"].encode()
    parts = hash_to_field_FQ(message, 2, DOMAIN, sha256)
    mapped = [G1Point.map_from_fp_be(int(part).to_bytes(48, "big")) for part in parts]
    assert mapped[0] + mapped[1] == hash_to_point(message, DOMAIN)


@pytest.mark.parametrize(("data", "expected"), cases("add_G1_bls"))
def test_addition_gives_the_vectors_of_eip_2537(data: bytes, expected: str) -> None:
    assert point_words(point(data[:WORDS]) + point(data[WORDS:])).hex() == expected


@pytest.mark.parametrize(("data", "expected"), cases("msm_G1_bls"))
def test_multi_scalar_multiplication_gives_the_vectors_of_eip_2537(data: bytes, expected: str) -> None:
    terms = [data[at : at + WORDS + 32] for at in range(0, len(data), WORDS + 32)]
    scalars = [Scalar.from_be_bytes_mod_order(term[WORDS:]) for term in terms]
    assert point_words(msm([point(term[:WORDS]) for term in terms], scalars)).hex() == expected


@pytest.mark.parametrize(("data", "expected"), cases("map_fp_to_G1_bls"))
def test_the_map_to_the_curve_gives_the_vectors_of_eip_2537(data: bytes, expected: str) -> None:
    assert point_words(G1Point.map_from_fp_be(data[16:])).hex() == expected
    x, y = normalize(clear_cofactor_G1(map_to_curve_G1(FQ(int.from_bytes(data, "big")))))
    assert f"{int(x):0128x}{int(y):0128x}" == expected


def test_the_point_outside_the_subgroup_of_eip_2537_is_refused() -> None:
    (vector,) = (c for c in EIP_2537["fail-msm_G1_bls"] if "subgroup" in c["ExpectedError"])
    with pytest.raises(DecodingError, match="subgroup"):
        decode_point(compressed(bytes.fromhex(vector["Input"])[:WORDS]))


@pytest.mark.parametrize("name", DESERIALISATION)
def test_decoding_a_point_agrees_with_the_deserialisation_vectors(name: str) -> None:
    vector = DESERIALISATION[name]
    data = bytes.fromhex(vector["pubkey"])
    if vector["output"]:
        assert encode_point(decode_point(data, allow_identity=True)) == data
        return
    with pytest.raises(DecodingError):
        decode_point(data, allow_identity=True)
