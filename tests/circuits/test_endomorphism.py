"""Half-length scalars: the endomorphism is multiplication by λ, and splitting changes no result."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.endomorphism import LAMBDA, halves, image, split_msm
from circuits.errors import LengthMismatch
from circuits.generators import g_images, g_vector, h_images, h_vector
from circuits.group import IDENTITY, ORDER, hash_to_point, msm, random_scalar, scalar

EDGES = (0, 1, ORDER - 1, LAMBDA - 1, LAMBDA, LAMBDA + 1, ORDER // LAMBDA * LAMBDA)


def test_the_image_of_a_point_is_lambda_times_the_point() -> None:
    assert (LAMBDA * LAMBDA + LAMBDA + 1) % ORDER == 0
    point = hash_to_point(b"any", b"zkclear/test")
    for member in (point, point + point, IDENTITY):
        assert image(member) == member * scalar(LAMBDA)
        assert image(member).is_in_subgroup()


def test_the_generators_images_are_those_of_the_generators() -> None:
    assert g_images(5) == tuple(map(image, g_vector(5)))
    assert h_images(5) == tuple(map(image, h_vector(5)))


@given(st.integers(0, ORDER - 1) | st.sampled_from(EDGES))
def test_halves_are_short_and_make_up_the_scalar(value: int) -> None:
    (low,), (high,) = halves([scalar(value)])
    assert max(int(low), int(high)) < 1 << 128
    assert (int(low) + LAMBDA * int(high)) % ORDER == value


@settings(max_examples=10)
@given(st.lists(st.integers(0, ORDER - 1) | st.sampled_from(EDGES), max_size=12))
def test_a_split_multiplication_gives_the_same_sum(values: list[int]) -> None:
    points = g_vector(len(values))
    scalars = [scalar(value) for value in values]
    assert split_msm(points, g_images(len(values)), scalars) == msm(points, scalars)


def test_vectors_of_unequal_length_are_refused() -> None:
    with pytest.raises(LengthMismatch):
        split_msm(g_vector(2), g_images(2), [random_scalar()])
    with pytest.raises(LengthMismatch):
        split_msm(g_vector(2), g_images(1), [random_scalar()] * 2)
