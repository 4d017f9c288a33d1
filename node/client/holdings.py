"""What an owner knows of an account: the opening of every commitment, moved by the same linear steps as the ledger.

Pure and immutable. Each step mirrors one step of the ledger's account, so that `commit(opening)` equals the
commitment in the ledger after any history; `tests/node/client/test_holdings.py` holds the two against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from circuits.auditor import AuditorKey, Handle
from circuits.group import ZERO
from circuits.pedersen import Opening
from node.client.errors import PostingInvalid
from node.ledger.effects import Posting, PostingKind
from node.ledger.types import CASH, AssetId, InstrumentId, MicroUsd

_NOTHING: Final = Opening.public(0)
_Name = TypeVar("_Name", AssetId, InstrumentId)


@dataclass(frozen=True, slots=True)
class WaitingCredit:
    """A public credit that no message has merged yet; `asset` None is cash in micro-dollars."""

    asset: AssetId | None
    amount: int


@dataclass(frozen=True, slots=True, repr=False)
class Holdings:
    """The openings of one account. Cash is cash′: micro-dollars plus the funding index times each position."""

    cash: Opening = _NOTHING
    collateral: Mapping[AssetId, Opening] = field(default_factory=dict)
    positions: Mapping[InstrumentId, Opening] = field(default_factory=dict)
    waiting: tuple[WaitingCredit, ...] = ()
    credits_merged: int = 0
    auditor: AuditorKey | None = None
    """Who reads the account: what its messages bring handles for."""

    def __repr__(self) -> str:
        return f"Holdings(…, {len(self.positions)} positions, {len(self.collateral)} assets)"

    @property
    def credits_arrived(self) -> int:
        """Credits since the account was opened: what a message names that merges all of them."""
        return self.credits_merged + len(self.waiting)

    def handle(self, amount: Opening) -> Handle | None:
        """The handle of an amount for the account's auditor, if it has one."""
        return None if self.auditor is None else self.auditor.handle(amount.blinding)

    def blinded(self) -> tuple[Opening, ...]:
        """What a new auditor needs handles for, in the order of the ledger: cash, positions, collateral."""
        amounts = (self.cash, *self.positions.values(), *self.collateral.values())
        return tuple(amount for amount in amounts if amount.blinding != ZERO)

    def position(self, instrument: InstrumentId) -> Opening:
        """The position's opening, zero if there is none."""
        return self.positions.get(instrument, _NOTHING)

    def apply(self, posting: Posting, size: Opening | None = None, auditor: AuditorKey | None = None) -> "Holdings":
        """After one posting; `size` is the opening of the commitment of the trade or transfer that it names.

        Raises:
            PostingInvalid: a posting that cannot follow this history, or a trade or transfer without its opening.
        """
        match posting.kind:
            case PostingKind.CREDITED:
                return replace(self, waiting=(*self.waiting, WaitingCredit(posting.asset, posting.amount)))
            case PostingKind.MERGED:
                return self.merged(posting.amount)
            case PostingKind.CASH:
                return self.with_public_cash(posting.amount)
            case PostingKind.COLLATERAL:
                return self.with_collateral(_asset(posting), posting.amount)
            case PostingKind.POSITION:
                return self.with_public_position(_instrument(posting), posting.amount)
            case PostingKind.TRADE_TAKEN:
                return self.traded(_instrument(posting), _size(posting, size), MicroUsd(posting.amount))
            case PostingKind.TRADE_MADE:
                return self.traded(_instrument(posting), -_size(posting, size), MicroUsd(posting.amount))
            case PostingKind.SETTLED:
                return self.settled(_instrument(posting), MicroUsd(posting.amount))
            case PostingKind.TRANSFER_SENT:
                return self.transferred(_asset(posting), -_size(posting, size))
            case PostingKind.TRANSFER_RECEIVED:
                return self.transferred(_asset(posting), _size(posting, size))
            case PostingKind.OPENED:
                return self.opened()
            case PostingKind.AUDITOR:
                return replace(self, auditor=auditor)

    def merged(self, count: int) -> "Holdings":
        """With the first `count` waiting credits booked.

        Raises:
            PostingInvalid: fewer are waiting.
        """
        if not 0 <= count <= len(self.waiting):
            raise PostingInvalid(PostingKind.MERGED, f"{count} credits to merge, {len(self.waiting)} waiting")
        after = replace(self, waiting=self.waiting[count:], credits_merged=self.credits_merged + count)
        for credit in self.waiting[:count]:
            if credit.asset is None:
                after = after.with_public_cash(credit.amount)
            else:
                after = after.with_collateral(credit.asset, credit.amount)
        return after

    def with_cash(self, change: Opening) -> "Holdings":
        """Cash after a movement."""
        return replace(self, cash=self.cash + change)

    def with_public_cash(self, amount: int) -> "Holdings":
        """Cash after a public movement in micro-dollars."""
        return self.with_cash(Opening.public(amount))

    def with_collateral(self, asset: AssetId, amount: int) -> "Holdings":
        """Collateral after a public movement in ledger units."""
        return self.with_collateral_moved(asset, Opening.public(amount))

    def with_collateral_moved(self, asset: AssetId, change: Opening) -> "Holdings":
        """Collateral after a movement in ledger units."""
        after = self.collateral.get(asset, _NOTHING) + change
        return replace(self, collateral=_with(self.collateral, asset, after))

    def transferred(self, asset: AssetId, change: Opening) -> "Holdings":
        """After a transfer of cash or collateral: `change` is what came, negative for what went."""
        return self.with_cash(change) if asset == CASH else self.with_collateral_moved(asset, change)

    def with_position(self, instrument: InstrumentId, change: Opening) -> "Holdings":
        """A position after a movement in lots."""
        return replace(self, positions=_with(self.positions, instrument, self.position(instrument) + change))

    def with_public_position(self, instrument: InstrumentId, lots: int) -> "Holdings":
        """A position after a public movement in lots."""
        return self.with_position(instrument, Opening.public(lots))

    def traded(self, instrument: InstrumentId, change: Opening, coefficient: MicroUsd) -> "Holdings":
        """After a trade that grows the position by `change` and costs `coefficient` (price less funding) a lot."""
        return self.with_position(instrument, change).with_cash(change.scaled(-coefficient))

    def settled(self, instrument: InstrumentId, coefficient: MicroUsd) -> "Holdings":
        """With a position turned into cash at `coefficient` micro-dollars a lot."""
        gain = self.position(instrument).scaled(coefficient)
        return replace(self, positions=_with(self.positions, instrument, _NOTHING)).with_cash(gain)

    def opened(self) -> "Holdings":
        """With every amount public: the committee has opened the account."""
        return replace(
            self,
            cash=Opening.public(self.cash.value),
            collateral=_public(self.collateral),
            positions=_public(self.positions),
        )


def _with(held: Mapping[_Name, Opening], name: _Name, after: Opening) -> dict[_Name, Opening]:
    """`held` with one entry replaced; one that is nothing, like its commitment in the ledger, disappears."""
    kept = {other: opening for other, opening in held.items() if other != name}
    if after != _NOTHING:
        kept[name] = after
    return dict(sorted(kept.items()))


def _public(held: Mapping[_Name, Opening]) -> dict[_Name, Opening]:
    return {name: Opening(opening.value, ZERO) for name, opening in held.items() if opening.value}


def _asset(posting: Posting) -> AssetId:
    if posting.asset is None:
        raise PostingInvalid(posting.kind, "names no asset")
    return posting.asset


def _instrument(posting: Posting) -> InstrumentId:
    if posting.instrument is None:
        raise PostingInvalid(posting.kind, "names no instrument")
    return posting.instrument


def _size(posting: Posting, size: Opening | None) -> Opening:
    if size is None:
        raise PostingInvalid(posting.kind, "the amount that it moves is unknown")
    return size
