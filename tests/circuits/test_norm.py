"""The weighted-norm argument: its shape, and the unrolled verifier against folding step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import ProofRejected
from circuits.generators import g_vector, h_vector
from circuits.group import ONE, ZERO, Point, Scalar, msm, random_scalar
from circuits.norm import NormBases, NormProver, fold_shape, unroll
from circuits.pedersen import VALUE_BASE
from circuits.range_shape import range_shape, row_digits
from circuits.transcript import Transcript
from circuits.vectors import dot, inverses, powers, weighted_dot
from tests.circuits.proofs import CONTEXT, KEY


@pytest.mark.parametrize(
    ("rows", "base", "digits", "length"),
    [(1, 10, 20, 624), (16, 41, 192, 880), (48, 139, 448, 1040), (64, 85, 640, 1008), (128, 256, 1024, 1104)],
)
def test_proofs_have_their_stated_lengths(rows: int, base: int, digits: int, length: int) -> None:
    shape = range_shape((64,) * rows)
    assert (shape.base, shape.padded, shape.proof_bytes) == (base, digits, length)


@pytest.mark.parametrize("norm", [1, 3, 5, 7, 9])
def test_an_odd_norm_vector_is_never_folded(norm: int) -> None:
    """Padding n with the identity would let a prover add a free square to v: −1 would pass."""
    assert fold_shape(262, norm).rounds == 0
    assert fold_shape(262, norm * 8).norm == norm
    assert fold_shape(262, norm * 8).rounds == 3


def test_digits_are_padded_to_a_number_that_folds_down_to_at_most_seven() -> None:
    for rows in range(1, 80):
        shape = range_shape((64,) * rows)
        odd = shape.padded
        while odd % 2 == 0:
            odd //= 2
        assert odd in (1, 3, 5, 7)
        assert shape.padded >= shape.digits
        assert shape.padded % (1 << shape.fold.rounds) == 0


@given(st.integers(1, 128), st.integers(4, 256), st.data())
def test_digits_write_exactly_the_values_below_the_limit(width: int, base: int, data: st.DataObject) -> None:
    written = row_digits(width, base)
    assert 1 << width <= written.limit < (1 << width) + base
    value = data.draw(st.integers(0, written.limit - 1) | st.sampled_from((0, written.limit - 1)))
    digits = written.split(value)
    places = [*(base**place for place in range(written.count - 1)), written.top]
    assert len(digits) == written.count
    assert all(0 <= digit < base for digit in digits)
    assert sum(digit * place for digit, place in zip(digits, places, strict=True)) == value
    assert sum((base - 1) * place for place in places) == written.limit - 1


def test_a_batched_inversion_equals_single_ones() -> None:
    entries = [random_scalar() for _ in range(9)]
    assert [a * b for a, b in zip(entries, inverses(entries), strict=True)] == [ONE] * 9


def relation(
    points: tuple[list[Point], list[Point]],
    linear: list[Scalar],
    norm: list[Scalar],
    c: list[Scalar],
    mu: Scalar,
) -> Point:
    """The P that an opening stands for, computed naively."""
    value = dot(c, linear) + weighted_dot(powers(mu, len(norm)), norm, norm)
    return msm([VALUE_BASE, *points[0], *points[1]], [value, *linear, *norm])


@pytest.mark.parametrize(("l_size", "n_size"), [(22, 16), (22, 12), (7, 8), (5, 3), (22, 64), (91, 640)])
def test_unrolling_all_rounds_equals_folding_them_one_by_one(l_size: int, n_size: int) -> None:
    H, G = list(h_vector(l_size)), list(g_vector(n_size))
    linear, norm, c = ([random_scalar() for _ in range(size)] for size in (l_size, n_size, l_size))
    varrho = random_scalar()
    P = relation((H, G), linear, norm, c, varrho.square())
    prover = NormProver(NormBases(list(H), list(G)), linear, norm, c, varrho)
    proof = prover.prove(Transcript(b"norm", CONTEXT, KEY.words()))
    shape = fold_shape(l_size, n_size)
    assert (len(proof.crosses), len(proof.linear), len(proof.norm)) == (shape.rounds, shape.linear, shape.norm)

    replay = Transcript(b"norm", CONTEXT, KEY.words())
    challenges = []
    for cross, square in zip(proof.crosses, proof.squares, strict=True):
        replay.absorb_point(b"X", cross)
        replay.absorb_point(b"R", square)
        challenges.append(replay.short_challenge(b"gamma"))
    unrolled = unroll(challenges, varrho)
    for gamma, cross, square in zip(unrolled.gammas, proof.crosses, proof.squares, strict=True):
        P = P + cross * gamma + square * (gamma.square() - ONE)

    def folded(vector: list, weights: tuple[Scalar, ...], zero):
        size = len(weights)
        parts = [vector[start : start + size] for start in range(0, len(vector), size)]
        return [sum((x * w for x, w in zip(part, weights, strict=False)), zero) for part in parts]

    identity = VALUE_BASE - VALUE_BASE
    final_H, final_G = folded(H, unrolled.weights, identity), folded(G, unrolled.weights, identity)
    final_c = folded(c, unrolled.weights, ZERO)
    assert relation((final_H, final_G), list(proof.linear), list(proof.norm), final_c, unrolled.mu) == P


def test_folding_challenges_are_short_and_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = Transcript(b"norm", CONTEXT, KEY.words())
    assert all(0 < int(replay.short_challenge(b"gamma")) < 1 << 128 for _ in range(20))
    monkeypatch.setattr("circuits.transcript._keccak", lambda data: b"\1" * 16 + bytes(16))
    with pytest.raises(ProofRejected):
        replay.short_challenge(b"gamma")
