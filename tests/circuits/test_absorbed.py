"""What each verifier absorbs, in which order, and where it draws: nothing that a prover could choose is left out.

A public input or a sent value that no challenge depends on can be chosen after the challenge, and then to suit it (the
class of forgeries called "Frozen Heart"). Flipping it does not show the gap, since the equation fails anyway.
"""

from collections.abc import Iterator

import pytest

from circuits import dleq, opening, polynomial_proofs, solvency
from circuits.dleq import EqualLogs, PurposeTranscript, prove_equal_logs, verify_equal_logs
from circuits.errors import ProofRejected
from circuits.group import (
    POINT_BYTES,
    SCALAR_BYTES,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_scalar,
    hash_to_point,
    msm,
    point_words,
    random_scalar,
)
from circuits.opening import OPENING_BYTES, OpeningClaim, prove_opening
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, CommitmentKey, Opening
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.solvency import Exposure, SolvencyClaim, SolvencyInputs, SolvencyTerms, SolvencyWitness, prove_solvency
from circuits.solvency_terms import solvency_statement
from circuits.transcript import ProofContext, Transcript
from tests.circuits.proofs import CONTEXT, KEY

Entry = tuple[bytes, bytes | None]
"""A label with what it absorbs, or with None where a challenge is drawn."""


def recording(kind: type[Transcript], log: list[Entry]) -> type[Transcript]:
    class Recorder(kind):  # type: ignore[valid-type, misc]
        def absorb(self, label: bytes, data: bytes) -> None:
            log.append((label, data))
            super().absorb(label, data)

        def challenge(self, label: bytes) -> Scalar:
            log.append((label, None))
            return super().challenge(label)

        def short_challenge(self, label: bytes) -> Scalar:
            log.append((label, None))
            return super().short_challenge(label)

    return Recorder


def integer(value: int) -> bytes:
    return value.to_bytes(32, "big")


def beginning(kind: bytes, context: ProofContext, key: CommitmentKey) -> Iterator[Entry]:
    house = context.deployment
    yield b"deployment", integer(house.hub_chain_id) + house.hub + house.salt + key.words()
    yield b"kind", kind
    yield b"message", context.message_digest
    yield b"round", integer(context.round)
    yield b"grid", context.grid_digest
    yield b"parameters", context.parameters_digest


def pair(commitment: Commitment) -> bytes:
    return point_words(commitment.c) + point_words(commitment.d)


def points_of(data: bytes) -> list[bytes]:
    pieces = [data[at : at + POINT_BYTES] for at in range(0, len(data), POINT_BYTES)]
    return [point_words(decode_point(piece, allow_identity=True)) for piece in pieces]


