"""The committee: any t members open a commitment, fewer cannot, and no member can bend the result."""

import pickle
import secrets
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point
from py_ecc.optimized_bls12_381 import FQ, curve_order, field_modulus, is_inf, multiply, normalize

from circuits import committee, dleq
from circuits.committee import (
    CombinationError,
    CommitteeKey,
    DecryptionShare,
    KeyContribution,
    KeyOrigin,
    KeyShare,
    VerifiedShare,
    combine,
    decryption_share,
    verify_share,
)
from circuits.dleq import EqualLogs
from circuits.errors import CircuitError, DecodingError, ProofRejected, StatementUnsound
from circuits.group import (
    IDENTITY,
    ZERO,
    Point,
    encode_point,
    encode_scalar,
    hash_to_point,
    random_scalar,
    scalar,
)
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, CommitmentKey, Opening
from tests.support.committee import ORIGIN, CommitteeDeal, deal_committee

THRESHOLD, MEMBERS = 3, 5
CONTEXT = b"deployment, batch, account, leaf"
DEAL = deal_committee(THRESHOLD, MEMBERS)
COMMITTEE = DEAL.public
VALUE = -123_456
COMMITMENT = COMMITTEE.key.commit(Opening.fresh(VALUE))
SHARES = tuple(decryption_share(COMMITTEE, share, COMMITMENT, CONTEXT) for share in DEAL.shares)
VERIFIED = tuple(verify_share(COMMITTEE, COMMITMENT, share, CONTEXT) for share in SHARES)
FOREIGN = hash_to_point(b"foreign", b"zkclear/test")


