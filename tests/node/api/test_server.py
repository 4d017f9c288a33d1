"""The server around the services: health, reflection, TLS, deadlines, sizes, slow readers."""

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
import pytest
from clearing.v1 import ledger_service_pb2, market_service_pb2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from node.api import ApiLimits, ClientServer, server_credentials
from node.api.server import CLIENT_SERVICES
from node.ledger.effects import EventKind, event
from node.ledger.types import AccountId
from node.network import PeerAddress
from node.store import StoredEvent
from tests.node.api.calls import Client, connect, refusal
from tests.node.network.validators import Cable
from tests.support.ledger import HUB_CHAIN


async def health(client: Client, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(client.channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_health_answers_for_the_server_and_each_service(client, server):
    serving = health_pb2.HealthCheckResponse.SERVING
    assert [await health(client, name) for name in ("", *CLIENT_SERVICES)] == [serving] * (len(CLIENT_SERVICES) + 1)

    await server.set_serving(False)

    assert await health(client) == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_client_without_stubs_lists_and_calls_methods_by_reflection(server):
    """As grpcurl does: names, descriptors and JSON only."""

    def explore() -> tuple[list[str], dict]:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            services = sorted(database.get_services())
            pool = DescriptorPool(database)
            method = pool.FindServiceByName("clearing.v1.MarketService").FindMethodByName("ListInstruments")
            request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
            call = channel.unary_unary(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            return services, MessageToDict(call(ParseDict({"underlying": "BTC"}, request())))

    services, answer = await asyncio.to_thread(explore)

    assert set(CLIENT_SERVICES) | {"grpc.health.v1.Health"} <= set(services)
    assert "clearing.v1.OperatorService" not in services
    assert answer["instruments"][0]["underlying"] == "BTC"


async def test_a_taken_port_is_an_error_and_not_a_silent_second_server(node, server):
    second = ClientServer(node, f"127.0.0.1:{server.port}")

    with pytest.raises(RuntimeError):
        await second.start()


async def test_a_call_that_takes_too_long_is_ended_by_the_server(node):
    async def never(_: object) -> None:
        await asyncio.sleep(60)

    node.message_state = never
    server = ClientServer(node, "127.0.0.1:0", limits=ApiLimits(call_seconds=0.05))
    await server.start()
    client = connect(server)

    answer = await refusal(client.ledger.GetMessage(ledger_service_pb2.GetMessageRequest(message_id=bytes(32))))

    assert (answer.code, answer.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    await client.channel.close()
    await server.stop(0)


async def test_a_fault_of_the_node_says_internal_and_no_more(client, node):
    async def broken(_: object) -> None:
        raise KeyError("/srv/secret")

    node.message_state = broken

    answer = await refusal(client.ledger.GetMessage(ledger_service_pb2.GetMessageRequest(message_id=bytes(32))))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")


async def test_a_message_beyond_the_size_limit_is_refused(node):
    server = ClientServer(node, "127.0.0.1:0", limits=ApiLimits(request_bytes=1 << 16))
    await server.start()
    client = connect(server)
    request = ledger_service_pb2.GetMessageRequest(message_id=bytes(1 << 17))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.ledger.GetMessage(request)

    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    await client.channel.close()
    await server.stop(0)


class EndlessStore:
    """Has always more events, large ones."""

    def __init__(self) -> None:
        self.served = 0

    def events(self, after: int, limit: int, account: AccountId | None) -> list[StoredEvent]:
        self.served += limit
        filler = event(EventKind.ROUND, filler="x" * 100_000)
        return [StoredEvent(after + i, 1, filler) for i in range(1, limit + 1)]


async def read_to_the_end(stream) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_a_stream_that_nobody_reads_is_ended_with_a_typed_status(node):
    """The store is read no further than the connection's window reaches."""
    node.store = EndlessStore()
    server = ClientServer(node, "127.0.0.1:0", limits=ApiLimits(page=4, write_timeout=0.3))
    await server.start()
    client = connect(server)
    stream = client.ledger.StreamEvents(ledger_service_pb2.StreamEventsRequest())
    await stream.read()
    await asyncio.sleep(1.0)
    served = node.store.served

    answer = await refusal(read_to_the_end(stream))

    assert (answer.code, answer.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SLOW_READER")
    assert node.store.served == served
    await client.channel.close()
    await server.stop(0)


async def test_a_client_that_hangs_up_ends_its_subscription(client, node, taker):
    stream = client.market.StreamRounds(market_service_pb2.StreamRoundsRequest())
    await stream.read()
    assert len(node.batches._subscriptions) == 1

    stream.cancel()

    async with asyncio.timeout(5):
        while node.batches._subscriptions:
            await asyncio.sleep(0.01)


async def test_a_client_that_falls_silent_loses_its_stream_though_its_connection_stands(node):
    server = ClientServer(node, "127.0.0.1:0", limits=ApiLimits(keepalive_time=0.4, keepalive_timeout=0.4))
    await server.start()
    cable = Cable(PeerAddress(bytes(20), "127.0.0.1", server.port))
    async with cable as through:
        client = Client(grpc.aio.insecure_channel(through.target))
        stream = client.market.StreamRounds(market_service_pb2.StreamRoundsRequest())
        await stream.read()
        await asyncio.sleep(1.0)
        assert len(node.batches._subscriptions) == 1

        cable.cut()

        async with asyncio.timeout(5):
            while node.batches._subscriptions:
                await asyncio.sleep(0.01)
        await client.channel.close()
    await server.stop(0)


def self_signed() -> tuple[bytes, bytes]:
    """A key and a certificate for localhost, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return pem, certificate.public_bytes(encoding)


async def test_the_server_speaks_tls_where_credentials_are_given(node):
    key, chain = self_signed()
    server = ClientServer(node, "127.0.0.1:0", credentials=server_credentials(key, chain))
    await server.start()
    channel = grpc.aio.secure_channel(f"localhost:{server.port}", grpc.ssl_channel_credentials(chain))
    answer = await Client(channel).market.GetDeployment(market_service_pb2.GetDeploymentRequest())
    plain = connect(server)

    assert answer.hub_chain_id == HUB_CHAIN
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await plain.market.GetDeployment(market_service_pb2.GetDeploymentRequest())
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    await channel.close()
    await plain.channel.close()
    await server.stop(0)
