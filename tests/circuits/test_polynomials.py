"""Secret sharing's arithmetic, against plain integers."""

from hypothesis import given
from hypothesis import strategies as st

from circuits.group import ORDER, ZERO, scalar
from circuits.pedersen import HANDLE_BASE
from circuits.polynomials import (
    SeededSource,
    evaluate,
    evaluate_points,
    interpolate,
    lagrange_at_zero,
    random_polynomial,
)

coefficients = st.lists(st.integers(0, ORDER - 1), min_size=1, max_size=6)


@given(coefficients, st.integers(0, 64))
def test_a_polynomial_is_evaluated_as_integers_are(values: list[int], at: int) -> None:
    expected = sum(value * at**power for power, value in enumerate(values)) % ORDER
    found = evaluate([scalar(value) for value in values], at)
    assert int(found) == expected
    images = [HANDLE_BASE * scalar(value) for value in values]
    assert evaluate_points(images, at) == HANDLE_BASE * found


@given(coefficients, st.data())
def test_as_many_values_as_coefficients_give_the_polynomial_back(values: list[int], data: st.DataObject) -> None:
    polynomial = tuple(scalar(value) for value in values)
    places = data.draw(st.permutations(range(1, 65)))[: len(values)]
    shares = {place: evaluate(polynomial, place) for place in places}
    assert interpolate(shares) == polynomial
    weights = lagrange_at_zero(places)
    constant = sum((w * shares[place] for w, place in zip(weights, places, strict=True)), ZERO)
    assert constant == polynomial[0]


def test_a_seeded_source_repeats_and_separates_labels() -> None:
    first, again, other = (SeededSource(bytes(32), label) for label in (b"a", b"a", b"b"))
    stream = first.token_bytes(100)
    assert len(stream) == 100
    assert again.token_bytes(100) == stream
    assert again.token_bytes(64) != stream[:64]
    assert other.token_bytes(64) != stream[:64]
    assert random_polynomial(3, SeededSource(bytes(32), b"c")) == random_polynomial(3, SeededSource(bytes(32), b"c"))
