"""Differential tests: what `circuits` proves the py-ecc reference accepts, and the other way round.

The reference lives in `tests/support/reference`; it was written from the protocol's formulas, shares no code with
`circuits`, folds generators one round after another, and knows scalars as plain integers.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.dleq import EqualLogs, prove_equal_logs, verify_equal_logs
from circuits.equation import require_all
from circuits.errors import CircuitError
from circuits.group import IDENTITY, Point, Scalar, decode_point, encode_point, hash_to_point, random_scalar, scalar
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Commitment, Opening
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.range_shape import range_shape
from circuits.solvency import Exposure, SolvencyInputs, SolvencyTerms, SolvencyWitness, prove_solvency
from circuits.solvency_terms import solvency_statement
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY, Committed, prove, verify
from tests.support.reference import curve, range_proof, sigma
from tests.support.reference.transcript import Transcript as ReferenceTranscript
from tests.support.reference.transcript import message_transcript

H = curve.decode(encode_point(KEY.blinding_base))
ROWS = (({0: 3, 1: -1}, 5), ({1: 1}, 0))
WIDTHS = (12, 9)
STATEMENT = LinearStatement((1 << 40,), 1, (Row((0, 1), (3, -1), 5, 12), Row((1,), (1,), 0, 9)))
SHAPE = range_proof.shape_of(WIDTHS, STATEMENT.shape.base)


def to_reference(*points: Point) -> list[curve.Point]:
    return [curve.decode(encode_point(point)) for point in points]


def reference_transcript(kind: bytes) -> ReferenceTranscript:
    deployment = CONTEXT.deployment
    encoded = deployment.hub_chain_id.to_bytes(32, "big") + deployment.hub + deployment.salt
    digests = CONTEXT.message_digest, CONTEXT.round, CONTEXT.grid_digest, CONTEXT.parameters_digest
    return message_transcript(kind, encoded, sigma.key_words(H), *digests)


def listen(monkeypatch: pytest.MonkeyPatch, kind: type, *names: str) -> list[tuple[bytes, int]]:
    """From now on, every challenge that a kind of transcript draws, with its label."""
    heard: list[tuple[bytes, int]] = []

    def keeping(draw: Callable[[object, bytes], Scalar | int]) -> Callable[[object, bytes], Scalar | int]:
        def drawn(self: object, label: bytes) -> Scalar | int:
            value = draw(self, label)
            heard.append((label, int(value)))
            return value

        return drawn

    for name in names:
        monkeypatch.setattr(kind, name, keeping(getattr(kind, name)))
    return heard


class Scene:
    """x_0 = 700 as a ledger variable and x_1 = 300 as an auxiliary, under `ROWS`."""

    def __init__(self, values: tuple[int, int] = (700, 300)) -> None:
        self.openings = [Opening.fresh(value) for value in values]
        self.commitments = [KEY.commit(opening) for opening in self.openings]
        self.points = to_reference(*(commitment.c for commitment in self.commitments))

    def ours(self) -> Transcript:
        transcript = Transcript(b"test", CONTEXT, KEY.words())
        bind_statement(transcript, STATEMENT, self.commitments[:1], [self.commitments[1].c])
        return transcript

    def theirs(self) -> ReferenceTranscript:
        transcript = reference_transcript(b"test")
        pair = to_reference(self.commitments[0].c, self.commitments[0].d)
        sigma.bind_linear(transcript, SHAPE, WIDTHS, ROWS, [(pair[0], pair[1])], self.points[1:])
        return transcript

    def prove(self) -> bytes:
        return prove_linear(KEY, STATEMENT, self.openings, self.ours())

    def reference_proof(self) -> bytes:
        x = [opening.value for opening in self.openings]
        rho = [int(opening.blinding) for opening in self.openings]
        values = [constant + sum(a * x[i] for i, a in row.items()) for row, constant in ROWS]
        blindings = [sum(a * rho[i] for i, a in row.items()) for row, _ in ROWS]
        return range_proof.prove(SHAPE, values, blindings, H, self.theirs())

    def verify(self, proof: bytes) -> None:
        points = [commitment.c for commitment in self.commitments]
        require_all(KEY, [linear_equation(STATEMENT, points, proof, self.ours())])

    def reference_verify(self, proof: bytes) -> None:
        range_proof.verify(SHAPE, sigma.row_points(ROWS, self.points), H, proof, self.theirs())


def test_both_bind_the_same_statement() -> None:
    scene = Scene()
    assert scene.ours().state == scene.theirs().state


def test_both_draw_the_same_challenges_from_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    proof = scene.prove()
    ours = listen(monkeypatch, Transcript, "challenge", "short_challenge")
    theirs = listen(monkeypatch, ReferenceTranscript, "challenge", "short")
    scene.verify(proof)
    scene.reference_verify(proof)
    assert ours == theirs
    assert [label for label, _ in ours] == [b"alpha", b"lambda", b"varrho", b"beta", b"tau", *[b"gamma"] * SHAPE.rounds]
    assert all(0 < value < 1 << 128 for label, value in ours if label == b"gamma")


def test_both_digest_the_same_matrix() -> None:
    assert sigma.matrix_digest(WIDTHS, ROWS) == STATEMENT.digest


@pytest.mark.parametrize("widths", [(64,), (64,) * 16, (64,) * 64, (40, 64, 32, 1), (128,), (9, 12)])
def test_both_derive_the_same_shape(widths: tuple[int, ...]) -> None:
    ours = range_shape(widths)
    theirs = range_proof.shape_of(widths, ours.base)
    assert (ours.padded, ours.fold.rounds, ours.fold.linear, ours.fold.norm, ours.proof_bytes) == (
        theirs.padded,
        theirs.rounds,
        theirs.linear,
        theirs.norm,
        theirs.bytes,
    )


def test_the_reference_accepts_a_linear_proof_of_circuits() -> None:
    scene = Scene()
    scene.reference_verify(scene.prove())


def test_circuits_accepts_a_linear_proof_of_the_reference() -> None:
    scene = Scene()
    scene.verify(scene.reference_proof())


@pytest.mark.parametrize("end", ["C1", "C2", "S", "X", "R", "l", "n"])
def test_both_refuse_a_linear_proof_with_one_bit_changed(end: str) -> None:
    scene = Scene()
    cut = 48 * (3 + 2 * SHAPE.rounds)
    at = {"C1": 47, "C2": 95, "S": 143, "X": 191, "R": 239, "l": cut + 31, "n": -1}[end]
    proof = bytearray(scene.prove())
    proof[at] ^= 1
    with pytest.raises(CircuitError):
        scene.verify(bytes(proof))
    with pytest.raises(curve.Refused):
        scene.reference_verify(bytes(proof))


def test_both_refuse_a_proof_for_another_statement() -> None:
    proof, other = Scene().prove(), Scene((701, 300))
    with pytest.raises(CircuitError):
        other.verify(proof)
    with pytest.raises(curve.Refused):
        other.reference_verify(proof)


def reference_range(rows: Committed) -> tuple[range_proof.Shape, ReferenceTranscript, list[curve.Point]]:
    """The reference's shape, transcript and commitments of rows that are each one committed number."""
    points, theirs = to_reference(*rows.points), reference_transcript(b"test")
    for point in points:
        theirs.point(b"V", point)
    return range_proof.shape_of(rows.shape.widths, rows.shape.base), theirs, points


