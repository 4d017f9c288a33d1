"""The sigma proofs: for each equation a prover that breaks it alone, and is refused; with nothing broken it passes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from circuits import polynomial_proofs
from circuits.committee import DecryptionShare, KeyContribution, _contribution, _purpose, verify_share
from circuits.dealing import DEALING_BASE
from circuits.dleq import EqualLogs, _begin, _challenge, prove_equal_logs, verify_equal_logs
from circuits.errors import ProofRejected
from circuits.generators import g_vector, h_vector
from circuits.group import (
    IDENTITY,
    Point,
    Scalar,
    encode_scalar,
    hash_to_point,
    random_scalar,
    scalar,
)
from circuits.opening import KIND, OpeningClaim
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, Opening
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY
from tests.support.committee import deal_committee

# ---- the opening of a ledger commitment: C = q·G + ρ·H and D = ρ·B


def open_blindly(commitment: Commitment, opening: Opening) -> OpeningClaim:
    """A proof by the protocol of what `opening` says, whatever the commitment holds."""
    k_value, k_blinding = random_scalar(), random_scalar()
    masked = Commitment(VALUE_BASE * k_value + KEY.blinding_base * k_blinding, HANDLE_BASE * k_blinding)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    transcript.absorb(b"commitment", commitment.words())
    transcript.absorb(b"masked", masked.words())
    e = transcript.challenge(b"e")
    answers = k_value + e * scalar(opening.value), k_blinding + e * opening.blinding
    return OpeningClaim(commitment, masked.encode() + b"".join(map(encode_scalar, answers)), CONTEXT)


OPENING = Opening(-12, random_scalar())
HELD = KEY.commit(OPENING)


def test_the_blind_opener_passes_when_it_tells_the_truth() -> None:
    open_blindly(HELD, OPENING).verify(KEY)


@pytest.mark.parametrize(
    ("held", "broken"),
    [
        (HELD + Commitment(VALUE_BASE, IDENTITY), 0),
        (HELD + Commitment(KEY.blinding_base, IDENTITY), 0),
        (HELD + Commitment(HANDLE_BASE, IDENTITY), 0),
        (HELD + Commitment(h_vector(1)[0], IDENTITY), 0),
        (HELD + Commitment(g_vector(1)[0], IDENTITY), 0),
        (HELD + Commitment(IDENTITY, HANDLE_BASE), 1),
        (HELD + Commitment(IDENTITY, VALUE_BASE), 1),
        (HELD + Commitment(IDENTITY, KEY.blinding_base), 1),
    ],
    ids=["value", "blinding", "handle base in C", "H_1 in C", "G_0 in C", "other handle", "value in D", "H in D"],
)
def test_one_broken_equation_of_an_opening_is_enough(held: Commitment, broken: int) -> None:
    claim = open_blindly(held, OPENING)
    holds = [equation.residue(KEY) == IDENTITY for equation in claim.equations(KEY)]
    assert holds == [broken != 0, broken != 1]
    with pytest.raises(ProofRejected):
        claim.verify(KEY)


# ---- one logarithm behind several images


BASES = tuple(hash_to_point(bytes([i]), b"zkclear/test") for i in range(3))


def prove_blindly(kind: bytes, statement: EqualLogs, secret: Scalar, context: bytes) -> bytes:
    """A proof by the protocol of what `secret` would be, whatever the images are."""
    nonce = random_scalar()
    challenge = _challenge(_begin(kind, statement, context), [base * nonce for base in statement.bases])
    return encode_scalar(challenge) + encode_scalar(nonce + challenge * secret)


@pytest.mark.parametrize("broken", [None, 0, 1, 2])
def test_an_image_with_another_logarithm_is_refused_at_any_place(broken: int | None) -> None:
    secrets = [scalar(5)] * 3
    if broken is not None:
        secrets[broken] = scalar(6)
    images = tuple(base * secret for base, secret in zip(BASES, secrets, strict=True))
    statement = EqualLogs(BASES, images)
    proof = prove_blindly(b"test", statement, scalar(5), b"")
    if broken is None:
        verify_equal_logs(b"test", statement, proof, b"")
        return
    with pytest.raises(ProofRejected):
        verify_equal_logs(b"test", statement, proof, b"")


@pytest.mark.parametrize("broken", [None, "another secret", "junk", "another member's"])
def test_a_member_that_decrypts_with_anything_but_its_share_is_refused(broken: str | None) -> None:
    deal = deal_committee(2, 3)
    committee, shares = deal.public, deal.shares
    commitment = committee.key.commit(Opening.fresh(41))
    mine, other = shares[0], shares[1]
    point = {
        None: commitment.d * mine.secret,
        "another secret": commitment.d * (mine.secret + scalar(1)),
        "junk": commitment.d * mine.secret + VALUE_BASE,
        "another member's": commitment.d * other.secret,
    }[broken]
    statement = EqualLogs((HANDLE_BASE, commitment.d), (committee.public_share(mine.index), point))
    purpose = _purpose(committee, commitment, mine.index, b"why")
    proof = prove_blindly(b"decryption share", statement, mine.secret, purpose)
    share = DecryptionShare(mine.index, point, proof)
    if broken is None:
        verify_share(committee, commitment, share, b"why")
        return
    with pytest.raises(ProofRejected):
        verify_share(committee, commitment, share, b"why")


# ---- polynomials behind commitments


DEGREE = 4
F = tuple(random_scalar() for _ in range(DEGREE))
G = tuple(random_scalar() for _ in range(DEGREE))


def same_polynomials(shown: Sequence[Point], rests: Sequence[Point]) -> PolynomialStatement:
    """A_k = f_k·B and C_k − A_k = g_k·B'."""
    relations = (Relation((HANDLE_BASE, IDENTITY), tuple(shown)), Relation((IDENTITY, DEALING_BASE), tuple(rests)))
    return PolynomialStatement(b"same", relations, b"context")


