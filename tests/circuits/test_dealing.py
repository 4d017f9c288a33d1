"""One dealing: what it says cannot be changed, taken over, or opened by anyone but its recipients."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ceremony import CeremonyKind
from circuits.dealing import DealtShare, check_dealing, draw_polynomial, make_dealing
from circuits.errors import CircuitError, DecodingError, ProofRejected
from circuits.group import scalar
from circuits.share_boxes import box_public_key
from tests.circuits.ceremonies import key_terms, seed

TERMS = key_terms(3, 4)
SECRETS = tuple(bytes([place]) * 32 for place in (1, 2, 3, 4))
KEYS = (*(box_public_key(secret) for secret in SECRETS[:3]), None)
POLYNOMIAL = draw_polynomial(TERMS, 2, seed(2), None)
BODY = make_dealing(TERMS, 2, POLYNOMIAL, KEYS, seed(2))
DEALING = check_dealing(TERMS, 2, KEYS, BODY)


def test_every_registered_recipient_gets_its_own_share() -> None:
    assert set(DEALING.boxes) == {1, 2, 3}
    for place in (1, 2, 3):
        assert DEALING.open(TERMS, place, SECRETS[place - 1]) == POLYNOMIAL.share(place)


def test_no_recipient_opens_anothers_box() -> None:
    with pytest.raises(DecodingError):
        DEALING.open(TERMS, 1, SECRETS[1])


@settings(max_examples=80)
@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_dealing_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    body = bytearray(BODY)
    body[place] ^= change
    with pytest.raises(CircuitError):
        check_dealing(TERMS, 2, KEYS, bytes(body))


@pytest.mark.parametrize("length", [0, 2, 100, len(BODY) - 1, len(BODY) + 1])
def test_a_dealing_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecodingError):
        check_dealing(TERMS, 2, KEYS, (BODY + b"\0")[:length])


def test_a_dealing_cannot_be_taken_over_by_another_dealer_or_ceremony() -> None:
    with pytest.raises(DecodingError, match="dealer"):
        check_dealing(TERMS, 3, KEYS, BODY)
    with pytest.raises(ProofRejected):
        check_dealing(TERMS, 3, KEYS, bytes([0, 3]) + BODY[2:])
    with pytest.raises(ProofRejected):
        check_dealing(replace(TERMS, context=b"another deployment"), 2, KEYS, BODY)


def test_a_share_off_the_polynomial_in_either_part_is_refused() -> None:
    right = POLYNOMIAL.share(1)
    DEALING.check_share(1, right)
    for wrong in (
        replace(right, value=right.value + scalar(1)),
        replace(right, blinding=right.blinding + scalar(1)),
        POLYNOMIAL.share(2),
    ):
        with pytest.raises(ProofRejected):
            DEALING.check_share(1, wrong)


def test_a_share_has_one_encoding_for_each_kind() -> None:
    share = POLYNOMIAL.share(1)
    for kind, size in ((CeremonyKind.KEY, 64), (CeremonyKind.REFRESH, 32), (CeremonyKind.RESHARE, 32)):
        data = share.encode(kind)
        assert len(data) == size
        assert DealtShare.decode(kind, data).value == share.value
        for bad in (data[:-1], data + b"\0", b"\xff" * size):
            with pytest.raises(DecodingError):
                DealtShare.decode(kind, bad)
