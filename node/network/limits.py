"""What one peer may cost this node: rates, queue sizes, and penalties for sending what cannot be valid."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CRITICAL_TOPICS: Final = frozenset({"proposal", "vote", "certificate"})
"""Consensus: sent and handled before everything else, in order, never dropped while the session lives."""

Clock = Callable[[], float]
"""Seconds, monotone, of any origin."""


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Limits for each peer; sizes in bytes, rates per second, times in seconds.

    Outgoing: consensus and gossip wait in two queues. A full gossip queue drops its oldest frames
    (anti-entropy sends a durable topic's items again); a full consensus queue ends the session. A write
    that hangs for `write_timeout` ends it too. Incoming: above `envelopes_per_second` or `bytes_per_second`
    the node reads more slowly, which fills the peer's own queue. Gossip that arrives while `gossip_queue`
    items wait for their handler is dropped. Penalties: see `Conduct`.
    """

    message_bytes: int = 8 << 20
    critical_queue: int = 256
    critical_queue_bytes: int = 64 << 20
    gossip_queue: int = 4096
    gossip_queue_bytes: int = 32 << 20
    gossip_handlers: int = 8
    envelopes_per_second: float = 2000.0
    envelopes_burst: float = 4000.0
    bytes_per_second: float = 32e6
    bytes_burst: float = 64e6
    invalid_penalty: float = 10.0
    forged_penalty: float = 25.0
    throttle_at: float = 25.0
    disconnect_at: float = 95.0
    forgiveness_per_second: float = 1.0
    seen_envelopes: int = 65_536
    handshake_timeout: float = 5.0
    write_timeout: float = 20.0
    fetch_timeout: float = 20.0
    fetch_batches: int = 256
    fetch_streams: int = 2
    reconcile_interval: float = 3.0
    reconcile_items: int = 512
    reconcile_bytes: int = 8 << 20
    inventory_digests: int = 65_536
    reconnect_first: float = 0.1
    reconnect_last: float = 5.0
    keepalive_time: float = 10.0
    keepalive_timeout: float = 5.0

    def __post_init__(self) -> None:
        smallest = min(self.critical_queue_bytes, self.gossip_queue_bytes, self.bytes_burst, self.reconcile_bytes)
        if self.message_bytes > smallest:
            raise ValueError(f"a message of {self.message_bytes} bytes would fit no queue or burst of {smallest}")


class TokenBucket:
    """Admits `rate` units per second on average and `burst` at once, by telling how long to wait."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._at = clock()

    def take(self, units: float) -> float:
        """Takes the units at once, into debt if need be; returns the seconds until the debt is paid."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - units
        self._at = now
        return max(0.0, -self._level / self._rate)


class Conduct:
    """One peer's rates and penalties, across its sessions.

    Each offence adds to the score, and time takes away `forgiveness_per_second`. From `throttle_at` on the
    peer's gossip is dropped unread, while its consensus messages still count; from `disconnect_at` on it
    has no session at all.
    """

    def __init__(self, limits: PeerLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._score = 0.0
        self._at = clock()
        self._envelopes = TokenBucket(limits.envelopes_per_second, limits.envelopes_burst, clock)
        self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_burst, clock)

    def admit(self, size: int) -> float:
        """Counts one incoming frame of `size` bytes; returns the seconds to wait before reading the next."""
        return max(self._envelopes.take(1.0), self._bytes.take(size))

    @property
    def score(self) -> float:
        """The penalty as of now, ≥ 0."""
        elapsed = self._clock() - self._at
        return max(0.0, self._score - elapsed * self._limits.forgiveness_per_second)

    @property
    def throttled(self) -> bool:
        """Whether gossip of this peer is dropped at present."""
        return self.score >= self._limits.throttle_at

    @property
    def banned(self) -> bool:
        """Whether this peer may hold no session at present."""
        return self.score >= self._limits.disconnect_at

    def punish(self, penalty: float) -> None:
        """Adds a penalty to what is left of the earlier ones."""
        self._score = self.score + penalty
        self._at = self._clock()
