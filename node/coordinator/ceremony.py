"""One member's way through a key ceremony: posts on the hub, dealings over the peers' streams, until it is done.

What all must see alike stands on the hub (`ClearingHub.submit`) and counts once final; dealings go from peer to peer
and are believed only if they hash to what their dealer posted. A member that misses one asks everybody for it, and
complains on the hub when half of the complaint round has passed without it. Who is done stays for the others until they
are: a member that receives nothing has nobody else to ask for a dealing, and without it cannot tell how it ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

import structlog

from circuits.ceremony import DIGEST_BYTES, POST_BYTES, CeremonyTerms, DealingMissing, Post, Round
from circuits.ceremony_board import Progress, read_board
from circuits.ceremony_member import CeremonyMember
from circuits.dealing import dealing_digest
from node.chains.errors import ReceiptTimeout, RpcUnavailable
from node.network.errors import InvalidGossip

DEALING: Final = "ceremony/dealing"
WANTED: Final = "ceremony/wanted"
DONE: Final = "ceremony/done"
_POLL_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 1.0
_FAREWELL_SECONDS: Final = 0.2
_STAY_SECONDS: Final = 15.0
"""How long who is done waits at most for members that have posted or are connected."""
log = structlog.get_logger(__name__)


class Board(Protocol):
    """The hub as a ceremony uses it."""

    def height(self) -> int:
        """The newest final block."""
        ...

    def posts(self) -> list[Post]:
        """All final posts since the ceremony's start, in the chain's order."""
        ...

    async def post(self, data: bytes) -> int:
        """Put `data` on the hub; the block it is in, which may not be final yet."""
        ...


class Peers(Protocol):
    """The peer network as a ceremony uses it."""

    def on(self, topic: str, handler: Callable[[bytes, bytes], Awaitable[None]]) -> None:
        """Register a topic's handler."""
        ...

    async def broadcast(self, topic: str, payload: bytes) -> frozenset[bytes]:
        """Tell every connected peer; their addresses."""
        ...


class Memory(Protocol):
    """What outlives this process, so that a member says nothing twice in different words."""

    def said(self, stage: Round) -> bytes | None:
        """The post that was decided on for a round, if one was."""
        ...

    def remember(self, stage: Round, data: bytes) -> None:
        """Keep a decided post, before anybody sees it."""
        ...

    def dealings(self) -> dict[bytes, bytes]:
        """Dealings that came, by digest."""
        ...

    def keep(self, body: bytes) -> None:
        """Keep a dealing that a post names."""
        ...


