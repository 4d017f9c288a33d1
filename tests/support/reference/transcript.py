"""The transcript of design 2.1 over keccak-256."""

from eth_hash.auto import keccak

from tests.support.reference.curve import Point, R, Refused, number, words

PROTOCOL = b"zkclear/v2"


class Transcript:
    """The running state; a message's transcript and a purpose's differ in what they absorb first."""

    def __init__(self) -> None:
        self.state = keccak(PROTOCOL)

    def absorb(self, label: bytes, data: bytes) -> None:
        """state ← keccak(state ‖ len ‖ label ‖ len ‖ data)."""
        framed = len(label).to_bytes(4, "big") + label + len(data).to_bytes(4, "big") + data
        self.state = keccak(self.state + framed)

    def integer(self, label: bytes, value: int) -> None:
        """32 bytes, two's complement."""
        self.absorb(label, (value % (1 << 256)).to_bytes(32, "big"))

    def point(self, label: bytes, point: Point) -> None:
        """EIP-2537 words."""
        self.absorb(label, words(point))

    def scalar(self, label: bytes, value: int) -> None:
        """32 bytes."""
        self.absorb(label, number(value))

    def challenge(self, label: bytes) -> int:
        """The next state modulo r, zero refused."""
        self.state = keccak(self.state + label)
        return self._nonzero(int.from_bytes(self.state, "big") % R)

    def short(self, label: bytes) -> int:
        """The low half of the next state, zero refused."""
        self.state = keccak(self.state + label)
        return self._nonzero(int.from_bytes(self.state[16:], "big"))

    def _nonzero(self, value: int) -> int:
        if value == 0:
            raise Refused("a challenge is zero")
        return value


def message_transcript(
    kind: bytes, deployment: bytes, key_words: bytes, message: bytes, number: int, grid: bytes, parameters: bytes
) -> Transcript:
    """Deployment (84 bytes) with the bases, kind, message digest, round, grid and parameter digests."""
    transcript = Transcript()
    transcript.absorb(b"deployment", deployment + key_words)
    transcript.absorb(b"kind", kind)
    transcript.absorb(b"message", message)
    transcript.integer(b"round", number)
    transcript.absorb(b"grid", grid)
    transcript.absorb(b"parameters", parameters)
    return transcript


def purpose_transcript(kind: bytes, context: bytes) -> Transcript:
    """What a proof of equal logarithms starts from."""
    transcript = Transcript()
    transcript.absorb(b"purpose", kind)
    transcript.absorb(b"context", context)
    return transcript
