"""Brings a certified batch to the hub: the proposer at once, every other validator after its turn of waiting.

The hub takes one successor of each batch, so sending a commitment again does no harm: a second one reverts. It is sent
again until the batch, or another of its number, is final, since a reorganisation of the hub may undo a commitment.
"""

import asyncio

import structlog

from node.chains.errors import ChainError, TransactionReverted
from node.ledger.state import House
from node.ledger.types import Address, Digest
from node.sequencing.ports import Hub
from node.sequencing.votes import Certified
from node.store import Store, UnknownEntry

log = structlog.get_logger(__name__)


class Committer:
    """Commits of one node. `fallback` is the number of seconds between one validator's turn to relay and the next's."""

    def __init__(self, house: House, address: Address, hub: Hub, store: Store, fallback: float) -> None:
        self._house = house
        self._hub = hub
        self._store = store
        self._fallback = fallback
        self._place = house.validators.index(address)
        self._tasks: dict[bytes, asyncio.Task[None]] = {}

    def begin(self, certified: Certified, proposer: Address) -> None:
        """See to it that the batch reaches the hub; a second call for it changes nothing."""
        name = certified.commitment.batch_hash
        if name in self._tasks:
            return
        turns = (self._place - self._house.validators.index(proposer)) % len(self._house.validators)
        self._tasks[name] = asyncio.create_task(self._run(certified, turns * self._fallback), name="commit")

    async def stop(self) -> None:
        """The batch number is settled, or the node stops."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, certified: Certified, wait: float) -> None:
        while True:
            await asyncio.sleep(wait)
            await self._try(certified)
            wait = self._fallback * len(self._house.validators)

    async def _try(self, certified: Certified) -> None:
        commitment = certified.commitment
        try:
            if await self._hub.height() >= commitment.number:
                return
            transaction = await self._hub.commit(commitment, certified.certificate)
            await asyncio.to_thread(self._store.mark_sent, Digest(commitment.batch_hash), transaction)
        except TransactionReverted as error:
            log.info("commit_came_second", number=commitment.number, reason=error.reason)
        except ChainError as error:
            log.warning("commit_failed", number=commitment.number, error=str(error))
        except UnknownEntry:
            log.debug("committed_without_body", number=commitment.number)
