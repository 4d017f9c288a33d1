"""What one client may ask of a node: rates, open streams, sizes, times."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from node.api.errors import RateLimited, TooManyStreams
from node.ledger.messages import MAX_MESSAGE_BYTES

Clock = Callable[[], float]
"""Seconds, monotone, of any origin."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """Rates per second, sizes in bytes, times in seconds.

    A peer is an IP address; an account pays only for messages that its owner signed. A call without a deadline, or
    with a longer one, ends after `call_seconds`; streams have no end, but a reader that lets one write wait for
    `write_timeout`, or falls `stream_queue` items behind, loses its stream.
    """

    peer_calls_per_second: float = 200.0
    peer_calls_burst: float = 400.0
    account_messages_per_second: float = 20.0
    account_messages_burst: float = 60.0
    buckets: int = 65_536
    streams_per_peer: int = 64
    stream_queue: int = 1024
    page: int = 500
    write_timeout: float = 20.0
    call_seconds: float = 30.0
    request_bytes: int = 2 * MAX_MESSAGE_BYTES
    response_bytes: int = 8 << 20
    keepalive_time: float = 30.0
    keepalive_timeout: float = 10.0
    keepalive_least_interval: float = 5.0


class TokenBucket:
    """Admits `rate` calls per second on average and `burst` at once."""

    __slots__ = ("_at", "_burst", "_clock", "_level", "_rate")

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._at = clock()

    def take(self) -> float:
        """0 if a call is admitted, else the seconds until one will be; a refused call costs nothing."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1:
            return (1 - self._level) / self._rate
        self._level -= 1
        return 0.0


class BucketTable:
    """One bucket for each key, the `capacity` most recently used ones."""

    def __init__(self, rate: float, burst: float, capacity: int, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def admit(self, key: str) -> None:
        """Counts one call.

        Raises:
            RateLimited: the key's bucket is empty.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, self._clock)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        wait = bucket.take()
        if wait:
            raise RateLimited(key, wait)


class StreamSlots:
    """How many streams each peer holds open."""

    def __init__(self, per_peer: int) -> None:
        self._per_peer = per_peer
        self._open: dict[str, int] = {}

    @contextmanager
    def hold(self, peer: str) -> Iterator[None]:
        """One stream, until the block ends.

        Raises:
            TooManyStreams: the peer has as many as it may.
        """
        held = self._open.get(peer, 0)
        if held >= self._per_peer:
            raise TooManyStreams(self._per_peer)
        self._open[peer] = held + 1
        try:
            yield
        finally:
            self._open[peer] -= 1
            if not self._open[peer]:
                del self._open[peer]