def order_eleven_point() -> Point:
    """A curve point outside the subgroup, as no decoder lets it in."""
    cofactor = 0x396C8C005555E1568C00AAAB0000AAAB
    for x in range(1, 1000):
        square = (x**3 + 4) % field_modulus
        y = pow(square, (field_modulus + 1) // 4, field_modulus)
        small = multiply((FQ(x), FQ(y), FQ(1)), cofactor * curve_order // 121)
        if y * y % field_modulus == square and not is_inf(small):
            small = small if is_inf(multiply(small, 11)) else multiply(small, 11)
            affine = normalize(small)
            return G1Point.from_xy_bytes_unchecked_be(b"".join(int(c).to_bytes(48, "big") for c in affine))
    raise AssertionError("no point of order 11 among the first candidates")


ORDER_ELEVEN = order_eleven_point()


@settings(max_examples=25)
@given(st.data())
def test_any_threshold_of_members_opens_and_one_fewer_does_not(data: st.DataObject) -> None:
    members = data.draw(st.integers(1, 7))
    threshold = data.draw(st.integers(1, members))
    value = data.draw(st.integers(-(1 << 40), 1 << 40))
    deal = deal_committee(threshold, members)
    commitment = deal.public.key.commit(Opening.fresh(value))
    chosen = data.draw(st.permutations(deal.shares))[:threshold]
    verified = [
        verify_share(deal.public, commitment, decryption_share(deal.public, share, commitment, CONTEXT), CONTEXT)
        for share in chosen
    ]
    assert combine(deal.public, commitment, verified) == VALUE_BASE * scalar(value)
    with pytest.raises(CombinationError) as refusal:
        combine(deal.public, commitment, verified[1:])
    assert (refusal.value.have, refusal.value.need) == (threshold - 1, threshold)


def test_more_shares_than_needed_open_to_the_same_amount() -> None:
    assert combine(COMMITTEE, COMMITMENT, VERIFIED) == VALUE_BASE * scalar(VALUE)
    assert combine(COMMITTEE, COMMITMENT, VERIFIED[::-1]) == VALUE_BASE * scalar(VALUE)


def test_a_sum_of_commitments_opens_like_a_single_one() -> None:
    doubled = COMMITMENT + COMMITMENT + Commitment.public(1)
    verified = [
        verify_share(COMMITTEE, doubled, decryption_share(COMMITTEE, share, doubled, CONTEXT), CONTEXT)
        for share in DEAL.shares[1:4]
    ]
    assert combine(COMMITTEE, doubled, verified) == VALUE_BASE * scalar(2 * VALUE + 1)


def test_fewer_members_than_the_threshold_interpolate_to_nothing_useful() -> None:
    smaller = replace(COMMITTEE, threshold=THRESHOLD - 1)
    assert combine(smaller, COMMITMENT, VERIFIED) != VALUE_BASE * scalar(VALUE)


def test_two_shares_of_one_member_do_not_count_twice() -> None:
    with pytest.raises(CombinationError, match="one member"):
        combine(COMMITTEE, COMMITMENT, [VERIFIED[0], VERIFIED[1], VERIFIED[1]])


def test_a_share_of_another_commitment_does_not_combine() -> None:
    other = COMMITTEE.key.commit(Opening.fresh(1))
    stray = verify_share(COMMITTEE, other, decryption_share(COMMITTEE, DEAL.shares[0], other, CONTEXT), CONTEXT)
    with pytest.raises(CombinationError, match="another commitment"):
        combine(COMMITTEE, COMMITMENT, [stray, *VERIFIED[1:3]])


def test_no_shares_at_all_are_too_few() -> None:
    with pytest.raises(CombinationError, match="too few"):
        combine(COMMITTEE, COMMITMENT, [])


@pytest.mark.parametrize(
    "forged",
    [
        replace(SHARES[0], point=SHARES[0].point + VALUE_BASE),
        replace(SHARES[0], index=2),
        replace(SHARES[0], proof=SHARES[1].proof),
        replace(SHARES[0], point=SHARES[1].point, proof=SHARES[1].proof),
        replace(SHARES[0], point=IDENTITY),
        replace(SHARES[0], point=SHARES[0].point + ORDER_ELEVEN),
        replace(SHARES[0], index=0),
        replace(SHARES[0], index=MEMBERS + 1),
        replace(SHARES[0], index=-1),
        replace(SHARES[0], proof=SHARES[0].proof[:-1]),
    ],
    ids=[
        "shifted point",
        "other index",
        "other proof",
        "other member's answer",
        "identity",
        "order 11 added",
        "index 0",
        "index above",
        "index below",
        "truncated proof",
    ],
)
def test_a_tampered_share_is_refused(forged: DecryptionShare) -> None:
    with pytest.raises(CircuitError):
        verify_share(COMMITTEE, COMMITMENT, forged, CONTEXT)


@settings(max_examples=60)
@given(st.integers(0, 114 * 8 - 1))
def test_a_share_with_any_bit_flipped_is_refused(bit: int) -> None:
    data = bytearray(SHARES[0].encode())
    data[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CircuitError):
        verify_share(COMMITTEE, COMMITMENT, DecryptionShare.decode(bytes(data)), CONTEXT)


def test_a_proof_ground_to_hide_a_point_of_order_eleven_is_refused() -> None:
    point = SHARES[0].point + ORDER_ELEVEN
    bases = (HANDLE_BASE, COMMITMENT.d)
    statement = EqualLogs(bases, (COMMITTEE.public_share(1), point))
    purpose = committee._purpose(COMMITTEE, COMMITMENT, 1, CONTEXT)
    while True:
        nonce = random_scalar()
        transcript = dleq._begin(b"decryption share", statement, purpose)
        challenge = dleq._challenge(transcript, [base * nonce for base in bases])
        if int(challenge) % 11 == 0:
            break
    response = nonce + challenge * DEAL.shares[0].secret
    proof = encode_scalar(challenge) + encode_scalar(response)
    assert point * challenge == SHARES[0].point * challenge
    with pytest.raises(ProofRejected, match="subgroup"):
        verify_share(COMMITTEE, COMMITMENT, DecryptionShare(1, point, proof), CONTEXT)


def test_a_share_is_void_in_another_context_commitment_or_committee() -> None:
    other_amount = Commitment(COMMITMENT.c + VALUE_BASE, COMMITMENT.d)
    with pytest.raises(ProofRejected):
        verify_share(COMMITTEE, COMMITMENT, SHARES[0], CONTEXT + b"!")
    with pytest.raises(ProofRejected):
        verify_share(COMMITTEE, other_amount, SHARES[0], CONTEXT)
    with pytest.raises(ProofRejected):
        verify_share(deal_committee(THRESHOLD, MEMBERS).public, COMMITMENT, SHARES[0], CONTEXT)


@pytest.mark.parametrize(
    ("commitment", "reason"),
    [
        (Commitment(COMMITMENT.c, ORDER_ELEVEN), "subgroup"),
        (Commitment(COMMITMENT.c, COMMITMENT.d + ORDER_ELEVEN), "subgroup"),
        (Commitment(COMMITMENT.c + ORDER_ELEVEN, COMMITMENT.d), "subgroup"),
        (Commitment.public(5), "identity"),
    ],
    ids=["order 11", "hidden order 11", "order 11 in C", "identity"],
)
def test_a_member_answers_no_handle_that_would_leak_its_share(commitment: Commitment, reason: str) -> None:
    with pytest.raises(ProofRejected, match=reason):
        decryption_share(COMMITTEE, DEAL.shares[0], commitment, CONTEXT)
    with pytest.raises(ProofRejected, match=reason):
        verify_share(COMMITTEE, commitment, SHARES[0], CONTEXT)
    with pytest.raises(ProofRejected, match=reason):
        combine(COMMITTEE, commitment, VERIFIED)


def test_a_member_with_a_wrong_key_share_answers_nothing() -> None:
    stranger = KeyShare(1, DEAL.shares[1].secret)
    with pytest.raises(ProofRejected, match="member 1"):
        decryption_share(COMMITTEE, stranger, COMMITMENT, CONTEXT)


def test_every_dealt_share_matches_its_public_share() -> None:
    COMMITTEE.verify()
    for share in DEAL.shares:
        share.check(COMMITTEE)
    assert [share.index for share in DEAL.shares] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("index", [0, -1, MEMBERS + 1])
def test_a_key_share_of_no_member_is_refused(index: int) -> None:
    with pytest.raises(ProofRejected, match="no member"):
        KeyShare(index, DEAL.shares[0].secret).check(COMMITTEE)


def test_a_share_off_by_one_is_refused_by_its_member() -> None:
    with pytest.raises(ProofRejected, match="member 2"):
        KeyShare(2, DEAL.shares[1].secret + scalar(1)).check(COMMITTEE)


def with_public_share(index: int, point: Point) -> CommitteeKey:
    shares = list(COMMITTEE.public_shares)
    shares[index - 1] = point
    return replace(COMMITTEE, public_shares=tuple(shares))


def with_contribution(**changes: object) -> CommitteeKey:
    changed = replace(COMMITTEE.origin.contributions[0], **changes)  # type: ignore[arg-type]
    return replace(COMMITTEE, origin=KeyOrigin(ORIGIN, (changed,)))


OTHER = deal_committee(THRESHOLD, MEMBERS).public


@pytest.mark.parametrize(
    "forged",
    [
        with_public_share(4, FOREIGN),
        with_public_share(4, IDENTITY),
        replace(COMMITTEE, key=CommitmentKey(FOREIGN)),
        replace(COMMITTEE, key=CommitmentKey(IDENTITY)),
        replace(COMMITTEE, threshold=THRESHOLD - 1),
        replace(COMMITTEE, threshold=0),
        replace(COMMITTEE, threshold=MEMBERS + 1),
        replace(COMMITTEE, coefficients=COMMITTEE.coefficients[:-1]),
        replace(COMMITTEE, coefficients=(*COMMITTEE.coefficients[:-1], FOREIGN)),
        replace(COMMITTEE, coefficients=(*COMMITTEE.coefficients[:-1], IDENTITY)),
        replace(COMMITTEE, public_shares=COMMITTEE.public_shares[::-1]),
        replace(COMMITTEE, origin=OTHER.origin),
        replace(COMMITTEE, origin=KeyOrigin(bytes([1]) * 32, COMMITTEE.origin.contributions)),
        replace(COMMITTEE, origin=KeyOrigin(ORIGIN, ())),
        replace(COMMITTEE, origin=KeyOrigin(ORIGIN, COMMITTEE.origin.contributions * 2)),
        with_contribution(dealer=2),
        with_contribution(proof=bytes(64)),
        with_contribution(proof=COMMITTEE.origin.contributions[0].proof + b"\x00"),
    ],
)
def test_an_inconsistent_committee_is_refused(forged: CommitteeKey) -> None:
    with pytest.raises(CircuitError):
        forged.verify()


def test_a_key_without_known_logarithm_has_no_proof() -> None:
    stolen = KeyOrigin(ORIGIN, (replace(COMMITTEE.origin.contributions[0], point=FOREIGN),))
    with pytest.raises(ProofRejected, match="key contribution"):
        CommitteeKey.of((FOREIGN,), 1, stolen).verify()


def test_a_key_put_together_from_a_contribution_and_another_generator_is_refused() -> None:
    known = KeyContribution.prove(ORIGIN, 1, random_scalar())
    forged = CommitteeKey.of((known.point + VALUE_BASE,), 1, KeyOrigin(ORIGIN, (known,)))
    with pytest.raises(StatementUnsound, match="add up"):
        forged.verify()


def test_contributions_out_of_order_are_refused() -> None:
    first, second = (KeyContribution.prove(ORIGIN, dealer, random_scalar()) for dealer in (1, 2))
    key = CommitteeKey.of((first.point + second.point,), 1, KeyOrigin(ORIGIN, (first, second)))
    key.verify()
    with pytest.raises(StatementUnsound, match="order"):
        replace(key, origin=KeyOrigin(ORIGIN, (second, first))).verify()


def test_a_committee_whose_key_is_the_identity_is_refused() -> None:
    forged = replace(COMMITTEE, key=CommitmentKey(IDENTITY), threshold=1, coefficients=(IDENTITY,))
    with pytest.raises(StatementUnsound, match="identity"):
        replace(forged, public_shares=(IDENTITY,)).verify()


def test_a_polynomial_of_lower_degree_than_claimed_is_refused() -> None:
    known = KeyContribution.prove(ORIGIN, 1, scalar(7))
    forged = CommitteeKey.of((known.point, IDENTITY), 3, KeyOrigin(ORIGIN, (known,)))
    with pytest.raises(StatementUnsound, match="identity"):
        forged.verify()


@pytest.mark.parametrize(("threshold", "members"), [(0, 3), (4, 3), (1, 65), (-1, 3), (1, 0)])
def test_impossible_numbers_are_not_dealt(threshold: int, members: int) -> None:
    with pytest.raises(StatementUnsound):
        deal_committee(threshold, members)


def test_the_largest_committee_can_be_dealt_and_verified() -> None:
    deal = deal_committee(43, 64)
    deal.public.verify()
    deal.shares[63].check(deal.public)


def test_a_committee_survives_encoding_and_pickling() -> None:
    decoded = CommitteeKey.decode(COMMITTEE.encode())
    decoded.verify()
    assert decoded == COMMITTEE
    assert pickle.loads(pickle.dumps(COMMITTEE)) == COMMITTEE
    assert hash(decoded) == hash(COMMITTEE)
    assert decoded != OTHER


@settings(max_examples=40)
@given(st.data())
def test_a_committee_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    # The number of members (bytes 2 and 3) is the house's to know: any is possible for one polynomial. Another sign of
    # A_1 makes another sharing of the same H, which no proof contradicts, but the members' shares do.
    encoded = bytearray(COMMITTEE.encode())
    place = data.draw(st.integers(0, len(encoded) - 1).filter(lambda at: at not in (2, 3)))
    encoded[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CircuitError):
        verify_own(CommitteeKey.decode(bytes(encoded)))


def verify_own(committee: CommitteeKey) -> None:
    """As the first member checks it."""
    committee.verify()
    DEAL.shares[0].check(committee)


@pytest.mark.parametrize("length", [0, 1, 4, 100, -1])
def test_a_truncated_committee_is_refused(length: int) -> None:
    with pytest.raises(DecodingError):
        CommitteeKey.decode(COMMITTEE.encode()[:length])


def test_a_committee_with_surplus_bytes_is_refused() -> None:
    with pytest.raises(DecodingError):
        CommitteeKey.decode(COMMITTEE.encode() + b"\x00")


def test_a_key_share_survives_its_encoding() -> None:
    share = KeyShare.decode(DEAL.shares[2].encode())
    assert (share.index, share.secret) == (3, DEAL.shares[2].secret)
    share.check(COMMITTEE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DEAL.shares[0].encode()[:-1],
        DEAL.shares[0].encode() + b"\x00",
        b"\x02" + DEAL.shares[0].encode()[1:],
        b"\x01\x00\x00" + DEAL.shares[0].encode()[3:],
        b"\x01\x00\x41" + DEAL.shares[0].encode()[3:],
        b"\x01\x00\x01" + b"\xff" * 32,
    ],
    ids=["empty", "short", "long", "version", "index 0", "index 65", "scalar"],
)
def test_a_malformed_key_share_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError, match=r"key share|scalar"):
        KeyShare.decode(data)


