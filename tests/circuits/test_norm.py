"""The weighted-norm argument: its shape, and the unrolled verifier against folding step by step."""

import pytest

from circuits.errors import ProofRejected
from circuits.generators import g_vector, h_vector
from circuits.group import ONE, ZERO, Point, Scalar, msm, random_scalar
from circuits.norm import NormProver, fold_shape, unroll
from circuits.pedersen import VALUE_BASE
from circuits.range_shape import range_shape
from circuits.transcript import Transcript
from circuits.vectors import dot, inverses, powers, weighted_dot
from tests.circuits.proofs import CONTEXT, KEY


@pytest.mark.parametrize(
    ("rows", "base", "digits", "length"), [(1, 16, 16, 592), (16, 16, 256, 880), (64, 256, 512, 1040)]
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


def test_every_width_pads_its_digits_to_three_or_four_times_a_power_of_two() -> None:
    for rows in range(1, 80):
        shape = range_shape((64,) * rows)
        odd = shape.padded
        while odd % 2 == 0:
            odd //= 2
        assert odd in (1, 3)
        assert shape.padded >= sum(shape.row_digits)
        assert shape.padded % (1 << shape.fold.rounds) == 0


def test_widths_round_up_to_whole_digits() -> None:
    assert range_shape((33,)).widths == (36,)
    assert range_shape((33,) * 80).widths == (40,) * 80


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


@pytest.mark.parametrize(("l_size", "n_size"), [(22, 16), (22, 12), (7, 8), (5, 3), (22, 64)])
def test_unrolling_all_rounds_equals_folding_them_one_by_one(l_size: int, n_size: int) -> None:
    H, G = list(h_vector(l_size)), list(g_vector(n_size))
    linear, norm, c = ([random_scalar() for _ in range(size)] for size in (l_size, n_size, l_size))
    varrho = random_scalar()
    P = relation((H, G), linear, norm, c, varrho.square())
    proof = NormProver((H, G), linear, norm, c, varrho).prove(Transcript(b"norm", CONTEXT, KEY.words()))
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
    final_H, final_G = folded(H, unrolled.linear, identity), folded(G, unrolled.norm, identity)
    final_c = folded(c, unrolled.linear, ZERO)
    assert relation((final_H, final_G), list(proof.linear), list(proof.norm), final_c, unrolled.mu) == P


def test_folding_challenges_are_short_and_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = Transcript(b"norm", CONTEXT, KEY.words())
    assert all(0 < int(replay.short_challenge(b"gamma")) < 1 << 128 for _ in range(20))
    monkeypatch.setattr("circuits.transcript.keccak", lambda data: b"\1" * 16 + bytes(16))
    with pytest.raises(ProofRejected):
        replay.short_challenge(b"gamma")
