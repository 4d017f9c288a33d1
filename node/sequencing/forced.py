"""Forced inclusion: what owners, and validators with an order, put on the hub chain: no proposer may leave it out.

An owner whom every node ignores sends a signed message to `ClearingHub.submit`. All nodes see it there, in one order. A
proposer puts what applies first into its batch; `FORCED_BLOCKS` later a validator disputes a batch without it.

An honest proposer must never be disputed, so both sides work out the same list from the same data:

- The hub block B of the batch bounds what counts. The proposer reads the hub up to B before it builds, and a validator
  that has not seen B as final disputes the header before it comes to this. Neither is ahead of the other.
- The list is that of blocks B − FORCED_BLOCKS − COUNTED_BLOCKS to B, whatever a node saw before: one that was restarted
  reads these blocks again, and a copy that anybody sends later neither delays nor prolongs an older one's claim.
- Each is applied, alone and with its proofs checked, to the state that the batch's messages meet (after its rounds,
  events and openings). What is expired, names another version or a round that has left, or proves nothing, is passed
  over, by proposer and validator alike. Of messages of one account that chain on versions only the first applies alone;
  its batch makes the next one the first.
- Those that remain go first, in the hub's order, and `assemble` takes them while there is room. The validator calls the
  same function with those that are due. Younger ones come after them in the proposer's list and take nobody's place.
- An account that another message in the batch changes is excused: its owner signed both, and only one could stand.

A message is known by its bytes, not by its digest: digests leave out proofs, so a stranger can put a copy with a broken
proof in front of the true one. The copy is refused by itself and costs the original nothing. Who paid for the
submission does not matter either: the owner's signature is in the message.
Junk is bounded by the hub's gas and by `BLOCK_SUBMISSIONS`; what does not decode does not count.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from circuits.batch import Claim
from circuits.errors import ClaimsRejected
from node.chains.events import ChainEvent, Submitted
from node.ledger.apply import apply_message
from node.ledger.batch import Batch
from node.ledger.claims import CollectingVerifier, TrustingVerifier
from node.ledger.errors import Refused, WireError
from node.ledger.execution import assemble, state_before_messages
from node.ledger.house_orders import BreakerOrder, HouseOrder, WriteOffOrder
from node.ledger.messages import AccountReference, Message, OpenAccount, Trade, Transfer, accounts_of
from node.ledger.state import House, LedgerState
from node.ledger.submissions import decode_submission
from node.ledger.types import AccountId, Digest
from node.sequencing.admission import Admission
from node.sequencing.errors import AccountQueueFull, PoolFull
from node.sequencing.ports import ChainView
from node.sequencing.verification import ClaimChecker

FORCED_BLOCKS: Final = 4
"""Hub blocks from a submission to the first batch that must carry it. A proof names a round, and only the last four,
16 blocks, are accepted: an owner needs some of these to prove and to be mined, so this must stay well below. An honest
proposer needs none."""
COUNTED_BLOCKS: Final = 64
"""Hub blocks after that for which a submission counts: as long as the client's messages live."""
BLOCK_SUBMISSIONS: Final = 128
"""Messages that count in one hub block, the first in its order: about as many margin proofs as its gas can carry."""
_READ_AT_ONCE: Final = 64
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """A message on the hub: its EIP-712 digest, the accounts that it changes, and the hub block it stands in."""

    message: Message
    digest: Digest
    accounts: tuple[AccountId, ...]
    block: int


def first_block(hub_height: int) -> int:
    """The first hub block that a node needs to know when its last final batch stands at `hub_height`."""
    return max(0, hub_height - FORCED_BLOCKS - COUNTED_BLOCKS)


