"""Keys and blindings from the wallet's seed, so that seed and public history restore a wallet.

    ρ            HKDF(seed, info = "zkclear/v1/blinding" ‖ deployment ‖ account ‖ nonce), 64 bytes modulo r
    sealing key  HKDF(seed, info = "zkclear/v1/sealing" ‖ deployment ‖ account), 32 bytes for X25519
    ticket key   HKDF(seed, info = "zkclear/v1/exit ticket" ‖ deployment ‖ account), 32 bytes for ChaCha20-Poly1305

HKDF is RFC 5869 with SHA-256 and no salt: the seed is uniform. Every part of an info has a fixed width.
A nonce stands in the message whose one commitment it blinds and is drawn afresh for every attempt, so that no
ρ is used twice. Blindings inside proofs do not come from here: they are always fresh randomness.
"""

import secrets
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from circuits.group import Scalar, wide_scalar
from node.client.errors import MalformedSecret

NONCE_BYTES: Final = 32
_BLINDING: Final = b"zkclear/v1/blinding"
_SEALING: Final = b"zkclear/v1/sealing"
_TICKET: Final = b"zkclear/v1/exit ticket"
_WIDTH: Final = 32


def fresh_nonce() -> bytes:
    """32 random bytes for one attempt at one message."""
    return secrets.token_bytes(NONCE_BYTES)


def derive_blinding(seed: bytes, deployment_digest: bytes, account: bytes, nonce: bytes) -> Scalar:
    """The ρ of the commitment in the message of `account` that carries `nonce`; every argument has 32 bytes.

    Raises:
        MalformedSecret: an argument of another length.
    """
    info = _BLINDING + _exact("deployment", deployment_digest) + _exact("account", account)
    return wide_scalar(_hkdf(seed, info + _exact("nonce", nonce), 64))


def derive_sealing_key(seed: bytes, deployment_digest: bytes, account: bytes) -> X25519PrivateKey:
    """The key with which the owner of `account` opens boxes; every argument has 32 bytes.

    Raises:
        MalformedSecret: an argument of another length.
    """
    info = _SEALING + _exact("deployment", deployment_digest) + _exact("account", account)
    return X25519PrivateKey.from_private_bytes(_hkdf(seed, info, 32))


def derive_ticket_key(seed: bytes, deployment_digest: bytes, account: bytes) -> bytes:
    """The 32 bytes that seal the exit tickets of `account`; every argument has 32 bytes.

    Raises:
        MalformedSecret: an argument of another length.
    """
    info = _TICKET + _exact("deployment", deployment_digest) + _exact("account", account)
    return _hkdf(seed, info, 32)


def _hkdf(seed: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(_exact("wallet seed", seed))


def _exact(kind: str, data: bytes) -> bytes:
    if len(data) != _WIDTH:
        raise MalformedSecret(kind, f"{len(data)} bytes where {_WIDTH} belong")
    return bytes(data)
