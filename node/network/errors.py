"""What can go wrong between validators: one family, each member with the data a caller needs to act on it.

Addresses are 20 raw bytes; only the messages show them in hex.
"""

from dataclasses import dataclass


class NetworkError(Exception):
    """Root of every error that `node.network` raises on purpose."""


@dataclass
class IdentityRejected(NetworkError):
    """A certificate, binding or handshake that does not prove the validator it names."""

    reason: str

    def __str__(self) -> str:
        return f"identity rejected: {self.reason}"


@dataclass
class EnvelopeRejected(NetworkError):
    """An envelope whose sender, shape or signature is not what the connection it came over proves."""

    reason: str

    def __str__(self) -> str:
        return f"envelope rejected: {self.reason}"


@dataclass
class InvalidGossip(NetworkError):
    """Raised by a topic's handler: the payload can never have been valid, and its sender must have known.

    A payload that is merely stale, early or already held is no offence: the handler returns.
    """

    reason: str

    def __str__(self) -> str:
        return f"invalid gossip: {self.reason}"


@dataclass
class PeerUnavailable(NetworkError):
    """No session with this peer at the moment, or none that lives long enough."""

    peer: bytes

    def __str__(self) -> str:
        return f"no session with 0x{self.peer.hex()}"


@dataclass
class UnknownPeer(NetworkError):
    """An address that is not among this mesh's peers."""

    peer: bytes

    def __str__(self) -> str:
        return f"0x{self.peer.hex()} is not a peer"


@dataclass
class PeerMisbehaved(NetworkError):
    """A session ended because of what the peer did: spoke out of turn, or earned too high a penalty."""

    peer: bytes
    reason: str

    def __str__(self) -> str:
        return f"0x{self.peer.hex()} misbehaved: {self.reason}"


@dataclass
class PeerTooSlow(NetworkError):
    """A session ended because the peer did not read: its consensus queue is full, or a write hung."""

    peer: bytes
    queued: int

    def __str__(self) -> str:
        return f"0x{self.peer.hex()} does not keep up: {self.queued} frames wait"


@dataclass
class MessageTooLarge(NetworkError):
    """A payload above `PeerLimits.message_bytes`."""

    size: int
    limit: int

    def __str__(self) -> str:
        return f"{self.size} bytes, at most {self.limit}"


@dataclass
class TopicTaken(NetworkError):
    """A second handler for a topic."""

    topic: str

    def __str__(self) -> str:
        return f"topic {self.topic} has a handler already"


@dataclass
class FetchFailed(NetworkError):
    """A peer did not answer a fetch: `status` is the gRPC code's name."""

    peer: bytes
    status: str
    detail: str

    def __str__(self) -> str:
        return f"fetch from 0x{self.peer.hex()} failed: {self.status}: {self.detail}"
