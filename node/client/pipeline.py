"""Carries an account's messages into the ledger, one after another, each on the state that the one before leads to.

A message names its account's version. Building and sending is serialised by a lock; waiting for finality is not: the
next message builds on the predicted outcome of those under way, which is how a maker serves many takers in one batch.
When the house says that a version, round or credit has moved on, the message is built again on the refreshed state,
a few times, and never before it is sure that no earlier attempt took effect.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from node.client.connection import Connection
from node.client.delivery import Sending, progress, until_final
from node.client.errors import HouseRefused, MessageDropped
from node.client.follower import PostingFollower
from node.client.holdings import Holdings
from node.client.views import AsOf, Receipt
from node.client.wallet import AccountWallet
from node.ledger.errors import Reason
from node.ledger.types import Digest

_ATTEMPTS: Final = 5
_BATCH_SECONDS: Final = 5.0
MOVED_ON: Final = frozenset(
    {
        Reason.VERSION_MISMATCH,
        Reason.CREDITS_UNKNOWN,
        Reason.ROUND_UNKNOWN,
        Reason.WINDOW_LAPSED,
        Reason.BID_PENDING,
    }
)
"""Refusals that a message built on a newer state may not meet."""


@dataclass(frozen=True, slots=True)
class Tip:
    """What the next message builds on: the account's version and its openings with every known credit merged."""

    version: int
    holdings: Holdings
    as_of: AsOf
    needs_window: bool
    """Whether a margin proof has to stand behind the account."""


@dataclass(frozen=True, slots=True)
class Built:
    """A message ready to be sent, and what the account holds after it."""

    sending: Sending
    after: Holdings
    proven: bool = True
    """Whether it carries a margin proof of the account, which hides its cash: from then on it needs a window."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    message_id: Digest
    tip: Tip


class MessagePipeline:
    """The messages of one account."""

    def __init__(self, connection: Connection, wallet: AccountWallet, follower: PostingFollower) -> None:
        self._connection, self._wallet, self._follower = connection, wallet, follower
        self._under_way: list[_UnderWay] = []
        self.lock = asyncio.Lock()
        """Held while a message is built and sent."""

    async def tip(self) -> Tip:
        """What the next message builds on; the caller holds the lock. Raises as `PostingFollower.view`."""
        if self._under_way:
            predicted = self._under_way[-1].tip
            return replace(predicted, as_of=self._follower.as_of or predicted.as_of)
        view = await self._follower.view()
        held = self._wallet.holdings
        return Tip(view.version, held.merged(len(held.waiting)), view.as_of, view.needs_window)

    async def submit(self, build: Callable[[Tip], Awaitable[Built]], retried: frozenset[Reason] = MOVED_ON) -> Receipt:
        """Build, send and see final one message; built again when it is refused for a reason in `retried`.

        Raises:
            HouseRefused: for another reason, or once too often.
            MessageDropped: it expired without effect.
            ClientError: whatever `build` raises, or the follower's end.
        """
        sent: list[Sending] = []
        for attempt in range(_ATTEMPTS):
            try:
                return await self._final(await self._send(build, sent))
            except HouseRefused as refusal:
                again = attempt < _ATTEMPTS - 1 and refusal.reason in retried and not self._of_another(refusal)
                if again:
                    await self.settle_down(refusal)
                # The refusal may be of a message that had landed already, and never may it happen twice.
                landed = await self._landed(sent)
                if landed is not None:
                    return landed
                if not again:
                    raise
        raise AssertionError("unreachable")

    async def _send(self, build: Callable[[Tip], Awaitable[Built]], sent: list[Sending]) -> Built:
        async with self.lock:
            tip = await self.tip()
            built = await build(tip)
            sent.append(built.sending)
            await built.sending.send()
            after = Tip(tip.version + 1, built.after, tip.as_of, tip.needs_window or built.proven)
            self._under_way.append(_UnderWay(built.sending.message_id, after))
            return built

    async def _final(self, built: Built) -> Receipt:
        message_id = built.sending.message_id
        try:
            batch = await until_final(self._connection, built.sending, self._follower.height)
            # On the list until the wallet stands at or after its batch: so long the tip is the prediction.
            await self._follower.through(batch)
        except BaseException:
            # Whatever built on it is as doubtful: the next message starts from what is final.
            self._cut(message_id, landed=False)
            raise
        self._cut(message_id, landed=True)
        return Receipt(message_id, batch)

    async def _landed(self, sent: list[Sending]) -> Receipt | None:
        """The attempt that took effect after all, if one did; waits for those that still may."""
        for sending in sent:
            found = await progress(self._connection, sending.message_id)
            batch = found.batch
            if found.may_land:
                try:
                    batch = await until_final(self._connection, sending, self._follower.height)
                except (HouseRefused, MessageDropped):
                    # This attempt is over without effect.
                    continue
            if batch is not None:
                await self._follower.through(batch)
                return Receipt(sending.message_id, batch)
        return None

    async def settle_down(self, refusal: HouseRefused) -> None:
        """Give the batch that moved the account on time to become final and to arrive here."""
        view = await self._follower.view()
        if refusal.metadata.get("version") == str(view.version):
            return
        try:
            await asyncio.wait_for(self._follower.next_batch(), _BATCH_SECONDS)
        except TimeoutError:
            # No batch came: the refusal was about a state that has arrived already.
            return

    def _cut(self, message_id: Digest, *, landed: bool) -> None:
        """Take a message off the list: with all before it if it landed, with all that build on it if not."""
        for place, entry in enumerate(self._under_way):
            if entry.message_id == message_id:
                self._under_way = self._under_way[place + 1 :] if landed else self._under_way[:place]
                return

    def _of_another(self, refusal: HouseRefused) -> bool:
        """Whether the version at fault is the counterparty's, which building again does not mend."""
        account = refusal.metadata.get("account", "")
        return bool(account) and account != self._wallet.account.hex()
