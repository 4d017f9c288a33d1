"""The auditor's secret on disk."""

import json
from pathlib import Path

import pytest

from node.audit.errors import FileInvalid
from node.audit.keyfile import create_key, open_key
from node.client.errors import KeystoreExists, MalformedKeystore, WrongPassword
from node.client.keystore import WalletSecrets, create_keystore, open_keystore
from node.client.secret_files import ScryptCost, SecretKind, create_secret_file
from tests.circuits.proofs import KEY

COST, PASSWORD = ScryptCost(n=1 << 10), "correct horse battery staple"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "auditor.key"


def test_a_secret_opens_with_its_password_and_no_other(path: Path) -> None:
    secret = create_key(path, PASSWORD, COST)
    assert open_key(path, PASSWORD).key(KEY) == secret.key(KEY)
    with pytest.raises(WrongPassword) as caught:
        open_key(path, "wrong")
    assert secret.encode().hex() not in str(caught.value) + path.read_text()


def test_the_file_is_its_owners_alone_and_never_overwritten(path: Path) -> None:
    create_key(path, PASSWORD, COST)
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeystoreExists):
        create_key(path, PASSWORD, COST)
    assert path.read_bytes() == before


def test_a_wallet_is_no_auditors_key_and_the_other_way_round(path: Path, tmp_path: Path) -> None:
    wallet = tmp_path / "wallet.json"
    create_keystore(wallet, PASSWORD, WalletSecrets.generate(), COST)
    create_key(path, PASSWORD, COST)
    with pytest.raises(MalformedKeystore):
        open_key(wallet, PASSWORD)
    with pytest.raises(MalformedKeystore):
        open_keystore(path, PASSWORD)


def test_every_field_of_the_file_counts(path: Path) -> None:
    create_key(path, PASSWORD, COST)
    good = json.loads(path.read_text())
    for change in ({"version": 2}, {"kind": "wallet"}, {"more": 1}, {"ciphertext": ""}):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(MalformedKeystore):
            open_key(path, PASSWORD)
    path.write_text(json.dumps({**good, "kdf": {**good["kdf"], "n": 1 << 11}}))
    with pytest.raises(WrongPassword):
        open_key(path, PASSWORD)


def test_a_file_that_holds_no_scalar_is_refused(path: Path) -> None:
    for secret in (bytes(32), b"\xff" * 32):
        create_secret_file(path, PASSWORD, secret, SecretKind(32, "auditor"), COST)
        with pytest.raises(FileInvalid):
            open_key(path, PASSWORD)
        path.unlink()
