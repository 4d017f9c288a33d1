"""An offer that another owner has to accept: made, made again when this account moves on, seen final or lapsed.

An offer locks nothing: the account may move on while it waits, which voids it, and it is then made again with a fresh
nonce (so with a fresh blinding) on the new version. Its expiry is the last hub block at which the oracle round that its
proofs name can still be accepted.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from node.client.errors import HouseRefused, ProposalLapsed
from node.client.follower import PostingFollower
from node.client.house import HouseTerms
from node.client.pipeline import MOVED_ON, MessagePipeline, Tip
from node.client.views import Receipt
from node.ledger.types import Digest

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """What this account signed: its id, the version that it builds on, its last hub block, and how to send it."""

    id: Digest
    version: int
    expiry: int
    send: Callable[[], Awaitable[object]]


class OfferBook:
    """The offers of one account."""

    def __init__(self, follower: PostingFollower, pipeline: MessagePipeline) -> None:
        self._follower, self._pipeline = follower, pipeline

    async def until_final(self, make: Callable[[Tip], Awaitable[Offer]]) -> Receipt:
        """Make and send an offer, and wait until what it offers is final.

        Raises:
            ProposalLapsed: nobody accepted in time.
            HouseRefused: for a reason that a newer state does not mend.
            ClientError: whatever `make` raises, or the follower's end.
        """
        for _ in range(_ATTEMPTS):
            async with self._pipeline.lock:
                offer = await make(await self._pipeline.tip())
                refusal = await _send(offer)
            if refusal is not None:
                await self._pipeline.settle_down(refusal)
                continue
            receipt = await self._settled(offer)
            if receipt is not None:
                return receipt
        raise ProposalLapsed(offer.id)

    async def _settled(self, offer: Offer) -> Receipt | None:
        """The receipt once the offer is final; None once the account has moved on without it.

        Raises:
            ProposalLapsed: its last hub block has passed.
        """
        while True:
            view = await self._follower.view()
            receipt = self._receipt(offer.id)
            if receipt is not None:
                return receipt
            if view.version > offer.version:
                return None
            if view.as_of.hub_block > offer.expiry:
                raise ProposalLapsed(offer.id)
            await self._follower.next_batch()

    def _receipt(self, name: Digest) -> Receipt | None:
        for entry in reversed(self._follower.history):
            if entry.posting.message == name:
                return Receipt(name, entry.batch)
        return None


async def _send(offer: Offer) -> HouseRefused | None:
    """Send an offer; the refusal, if it is one that the next attempt may not meet."""
    try:
        await offer.send()
    except HouseRefused as refusal:
        if refusal.reason not in MOVED_ON:
            raise
        return refusal
    return None


def offer_blocks(house: HouseTerms) -> int:
    """Hub blocks for which a proof made on the latest round is accepted."""
    return house.market.round_spacing * house.market.accepted_rounds
