"""The wallet on disk: a seed and an owner's key, encrypted under a password.

    key         scrypt(password in NFKC as UTF-8, salt, n, r, p), 32 bytes                        (RFC 7914)
    ciphertext  ChaCha20-Poly1305(key, nonce, seed ‖ owner key), the header as associated data    (RFC 8439)

The file is JSON with a version; salt and nonce are fresh for every write. It is created with mode 0600,
complete or not at all, and never over an existing one. The seed derives every blinding and sealing key, so
that seed and public history restore a wallet; the owner's key only signs.
"""

import base64
import json
import os
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.client.errors import KeystoreExists, MalformedKeystore, MalformedSecret, WrongPassword

SEED_BYTES: Final = 32
OWNER_KEY_BYTES: Final = 32
VERSION: Final = 1
_SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_FILE_BYTES: Final = 4096
_MAX_MEMORY: Final = 1 << 30
_MAX_PARALLEL: Final = 16


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How hard a guess is: memory 128·n·r bytes, time n·r·p. The default takes 128 MiB."""

    n: int = 1 << 17
    r: int = 8
    p: int = 1

    def fault(self) -> str | None:
        """Why these numbers are refused: not scrypt's, or above 1 GiB, which a hostile file could ask for."""
        if self.n < 2 or self.n & (self.n - 1) or self.r < 1 or not 1 <= self.p <= _MAX_PARALLEL:
            return "the scrypt cost is not valid"
        if 128 * self.n * self.r > _MAX_MEMORY:
            return "the scrypt cost asks for more than 1 GiB"
        return None


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
    _publish(path, _seal(path, password, wallet, cost or ScryptCost()), _link)


def open_keystore(path: Path, password: str) -> WalletSecrets:
    """The secrets in a keystore file.

    Raises:
        WrongPassword: the password is wrong, or the file was changed.
        MalformedKeystore: the file is no keystore of this version.
        OSError: the file cannot be read.
    """
    header, ciphertext = _parse(path)
    key = _derive(password, header.salt, header.cost)
    try:
        plain = ChaCha20Poly1305(key).decrypt(header.nonce, ciphertext, header.associated_data())
    except InvalidTag as error:
        raise WrongPassword(str(path)) from error
    return WalletSecrets(plain[:SEED_BYTES], plain[SEED_BYTES:])


def change_password(path: Path, old: str, new: str, cost: ScryptCost | None = None) -> None:
    """Encrypt the same secrets under another password, replacing the file.

    Raises:
        WrongPassword, MalformedKeystore, OSError: as for `open_keystore` and `create_keystore`.
    """
    wallet = open_keystore(path, old)
    _publish(path, _seal(path, new, wallet, cost or ScryptCost()), _rename)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file says in the clear."""

    cost: ScryptCost
    salt: bytes
    nonce: bytes

    def fields(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "kdf": {"name": "scrypt", **asdict(self.cost), "salt": _text(self.salt)},
            "cipher": {"name": "chacha20-poly1305", "nonce": _text(self.nonce)},
        }

    def associated_data(self) -> bytes:
        return json.dumps(self.fields(), sort_keys=True, separators=(",", ":")).encode()


def _seal(path: Path, password: str, wallet: WalletSecrets, cost: ScryptCost) -> bytes:
    if (fault := cost.fault()) is not None:
        raise MalformedKeystore(str(path), fault)
    header = _Header(cost, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES))
    cipher = ChaCha20Poly1305(_derive(password, header.salt, cost))
    ciphertext = cipher.encrypt(header.nonce, wallet.seed + wallet.owner_key, header.associated_data())
    return json.dumps({**header.fields(), "ciphertext": _text(ciphertext)}, indent=2).encode() + b"\n"


def _parse(path: Path) -> tuple[_Header, bytes]:
    with path.open("rb") as file:
        data = file.read(_MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise MalformedKeystore(str(path), "too long for a keystore")
    try:
        fields = json.loads(data)
        if not isinstance(fields, dict) or fields.get("version") != VERSION:
            raise MalformedKeystore(str(path), f"not a keystore of version {VERSION}")
        kdf, cipher = fields["kdf"], fields["cipher"]
        cost = ScryptCost(*(_integer(kdf[name]) for name in ("n", "r", "p")))
        header = _Header(cost, _bytes(kdf["salt"]), _bytes(cipher["nonce"]))
        ciphertext = _bytes(fields["ciphertext"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedKeystore(str(path), "not the JSON of a keystore") from error
    if fields != {**header.fields(), "ciphertext": _text(ciphertext)}:
        raise MalformedKeystore(str(path), "unknown fields or algorithms")
    lengths = (len(header.salt), len(header.nonce), len(ciphertext))
    if lengths != (_SALT_BYTES, _NONCE_BYTES, SEED_BYTES + OWNER_KEY_BYTES + _TAG_BYTES):
        raise MalformedKeystore(str(path), "a field has the wrong length")
    if (fault := cost.fault()) is not None:
        raise MalformedKeystore(str(path), fault)
    return header, ciphertext


def _derive(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    normal = unicodedata.normalize("NFKC", password).encode()
    return Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(normal)


def _publish(path: Path, data: bytes, place: Callable[[Path, Path], None]) -> None:
    """Write a complete file of mode 0600 beside the target, then put it in place in one step."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _link(temporary: Path, path: Path) -> None:
    # A hard link, unlike a rename, fails when the target exists.
    try:
        path.hardlink_to(temporary)
    except FileExistsError as error:
        raise KeystoreExists(str(path)) from error


def _rename(temporary: Path, path: Path) -> None:
    temporary.replace(path)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("not a string")
    return base64.b64decode(text, validate=True)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not an integer")
    return value
