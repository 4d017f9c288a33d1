"""Sealed boxes: how an owner hands the opening of a commitment to the counterparty alone.

    shared  X25519(fresh ephemeral key, recipient)                                                (RFC 7748)
    key     HKDF-SHA256(shared, salt = ephemeral ‖ recipient, info = "zkclear/v1/sealed-box"), 32 bytes
    box     ephemeral (32) ‖ ChaCha20-Poly1305(key, nonce 0, plaintext, associated data)

The nonce may be zero because each key encrypts once. A box does not name its sender: the message that carries
the box's digest is signed. An opening has one fixed width: a box's length says nothing about its size.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from circuits.errors import DecodingError
from circuits.group import SCALAR_BYTES, decode_scalar, encode_scalar
from circuits.pedersen import Commitment, CommitmentKey, Opening
from node.client.errors import BoxRefused, OpeningMismatch, RecipientInvalid, ValueTooLarge

SEALING_KEY_BYTES: Final = 32
_TAG_BYTES: Final = 16
_VALUE_BYTES: Final = 16
OPENING_BYTES: Final = _VALUE_BYTES + SCALAR_BYTES
BOX_OVERHEAD_BYTES: Final = SEALING_KEY_BYTES + _TAG_BYTES
OPENING_BOX_BYTES: Final = OPENING_BYTES + BOX_OVERHEAD_BYTES
_INFO: Final = b"zkclear/v1/sealed-box"
_NONCE: Final = bytes(12)


def sealing_public_key(private: X25519PrivateKey) -> bytes:
    """The 32 bytes that an account publishes for its counterparties."""
    return private.public_key().public_bytes_raw()


def seal(recipient_public: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """A box of 48 bytes more than `plaintext`, which only the recipient opens, with the same associated data.

    Raises:
        RecipientInvalid: the key has not 32 bytes, or is of low order.
    """
    if len(recipient_public) != SEALING_KEY_BYTES:
        raise RecipientInvalid(f"{len(recipient_public)} bytes where {SEALING_KEY_BYTES} belong")
    ephemeral = X25519PrivateKey.generate()
    ephemeral_public = sealing_public_key(ephemeral)
    try:
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient_public))
    except ValueError as error:
        raise RecipientInvalid("a point of low order") from error
    cipher = ChaCha20Poly1305(_box_key(shared, ephemeral_public, recipient_public))
    return ephemeral_public + cipher.encrypt(_NONCE, plaintext, associated_data)


def unseal(private: X25519PrivateKey, box: bytes, associated_data: bytes) -> bytes:
    """The plaintext of a box.

    Raises:
        BoxRefused: too short, changed, for another key, or with other associated data.
    """
    if len(box) < BOX_OVERHEAD_BYTES:
        raise BoxRefused(f"{len(box)} bytes where at least {BOX_OVERHEAD_BYTES} belong")
    ephemeral_public, ciphertext = box[:SEALING_KEY_BYTES], box[SEALING_KEY_BYTES:]
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral_public))
    except ValueError as error:
        raise BoxRefused("its ephemeral key is of low order") from error
    cipher = ChaCha20Poly1305(_box_key(shared, ephemeral_public, sealing_public_key(private)))
    try:
        return cipher.decrypt(_NONCE, ciphertext, associated_data)
    except InvalidTag as error:
        raise BoxRefused("changed, or for another key or message") from error


def encode_opening(opening: Opening) -> bytes:
    """48 bytes: the value (16, two's complement, big-endian), the blinding (32).

    Raises:
        ValueTooLarge: the value does not fit in 128 bits.
    """
    try:
        value = opening.value.to_bytes(_VALUE_BYTES, "big", signed=True)
    except OverflowError:
        # Its own message says nothing more, and chaining would keep the frame that holds the value.
        raise ValueTooLarge(8 * _VALUE_BYTES) from None
    return value + encode_scalar(opening.blinding)


def decode_opening(data: bytes) -> Opening:
    """From `encode_opening`'s bytes.

    Raises:
        BoxRefused: another length, or a blinding that is not reduced.
    """
    if len(data) != OPENING_BYTES:
        raise BoxRefused(f"an opening of {len(data)} bytes where {OPENING_BYTES} belong")
    try:
        blinding = decode_scalar(data[_VALUE_BYTES:])
    except DecodingError as error:
        raise BoxRefused("the blinding is not a canonical scalar") from error
    return Opening(int.from_bytes(data[:_VALUE_BYTES], "big", signed=True), blinding)


def seal_opening(recipient_public: bytes, opening: Opening, associated_data: bytes) -> bytes:
    """A box of 96 bytes, whatever the value.

    Raises:
        RecipientInvalid, ValueTooLarge: see `seal` and `encode_opening`.
    """
    return seal(recipient_public, encode_opening(opening), associated_data)


def unseal_opening(
    private: X25519PrivateKey, box: bytes, associated_data: bytes, key: CommitmentKey, commitment: Commitment
) -> Opening:
    """The opening in a box, checked against the commitment that the sender claims it belongs to.

    Raises:
        BoxRefused: see `unseal` and `decode_opening`.
        OpeningMismatch: C or D is not the commitment to that opening.
    """
    opening = decode_opening(unseal(private, box, associated_data))
    if key.commit(opening) != commitment:
        raise OpeningMismatch
    return opening


def _box_key(shared: bytes, ephemeral_public: bytes, recipient_public: bytes) -> bytes:
    salt = ephemeral_public + recipient_public
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_INFO).derive(shared)
