"""Live news inside the node: one publisher, many bounded subscribers. Used on the event loop's thread only."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Self, TypeVar

from node.api.errors import SlowReader

T = TypeVar("T")


class Subscription(Generic[T]):
    """What one subscriber has not read yet. Iterating waits for the next item."""

    def __init__(self, capacity: int, *, newest_only: bool) -> None:
        self._items: deque[T] = deque(maxlen=1 if newest_only else None)
        self._capacity = capacity
        self._lost = False
        self._arrived = asyncio.Event()

    def offer(self, item: T) -> None:
        """Adds an item; beyond the capacity the subscription is lost, and says so to its reader."""
        if self._items.maxlen is None and len(self._items) >= self._capacity:
            self._lost = True
        else:
            self._items.append(item)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next item.

        Raises:
            SlowReader: items were lost.
        """
        while not self._items and not self._lost:
            self._arrived.clear()
            await self._arrived.wait()
        if self._lost:
            raise SlowReader(f"more than {self._capacity} items behind")
        return self._items.popleft()


class Feed(Generic[T]):
    """Hands each published item to everybody who has subscribed."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription[T]] = set()

    def publish(self, item: T) -> None:
        """Offers an item to every subscription; never waits."""
        for subscription in self._subscriptions:
            subscription.offer(item)

    @contextmanager
    def subscribe(self, capacity: int) -> Iterator[Subscription[T]]:
        """Every item from now on, up to `capacity` unread."""
        with self._joined(Subscription(capacity, newest_only=False)) as subscription:
            yield subscription

    @contextmanager
    def follow(self) -> Iterator[Subscription[T]]:
        """The newest item each time: who reads slowly skips the ones between."""
        with self._joined(Subscription(1, newest_only=True)) as subscription:
            yield subscription

    @contextmanager
    def _joined(self, subscription: Subscription[T]) -> Iterator[Subscription[T]]:
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