class CeremonyRun:
    """Takes part until the ceremony is done. Make it before the peers start."""

    def __init__(
        self, terms: CeremonyTerms, member: CeremonyMember, board: Board, peers: Peers, memory: Memory
    ) -> None:
        self._terms, self._member, self._board, self._peers, self._memory = terms, member, board, peers, memory
        self._unconfirmed: dict[bytes, bytes] = {}
        self._named: frozenset[bytes] = frozenset()
        self._sent: dict[Round, int] = {}
        self._dealt = False
        self._asked = 0.0
        self._seen = (-1, 0)
        self._done: set[bytes] = set()
        peers.on(DEALING, self._on_dealing)
        peers.on(WANTED, self._on_wanted)
        peers.on(DONE, self._on_done)

    async def run(self) -> Progress:
        """The finished ceremony, committee and faults included.

        Raises:
            CeremonyFailed: more members failed than the threshold leaves room for.
            ShareUnavailable: this member's own share of somebody's polynomial is asked for and was never had.
            ChainError: the hub was given up.
        """
        shown = Round.REGISTRATION
        while True:
            progress = await self._look()
            if progress is not None:
                if progress.round is not shown:
                    shown = progress.round
                    log.info("ceremony_round", round=shown.name, deadline=progress.deadline)
                if progress.round is Round.DONE:
                    await self._stay()
                    return progress
                await self._act(progress)
            await asyncio.sleep(_POLL_SECONDS)

    async def _stay(self) -> None:
        """Answer who still asks, until every other member that takes part is done as well."""
        members = {*self._terms.dealers, *self._terms.recipients} - {self._member.name}
        taking_part = members.intersection(post.author for post in self._board.posts())
        loop = asyncio.get_running_loop()
        limit = loop.time() + _STAY_SECONDS
        while loop.time() < limit:
            taking_part |= members & await self._peers.broadcast(DONE, self._terms.digest)
            everybody = taking_part <= self._done
            # Once more than needed: what was said last must leave before the streams are closed.
            await asyncio.sleep(_FAREWELL_SECONDS)
            if everybody:
                return
        log.warning("ceremony_left_others", members=[name.hex() for name in sorted(taking_part - self._done)])

    async def _look(self) -> Progress | None:
        """Where the ceremony stands; None if nothing is new, or a dealing must be fetched before that can be told."""
        height, dealings = self._board.height(), self._memory.dealings()
        if (height, len(dealings)) == self._seen:
            return None
        self._seen = (height, len(dealings))
        posts = self._board.posts()
        try:
            progress = await asyncio.to_thread(read_board, self._terms, posts, height, dealings)
        except DealingMissing as missing:
            await self._ask([missing.digest])
            return None
        self._take_named(progress)
        return progress

    def _take_named(self, progress: Progress) -> None:
        self._named = frozenset(progress.digests.values())
        for sender, body in list(self._unconfirmed.items()):
            if dealing_digest(body) in self._named:
                self._memory.keep(body)
                del self._unconfirmed[sender]

    async def _act(self, progress: Progress) -> None:
        member, stage = self._member, progress.round
        if stage is Round.DEALING and member.dealer in progress.awaited and not self._dealt:
            self._dealt = True
            body = await asyncio.to_thread(member.dealing, progress)
            self._memory.keep(body)
            await self._peers.broadcast(DEALING, body)
        if not member.awaited(progress) or self._board.height() < self._sent.get(stage, 0):
            return
        if stage is Round.COMPLAINTS and self._memory.said(stage) is None:
            missing = member.missing(progress, self._memory.dealings())
            patience = progress.begin + (self._terms.round_blocks + 1) // 2
            if missing and self._board.height() < patience:
                await self._ask(missing.values())
                return
        await self._post(progress)

    async def _post(self, progress: Progress) -> None:
        """Say it, or say it again where a reorganisation has taken it back: always in the words decided on."""
        stage = progress.round
        data = self._memory.said(stage)
        if data is None:
            data = await asyncio.to_thread(self._member.post, progress, self._memory.dealings())
            self._memory.remember(stage, data)
        try:
            self._sent[stage] = await self._board.post(data)
        except (RpcUnavailable, ReceiptTimeout) as error:
            log.warning("ceremony_post_delayed", round=stage.name, error=str(error))
            return
        log.info("ceremony_posted", round=stage.name, block=self._sent[stage], bytes=len(data))

    async def _ask(self, digests: Iterable[bytes]) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked >= _ASK_SECONDS:
            self._asked = now
            await self._peers.broadcast(WANTED, b"".join(digests))

    async def _on_dealing(self, sender: bytes, payload: bytes) -> None:
        if len(payload) > POST_BYTES:
            raise InvalidGossip(f"a dealing of {len(payload)} bytes")
        if dealing_digest(payload) in self._named:
            self._memory.keep(payload)
        else:
            # Perhaps its digest is not final yet: one is kept for each peer, the newest.
            self._unconfirmed[sender] = payload

    async def _on_wanted(self, sender: bytes, payload: bytes) -> None:
        if len(payload) % DIGEST_BYTES or len(payload) > DIGEST_BYTES * len(self._terms.dealers):
            raise InvalidGossip(f"{len(payload)} bytes of digests")
        kept = self._memory.dealings()
        for at in range(0, len(payload), DIGEST_BYTES):
            body = kept.get(payload[at : at + DIGEST_BYTES])
            if body is not None:
                await self._peers.broadcast(DEALING, body)

    async def _on_done(self, sender: bytes, payload: bytes) -> None:
        if payload != self._terms.digest:
            raise InvalidGossip("the end of another ceremony")
        self._done.add(sender)
