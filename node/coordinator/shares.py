"""Decryption of defaulted accounts: this member's shares, the others', and the opening that they make together.

Shares are made for a default only once the batch that froze its account is final, and only for the commitments that the
ledger names; the key share never leaves this process. Any t verified sets decrypt to points q·G, whose small logarithms
the workers find.
"""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from clearing.v1 import batch_pb2
from google.protobuf.message import DecodeError

from circuits.committee import DecryptionShare, KeyShare, decryption_share, verify_share
from circuits.dlog import NotFound
from circuits.errors import CircuitError
from circuits.group import encode_point
from circuits.pedersen import Commitment
from node.coordinator.errors import SharesRejected
from node.ledger.account import Account
from node.ledger.batch import AccountOpening, ShareSet
from node.ledger.opening import decrypted_points, default_context, hidden_commitments, value_bounds
from node.ledger.state import Default, House, LedgerState, Stage
from node.ledger.types import Digest
from node.ledger.wire import share_set_from_proto, share_set_to_proto
from node.network.errors import InvalidGossip
from node.sequencing.ports import Mesh
from node.sequencing.workers import find_logarithms

SHARES: Final = "shares"
_EARLY: Final = 64
"""Share sets kept for defaults that this node does not know to be final yet."""
_TELL_SECONDS: Final = 2.0
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Case:
    """One default in its opening stage."""

    default: Default
    account: Account
    hidden: tuple[Commitment, ...]
    sets: dict[int, ShareSet] = field(default_factory=dict)
    opening: AccountOpening | None = None
    searching: bool = False


class Shares:
    """One committee member's part in all openings. `cache` is where workers keep their table of logarithms."""

    def __init__(self, house: House, share: KeyShare, mesh: Mesh, workers: Executor, cache: Path | None = None) -> None:
        """Raises ProofRejected if the share is not this committee's."""
        share.check(house.committee)
        self._house = house
        self._share = share
        self._mesh = mesh
        self._workers = workers
        self._cache = cache
        self._cases: dict[Digest, _Case] = {}
        self._early: list[tuple[Digest, ShareSet]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        mesh.on(SHARES, self._on_shares)

    def openings(self) -> tuple[AccountOpening, ...]:
        """What is decrypted and not yet in a final batch, for whoever proposes."""
        return tuple(case.opening for case in self._cases.values() if case.opening is not None)

    async def on_final(self, state: LedgerState) -> None:
        """A state is final: share for every account it froze, drop what was opened."""
        due = {name: d for name, d in state.defaults.items() if d.stage is Stage.OPENING}
        for name in [name for name in self._cases if name not in due]:
            del self._cases[name]
        for name, default in due.items():
            account = state.accounts[default.account]
            hidden = hidden_commitments(account)
            known = self._cases.get(name)
            # A settlement may change what is to be opened: then earlier shares are of no use.
            if known is None or known.hidden != hidden:
                self._cases[name] = _Case(default, account, hidden)
                await self._share_out(self._cases[name])
            elif known.account is not account:
                known.account, known.opening = account, None
                self._search(known)

    async def run(self) -> None:
        """Have the table of logarithms made, then tell this member's shares of open cases again and again."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._workers, find_logarithms, (), (), self._cache)
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            for case in list(self._cases.values()):
                if (own := case.sets.get(self._share.index)) is not None:
                    await self._tell(case, own)

    async def _share_out(self, case: _Case) -> None:
        context = default_context(case.default)
        make = partial(_shares_of, self._house, self._share, case.hidden, context)
        own = await asyncio.to_thread(make)
        case.sets[self._share.index] = own
        log.info("account_shared", default=case.default.id.hex(), commitments=len(case.hidden))
        await self._tell(case, own)
        early, self._early = self._early, []
        for name, shares in early:
            try:
                await self._take(name, shares)
            except SharesRejected as error:
                # Nobody waits for an answer any more, and a liar who spoke early must not stop this node.
                log.warning("early_shares_refused", member=shares.member, default=name.hex(), reason=error.reason)
        self._search(case)

    async def _tell(self, case: _Case, own: ShareSet) -> None:
        payload = batch_pb2.AccountOpening(default_id=case.default.id, share_sets=[share_set_to_proto(own)])
        await self._mesh.broadcast(SHARES, payload.SerializeToString())

    async def _on_shares(self, sender: bytes, payload: bytes) -> None:
        try:
            proto = batch_pb2.AccountOpening.FromString(payload)
        except DecodeError as error:
            raise InvalidGossip(str(error)) from error
        if len(proto.default_id) != 32 or len(proto.share_sets) != 1:
            raise InvalidGossip("one default's shares of one member are required")
        shares = share_set_from_proto(proto.share_sets[0])
        members = self._house.validators
        if not 1 <= shares.member <= len(members) or members[shares.member - 1] != sender:
            raise InvalidGossip(f"shares of member {shares.member} from another")
        try:
            await self._take(Digest(proto.default_id), shares)
        except SharesRejected as error:
            raise InvalidGossip(str(error)) from error

    async def _take(self, name: Digest, shares: ShareSet) -> None:
        """Raises SharesRejected."""
        case = self._cases.get(name)
        if case is None:
            self._early = [*self._early[-_EARLY:], (name, shares)]
            return
        if shares.member in case.sets:
            return
        check = partial(_check_shares, self._house, case.hidden, default_context(case.default), shares)
        await asyncio.to_thread(check)
        if self._cases.get(name) is case:
            case.sets[shares.member] = shares
            self._search(case)

    def _search(self, case: _Case) -> None:
        """Look for the amounts, once there are t sets, or none is needed."""
        need = self._house.committee.threshold if case.hidden else 0
        if case.searching or case.opening is not None or len(case.sets) < need:
            return
        case.searching = True
        task = asyncio.create_task(self._find(case, need), name="opening")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find(self, case: _Case, need: int) -> None:
        sets = tuple(case.sets[member] for member in sorted(case.sets)[:need])
        account = case.account
        bare = AccountOpening(case.default.id, (), sets)
        try:
            points = await asyncio.to_thread(decrypted_points, self._house, account, case.default, bare)
            encoded = [encode_point(point) for point in points]
            loop = asyncio.get_running_loop()
            values = await loop.run_in_executor(
                self._workers, find_logarithms, encoded, value_bounds(account), self._cache
            )
        except NotFound as error:
            log.error("amount_not_found", default=case.default.id.hex(), error=str(error))
            return
        finally:
            case.searching = False
        if case.account is not account:
            self._search(case)  # something came in for the account meanwhile
            return
        case.opening = AccountOpening(case.default.id, values, sets)
        log.info("account_decrypted", default=case.default.id.hex(), members=[s.member for s in sets])


def _shares_of(house: House, share: KeyShare, hidden: tuple[Commitment, ...], context: bytes) -> ShareSet:
    made = (decryption_share(house.committee, share, commitment, context).encode() for commitment in hidden)
    return ShareSet(share.index, tuple(made))


def _check_shares(house: House, hidden: tuple[Commitment, ...], context: bytes, shares: ShareSet) -> None:
    if len(shares.shares) != len(hidden):
        raise SharesRejected(shares.member, f"{len(shares.shares)} shares for {len(hidden)} commitments")
    try:
        for commitment, data in zip(hidden, shares.shares, strict=True):
            share = DecryptionShare.decode(data)
            if share.index != shares.member:
                raise SharesRejected(shares.member, f"a share of member {share.index}")
            verify_share(house.committee, commitment, share, context)
    except CircuitError as error:
        raise SharesRejected(shares.member, str(error)) from error