def prove_unchecked(statement: PolynomialStatement, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A proof of F and G, whatever the images are."""
    monkeypatch.setattr(PolynomialStatement, "_require", lambda self, secret: None)
    return statement.prove([F, G])


@pytest.mark.parametrize("relation", [0, 1])
@pytest.mark.parametrize("place", [None, *range(DEGREE)])
@pytest.mark.parametrize("junk", [HANDLE_BASE, DEALING_BASE, VALUE_BASE], ids=["B", "B'", "G"])
def test_one_broken_coefficient_of_one_relation_is_enough(
    relation: int, place: int | None, junk: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [[HANDLE_BASE * f for f in F], [DEALING_BASE * g for g in G]]
    if place is not None:
        images[relation][place] = images[relation][place] + junk
    statement = same_polynomials(*images)
    proof = prove_unchecked(statement, monkeypatch)
    if place is None:
        statement.verify(proof)
        return
    with pytest.raises(ProofRejected):
        statement.verify(proof)


def test_two_broken_coefficients_pass_only_when_their_weights_are_known_beforehand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """c·x and c²·(−x/c) cancel."""
    known, lie = scalar(0xC0FFEE << 100), random_scalar()
    shown = [HANDLE_BASE * f for f in F]
    shown[0] = shown[0] + HANDLE_BASE * lie
    shown[1] = shown[1] - HANDLE_BASE * (lie * known.inverse())
    statement = same_polynomials(shown, [DEALING_BASE * g for g in G])
    with monkeypatch.context() as patched:
        patched.setattr(polynomial_proofs, "_challenge", lambda transcript, masks: known)
        proof = prove_unchecked(statement, monkeypatch)
        statement.verify(proof)
    with pytest.raises(ProofRejected):
        statement.verify(proof)
    with pytest.raises(ProofRejected):
        statement.verify(prove_unchecked(statement, monkeypatch))


# ---- possession of a contribution to the committee's key


def contribute_blindly(point: Point, secret: Scalar) -> KeyContribution:
    """By the protocol, as if `secret` were the logarithm of `point`."""
    statement = _contribution(b"c" * 32, 2, point)
    nonce = random_scalar()
    challenge = polynomial_proofs._challenge(statement._begin(), [HANDLE_BASE * nonce])
    return KeyContribution(2, point, encode_scalar(challenge) + encode_scalar(nonce + challenge * secret))


def test_a_contribution_without_its_logarithm_is_refused() -> None:
    secret = random_scalar()
    contribute_blindly(HANDLE_BASE * secret, secret).verify(b"c" * 32)
    honest = KeyContribution.prove(b"c" * 32, 1, random_scalar()).point
    rogue = HANDLE_BASE * secret - honest
    for point in (rogue, VALUE_BASE, HANDLE_BASE * secret + VALUE_BASE, DEALING_BASE * secret):
        with pytest.raises(ProofRejected):
            contribute_blindly(point, secret).verify(b"c" * 32)


def test_a_contribution_cannot_be_copied() -> None:
    honest = KeyContribution.prove(b"c" * 32, 1, random_scalar())
    honest.verify(b"c" * 32)
    for forged, ceremony in ((replace(honest, dealer=2), b"c" * 32), (honest, b"d" * 32)):
        with pytest.raises(ProofRejected):
            forged.verify(ceremony)


def test_proofs_of_one_kind_are_none_of_another() -> None:
    """One base and one image make the same equation, which only the transcript tells apart."""
    secret = random_scalar()
    statement = EqualLogs((HANDLE_BASE,), (HANDLE_BASE * secret,))
    proof = prove_equal_logs(b"key contribution", statement, secret, b"c" * 32 + b"\0\2")
    verify_equal_logs(b"key contribution", statement, proof, b"c" * 32 + b"\0\2")
    with pytest.raises(ProofRejected):
        KeyContribution(2, statement.images[0], proof).verify(b"c" * 32)
