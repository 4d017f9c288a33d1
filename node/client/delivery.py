"""Whether a message that was sent has taken effect: polls its status until it is final, refused or expired."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from clearing.v1 import ledger_service_pb2

from node.client.connection import Connection
from node.client.errors import HouseRefused, MessageDropped
from node.ledger.types import Digest

MESSAGE_BLOCKS: Final = 64
"""Hub blocks that a message may take into a batch, before it is void."""
_POLL_SECONDS: Final = 0.1
_SLOWEST_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sending:
    """A signed message, how to send it (again), and its last hub block."""

    message_id: Digest
    expiry: int
    send: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Progress:
    """What the node knows of a message: its final batch, if any; why it was refused; else whether it may still land."""

    batch: int | None = None
    refusal: HouseRefused | None = None
    certified: bool = False
    """A quorum signed a batch with it."""
    unknown: bool = False
    """The node never saw it, or dropped it."""

    @property
    def may_land(self) -> bool:
        """Whether it is in the node's pool or in a batch that is not final yet."""
        return self.batch is None and self.refusal is None and not self.unknown


async def progress(connection: Connection, message_id: Digest) -> Progress:
    """How far a message has come. Raises HouseRefused and HouseUnavailable for the call itself."""
    request = ledger_service_pb2.GetMessageRequest(message_id=message_id)
    try:
        response = await connection.call(connection.ledger.GetMessage, request)
    except HouseRefused as error:
        if error.code != "NOT_FOUND":
            raise
        return Progress(unknown=True)
    if response.status == ledger_service_pb2.MESSAGE_STATUS_REFUSED:
        refusal = response.refusal
        return Progress(refusal=HouseRefused(refusal.reason, refusal.detail, dict(refusal.metadata)))
    if response.status == ledger_service_pb2.MESSAGE_STATUS_FINAL:
        return Progress(batch=response.batch)
    return Progress(certified=response.status == ledger_service_pb2.MESSAGE_STATUS_CERTIFIED)


async def until_final(connection: Connection, sending: Sending, height: Callable[[], Awaitable[int]]) -> int:
    """The number of the final batch that holds the message; `height` is the hub block of the last final batch.

    Raises:
        MessageDropped: its last hub block has passed without it.
        HouseRefused: it was refused after it had been taken in, or when it was sent again.
        HouseUnavailable: the node is away.
    """
    pause = _POLL_SECONDS
    while True:
        # The height is read before the status: a message that is not final afterwards was not in time.
        now = await height()
        found = await progress(connection, sending.message_id)
        if found.batch is not None:
            return found.batch
        if found.refusal is not None:
            raise found.refusal
        if now > sending.expiry and not found.certified:
            raise MessageDropped(sending.message_id)
        if found.unknown:
            # The node came back with an empty pool; a message is known by its digest, so twice is once.
            await sending.send()
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, _SLOWEST_POLL_SECONDS)
