"""Follows one account's postings into its wallet, batch by batch, so that the openings always are those of one batch.

Postings are held back until the stream says that a batch is complete; a gap, a posting that cannot follow, or an
opening that is not the ledger's ends the follower, and everyone who waits on it gets the error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from clearing.v1 import account_service_pb2

from node.client.connection import Connection
from node.client.errors import HouseUnavailable, HouseUntrusted
from node.client.holdings import Holdings
from node.client.views import AccountView, AsOf, NumberedPosting
from node.client.wallet import AccountWallet

_VIEW_ATTEMPTS: Final = 20


class PostingFollower:
    """Runs as a background task between `start` and `stop`."""

    def __init__(self, connection: Connection, wallet: AccountWallet) -> None:
        self._connection, self._wallet = connection, wallet
        self._changed = asyncio.Condition()
        self._held: list[NumberedPosting] = []
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        self.history: list[NumberedPosting] = []
        """Every posting that the wallet has replayed, in order."""
        self.as_of: AsOf | None = None
        """The batch that the wallet stands at; None until the past is complete."""

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._run(), name="postings")

    async def stop(self) -> None:
        """End the task; nothing is replayed afterwards."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait_for(self, reached: Callable[[AsOf], bool]) -> AsOf:
        """Wait until `reached` holds of the batch the wallet stands at; it is asked again after each batch.

        Raises:
            ClientError: why the follower ended.
        """
        async with self._changed:
            while True:
                if self._ended:
                    raise self._reason()
                if self.as_of is not None and reached(self.as_of):
                    return self.as_of
                await self._changed.wait()

    def _reason(self) -> BaseException:
        task = self._task
        failure = task.exception() if task is not None and task.done() and not task.cancelled() else None
        return failure or HouseUnavailable("StreamPostings", "CANCELLED", "the account was closed")

    async def through(self, batch: int) -> AsOf:
        """Wait until the wallet has replayed everything up to `batch`. Raises as `wait_for`."""
        return await self.wait_for(lambda as_of: as_of.batch >= batch)

    async def height(self) -> int:
        """The hub block of the batch that the wallet stands at. Raises as `wait_for`."""
        return (await self.through(0)).hub_block

    async def next_batch(self) -> AsOf:
        """Wait for one more batch than the wallet stands at. Raises as `wait_for`."""
        now = -1 if self.as_of is None else self.as_of.batch
        return await self.through(now + 1)

    async def view(self) -> AccountView:
        """The account's public state at the batch that the wallet stands at, with every opening checked against it.

        Raises:
            WalletDiverged: an opening is not that of the ledger's commitment.
            HouseRefused, HouseUnavailable, HouseUntrusted: the node's answer.
            ClientError: why the follower ended.
        """
        for _ in range(_VIEW_ATTEMPTS):
            request = account_service_pb2.GetAccountRequest(account=self._wallet.account)
            response = await self._connection.call(self._connection.accounts.GetAccount, request)
            view = AccountView.from_proto(response.account, as_of_proto(response.as_of))
            standing = await self.through(view.as_of.batch)
            if standing.batch == view.as_of.batch:
                self._wallet.verify(view)
                return view
        raise HouseUntrusted("account", "its state is always behind its postings")

    async def _run(self) -> None:
        try:
            async for response in self._responses():
                await self._take(response)
        finally:
            self._ended = True
            async with self._changed:
                self._changed.notify_all()

    def _responses(self) -> AsyncIterator[Any]:
        def request() -> account_service_pb2.StreamPostingsRequest:
            self._held.clear()
            sequence = self.history[-1].sequence if self.history else 0
            return account_service_pb2.StreamPostingsRequest(account=self._wallet.account, after_sequence=sequence)

        return self._connection.stream(self._connection.accounts.StreamPostings, request)

    async def _take(self, response: Any) -> None:
        if response.HasField("posting"):
            self._held.append(NumberedPosting.from_proto(self._wallet.account, response.posting))
            return
        as_of = as_of_proto(response.complete_through)
        if self.as_of is not None and as_of.batch < self.as_of.batch:
            # A node that was restarted, or another one behind the same address, is still catching up.
            return
        # The stream may be ahead of the mark with a batch that is being written just now.
        complete = [entry for entry in self._held if entry.batch <= as_of.batch]
        self._held = self._held[len(complete) :]
        # Restoring a long history takes thousands of logarithms: not on the event loop.
        holdings = await asyncio.to_thread(self._replayed, complete) if complete else self._wallet.holdings
        async with self._changed:
            self._wallet.holdings = holdings
            self.history.extend(complete)
            self.as_of = as_of
            self._changed.notify_all()

    def _replayed(self, postings: list[NumberedPosting]) -> Holdings:
        holdings = self._wallet.holdings
        expected = self.history[-1].sequence + 1 if self.history else 1
        for place, entry in enumerate(postings, expected):
            if entry.sequence != place:
                raise HouseUntrusted("postings", f"number {entry.sequence} where {place} belongs")
            holdings = self._wallet.after(holdings, entry.posting, entry.named)
        return holdings


def as_of_proto(proto: Any) -> AsOf:
    """From clearing.v1.BatchReference."""
    return AsOf(proto.number, proto.hub_block)
