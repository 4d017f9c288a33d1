"""The ledger's whole state, immutable: each batch makes a new one that shares what did not change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.pedersen import NOTHING, Commitment
from circuits.transcript import Deployment
from node.ledger.account import Account, Credit
from node.ledger.parameters import HouseParameters
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.liquidation.breaker import Level
from node.liquidation.validity import Reference
from node.market.grid import RiskGrid
from node.market.instruments import Registry
from node.market.parameters import MarketParameters
from node.market.state import MarketState


@dataclass(frozen=True, slots=True)
class House:
    """What a deployment fixes at genesis (identity, listings, parameters), and its members in one epoch."""

    deployment: Deployment
    validators: tuple[Address, ...]
    """In the order of the hub's signer set; committee member i+1 is validator i."""
    committee: CommitteeKey
    registry: Registry
    market: MarketParameters
    rules: HouseParameters
    epoch: int = 0
    """How often the members were replaced (`node.ledger.epochs`)."""
    first_batch: int = 1
    """The first batch that these members certify."""

    @property
    def committee_digest(self) -> bytes:
        """32 bytes over the committee's public data, which a rotation's certificate names."""
        return bytes(keccak(self.committee.encode()))

    @property
    def parameters_digest(self) -> bytes:
        """32 bytes over parameters and listings, absorbed by every proof."""
        return bytes(keccak(self.market.digest + self.registry.digest + self.rules.digest))

    @property
    def faults(self) -> int:
        """f: how many validators may fail, with N = 3f+1."""
        return (len(self.validators) - 1) // 3

    @property
    def quorum(self) -> int:
        """Signatures that make a certificate: N − f, which is 2f+1 for N = 3f+1."""
        return len(self.validators) - self.faults


class Stage(IntEnum):
    """Where a default stands."""

    OPENING = 0
    AUCTION = 1
    COLLATERAL = 2
    CLOSED = 3
    PLANNED = 4
    """Opened, and nothing on auction: what to sell next is decided once prices allow it."""


@dataclass(frozen=True, slots=True)
class Lot:
    """An opened position: signed lots."""

    instrument: InstrumentId
    quantity: int


@dataclass(frozen=True, slots=True)
class Holding:
    """An opened amount of collateral, in ledger units."""

    asset: AssetId
    amount: int


@dataclass(frozen=True, slots=True)
class Seizure:
    """Collateral on its way through a chain's auction: ordered, handed over, sold (`proceeds` is None until then).

    One whose next step is not seen by hub block `due` is set aside: its default goes on without it. The vault still
    takes its id, once.
    """

    action_id: Digest
    asset: AssetId
    amount: int
    proceeds: MicroUsd | None = None
    handed_over: bool = False
    given_up: bool = False
    """Its chain's token was written off meanwhile: nobody waits for it, and what it still brings is a late credit."""
    due: int = 0
    set_aside: bool = False

    @property
    def outstanding(self) -> bool:
        """Whether its default waits for it."""
        return self.proceeds is None and not self.given_up and not self.set_aside

    @property
    def stuck(self) -> bool:
        """Whether its vault has not carried it out in its time."""
        return self.set_aside and not self.handed_over

    @property
    def unsold(self) -> bool:
        """Whether it was handed over and found no buyer in its time."""
        return self.set_aside and self.handed_over and self.proceeds is None


