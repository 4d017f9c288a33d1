"""An auditor's key and handles: they read what was committed, move like it, and are void for any other blinding."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import auditor as auditor_module
from circuits import handles as handles_module
from circuits import opening as opening_module
from circuits.auditor import (
    AUDITOR_PROOF_BYTES,
    NO_HANDLE,
    AuditorClaim,
    AuditorHandle,
    AuditorKey,
    AuditorSecret,
    Handle,
)
from circuits.batch import Claim, verify_claims
from circuits.dleq import PurposeTranscript
from circuits.errors import ClaimsRejected, DecodingError, LengthMismatch, ProofRejected, WitnessInvalid
from circuits.group import (
    IDENTITY,
    ORDER,
    ZERO,
    encode_point,
    encode_scalar,
    hash_to_point,
    point_words,
    random_scalar,
    scalar,
)
from circuits.handles import HANDLES_PROOF_BYTES, HandlesClaim, prove_handles
from circuits.opening import AUDITED_OPENING_BYTES, OpeningClaim, prove_opening
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, CommitmentKey, Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
    solvency_sizes,
)
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY
from tests.circuits.test_absorbed import Entry, beginning, pair, points_of, recording
from tests.circuits.test_every_input import all_refused, changes
from tests.circuits.test_group import compress, order_eleven_point

SECRET = AuditorSecret.generate()
AUDITOR = SECRET.key(KEY)
PROVEN = AuditorClaim(AUDITOR, SECRET.prove(KEY, b"deployment"), b"deployment")
OTHER = AuditorSecret.generate().key(KEY)
OPENING = Opening(-12, random_scalar())
COMMITMENT = KEY.commit(OPENING)
AUDIT = AuditorHandle(AUDITOR, AUDITOR.handle(OPENING.blinding))
CLAIM = OpeningClaim(COMMITMENT, prove_opening(KEY, OPENING, COMMITMENT, CONTEXT, AUDITOR), CONTEXT, AUDIT)
BALANCES = tuple(Opening(q, random_scalar()) for q in (5, -7, 0))
PAIRS = tuple(map(KEY.commit, BALANCES))
BLINDINGS = tuple(opening.blinding for opening in BALANCES)
HANDLES = tuple(map(AUDITOR.handle, BLINDINGS))
TIED = HandlesClaim(AUDITOR, PAIRS, HANDLES, prove_handles(KEY, AUDITOR, PAIRS, BLINDINGS, CONTEXT), CONTEXT)


@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.integers(-(1 << 40), 1 << 40), st.integers(0, ORDER - 1), st.integers(-99, 99)), max_size=5)
)
def test_the_auditor_reads_any_public_combination_of_committed_numbers(parts: list[tuple[int, int, int]]) -> None:
    opening, handle = Opening.public(0), NO_HANDLE
    for value, blinding, factor in parts:
        part = Opening(value, scalar(blinding))
        opening, handle = opening + part.scaled(factor), handle + AUDITOR.handle(part.blinding).scaled(factor)
    assert SECRET.read(KEY.commit(opening), handle) == VALUE_BASE * scalar(opening.value)
    assert handle - handle == NO_HANDLE == handle + (-handle)


def test_another_auditor_reads_nothing() -> None:
    assert AuditorSecret.generate().read(COMMITMENT, AUDIT.handle) != VALUE_BASE * scalar(OPENING.value)


def test_the_secret_undoes_the_key() -> None:
    """a·B_a = H, computed from the encoded secret alone."""
    factor = scalar(int.from_bytes(SECRET.encode(), "big"))
    assert AUDITOR.base * factor == KEY.blinding_base
    assert AuditorSecret.decode(SECRET.encode()).key(KEY) == AUDITOR


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\1" * 31])
def test_a_secret_that_is_zero_or_not_canonical_is_refused(secret: bytes) -> None:
    with pytest.raises(DecodingError):
        AuditorSecret.decode(secret)


def test_no_repr_shows_the_secret() -> None:
    assert SECRET.encode().hex()[:12] not in repr(SECRET)


@pytest.mark.parametrize("kind", [AuditorKey, Handle])
def test_the_identity_and_points_outside_the_subgroup_are_neither_keys_nor_handles(kind) -> None:
    for data in (encode_point(IDENTITY), compress(order_eleven_point()), bytes(48), b""):
        with pytest.raises(DecodingError):
            kind.decode(data)


# The key's proof


def test_a_proven_key_is_accepted() -> None:
    PROVEN.verify(KEY)
    assert len(PROVEN.proof) == AUDITOR_PROOF_BYTES == 80


@pytest.mark.parametrize(
    ("claim", "house"),
    [
        (replace(PROVEN, context=b"elsewhere"), KEY),
        (replace(PROVEN, auditor=OTHER), KEY),
        (replace(PROVEN, auditor=AuditorKey(IDENTITY)), KEY),
        (PROVEN, CommitmentKey(hash_to_point(b"other", b"zkclear/test"))),
        (replace(PROVEN, proof=PROVEN.proof[:-1]), KEY),
        (replace(PROVEN, proof=PROVEN.proof + b"\0"), KEY),
        (replace(PROVEN, proof=bytes(80)), KEY),
    ],
    ids=["context", "another key", "the identity", "house", "short", "long", "zeros"],
)
def test_a_proof_of_another_statement_is_refused(claim: AuditorClaim, house: CommitmentKey) -> None:
    with pytest.raises(ProofRejected):
        claim.verify(house)


def test_a_key_fitted_to_its_proof_is_refused() -> None:
    """Mask and answer first, then the key that satisfies the equation for the challenge of another key."""
    masked, answer = HANDLE_BASE * random_scalar(), random_scalar()
    known = AuditorClaim(AUDITOR, encode_point(masked) + encode_scalar(answer), b"deployment")
    e = -known.equations(KEY)[0].blinding
    fitted = AuditorKey((masked + KEY.blinding_base * e) * answer.inverse())
    with pytest.raises(ProofRejected):
        replace(known, auditor=fitted).verify(KEY)


def test_every_byte_of_the_keys_proof_counts() -> None:
    for at in range(AUDITOR_PROOF_BYTES):
        forged = bytearray(PROVEN.proof)
        forged[at] ^= 1
        with pytest.raises(ProofRejected):
            replace(PROVEN, proof=bytes(forged)).verify(KEY)


# The handle in an opening proof


def test_an_audited_opening_is_provable_in_208_bytes() -> None:
    CLAIM.verify(KEY)
    assert len(CLAIM.proof) == AUDITED_OPENING_BYTES == 208


@pytest.mark.parametrize(
    "audit",
    [
        AuditorHandle(AUDITOR, AUDITOR.handle(OPENING.blinding + scalar(1))),
        AuditorHandle(AUDITOR, AUDITOR.handle(-OPENING.blinding)),
        AuditorHandle(AUDITOR, NO_HANDLE),
        AuditorHandle(AUDITOR, Handle(AUDIT.handle.point + VALUE_BASE)),
        AuditorHandle(OTHER, AUDIT.handle),
        AuditorHandle(OTHER, OTHER.handle(OPENING.blinding)),
        AuditorHandle(AuditorKey(HANDLE_BASE), Handle(COMMITMENT.d)),
        None,
    ],
    ids=["another blinding", "minus", "none", "shifted", "another key", "another's handle", "the committee's", "plain"],
)
def test_a_handle_that_the_proof_is_not_for_is_refused(audit: AuditorHandle | None) -> None:
    with pytest.raises(ProofRejected):
        replace(CLAIM, audit=audit).verify(KEY)


def test_a_prover_that_breaks_the_handle_alone_is_refused() -> None:
    """Honest in C and D, with masks of its own choice for a handle of another blinding."""
    false = AuditorHandle(AUDITOR, AUDITOR.handle(random_scalar()))
    k_value, k_blinding, k_handle = random_scalar(), random_scalar(), random_scalar()
    pair = KEY.commit(Opening(int(k_value), k_blinding))
    for mask in (AUDITOR.base * k_blinding, AUDITOR.base * k_handle):
        transcript = Transcript(b"audited opening", CONTEXT, KEY.words())
        transcript.absorb(b"commitment", COMMITMENT.words())
        false.absorb_into(transcript)
        transcript.absorb(b"masked", pair.words())
        transcript.absorb_point(b"masked handle", mask)
        e = transcript.challenge(b"e")
        answers = k_value + e * scalar(OPENING.value), k_blinding + e * OPENING.blinding
        proof = b"".join(map(encode_point, (pair.c, pair.d, mask))) + b"".join(map(encode_scalar, answers))
        equations = OpeningClaim(COMMITMENT, proof, CONTEXT, false).equations(KEY)
        assert [entry.residue(KEY) == IDENTITY for entry in equations] == [True, True, False]
        with pytest.raises(ProofRejected, match="opening of E"):
            OpeningClaim(COMMITMENT, proof, CONTEXT, false).verify(KEY)


def test_every_byte_of_an_audited_opening_counts() -> None:
    for at in range(AUDITED_OPENING_BYTES):
        forged = bytearray(CLAIM.proof)
        forged[at] ^= 1
        with pytest.raises(ProofRejected):
            replace(CLAIM, proof=bytes(forged)).verify(KEY)


def test_an_audited_proof_cut_to_a_plain_one_is_refused() -> None:
    plain = CLAIM.proof[:96] + CLAIM.proof[144:]
    with pytest.raises(ProofRejected):
        OpeningClaim(COMMITMENT, plain, CONTEXT).verify(KEY)


# Handles of what others have opened


def test_one_proof_of_128_bytes_ties_any_number_of_handles() -> None:
    TIED.verify(KEY)
    one = prove_handles(KEY, AUDITOR, PAIRS[:1], BLINDINGS[:1], CONTEXT)
    HandlesClaim(AUDITOR, PAIRS[:1], HANDLES[:1], one, CONTEXT).verify(KEY)
    assert len(one) == len(TIED.proof) == HANDLES_PROOF_BYTES == 128


@pytest.mark.parametrize(
    "claim",
    [
        replace(TIED, auditor=OTHER),
        replace(TIED, handles=(HANDLES[1], HANDLES[0], HANDLES[2])),
        replace(TIED, handles=(AUDITOR.handle(BLINDINGS[0] + scalar(1)), *HANDLES[1:])),
        replace(TIED, handles=(*HANDLES[:2], NO_HANDLE)),
        replace(TIED, handles=tuple(map(OTHER.handle, BLINDINGS))),
        replace(TIED, handles=(HANDLES[0] + HANDLES[1], NO_HANDLE, HANDLES[2])),
        replace(TIED, commitments=(PAIRS[1], PAIRS[0], PAIRS[2])),
        replace(TIED, commitments=PAIRS[:2], handles=HANDLES[:2]),
        replace(TIED, context=replace(CONTEXT, message_digest=b"n" * 32)),
        replace(TIED, proof=TIED.proof[:-1]),
    ],
    ids=[
        "key",
        "swapped",
        "another blinding",
        "none",
        "another's",
        "moved",
        "commitments",
        "fewer",
        "message",
        "short",
    ],
)
def test_handles_that_the_proof_is_not_for_are_refused(claim: HandlesClaim) -> None:
    with pytest.raises(ProofRejected):
        claim.verify(KEY)


def test_errors_of_two_handles_that_cancel_in_a_plain_sum_are_refused() -> None:
    """What a proof over unweighted sums would take: the prover answers for the sum, and two handles are shifted."""
    shift = Handle(HANDLE_BASE)
    crooked = (HANDLES[0] + shift, HANDLES[1] - shift, HANDLES[2])
    honest = HandlesClaim(AUDITOR, PAIRS, crooked, TIED.proof, CONTEXT)
    with pytest.raises(ProofRejected, match="auditor"):
        honest.verify(KEY)


def test_a_blinding_that_is_not_the_commitments_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(WitnessInvalid):
        prove_handles(KEY, AUDITOR, PAIRS, (BLINDINGS[0], BLINDINGS[0], ZERO), CONTEXT)


def test_pairs_must_match_and_not_be_none() -> None:
    with pytest.raises(LengthMismatch):
        HandlesClaim(AUDITOR, (), (), TIED.proof, CONTEXT)
    with pytest.raises(LengthMismatch):
        replace(TIED, handles=HANDLES[:2])
    with pytest.raises(LengthMismatch):
        prove_handles(KEY, AUDITOR, PAIRS, BLINDINGS[:2], CONTEXT)


def test_every_byte_of_the_handles_proof_counts() -> None:
    for at in range(HANDLES_PROOF_BYTES):
        forged = bytearray(TIED.proof)
        forged[at] ^= 1
        with pytest.raises(ProofRejected):
            replace(TIED, proof=bytes(forged)).verify(KEY)


# The limb of a solvency proof

TERMS = SolvencyTerms((2,), (Exposure(0, (-5, 9), 1, 1, 0, 0, True),), False)
WITNESS = SolvencyWitness(Opening.fresh(10), (Opening.fresh(1),), None)
INPUTS = SolvencyInputs(KEY.commit(WITNESS.cash), tuple(map(KEY.commit, WITNESS.exposures)), None)
AUDITED = SolvencyClaim(TERMS, INPUTS, prove_solvency(KEY, TERMS, INPUTS, WITNESS, CONTEXT, AUDITOR), CONTEXT, AUDITOR)


def test_the_auditor_reads_cash_from_the_limbs_of_a_margin_proof() -> None:
    AUDITED.verify(KEY)
    proof = SolvencyProof.decode_for(TERMS, AUDITED.proof.encode(), audited=True)
    assert proof == AUDITED.proof
    assert proof.high_handle is not None
    high = SECRET.read(proof.high, proof.high_handle)
    assert high == VALUE_BASE * scalar(10 + (1 << 63) >> 32)


def test_the_handle_costs_96_bytes_and_nothing_for_others() -> None:
    sizes = solvency_sizes(TERMS), solvency_sizes(TERMS, audited=True)
    plain = prove_solvency(KEY, TERMS, INPUTS, WITNESS, CONTEXT)
    assert (len(plain.encode()), len(AUDITED.proof.encode())) == (sizes[0].proof, sizes[1].proof)
    assert sizes[1].proof - sizes[0].proof == 96
    for data, audited in ((plain.encode(), True), (AUDITED.proof.encode(), False)):
        with pytest.raises(DecodingError):
            SolvencyProof.decode_for(TERMS, data, audited=audited)


@pytest.mark.parametrize(
    "claim",
    [
        replace(AUDITED, auditor=None),
        replace(AUDITED, auditor=OTHER),
        replace(AUDITED, proof=replace(AUDITED.proof, high_handle=None)),
        replace(AUDITED, proof=replace(AUDITED.proof, high_handle=AUDITOR.handle(random_scalar()))),
    ],
    ids=["no auditor", "another auditor", "no handle", "another handle"],
)
def test_a_limb_without_its_handle_is_refused(claim: SolvencyClaim) -> None:
    with pytest.raises(ProofRejected):
        claim.verify(KEY)


def test_audited_claims_join_a_batch_and_survive_pickling() -> None:
    claims: list[Claim] = [PROVEN, CLAIM, TIED, AUDITED]
    verify_claims(KEY, pickle.loads(pickle.dumps(claims)))
    claims[2] = replace(TIED, auditor=OTHER)
    with pytest.raises(ClaimsRejected) as raised:
        verify_claims(KEY, claims)
    assert raised.value.indices == (2,)


# Every public input, and what the challenges depend on


@pytest.mark.parametrize("claim", [PROVEN, CLAIM, TIED, AUDITED], ids=["key", "opening", "handles", "margin"])
def test_every_input_of_a_claim_counts(claim: Claim) -> None:
    claim.verify(KEY)
    cases = ((path, changed) for path, changed in changes(claim) if path != ".audit")
    assert all_refused(cases, lambda changed: changed.verify(KEY)) >= 3  # type: ignore[attr-defined]


def test_an_audited_opening_absorbs_key_handle_and_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Entry] = []
    monkeypatch.setattr(opening_module, "Transcript", recording(Transcript, log))
    CLAIM.verify(KEY)
    masks = points_of(CLAIM.proof[:144])
    assert log == [
        *beginning(b"audited opening", CONTEXT, KEY),
        (b"commitment", pair(COMMITMENT)),
        (b"auditor", point_words(AUDITOR.base)),
        (b"auditor handle", point_words(AUDIT.handle.point)),
        (b"masked", masks[0] + masks[1]),
        (b"masked handle", masks[2]),
        (b"e", None),
    ]


def test_a_proof_of_handles_absorbs_every_pair_before_it_folds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Entry] = []
    monkeypatch.setattr(handles_module, "Transcript", recording(Transcript, log))
    TIED.verify(KEY)
    masks = points_of(TIED.proof[:96])
    pairs: list[Entry] = []
    for commitment, handle in zip(PAIRS, HANDLES, strict=True):
        pairs += [(b"commitment", pair(commitment)), (b"auditor handle", point_words(handle.point))]
    assert log == [
        *beginning(b"handles", CONTEXT, KEY),
        (b"auditor", point_words(AUDITOR.base)),
        (b"pairs", (3).to_bytes(32, "big")),
        *pairs,
        (b"w", None),
        (b"masked", masks[0]),
        (b"masked handle", masks[1]),
        (b"e", None),
    ]


def test_a_proof_of_the_key_absorbs_house_key_and_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Entry] = []
    monkeypatch.setattr(auditor_module, "PurposeTranscript", recording(PurposeTranscript, log))
    PROVEN.verify(KEY)
    assert log == [
        (b"purpose", b"auditor"),
        (b"context", b"deployment"),
        (b"bases", KEY.words()),
        (b"auditor", point_words(AUDITOR.base)),
        (b"masked", points_of(PROVEN.proof[:48])[0]),
        (b"e", None),
    ]
