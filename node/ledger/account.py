"""One margin account: hidden amounts as commitments, the public facts around them, and the linear steps they take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from circuits.auditor import NO_HANDLE, AuditorKey, Handle
from circuits.pedersen import NOTHING, Commitment
from node.ledger.audit import Audit
from node.ledger.errors import Reason, Refused
from node.ledger.types import AccountId, Address, AssetId, InstrumentId, MicroUsd, Status
from node.market.window import MarginWindow

LIMB_BITS: Final = 32
CASH_OFFSET: Final = 1 << 63
"""Added to cash before it is cut into limbs, so that both are non-negative."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A public credit that waits in the inbox: cash in micro-dollars if `asset` is None, else ledger units of it."""

    asset: AssetId | None
    amount: int


@dataclass(frozen=True, slots=True)
class SettledPosition:
    """A position that was settled into cash since the limbs were made: cash moved by `coefficient` times it."""

    coefficient: MicroUsd
    position: Commitment


@dataclass(frozen=True, slots=True)
class CashLimbs:
    """How the committee can read cash: two 32-bit limbs from the last proof and everything that moved cash since.

    cash' = 2^32·high + low − 2^63 + `public_since` + Σ coefficient·position. Without limbs cash is public.
    """

    high: Commitment | None = None
    low: Commitment | None = None
    public_since: MicroUsd = MicroUsd(0)
    settled: tuple[SettledPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class ExitRun:
    """Forced exits from one state of the account: they left it at version `last`, and were proven at `proven`."""

    proven: int
    last: int


@dataclass(frozen=True, slots=True)
class Account:
    """The ledger's view of one account. `inbox` holds credits number `credits_merged` and up."""

    id: AccountId
    owner: Address
    index: int
    sealing_key: bytes
    home_chain: int
    """The chain on whose vault a forced exit of cash is possible."""
    version: int = 0
    status: Status = Status.ACTIVE
    deadline: int = 0
    """Hub block at which DUE turns into CALLED, or CALLED into FROZEN."""
    proposers_since_call: frozenset[Address] = frozenset()
    cash: Commitment = NOTHING
    collateral: Mapping[AssetId, Commitment] = field(default_factory=dict)
    positions: Mapping[InstrumentId, Commitment] = field(default_factory=dict)
    limbs: CashLimbs = CashLimbs()
    window: MarginWindow | None = None
    inbox: tuple[Credit, ...] = ()
    credits_merged: int = 0
    exits: ExitRun | None = None
    audit: Audit | None = None
    """The auditor that the owner named, with handles beside everything hidden."""

    @property
    def needs_window(self) -> bool:
        """Whether a margin proof must stand behind the account: something in it is hidden or can fall.

        Hidden collateral alone asks for none: no message lets it go below zero.
        """
        return bool(self.positions) or self.limbs.high is not None

    @property
    def auditor(self) -> AuditorKey | None:
        """Who reads along, if anybody."""
        return None if self.audit is None else self.audit.auditor

    def position(self, instrument: InstrumentId) -> Commitment:
        """The committed position, zero if there is none."""
        return self.positions.get(instrument, NOTHING)

    def exit_covered(self, proven: int) -> bool:
        """Whether nothing but other exits has moved the account since version `proven`, where an exit was proven."""
        return proven == self.version or self.exits == ExitRun(proven, self.version)

    def with_cash_moved(self, amount: MicroUsd) -> "Account":
        """Cash and limbs after a public movement of cash."""
        limbs = replace(self.limbs, public_since=MicroUsd(self.limbs.public_since + amount))
        return replace(self, cash=self.cash + Commitment.public(amount), limbs=limbs)

    def with_cash_changed(self, change: Commitment, handle: Handle = NO_HANDLE) -> "Account":
        """Cash after a committed change, with the change's handle. The limbs stay behind: new ones must be proven."""
        audit = self.audit and self.audit.with_cash_changed(handle)
        return replace(self, cash=self.cash + change, audit=audit)

    def with_collateral_moved(self, asset: AssetId, amount: int) -> "Account":
        """Collateral after a public movement of it."""
        return self.with_collateral_changed(asset, Commitment.public(amount))

    def with_collateral_changed(self, asset: AssetId, change: Commitment, handle: Handle = NO_HANDLE) -> "Account":
        """Collateral after a committed change, with the change's handle; a holding that is the identity disappears."""
        after = self.collateral.get(asset, NOTHING) + change
        collateral = {name: held for name, held in self.collateral.items() if name != asset}
        if not after.is_identity():
            collateral[asset] = after
        audit = self.audit and self.audit.with_collateral_changed(asset, handle)
        return replace(self, collateral=dict(sorted(collateral.items())), audit=audit)

    def with_position_moved(self, instrument: InstrumentId, change: Commitment) -> "Account":
        """Position after a committed change; one that is the identity disappears."""
        after = self.position(instrument) + change
        positions = {name: held for name, held in self.positions.items() if name != instrument}
        if not after.is_identity():
            positions[instrument] = after
        return replace(self, positions=dict(sorted(positions.items())))

    def traded(
        self, instrument: InstrumentId, size: Commitment, coefficient: MicroUsd, handle: Handle = NO_HANDLE
    ) -> "Account":
        """After a trade that grows the position by `size` and costs `coefficient` (price less funding) a lot.

        `handle` is the size's for this account's auditor.
        """
        account = self.with_position_moved(instrument, size)
        audit = self.audit and self.audit.traded(instrument, handle, coefficient)
        return replace(account, cash=account.cash - size.scaled(coefficient), audit=audit)

    def credited(self, credit: Credit) -> "Account":
        """With one more credit in the inbox; version and window stay, since credits only raise rows."""
        return replace(self, inbox=(*self.inbox, credit))

    def merged(self, credits: int) -> "Account":
        """With inbox credits up to number `credits` (counted since opening) booked.

        Raises:
            Refused: CREDITS_UNKNOWN if that many never arrived, or fewer are named than were merged already.
        """
        arrived = self.credits_merged + len(self.inbox)
        if not self.credits_merged <= credits <= arrived:
            raise Refused(
                Reason.CREDITS_UNKNOWN,
                f"credits {credits} named, {self.credits_merged} merged, {arrived} arrived",
                (("merged", str(self.credits_merged)), ("arrived", str(arrived))),
            )
        count = credits - self.credits_merged
        account = replace(self, inbox=self.inbox[count:], credits_merged=credits)
        for credit in self.inbox[:count]:
            if credit.asset is None:
                account = account.with_cash_moved(MicroUsd(credit.amount))
            else:
                account = account.with_collateral_moved(credit.asset, credit.amount)
        return account

    def fully_merged(self) -> "Account":
        """With the whole inbox booked."""
        return self.merged(self.credits_merged + len(self.inbox))

    def settled(self, instrument: InstrumentId, coefficient: MicroUsd) -> "Account":
        """With the position turned into cash at `coefficient` micro-dollars per lot (settlement price less funding)."""
        position = self.position(instrument)
        entry = SettledPosition(coefficient, position)
        limbs = replace(self.limbs, settled=(*self.limbs.settled, entry))
        return replace(
            self,
            cash=self.cash + position.scaled(coefficient),
            positions={name: held for name, held in self.positions.items() if name != instrument},
            limbs=limbs,
            window=None,
            version=self.version + 1,
            audit=self.audit and self.audit.settled_into_cash(instrument, coefficient),
        )

    def with_limbs(self, high: Commitment, handle: Handle | None = None) -> "Account":
        """With fresh limbs from a margin proof: low follows from cash and high, and so do their handles."""
        low = self.cash + Commitment.public(CASH_OFFSET) - high.scaled(1 << LIMB_BITS)
        audit = self.audit and self.audit.with_limbs(handle or NO_HANDLE)
        return replace(self, limbs=CashLimbs(high=high, low=low), audit=audit)
