"""Proposals, votes and certificates of the batch in work: what is sent, what is counted, what is signed.

There is one batch in work at a time (K = 0): number n+1 is built on n once the hub has made n final. A peer may know of
that finality a moment earlier; what it sends then is kept until this node has caught up.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog

from node.chains.certificates import BatchCommitment, Certificate, ValidatorKey
from node.ledger.batch import Batch
from node.ledger.errors import WireError
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, Digest
from node.ledger.wire import batch_hash, decode_batch
from node.network.errors import InvalidGossip, NetworkError
from node.sequencing.committer import Committer
from node.sequencing.errors import Dispute, PayloadMalformed
from node.sequencing.latency import Latencies
from node.sequencing.payloads import (
    CERTIFICATE,
    DISPUTE,
    PROPOSAL,
    VOTE,
    CertificatePayload,
    DisputePayload,
    ProposalPayload,
    VotePayload,
)
from node.sequencing.ports import Clock, Mesh
from node.sequencing.proposer import Draft
from node.sequencing.rotation import Rotation, proposer_of
from node.sequencing.voter import Voter
from node.sequencing.votes import Certified, VoteBook, commitment_digest, require_certified
from node.store import CertifiedBatch, DoubleVote, Store

_ATTEMPTS_AHEAD: Final = 256
_EARLY: Final = {PROPOSAL: 2, VOTE: 64, CERTIFICATE: 4}
"""Payloads of each topic that are kept of each peer for the batch after the one in work."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Work:
    """Everything about one batch number that is forgotten once it is final."""

    drafts: dict[Digest, Draft] = field(default_factory=dict)
    """Executed here, by hash of the body."""
    bodies: dict[Digest, bytes] = field(default_factory=dict)
    started: dict[Digest, float] = field(default_factory=dict)
    """When this node began to build a proposal of its own."""
    examined: set[int] = field(default_factory=set)
    """Attempts whose proposal was taken up."""
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    """This node's own proposal and votes, for a peer that connects again."""
    certified: Certified | None = None
    certified_ms: float | None = None


