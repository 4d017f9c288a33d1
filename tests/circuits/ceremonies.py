"""Whole ceremonies in memory: one board, a network that loses what a dealer withholds, members who misbehave."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from circuits.ceremony import CeremonyKind, CeremonyTerms, Complaint, Post, Round, encode_complaints
from circuits.ceremony_board import Progress, read_board
from circuits.ceremony_member import CeremonyMember
from circuits.committee import CommitteeKey, KeyShare, combine, decryption_share, verify_share
from circuits.dealing import DEALING_BASE, DealtPolynomial, dealing_digest, make_dealing
from circuits.dkg import make_extraction
from circuits.group import Point, encode_scalar, msm, scalar
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Opening

ROUND_BLOCKS = 10
START = 100
CONTEXT = b"a deployment, its first ceremony"


def name(place: int) -> bytes:
    """A member's 20-byte address."""
    return place.to_bytes(20, "big")


def seed(place: int, label: str = "") -> bytes:
    """A member's seed: fixed, so that ceremonies repeat."""
    return hashlib.sha256(f"seed {place} {label}".encode()).digest()


def key_terms(threshold: int, members: int) -> CeremonyTerms:
    """Terms of a new key."""
    names = tuple(name(place) for place in range(1, members + 1))
    return CeremonyTerms(CeremonyKind.KEY, CONTEXT, names, names, threshold, START, ROUND_BLOCKS)


class Actor:
    """An honest participant; adversaries override what they do otherwise."""

    def __init__(self, member: CeremonyMember, place: bytes) -> None:
        self.member, self.name = member, place
        self.at_hand: dict[bytes, bytes] = {}

    def body(self, progress: Progress) -> bytes:
        return self.member.dealing(progress)

    def reaches(self, recipient: bytes) -> bool:
        return True

    def posts(self, progress: Progress) -> list[bytes]:
        return [self.member.post(progress, self.at_hand)]

    def said(self, progress: Progress, payload: bytes) -> bytes:
        return self.member.terms.post(progress.round, payload)


class Absent(Actor):
    """Never there."""

    def posts(self, progress: Progress) -> list[bytes]:
        return []

    def reaches(self, recipient: bytes) -> bool:
        return False


class Silent(Actor):
    """There until a round comes, and not after."""

    stage = Round.EXTRACTION

    def posts(self, progress: Progress) -> list[bytes]:
        return [] if progress.round >= self.stage else super().posts(progress)


def silent_from(stage: Round) -> type[Actor]:
    return type(f"SilentFrom{stage.name}", (Silent,), {"stage": stage})


class WrongShares(Actor):
    """Sends everybody a share off its polynomial, under a valid proof of possession."""

    victims: tuple[int, ...] = tuple(range(1, 65))

    def body(self, progress: Progress) -> bytes:
        terms, member = self.member.terms, self.member
        assert member.dealer is not None
        assert member._polynomial is not None
        victims = self.victims

        class Bent(DealtPolynomial):
            __slots__ = ()

            def share(self, recipient: int):  # type: ignore[no-untyped-def]
                right = super().share(recipient)
                return replace(right, value=right.value + scalar(1)) if recipient in victims else right

        bent = Bent(member._polynomial.values, member._polynomial.blindings)
        keys = progress.keys_for(terms, member.dealer)
        return make_dealing(terms, member.dealer, bent, keys, member._seed)

    def posts(self, progress: Progress) -> list[bytes]:
        if progress.round is Round.DEALING:
            return [self.said(progress, dealing_digest(self.body(progress)))]
        if progress.round is Round.ANSWERS:
            return [self.said(progress, self.body(progress))]
        return super().posts(progress)


class NoProof(WrongShares):
    """A dealing whose proof of possession is another's."""

    def body(self, progress: Progress) -> bytes:
        right = self.member.dealing(progress)
        return right[:-32] + encode_scalar(scalar(5))


class Rubbish(WrongShares):
    """A dealing that decodes to nothing."""

    def body(self, progress: Progress) -> bytes:
        return b"rubbish"


class Withholds(Actor):
    """Sends its dealing to nobody, and puts it on the board when asked."""

    def reaches(self, recipient: bytes) -> bool:
        return False