@dataclass(frozen=True, slots=True)
class FundShare:
    """A member's part, in micro-dollars."""

    member: AccountId
    amount: MicroUsd


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle on auction: `units` left of `total`, each of `unit`, since hub block `started`."""

    unit: tuple[Lot, ...]
    """Signed lots in one unit, by instrument."""
    units: int
    total: int
    started: int
    first_mark: MicroUsd
    """What a unit was worth at the start."""
    given: MicroUsd = MicroUsd(0)
    """What the units sold so far went below mark."""


@dataclass(frozen=True, slots=True)
class Default:
    """One account's way from breach to closed."""

    id: Digest
    account: AccountId
    stage: Stage
    frozen_in: int
    """Number of the batch that froze the account."""
    opened_by: tuple[int, ...] = ()
    """Committee members whose shares opened it."""
    lots: tuple[Lot, ...] = ()
    cash: MicroUsd = MicroUsd(0)
    """Signed cash of the opened account, funding included (cash′)."""
    collateral: tuple[Holding, ...] = ()
    queued: tuple[Lot, ...] = ()
    """Of the lots, the slices of the plan that come after what is on offer, in their order."""
    offer: Offer | None = None
    """In stage AUCTION."""
    auctions: int = 0
    """How many were started; the number of the one that runs."""
    resets: int = 0
    buyers: tuple[AccountId, ...] = ()
    """By id."""
    sale_price: MicroUsd = MicroUsd(0)
    """Of everything sold so far."""
    gross_sold: MicroUsd = MicroUsd(0)
    """Gross notional, at the marks of the sale, of everything sold or torn up: what the penalty is of."""
    seizures: tuple[Seizure, ...] = ()
    waits_until: int = 0
    """Hub block up to which it waits for collateral out of reach; 0 before it had to."""
    penalty: MicroUsd = MicroUsd(0)
    torn_up: MicroUsd = MicroUsd(0)
    """What settling its lots off their mark brought."""
    insurance_paid: MicroUsd = MicroUsd(0)
    """What the insurance fund paid and has not got back."""
    fund_paid: tuple[FundShare, ...] = ()
    """What members of the default fund paid and have not got back, by id."""
    shortfall: MicroUsd = MicroUsd(0)

    @property
    def repayable(self) -> MicroUsd:
        """What others paid for the account and have not got back: theirs before anything is its owner's."""
        others = sum(share.amount for share in self.fund_paid if share.member != self.account)
        return MicroUsd(self.insurance_paid + others)

    @property
    def certain_loss(self) -> MicroUsd:
        """What is owed once there is nothing left to sell but collateral: no auction changes it any more."""
        return MicroUsd(-min(self.cash, 0) if self.stage is Stage.COLLATERAL else 0)


@dataclass(frozen=True, slots=True)
class Breaker:
    """What the validators stopped, until and with which hub block."""

    level: Level = Level.OPEN
    until: int = 0


@dataclass(frozen=True, slots=True)
class Stranded:
    """Dollars that came in on a chain whose dollars are written off: the account's once they count again."""

    account: AccountId
    amount: MicroUsd


@dataclass(frozen=True, slots=True)
class WriteOff:
    """A token that counts nothing. Of a chain's dollars: what the house lost of them, and who paid for it.

    lost = insurance_paid + Σ fund_paid + shortfall; what the vault still has to pay out, or took in since, is not lost.
    """

    asset: AssetId
    round: int
    """The last round in whose grid it counts."""
    lost: MicroUsd = MicroUsd(0)
    insurance_paid: MicroUsd = MicroUsd(0)
    fund_paid: tuple[FundShare, ...] = ()
    shortfall: MicroUsd = MicroUsd(0)
    stranded: tuple[Stranded, ...] = ()
    """By account."""


@dataclass(frozen=True, slots=True)
class PendingBid:
    """A bid of this batch that is in order; the batch's end shares what is on offer among all of them."""

    digest: Digest
    account: AccountId
    default: Digest
    units: int


@dataclass(frozen=True, slots=True)
class Payout:
    """A withdrawal that a vault has not confirmed yet."""

    action_id: Digest
    account: AccountId
    asset: AssetId
    amount: int
    recipient: Address


