"""What can go wrong on the owner's side: one family, each member with the data a caller needs."""

from dataclasses import dataclass


class ClientError(Exception):
    """Root of every error that `node.client` raises on purpose. None ever carries a secret."""


class KeystoreError(ClientError):
    """Root of the reasons for which a keystore file gives no secrets."""


@dataclass
class WrongPassword(KeystoreError):
    """The password does not open the file, or the file was changed: the cipher cannot tell the two apart."""

    path: str

    def __str__(self) -> str:
        return f"{self.path}: the password is wrong, or the file was changed"


@dataclass
class MalformedKeystore(KeystoreError):
    """The file is not a keystore of a version and cost that this program reads."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class KeystoreExists(KeystoreError):
    """A file is there already; overwriting it could destroy the only copy of a wallet."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} exists already"


@dataclass
class MalformedSecret(ClientError):
    """Bytes that cannot be the `kind` of key, seed, identifier or nonce they are given as."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class SealingError(ClientError):
    """Root of the reasons for which a box cannot be sealed or opened."""


@dataclass
class BoxRefused(SealingError):
    """A box that is not for this key and this associated data, or was changed, or is no box at all."""

    reason: str

    def __str__(self) -> str:
        return f"sealed box: {self.reason}"


@dataclass
class RecipientInvalid(SealingError):
    """A recipient's key that no secret can be shared with (wrong length or low order)."""

    reason: str

    def __str__(self) -> str:
        return f"recipient's sealing key: {self.reason}"


@dataclass
class ValueTooLarge(SealingError):
    """An opening whose value has no fixed-width encoding. The value itself stays out of the error."""

    bits: int

    def __str__(self) -> str:
        return f"the value does not fit in {self.bits} bits"


class OpeningMismatch(SealingError):
    """The opening in a box is not that of the commitment it came with: sign nothing."""

    def __str__(self) -> str:
        return "the sealed opening does not belong to the commitment"
