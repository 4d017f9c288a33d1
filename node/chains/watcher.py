"""Follows one chain's final blocks: their headers, linked by parent hash, and the house's events in them.

Nothing is reported before the chain calls its block `finalized`; what a reorganisation removes before that
was never seen here. A final block that changes afterwards stops the watcher with FinalityReverted: the node
must not act on that chain any more. An endpoint that is away is waited for, with growing pauses.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from node.chains.errors import (
    BlockBeforeStart,
    BlockNotFinal,
    ChainError,
    FinalityReverted,
    RpcRefused,
    RpcUnavailable,
    WatcherStopped,
)
from node.chains.events import EVENT_TOPICS, ChainEvent, decode_log, unhex
from node.chains.rpc import Connection, request, request_batch, require_chain

SPAN: Final = 100
"""Most blocks fetched in one step while catching up."""
_LONGEST_PAUSE: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Header:
    """A block: number, hash, parent's hash, and its timestamp in unix seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int


class ChainWatcher:
    """Watches chain `chain_id` behind `w3` from block `start` (the deployment, or a checkpoint) on.

    `contracts` are the addresses whose events count. All headers and events from `start` on are kept in
    memory, about 300 bytes each. With `anchor`, the hash that block `anchored` (without it: `start`) had when it
    was stored, a chain that changed below it is noticed too. Nothing happens before `start()`.
    """

    def __init__(
        self,
        w3: Connection,
        chain_id: int,
        contracts: Sequence[bytes],
        *,
        start: int = 0,
        anchor: bytes | None = None,
        anchored: int | None = None,
        poll_interval: float = 0.1,
    ) -> None:
        self.chain_id = chain_id
        self.reachable = False
        """Whether the endpoint answered the last poll."""
        self._w3 = w3
        self._filter = {
            "address": ["0x" + contract.hex() for contract in contracts],
            "topics": [["0x" + topic.hex() for topic in EVENT_TOPICS]],
        }
        self._start = start
        self._anchor = anchor
        self._anchored = start if anchored is None else anchored
        self._poll_interval = poll_interval
        self._headers: list[Header] = []
        self._events: dict[int, tuple[ChainEvent, ...]] = {}
        self._subscribers: list[Callable[[Header], None]] = []
        self._changed = asyncio.Condition()
        self._failure: ChainError | None = None
        self._task: asyncio.Task[None] | None = None

    # Reading what is final. Pure memory: no request is made.

    @property
    def final(self) -> Header:
        """The newest final block. Raises BlockNotFinal before the first poll reached block `start`."""
        self._check()
        if not self._headers:
            raise BlockNotFinal(self.chain_id, self._start, self._start - 1)
        return self._headers[-1]

    @property
    def failure(self) -> ChainError | None:
        """Why the watcher gave up on the chain, if it did."""
        return self._failure

    def header(self, number: int) -> Header:
        """The final block `number`. Raises BlockNotFinal or BlockBeforeStart."""
        return self.headers(number, number)[0]

    def headers(self, first: int, last: int) -> tuple[Header, ...]:
        """Final blocks `first` to `last`, both included. Raises BlockNotFinal or BlockBeforeStart."""
        self._check()
        if first < self._start:
            raise BlockBeforeStart(self.chain_id, first, self._start)
        final = self._start + len(self._headers) - 1
        if last > final:
            raise BlockNotFinal(self.chain_id, last, final)
        return tuple(self._headers[first - self._start : last + 1 - self._start])

    def events(self, first: int, last: int) -> tuple[ChainEvent, ...]:
        """The events of final blocks `first` to `last`, both included, in the chain's order."""
        return tuple(event for header in self.headers(first, last) for event in self._events.get(header.number, ()))

    def header_at_or_before(self, timestamp: int) -> Header:
        """The newest final block whose timestamp is not after `timestamp` (unix seconds).

        A block that becomes final later may fit better; ask once `final.timestamp` has passed `timestamp` for
        the settled answer. Raises BlockBeforeStart if every watched block is younger.
        """
        self._check()
        position = bisect_right(self._headers, timestamp, key=lambda header: header.timestamp)
        if position == 0:
            raise BlockBeforeStart(self.chain_id, timestamp, self._start)
        return self._headers[position - 1]

    def subscribe(self, callback: Callable[[Header], None]) -> Callable[[], None]:
        """Call `callback` with each newly final header, in order; returns what ends the subscription."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def wait_final(self, number: int) -> Header:
        """Wait until block `number` is final. Raises what the watcher failed with, or WatcherStopped."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None or self._start + len(self._headers) > number)
        return self.header(number)

    # Following the chain.

    async def start(self) -> None:
        """Check that the endpoint serves this chain, and begin to follow it.

        Raises WrongChain, or RpcUnavailable if the endpoint is away.
        """
        await require_chain(self._w3, self.chain_id)
        self._task = asyncio.create_task(self._run(), name=f"watcher of chain {self.chain_id}")

    async def stop(self) -> None:
        """Stop following. Whoever waits for a block gets WatcherStopped."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _fail(self, failure: ChainError) -> None:
        async with self._changed:
            self._failure = failure
            self._changed.notify_all()

    async def _run(self) -> None:
        try:
            await self._follow()
        except ChainError as error:
            _log.error("chain_failed", chain_id=self.chain_id, error=str(error))
            await self._fail(error)
        finally:
            # However this task ends, nobody may go on waiting for it.
            if self._failure is None:
                await self._fail(WatcherStopped(self.chain_id))

    async def _follow(self) -> None:
        pause = self._poll_interval
        while True:
            try:
                behind = await self._poll()
                if not self.reachable:
                    _log.info("chain_reachable", chain_id=self.chain_id)
                self.reachable, pause = True, 0.0 if behind else self._poll_interval
            except (RpcUnavailable, RpcRefused) as error:
                if self.reachable:
                    _log.warning("chain_unreachable", chain_id=self.chain_id, error=str(error))
                self.reachable, pause = False, min(2 * max(pause, self._poll_interval), _LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _poll(self) -> bool:
        """One look at the chain; True if there is more to fetch at once."""
        newest = _header(await request(self._w3, "eth_getBlockByNumber", "finalized", False))
        following = self._start + len(self._headers)
        if newest.number < following:
            await self._check_unmoved(newest)
            return False
        last = min(newest.number, following + SPAN - 1)
        blocks = [("eth_getBlockByNumber", [hex(number), False]) for number in range(following, last + 1)]
        query = {**self._filter, "fromBlock": hex(following), "toBlock": hex(last)}
        *raw_headers, logs = await request_batch(self._w3, [*blocks, ("eth_getLogs", [query])])
        headers = [_header(raw) for raw in raw_headers]
        self._check_linked(headers)
        await self._extend(headers, self._decode(headers, logs))
        return last < newest.number

    async def _check_unmoved(self, newest: Header) -> None:
        # An endpoint that has fallen behind, or one of several, may show an older final block: that one must
        # be ours. One whose final block is older than `start` says nothing about the blocks watched.
        if newest.number >= self._start:
            known = self._headers[newest.number - self._start]
            if known.hash != newest.hash:
                raise FinalityReverted(self.chain_id, newest.number, known.hash, newest.hash)

    def _check_linked(self, headers: Sequence[Header]) -> None:
        previous = self._headers[-1] if self._headers else None
        for header in headers:
            if header.number == self._anchored and self._anchor not in (None, header.hash):
                raise FinalityReverted(self.chain_id, header.number, self._anchor or b"", header.hash)
            if previous is not None and header.parent_hash != previous.hash:
                raise FinalityReverted(self.chain_id, previous.number, previous.hash, header.parent_hash)
            previous = header

    def _decode(self, headers: Sequence[Header], logs: Sequence[Any]) -> dict[int, tuple[ChainEvent, ...]]:
        hashes = {header.number: header.hash for header in headers}
        events = sorted((decode_log(self.chain_id, log) for log in logs), key=lambda e: (e.block_number, e.log_index))
        grouped: dict[int, tuple[ChainEvent, ...]] = {}
        for event in events:
            if hashes.get(event.block_number) != event.block_hash:
                expected = hashes.get(event.block_number, b"")
                raise FinalityReverted(self.chain_id, event.block_number, expected, event.block_hash)
            grouped[event.block_number] = (*grouped.get(event.block_number, ()), event)
        return grouped

    async def _extend(self, headers: Sequence[Header], events: dict[int, tuple[ChainEvent, ...]]) -> None:
        async with self._changed:
            self._headers.extend(headers)
            self._events.update(events)
            self._changed.notify_all()
        for header in headers:
            for callback in self._subscribers:
                # Not called from here: what a subscriber raises must not end the watching.
                asyncio.get_running_loop().call_soon(callback, header)


def _header(raw: Any) -> Header:
    if raw is None:
        raise RpcUnavailable("eth_getBlockByNumber", "the endpoint does not know the block")
    return Header(int(raw["number"], 16), unhex(raw["hash"]), unhex(raw["parentHash"]), int(raw["timestamp"], 16))
