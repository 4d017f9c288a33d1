"""The group's encodings, against py-ecc as an independent implementation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point
from py_ecc.optimized_bls12_381 import (
    FQ,
    add,
    curve_order,
    field_modulus,
    is_inf,
    multiply,
    normalize,
)

from circuits.errors import DecodingError, LengthMismatch
from circuits.group import (
    IDENTITY,
    ONE,
    ORDER,
    ZERO,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    hash_to_point,
    msm,
    point_words,
    random_scalar,
    scalar,
    wide_scalar,
)

COFACTOR = 0x396C8C005555E1568C00AAAB0000AAAB
POINT = hash_to_point(b"any", b"zkclear/test")


def reference(point: Point) -> tuple[FQ, FQ, FQ]:
    """The same point in py-ecc."""
    xy = bytes(point.to_xy_bytes_be())
    return FQ(int.from_bytes(xy[:48], "big")), FQ(int.from_bytes(xy[48:], "big")), FQ(1)


def xy_bytes(point: tuple[FQ, FQ, FQ]) -> bytes:
    """A py-ecc point as 96 affine bytes."""
    x, y = normalize(point)
    return int(x).to_bytes(48, "big") + int(y).to_bytes(48, "big")


def compress(xy: bytes) -> bytes:
    """The compressed encoding of 96 affine bytes, on the curve or not."""
    y = int.from_bytes(xy[48:], "big")
    sign = 0x20 if y > (field_modulus - 1) // 2 else 0
    return bytes([xy[0] | 0x80 | sign]) + xy[1:48]


def curve_points():
    """py-ecc points of the whole curve, almost all outside the subgroup, by increasing x."""
    for x in range(1, 1000):
        square = (x**3 + 4) % field_modulus
        y = pow(square, (field_modulus + 1) // 4, field_modulus)
        if y * y % field_modulus == square:
            yield FQ(x), FQ(y), FQ(1)


def order_eleven_point() -> bytes:
    """The affine bytes of a point of order 11: 11 divides the cofactor, twice."""
    for point in curve_points():
        small = multiply(point, COFACTOR * curve_order // 121)
        if not is_inf(small):
            small = small if is_inf(multiply(small, 11)) else multiply(small, 11)
            assert is_inf(multiply(small, 11))
            return xy_bytes(small)
    raise AssertionError("no point of order 11 among the first candidates")


def test_the_order_is_that_of_the_published_curve() -> None:
    assert curve_order == ORDER
    assert POINT * scalar(-1) + POINT == IDENTITY


@settings(max_examples=8)
@given(st.integers(-ORDER, ORDER), st.integers(0, ORDER - 1))
def test_multiplication_and_addition_equal_those_of_py_ecc(left: int, right: int) -> None:
    ours = POINT * scalar(left) + POINT * scalar(right)
    theirs = add(multiply(reference(POINT), left % ORDER), multiply(reference(POINT), right))
    if is_inf(theirs):
        assert ours == IDENTITY
    else:
        assert bytes(ours.to_xy_bytes_be()) == xy_bytes(theirs)


def test_a_multi_scalar_multiplication_equals_the_sum_in_py_ecc() -> None:
    points = [hash_to_point(bytes([i]), b"zkclear/test") for i in range(3)]
    theirs = (FQ(1), FQ(1), FQ(0))
    for point, factor in zip(points, (5, ORDER - 7, 1 << 200), strict=True):
        theirs = add(theirs, multiply(reference(point), factor))
    ours = msm(points, [scalar(5), scalar(-7), scalar(1 << 200)])
    assert bytes(ours.to_xy_bytes_be()) == xy_bytes(theirs)


@pytest.mark.parametrize(("points", "scalars"), [(3, 2), (2, 3), (0, 1), (1, 0)])
def test_a_multi_scalar_multiplication_of_unequal_lengths_is_refused(points: int, scalars: int) -> None:
    with pytest.raises(LengthMismatch) as refusal:
        msm([POINT] * points, [ONE] * scalars)
    assert (refusal.value.left, refusal.value.right) == (points, scalars)


def test_the_native_multiplication_truncates_which_is_why_the_wrapper_exists() -> None:
    assert G1Point.multiexp_unchecked([POINT, POINT], [ONE]) == POINT


def test_an_empty_multi_scalar_multiplication_is_the_identity() -> None:
    assert msm([], []) == IDENTITY


@settings(max_examples=20)
@given(st.integers(1, ORDER - 1))
def test_a_point_survives_its_encoding(factor: int) -> None:
    point = POINT * scalar(factor)
    assert decode_point(encode_point(point)) == point


@pytest.mark.parametrize("length", [0, 47, 49, 96])
def test_a_point_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError, match="point"):
        decode_point((encode_point(POINT) * 2)[:length])


def test_the_identity_is_refused_unless_it_is_asked_for() -> None:
    data = encode_point(IDENTITY)
    with pytest.raises(DecodingError, match="identity"):
        decode_point(data)
    assert decode_point(data, allow_identity=True) == IDENTITY


def test_an_x_coordinate_that_is_not_reduced_is_refused() -> None:
    room = (1 << 381) - field_modulus
    candidates = (hash_to_point(bytes([i]), b"zkclear/test") for i in range(256))
    point = next(p for p in candidates if int.from_bytes(p.to_xy_bytes_be()[:48], "big") < room)
    data = int.from_bytes(encode_point(point), "big")
    assert decode_point(data.to_bytes(48, "big")) == point
    with pytest.raises(DecodingError):
        decode_point((data + field_modulus).to_bytes(48, "big"))


@pytest.mark.parametrize(
    "data",
    [
        bytes([encode_point(POINT)[0] & 0x7F]) + encode_point(POINT)[1:],
        bytes([encode_point(POINT)[0] | 0x40]) + encode_point(POINT)[1:],
        bytes([0xE0]) + bytes(47),
        bytes([0xC0]) + bytes(46) + b"\x01",
        bytes(48),
        b"\xff" * 48,
    ],
    ids=["no compression flag", "infinity flag", "signed identity", "identity with data", "zeros", "ones"],
)
def test_bytes_with_contradictory_flags_are_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        decode_point(data, allow_identity=True)


def test_a_point_off_the_curve_is_refused() -> None:
    squares = {int(point[0]) for point in curve_points()}
    x = next(x for x in range(1, 100) if x not in squares)
    with pytest.raises(DecodingError):
        decode_point(bytes([0x80]) + bytes(46) + bytes([x]))


def test_a_point_on_the_curve_but_outside_the_subgroup_is_refused() -> None:
    point = next(curve_points())
    assert not is_inf(multiply(point, curve_order))
    with pytest.raises(DecodingError):
        decode_point(compress(xy_bytes(point)))


def test_a_point_of_order_eleven_is_refused() -> None:
    xy = order_eleven_point()
    crafted = G1Point.from_xy_bytes_unchecked_be(xy)
    assert encode_point(crafted) == compress(xy)
    with pytest.raises(DecodingError, match="subgroup"):
        decode_point(compress(xy))


@settings(max_examples=30)
@given(st.binary(min_size=48, max_size=48))
def test_whatever_decodes_encodes_to_the_same_bytes(data: bytes) -> None:
    try:
        point = decode_point(data, allow_identity=True)
    except DecodingError:
        return
    assert encode_point(point) == data


@pytest.mark.parametrize("value", [0, 1, ORDER - 1])
def test_a_scalar_survives_its_encoding(value: int) -> None:
    data = value.to_bytes(32, "big")
    assert encode_scalar(decode_scalar(data)) == data
    assert decode_scalar(data) == Scalar(value)


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, (1 << 256) - 1])
def test_a_scalar_that_is_not_reduced_is_refused(value: int) -> None:
    with pytest.raises(DecodingError, match="order"):
        decode_scalar(value.to_bytes(32, "big"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_scalar_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError, match="bytes"):
        decode_scalar(bytes(length))


def test_a_negative_integer_becomes_the_scalar_that_cancels_it() -> None:
    assert scalar(-5) + scalar(5) == ZERO


def test_a_wide_scalar_reduces_exactly_64_bytes() -> None:
    assert wide_scalar(((7 << 300) + 3).to_bytes(64, "big")) == scalar((7 << 300) + 3)
    with pytest.raises(DecodingError, match="63"):
        wide_scalar(bytes(63))


def test_random_scalars_do_not_repeat() -> None:
    assert len({encode_scalar(random_scalar()) for _ in range(50)}) == 50


def test_the_words_of_a_point_are_its_zero_padded_coordinates_of_eip_2537() -> None:
    # The generator, as EIP-2537's own vectors write it.
    data = bytes.fromhex(
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    )
    assert point_words(decode_point(data)).hex() == (
        "00000000000000000000000000000000"
        "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        "00000000000000000000000000000000"
        "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
    )


def test_the_words_of_the_identity_are_zeros() -> None:
    assert point_words(IDENTITY) == bytes(128)
