import pytest

from tests.support.ledger import Setting, make_setting


@pytest.fixture(scope="session")
def setting() -> Setting:
    return make_setting()
