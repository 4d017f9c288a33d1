"""Validators with real keys and certificates, and meshes of them over loopback."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import coincurve
import grpc
from clearing.v1 import peer_pb2, peer_pb2_grpc
from eth_hash.auto import keccak
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from devnet.ports import free_port
from node.network import (
    CertificateAuthority,
    NodeIdentity,
    PeerAddress,
    PeerLimits,
    PeerMesh,
    issue_identity,
)
from node.network.envelope import EnvelopeWriter, SignedEnvelope
from node.network.handshake import Credentials
from node.network.session import envelope_frame
from node.network.transport import DialedStream, open_channel

DEPLOYMENT = keccak(b"a deployment of the tests")
QUICK = PeerLimits(
    reconnect_first=0.02, reconnect_last=0.1, handshake_timeout=2.0, reconcile_interval=0.1, fetch_timeout=2.0
)
"""Limits that make a test wait little."""


def address_of(public_key: bytes) -> bytes:
    """Ethereum address of an uncompressed secp256k1 public key (65 bytes)."""
    return keccak(public_key[1:])[12:]


def recover(digest: bytes, signature: bytes) -> bytes:
    """Address behind an EIP-2098 signature."""
    r, vs = signature[:32], int.from_bytes(signature[32:64], "big")
    parity, s = vs >> 255, (vs & ((1 << 255) - 1)).to_bytes(32, "big")
    key = coincurve.PublicKey.from_signature_and_message(r + s + bytes([parity]), digest, hasher=None)
    return address_of(key.format(compressed=False))


@dataclass(frozen=True)
class ValidatorKey:
    """A secp256k1 key; satisfies `node.network.Signer`."""

    key: coincurve.PrivateKey = field(default_factory=coincurve.PrivateKey, repr=False)

    @property
    def address(self) -> bytes:
        return address_of(self.key.public_key.format(compressed=False))

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self.key.sign_recoverable(digest, hasher=None)
        s = int.from_bytes(signature[32:64], "big") | signature[64] << 255
        return signature[:32] + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Validator:
    """One member of a test's validator set: where it listens and what it proves itself with."""

    key: ValidatorKey
    identity: NodeIdentity
    listen: PeerAddress

    @property
    def address(self) -> bytes:
        return self.key.address


class Pool:
    """The simplest durable pool: payloads by their keccak."""

    def __init__(self, *items: bytes) -> None:
        self.items = {keccak(item): item for item in items}

    def add(self, item: bytes) -> None:
        self.items[keccak(item)] = item

    def pool_digests(self) -> set[bytes]:
        return set(self.items)

    def pool_items(self, digests: list[bytes]) -> list[bytes]:
        return [self.items[digest] for digest in digests if digest in self.items]


class Received:
    """A handler that remembers what it was given."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes]] = []

    async def __call__(self, sender: bytes, payload: bytes) -> None:
        self.messages.append((sender, payload))


class Cable:
    """Carries bytes between one dialer and one listener, until it is cut without a word to either."""

    def __init__(self, target: PeerAddress) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> PeerAddress:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return replace(self._target, port=self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """From now on both ends hear nothing, and no connection is closed."""
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        self._tasks += [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits for a condition that other tasks bring about; fails the test after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def counted(mesh: PeerMesh, name: str, *labels: str) -> float:
    """Value of one of the mesh's counters."""
    counter = getattr(mesh.metrics, name)
    return (counter.labels(*labels) if labels else counter)._value.get()


class Network:
    """A validator set of which any member can be started, stopped and started again."""

    def __init__(self, size: int, authority: CertificateAuthority, stack: AsyncExitStack) -> None:
        keys = sorted((ValidatorKey() for _ in range(size)), key=lambda key: key.address)
        self.authority = authority
        self.validators = [
            Validator(
                key,
                issue_identity(authority, key.address),
                PeerAddress(key.address, "127.0.0.1", free_port()),
            )
            for key in keys
        ]
        self._stack = stack

    def mesh(self, index: int, limits: PeerLimits = QUICK, **options: object) -> PeerMesh:
        """A mesh of the member with this index, lowest address first; not started."""
        me = options.pop("as_validator", None) or self.validators[index]
        peers = options.pop("peers", None) or [validator.listen for validator in self.validators]
        mesh = PeerMesh(
            me.identity,
            me.key,
            recover,
            peers,
            DEPLOYMENT,
            limits,
            port=self.validators[index].listen.port,
            **options,
        )
        self._stack.push_async_callback(mesh.stop, 0.2)
        return mesh

    async def start(self, **options: object) -> list[PeerMesh]:
        """All members, fully connected."""
        meshes = [self.mesh(index, **options) for index in range(len(self.validators))]
        await asyncio.gather(*(mesh.start() for mesh in meshes))
        await until(lambda: all(len(mesh.connected) == len(meshes) - 1 for mesh in meshes))
        return meshes

    async def rogue(self, index: int, victim: int, as_validator: Validator | None = None) -> "Rogue":
        """A hand-driven dialer with the means of the member `index`, or of somebody else."""
        rogue = Rogue(as_validator or self.validators[index], self.validators[victim].listen)
        self._stack.push_async_callback(rogue.close)
        return rogue

    def impostor(self, index: int, **changes: object) -> Validator:
        """A copy of a member with some of its means replaced."""
        return replace(self.validators[index], **changes)


class Rogue:
    """A dialer that speaks the protocol by hand, so that it can break it."""

    def __init__(self, me: Validator, victim: PeerAddress, limits: PeerLimits = QUICK) -> None:
        self.credentials = Credentials(me.identity, me.key, recover, DEPLOYMENT)
        self.writer = EnvelopeWriter(me.key, DEPLOYMENT)
        self._channel = open_channel(me.identity, victim.target, victim.validator, limits)
        self._call = peer_pb2_grpc.PeerServiceStub(self._channel).Exchange()
        self.stream = DialedStream(self._call)

    async def greet(self, hello: peer_pb2.Hello | None = None) -> peer_pb2.Frame | None:
        """Sends a Hello, an honest one by default; returns the first frame of the answer."""
        await self.stream.write(peer_pb2.Frame(hello=hello or self.credentials.hello()))
        return await self.stream.read()

    async def join(self, victim: PeerMesh) -> None:
        """Greets honestly and waits until the victim holds the session."""
        await self.greet()
        await until(lambda: self.credentials.address in victim.connected)

    async def say(self, topic: str, payload: bytes, /, **changes: object) -> SignedEnvelope:
        """Sends an envelope, with some fields changed after the signing."""
        envelope = replace(self.writer.write(topic, payload), **changes)
        await self.repeat(envelope)
        return envelope

    async def repeat(self, envelope: SignedEnvelope) -> None:
        """Sends an envelope as it is."""
        await self.stream.write(envelope_frame(envelope).frame)

    async def status(self) -> grpc.StatusCode:
        """The status the victim ends the call with."""
        return await self._call.code()

    async def reason(self) -> str:
        """The ErrorInfo reason the victim ends the call with."""
        status = await rpc_status.aio.from_call(self._call)
        info = error_details_pb2.ErrorInfo()
        status.details[0].Unpack(info)
        return info.reason

    async def close(self) -> None:
        """Hangs up."""
        self._call.cancel()
        await self._channel.close()