class WithholdsWrong(WrongShares):
    """Sends its wrong dealing to nobody, and puts it on the board when asked."""

    def reaches(self, recipient: bytes) -> bool:
        return False


class WithholdsForGood(Withholds):
    """Sends its dealing to nobody, and does not answer."""

    def posts(self, progress: Progress) -> list[bytes]:
        return [] if progress.round is Round.ANSWERS else super().posts(progress)


class FalseComplaint(Actor):
    """Accuses every dealer with its true box keys, though the shares are right."""

    def evidence(self, dealer: int) -> bytes | None:
        return self.member._box_secret(dealer)

    def posts(self, progress: Progress) -> list[bytes]:
        if progress.round is not Round.COMPLAINTS:
            return super().posts(progress)
        found = [Complaint(dealer, self.evidence(dealer)) for dealer in progress.digests]
        return [self.said(progress, encode_complaints(found))]


class ForgedComplaint(FalseComplaint):
    """Accuses every dealer with keys it never registered."""

    def evidence(self, dealer: int) -> bytes | None:
        return bytes([dealer]) * 32


class ClaimsNothingCame(FalseComplaint):
    """Says of every dealer that nothing came, which nobody can disprove."""

    def evidence(self, dealer: int) -> bytes | None:
        return None


class Equivocates(Actor):
    """Says two things in every round."""

    def posts(self, progress: Progress) -> list[bytes]:
        right = super().posts(progress)
        return [*right, right[0] + b"\x00"]


class Malformed(Actor):
    """Says in every round what nobody can read."""

    def posts(self, progress: Progress) -> list[bytes]:
        return [self.said(progress, b"malformed")]


class LowOrderKeys(Actor):
    """Registers box keys with which every exchange gives zero."""

    def posts(self, progress: Progress) -> list[bytes]:
        if progress.round is Round.REGISTRATION:
            return [self.said(progress, bytes(32 * len(self.member.terms.dealers)))]
        return super().posts(progress)


class OtherExtraction(Actor):
    """Shows Feldman commitments of another polynomial than it dealt, proved as well as it can."""

    def posts(self, progress: Progress) -> list[bytes]:
        if progress.round is not Round.EXTRACTION:
            return super().posts(progress)
        assert self.member.dealer is not None
        assert self.member._polynomial is not None
        dealt = self.member._polynomial
        values = (dealt.values[0] + scalar(1), *dealt.values[1:])
        other = DealtPolynomial(values, dealt.blindings)
        terms, dealing = self.member.terms, progress.qualified[self.member.dealer]
        forged = dealing.__class__(dealing.dealer, _images(other), dealing.box_key, dealing.boxes)
        return [self.said(progress, make_extraction(terms, forged, other))]


def _images(polynomial: DealtPolynomial) -> tuple[Point, ...]:
    pairs = zip(polynomial.values, polynomial.blindings, strict=True)
    return tuple(msm([HANDLE_BASE, DEALING_BASE], list(pair)) for pair in pairs)


class DealsZeros(Actor):
    """Deals the polynomial x^2 + 0·x + 0, whose Feldman commitments have no encoding, with all the right proofs."""

    def __init__(self, member: CeremonyMember, place: bytes) -> None:
        super().__init__(member, place)
        assert member._polynomial is not None
        zeros = (scalar(0),) * (member.terms.threshold - 1)
        member._polynomial = DealtPolynomial((*zeros, scalar(1)), member._polynomial.blindings)


class WrongReconstruction(Actor):
    """Shows wrong shares of a dealer that must be reconstructed."""

    def posts(self, progress: Progress) -> list[bytes]:
        right = super().posts(progress)
        if progress.round is Round.RECONSTRUCTION:
            return [right[0][:-1] + bytes([right[0][-1] ^ 1])]
        return right


UNPROVABLE: tuple[type[Actor], ...] = (Withholds, ClaimsNothingCame)
"""Those who cost time and against whom nothing can be proved: the network might have lost it."""
ADVERSARIES: tuple[type[Actor], ...] = (
    Absent,
    *(silent_from(stage) for stage in (Round.DEALING, Round.COMPLAINTS, Round.EXTRACTION)),
    WrongShares,
    NoProof,
    Rubbish,
    Withholds,
    WithholdsWrong,
    WithholdsForGood,
    FalseComplaint,
    ForgedComplaint,
    ClaimsNothingCame,
    Equivocates,
    Malformed,
    LowOrderKeys,
    OtherExtraction,
    DealsZeros,
    WrongReconstruction,
)


