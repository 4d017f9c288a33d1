"""The wallet on disk: a seed and an owner's key, encrypted under a password (`secret_files`).

The seed derives every blinding and sealing key, so that seed and public history restore a wallet; the owner's key only
signs.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from node.client.errors import MalformedSecret
from node.client.secret_files import (
    ScryptCost,
    SecretKind,
    create_secret_file,
    open_secret_file,
    replace_secret_file,
)

__all__ = ["ScryptCost", "WalletSecrets", "change_password", "create_keystore", "open_keystore"]

SEED_BYTES: Final = 32
OWNER_KEY_BYTES: Final = 32
_KIND: Final = SecretKind(SEED_BYTES + OWNER_KEY_BYTES)
_SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True, repr=False)
class WalletSecrets:
    """`seed` (32 uniform bytes) and `owner_key` (32 bytes, a scalar of secp256k1). Its repr shows neither."""

    seed: bytes
    owner_key: bytes

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise MalformedSecret("wallet seed", f"{len(self.seed)} bytes where {SEED_BYTES} belong")
        if len(self.owner_key) != OWNER_KEY_BYTES:
            raise MalformedSecret("owner key", f"{len(self.owner_key)} bytes where {OWNER_KEY_BYTES} belong")
        if not 1 <= int.from_bytes(self.owner_key, "big") < _SECP256K1_ORDER:
            raise MalformedSecret("owner key", "not a scalar of secp256k1")

    @classmethod
    def generate(cls) -> Self:
        """A fresh seed and a fresh owner's key."""
        owner_key = secrets.randbelow(_SECP256K1_ORDER - 1) + 1
        return cls(secrets.token_bytes(SEED_BYTES), owner_key.to_bytes(OWNER_KEY_BYTES, "big"))

    @classmethod
    def with_owner_key(cls, owner_key: bytes) -> Self:
        """A fresh seed beside an owner's key that exists already.

        Raises:
            MalformedSecret: not a scalar of secp256k1.
        """
        return cls(secrets.token_bytes(SEED_BYTES), owner_key)

    def __repr__(self) -> str:
        return "WalletSecrets(…)"


def create_keystore(path: Path, password: str, wallet: WalletSecrets, cost: ScryptCost | None = None) -> None:
    """Write a new keystore file.

    Raises:
        KeystoreExists: there is a file already.
        MalformedKeystore: the cost is out of range.
        OSError: the folder cannot be written.
    """
    create_secret_file(path, password, wallet.seed + wallet.owner_key, _KIND, cost or ScryptCost())


def open_keystore(path: Path, password: str) -> WalletSecrets:
    """The secrets in a keystore file.

    Raises:
        WrongPassword: the password is wrong, or the file was changed.
        MalformedKeystore: the file is no keystore of this version.
        OSError: the file cannot be read.
    """
    plain = open_secret_file(path, password, _KIND)
    return WalletSecrets(plain[:SEED_BYTES], plain[SEED_BYTES:])


def change_password(path: Path, old: str, new: str, cost: ScryptCost | None = None) -> None:
    """Encrypt the same secrets under another password, replacing the file.

    Raises:
        WrongPassword, MalformedKeystore, OSError: as for `open_keystore` and `create_keystore`.
    """
    wallet = open_keystore(path, old)
    replace_secret_file(path, new, wallet.seed + wallet.owner_key, _KIND, cost or ScryptCost())