@dataclass(frozen=True, slots=True)
class ChainCursor:
    """The last block of a chain whose events are booked, and the hub block at which a batch brought it."""

    block: int
    hash: bytes
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Residue:
    """What public openings took out of the commitments, per asset and instrument, so that the sums still close."""

    cash: Commitment = NOTHING
    collateral: Mapping[AssetId, Commitment] = field(default_factory=dict)
    positions: Mapping[InstrumentId, Commitment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HashedLeaf:
    """An account and the hash of its leaf."""

    account: Account
    digest: Digest


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Everything that a batch reads and writes."""

    number: int
    root: Digest
    hub_height: int
    hub_time: int
    market: MarketState
    grids: tuple[RiskGrid, ...] = ()
    """The last grids that a proof may name, oldest first."""
    accounts: Mapping[AccountId, Account] = field(default_factory=dict)
    unclaimed: Mapping[AccountId, tuple[Credit, ...]] = field(default_factory=dict)
    """Deposits for accounts that are not open yet."""
    cursors: Mapping[int, ChainCursor] = field(default_factory=dict)
    inventory: Mapping[AssetId, int] = field(default_factory=dict)
    """What the vaults hold, in ledger units."""
    escrow: Mapping[AssetId, int] = field(default_factory=dict)
    """Of it, what is promised to a payout or a seizure."""
    residue: Residue = Residue()
    insurance: MicroUsd = MicroUsd(0)
    default_fund: Mapping[AccountId, MicroUsd] = field(default_factory=dict)
    """The members' public contributions: they pay, pro rata, for what insurance does not."""
    shortfall: MicroUsd = MicroUsd(0)
    payouts: Mapping[Digest, Payout] = field(default_factory=dict)
    defaults: Mapping[Digest, Default] = field(default_factory=dict)
    backstop_used: MicroUsd = MicroUsd(0)
    used_handles: frozenset[bytes] = frozenset()
    """keccak of each trade's D: a commitment trades once."""
    trade_log: Digest = Digest(bytes(32))
    """Running hash over trade ids and handles."""
    trades: int = 0
    epoch: int = 0
    """That of the members who certified the last batch."""
    references: tuple[Reference, ...] = ()
    """What the next price of each feed is measured by, in the order of feeds."""
    orders: int = 0
    """How many orders of the validators were carried out; the number of the next one."""
    breaker: Breaker = Breaker()
    written_off: Mapping[AssetId, WriteOff] = field(default_factory=dict)
    """Tokens that count nothing, until a quorum reinstates them."""
    certain_losses: MicroUsd = MicroUsd(0)
    """Σ of the defaults' `certain_loss`: follows from them, and is in no leaf."""
    bids: tuple[PendingBid, ...] = ()
    """Of the batch that is being executed; none once it is."""
    leaves: Mapping[AccountId, HashedLeaf] = field(default_factory=dict, compare=False, repr=False)
    """Hashes of the accounts as they were after the last batch: those that did not change are not hashed again."""

    def with_account(self, account: Account) -> "LedgerState":
        """With one account replaced or added."""
        return replace(self, accounts={**self.accounts, account.id: account})

    def with_default(self, default: Default) -> "LedgerState":
        """With one default replaced or added."""
        return self.with_defaults({default.id: default})

    def with_defaults(self, changed: Mapping[Digest, Default]) -> "LedgerState":
        """With some defaults replaced or added."""
        losses = self.certain_losses
        for name, default in changed.items():
            known = self.defaults.get(name)
            losses = MicroUsd(losses + default.certain_loss - (0 if known is None else known.certain_loss))
        return replace(self, defaults={**self.defaults, **changed}, certain_losses=losses)

    def with_escrow_moved(self, asset: AssetId, amount: int) -> "LedgerState":
        """With `amount` more ledger units of the asset promised (or fewer, if negative)."""
        return replace(self, escrow=_moved(self.escrow, asset, amount))

    def with_inventory_moved(self, asset: AssetId, amount: int) -> "LedgerState":
        """With `amount` more ledger units of the asset in its vault (or fewer, if negative)."""
        return replace(self, inventory=_moved(self.inventory, asset, amount))

    def with_fund_moved(self, member: AccountId, amount: int) -> "LedgerState":
        """With a member's contribution `amount` micro-dollars larger (or smaller, if negative)."""
        fund = {**self.default_fund, member: MicroUsd(self.default_fund.get(member, 0) + amount)}
        return replace(self, default_fund={name: part for name, part in sorted(fund.items()) if part})

    def with_write_off(self, entry: WriteOff) -> "LedgerState":
        """With one token's write-off replaced or added."""
        return replace(self, written_off=dict(sorted({**self.written_off, entry.asset: entry}.items())))

    def available(self, asset: AssetId) -> int:
        """Ledger units that the asset's vault can still promise."""
        return self.inventory.get(asset, 0) - self.escrow.get(asset, 0)

    def grid(self, round_number: int) -> RiskGrid | None:
        """The grid of a round that proofs may still name."""
        return next((grid for grid in self.grids if grid.round == round_number), None)

    def bidding(self, account: AccountId) -> bool:
        """Whether the account has a bid in the batch that is being executed."""
        return any(bid.account == account for bid in self.bids)

    def open_default_of(self, account: AccountId) -> Default | None:
        """The account's default that is not closed, if there is one."""
        return next((d for d in self.defaults.values() if d.account == account and d.stage is not Stage.CLOSED), None)


def _moved(amounts: Mapping[AssetId, int], asset: AssetId, change: int) -> dict[AssetId, int]:
    after = {**amounts, asset: amounts.get(asset, 0) + change}
    return {name: amount for name, amount in sorted(after.items()) if amount}


def genesis(house: House, market: MarketState, hub_height: int, cursors: Mapping[int, ChainCursor]) -> LedgerState:
    """The state before the first batch; its root is the deployment digest, which the hub holds as root 0."""
    return LedgerState(
        number=0,
        root=Digest(house.deployment.digest),
        hub_height=hub_height,
        hub_time=market.time,
        market=market,
        cursors={chain: replace(cursor, seen=hub_height) for chain, cursor in sorted(cursors.items())},
    )
