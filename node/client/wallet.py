"""The owner's wallet of one account: replays the ledger's postings into openings, and holds them against the ledger.

Restoring needs the seed and the public history alone. As taker, ρ follows from the trade's nonce and the signed size
is the small logarithm of C − ρ·H; as maker, both are in the sealed box. A wallet that made the trade itself knows its
size already and is spared the logarithm.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from circuits.dlog import DiscreteLog, NotFound
from circuits.pedersen import NOTHING, Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment
from node.client.derivation import derive_blinding, derive_sealing_key
from node.client.errors import PostingInvalid, WalletDiverged
from node.client.exit_ticket import ExitTicket
from node.client.holdings import Holdings
from node.client.sealing import seal_opening, sealing_public_key, unseal_opening
from node.ledger.effects import Posting, PostingKind
from node.ledger.messages import Trade, TradeTerms
from node.ledger.types import AccountId, AssetId, Digest, InstrumentId

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


class SizeSearch:
    """Finds trade sizes behind points. The table is built at the first search, or read from `cache`."""

    def __init__(self, table_bits: int = 16, cache: Path | None = None) -> None:
        self._table_bits, self._cache = table_bits, cache

    @cached_property
    def _logarithms(self) -> DiscreteLog:
        return DiscreteLog(self._table_bits, self._cache)

    def opening(self, key: CommitmentKey, opening_blinding: Opening, commitment: Commitment) -> Opening:
        """The opening of `commitment` whose blinding is that of `opening_blinding`.

        Raises:
            NotFound: the committed size is none that a trade can have, or the blinding is another.
        """
        masked = commitment - key.commit(Opening(0, opening_blinding.blinding))
        if masked.d != NOTHING.d:
            raise NotFound(MAX_TRADE_LOTS)
        return Opening(self._logarithms.find(masked.c, MAX_TRADE_LOTS), opening_blinding.blinding)


class AccountWallet:
    """Openings of one account and the secrets that made them. Its repr shows neither."""

    def __init__(
        self, seed: bytes, deployment: Deployment, account: AccountId, key: CommitmentKey, search: SizeSearch
    ) -> None:
        """`seed` has 32 bytes; `search` may be shared by many wallets.

        Raises:
            MalformedSecret: a seed or account id of another length.
        """
        self.account = account
        self.holdings = Holdings()
        self._seed, self._deployment, self._key, self._search = seed, deployment, key, search
        self._sealing_key = derive_sealing_key(seed, deployment.digest, account)
        self._known: dict[Digest, Opening] = {}

    def __repr__(self) -> str:
        return f"AccountWallet(0x{self.account.hex()}, …)"

    @property
    def sealing_key(self) -> bytes:
        """The 32 public bytes to which counterparties seal openings."""
        return sealing_public_key(self._sealing_key)

    def size_opening(self, size: int, nonce: bytes) -> Opening:
        """The opening of a trade of `size` lots that this account proposes with `nonce`."""
        return Opening(size, derive_blinding(self._seed, self._deployment.digest, self.account, nonce))

    def seal(self, recipient: bytes, opening: Opening, maker: AccountId, nonce: bytes) -> bytes:
        """The box that hands `opening` to the maker, bound to the proposal with this nonce."""
        return seal_opening(recipient, opening, self._box_data(self.account, maker, nonce))

    def unseal(self, terms: TradeTerms, box: bytes) -> Opening:
        """The size that a proposal's box holds, checked against the terms' commitment.

        Raises:
            BoxRefused: not sealed to this account for these parties and nonce.
            OpeningMismatch: another opening than the commitment's.
        """
        data = self._box_data(terms.taker.account, terms.maker, terms.nonce)
        return unseal_opening(self._sealing_key, box, data, self._key, terms.commitment)

    def remember(self, trade: Digest, size: Opening) -> None:
        """Keep the size of a trade that this wallet proposes or accepts, which saves the search for it."""
        self._known[trade] = size

    def apply(self, posting: Posting, trade: Trade | None = None) -> None:
        """Replay one posting; `trade` is the trade that a TRADE posting names. Raises as `after`."""
        self.holdings = self.after(self.holdings, posting, trade)

    def after(self, holdings: Holdings, posting: Posting, trade: Trade | None = None) -> Holdings:
        """What `holdings` become by one posting; the wallet's own stay as they are.

        Raises:
            PostingInvalid: another account's posting, one that cannot follow, or a trade that cannot be opened.
            BoxRefused, OpeningMismatch: the box of a made trade does not hold its size.
        """
        if posting.account != self.account:
            raise PostingInvalid(posting.kind, "is another account's")
        size = self._size(posting, trade) if posting.kind in _TRADES else None
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

    def _size(self, posting: Posting, trade: Trade | None) -> Opening:
        if trade is None or trade.digest(self._deployment) != posting.message:
            raise PostingInvalid(posting.kind, "does not come with the trade it names")
        terms = trade.terms
        taken = posting.kind is PostingKind.TRADE_TAKEN
        if self.account != (terms.taker.account if taken else terms.maker):
            raise PostingInvalid(posting.kind, "this account has another part in the trade")
        known = self._known.get(posting.message)
        if known is not None:
            return known
        if not taken:
            return self.unseal(terms, trade.sealed_box)
        try:
            return self._search.opening(self._key, self.size_opening(0, terms.nonce), terms.commitment)
        except NotFound as error:
            raise PostingInvalid(posting.kind, "the trade was not made from this seed") from error

    def _box_data(self, taker: AccountId, maker: AccountId, nonce: bytes) -> bytes:
        return self._deployment.digest + taker + maker + nonce


_TRADES: Final = frozenset({PostingKind.TRADE_TAKEN, PostingKind.TRADE_MADE})
