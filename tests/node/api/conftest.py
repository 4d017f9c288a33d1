from collections.abc import AsyncIterator

import pytest

from node.api import ClientServer, OperatorServer
from node.ledger.batch import Deposited
from tests.node.api.calls import Client, connect
from tests.node.api.fake import FakeNode
from tests.support.ledger import HUB_CHAIN, USD, Setting, Trader, make_setting, token


@pytest.fixture(scope="session")
def setting() -> Setting:
    return make_setting()


@pytest.fixture
def taker(setting: Setting) -> Trader:
    return Trader(setting, hollow=True)


@pytest.fixture
def maker(setting: Setting) -> Trader:
    return Trader(setting, hollow=True)


@pytest.fixture
def node(setting: Setting, taker: Trader, maker: Trader) -> FakeNode:
    """A house after its first oracle round, with both accounts open and 10,000 USD in each inbox."""
    made = FakeNode(setting, taker, maker)
    paid = [Deposited(t.id, token(HUB_CHAIN, "USD"), 10_000 * USD) for t in (taker, maker)]
    made.clearing.batch(events={HUB_CHAIN: paid})
    return made


@pytest.fixture
async def server(node: FakeNode) -> AsyncIterator[ClientServer]:
    made = ClientServer(node, "127.0.0.1:0")
    await made.start()
    yield made
    await made.stop(0)


@pytest.fixture
async def client(server: ClientServer) -> AsyncIterator[Client]:
    made = connect(server)
    yield made
    await made.channel.close()


@pytest.fixture
async def operator(node: FakeNode) -> AsyncIterator[Client]:
    server = OperatorServer(node, "127.0.0.1:0")
    await server.start()
    made = connect(server)
    yield made
    await made.channel.close()
    await server.stop(0)
