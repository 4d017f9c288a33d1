"""A secret of fixed length in a file of its own, encrypted under a password.

    key         scrypt(password in NFKC as UTF-8, salt, n, r, p), 32 bytes                        (RFC 7914)
    ciphertext  ChaCha20-Poly1305(key, nonce, secret), the header as associated data              (RFC 8439)

The file is JSON with a version; salt and nonce are fresh for every write. It is created with mode 0600,
complete or not at all, and never over an existing one.
"""

import base64
import json
import os
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.client.errors import KeystoreExists, MalformedKeystore, WrongPassword

VERSION: Final = 1
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


@dataclass(frozen=True, slots=True)
class SecretKind:
    """What a file holds: `length` bytes, and what the file calls itself (a wallet's says nothing)."""

    length: int
    name: str | None = None

    def fields(self) -> dict[str, Any]:
        """What of it stands in the file."""
        return {"version": VERSION} if self.name is None else {"version": VERSION, "kind": self.name}


def create_secret_file(path: Path, password: str, secret: bytes, kind: SecretKind, cost: ScryptCost) -> None:
    """Write a new file.

    Raises:
        KeystoreExists: there is a file already.
        MalformedKeystore: the cost is out of range.
        OSError: the folder cannot be written.
    """
    _publish(path, _seal(path, password, secret, kind, cost), _link)


def open_secret_file(path: Path, password: str, kind: SecretKind) -> bytes:
    """The secret in a file.

    Raises:
        WrongPassword: the password is wrong, or the file was changed.
        MalformedKeystore: the file is none of this version and kind.
        OSError: the file cannot be read.
    """
    header, ciphertext = _parse(path, kind)
    key = _derive(password, header.salt, header.cost)
    try:
        return ChaCha20Poly1305(key).decrypt(header.nonce, ciphertext, header.associated_data())
    except InvalidTag as error:
        raise WrongPassword(str(path)) from error


def replace_secret_file(path: Path, password: str, secret: bytes, kind: SecretKind, cost: ScryptCost) -> None:
    """Write a file over an existing one, in one step.

    Raises:
        MalformedKeystore: the cost is out of range.
        OSError: the folder cannot be written.
    """
    _publish(path, _seal(path, password, secret, kind, cost), _rename)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file says in the clear."""

    kind: SecretKind
    cost: ScryptCost
    salt: bytes
    nonce: bytes

    def fields(self) -> dict[str, Any]:
        return {
            **self.kind.fields(),
            "kdf": {"name": "scrypt", **asdict(self.cost), "salt": _text(self.salt)},
            "cipher": {"name": "chacha20-poly1305", "nonce": _text(self.nonce)},
        }

    def associated_data(self) -> bytes:
        return json.dumps(self.fields(), sort_keys=True, separators=(",", ":")).encode()


def _seal(path: Path, password: str, secret: bytes, kind: SecretKind, cost: ScryptCost) -> bytes:
    if (fault := cost.fault()) is not None:
        raise MalformedKeystore(str(path), fault)
    header = _Header(kind, cost, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES))
    cipher = ChaCha20Poly1305(_derive(password, header.salt, cost))
    ciphertext = cipher.encrypt(header.nonce, secret, header.associated_data())
    return json.dumps({**header.fields(), "ciphertext": _text(ciphertext)}, indent=2).encode() + b"\n"


def _parse(path: Path, kind: SecretKind) -> tuple[_Header, bytes]:
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
        header = _Header(kind, cost, _bytes(kdf["salt"]), _bytes(cipher["nonce"]))
        ciphertext = _bytes(fields["ciphertext"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedKeystore(str(path), "not the JSON of a keystore") from error
    if fields != {**header.fields(), "ciphertext": _text(ciphertext)}:
        raise MalformedKeystore(str(path), "unknown fields or algorithms")
    lengths = (len(header.salt), len(header.nonce), len(ciphertext))
    if lengths != (_SALT_BYTES, _NONCE_BYTES, kind.length + _TAG_BYTES):
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
