"""Boxes that carry a private share to one member, made so that a complaint can open one box for everyone.

    shared  X25519(the dealing's key pair, the recipient's key pair for this dealer alone)         (RFC 7748)
    key     HKDF-SHA256(shared, salt = dealing key ‖ recipient key, info = domain ‖ context), 32 bytes
    box     ChaCha20-Poly1305(key, nonce 0, share, context), 16 bytes longer than the share

Each recipient publishes one key for each dealer. Revealing the secret of one proves what that dealer sent, and
nothing of what others did. A key encrypts once, so the nonce may be zero.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from circuits.errors import DecodingError

BOX_KEY_BYTES: Final = 32
BOX_OVERHEAD_BYTES: Final = 16
_INFO: Final = b"zkclear/v1/share-box"
_NONCE: Final = bytes(12)
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def box_public_key(secret: bytes) -> bytes:
    """The 32 public bytes of a box key."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def check_box_key(public: bytes) -> None:
    """See that boxes can be made for this key.

    Raises:
        DecodingError: not 32 bytes, or a point of low order, with which every exchange gives zero.
    """
    _exchange(_PROBE, public)


def seal_share(secret: bytes, recipient: bytes, share: bytes, context: bytes) -> bytes:
    """A box of 16 bytes more than `share`, from the dealing's secret for the recipient's public key.

    Raises:
        DecodingError: as `check_box_key`.
    """
    private = X25519PrivateKey.from_private_bytes(secret)
    shared = _exchange(private, recipient)
    return _cipher(shared, box_public_key(secret), recipient, context).encrypt(_NONCE, share, context)


def open_share(secret: bytes, dealer: bytes, box: bytes, context: bytes) -> bytes:
    """The share in a box, with the recipient's secret and the dealing's public key.

    Raises:
        DecodingError: changed, for another key or context, or the dealing's key is of low order.
    """
    private = X25519PrivateKey.from_private_bytes(secret)
    shared = _exchange(private, dealer)
    try:
        return _cipher(shared, dealer, box_public_key(secret), context).decrypt(_NONCE, box, context)
    except InvalidTag as error:
        raise DecodingError("share box", "changed, or for another key or context") from error


def _exchange(private: X25519PrivateKey, public: bytes) -> bytes:
    if len(public) != BOX_KEY_BYTES:
        raise DecodingError("box key", f"{len(public)} bytes where {BOX_KEY_BYTES} belong")
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise DecodingError("box key", "a point of low order") from error


def _cipher(shared: bytes, dealer: bytes, recipient: bytes, context: bytes) -> ChaCha20Poly1305:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=dealer + recipient, info=_INFO + context)
    return ChaCha20Poly1305(hkdf.derive(shared))
