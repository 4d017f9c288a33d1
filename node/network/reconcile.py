"""Anti-entropy of durable topics: what one pool lacks and the other holds is found by digests and sent.

Every interval, and once when a session starts, each side sends the digest of its pool. A side whose own
differs answers with its inventory, and the first sends what is missing there. Peers do not forward, so this
is also what heals a message lost by a full queue or while a node was away.
"""

import bisect
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from clearing.v1 import peer_pb2
from eth_hash.auto import keccak

from node.network.limits import Clock, PeerLimits

CACHE_SECONDS: Final = 0.25
"""How long a computed pool digest serves; N peers ask for it in every interval."""


class DurablePool(Protocol):
    """The items of one topic that every node should come to hold."""

    def pool_digests(self) -> Collection[bytes]:
        """A 32-byte digest for each item held; every node must compute the same for the same item."""

    def pool_items(self, digests: Collection[bytes]) -> Sequence[bytes]:
        """The payloads of those digests that are still held, in the order peers should see them."""


class Reconciler:
    """The decisions of anti-entropy, without the sending."""

    def __init__(self, pools: Mapping[str, DurablePool], limits: PeerLimits, clock: Clock) -> None:
        self._pools = pools
        self._limits = limits
        self._clock = clock
        self._cache: dict[str, tuple[float, bytes]] = {}

    def summaries(self) -> list[peer_pb2.PoolSummary]:
        """One for each durable topic."""
        return [peer_pb2.PoolSummary(topic=topic, digest=self._summary(topic)) for topic in self._pools]

    def answer(self, summary: peer_pb2.PoolSummary) -> peer_pb2.PoolInventory | None:
        """This node's inventory, if its pool differs from the summary's."""
        if summary.topic not in self._pools or summary.digest == self._summary(summary.topic):
            return None
        held = sorted(self._pools[summary.topic].pool_digests())
        limit = self._limits.inventory_digests
        return peer_pb2.PoolInventory(topic=summary.topic, digests=held[:limit], truncated=len(held) > limit)

    def missing(self, inventory: peer_pb2.PoolInventory) -> list[bytes]:
        """Payloads held here and not listed there, no more than one round may send."""
        pool = self._pools.get(inventory.topic)
        if pool is None:
            return []
        listed = set(inventory.digests)
        lacking = sorted(set(pool.pool_digests()) - listed)
        if inventory.truncated and listed:
            lacking = lacking[: bisect.bisect_right(lacking, max(listed))]
        return self._within_bytes(pool.pool_items(lacking[: self._limits.reconcile_items]))

    def _within_bytes(self, items: Sequence[bytes]) -> list[bytes]:
        chosen, room = [], self._limits.reconcile_bytes
        for item in items:
            room -= len(item)
            if room < 0:
                break
            chosen.append(item)
        return chosen

    def _summary(self, topic: str) -> bytes:
        """keccak of the sorted digests."""
        at, digest = self._cache.get(topic, (-CACHE_SECONDS, b""))
        if not digest or self._clock() - at >= CACHE_SECONDS:
            digest = bytes(keccak(b"".join(sorted(self._pools[topic].pool_digests()))))
            self._cache[topic] = (self._clock(), digest)
        return digest
