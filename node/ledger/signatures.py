"""Owners' and validators' secp256k1 signatures over 32-byte digests: low s only, one encoding, no malleability."""

from typing import Final

from coincurve import PublicKey
from eth_hash.auto import keccak

from node.ledger.types import Address

_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class SignatureMalformed(ValueError):
    """Not a canonical signature from which an address can be recovered."""


def _recover(r: bytes, s: bytes, parity: int, digest: bytes) -> Address:
    if int.from_bytes(s, "big") > _HALF_ORDER:
        raise SignatureMalformed("s is in the upper half")
    try:
        key = PublicKey.from_signature_and_message(r + s + bytes([parity]), digest, hasher=None)
    except Exception as error:
        raise SignatureMalformed("no public key recovers") from error
    return Address(bytes(keccak(key.format(compressed=False)[1:]))[12:])


def recover_owner(signature: bytes, digest: bytes) -> Address:
    """The address behind 65 bytes r ‖ s ‖ v with v in {27, 28}, as wallets sign.

    Raises:
        SignatureMalformed: wrong length, v, high s, or no key recovers.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise SignatureMalformed("65 bytes r, s, v with v in 27, 28 are required")
    return _recover(signature[:32], signature[32:64], signature[64] - 27, digest)


def recover_compact(signature: bytes, digest: bytes) -> Address:
    """The address behind 64 bytes r ‖ yParityAndS (EIP-2098), as validators sign.

    Raises:
        SignatureMalformed: wrong length, high s, or no key recovers.
    """
    if len(signature) != 64:
        raise SignatureMalformed("64 bytes are required")
    parity = signature[32] >> 7
    s = bytes([signature[32] & 0x7F]) + signature[33:]
    return _recover(signature[:32], s, parity, digest)
