"""The message pool: what verified against a state that runs ahead of the final one, in an order that applies.

Each arriving message is applied to `ahead`, the final state plus everything admitted before, and its proofs are checked
in the workers; only then is it held, gossiped and proposed. So the pool is a sequence that the next batch can carry,
messages of one account chain on predicted versions, and a client hears of a refusal at once. When a batch becomes final
the rest is applied again on top of it, and what no longer applies is dropped with its reason.

Arrivals are taken in groups, one verification for each group. A peer's message that may only have come too early (its
predecessor, round or deposit is unknown here) is parked for a while; a client's is refused.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import structlog
from eth_hash.auto import keccak

from circuits.batch import Claim
from circuits.errors import ClaimsRejected
from node.ledger.apply import apply_message
from node.ledger.claims import CollectingVerifier
from node.ledger.errors import Reason, Refused
from node.ledger.messages import MAX_MESSAGE_BYTES, MarginProof, Message, Transfer, accounts_of
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Digest
from node.ledger.wire import encode_message
from node.sequencing.errors import AccountQueueFull, PoolFull
from node.sequencing.ports import Clock
from node.sequencing.verification import ClaimChecker

_GROUP: Final = 64
_PARKED: Final = 512
_REFUSALS: Final = 4096
_EARLY: Final = frozenset(
    {
        Reason.VERSION_MISMATCH,
        Reason.ACCOUNT_UNKNOWN,
        Reason.ROUND_UNKNOWN,
        Reason.CREDITS_UNKNOWN,
        Reason.VAULT_SHORT,
        Reason.CHAIN_SILENT,
        Reason.BID_PENDING,
        Reason.ORDER_OUT_OF_TURN,
    }
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Messages in the pool, of one account, and seconds that an early message of a peer is kept."""

    messages: int = 2048
    per_account: int = 64
    park_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A message in the pool: its bytes and their hash (`key`), its EIP-712 digest, its accounts."""

    message: Message
    payload: bytes
    key: bytes
    digest: Digest
    accounts: tuple[AccountId, ...]


@dataclass(slots=True)
class _Arrival:
    """A message on its way in; `may_park`: it is a peer's, who may be ahead of this node."""

    pending: Pending
    may_park: bool
    arrived: float
    outcome: "asyncio.Future[None]" = field(repr=False)
    claims: tuple[Claim, ...] = ()
    refusal: Refused | None = None
    untouched: bool = True
    """Whether its accounts stood as in the final state, so that its sender cannot have been misled."""


class Inexcusable(Refused):
    """A refusal that does not depend on what else is pending: whoever gossips such a message must have known."""


def _proven_by(message: Message) -> AccountId | None:
    """The account whose margin call a message answers, if it answers one."""
    match message:
        case MarginProof():
            return message.reference.account
        case Transfer() if message.receiver_proof:
            return message.terms.receiver
    return None


def _raised(arrival: _Arrival, refusal: Refused) -> Refused:
    always = refusal.reason in (Reason.SIGNATURE_INVALID, Reason.MALFORMED)
    if always or (refusal.reason is Reason.PROOF_INVALID and arrival.untouched):
        return Inexcusable(refusal.reason, refusal.detail, refusal.metadata)
    return refusal