@dataclass
class Ceremony:
    """A board and everyone at it."""

    terms: CeremonyTerms
    actors: list[Actor]
    board: list[Post] = field(default_factory=list)
    height: int = START

    def progress(self, actor: Actor) -> Progress:
        """Where the ceremony stands in this actor's eyes."""
        return read_board(self.terms, self.board, self.height, actor.at_hand)

    def run(self, watcher: Actor) -> Progress:
        """Until the watcher, who is honest, sees it done."""
        while (progress := self.progress(watcher)).round is not Round.DONE:
            self.step(progress)
        return progress

    def step(self, progress: Progress) -> None:
        """One block with everybody's posts, or, if nobody has any, the round's last block."""
        said = []
        for actor in self.actors:
            if progress.round is Round.DEALING and actor.member.dealer is not None:
                self._deliver(actor, progress)
            if actor.member.awaited(progress):
                said += [(actor.name, data) for data in actor.posts(progress)]
        self.height = self.height + 1 if said else progress.deadline
        self.board += [Post(self.height, author, data) for author, data in said]

    def _deliver(self, dealer: Actor, progress: Progress) -> None:
        body = dealer.body(progress)
        for actor in self.actors:
            if actor is dealer or dealer.reaches(actor.name):
                actor.at_hand[dealing_digest(body)] = body


Cast = Mapping[int, type[Actor]]
"""Which members, by place, are not honest, and how."""


def make_ceremony(
    terms: CeremonyTerms,
    cast: Cast = {},  # noqa: B006
    shares: Callable[[bytes], KeyShare | None] = lambda _: None,
    label: str = "",
) -> Ceremony:
    """Everybody in place; `shares` gives the old ones by name."""
    names = list(dict.fromkeys(terms.dealers + terms.recipients))
    actors = []
    for place in names:
        number = int.from_bytes(place, "big")
        member = CeremonyMember(terms, place, seed(number, label), shares(place))
        actors.append(cast.get(number, Actor)(member, place))
    return Ceremony(terms, actors)


@dataclass(frozen=True)
class Held:
    """A committee and the shares of its honest members, by name."""

    committee: CommitteeKey
    shares: dict[bytes, KeyShare]
    progress: Progress


def hold(ceremony: Ceremony, cast: Cast = {}) -> Held:  # noqa: B006
    """Run it; every honest member must see the same."""
    honest = [actor for actor in ceremony.actors if int.from_bytes(actor.name, "big") not in cast]
    progress = ceremony.run(honest[0])
    assert progress.committee is not None
    shares = {}
    for actor in honest:
        seen = ceremony.progress(actor)
        assert (seen.committee, seen.faults) == (progress.committee, progress.faults)
        if actor.member.recipient is not None:
            shares[actor.name] = actor.member.share(seen)
    return Held(progress.committee, shares, progress)


def make_key(threshold: int, members: int, cast: Cast = {}, label: str = "") -> Held:  # noqa: B006
    """A committee made without a dealer."""
    return hold(make_ceremony(key_terms(threshold, members), cast, label=label), cast)


def blamed(progress: Progress) -> set[int]:
    """The places of those something is held against."""
    return {int.from_bytes(fault.member, "big") for fault in progress.faults}


def names(places: Sequence[int]) -> tuple[bytes, ...]:
    """Names of these places."""
    return tuple(name(place) for place in places)


def opens(committee: CommitteeKey, shares: Sequence[KeyShare]) -> bool:
    """Whether these shares decrypt what is committed under the key."""
    commitment = committee.key.commit(Opening.fresh(-77))
    context = b"a test"
    answers = [decryption_share(committee, share, commitment, context) for share in shares]
    verified = [verify_share(committee, commitment, answer, context) for answer in answers]
    return combine(committee, commitment, verified) == VALUE_BASE * scalar(-77)