class ForcedInclusion:
    """The submissions that count, as one node reads them from its own view of the hub.

    At most `BLOCK_SUBMISSIONS` of each of the last FORCED_BLOCKS + COUNTED_BLOCKS + `max_hub_lag` blocks are held.
    """

    def __init__(
        self, house: House, hub: ChainView, admission: Admission, checker: ClaimChecker, state: LedgerState
    ) -> None:
        self._house = house
        self._hub = hub
        self._admission = admission
        self._checker = checker
        self._blocks: dict[int, tuple[Submission, ...]] = {}
        self._next = self._to_offer = first_block(state.hub_height)
        self._final = state.hub_height
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))

    async def run(self) -> None:
        """Offer each submission to this node's pool as a peer's message would be, until cancelled.

        Raises:
            ChainError: the hub's view has failed.
        """
        while True:
            final = await self._hub.wait_final(self._to_offer)
            last = min(final.number, self._to_offer + _READ_AT_ONCE - 1)
            await self._read(last)
            for block in range(self._to_offer, last + 1):
                for submission in self._blocks.get(block, ()):
                    await self._offer(submission)
            self._to_offer = last + 1

    def advance(self, state: LedgerState) -> None:
        """A batch is final: forget what it has settled one way or the other."""
        self._final = state.hub_height
        self._forget()
        for block, submissions in list(self._blocks.items()):
            waiting = tuple(entry for entry in submissions if not _is_over(state, entry))
            self._blocks[block] = waiting
            if not waiting:
                del self._blocks[block]

    async def candidates(self, state: LedgerState, hub_block: int, age: int = 0) -> tuple[Submission, ...]:
        """What counts for a batch on `state` at `hub_block`, is `age` blocks old and names current versions; in order.

        Raises:
            ChainError: the hub's view has failed, or does not know that block.
        """
        await self._read(hub_block)
        blocks = range(first_block(hub_block), hub_block - age + 1)
        counted = (entry for block in blocks for entry in self._blocks.get(block, ()))
        return tuple(entry for entry in counted if _is_current(state, entry))

    async def applicable(
        self, state: LedgerState, batch: Batch, submissions: Sequence[Submission]
    ) -> tuple[Submission, ...]:
        """Those that apply, each alone, to what the messages of `batch` meet, and prove what they must.

        Raises:
            BatchInvalid: the batch does not follow `state`.
        """
        applied, claims = await asyncio.to_thread(self._apply_each, state, batch, submissions)
        try:
            await self._checker.check([claim for claim, _ in claims])
        except ClaimsRejected as rejection:
            false = {claims[index][1] for index in rejection.indices}
            applied = [place for place in applied if place not in false]
        chosen = {submissions[place].digest: submissions[place] for place in reversed(applied)}
        return tuple(entry for entry in submissions if chosen.get(entry.digest) is entry)

    def _apply_each(
        self, state: LedgerState, batch: Batch, submissions: Sequence[Submission]
    ) -> tuple[list[int], list[tuple[Claim, int]]]:
        """The places of those that apply if their claims hold, and each claim with its message's place."""
        before = state_before_messages(self._house, state, batch)
        applied: list[int] = []
        claims: list[tuple[Claim, int]] = []
        for place, submission in enumerate(submissions):
            verifier = CollectingVerifier()
            try:
                apply_message(self._house, before, submission.message, verifier)
            except Refused as refusal:
                log.debug("submission_passed_over", message=submission.digest.hex(), reason=refusal.reason)
                continue
            applied.append(place)
            claims.extend((claim, place) for claim in verifier.claims)
        return applied, claims

    async def left_out(self, state: LedgerState, batch: Batch) -> Submission | None:
        """The first submission that is due and that a batch on `state` should have carried; None if it has all.

        Raises:
            ChainError: the hub's view has failed.
            BatchInvalid: the batch does not follow `state`.
        """
        due = await self.candidates(state, batch.hub.number, FORCED_BLOCKS)
        if not due:
            return None
        missing = await asyncio.to_thread(self._missing, batch, due)
        if not missing:
            return None
        valid = await self.applicable(state, batch, due)
        if missing.isdisjoint(entry.digest for entry in valid):
            return None
        missing &= await asyncio.to_thread(self._expected, state, batch, valid)
        return next((entry for entry in valid if entry.digest in missing), None)

    def _missing(self, batch: Batch, due: Sequence[Submission]) -> set[Digest]:
        """Those that the batch neither carries nor excuses."""
        carried = {message.digest(self._house.deployment) for message in batch.messages}
        touched = {name for message in batch.messages for name in accounts_of(message, self._house.deployment)}
        return {entry.digest for entry in due if entry.digest not in carried and touched.isdisjoint(entry.accounts)}

    def _expected(self, state: LedgerState, batch: Batch, valid: Sequence[Submission]) -> set[Digest]:
        """What an honest proposer would have put first, with the batch's own inputs."""
        proposal = assemble(
            self._house,
            state,
            batch.proposer,
            batch.hub,
            batch.segments,
            batch.rounds,
            batch.grid,
            batch.openings,
            [entry.message for entry in valid],
            TrustingVerifier(),
        )
        return {message.digest(self._house.deployment) for message in proposal.batch.messages}

    # Reading the hub.

    async def _read(self, last: int) -> None:
        async with self._lock:
            while self._next <= last:
                step = min(last, self._next + _READ_AT_ONCE - 1)
                events = self._hub.events(self._next, step)
                self._blocks.update(await asyncio.to_thread(self._decoded, events))
                self._next = step + 1
                self._forget()

    def _decoded(self, events: Sequence[ChainEvent]) -> dict[int, tuple[Submission, ...]]:
        found: dict[int, list[Submission]] = {}
        for event in events:
            if not isinstance(event, Submitted) or len(found.get(event.block_number, ())) >= BLOCK_SUBMISSIONS:
                continue
            try:
                message = decode_submission(event.data)
            except WireError as error:
                log.info("submission_malformed", block=event.block_number, index=event.log_index, error=str(error))
                continue
            if message is not None:
                digest = message.digest(self._house.deployment)
                accounts = accounts_of(message, self._house.deployment)
                found.setdefault(event.block_number, []).append(
                    Submission(message, digest, accounts, event.block_number)
                )
        return {block: tuple(entries) for block, entries in found.items()}

    def _forget(self) -> None:
        """Drop the blocks that count for no batch that could still be signed."""
        oldest = first_block(max(self._final, self._next - 1 - self._house.rules.max_hub_lag))
        for block in [block for block in self._blocks if block < oldest]:
            del self._blocks[block]

    async def _offer(self, submission: Submission) -> None:
        try:
            await self._admission.submit(submission.message, may_park=True)
        except (Refused, PoolFull, AccountQueueFull) as error:
            # Whether it must be carried is judged for each batch, not here.
            log.debug("submission_not_pooled", message=submission.digest.hex(), error=str(error))


