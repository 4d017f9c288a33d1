"""Keystore files: the right password gives the secrets back, and nothing else gives anything."""

import base64
import json
import stat
from pathlib import Path

import pytest

from node.client import secret_files as module
from node.client.errors import (
    ClientError,
    KeystoreExists,
    MalformedKeystore,
    MalformedSecret,
    WrongPassword,
)
from node.client.keystore import (
    ScryptCost,
    WalletSecrets,
    change_password,
    create_keystore,
    open_keystore,
)

CHEAP = ScryptCost(n=1 << 10)
PASSWORD = "a password with a space"
CIPHERTEXT_OF_VERSION_ONE = (
    "4x3sNatWqB6IFjK0f4tijUPMUALHCe0FJV64Kaq3gpiIESaMb9UIkoQ7fHf6Jin/mCwFUwS4YvGcRvoP2UF+2homA7HLbI4BB+dRwtJH4Go="
)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def wallet() -> WalletSecrets:
    return WalletSecrets.generate()


@pytest.fixture
def path(tmp_path: Path, wallet: WalletSecrets) -> Path:
    path = tmp_path / "wallet.json"
    create_keystore(path, PASSWORD, wallet, CHEAP)
    return path


def test_the_password_opens_what_it_sealed(path: Path, wallet: WalletSecrets) -> None:
    assert open_keystore(path, PASSWORD) == wallet


@pytest.mark.parametrize("password", ["", "A password with a space", PASSWORD + " ", "\x00"])
def test_a_wrong_password_is_refused(path: Path, password: str) -> None:
    with pytest.raises(WrongPassword) as refusal:
        open_keystore(path, password)
    assert refusal.value.path == str(path)
    assert isinstance(refusal.value, ClientError)


def test_equivalent_spellings_of_a_password_are_one_password(tmp_path: Path, wallet: WalletSecrets) -> None:
    path = tmp_path / "wallet.json"
    create_keystore(path, "caf\u00e9", wallet, CHEAP)
    assert open_keystore(path, "cafe\u0301") == wallet


def test_the_file_is_readable_by_its_owner_alone(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_holds_no_secret_in_the_clear(path: Path, wallet: WalletSecrets) -> None:
    data = path.read_bytes()
    for secret in (wallet.seed, wallet.owner_key, PASSWORD.encode()):
        assert secret not in data
        assert secret.hex().encode() not in data
        assert base64.b64encode(secret).rstrip(b"=")[:20] not in data


def test_the_format_is_fixed(path: Path) -> None:
    fields = json.loads(path.read_bytes())
    assert fields["version"] == 1
    assert sorted(fields) == ["cipher", "ciphertext", "kdf", "version"]
    assert {**fields["kdf"], "salt": ""} == {"name": "scrypt", "n": 1024, "r": 8, "p": 1, "salt": ""}
    assert fields["cipher"]["name"] == "chacha20-poly1305"
    assert len(base64.b64decode(fields["ciphertext"])) == 32 + 32 + 16


def test_a_file_written_by_version_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "kdf": {
                    "name": "scrypt",
                    "n": 1024,
                    "r": 8,
                    "p": 1,
                    "salt": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
                },
                "cipher": {"name": "chacha20-poly1305", "nonce": "AgICAgICAgICAgIC"},
                "ciphertext": CIPHERTEXT_OF_VERSION_ONE,
            }
        )
    )
    assert open_keystore(path, "version one") == WalletSecrets(b"\x03" * 32, b"\x04" * 32)


def test_two_files_of_one_wallet_share_no_bytes_of_key_material(tmp_path: Path, wallet: WalletSecrets) -> None:
    written = []
    for name in ("first", "second"):
        create_keystore(tmp_path / name, PASSWORD, wallet, CHEAP)
        fields = json.loads((tmp_path / name).read_bytes())
        written.append((fields["kdf"]["salt"], fields["cipher"]["nonce"], fields["ciphertext"]))
    assert all(left != right for left, right in zip(*written, strict=True))


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeystoreExists):
        create_keystore(path, "other", WalletSecrets.generate(), CHEAP)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_changed_password_replaces_the_old_one(path: Path, wallet: WalletSecrets) -> None:
    change_password(path, PASSWORD, "new", CHEAP)
    assert open_keystore(path, "new") == wallet
    with pytest.raises(WrongPassword):
        open_keystore(path, PASSWORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_changing_with_a_wrong_password_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(WrongPassword):
        change_password(path, "wrong", "new", CHEAP)
    assert path.read_bytes() == before


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_crash_while_writing_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, step, fail)
        with pytest.raises(OSError, match="full"):
            change_password(path, PASSWORD, "new", CHEAP)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_flipping_any_byte_of_the_ciphertext_is_refused(path: Path) -> None:
    fields = json.loads(path.read_bytes())
    ciphertext = base64.b64decode(fields["ciphertext"])
    for at in (0, 31, 32, 63, 64, 79):
        forged = bytearray(ciphertext)
        forged[at] ^= 1
        path.write_text(json.dumps({**fields, "ciphertext": base64.b64encode(forged).decode()}))
        with pytest.raises(WrongPassword):
            open_keystore(path, PASSWORD)


