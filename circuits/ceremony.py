"""A ceremony's public side: who takes part, what its rounds are, what is posted, and what can be held against whom.

Three kinds of ceremony share one protocol: making a key, renewing its shares, handing them to another committee.

    1 registration     each recipient posts one box key for each dealer
    2 dealing          each dealer posts the digest of its dealing, and sends the dealing itself to every recipient
    3 complaints       each recipient posts which dealings never came, and opens the boxes that held wrong shares
    4 answers          dealers whose dealing did not come to someone post it in full
    5 late complaints  those who waited for an answer say whether their share was right
    6 extraction       (a new key) qualified dealers show the Feldman commitments of what they dealt
    7 reconstruction   (a new key) recipients show the shares of a qualified dealer that did not

A round ends with the block in which the last awaited post stands, or `round_blocks` after the one before it; only
posts in between count, and who posted nothing is absent. Rounds in which nobody is awaited are left out. All posts
stand on a board with one order that everybody reads alike; dealings travel beside it and are named there by digest.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from eth_hash.auto import keccak

from circuits.committee import CommitteeKey, check_numbers
from circuits.errors import CircuitError, DecodingError, StatementUnsound

POST_BYTES: Final = 9_216
"""No post is longer: 64 recipients and a threshold of 64 fit."""
DIGEST_BYTES: Final = 32
_HEADER_BYTES: Final = DIGEST_BYTES + 1


class CeremonyKind(IntEnum):
    """What comes out of a ceremony."""

    KEY = 1
    """A key that nobody knows."""
    REFRESH = 2
    """The same key, the same members, other shares."""
    RESHARE = 3
    """The same key shared among other members, or with another threshold."""


class Round(IntEnum):
    """The rounds, in their order; the last two are those of a new key."""

    REGISTRATION = 1
    DEALING = 2
    COMPLAINTS = 3
    ANSWERS = 4
    LATE_COMPLAINTS = 5
    EXTRACTION = 6
    RECONSTRUCTION = 7
    DONE = 8


DEALERS_POST: Final = frozenset({Round.DEALING, Round.ANSWERS, Round.EXTRACTION})
"""Rounds in which dealers post; in the others recipients do."""


class FaultKind(IntEnum):
    """What can be held against a member, from the board and the dealings alone."""

    ABSENT = 1
    """Awaited in a round, and no post by its end."""
    EQUIVOCATION = 2
    """Two different posts in one round: neither counts."""
    MALFORMED = 3
    """A post that is no canonical encoding of what the round asks for."""
    INVALID_DEALING = 4
    """A dealing that does not decode, or whose proof of possession fails."""
    WRONG_SHARE = 5
    """A box that does not open, or a share off the dealt polynomial; its recipient opened it for everyone."""
    FALSE_COMPLAINT = 6
    """A complaint against a right share, or with a key that was never registered."""
    WRONG_EXTRACTION = 7
    """Feldman commitments that are not those of the dealing."""
    WRONG_RECONSTRUCTION = 8
    """A share of somebody else's polynomial that is off it."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """`member` (its name) did `kind` in `round`; `against` is the other side's index, 0 where there is none."""

    round: Round
    member: bytes
    kind: FaultKind
    against: int = 0

    def __str__(self) -> str:
        other = f" (member {self.against})" if self.against else ""
        kind, place = self.kind.name.lower().replace("_", " "), self.round.name.lower().replace("_", " ")
        return f"0x{self.member.hex()}: {kind} in {place}{other}"


@dataclass
class CeremonyFailed(CircuitError):
    """More members failed than the threshold leaves room for; a new ceremony is needed, without them."""

    reason: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.reason}: " + "; ".join(map(str, self.faults))


@dataclass
class DealingMissing(CircuitError):
    """Nobody complained, so the dealing is out there: it must be fetched before this board can be judged."""

    dealer: int
    digest: bytes

    def __str__(self) -> str:
        return f"the dealing {self.digest.hex()} of dealer {self.dealer} is not at hand"


@dataclass(frozen=True)
class CeremonyTerms:
    """What all members agree on beforehand.

    `context` names what the key is for and anything else to be bound (deployment, attempt); `dealers` and
    `recipients` are names (addresses) in the order of their indices from 1; `start` is the block after which
    posts count. A new key and a refresh have the same members on both sides.

    Raises:
        StatementUnsound: numbers that cannot be, names twice, or members that do not fit the kind.
    """

    kind: CeremonyKind
    context: bytes
    dealers: tuple[bytes, ...]
    recipients: tuple[bytes, ...]
    threshold: int
    start: int
    round_blocks: int
    previous: CommitteeKey | None = None

    def __post_init__(self) -> None:
        check_numbers(self.threshold, len(self.recipients))
        if self.round_blocks < 1 or self.start < 0:
            raise StatementUnsound("a ceremony's rounds have at least one block, after a block that can be")
        for names in (self.dealers, self.recipients):
            if len(set(names)) != len(names):
                raise StatementUnsound("a member stands twice in a ceremony")
        if self.kind is not CeremonyKind.RESHARE and self.dealers != self.recipients:
            raise StatementUnsound("the members that deal are not those that receive")
        if (self.previous is None) != (self.kind is CeremonyKind.KEY):
            raise StatementUnsound("only shares of a key that exists are renewed or handed on")
        if self.previous is not None and len(self.previous.public_shares) != len(self.dealers):
            raise StatementUnsound("the dealers are not the members of the previous committee")
        if self.kind is CeremonyKind.REFRESH:
            if self.previous is not None and self.previous.threshold != self.threshold:
                raise StatementUnsound("a refresh keeps the threshold; resharing changes it")
            if self.threshold == 1:
                raise StatementUnsound("shares of a threshold of one are the secret itself: there is no refresh")

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that every post, box and proof of this ceremony is bound to."""
        parts = [
            b"zkclear/v1/ceremony",
            bytes([self.kind]),
            self.threshold.to_bytes(2, "big"),
            self.start.to_bytes(32, "big"),
            self.round_blocks.to_bytes(32, "big"),
            len(self.dealers).to_bytes(2, "big"),
            *self.dealers,
            len(self.recipients).to_bytes(2, "big"),
            *self.recipients,
            self.context,
            b"" if self.previous is None else self.previous.encode(),
        ]
        return bytes(keccak(b"".join(len(part).to_bytes(4, "big") + part for part in parts)))

    @property
    def dealers_needed(self) -> int:
        """How many qualified dealers there must be: as many as it takes for an honest one to be among them."""
        return self.threshold if self.previous is None else self.previous.threshold

    def dealer(self, name: bytes) -> int | None:
        """A name's index among the dealers, from 1."""
        return self.dealers.index(name) + 1 if name in self.dealers else None

    def recipient(self, name: bytes) -> int | None:
        """A name's index among the recipients, from 1."""
        return self.recipients.index(name) + 1 if name in self.recipients else None

    def names(self, stage: Round) -> tuple[bytes, ...]:
        """Those whose indices a round's posts go by."""
        return self.dealers if stage in DEALERS_POST else self.recipients

    def post(self, stage: Round, payload: bytes) -> bytes:
        """What goes on the board: digest (32) ‖ round (1) ‖ payload."""
        return self.digest + bytes([stage]) + payload