def test_a_decryption_share_survives_its_encoding() -> None:
    data = SHARES[4].encode()
    assert len(data) == 114
    verify_share(COMMITTEE, COMMITMENT, DecryptionShare.decode(data), CONTEXT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SHARES[0].encode()[:-1],
        SHARES[0].encode() + b"\x00",
        b"\x00\x00" + SHARES[0].encode()[2:],
        SHARES[0].encode()[:2] + encode_point(IDENTITY) + SHARES[0].proof,
        SHARES[0].encode()[:2] + encode_point(ORDER_ELEVEN) + SHARES[0].proof,
    ],
    ids=["empty", "short", "long", "index 0", "identity", "order 11"],
)
def test_a_malformed_decryption_share_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        DecryptionShare.decode(data)


def test_no_secret_shows_in_a_repr() -> None:
    secret = bytes(DEAL.shares[0].secret.to_be_bytes()).hex()
    backwards = bytes(DEAL.shares[0].secret.to_le_bytes()).hex()
    shown = repr(DEAL) + repr(DEAL.shares[0])
    assert secret not in shown
    assert backwards not in shown
    assert str(int(DEAL.shares[0].secret)) not in shown


class ZeroThenRandom:
    """A source whose first draw is zero."""

    def __init__(self) -> None:
        self.draws = 0

    def token_bytes(self, nbytes: int) -> bytes:
        self.draws += 1
        return bytes(nbytes) if self.draws == 1 else secrets.token_bytes(nbytes)


def test_a_zero_secret_is_drawn_again() -> None:
    source = ZeroThenRandom()
    deal: CommitteeDeal = deal_committee(1, 1, source)
    assert source.draws == 2
    assert deal.shares[0].secret != ZERO


def test_two_dealings_differ() -> None:
    assert COMMITTEE.key != OTHER.key


def test_verified_shares_carry_what_they_belong_to() -> None:
    assert VERIFIED[0] == VerifiedShare(1, COMMITMENT, SHARES[0].point)
