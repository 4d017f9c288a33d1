"""Derivation: the seed gives the same keys for ever, and any other argument gives others."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.group import wide_scalar
from node.client.derivation import derive_blinding, derive_sealing_key, fresh_nonce
from node.client.errors import MalformedSecret

SEED, DEPLOYMENT, ACCOUNT, NONCE = (bytes([i]) * 32 for i in range(1, 5))
words = st.binary(min_size=32, max_size=32)


def hkdf(seed: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, written out."""
    extracted = hmac.digest(bytes(32), seed, hashlib.sha256)
    output, block = b"", b""
    while len(output) < length:
        block = hmac.digest(extracted, block + info + bytes([len(output) // 32 + 1]), hashlib.sha256)
        output += block
    return output[:length]


@given(words, words, words, words)
def test_a_blinding_is_hkdf_of_its_stated_info(seed: bytes, deployment: bytes, account: bytes, nonce: bytes) -> None:
    expected = wide_scalar(hkdf(seed, b"zkclear/v1/blinding" + deployment + account + nonce, 64))
    assert derive_blinding(seed, deployment, account, nonce) == expected


def test_a_sealing_key_is_hkdf_of_its_stated_info() -> None:
    expected = hkdf(SEED, b"zkclear/v1/sealing" + DEPLOYMENT + ACCOUNT, 32)
    assert derive_sealing_key(SEED, DEPLOYMENT, ACCOUNT).private_bytes_raw() == expected


@pytest.mark.parametrize("changed", range(4), ids=["seed", "deployment", "account", "nonce"])
def test_every_argument_changes_the_blinding(changed: int) -> None:
    arguments = [SEED, DEPLOYMENT, ACCOUNT, NONCE]
    arguments[changed] = b"\xff" * 32
    assert derive_blinding(*arguments) != derive_blinding(SEED, DEPLOYMENT, ACCOUNT, NONCE)


@pytest.mark.parametrize("changed", range(3), ids=["seed", "deployment", "account"])
def test_every_argument_changes_the_sealing_key(changed: int) -> None:
    arguments = [SEED, DEPLOYMENT, ACCOUNT]
    arguments[changed] = b"\xff" * 32
    other = derive_sealing_key(*arguments).private_bytes_raw()
    assert other != derive_sealing_key(SEED, DEPLOYMENT, ACCOUNT).private_bytes_raw()


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_argument_of_another_length_is_refused(at: int, length: int) -> None:
    arguments = [SEED, DEPLOYMENT, ACCOUNT, NONCE]
    arguments[at] = bytes(length)
    with pytest.raises(MalformedSecret):
        derive_blinding(*arguments)


def test_a_retry_with_a_fresh_nonce_never_reuses_a_blinding() -> None:
    blindings = {int(derive_blinding(SEED, DEPLOYMENT, ACCOUNT, fresh_nonce())) for _ in range(50)}
    assert len(blindings) == 50


def test_the_derived_values_are_frozen() -> None:
    assert (
        int(derive_blinding(SEED, DEPLOYMENT, ACCOUNT, NONCE))
        == 0x43B282F753E6514BB54A330115840B446C2AF0CAE8D5C2C1F56E9E419A8022DB
    )
    assert (
        derive_sealing_key(SEED, DEPLOYMENT, ACCOUNT).private_bytes_raw().hex()
        == "27940ae63f33be8207b78864af97f1d4b514d305f200cc2a3524343b5c8b55f9"
    )
