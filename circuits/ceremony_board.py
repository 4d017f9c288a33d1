"""Reading a ceremony's board: a pure function from the ordered posts and the dealings to where everybody stands.

Equal boards give equal results, faults included, whoever reads them and whenever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from circuits.ceremony import (
    DIGEST_BYTES,
    CeremonyFailed,
    CeremonyKind,
    CeremonyTerms,
    Complaint,
    DealingMissing,
    Fault,
    FaultKind,
    Post,
    Round,
    decode_complaints,
)
from circuits.committee import CommitteeKey
from circuits.dealing import BoxKeys, Dealing, DealtShare, check_dealing, dealing_digest
from circuits.dkg import Extraction, assemble_key, check_extraction, decode_revealed, reconstruct
from circuits.errors import CircuitError, DecodingError, ProofRejected
from circuits.resharing import renewed_key
from circuits.share_boxes import BOX_KEY_BYTES, box_public_key, check_box_key


@dataclass(frozen=True, slots=True)
class Progress:
    """What a board says so far.

    `round` is open after block `begin` until `deadline` (inclusive) or until all `awaited` (indices; dealers or
    recipients, as the round has it) have posted; `posted` have. `box_keys` are by recipient then dealer, `digests` of
    dealings by dealer; `waiting` maps a dealer to the recipients its dealing did not come to; `qualified` dealings
    are known once complaints are settled; `unextracted` dealers are to be reconstructed. `committee` is there when
    the round is DONE; `faults` are in order of rounds and members.
    """

    round: Round
    begin: int
    deadline: int
    awaited: frozenset[int]
    posted: frozenset[int]
    box_keys: Mapping[int, tuple[bytes, ...]]
    digests: Mapping[int, bytes]
    waiting: Mapping[int, frozenset[int]]
    answers: Mapping[bytes, bytes]
    qualified: Mapping[int, Dealing]
    unextracted: frozenset[int]
    committee: CommitteeKey | None
    faults: tuple[Fault, ...]

    def keys_for(self, terms: CeremonyTerms, dealer: int) -> BoxKeys:
        """The box keys that this dealer seals to."""
        return _keys_for(terms, self.box_keys, dealer)


def read_board(terms: CeremonyTerms, posts: Sequence[Post], height: int, dealings: Mapping[bytes, bytes]) -> Progress:
    """Where the ceremony stands after block `height`; `posts` in the board's order, up to that block at least.

    `dealings` are those at hand, by digest; none is believed that does not hash to it.

    Raises:
        CeremonyFailed: too many members failed.
        DealingMissing: a dealing that nobody complained about, and that is needed by now, is not at hand.
    """
    reader = _Reader(terms, posts, height, dealings)
    for stage, step in (
        (Round.REGISTRATION, reader.registration),
        (Round.DEALING, reader.dealing),
        (Round.COMPLAINTS, reader.complaints),
        (Round.ANSWERS, reader.answering),
        (Round.LATE_COMPLAINTS, reader.late_complaints),
        (Round.EXTRACTION, reader.extraction),
        (Round.RECONSTRUCTION, reader.reconstruction),
    ):
        if not step():
            return reader.progress(stage)
    return reader.progress(Round.DONE)


class _Reader:
    """The rounds closed so far; each method closes one and answers whether it could."""

    def __init__(
        self, terms: CeremonyTerms, posts: Sequence[Post], height: int, dealings: Mapping[bytes, bytes]
    ) -> None:
        self.terms, self.posts, self.height = terms, posts, height
        self.bodies = {digest: body for digest, body in dealings.items() if dealing_digest(body) == digest}
        self.end = terms.start
        self.awaited: frozenset[int] = frozenset()
        self.posted: frozenset[int] = frozenset()
        self.keys: dict[int, tuple[bytes, ...]] = {}
        self.digests: dict[int, bytes] = {}
        self.accusations: dict[int, list[Complaint]] = {}
        self.waiting: dict[int, frozenset[int]] = {}
        self.answers: dict[bytes, bytes] = {}
        self.qualified: dict[int, Dealing] = {}
        self.settled = False
        self.extractions: dict[int, Extraction] = {}
        self.unextracted: frozenset[int] = frozenset()
        self.faults: list[Fault] = []

    def progress(self, stage: Round) -> Progress:
        done = stage is Round.DONE
        return Progress(
            stage,
            self.end,
            self.end if done else self.end + self.terms.round_blocks,
            frozenset() if done else self.awaited,
            frozenset() if done else self.posted,
            self.keys,
            self.digests,
            self.waiting,
            self.answers,
            self.qualified if self.settled else {},
            self.unextracted,
            self._committee() if done else None,
            tuple(sorted(self.faults)),
        )

    def registration(self) -> bool:
        closed = self._close(Round.REGISTRATION, range(1, len(self.terms.recipients) + 1))
        if closed is None:
            return False
        for recipient, payload in closed.items():
            size = BOX_KEY_BYTES
            keys = tuple(payload[at : at + size] for at in range(0, len(payload), size))
            try:
                if len(keys) != len(self.terms.dealers):
                    raise DecodingError("registration", f"{len(payload)} bytes")
                for key in keys:
                    check_box_key(key)
            except DecodingError:
                self._blame(Round.REGISTRATION, recipient, FaultKind.MALFORMED)
            else:
                self.keys[recipient] = keys
        self._require(len(self.keys), self.terms.threshold, "too few members registered")
        return True

    def dealing(self) -> bool:
        # Who did not show up to receive is not waited for as a dealer.
        missing = {name for place, name in enumerate(self.terms.recipients, 1) if place not in self.keys}
        dealers = [place for place, name in enumerate(self.terms.dealers, 1) if name not in missing]
        closed = self._close(Round.DEALING, dealers)
        if closed is None:
            return False
        for dealer, payload in closed.items():
            if len(payload) == DIGEST_BYTES:
                self.digests[dealer] = payload
            else:
                self._blame(Round.DEALING, dealer, FaultKind.MALFORMED)
        return True

    def complaints(self) -> bool:
        closed = self._close(Round.COMPLAINTS, self.keys)
        if closed is None:
            return False
        for recipient, payload in closed.items():
            for complaint in self._complaints(Round.COMPLAINTS, recipient, payload):
                if complaint.evidence is None:
                    so_far = self.waiting.get(complaint.dealer, frozenset())
                    self.waiting[complaint.dealer] = so_far | {recipient}
                else:
                    self.accusations.setdefault(recipient, []).append(complaint)
        return True

    def answering(self) -> bool:
        closed = self._close(Round.ANSWERS, self.waiting)
        if closed is None:
            return False
        for dealer, body in closed.items():
            if dealing_digest(body) == self.digests[dealer]:
                self.answers[self.digests[dealer]] = body
            else:
                self._blame(Round.ANSWERS, dealer, FaultKind.MALFORMED)
        return True

    def late_complaints(self) -> bool:
        answered = {dealer for dealer in self.waiting if self.digests[dealer] in self.answers}
        waiters = frozenset(who for dealer in answered for who in self.waiting[dealer])
        closed = self._close(Round.LATE_COMPLAINTS, waiters)
        if closed is None:
            return False
        for recipient, payload in closed.items():
            for complaint in self._complaints(Round.LATE_COMPLAINTS, recipient, payload):
                if complaint.evidence is None or recipient not in self.waiting.get(complaint.dealer, frozenset()):
                    self._blame(Round.LATE_COMPLAINTS, recipient, FaultKind.MALFORMED)
                else:
                    self.accusations.setdefault(recipient, []).append(complaint)
        self._settle()
        return True

    def extraction(self) -> bool:
        if self.terms.kind is not CeremonyKind.KEY:
            return True
        closed = self._close(Round.EXTRACTION, self.qualified)
        if closed is None:
            return False
        for dealer, payload in closed.items():
            try:
                self.extractions[dealer] = check_extraction(self.terms, self.qualified[dealer], payload)
            except DecodingError:
                self._blame(Round.EXTRACTION, dealer, FaultKind.MALFORMED)
            except ProofRejected:
                self._blame(Round.EXTRACTION, dealer, FaultKind.WRONG_EXTRACTION)
        self.unextracted = frozenset(self.qualified) - frozenset(self.extractions)
        return True

    def reconstruction(self) -> bool:
        closed = self._close(Round.RECONSTRUCTION, self.keys if self.unextracted else ())
        if closed is None:
            return False
        shares: dict[int, dict[int, DealtShare]] = {dealer: {} for dealer in self.unextracted}
        for recipient, payload in closed.items():
            for dealer, share in self._revealed(recipient, payload).items():
                shares[dealer][recipient] = share
        for dealer in sorted(self.unextracted):
            self._require(len(shares[dealer]), self.terms.threshold, "too few shares to reconstruct a dealer")
            self.extractions[dealer] = reconstruct(self.terms, dealer, shares[dealer])
        return True

    def _close(self, stage: Round, awaited: Iterable[int]) -> dict[int, bytes] | None:
        """The round's posts by index, once it is over: then its faults are noted and `end` is its last block."""
        self.awaited, self.posted = frozenset(awaited), frozenset()
        if not self.awaited:
            return {}
        names = self.terms.names(stage)
        deadline = self.end + self.terms.round_blocks
        said: dict[int, set[bytes]] = {}
        last = self.end
        for post in self.posts:
            payload = post.payload(self.terms, stage)
            if post.block <= self.end or post.block > min(deadline, self.height) or payload is None:
                continue
            if len(said) == len(self.awaited) and post.block > last:
                break
            place = names.index(post.author) + 1 if post.author in names else 0
            if place in self.awaited:
                said.setdefault(place, set()).add(payload)
                last = post.block
        self.posted = frozenset(said)
        if self.posted != self.awaited and self.height < deadline:
            return None
        self.end = last if self.posted == self.awaited else deadline
        return self._sort_out(stage, said)

    def _sort_out(self, stage: Round, said: Mapping[int, set[bytes]]) -> dict[int, bytes]:
        closed = {}
        for place in sorted(self.awaited):
            payloads = said.get(place, set())
            if len(payloads) == 1:
                closed[place] = next(iter(payloads))
            else:
                self._blame(stage, place, FaultKind.EQUIVOCATION if payloads else FaultKind.ABSENT)
        return closed

    def _complaints(self, stage: Round, recipient: int, payload: bytes) -> list[Complaint]:
        try:
            found = decode_complaints(payload)
        except DecodingError:
            self._blame(stage, recipient, FaultKind.MALFORMED)
            return []
        known = [item for item in found if item.dealer in self.digests]
        if len(known) != len(found):
            self._blame(stage, recipient, FaultKind.MALFORMED)
        return known

    def _settle(self) -> None:
        """Who is qualified: dealers with a valid dealing against whom no complaint is right."""
        for dealer, digest in sorted(self.digests.items()):
            if dealer in self.waiting and digest not in self.answers:
                continue  # blamed for it already
            body = self.answers.get(digest, self.bodies.get(digest))
            if body is None:
                raise DealingMissing(dealer, digest)
            keys = _keys_for(self.terms, self.keys, dealer)
            try:
                self.qualified[dealer] = check_dealing(self.terms, dealer, keys, body)
            except (DecodingError, ProofRejected):
                self._blame(Round.DEALING, dealer, FaultKind.INVALID_DEALING)
        wrong = {
            complaint.dealer
            for recipient, complaints in sorted(self.accusations.items())
            for complaint in complaints
            if complaint.dealer in self.qualified and self._is_right(recipient, complaint)
        }
        for dealer in wrong:
            del self.qualified[dealer]
        self.settled = True
        needed = self.terms.dealers_needed
        self._require(len(self.qualified), needed, "too few dealers are qualified")

    def _is_right(self, recipient: int, complaint: Complaint) -> bool:
        dealer, evidence = complaint.dealer, complaint.evidence
        if evidence is None or box_public_key(evidence) != self.keys[recipient][dealer - 1]:
            self._blame(Round.COMPLAINTS, recipient, FaultKind.FALSE_COMPLAINT, dealer)
            return False
        try:
            self.qualified[dealer].open(self.terms, recipient, evidence)
        except (DecodingError, ProofRejected):
            self._blame(Round.DEALING, dealer, FaultKind.WRONG_SHARE, recipient)
            return True
        self._blame(Round.COMPLAINTS, recipient, FaultKind.FALSE_COMPLAINT, dealer)
        return False

    def _revealed(self, recipient: int, payload: bytes) -> dict[int, DealtShare]:
        try:
            shares = decode_revealed(self.terms, self.unextracted, payload)
        except DecodingError:
            self._blame(Round.RECONSTRUCTION, recipient, FaultKind.MALFORMED)
            return {}
        right = {}
        for dealer, share in shares.items():
            try:
                self.qualified[dealer].check_share(recipient, share)
            except ProofRejected:
                self._blame(Round.RECONSTRUCTION, recipient, FaultKind.WRONG_RECONSTRUCTION, dealer)
            else:
                right[dealer] = share
        return right

    def _committee(self) -> CommitteeKey:
        try:
            if self.terms.previous is None:
                return assemble_key(self.terms, self.extractions)
            return renewed_key(self.terms, self.terms.previous, self.qualified)
        except CircuitError as error:
            raise CeremonyFailed(f"what came out is no key ({error})", tuple(sorted(self.faults))) from error

    def _blame(self, stage: Round, place: int, kind: FaultKind, against: int = 0) -> None:
        fault = Fault(stage, self.terms.names(stage)[place - 1], kind, against)
        if fault not in self.faults:
            self.faults.append(fault)

    def _require(self, have: int, need: int, reason: str) -> None:
        if have < need:
            raise CeremonyFailed(f"{reason} ({have} where {need} are needed)", tuple(sorted(self.faults)))


def _keys_for(terms: CeremonyTerms, keys: Mapping[int, tuple[bytes, ...]], dealer: int) -> BoxKeys:
    places = range(1, len(terms.recipients) + 1)
    return tuple(keys[place][dealer - 1] if place in keys else None for place in places)
