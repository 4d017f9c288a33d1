import os
from pathlib import Path

import pytest

from node.chains.certificates import ValidatorKey
from node.errors import ConfigInvalid
from node.secret_files import load_committee_share, load_validator_key


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    os.chmod(path, mode)
    return path


def test_a_validator_key_is_read_from_its_file(tmp_path: Path):
    key = ValidatorKey.generate()

    assert load_validator_key(write(tmp_path / "key", key.secret.hex() + "\n")).address == key.address


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int):
    path = write(tmp_path / "key", ValidatorKey.generate().secret.hex(), mode)

    with pytest.raises(ConfigInvalid, match="0600"):
        load_validator_key(path)


@pytest.mark.parametrize("text", ["", "zz", "00" * 32, "11" * 31])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: str):
    with pytest.raises(ConfigInvalid) as caught:
        load_validator_key(write(tmp_path / "key", text))

    assert not text or text not in str(caught.value)


def test_a_missing_share_is_named(tmp_path: Path):
    with pytest.raises(ConfigInvalid, match="committee_share"):
        load_committee_share(tmp_path / "share")


def test_what_is_no_share_is_refused(tmp_path: Path):
    with pytest.raises(ConfigInvalid, match="committee_share"):
        load_committee_share(write(tmp_path / "share", "00" * 35))
