import pytest
from coincurve import PrivateKey

from tests.support.ledger import Setting, Trader, address_of, make_setting


@pytest.fixture(scope="session")
def setting() -> Setting:
    """A house without a backstop account."""
    return make_setting()


@pytest.fixture(scope="session")
def backstop_key() -> PrivateKey:
    return PrivateKey()


@pytest.fixture(scope="session")
def backed(backstop_key: PrivateKey) -> Setting:
    """A house whose backstop's owner is `backstop_key`."""
    return make_setting(address_of(backstop_key))


@pytest.fixture
def backstop(backed: Setting, backstop_key: PrivateKey) -> Trader:
    return Trader(backed, key=backstop_key, hollow=True)
