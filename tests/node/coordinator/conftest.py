from pathlib import Path

import pytest

from tests.support.ledger import Setting, make_setting


@pytest.fixture(scope="session")
def setting() -> Setting:
    return make_setting()


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where committee members keep their table of logarithms, which takes some seconds to make."""
    return tmp_path_factory.mktemp("logarithms") / "table.bin"
