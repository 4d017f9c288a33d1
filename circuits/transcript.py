"""Fiat–Shamir transcript over keccak-256 and EIP-2537 words, so that a contract recomputes every challenge.

    absorb:    state ← keccak(state ‖ len(label) ‖ label ‖ len(data) ‖ data)      lengths: 4 bytes big-endian
    challenge: state ← keccak(state ‖ label), read modulo r, zero refused

Leaving a public input or a prover-sent value out of the transcript is the "Frozen Heart" class of forgeries;
every statement therefore starts from a `ProofContext`, which names the deployment, the message and the oracle
round.
"""

from dataclasses import dataclass
from typing import Final

from sha3 import keccak_256

from circuits.errors import ProofRejected
from circuits.group import ZERO, Point, Scalar, encode_scalar, point_words

PROTOCOL: Final = b"zkclear/v2"


def _keccak(data: bytes) -> bytes:
    return bytes(keccak_256(data).digest())


@dataclass(frozen=True, slots=True)
class Deployment:
    """One clearing house: the hub chain's id, the hub's address (20 bytes), a random salt (32 bytes)."""

    hub_chain_id: int
    hub: bytes
    salt: bytes

    def encode(self) -> bytes:
        """84 bytes: chain id (32, big-endian), hub, salt."""
        return self.hub_chain_id.to_bytes(32, "big") + self.hub + self.salt

    @property
    def digest(self) -> bytes:
        """keccak of abi.encode(chain id, hub, salt): 32 bytes that name this deployment everywhere else."""
        return _keccak(self.hub_chain_id.to_bytes(32, "big") + bytes(12) + self.hub + self.salt)


@dataclass(frozen=True, slots=True)
class ProofContext:
    """What every proof of a message is bound to; the three digests have 32 bytes each."""

    deployment: Deployment
    message_digest: bytes
    round: int
    grid_digest: bytes
    parameters_digest: bytes


class Transcript:
    """A running hash that prover and verifier feed alike."""

    __slots__ = ("_state",)

    def __init__(self, kind: bytes, context: ProofContext, key_words: bytes) -> None:
        """`kind` names the relation; `key_words` are the public bases (H, B, the generators' digest)."""
        self._state = _keccak(PROTOCOL)
        self.absorb(b"deployment", context.deployment.encode() + key_words)
        self.absorb(b"kind", kind)
        self.absorb(b"message", context.message_digest)
        self.absorb_integer(b"round", context.round)
        self.absorb(b"grid", context.grid_digest)
        self.absorb(b"parameters", context.parameters_digest)

    def absorb(self, label: bytes, data: bytes) -> None:
        """Mix in labelled bytes."""
        framed = len(label).to_bytes(4, "big") + label + len(data).to_bytes(4, "big") + data
        self._state = _keccak(self._state + framed)

    def absorb_integer(self, label: bytes, value: int) -> None:
        """Mix in a signed integer of at most 256 bits, two's complement."""
        self.absorb(label, value.to_bytes(32, "big", signed=True))

    def absorb_point(self, label: bytes, point: Point) -> None:
        """Mix in a point as EIP-2537 words."""
        self.absorb(label, point_words(point))

    def absorb_scalar(self, label: bytes, value: Scalar) -> None:
        """Mix in a scalar as 32 bytes."""
        self.absorb(label, encode_scalar(value))

    def challenge(self, label: bytes) -> Scalar:
        """A full-size challenge.

        Raises:
            ProofRejected: the challenge is zero, which has probability 2^-255 for an honest prover.
        """
        self._state = _keccak(self._state + label)
        value = Scalar.from_be_bytes_mod_order(self._state)
        if value == ZERO:
            raise ProofRejected(f"challenge {label.decode()} is zero")
        return value

    def short_challenge(self, label: bytes) -> Scalar:
        """A challenge in [1, 2^128) for the folding rounds, where it halves the work: the state's low half.

        Raises:
            ProofRejected: the challenge is zero.
        """
        self._state = _keccak(self._state + label)
        value = int.from_bytes(self._state[16:], "big")
        if value == 0:
            raise ProofRejected(f"challenge {label.decode()} is zero")
        return Scalar(value)

    @property
    def state(self) -> bytes:
        """The 32 bytes that everything absorbed so far has led to; a prover's nonces are derived from it."""
        return self._state
