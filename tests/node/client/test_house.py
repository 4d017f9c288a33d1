"""What a client believes of a house, and how it turns decimal figures into whole units."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import grpc
import grpc.aio
import pytest
from clearing.v1 import ledger_service_pb2, market_service_pb2
from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.transcript import Deployment
from node.client import connection as connection_module
from node.client.connection import Connection
from node.client.errors import AmountInvalid, HouseRefused, HouseUnavailable, HouseUntrusted
from node.client.house import HouseTerms
from node.client.session import GridSource
from node.ledger.house_digest import house_digest
from node.ledger.types import AssetId, InstrumentId
from node.market.errors import UnknownInstrument
from node.market.instruments import Registry
from node.market.parameters import MarketParameters
from node.network import PeerAddress
from tests.node.network.validators import Cable
from tests.support.committee import deal_committee

PERPETUAL, COIN = InstrumentId("BTC-PERP"), AssetId("WBTC@31337")


@pytest.fixture
async def connection(served: Any) -> AsyncIterator[Connection]:
    opened = Connection(served.target)
    yield opened
    await opened.close()


@pytest.fixture
async def answer(connection: Connection) -> Any:
    return await connection.call(connection.market.GetDeployment, market_service_pb2.GetDeploymentRequest())


async def test_a_house_that_agrees_with_itself_is_believed(house: Any, answer: Any, served: Any) -> None:
    terms = HouseTerms.from_proto(answer, served.pin)
    assert terms.digest == served.pin
    assert terms.deployment == house.deployment
    assert terms.key == house.committee.key
    assert terms.parameters_digest == house.parameters_digest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("salt", bytes(32)),
        ("committee_key", bytes(48)),
        ("committee", b""),
        ("registry", b"not a registry"),
        ("market_parameters", b"\x00"),
        ("rules_digest", bytes(32)),
        ("parameters_digest", bytes(32)),
        ("house_digest", bytes(32)),
    ],
)
async def test_a_house_that_contradicts_itself_is_not_believed(answer: Any, field: str, value: bytes) -> None:
    setattr(answer, field, value)
    with pytest.raises(HouseUntrusted):
        HouseTerms.from_proto(answer)


def with_own_committee(answer: Any) -> None:
    """The node dealt this committee itself, and reads every commitment."""
    committee = deal_committee(1, 1).public
    answer.committee, answer.committee_key = committee.encode(), committee.key.encode()


def with_own_vault(answer: Any) -> None:
    answer.chains[0].vault = b"\xee" * 20


def with_own_auction(answer: Any) -> None:
    answer.chains[0].auction = b"\xee" * 20


def with_one_more_chain(answer: Any) -> None:
    answer.chains.add(chain_id=31338, vault=b"\xee" * 20, auction=b"\xee" * 20)


def with_own_validators(answer: Any) -> None:
    answer.validators.append(b"\xee" * 20)


def with_own_token(answer: Any) -> None:
    registry = Registry.decode(answer.registry)
    tokens = tuple(replace(asset, token=b"\xee" * 20) if asset.is_cash else asset for asset in registry.collateral)
    answer.registry = replace(registry, collateral=tokens).encode()


def with_own_parameters(answer: Any) -> None:
    market = MarketParameters.decode(answer.market_parameters)
    answer.market_parameters = replace(market, maintenance_floor_ppm=market.maintenance_floor_ppm - 1).encode()


def with_own_salt(answer: Any) -> None:
    answer.salt = bytes(32)


def consistent(answer: Any) -> Any:
    """With every digest computed anew: a lie that does not contradict itself."""
    registry, market = Registry.decode(answer.registry), MarketParameters.decode(answer.market_parameters)
    deployment = Deployment(answer.hub_chain_id, answer.hub, answer.salt)
    answer.deployment_digest = deployment.digest
    answer.parameters_digest = bytes(keccak(market.digest + registry.digest + answer.rules_digest))
    committee = CommitteeKey.decode(answer.committee)
    answer.house_digest = house_digest(
        deployment, committee, answer.parameters_digest, answer.validators, answer.chains
    )
    return answer


@pytest.mark.parametrize(
    "lie",
    [
        with_own_committee,
        with_own_vault,
        with_own_auction,
        with_one_more_chain,
        with_own_validators,
        with_own_token,
        with_own_parameters,
        with_own_salt,
    ],
)
async def test_a_node_that_lies_in_agreement_with_itself_does_not_pass_the_pin(
    answer: Any, served: Any, lie: Callable[[Any], None]
) -> None:
    lie(answer)
    lied = consistent(answer)
    assert HouseTerms.from_proto(lied).digest != served.pin, "without a pin nothing tells it from the truth"
    with pytest.raises(HouseUntrusted):
        HouseTerms.from_proto(lied, served.pin)


async def test_decimal_figures_become_whole_units_or_nothing(answer: Any) -> None:
    terms = HouseTerms.from_proto(answer)
    assert terms.units(COIN, "1.5") == 1_500_000
    assert terms.lots(PERPETUAL, Decimal("-0.25")) == -2_500
    assert terms.price(PERPETUAL, "10000.01") == 1_000_001
    with pytest.raises(AmountInvalid):
        terms.lots(PERPETUAL, "0.00005")
    with pytest.raises(UnknownInstrument):
        terms.lots(InstrumentId("DOGE-PERP"), 1)


async def test_a_grid_of_other_parameters_is_not_believed(served: Any) -> None:
    connection = Connection(served.target)
    response = await connection.call(connection.market.GetDeployment, market_service_pb2.GetDeploymentRequest())
    terms = HouseTerms.from_proto(response)
    assert (await GridSource(connection, terms).latest()).digest == served.node.grid.digest
    object.__setattr__(terms, "parameters_digest", bytes(32))
    with pytest.raises(HouseUntrusted):
        await GridSource(connection, terms).latest()
    await connection.close()


class Method:
    """A stub's method that fails as told, then answers."""

    def __init__(self, *codes: grpc.StatusCode) -> None:
        self.codes, self.deadlines = list(codes), []

    async def __call__(self, request: Any, timeout: float) -> str:  # noqa: ASYNC109 - gRPC's own parameter
        self.deadlines.append(timeout)
        if self.codes:
            empty = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(self.codes.pop(0), empty, empty, details="as told")
        return "answer"


