"""A member's private side of a ceremony: what it posts in each round, what it sends, and the share it ends with.

All that is secret follows from one 32-byte seed, so that a member that was interrupted says the same again from the
same board. A seed serves one ceremony: draw a new one for the next, and erase this one with the old share at the end.
"""

from collections.abc import Mapping

from circuits.ceremony import (
    DEALERS_POST,
    CeremonyKind,
    CeremonyTerms,
    Complaint,
    Round,
    encode_complaints,
)
from circuits.ceremony_board import Progress
from circuits.committee import KeyShare
from circuits.dealing import Dealing, DealtShare, check_dealing, dealing_digest, draw_polynomial, make_dealing
from circuits.dkg import encode_revealed, make_extraction
from circuits.errors import DecodingError, ProofRejected, ShareUnavailable, StatementUnsound
from circuits.group import ZERO
from circuits.polynomials import SeededSource
from circuits.resharing import renewed_share
from circuits.share_boxes import BOX_KEY_BYTES, box_public_key

SEED_BYTES = 32


class CeremonyMember:
    """One member, as dealer, recipient or both; `share` is its old one, where shares are renewed or handed on."""

    def __init__(self, terms: CeremonyTerms, name: bytes, seed: bytes, share: KeyShare | None = None) -> None:
        """`name` as it stands in the terms; `seed` has 32 secret bytes.

        Raises:
            StatementUnsound: no member of that name, or a seed of another length.
            WitnessInvalid, ProofRejected: a share is needed to deal, and this is not the dealer's.
        """
        self.dealer, self.recipient = terms.dealer(name), terms.recipient(name)
        if self.dealer is None and self.recipient is None:
            raise StatementUnsound(f"0x{name.hex()} takes no part in this ceremony")
        if len(seed) != SEED_BYTES:
            raise StatementUnsound(f"a seed of {len(seed)} bytes where {SEED_BYTES} belong")
        self.terms, self.name, self._seed, self._share = terms, name, seed, share
        self._polynomial = None if self.dealer is None else draw_polynomial(terms, self.dealer, seed, share)

    def __repr__(self) -> str:
        return f"CeremonyMember(dealer={self.dealer}, recipient={self.recipient}, …)"

    def awaited(self, progress: Progress) -> bool:
        """Whether the open round waits for this member's post."""
        place = self.dealer if progress.round in DEALERS_POST else self.recipient
        return place in progress.awaited - progress.posted

    def dealing(self, progress: Progress) -> bytes:
        """This dealer's dealing, for every recipient; known once registration is over.

        Raises:
            StatementUnsound: this member deals nothing.
        """
        if self.dealer is None or self._polynomial is None:
            raise StatementUnsound("this member is no dealer")
        keys = progress.keys_for(self.terms, self.dealer)
        return make_dealing(self.terms, self.dealer, self._polynomial, keys, self._seed)

    def missing(self, progress: Progress, dealings: Mapping[bytes, bytes]) -> dict[int, bytes]:
        """Digests, by dealer, of the dealings that have not come; `dealings` are those at hand, by digest."""
        at_hand = self._at_hand(progress, dealings)
        return {dealer: digest for dealer, digest in progress.digests.items() if digest not in at_hand}

    def post(self, progress: Progress, dealings: Mapping[bytes, bytes]) -> bytes:
        """What to put on the board in the open round. Ask `awaited` first; a round waits for one post of each.

        Raises:
            StatementUnsound: the round asks this member for nothing.
            ShareUnavailable: a share of this member is asked for that it never got.
        """
        makers = {
            Round.REGISTRATION: lambda: self._registration(),
            Round.DEALING: lambda: dealing_digest(self.dealing(progress)),
            Round.COMPLAINTS: lambda: encode_complaints(self._complaints(progress, dealings)),
            Round.ANSWERS: lambda: self.dealing(progress),
            Round.LATE_COMPLAINTS: lambda: encode_complaints(self._late_complaints(progress, dealings)),
            Round.EXTRACTION: lambda: self._extraction(progress),
            Round.RECONSTRUCTION: lambda: self._reconstruction(progress),
        }
        if not self.awaited(progress):
            raise StatementUnsound(f"nothing is asked of this member in {progress.round.name.lower()}")
        return self.terms.post(progress.round, makers[progress.round]())

    def share(self, progress: Progress) -> KeyShare:
        """The share this recipient ends with, checked against the committee.

        Raises:
            StatementUnsound: the ceremony is not done, or this member receives nothing.
            ShareUnavailable: a qualified dealer's share never came, for this member was not there in time.
            WitnessInvalid: a refresh without the share that is renewed.
        """
        if progress.committee is None or self.recipient is None:
            raise StatementUnsound("there is no share to be had")
        shares = {dealer: self._opened(progress, dealing) for dealer, dealing in progress.qualified.items()}
        if self.terms.kind is CeremonyKind.KEY:
            share = KeyShare(self.recipient, sum((item.value for item in shares.values()), ZERO))
        else:
            share = renewed_share(self.terms, self.recipient, shares, self._share)
        share.check(progress.committee)
        return share

    def _box_secret(self, dealer: int) -> bytes:
        label = b"box key" + self.terms.digest + dealer.to_bytes(2, "big")
        return SeededSource(self._seed, label).token_bytes(BOX_KEY_BYTES)

    def _registration(self) -> bytes:
        places = range(1, len(self.terms.dealers) + 1)
        return b"".join(box_public_key(self._box_secret(dealer)) for dealer in places)

    def _at_hand(self, progress: Progress, dealings: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        both = {**dealings, **progress.answers}
        return {digest: body for digest, body in both.items() if dealing_digest(body) == digest}

    def _complaints(self, progress: Progress, dealings: Mapping[bytes, bytes]) -> list[Complaint]:
        missing = self.missing(progress, dealings)
        complaints = [Complaint(dealer, None) for dealer in missing]
        present = [dealer for dealer in progress.digests if dealer not in missing]
        return complaints + self._wrong(progress, dealings, present)

    def _late_complaints(self, progress: Progress, dealings: Mapping[bytes, bytes]) -> list[Complaint]:
        came = [
            dealer
            for dealer, waiting in progress.waiting.items()
            if self.recipient in waiting and progress.digests[dealer] in progress.answers
        ]
        return self._wrong(progress, dealings, came)

    def _wrong(self, progress: Progress, dealings: Mapping[bytes, bytes], dealers: list[int]) -> list[Complaint]:
        """Complaints with evidence. A dealing that is invalid by itself needs none: everybody sees it."""
        at_hand, found = self._at_hand(progress, dealings), []
        for dealer in dealers:
            keys = progress.keys_for(self.terms, dealer)
            try:
                dealing = check_dealing(self.terms, dealer, keys, at_hand[progress.digests[dealer]])
            except (DecodingError, ProofRejected):
                continue
            try:
                self._open(dealing)
            except (DecodingError, ProofRejected):
                found.append(Complaint(dealer, self._box_secret(dealer)))
        return found

    def _extraction(self, progress: Progress) -> bytes:
        if self.dealer is None or self._polynomial is None:
            raise StatementUnsound("this member is no dealer")
        return make_extraction(self.terms, progress.qualified[self.dealer], self._polynomial)

    def _reconstruction(self, progress: Progress) -> bytes:
        shares = {dealer: self._opened(progress, progress.qualified[dealer]) for dealer in progress.unextracted}
        return encode_revealed(self.terms, shares)

    def _open(self, dealing: Dealing) -> DealtShare:
        if self.recipient is None:
            raise StatementUnsound("this member receives nothing")
        return dealing.open(self.terms, self.recipient, self._box_secret(dealing.dealer))

    def _opened(self, progress: Progress, dealing: Dealing) -> DealtShare:
        if self.recipient not in progress.box_keys:
            raise ShareUnavailable("this member did not register in time")
        try:
            return self._open(dealing)
        except (DecodingError, ProofRejected) as error:
            raise ShareUnavailable(f"dealer {dealing.dealer} dealt no share, and no complaint was made") from error