class Admission:
    """The pool of one node. `run` must be running for `submit` to return."""

    def __init__(
        self, house: House, state: LedgerState, checker: ClaimChecker, limits: PoolLimits, clock: Clock
    ) -> None:
        self._house = house
        self._final = state
        self._ahead = state
        self._checker = checker
        self._limits = limits
        self._clock = clock
        self._entries: OrderedDict[bytes, Pending] = OrderedDict()
        self._parked: OrderedDict[bytes, _Arrival] = OrderedDict()
        self._refused: OrderedDict[Digest, Refused] = OrderedDict()
        self._queue: asyncio.Queue[_Arrival] = asyncio.Queue()
        self._lock = asyncio.Lock()

    # What is held.

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def pool_digests(self) -> Collection[bytes]:
        """For anti-entropy: the hash of each message's bytes."""
        return list(self._entries)

    def pool_items(self, digests: Collection[bytes]) -> Sequence[bytes]:
        """For anti-entropy: messages in the order in which they apply."""
        wanted = set(digests)
        return [entry.payload for key, entry in self._entries.items() if key in wanted]

    def messages(self, limit: int, without: Collection[Digest] = ()) -> tuple[Message, ...]:
        """The first `limit` messages but those of the digests in `without`, in an order that applies."""
        wanted = (entry.message for entry in self._entries.values() if entry.digest not in without)
        return tuple(islice(wanted, limit))

    def holds(self, digest: Digest) -> bool:
        """Whether a message of this EIP-712 digest waits."""
        return any(entry.digest == digest for entry in self._entries.values())

    def refusal(self, digest: Digest) -> Refused | None:
        """Why a message that was held, or came from a client, was refused; None if it was not."""
        return self._refused.get(digest)

    def proves(self, account: AccountId) -> bool:
        """Whether a valid margin proof of the account waits here."""
        return any(_proven_by(entry.message) == account for entry in self._entries.values())

    @property
    def ahead(self) -> LedgerState:
        """The final state plus everything held: the versions that a next message must name."""
        return self._ahead

    # Coming in.

    async def submit(self, message: Message, *, may_park: bool = False) -> Pending | None:
        """Take in a message; None if it is held already or was parked.

        Raises:
            Refused: too large, does not apply, or a proof does not hold; Inexcusable if no other state excuses it.
            PoolFull, AccountQueueFull: no room.
        """
        payload = encode_message(message)
        if len(payload) > MAX_MESSAGE_BYTES:
            raise Inexcusable(Reason.MALFORMED, f"{len(payload)} bytes, at most {MAX_MESSAGE_BYTES}")
        key = bytes(keccak(payload))
        if key in self._entries or key in self._parked:
            return None
        accounts = accounts_of(message, self._house.deployment)
        self._require_room(accounts)
        digest = message.digest(self._house.deployment)
        pending = Pending(message, payload, key, digest, accounts)
        arrival = _Arrival(pending, may_park, self._clock(), asyncio.get_running_loop().create_future())
        self._queue.put_nowait(arrival)
        await arrival.outcome
        return pending if key in self._entries else None

    async def run(self) -> None:
        """Admit arrivals, a group at a time, until cancelled."""
        while True:
            group = [await self._queue.get()]
            while len(group) < _GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                await self._admit(self._distinct(group))
            except Exception as error:
                log.exception("admission_failed")
                for arrival in group:
                    if not arrival.outcome.done():
                        arrival.outcome.set_exception(error)

    def _distinct(self, group: Sequence[_Arrival]) -> list[_Arrival]:
        """The arrivals that are not held yet, each once; the senders of the others have nothing to hear."""
        fresh: dict[bytes, _Arrival] = {}
        for arrival in group:
            key = arrival.pending.key
            if key not in self._entries and fresh.setdefault(key, arrival) is arrival:
                continue
            if not arrival.outcome.done():
                arrival.outcome.set_result(None)
        return list(fresh.values())

    async def _admit(self, group: Sequence[_Arrival]) -> None:
        rejected: set[bytes] = set()
        while True:
            final, base = self._final, self._ahead
            ahead = await asyncio.to_thread(self._apply_group, final, base, group, rejected)
            claims = [(arrival, claim) for arrival in group for claim in arrival.claims]
            try:
                await self._checker.check([claim for _, claim in claims])
            except ClaimsRejected as rejection:
                rejected |= {claims[index][0].pending.key for index in rejection.indices}
                continue
            async with self._lock:
                if self._ahead is not base:
                    continue  # a batch became final meanwhile; the claims that still stand are remembered
                self._ahead = ahead
                admitted = [self._settle(arrival) for arrival in group]
            if any(admitted):
                self._unpark()
            return

    def _apply_group(
        self, final: LedgerState, base: LedgerState, group: Sequence[_Arrival], rejected: Collection[bytes]
    ) -> LedgerState:
        """`base` after the group's messages that apply; sets each arrival's claims or refusal."""
        for arrival in group:
            pending = arrival.pending
            arrival.claims, arrival.refusal = (), None
            arrival.untouched = all(base.accounts.get(name) is final.accounts.get(name) for name in pending.accounts)
            if pending.key in rejected:
                arrival.refusal = Refused(Reason.PROOF_INVALID, "a proof does not hold")
                continue
            verifier = CollectingVerifier()
            try:
                base = apply_message(self._house, base, pending.message, verifier).state
            except Refused as refusal:
                arrival.refusal = refusal
                continue
            arrival.claims = tuple(verifier.claims)
        return base

    def _settle(self, arrival: _Arrival) -> bool:
        """Tell an arrival's sender what became of it; whether it was admitted."""
        pending, refusal = arrival.pending, arrival.refusal
        if refusal is None:
            self._entries[pending.key] = pending
        elif arrival.may_park and refusal.reason in _EARLY:
            self._park(arrival)
            refusal = None
        elif not arrival.may_park:
            # A digest leaves out the proof: a peer's broken copy must not tell the owner that the message was refused.
            self._note_refusal(pending.digest, refusal)
        if not arrival.outcome.done():
            if refusal is not None:
                arrival.outcome.set_exception(_raised(arrival, refusal))
            else:
                arrival.outcome.set_result(None)
        return pending.key in self._entries

    # Waiting and leaving.

    def _park(self, arrival: _Arrival) -> None:
        self._parked.setdefault(arrival.pending.key, arrival)
        if len(self._parked) > _PARKED:
            self._parked.popitem(last=False)

    def _unpark(self) -> None:
        """Try what came too early once more, after something changed; forget what waited too long."""
        oldest = self._clock() - self._limits.park_seconds
        waiting = [arrival for arrival in self._parked.values() if arrival.arrived >= oldest]
        self._parked.clear()
        for arrival in waiting:
            self._queue.put_nowait(arrival)

    async def advance(self, state: LedgerState, included: Collection[Digest]) -> None:
        """A batch is final: `included` left the pool with it, the rest is applied again on `state`."""
        async with self._lock:
            waiting = [entry for entry in self._entries.values() if entry.digest not in included]
            ahead, kept, dropped = await asyncio.to_thread(self._replay, state, waiting)
            self._final, self._ahead = state, ahead
            self._entries = OrderedDict((entry.key, entry) for entry in kept)
            for entry, refusal in dropped:
                self._note_refusal(entry.digest, refusal)
        self._unpark()

    def _replay(
        self, state: LedgerState, waiting: Sequence[Pending]
    ) -> tuple[LedgerState, list[Pending], list[tuple[Pending, Refused]]]:
        kept: list[Pending] = []
        dropped: list[tuple[Pending, Refused]] = []
        for entry in waiting:
            verifier = CollectingVerifier()
            try:
                after = apply_message(self._house, state, entry.message, verifier).state
                if not self._checker.knows(verifier.claims):
                    raise Refused(Reason.PROOF_INVALID, "the accounts changed under the proof")
            except Refused as refusal:
                dropped.append((entry, refusal))
                continue
            state = after
            kept.append(entry)
        return state, kept, dropped

    def evict(self, message: Message, refusal: Refused) -> None:
        """Drop a message that a batch could not carry; `ahead` forgets it when the next batch is final."""
        entry = self._entries.pop(bytes(keccak(encode_message(message))), None)
        if entry is not None:
            self._note_refusal(entry.digest, refusal)

    def _note_refusal(self, digest: Digest, refusal: Refused) -> None:
        self._refused[digest] = refusal
        if len(self._refused) > _REFUSALS:
            self._refused.popitem(last=False)

    def _require_room(self, accounts: Sequence[AccountId]) -> None:
        if len(self._entries) + self._queue.qsize() >= self._limits.messages:
            raise PoolFull(self._limits.messages)
        for account in accounts:
            held = sum(account in entry.accounts for entry in self._entries.values())
            if held >= self._limits.per_account:
                raise AccountQueueFull(account, self._limits.per_account)