@settings(max_examples=4)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=2), st.data())
def test_range_proofs_over_any_widths_cross_over(widths: list[int], data: st.DataObject) -> None:
    values = [data.draw(st.integers(0, (1 << width) - 1)) for width in widths]
    rows = Committed.of(values, widths)
    shape, theirs, points = reference_range(rows)
    range_proof.verify(shape, points, H, prove(rows), theirs)
    shape, theirs, _ = reference_range(rows)
    verify(rows, range_proof.prove(shape, values, [int(blinding) for blinding in rows.blindings], H, theirs))


def test_the_largest_value_that_digits_write_is_accepted_and_the_next_cannot_be_written() -> None:
    """Digits in base b may reach a little beyond 2^w, and no further."""
    (written,) = range_shape((11,)).rows
    assert written.limit > 1 << 11
    rows = Committed.of([written.limit - 1], [11])
    shape, theirs, _ = reference_range(rows)
    verify(rows, range_proof.prove(shape, rows.values, [int(blinding) for blinding in rows.blindings], H, theirs))
    with pytest.raises(curve.Refused, match="range"):
        range_proof.digits_of(shape, [written.limit])


def test_the_reference_accepts_a_solvency_proof() -> None:
    perpetual = Exposure(0, (-900, 1100), 3, 5, 0, 2, True)
    terms = SolvencyTerms((2,), (perpetual,), False)
    witness = SolvencyWitness(Opening.fresh(50_000), (Opening.fresh(-20),), None)
    inputs = SolvencyInputs(KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), None)
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)
    statement = solvency_statement(terms)
    widths = [row.width for row in statement.rows]
    rows = [(dict(zip(row.variables, row.coefficients, strict=True)), row.constant) for row in statement.rows]
    shape = range_proof.shape_of(widths, statement.shape.base)
    flat = to_reference(*(half for c in (*inputs.commitments, proof.high) for half in (c.c, c.d)))
    pairs, auxiliaries = list(zip(flat[::2], flat[1::2], strict=True)), to_reference(*proof.auxiliaries)

    def check(data: bytes) -> None:
        transcript = reference_transcript(b"solvency")
        sigma.bind_linear(transcript, shape, widths, rows, pairs, auxiliaries)
        points = sigma.row_points(rows, [c for c, _ in pairs] + auxiliaries)
        range_proof.verify(shape, points, H, data, transcript)

    check(proof.range)
    sigma.verify_opening(H, *pairs[-1], proof.high_opening, reference_transcript(b"opening"))
    with pytest.raises(curve.Refused):
        check(proof.range[:-1] + bytes([proof.range[-1] ^ 1]))


