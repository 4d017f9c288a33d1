"""A validator's signed message to its peers, and the memory of those already seen.

    digest = keccak("zkclear/v1/envelope" ‖ deployment ‖ sender ‖ sequence ‖ len(topic) ‖ topic ‖ payload)

with the sequence 8 bytes and the topic's length 2 bytes, both big-endian. Replaying an envelope replays its
digest; sending one payload twice on purpose takes a new sequence, so that a retried vote is not mistaken
for a replay.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from node.network.errors import EnvelopeRejected, IdentityRejected
from node.network.identity import Recover, Signer, require_signature

ENVELOPE_DOMAIN: Final = b"zkclear/v1/envelope"
TOPIC_BYTES: Final = 64
"""Longest topic, in UTF-8 bytes."""


@dataclass(frozen=True, slots=True)
class SignedEnvelope:
    """Sender (20 bytes), topic, payload, sequence (64 bit) and the sender's EIP-2098 signature (64 bytes)."""

    sender: bytes
    topic: str
    payload: bytes
    sequence: int
    signature: bytes

    def digest(self, deployment: bytes) -> bytes:
        """The 32 bytes that are signed and remembered."""
        return envelope_digest(deployment, self.sender, self.sequence, self.topic, self.payload)

    def __repr__(self) -> str:
        size = len(self.payload)
        return f"SignedEnvelope(0x{self.sender.hex()}, {self.topic}, {size} bytes, #{self.sequence})"


def envelope_digest(deployment: bytes, sender: bytes, sequence: int, topic: str, payload: bytes) -> bytes:
    """See the module's formula."""
    name = topic.encode()
    fixed = deployment + sender + sequence.to_bytes(8, "big") + len(name).to_bytes(2, "big")
    return bytes(keccak(ENVELOPE_DOMAIN + fixed + name + payload))


def require_sender(envelope: SignedEnvelope, digest: bytes, peer: bytes, recover: Recover) -> None:
    """Raises EnvelopeRejected unless `peer`, the other end of the session, signed the envelope's digest."""
    if envelope.sender != peer:
        raise EnvelopeRejected("the sender is not the peer of this session")
    try:
        require_signature(recover, digest, envelope.signature, peer, "the signature")
    except IdentityRejected as error:
        raise EnvelopeRejected(error.reason) from error


class EnvelopeWriter:
    """Signs one validator's envelopes. Sequences start at a random point, so that a restart repeats none."""

    def __init__(self, signer: Signer, deployment: bytes) -> None:
        self._signer = signer
        self._deployment = deployment
        self._sequence = secrets.randbits(31) << 32

    def write(self, topic: str, payload: bytes) -> SignedEnvelope:
        """Signs the payload under the next sequence.

        Raises EnvelopeRejected if the topic is empty or too long.
        """
        if not 0 < len(topic.encode()) <= TOPIC_BYTES:
            raise EnvelopeRejected(f"a topic has 1 to {TOPIC_BYTES} bytes")
        self._sequence += 1
        sender = self._signer.address
        digest = envelope_digest(self._deployment, sender, self._sequence, topic, payload)
        return SignedEnvelope(sender, topic, payload, self._sequence, self._signer.sign_digest(digest))


class SeenSet:
    """Remembers the last `capacity` digests; forgets the oldest first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, digest: bytes) -> None:
        """Remembers a digest; one already held keeps its age."""
        self._digests.setdefault(digest, None)
        if len(self._digests) > self._capacity:
            self._digests.popitem(last=False)
