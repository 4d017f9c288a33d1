"""Owners' signatures are those that the ledger recovers."""

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from node.client.signing import OwnerKey
from node.ledger.signatures import recover_owner


@given(st.binary(min_size=32, max_size=32))
def test_the_ledger_recovers_the_owner_from_any_signed_digest(digest: bytes) -> None:
    owner = OwnerKey(b"\x07" * 32)
    signature = owner.sign(digest)
    assert len(signature) == 65
    assert recover_owner(signature, digest) == owner.address


def test_the_address_is_that_of_every_other_wallet() -> None:
    owner = OwnerKey.generate()
    assert bytes.fromhex(Account.from_key(owner.secret()).address[2:]) == owner.address


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytes(32), b"\xff" * 32])
def test_what_is_no_scalar_of_the_curve_is_no_key(secret: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - coincurve's own error and ours are both ValueErrors
        OwnerKey(secret)


def test_the_repr_of_a_key_shows_the_address_alone() -> None:
    owner = OwnerKey(b"\x07" * 32)
    assert repr(owner) == f"OwnerKey(0x{owner.address.hex()})"