@dataclass(frozen=True, slots=True)
class Post:
    """One entry of the board: its block, its author's name as the board vouches for it, its bytes."""

    block: int
    author: bytes
    data: bytes

    def payload(self, terms: CeremonyTerms, stage: Round) -> bytes | None:
        """What it says in this round of this ceremony; None if it belongs elsewhere."""
        header = terms.digest + bytes([stage])
        return self.data[_HEADER_BYTES:] if self.data[:_HEADER_BYTES] == header else None


@dataclass(frozen=True, slots=True)
class Complaint:
    """About one dealer: its dealing never came (`evidence` None), or the secret box key that shows its share wrong."""

    dealer: int
    evidence: bytes | None


_COMPLAINT_BYTES: Final = 1 + 2 + 32


def encode_complaints(complaints: list[Complaint]) -> bytes:
    """35 bytes each, in order of dealers: whether there is evidence (1), dealer (2), evidence or zeros (32)."""
    return b"".join(
        bytes([item.evidence is not None]) + item.dealer.to_bytes(2, "big") + (item.evidence or bytes(32))
        for item in sorted(complaints, key=lambda item: item.dealer)
    )


def decode_complaints(data: bytes) -> list[Complaint]:
    """From `encode_complaints`' bytes.

    Raises:
        DecodingError: another length, dealers out of order, or bytes that the encoding does not have.
    """
    if len(data) % _COMPLAINT_BYTES:
        raise DecodingError("complaints", f"{len(data)} bytes")
    found = []
    for at in range(0, len(data), _COMPLAINT_BYTES):
        known, dealer, evidence = data[at], int.from_bytes(data[at + 1 : at + 3], "big"), data[at + 3 : at + 35]
        found.append(Complaint(dealer, evidence if known else None))
    dealers = [item.dealer for item in found]
    if dealers != sorted(set(dealers)) or encode_complaints(found) != data:
        raise DecodingError("complaints", "not in their canonical form")
    return found
