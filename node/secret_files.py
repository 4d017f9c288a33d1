"""A node's secrets on disk: hex in files that only their owner can read. Nothing here prints or logs them."""

import os
import stat
from pathlib import Path
from typing import Final

from circuits.committee import KeyShare
from circuits.errors import DecodingError
from node.chains.certificates import ValidatorKey
from node.errors import ConfigInvalid

_SECRET_BYTES: Final = 32


def load_validator_key(path: Path) -> ValidatorKey:
    """The validator's secp256k1 key.

    Raises:
        ConfigInvalid: no such file, readable by others, or not a key.
    """
    secret = _read("validator_key", path)
    if len(secret) != _SECRET_BYTES:  # shorter ones would be padded
        raise ConfigInvalid("validator_key", f"the file holds {len(secret)} bytes where {_SECRET_BYTES} belong")
    try:
        return ValidatorKey(secret)
    except ValueError as error:
        raise ConfigInvalid("validator_key", "the file holds no secp256k1 key") from error


def load_committee_share(path: Path) -> KeyShare:
    """The committee member's share, not yet checked against the committee.

    Raises:
        ConfigInvalid: no such file, readable by others, or not a share.
    """
    try:
        return KeyShare.decode(_read("committee_share", path))
    except DecodingError as error:
        raise ConfigInvalid("committee_share", "the file holds no key share") from error


def write_secret(path: Path, text: str) -> None:
    """Put `text` into a file of mode 0600, on the disk and in one step: whole, or as it was before.

    Raises:
        OSError: the folder cannot be written to.
    """
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def read_secret(setting: str, path: Path) -> str:
    """The text of a secret file.

    Raises:
        ConfigInvalid: no such file, readable by others, or not ASCII.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigInvalid(setting, f"{path.name} can be read by others: its mode must be 0600")
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigInvalid(setting, f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(setting, f"{path.name} is not ASCII") from error


def _read(setting: str, path: Path) -> bytes:
    try:
        return bytes.fromhex(read_secret(setting, path).strip())
    except ValueError as error:
        raise ConfigInvalid(setting, f"{path.name} is not hexadecimal") from error