def test_a_solvency_proof_absorbs_all_that_the_design_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statement, commitments and rows first; then each message before the challenge that answers it."""
    terms = SolvencyTerms((2,), (Exposure(0, (-9, 11), 1, 2, 0, 3, True),), True)
    witness = SolvencyWitness(Opening.fresh(1000), (Opening.fresh(4),), Opening.fresh(4))
    cash, position, trade = map(KEY.commit, witness.openings)
    inputs = SolvencyInputs(cash, (position,), trade)
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)
    log: list[Entry] = []
    monkeypatch.setattr(solvency, "Transcript", recording(Transcript, log))
    SolvencyClaim(terms, inputs, proof, CONTEXT).verify(KEY)

    statement = solvency_statement(terms)
    shape = statement.shape
    C1, C2, S, *rounds = points_of(proof.range[: shape.proof_points * POINT_BYTES])
    expected: list[Entry] = [
        *beginning(b"solvency", CONTEXT, KEY),
        (b"k", integer(statement.variables)),
        (b"M", integer(len(statement.rows))),
        (b"widths", b"".join(row.width.to_bytes(4, "big") for row in statement.rows)),
        (b"b", integer(shape.base)),
        (b"digits", integer(shape.digits)),
        (b"N", integer(shape.padded)),
        (b"A, b", statement.digest),
        *((b"C, D", pair(commitment)) for commitment in (*inputs.commitments, proof.high)),
        *((b"auxiliary", point_words(point)) for point in proof.auxiliaries),
        (b"C1", C1),
        (b"alpha", None),
        (b"C2", C2),
        (b"lambda", None),
        (b"varrho", None),
        (b"beta", None),
        (b"S", S),
        (b"tau", None),
    ]
    for cross, square in zip(rounds[0::2], rounds[1::2], strict=True):
        expected += [(b"X", cross), (b"R", square), (b"gamma", None)]
    assert log == expected
    assert len(rounds) == 2 * shape.fold.rounds > 0


def test_the_digest_of_a_statement_covers_every_number_of_its_rows() -> None:
    """What `A, b` stands for above."""
    one, other = (
        solvency_statement(SolvencyTerms((1,), (Exposure(0, (value,), 1, 2, 0, 3, True),), False)) for value in (5, 6)
    )
    assert one.digest != other.digest
    assert b"".join(row.encode() for row in one.rows) != b"".join(row.encode() for row in other.rows)


def test_an_opening_absorbs_commitment_and_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opening.fresh(5)
    commitment = KEY.commit(opened)
    proof = prove_opening(KEY, opened, commitment, CONTEXT)
    log: list[Entry] = []
    monkeypatch.setattr(opening, "Transcript", recording(Transcript, log))
    OpeningClaim(commitment, proof, CONTEXT).verify(KEY)
    masked = b"".join(points_of(proof[: 2 * POINT_BYTES]))
    sent = [(b"commitment", pair(commitment)), (b"masked", masked), (b"e", None)]
    assert log == [*beginning(b"opening", CONTEXT, KEY), *sent]
    assert len(proof) == OPENING_BYTES


BASES = tuple(hash_to_point(bytes([i]), b"zkclear/test") for i in range(3))


def test_a_proof_of_equal_logarithms_absorbs_statement_and_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = random_scalar()
    statement = EqualLogs(BASES[:2], (BASES[0] * secret, BASES[1] * secret))
    proof = prove_equal_logs(b"kind", statement, secret, b"context")
    log: list[Entry] = []
    monkeypatch.setattr(dleq, "PurposeTranscript", recording(PurposeTranscript, log))
    verify_equal_logs(b"kind", statement, proof, b"context")
    challenge, response = decode_scalar(proof[:SCALAR_BYTES]), decode_scalar(proof[SCALAR_BYTES:])
    pairs = list(zip(statement.bases, statement.images, strict=True))
    expected: list[Entry] = [(b"purpose", b"kind"), (b"context", b"context"), (b"bases", integer(2))]
    for base, image in pairs:
        expected += [(b"base", point_words(base)), (b"image", point_words(image))]
    expected += [(b"mask", point_words(base * response - image * challenge)) for base, image in pairs]
    assert log == [*expected, (b"c", None)]


def polynomial_statement(secret: list[list[Scalar]]) -> PolynomialStatement:
    images = tuple(msm(BASES[:2], [vector[k] for vector in secret]) for k in range(3))
    others = tuple(msm(BASES[1:], [vector[k] for vector in secret]) for k in range(3))
    return PolynomialStatement(b"kind", (Relation(BASES[:2], images), Relation(BASES[1:], others)), b"context")


def test_a_polynomial_proof_absorbs_statement_and_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = [[random_scalar() for _ in range(3)] for _ in range(2)]
    statement = polynomial_statement(secret)
    proof = statement.prove(secret)
    log: list[Entry] = []
    monkeypatch.setattr(polynomial_proofs, "PurposeTranscript", recording(PurposeTranscript, log))
    statement.verify(proof)
    challenge, *answers = (decode_scalar(proof[at : at + SCALAR_BYTES]) for at in range(0, 96, SCALAR_BYTES))
    expected: list[Entry] = [(b"purpose", b"kind"), (b"context", b"context")]
    expected += [(b"relations", integer(2)), (b"bases", integer(2)), (b"images", integer(3))]
    masks = []
    for relation in statement.relations:
        expected += [(b"base", point_words(base)) for base in relation.bases]
        expected += [(b"image", point_words(image)) for image in relation.images]
        weights = [-challenge, -(challenge * challenge), -(challenge * challenge * challenge)]
        masks.append(msm([*relation.bases, *relation.images], [*answers, *weights]))
    assert log == [*expected, *((b"mask", point_words(mask)) for mask in masks), (b"c", None)]


def test_masks_chosen_after_the_challenge_open_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """An opening whose transcript leaves out the masks: answers first, then the masks that suit the known challenge."""

    class Forgetful(Transcript):
        def absorb(self, label: bytes, data: bytes) -> None:
            if label != b"masked":
                super().absorb(label, data)

    commitment = Commitment(hash_to_point(b"C", b"zkclear/test"), hash_to_point(b"D", b"zkclear/test"))
    replay = Forgetful(b"opening", CONTEXT, KEY.words())
    replay.absorb(b"commitment", pair(commitment))
    e, z_value, z_blinding = replay.challenge(b"e"), random_scalar(), random_scalar()
    masks: list[Point] = [
        VALUE_BASE * z_value + KEY.blinding_base * z_blinding - commitment.c * e,
        HANDLE_BASE * z_blinding - commitment.d * e,
    ]
    proof = Commitment(*masks).encode() + encode_scalar(z_value) + encode_scalar(z_blinding)
    with pytest.raises(ProofRejected):
        OpeningClaim(commitment, proof, CONTEXT).verify(KEY)
    monkeypatch.setattr(opening, "Transcript", Forgetful)
    OpeningClaim(commitment, proof, CONTEXT).verify(KEY)