class Consensus:
    """One validator's votes. Handlers run on the event loop; `begin` sets the final state to build on."""

    def __init__(
        self,
        house: House,
        key: ValidatorKey,
        state: LedgerState,
        *,
        mesh: Mesh,
        store: Store,
        voter: Voter,
        rotation: Rotation,
        committer: Committer,
        latencies: Latencies,
        clock: Clock,
    ) -> None:
        self._house = house
        self._key = key
        self.address = Address(key.address)
        """This validator's."""
        self._mesh = mesh
        self._store = store
        self._voter = voter
        self._rotation = rotation
        self._committer = committer
        self._latencies = latencies
        self._clock = clock
        self._votes = VoteBook(house)
        self._work = _Work()
        self._early: list[tuple[Address, str, bytes]] = []
        self._examining: asyncio.Task[None] | None = None
        self.state = state
        rotation.begin(state.number + 1)
        mesh.on(PROPOSAL, self._on_proposal)
        mesh.on(VOTE, self._on_vote)
        mesh.on(CERTIFICATE, self._on_certificate)
        mesh.on(DISPUTE, self._on_dispute)
        mesh.on_connect(self._send_again)

    @property
    def number(self) -> int:
        """The batch in work."""
        return self.state.number + 1

    @property
    def busy(self) -> bool:
        """Whether a proposal is being examined, or the batch is certified and waits for the hub."""
        return self._work.certified is not None or self._examining is not None

    @property
    def certified(self) -> Certified | None:
        """The certificate of the batch in work, if there is one."""
        return self._work.certified

    def draft(self, digest: bytes) -> Draft | None:
        """A batch of the number in work that was executed here, by its hash."""
        return self._work.drafts.get(Digest(digest))

    def bodies(self) -> tuple[bytes, ...]:
        """Bodies seen for the number in work."""
        return tuple(self._work.bodies.values())

    @property
    def certified_ms(self) -> float | None:
        """Milliseconds from the start of this node's own proposal to its certificate."""
        return self._work.certified_ms

    def started(self, digest: bytes) -> float | None:
        """When this node began to build the proposal with this hash."""
        return self._work.started.get(Digest(digest))

    async def begin(self, state: LedgerState) -> None:
        """`state` is final: the next number is in work, and what came too early for it is looked at."""
        await self._committer.stop()
        self._stop_examining()
        self._work = _Work()
        self._votes.clear()
        self.state = state
        self._rotation.begin(self.number)
        early, self._early = self._early, []
        handlers = {PROPOSAL: self._on_proposal, VOTE: self._on_vote, CERTIFICATE: self._on_certificate}
        for sender, topic, payload in early:
            try:
                await handlers[topic](sender, payload)
            except InvalidGossip as error:
                log.warning("early_payload_refused", peer=sender.hex(), topic=topic, reason=error.reason)

    async def resume(self) -> None:
        """After a restart: what this node knows to be certified goes to the hub again."""
        for entry in await asyncio.to_thread(self._store.certified, self.number):
            commitment = BatchCommitment(
                entry.number, entry.previous_root, entry.new_root, entry.batch_hash, self._house.epoch
            )
            certified = Certified(commitment, Certificate.decode(entry.certificate))
            try:
                require_certified(self._house, certified)
            except InvalidGossip as error:
                # Certified before a rotation and not on the hub by then: void, and others make the batch anew.
                log.warning("certificate_void", number=entry.number, reason=error.reason)
                continue
            self._work.bodies[entry.batch_hash] = entry.body
            await self._certify(certified)

    async def stop(self) -> None:
        """Stop examining and committing."""
        self._stop_examining()
        await self._committer.stop()

    def _stop_examining(self) -> None:
        if self._examining is not None:
            self._examining.cancel()
            self._examining = None

    # Proposing.

    async def propose(self, attempt: int, draft: Draft, started: float) -> None:
        """Send this node's own proposal, with its vote. A vote already cast at this attempt wins over it.

        Raises:
            NetworkError: the proposal cannot be sent, for its size; this node's turn is over then.
        """
        self._work.examined.add(attempt)
        vote = await self._sign(attempt, draft)
        if vote is None:
            return
        self._keep(draft)
        self._work.started[draft.hash] = started
        await self._send(PROPOSAL, ProposalPayload(attempt, draft.body).encode())
        await self._send(VOTE, vote.encode())
        await self._count(self.address, vote)

    def passed(self, attempt: int) -> None:
        """This node has nothing to propose at its own turn."""
        self._work.examined.add(attempt)

    def turn_is_open(self, attempt: int) -> bool:
        """Whether it is this node's turn and it has not used it yet."""
        mine = proposer_of(self._house.validators, self.number, attempt) == self.address
        return mine and attempt not in self._work.examined

    def _keep(self, draft: Draft) -> None:
        self._work.drafts[draft.hash] = draft
        self._work.bodies[draft.hash] = draft.body

    async def _send(self, topic: str, payload: bytes) -> None:
        entry = (topic, payload)
        work = self._work
        work.sent.append(entry)
        try:
            await self._mesh.broadcast(topic, payload)
        except NetworkError:
            # What cannot be sent now cannot be sent to a peer that connects later either.
            work.sent.remove(entry)
            raise

    # Judging proposals.

    async def _on_proposal(self, sender: bytes, payload: bytes) -> None:
        try:
            proposal = ProposalPayload.decode(payload)
            batch = await asyncio.to_thread(decode_batch, proposal.body)
        except (PayloadMalformed, WireError) as error:
            raise InvalidGossip(str(error)) from error
        if self._comes_early(sender, PROPOSAL, payload, batch.number) or batch.number != self.number:
            return
        attempt = proposal.attempt
        if sender != proposer_of(self._house.validators, batch.number, attempt) or batch.proposer != sender:
            raise InvalidGossip(f"a proposal out of turn at attempt {attempt}")
        self._hear(Address(sender), attempt)
        if not self._rotation.votes_at(attempt) or attempt in self._work.examined or self._work.certified:
            return
        self._rotation.adopt(attempt)
        self._work.examined.add(attempt)
        self._stop_examining()
        work = self._examine(self.state, attempt, batch, proposal.body)
        self._examining = asyncio.create_task(work, name=f"examine {batch.number}/{attempt}")

    async def _examine(self, state: LedgerState, attempt: int, batch: Batch, body: bytes) -> None:
        this = asyncio.current_task()
        digest = batch_hash(body)
        self._work.bodies[digest] = body
        try:
            executed = await self._voter.examine(state, attempt, batch)
            await self._approve(state, attempt, Draft(batch, body, digest, executed))
        except Dispute as dispute:
            log.warning(
                "proposal_disputed", number=batch.number, attempt=attempt, rule=dispute.rule, detail=dispute.detail
            )
            answer = DisputePayload(attempt, batch.number, dispute).encode()
            try:
                await self._mesh.send(batch.proposer, DISPUTE, answer)
            except NetworkError as error:
                log.info("dispute_not_delivered", peer=batch.proposer.hex(), reason=str(error))
        except Exception:
            log.exception("examination_failed", number=batch.number, attempt=attempt)
        finally:
            if self._examining is this:
                self._examining = None
                self._rotation.progress()

    async def _approve(self, state: LedgerState, attempt: int, draft: Draft) -> None:
        if self.state is not state or attempt < self._rotation.attempt:
            return
        self._keep(draft)
        vote = await self._sign(attempt, draft)
        if vote is not None:
            await self._send(VOTE, vote.encode())
            await self._count(self.address, vote)

    async def _sign(self, attempt: int, draft: Draft) -> VotePayload | None:
        """This validator's vote, written down before it exists; None if it voted for another batch at this attempt."""
        batch = draft.batch
        commitment = BatchCommitment(batch.number, batch.previous_root, batch.new_root, draft.hash, self._house.epoch)
        digest = Digest(commitment_digest(self._house, commitment))
        try:
            await asyncio.to_thread(self._store.record_vote, batch.number, attempt, digest)
        except DoubleVote as error:
            log.warning("vote_withheld", number=batch.number, attempt=attempt, reason=str(error))
            return None
        return VotePayload(attempt, commitment, self._key.sign_digest(digest))

    # Counting votes.

    async def _on_vote(self, sender: bytes, payload: bytes) -> None:
        try:
            vote = VotePayload.decode(payload)
        except PayloadMalformed as error:
            raise InvalidGossip(str(error)) from error
        number = vote.commitment.number
        if self._comes_early(sender, VOTE, payload, number) or number != self.number:
            return
        self._hear(Address(sender), vote.attempt)
        if vote.attempt <= self._rotation.attempt + _ATTEMPTS_AHEAD:
            await self._count(Address(sender), vote)

    async def _count(self, voter: Address, vote: VotePayload) -> None:
        if vote.commitment.number != self.number:
            return
        certified = self._votes.add(voter, vote)
        if certified is not None:
            await self._certify(certified)

    async def _on_certificate(self, sender: bytes, payload: bytes) -> None:
        try:
            received = CertificatePayload.decode(payload)
        except PayloadMalformed as error:
            raise InvalidGossip(str(error)) from error
        number = received.commitment.number
        if self._comes_early(sender, CERTIFICATE, payload, number) or number != self.number:
            return
        certified = Certified(received.commitment, received.certificate)
        require_certified(self._house, certified)
        await self._certify(certified)

    async def _certify(self, certified: Certified) -> None:
        """The batch has a certificate: keep it, tell it, bring it to the hub."""
        work, commitment = self._work, certified.commitment
        if work.certified is not None and work.certified.commitment == commitment:
            return
        work.certified = certified
        digest = Digest(commitment.batch_hash)
        log.info("batch_certified", number=commitment.number, hash=digest.hex())
        body = work.bodies.get(digest)
        if body is not None:
            entry = CertifiedBatch(
                number=commitment.number,
                previous_root=Digest(commitment.previous_root),
                new_root=Digest(commitment.new_root),
                batch_hash=digest,
                body=body,
                certificate=certified.certificate.encode(),
            )
            await asyncio.to_thread(self._store.save_certified, entry)
        if digest in work.started:
            work.certified_ms = (self._clock() - work.started[digest]) * 1000
            self._latencies.certified.add(work.certified_ms)
            await self._mesh.broadcast(CERTIFICATE, CertificatePayload(commitment, certified.certificate).encode())
        if work is self._work:
            self._committer.begin(certified, self._proposer_of(digest))

    def _proposer_of(self, digest: Digest) -> Address:
        draft = self._work.drafts.get(digest)
        return draft.batch.proposer if draft else proposer_of(self._house.validators, self.number, 0)

    # Peers.

    async def _on_dispute(self, sender: bytes, payload: bytes) -> None:
        try:
            answer = DisputePayload.decode(payload)
        except PayloadMalformed as error:
            raise InvalidGossip(str(error)) from error
        dispute = answer.dispute
        log.warning(
            "own_proposal_disputed",
            peer=sender.hex(),
            number=answer.number,
            attempt=answer.attempt,
            rule=dispute.rule,
            detail=dispute.detail,
        )

    async def _send_again(self, peer: bytes) -> None:
        """A session that broke lost what was queued: the peer gets this node's present messages again."""
        certified = self._work.certified
        messages = list(self._work.sent)
        if certified is not None:
            payload = CertificatePayload(certified.commitment, certified.certificate).encode()
            messages.append((CERTIFICATE, payload))
        try:
            for topic, payload in messages:
                await self._mesh.send(peer, topic, payload)
        except NetworkError as error:
            log.info("peer_left_again", peer=peer.hex(), reason=str(error))

    def _comes_early(self, sender: bytes, topic: str, payload: bytes, number: int) -> bool:
        """Keep what is about the batch after the one in work, for at most a few payloads of each peer."""
        if number != self.number + 1:
            return False
        held = [known for peer, known, _ in self._early if (peer, known) == (sender, topic)]
        if len(held) < _EARLY[topic]:
            self._early.append((Address(sender), topic, payload))
        return True

    def _hear(self, validator: Address, attempt: int) -> None:
        if self._rotation.heard(validator, attempt):
            log.info("attempt_caught_up", number=self.number, attempt=self._rotation.attempt)
