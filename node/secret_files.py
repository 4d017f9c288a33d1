"""A node's secrets on disk: hex in files that only their owner can read. Nothing here prints or logs them."""

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


def _read(setting: str, path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigInvalid(setting, f"{path.name} can be read by others: its mode must be 0600")
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigInvalid(setting, f"{path.name}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigInvalid(setting, f"{path.name} is not hexadecimal") from error
