"""Bounded queues between a session and the rest of the node. Every bound is on items and on bytes."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Sized(Generic[T]):
    item: T
    size: int


class Lane(Generic[T]):
    """First in, first out, within `max_items` and `max_bytes`.

    What happens when full is the caller's choice of method.
    """

    def __init__(self, max_items: int, max_bytes: int, arrived: asyncio.Event | None = None) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: deque[_Sized[T]] = deque()
        self._bytes = 0
        self._arrived = arrived or asyncio.Event()
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, item: T, size: int) -> bool:
        """Appends the item if there is room; False if not."""
        if not self._has_room(size):
            return False
        self._items.append(_Sized(item, size))
        self._bytes += size
        self._arrived.set()
        return True

    def push(self, item: T, size: int) -> int:
        """Appends the item, dropping from the oldest on until it fits; returns how many were dropped."""
        dropped = 0
        while self._items and not self._has_room(size):
            self.pop()
            dropped += 1
        return dropped if self.offer(item, size) else dropped + 1

    async def put(self, item: T, size: int) -> None:
        """Appends the item once there is room."""
        while not self.offer(item, size):
            self._left.clear()
            await self._left.wait()

    async def get(self) -> T:
        """Takes the oldest item once there is one."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self.pop()

    def pop(self) -> T:
        """Takes the oldest item now. Raises IndexError if there is none."""
        taken = self._items.popleft()
        self._bytes -= taken.size
        self._left.set()
        return taken.item

    def _has_room(self, size: int) -> bool:
        return len(self._items) < self._max_items and self._bytes + size <= self._max_bytes


class Outbox(Generic[T]):
    """What waits to be written to one peer: consensus first, then gossip."""

    def __init__(self, critical_items: int, critical_bytes: int, gossip_items: int, gossip_bytes: int) -> None:
        self._arrived = asyncio.Event()
        self._critical: Lane[T] = Lane(critical_items, critical_bytes, self._arrived)
        self._gossip: Lane[T] = Lane(gossip_items, gossip_bytes, self._arrived)

    def __len__(self) -> int:
        return len(self._critical) + len(self._gossip)

    def offer_critical(self, item: T, size: int) -> bool:
        """Queues a consensus frame; False if the queue is full, and then the peer must be let go."""
        return self._critical.offer(item, size)

    def push_gossip(self, item: T, size: int) -> int:
        """Queues a gossip frame; returns how many of the oldest were dropped for it."""
        return self._gossip.push(item, size)

    async def get(self) -> T:
        """The next frame to write."""
        while not len(self):
            self._arrived.clear()
            await self._arrived.wait()
        return self._critical.pop() if len(self._critical) else self._gossip.pop()