async def test_a_call_is_sent_again_while_the_node_is_away_and_always_has_a_deadline(
    connection: Connection,
) -> None:
    method = Method(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert await connection.call(method, None) == "answer"
    assert method.deadlines == [10.0] * 3


async def test_a_node_that_stays_away_is_a_typed_error(connection: Connection) -> None:
    method = Method(*[grpc.StatusCode.UNAVAILABLE] * 9)
    with pytest.raises(HouseUnavailable) as away:
        await connection.call(method, None)
    assert away.value.code == "UNAVAILABLE"
    assert len(method.codes) == 3


async def test_a_node_that_falls_silent_does_not_hold_a_stream_open(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own options, with every time a fiftieth of what it is."""
    shorter = [(name, value // 50 if name.endswith("_ms") else value) for name, value in connection_module._OPTIONS]
    monkeypatch.setattr(connection_module, "_OPTIONS", shorter)
    host, port = served.target.split(":")
    cable = Cable(PeerAddress(bytes(20), host, int(port)))
    async with cable as through:
        connection = Connection(through.target)
        stream = connection.ledger.StreamEvents(ledger_service_pb2.StreamEventsRequest())
        await stream.read()
        waiting = asyncio.ensure_future(stream.read())
        await asyncio.sleep(1.0)
        assert not waiting.done()

        cable.cut()

        with pytest.raises(grpc.aio.AioRpcError) as gone:
            await asyncio.wait_for(waiting, 5.0)
        assert gone.value.code() is grpc.StatusCode.UNAVAILABLE
        await connection.close()


async def test_a_refusal_without_details_carries_the_grpc_code(connection: Connection) -> None:
    with pytest.raises(HouseRefused) as refused:
        await connection.call(Method(grpc.StatusCode.NOT_FOUND), None)
    assert (refused.value.reason, refused.value.code) == ("NOT_FOUND", "NOT_FOUND")
