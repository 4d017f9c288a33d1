"""The owner's secp256k1 key and the 65-byte signatures that `node.ledger.signatures.recover_owner` accepts."""

from typing import Final, Self

from coincurve import PrivateKey
from eth_hash.auto import keccak

from node.ledger.types import Address

KEY_BYTES: Final = 32
_V_BASE: Final = 27


class OwnerKey:
    """Signs an owner's messages and, on the chains, deposits. Its repr shows the address alone."""

    __slots__ = ("_key", "address")

    address: Address

    def __init__(self, secret: bytes) -> None:
        """`secret` is a 32-byte scalar, as EVM wallets export it.

        Raises:
            ValueError: not 32 bytes, or not a valid scalar of secp256k1.
        """
        if len(secret) != KEY_BYTES:
            raise ValueError(f"an owner key has {KEY_BYTES} bytes, not {len(secret)}")
        self._key = PrivateKey(secret)
        public = self._key.public_key.format(compressed=False)
        self.address = Address(bytes(keccak(public[1:]))[12:])

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the operating system's generator."""
        return cls(PrivateKey().secret)

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v over a 32-byte digest: low s, v in {27, 28}, nonce of RFC 6979."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + _V_BASE])

    def secret(self) -> bytes:
        """The 32 secret bytes, for a keystore or a chain's transaction signer."""
        return self._key.secret

    def __repr__(self) -> str:
        return f"OwnerKey(0x{self.address.hex()})"
