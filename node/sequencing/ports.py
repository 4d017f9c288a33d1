"""What sequencing needs of the world, as protocols: chains, peers, the hub. The daemon passes the real ones in."""

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from node.chains.certificates import BatchCommitment, Certificate
from node.chains.events import ChainEvent
from node.chains.watcher import Header

Clock = Callable[[], float]
"""Seconds, monotone, of any origin."""
Handler = Callable[[bytes, bytes], Awaitable[None]]
"""(sender's address, payload); raises node.network.errors.InvalidGossip where the sender must have known better."""


class ChainView(Protocol):
    """One chain's final blocks as this node sees them (`node.chains.watcher.ChainWatcher`)."""

    chain_id: int

    @property
    def final(self) -> Header:
        """The newest final block. Raises ChainError."""

    def header(self, number: int) -> Header:
        """A final block. Raises BlockNotFinal, BlockBeforeStart."""

    def events(self, first: int, last: int) -> tuple[ChainEvent, ...]:
        """The house's events of final blocks first … last. Raises BlockNotFinal, BlockBeforeStart."""

    async def wait_final(self, number: int) -> Header:
        """Waits until the block is final. Raises ChainError."""


class Mesh(Protocol):
    """The other validators (`node.network.PeerMesh`)."""

    @property
    def connected(self) -> Collection[bytes]:
        """Addresses of peers with a live session."""

    def on(self, topic: str, handler: Handler) -> None:
        """Registers the one handler of a topic."""

    def on_connect(self, callback: Callable[[bytes], Awaitable[None]]) -> None:
        """Adds a callback for every session that begins."""

    async def broadcast(self, topic: str, payload: bytes) -> Collection[bytes]:
        """Queues a payload for every connected peer."""

    async def send(self, address: bytes, topic: str, payload: bytes) -> None:
        """Queues a payload for one peer. Raises NetworkError."""

    async def fetch_batches(self, peer: bytes, first: int, count: int) -> list[bytes]:
        """Bodies of batches from `first` on, unverified. Raises NetworkError."""


class Hub(Protocol):
    """The hub contract, to be written to."""

    async def height(self) -> int:
        """Number of the last committed batch at the head of the chain, final or not. Raises ChainError."""

    async def commit(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        """Sends the commitment, waits for its block; the transaction's hash. Raises TransactionReverted, ChainError."""