@pytest.mark.parametrize("name", ["salt", "nonce"])
def test_a_changed_salt_or_nonce_is_refused(path: Path, name: str) -> None:
    fields = json.loads(path.read_bytes())
    part = fields["kdf"] if name == "salt" else fields["cipher"]
    part[name] = base64.b64encode(bytes(len(base64.b64decode(part[name])))).decode()
    path.write_text(json.dumps(fields))
    with pytest.raises(WrongPassword):
        open_keystore(path, PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"ciphertext": "AAAA"},
        {"ciphertext": "not base64!"},
        {"ciphertext": 5},
        {"kdf": {}},
        {"kdf": []},
        {"cipher": {"name": "chacha20-poly1305", "nonce": "AAAA"}},
        {"cipher": {"name": "rot13", "nonce": "AgICAgICAgICAgIC"}},
        {"extra": True},
    ],
    ids=str,
)
def test_a_file_of_another_shape_is_refused(path: Path, change: dict[str, object]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(MalformedKeystore):
        open_keystore(path, PASSWORD)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 4000, b" " * 5000])
def test_a_file_that_is_no_keystore_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(MalformedKeystore):
        open_keystore(path, PASSWORD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1 << 30),
        ("n", 1000),
        ("n", 0),
        ("n", 1024.0),
        ("n", "1024"),
        ("r", 0),
        ("r", 1 << 20),
        ("p", 0),
        ("p", 17),
        ("p", True),
        ("name", "pbkdf2"),
    ],
)
def test_a_file_cannot_ask_for_any_cost_it_likes(path: Path, name: str, value: object) -> None:
    fields = json.loads(path.read_bytes())
    fields["kdf"][name] = value
    path.write_text(json.dumps(fields))
    with pytest.raises(MalformedKeystore):
        open_keystore(path, PASSWORD)


def test_a_cost_out_of_range_is_not_written(tmp_path: Path, wallet: WalletSecrets) -> None:
    with pytest.raises(MalformedKeystore, match="GiB"):
        create_keystore(tmp_path / "wallet.json", PASSWORD, wallet, ScryptCost(n=1 << 30))
    assert list(tmp_path.iterdir()) == []


def test_the_default_cost_takes_128_mebibytes() -> None:
    cost = ScryptCost()
    assert 128 * cost.n * cost.r == 128 << 20
    assert cost.fault() is None


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_keystore(tmp_path / "nowhere.json", PASSWORD)


@pytest.mark.parametrize(
    ("seed", "owner_key"),
    [
        (b"\x01" * 31, b"\x01" * 32),
        (b"\x01" * 32, b"\x01" * 33),
        (b"\x01" * 32, bytes(32)),
        (b"\x01" * 32, ORDER.to_bytes(32, "big")),
    ],
    ids=["short seed", "long key", "zero key", "key not reduced"],
)
def test_secrets_that_cannot_be_are_refused(seed: bytes, owner_key: bytes) -> None:
    with pytest.raises(MalformedSecret):
        WalletSecrets(seed, owner_key)


def test_an_owner_key_can_be_brought_along() -> None:
    brought = WalletSecrets.with_owner_key(b"\x05" * 32)
    assert brought.owner_key == b"\x05" * 32
    assert brought.seed != WalletSecrets.with_owner_key(b"\x05" * 32).seed


def test_generated_secrets_do_not_repeat() -> None:
    first, second = WalletSecrets.generate(), WalletSecrets.generate()
    assert len({first.seed, first.owner_key, second.seed, second.owner_key}) == 4


def test_no_secret_shows_in_a_repr(wallet: WalletSecrets) -> None:
    assert repr(wallet) == "WalletSecrets(…)"
