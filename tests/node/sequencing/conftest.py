from collections.abc import AsyncIterator

import pytest

from tests.node.sequencing.world import Network
from tests.support.ledger import Setting, make_setting


@pytest.fixture(scope="session")
def setting() -> Setting:
    return make_setting()


@pytest.fixture
async def network(setting: Setting) -> AsyncIterator[Network]:
    made = Network(setting)
    yield made
    await made.close()