def _references(message: Message) -> tuple[AccountReference, ...]:
    match message:
        case OpenAccount() | BreakerOrder() | WriteOffOrder():
            return ()
        case Trade():
            return (message.terms.taker, message.maker)
        case Transfer():
            return (message.terms.sender, message.receiver)
        case _:
            return (message.reference,)


def _expiry(message: Message) -> int:
    return message.terms.expiry if isinstance(message, Trade | Transfer) else message.expiry


def _is_over(state: LedgerState, submission: Submission) -> bool:
    """Whether no state after the final `state` can take the message in: expired, or its versions are history."""
    message = submission.message
    if isinstance(message, OpenAccount) and submission.accounts[0] in state.accounts:
        return True
    if isinstance(message, HouseOrder) and message.sequence < state.orders:
        return True
    versions = ((state.accounts.get(named.account), named.version) for named in _references(message))
    past = any(account is not None and version < account.version for account, version in versions)
    return past or _expiry(message) < state.hub_height


def _is_current(state: LedgerState, submission: Submission) -> bool:
    """Whether the message names `state`'s own versions: a quick look, before signatures and proofs."""
    for named in _references(submission.message):
        account = state.accounts.get(named.account)
        if account is None or account.version != named.version:
            return False
    return not _is_over(state, submission)
