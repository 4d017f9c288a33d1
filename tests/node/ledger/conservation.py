"""Books kept beside the ledger, from what everyone is told and from the owners' integers.

What the vaults hold, what the funds hold, who paid for a default: after every batch they and the ledger must agree to
the last unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from circuits.pedersen import NOTHING, Commitment
from node.ledger.batch import (
    Batch,
    ChainSegment,
    Deposited,
    Exited,
    Paid,
    PayFailed,
    Seized,
    Sold,
    VaultEvent,
)
from node.ledger.claims import TrustingVerifier
from node.ledger.effects import Effect, EventKind, LedgerEvent, PayAction, Posting, PostingKind, SeizeAction
from node.ledger.execution import Executed, Proposal, execute
from node.ledger.leaves import account_leaf, house_leaf
from node.ledger.merkle import MerkleTree, leaf_hash
from node.ledger.state import ChainCursor, genesis
from node.ledger.types import INSURANCE_ACCOUNT, AccountId, Address, AssetId, MicroUsd
from node.ledger.wire import decode_batch
from node.market.state import genesis_state
from tests.support.clearing import Clearing
from tests.support.ledger import CHAINS, START


@dataclass
class Vault:
    """A vault and its auction, as their chain knows them; `log` is what happened there and the house has not seen."""

    chain: int
    holds: dict[AssetId, int] = field(default_factory=dict)
    orders: list[PayAction | SeizeAction] = field(default_factory=list)
    lots: list[SeizeAction] = field(default_factory=list)
    """Handed over to the auction and not sold."""
    log: list[tuple[VaultEvent, AssetId, int]] = field(default_factory=list)
    """Each with what it moved in the vault."""
    halted: bool = False
    """The chain makes no blocks."""
    hidden: bool = False
    """It makes blocks, which the house does not see."""

    @property
    def cash(self) -> AssetId:
        return AssetId(f"USD@{self.chain}")

    def _happened(self, event: VaultEvent, asset: AssetId, change: int) -> None:
        self.holds[asset] = self.holds.get(asset, 0) + change
        self.log.append((event, asset, change))

    def deposit(self, account: AccountId, token: Address, asset: AssetId, amount: int) -> None:
        if not self.halted:
            self._happened(Deposited(account, token, amount), asset, amount)

    def exit(self, account: AccountId, token: Address, asset: AssetId, amount: int, version: int) -> None:
        self._happened(Exited(account, token, amount, version), asset, -amount)

    def act(self, fates: Sequence[int]) -> None:
        """The next fate of ten decides on each order and lot: wait, fail, or go through, lots at a price that rises
        with it."""
        if self.halted:
            return
        orders, lots = self.orders, self.lots
        self.orders, self.lots = [], []
        for place, order in enumerate(orders):
            fate = fates[place % len(fates)]
            if fate < 3:
                self.orders.append(order)
            elif isinstance(order, SeizeAction):
                self._happened(Seized(order.action_id), order.asset, -order.amount)
                self.lots.append(order)
            elif fate < 5:
                self._happened(PayFailed(order.action_id), order.asset, 0)
            else:
                self._happened(Paid(order.action_id), order.asset, -order.amount)
        for place, lot in enumerate(lots):
            fate = fates[-1 - place % len(fates)]
            if fate < 4:
                self.lots.append(lot)
            else:
                proceeds = lot.floor_price + (lot.start_price - lot.floor_price) * (fate - 4) // 5
                self._happened(Sold(lot.action_id, MicroUsd(proceeds)), self.cash, proceeds)

    def seen(self) -> list[VaultEvent]:
        """What the house sees now."""
        if self.halted or self.hidden:
            return []
        events, self.log = [event for event, _, _ in self.log], []
        return events

    def booked(self, asset: AssetId) -> int:
        """What it held when the house last saw it."""
        return self.holds.get(asset, 0) - sum(change for _, moved, change in self.log if moved == asset)


_FIGURES = (EventKind.INSURANCE_PAID, EventKind.FUND_PAID, EventKind.FUND_REPAID, EventKind.SHORTFALL)


@dataclass
class Funds:
    """Insurance, default fund and open shortfalls, as the events of every batch tell them."""

    insurance: int = 0
    members: dict[str, int] = field(default_factory=dict)
    shortfalls: dict[str, int] = field(default_factory=dict)
    owed: dict[str, dict[str, int]] = field(default_factory=dict)
    """By default, what insurance (under no name) and members other than the defaulter have paid for it."""

    def follow(self, effects: Sequence[Effect], cash: Mapping[AccountId, int]) -> None:
        """Move along a batch's events; `cash` is what every account has after it, by its owner's own books."""
        paid: dict[str, list[LedgerEvent]] = {}
        restored: set[str] = set()
        for place, told in enumerate(effects):
            if not isinstance(told, LedgerEvent):
                continue
            line = dict(told.attributes)
            match told.kind:
                case EventKind.DEPOSITED if told.account == INSURANCE_ACCOUNT:
                    self.insurance += int(line["amount"])
                case EventKind.TRADED:
                    self.insurance += int(line["fee"])
                case EventKind.RESTORED:
                    assert _last_change(effects[:place]) == -int(line["penalty"])
                    self.insurance += int(line["penalty"])
                    restored.add(line["default"])
                case EventKind.FUND_CHANGED if told.account is not None:
                    self._member(told.account.hex(), int(line["amount"]))
                case kind if kind in _FIGURES:
                    paid.setdefault(line["default"], []).append(told)
                case EventKind.DEFAULT_CLOSED if told.account is not None and line["default"] not in restored:
                    after = cash[told.account] - _cash_moved(effects[place:], told.account)
                    ends, change = paid.pop(line["default"], []), _last_change(effects[:place])
                    self._end(line["default"], told.account.hex(), ends, after, change)
        for default, cures in paid.items():
            amount = sum(int(dict(told.attributes)["amount"]) for told in cures)
            assert {told.kind for told in cures} == {EventKind.INSURANCE_PAID}
            self.insurance -= amount
            self.shortfalls[default] -= amount
            self.owed[default][""] += amount

    def _member(self, name: str, change: int) -> None:
        self.members[name] = self.members.get(name, 0) + change

    def _end(self, default: str, account: str, told: Sequence[LedgerEvent], after: int, change: int) -> None:
        """The waterfall of one default: `change` is what its end moved into the account, which then has `after`."""
        paid: dict[EventKind, dict[str, int]] = {kind: {} for kind in _FIGURES}
        for entry in told:
            line = dict(entry.attributes)
            paid[entry.kind][line.get("member", "")] = int(line["amount"])
        insured, funded, repaid, shortfall = (sum(paid[kind].values()) for kind in _FIGURES)
        before, owed = after - change, self.owed.setdefault(default, {})
        lost = bool(owed)
        for member, amount in paid[EventKind.FUND_PAID].items():
            self._member(member, -amount)
            if member != account:
                owed[member] = owed.get(member, 0) + amount
        for member, amount in paid[EventKind.FUND_REPAID].items():
            self._member(member, amount)
            owed[member] -= amount
        penalty = insured + funded - repaid - change
        self.insurance += penalty - insured
        self.shortfalls[default] = shortfall
        if before < 0:
            assert before + insured + funded + shortfall == 0
            assert after == -shortfall
            assert repaid == penalty == 0
            self._require_order(account, insured, paid[EventKind.FUND_PAID], shortfall)
        else:
            assert insured == funded == shortfall == 0
            assert after >= 0
            members = sum(amount for name, amount in owed.items() if name)
            assert not after or not members, "members come before the owner"
            assert not penalty or not members, "and before the insurance fund"
            assert penalty == min(before - repaid, owed.get("", 0)) if lost else penalty >= 0
        owed[""] = owed.get("", 0) + insured

    def _require_order(self, account: str, insured: int, paid: Mapping[str, int], shortfall: int) -> None:
        """Own part first, then insurance, then the other members: who comes later pays once the earlier are used up."""
        others = sum(amount for member, amount in paid.items() if member != account)
        assert not (insured or others or shortfall) or not self.members.get(account, 0)
        assert not (others or shortfall) or not self.insurance
        assert not shortfall or not any(self.members.values())


def _cash_moved(effects: Sequence[Effect], account: AccountId) -> int:
    return sum(
        told.amount
        for told in effects
        if isinstance(told, Posting) and told.kind is PostingKind.CASH and told.account == account
    )


def _last_change(effects: Sequence[Effect]) -> int:
    """The posting that goes with the end of a default comes right before its events."""
    return next(told.amount for told in reversed(effects) if isinstance(told, Posting))


@dataclass
class Books(Clearing):
    """A house whose every batch is compared with these books, and can be executed again from its bytes."""

    vaults: dict[int, Vault] = field(default_factory=lambda: {chain: Vault(chain) for chain in CHAINS})
    funds: Funds = field(default_factory=Funds)
    bodies: list[bytes] = field(default_factory=list)

    def segments(self, events: Mapping[int, Sequence[VaultEvent]]) -> tuple[ChainSegment, ...]:
        """What the house sees of the chains, and nothing else: `events` stays empty."""
        assert not events
        seen = {chain: vault.seen() for chain, vault in self.vaults.items()}
        return super().segments({chain: happened for chain, happened in seen.items() if happened})

    def take(self, batch: Batch, proposal: Proposal) -> Executed:
        executed = super().take(batch, proposal)
        self.bodies.append(self.body)
        for order in executed.effects:
            if isinstance(order, PayAction | SeizeAction):
                self.vaults[int(order.asset.split("@")[1])].orders.append(order)
        self.funds.follow(executed.effects, {trader.id: trader.holdings.cash.value for trader in self.traders})
        self.require_conserved()
        return executed

    def require_conserved(self) -> None:
        """All that must hold after every batch."""
        self._require_matched_book()
        self._require_full_reserves()
        self._require_funds()
        leaves = {bytes(n): leaf_hash(account_leaf(self.house.registry, a)) for n, a in self.state.accounts.items()}
        leaves[self.house.deployment.digest] = leaf_hash(house_leaf(self.house, self.state))
        assert MerkleTree.build(leaves).root == self.state.root

    def _require_matched_book(self) -> None:
        state = self.state
        held = {name for account in state.accounts.values() for name in account.positions}
        for name in sorted(held | state.residue.positions.keys()):
            pairs = [account.positions.get(name, NOTHING) for account in state.accounts.values()]
            assert sum(pairs, start=state.residue.positions.get(name, NOTHING)) == NOTHING
            assert sum(trader.holdings.position(name).value for trader in self.traders) == 0

    def _require_full_reserves(self) -> None:
        """Of every token on every chain, and of cash, which is one sum over the dollars of all chains."""
        state = self.state
        short = [dict(told.attributes) for told in self.told(EventKind.SHORTAGE)]
        for vault in self.vaults.values():
            for asset in vault.holds:
                assert state.inventory.get(asset, 0) == vault.booked(asset) >= state.escrow.get(asset, 0) >= 0
        assert sum(state.inventory.values()) == sum(v.booked(asset) for v in self.vaults.values() for asset in v.holds)
        for asset in sorted(
            name for name in state.inventory.keys() | state.escrow.keys() if not name.startswith("USD")
        ):
            owned = [t.holdings.collateral[asset].value for t in self.traders if asset in t.holdings.collateral]
            waiting = self._waiting(asset) + state.escrow.get(asset, 0)
            missing = sum(int(line["amount"]) for line in short if line["asset"] == asset)
            assert sum(owned) + waiting - missing == state.inventory.get(asset, 0)
            pairs = [account.collateral.get(asset, NOTHING) for account in state.accounts.values()]
            whole = sum(pairs, start=state.residue.collateral.get(asset, NOTHING)) + Commitment.public(waiting)
            assert whole == Commitment.public(state.inventory.get(asset, 0))
        pots = self._waiting(None) + state.insurance + sum(state.default_fund.values())
        pots += sum(amount for asset, amount in state.escrow.items() if asset.startswith("USD"))
        dollars = sum(amount for asset, amount in state.inventory.items() if asset.startswith("USD"))
        owned_cash = sum(trader.holdings.cash.value for trader in self.traders)
        assert owned_cash + pots + sum(int(line["owed"]) for line in short) == dollars
        total = sum((account.cash for account in state.accounts.values()), start=state.residue.cash)
        assert total + Commitment.public(pots) == Commitment.public(dollars)

    def _waiting(self, asset: AssetId | None) -> int:
        """In the inboxes, as their owners know them."""
        return sum(c.amount for trader in self.traders for c in trader.holdings.waiting if c.asset == asset)

    def _require_funds(self) -> None:
        state, funds = self.state, self.funds
        assert state.insurance == funds.insurance >= 0
        assert {name.hex(): part for name, part in state.default_fund.items()} == {
            name: part for name, part in funds.members.items() if part
        }
        assert all(part > 0 for part in state.default_fund.values())
        recorded = {default.id.hex(): default.shortfall for default in state.defaults.values() if default.shortfall}
        assert recorded == {name: amount for name, amount in funds.shortfalls.items() if amount}
        assert state.shortfall == sum(recorded.values()) >= 0
        assert not (state.shortfall and state.insurance)

    def require_replayed(self) -> None:
        """Another executor makes the same of the bytes of all batches, root by root."""
        market = genesis_state(self.house.registry, self.house.market, 0, START)
        state = genesis(self.house, market, 0, {chain: ChainCursor(0, bytes(32)) for chain in CHAINS})
        for body in self.bodies:
            batch = decode_batch(body)
            state = execute(self.house, state, batch, TrustingVerifier()).state
            assert state.root == batch.new_root
        assert state == self.state
