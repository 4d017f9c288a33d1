"""The owner's wallet of one account: replays the ledger's postings into openings, and holds them against the ledger.

Restoring needs the seed and the public history alone. As taker or sender, ρ follows from the nonce of the trade or
transfer and the amount is the small logarithm of C − ρ·H; as maker or receiver, both are in the sealed box. A wallet
that made the trade or transfer itself knows its amount already and is spared the logarithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from circuits.auditor import AuditorKey
from circuits.dlog import DiscreteLog, NotFound
from circuits.pedersen import NOTHING, Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment
from node.client.derivation import derive_blinding, derive_sealing_key
from node.client.errors import PostingInvalid, WalletDiverged
from node.client.exit_ticket import ExitTicket
from node.client.holdings import Holdings
from node.client.sealing import seal_opening, sealing_public_key, unseal_opening
from node.ledger.effects import Posting, PostingKind
from node.ledger.messages import SetAuditor, Trade, TradeTerms, Transfer, TransferTerms
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.types import MAX_AMOUNT, AccountId, Address, AssetId, Digest, InstrumentId

MAX_TRADE_LOTS: Final = 1 << 31
"""A trade's signed size is from −2^31 to 2^31 − 1 lots: the proof's 32-bit row."""


class CommittedAccount(Protocol):
    """What the ledger shows of an account, at the batch that the wallet has replayed up to."""

    @property
    def cash(self) -> Commitment: ...
    @property
    def collateral(self) -> Mapping[AssetId, Commitment]: ...
    @property
    def positions(self) -> Mapping[InstrumentId, Commitment]: ...
    @property
    def credits_merged(self) -> int: ...
    @property
    def auditor(self) -> AuditorKey | None: ...


class SizeSearch:
    """Finds amounts that are hidden in points. The table is built at the first search, or read from `cache`."""

    def __init__(self, table_bits: int = 16, cache: Path | None = None) -> None:
        self._table_bits, self._cache = table_bits, cache

    @cached_property
    def _logarithms(self) -> DiscreteLog:
        return DiscreteLog(self._table_bits, self._cache)

    def opening(self, key: CommitmentKey, opening_blinding: Opening, commitment: Commitment, bound: int) -> Opening:
        """The opening of `commitment` whose blinding is that of `opening_blinding`; its time grows with the amount.

        Raises:
            NotFound: the committed amount is above `bound`, or the blinding is another.
        """
        masked = commitment - key.commit(Opening(0, opening_blinding.blinding))
        if masked.d != NOTHING.d:
            raise NotFound(bound)
        return Opening(self._logarithms.find(masked.c, bound), opening_blinding.blinding)


class AccountWallet:
    """Openings of one account and the secrets that made them. Its repr shows neither."""

    def __init__(
        self,
        seed: bytes,
        deployment: Deployment,
        account: AccountId,
        key: CommitmentKey,
        search: SizeSearch,
        owner: Address | None = None,
    ) -> None:
        """`seed` has 32 bytes; `search` may be shared by many wallets; only `owner`'s word names an auditor.

        Raises:
            MalformedSecret: a seed or account id of another length.
        """
        self.account = account
        self.holdings = Holdings()
        self._seed, self._deployment, self._key, self._search = seed, deployment, key, search
        self._owner = owner
        self._sealing_key = derive_sealing_key(seed, deployment.digest, account)
        self._known: dict[Digest, Opening] = {}

    def __repr__(self) -> str:
        return f"AccountWallet(0x{self.account.hex()}, …)"

    @property
    def sealing_key(self) -> bytes:
        """The 32 public bytes to which counterparties seal openings."""
        return sealing_public_key(self._sealing_key)

    def size_opening(self, size: int, nonce: bytes) -> Opening:
        """The opening of a trade of `size` lots, or a transfer of `size` units, that this account proposes with
        `nonce`."""
        return Opening(size, derive_blinding(self._seed, self._deployment.digest, self.account, nonce))

    def seal(self, recipient: bytes, opening: Opening, counterparty: AccountId, nonce: bytes) -> bytes:
        """The box that hands `opening` to the counterparty, bound to the proposal with this nonce."""
        return seal_opening(recipient, opening, self._box_data(self.account, counterparty, nonce))

    def unseal(self, terms: TradeTerms | TransferTerms, box: bytes) -> Opening:
        """The amount that a proposal's box holds, checked against the terms' commitment.

        Raises:
            BoxRefused: not sealed to this account for these parties and nonce.
            OpeningMismatch: another opening than the commitment's.
        """
        parties = _parties(terms)
        data = self._box_data(parties.proposer, parties.counterparty, terms.nonce)
        return unseal_opening(self._sealing_key, box, data, self._key, terms.commitment)

    def remember(self, agreement: Digest, size: Opening) -> None:
        """Keep the amount of a trade or transfer that this wallet proposes or accepts, which saves the search."""
        self._known[agreement] = size

    def apply(self, posting: Posting, named: Trade | Transfer | SetAuditor | None = None) -> None:
        """Replay one posting; `named` is the message that it names, if any. Raises as `after`."""
        self.holdings = self.after(self.holdings, posting, named)

    def after(
        self, holdings: Holdings, posting: Posting, named: Trade | Transfer | SetAuditor | None = None
    ) -> Holdings:
        """What `holdings` become by one posting; the wallet's own stay as they are.

        Raises:
            PostingInvalid: another account's posting, one that cannot follow, an agreement that cannot be opened, or an
                auditor that the owner did not sign for.
            BoxRefused, OpeningMismatch: the box of an accepted agreement does not hold its amount.
        """
        if posting.account != self.account:
            raise PostingInvalid(posting.kind, "is another account's")
        if posting.kind is PostingKind.AUDITOR:
            return holdings.apply(posting, auditor=self._auditor(posting, named))
        agreed = posting.kind in _TRADES or posting.kind in _TRANSFERS
        size = self._size(posting, named) if agreed else None
        return holdings.apply(posting, size)

    def keep_ticket(self, ticket: ExitTicket, path: Path) -> None:
        """Write an exit ticket to `path`, sealed under this wallet's seed."""
        ticket.save(path, self._seed)

    def verify(self, account: CommittedAccount) -> None:
        """Hold every opening against the ledger's commitments.

        Raises:
            WalletDiverged: the first that is not the commitment's, or a number of merged credits that differs.
        """
        if self.holdings.credits_merged != account.credits_merged:
            raise WalletDiverged("the number of merged credits")
        if self.holdings.auditor != account.auditor:
            raise WalletDiverged("the auditor")
        self._verify("cash", self.holdings.cash, account.cash)
        for name in sorted({*self.holdings.collateral, *account.collateral}):
            opening = self.holdings.collateral.get(name, Opening.public(0))
            self._verify(name, opening, account.collateral.get(name, NOTHING))
        for instrument in sorted({*self.holdings.positions, *account.positions}):
            commitment = account.positions.get(instrument, NOTHING)
            self._verify(instrument, self.holdings.position(instrument), commitment)

    def _verify(self, subject: str, opening: Opening, commitment: Commitment) -> None:
        if self._key.commit(opening) != commitment:
            raise WalletDiverged(subject)

    def _auditor(self, posting: Posting, named: Trade | Transfer | SetAuditor | None) -> AuditorKey | None:
        """Whom the owner named: a node that could invent an auditor would get handles that it can read."""
        if not isinstance(named, SetAuditor) or named.digest(self._deployment) != posting.message:
            raise PostingInvalid(posting.kind, "does not come with the message it names")
        if named.reference.account != self.account:
            raise PostingInvalid(posting.kind, "names another account's message")
        try:
            signer = recover_owner(named.signature, posting.message)
        except SignatureMalformed as error:
            raise PostingInvalid(posting.kind, str(error)) from error
        if signer != self._owner:
            raise PostingInvalid(posting.kind, "is not signed by the account's owner")
        return named.auditor

    def _size(self, posting: Posting, agreement: Trade | Transfer | SetAuditor | None) -> Opening:
        if not isinstance(agreement, Trade | Transfer) or agreement.digest(self._deployment) != posting.message:
            raise PostingInvalid(posting.kind, "does not come with the trade or transfer it names")
        if isinstance(agreement, Trade) != (posting.kind in _TRADES):
            raise PostingInvalid(posting.kind, "comes with an agreement of another kind")
        terms = agreement.terms
        parties, proposed = _parties(terms), posting.kind in _PROPOSED
        if self.account != (parties.proposer if proposed else parties.counterparty):
            raise PostingInvalid(posting.kind, "this account has another part in it")
        known = self._known.get(posting.message)
        if known is not None:
            return known
        if not proposed:
            return self.unseal(terms, agreement.sealed_box)
        bound = MAX_TRADE_LOTS if isinstance(agreement, Trade) else MAX_AMOUNT
        try:
            return self._search.opening(self._key, self.size_opening(0, terms.nonce), terms.commitment, bound)
        except NotFound as error:
            raise PostingInvalid(posting.kind, "was not made from this seed") from error

    def _box_data(self, proposer: AccountId, counterparty: AccountId, nonce: bytes) -> bytes:
        return self._deployment.digest + proposer + counterparty + nonce


@dataclass(frozen=True, slots=True)
class _Parties:
    proposer: AccountId
    counterparty: AccountId


def _parties(terms: TradeTerms | TransferTerms) -> _Parties:
    if isinstance(terms, TradeTerms):
        return _Parties(terms.taker.account, terms.maker)
    return _Parties(terms.sender.account, terms.receiver)


_TRADES: Final = frozenset({PostingKind.TRADE_TAKEN, PostingKind.TRADE_MADE})
_TRANSFERS: Final = frozenset({PostingKind.TRANSFER_SENT, PostingKind.TRANSFER_RECEIVED})
_PROPOSED: Final = frozenset({PostingKind.TRADE_TAKEN, PostingKind.TRANSFER_SENT})