@settings(max_examples=3)
@given(st.integers(-(1 << 120), 1 << 120))
def test_opening_proofs_cross_over(value: int) -> None:
    opening = Opening.fresh(value)
    commitment = KEY.commit(opening)
    C, D = to_reference(commitment.c, commitment.d)
    ours = prove_opening(KEY, opening, commitment, CONTEXT)
    sigma.verify_opening(H, C, D, ours, reference_transcript(b"opening"))
    theirs = sigma.prove_opening(H, value, int(opening.blinding), reference_transcript(b"opening"))
    OpeningClaim(commitment, theirs, CONTEXT).verify(KEY)
    for mutated in (ours[:-1] + bytes([ours[-1] ^ 1]), ours[:127] + bytes([ours[127] ^ 1]) + ours[128:]):
        with pytest.raises(CircuitError):
            OpeningClaim(commitment, mutated, CONTEXT).verify(KEY)
        with pytest.raises(curve.Refused):
            sigma.verify_opening(H, C, D, mutated, reference_transcript(b"opening"))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_proofs_of_equal_logarithms_cross_over(count: int) -> None:
    secret = random_scalar()
    bases = tuple(hash_to_point(bytes([i]), b"zkclear/test") for i in range(count))
    statement = EqualLogs(bases, tuple(base * secret for base in bases))
    theirs = to_reference(*statement.bases), to_reference(*statement.images)
    proof = prove_equal_logs(b"kind", statement, secret, b"context")
    sigma.verify_equal_logs(b"kind", *theirs, proof, b"context")
    verify_equal_logs(
        b"kind", statement, sigma.prove_equal_logs(b"kind", theirs[0], int(secret), b"context"), b"context"
    )
    for mutated in (proof[:31] + bytes([proof[31] ^ 1]) + proof[32:], proof[:-1] + bytes([proof[-1] ^ 1])):
        with pytest.raises(CircuitError):
            verify_equal_logs(b"kind", statement, mutated, b"context")
        with pytest.raises(curve.Refused):
            sigma.verify_equal_logs(b"kind", *theirs, mutated, b"context")


def dealt(degree: int) -> tuple[PolynomialStatement, list[list[Scalar]]]:
    """One polynomial behind Pedersen and Feldman commitments, as a key ceremony has it, and that of the blindings."""
    first, second = (hash_to_point(name, b"zkclear/test") for name in (b"first", b"second"))
    secret = [[random_scalar() for _ in range(degree)] for _ in range(2)]
    shown = tuple(first * value for value in secret[0])
    rests = tuple(second * value for value in secret[1])
    relations = (Relation((first, IDENTITY), shown), Relation((IDENTITY, second), rests))
    return PolynomialStatement(b"kind", relations, b"context"), secret


def test_proofs_of_polynomials_cross_over() -> None:
    statement, secret = dealt(3)
    bases = [to_reference(*relation.bases) for relation in statement.relations]
    images = [to_reference(*relation.images) for relation in statement.relations]
    proof = statement.prove(secret)
    sigma.verify_polynomials(b"kind", bases, images, proof, b"context")
    numbers = [[int(value) for value in row] for row in secret]
    statement.verify(sigma.prove_polynomials(b"kind", bases, images, numbers, b"context"))
    for at in (31, 63, 95):
        mutated = proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
        with pytest.raises(CircuitError):
            statement.verify(mutated)
        with pytest.raises(curve.Refused):
            sigma.verify_polynomials(b"kind", bases, images, mutated, b"context")


@settings(max_examples=20)
@given(st.integers(1, curve.R - 1))
def test_both_encode_a_point_alike(factor: int) -> None:
    ours = hash_to_point(b"any", b"zkclear/test") * scalar(factor)
    theirs = curve.times(factor, curve.hashed(b"any", b"zkclear/test"))
    assert encode_point(ours) == curve.encode(theirs)
    assert decode_point(curve.encode(theirs)) == ours


def test_both_derive_the_same_bases() -> None:
    assert sigma.key_words(H) == KEY.words()
    assert Commitment.public(1).c == decode_point(curve.encode(curve.G))
