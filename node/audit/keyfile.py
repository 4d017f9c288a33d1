"""The auditor's secret on disk: owner-only, encrypted under a password like a wallet (node/client/secret_files.py)."""

from pathlib import Path
from typing import Final

from circuits.auditor import AuditorSecret
from circuits.errors import DecodingError
from circuits.group import SCALAR_BYTES
from node.audit.errors import FileInvalid
from node.client.secret_files import ScryptCost, SecretKind, create_secret_file, open_secret_file

_KIND: Final = SecretKind(SCALAR_BYTES, "auditor")


def create_key(path: Path, password: str, cost: ScryptCost | None = None) -> AuditorSecret:
    """A fresh secret in a new file.

    Raises:
        KeystoreExists: there is a file already.
        MalformedKeystore: the cost is out of range.
        OSError: the folder cannot be written.
    """
    secret = AuditorSecret.generate()
    create_secret_file(path, password, secret.encode(), _KIND, cost or ScryptCost())
    return secret


def open_key(path: Path, password: str) -> AuditorSecret:
    """The secret in a file.

    Raises:
        WrongPassword: the password is wrong, or the file was changed.
        MalformedKeystore: no file of this kind and version.
        FileInvalid: it holds no secret.
        OSError: the file cannot be read.
    """
    try:
        return AuditorSecret.decode(open_secret_file(path, password, _KIND))
    except DecodingError as error:
        raise FileInvalid(path.name, "holds no auditor's secret") from error
