"""The ledger under random owners, prices and chains.

Proofs are hollow here: owners check their solvency in plain integers, with the statement's own code. After every
batch the books must add up, in commitments (the ledger stops otherwise) and in the owners' integers; nothing but a
refusal may be raised; and from wherever a run ends, the house brings every default to an end without any owner.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from coincurve import PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from circuits.auditor import NO_HANDLE, AuditorSecret, Handle
from circuits.errors import Insolvent
from circuits.group import scalar
from circuits.pedersen import VALUE_BASE, Commitment
from node.client.holdings import Holdings
from node.ledger.auctions import asking_price
from node.ledger.batch import AccountOpening, Exited, Paid, PayFailed, Seized, Sold, VaultEvent
from node.ledger.calls import lapse_reason
from node.ledger.claims import TrustingVerifier
from node.ledger.effects import EventKind, SeizeAction
from node.ledger.errors import Reason
from node.ledger.messages import Message
from node.ledger.state import Stage
from node.ledger.types import INSURANCE_ACCOUNT, Address, AssetId, MicroUsd, Status
from node.liquidation.breaker import Level
from node.market.errors import UnknownInstrument
from tests.support.clearing import Clearing
from tests.support.ledger import CASH_OFFSET, CHAINS, USD, Trader, address_of, make_setting, make_trade, make_transfer

KEYS = [PrivateKey(bytes([number]) * 32) for number in range(1, 5)]
"""The same in every run, so that accounts and defaults have the same order."""
BACKSTOP_KEY = KEYS.pop()
SETTING = make_setting(
    address_of(BACKSTOP_KEY),
    backstop_limit=3_000 * USD,
    full_below=50 * USD,
    account_cap=2_000 * USD,
    batch_cap=3_000 * USD,
    reset_ppm=100_000,
    max_resets=2,
    tear_up_band_ppm=100_000,
)
INSTRUMENTS = ("BTC-PERP", "ETH-PERP", "BTC-20200327", "BTC-20200327-8000-C")
UNITS = {"USD": 900 * USD, "WETH": 2 * 10**5, "WBTC": 10**5}
EXPECTED = frozenset(Reason) - {
    Reason.MALFORMED,
    Reason.SIGNATURE_INVALID,
    Reason.PROOF_INVALID,
    Reason.SELF_TRADE,
    Reason.SELF_TRANSFER,
}
OWNERS = 3
AUDITOR = AuditorSecret.decode(bytes(31) + b"\5")

owners = st.integers(0, OWNERS - 1)
chains = st.sampled_from(CHAINS)


def require_read(commitment: Commitment, handle: Handle, value: int) -> None:
    assert AUDITOR.read(commitment, handle) == VALUE_BASE * scalar(value)


class House(RuleBasedStateMachine):
    """Three owners and a backstop, four chains, a moving market."""

    @initialize(sizes=st.tuples(*[st.integers(250, 550).flatmap(lambda n: st.sampled_from([n, -n]))] * 2))
    def start(self, sizes: tuple[int, int]) -> None:
        self.backstop = Trader(SETTING, key=BACKSTOP_KEY, hollow=True)
        self.owners = [Trader(SETTING, key=key, hollow=True) for key in KEYS]
        self.checkpoint: dict[int, tuple[int, Holdings]] = {}
        self.nullified: set[tuple[int, str]] = set()
        self.clearing = Clearing.start(SETTING, self.backstop, *self.owners, verifier=TrustingVerifier())
        for owner in (*self.owners, self.backstop):
            self.clearing.deposit(owner.id, CHAINS[0], "USD", 900 * USD)
        self.trade(0, 1, "BTC-PERP", sizes[0], 1000, 0)
        self.trade(1, 1, "ETH-PERP", sizes[1], 1000, 0)

    @rule(owner=owners, named=st.booleans())
    def set_auditor(self, owner: int, named: bool) -> None:
        trader, state = self.owners[owner], self.clearing.state
        before = trader.auditor
        try:
            message = trader.set_auditor(state, AUDITOR) if named else trader.remove_auditor(state)
        except (Insolvent, UnknownInstrument):
            trader.auditor = before
            return
        self.clearing.batch(message, blocks=0)
        assert {refusal.reason for refusal in self.clearing.refused} <= EXPECTED
        if self.clearing.refused:
            trader.auditor = before

    def _send(self, make: Callable[[], Message], blocks: int = 0) -> None:
        """One message, unless its owner knows better than to send it."""
        try:
            message = make()
        except (Insolvent, UnknownInstrument):
            # Short of margin, or with an expired instrument that waits for a price to settle at.
            return
        self.clearing.batch(message, blocks=blocks)
        assert {refusal.reason for refusal in self.clearing.refused} <= EXPECTED

    @rule(owner=owners, chain=chains, symbol=st.sampled_from(sorted(UNITS)), share=st.integers(1, 10))
    def deposit(self, owner: int, chain: int, symbol: str, share: int) -> None:
        self.clearing.deposit(self.owners[owner].id, chain, symbol, UNITS[symbol] * share // 10)

    @rule(share=st.integers(1, 10))
    def insure(self, share: int) -> None:
        self.clearing.deposit(INSURANCE_ACCOUNT, CHAINS[1], "USD", 20 * USD * share)

    @rule(
        taker=owners,
        step=st.integers(1, OWNERS - 1),
        instrument=st.sampled_from(INSTRUMENTS),
        thousandths=st.integers(-1000, 1000),
        off=st.integers(980, 1020),
        fee=st.integers(0, USD),
    )
    def trade(self, taker: int, step: int, instrument: str, thousandths: int, off: int, fee: int) -> None:
        buyer, seller = self.owners[taker], self.owners[(taker + step) % OWNERS]
        if instrument not in {entry.id for entry in self.clearing.grid.instruments}:
            return  # expired
        mark = self.clearing.grid.mark_price(instrument)
        size = thousandths * (8 if instrument.startswith("BTC") else 40)
        self._send(
            lambda: make_trade(self.clearing.state, buyer, seller, instrument, size, mark * off // 1000, fee=fee)
        )

    @rule(
        sender=owners,
        step=st.integers(1, OWNERS - 1),
        asset=st.sampled_from(["CASH", *(f"{symbol}@{chain}" for symbol in ("WETH", "WBTC") for chain in CHAINS[:2])]),
        share=st.integers(1, 10),
    )
    def transfer(self, sender: int, step: int, asset: str, share: int) -> None:
        giver, taker = self.owners[sender], self.owners[(sender + step) % OWNERS]
        amount = UNITS[asset.split("@")[0].replace("CASH", "USD")] * share // 10
        self._send(lambda: make_transfer(self.clearing.state, giver, taker, asset, amount))

    @rule(owner=owners)
    def prove(self, owner: int) -> None:
        self._send(lambda: self.owners[owner].margin_proof(self.clearing.state))

    @rule(owner=owners, chain=chains, symbol=st.sampled_from(sorted(UNITS)), share=st.integers(1, 10))
    def withdraw(self, owner: int, chain: int, symbol: str, share: int) -> None:
        amount = UNITS[symbol] * share // 10
        self._send(lambda: self.owners[owner].withdraw(self.clearing.state, f"{symbol}@{chain}", amount))

    @rule(owner=owners, share=st.integers(-5, 5).filter(bool))
    def contribute(self, owner: int, share: int) -> None:
        self._send(lambda: self.owners[owner].contribute(self.clearing.state, 20 * USD * share))

    @rule()
    def relay_a_checkpoint(self) -> None:
        """From here on the vaults know every account as it is now, until the next checkpoint."""
        solvent = (Status.ACTIVE, Status.DUE, Status.CALLED)
        accounts = [(place, self.clearing.account(owner)) for place, owner in enumerate(self.owners)]
        self.checkpoint = {
            place: (account.version, self.owners[place].holdings)
            for place, account in accounts
            if account.status in solvent and not account.positions
        }

    @rule(owner=owners, chain=chains, symbol=st.sampled_from(sorted(UNITS)), share=st.integers(1, 10))
    def exit_by_force(self, owner: int, chain: int, symbol: str, share: int) -> None:
        """What a vault allows by the last checkpoint, whatever happened since."""
        version, held = self.checkpoint.get(owner, (0, Holdings()))
        asset = self.clearing.house.registry.asset(f"{symbol}@{chain}")
        name = AssetId(asset.id)
        abroad = asset.is_cash and chain != CHAINS[0]
        if abroad or (owner, name) in self.nullified or held.cash.value < 0:
            return
        whole = held.cash.value if asset.is_cash else held.collateral[name].value if name in held.collateral else 0
        lost = self.clearing.state.written_off
        there = self.clearing.state.available(name) + (lost[name].lost if name in lost else 0)
        amount = min(whole * share // 10, there)
        if amount > 0:
            self.nullified.add((owner, name))
            exited = Exited(self.owners[owner].id, Address(asset.token), amount, version)
            self.clearing.batch(events={chain: [exited]}, blocks=1)

    @rule(
        btc=st.sampled_from([55, 70, 85, 95, 105, 130, 190]),
        eth=st.sampled_from([55, 80, 95, 100, 105, 130, 190]),
        rounds=st.integers(1, 3),
        observers=st.sampled_from([4, 4, 4, 3, 2]),
    )
    def move(self, btc: int, eth: int, rounds: int, observers: int) -> None:
        prices = self.clearing.prices
        self.clearing.observers = observers
        moved = {"BTC": prices["BTC"] * btc // 100, "ETH": prices["ETH"] * eth // 100}
        bounded = {"BTC": min(max(moved["BTC"], 2_000), 30_000), "ETH": min(max(moved["ETH"], 50), 800)}
        self.clearing.batch(prices=bounded, blocks=4 * rounds)

    @rule(blocks=st.sampled_from([1, 2, 8, 24, 48]))
    def wait(self, blocks: int) -> None:
        self.clearing.batch(blocks=blocks)

    @rule(turns=st.integers(2, 6))
    def go_on(self, turns: int) -> None:
        """House, committee and chains carry on without the owners."""
        for _ in range(turns):
            self._turn()

    def _turn(self) -> None:
        self.clearing.batch(openings=self._openings(), blocks=16)
        if self._orders() or self.clearing.state.payouts:
            self._chain_events(Paid, 500)

    @rule(level=st.sampled_from(Level), blocks=st.integers(1, 100))
    def set_breaker(self, level: Level, blocks: int) -> None:
        self.clearing.accept(self.clearing.breaker(level, blocks), blocks=0)

    @rule(chain=chains, symbol=st.sampled_from(sorted(UNITS)))
    def write_off_or_reinstate(self, chain: int, symbol: str) -> None:
        asset = f"{symbol}@{chain}"
        reinstated = asset in self.clearing.state.written_off
        self.clearing.accept(self.clearing.write_off(asset, reinstated=reinstated), blocks=0)

    @precondition(lambda self: any(i in INSTRUMENTS[2:] for o in self.owners for i in o.holdings.positions))
    @rule()
    def expire(self) -> None:
        if self.clearing.state.market.time < self.clearing.house.registry.instrument(INSTRUMENTS[2]).expiry:
            self.clearing.skip_to_expiry(INSTRUMENTS[2])
        self.clearing.batch(blocks=4)

    @precondition(lambda self: any(d.stage is Stage.OPENING for d in self.clearing.state.defaults.values()))
    @rule()
    def open_defaults(self) -> None:
        self.clearing.batch(openings=self._openings())

    @precondition(lambda self: any(d.stage is Stage.AUCTION for d in self.clearing.state.defaults.values()))
    @rule(first=owners, both=st.booleans(), above=st.integers(0, 50_000), share=st.integers(1, 4), data=st.data())
    def bid(self, first: int, both: bool, above: int, share: int, data: st.DataObject) -> None:
        """One owner, or two, want a quarter or more of what is on auction."""
        state = self.clearing.state
        open_auctions = [d for d in state.defaults.values() if d.stage is Stage.AUCTION]
        default = data.draw(st.sampled_from(open_auctions))
        price = asking_price(self.clearing.house, state, default)
        if price is None or default.offer is None:
            return
        units = -(-default.offer.total * share // 4)
        bids: list[Message] = []
        for bidder in (self.owners[first], *([self.owners[(first + 1) % OWNERS]] if both else [])):
            with suppress(Insolvent, UnknownInstrument):  # it knows better than to send it
                bids.append(bidder.bid(state, default, price + above, units))
        self.clearing.batch(*bids, blocks=0)
        assert {refusal.reason for refusal in self.clearing.refused} <= EXPECTED

    @precondition(lambda self: self.clearing.state.payouts or self._orders(late=True))
    @rule(data=st.data())
    def the_chains_act(self, data: st.DataObject) -> None:
        """Those too that nobody waits for any more."""
        paid = data.draw(st.booleans())
        share = data.draw(st.integers(0, 1000))
        self._chain_events(lambda action: Paid(action) if paid else PayFailed(action), share, late=True)

    def _openings(self) -> tuple[AccountOpening, ...]:
        state = self.clearing.state
        return tuple(
            self.clearing.opening(d)
            for d in state.defaults.values()
            if d.stage is Stage.OPENING and d.frozen_in <= state.number
        )

    def _orders(self, *, late: bool = False) -> list[SeizeAction]:
        """What defaults wait for, or `late` also what they gave up and may still happen."""
        ordered = [seizure for default in self.clearing.state.defaults.values() for seizure in default.seizures]
        waiting = {s.action_id for s in ordered if s.outstanding or (late and s.proceeds is None)}
        return [e for e in self.clearing.effects if isinstance(e, SeizeAction) and e.action_id in waiting]

    def _chain_events(self, payout: Callable[..., VaultEvent], share: int, *, late: bool = False) -> None:
        """Every payout is settled; every lot is handed over and sold between its floor and its start."""
        events: dict[int, list[VaultEvent]] = {}
        for pending in self.clearing.state.payouts.values():
            events.setdefault(int(pending.asset.split("@")[1]), []).append(payout(pending.action_id))
        for order in self._orders(late=late):
            proceeds = order.floor_price + (order.start_price - order.floor_price) * share // 1000
            sold = Sold(order.action_id, MicroUsd(proceeds))
            events.setdefault(int(order.asset.split("@")[1]), []).extend((Seized(order.action_id), sold))
        self.clearing.batch(events=events, blocks=1)

    # What holds after every batch.

    @invariant()
    def the_owners_integers_add_up(self) -> None:
        if not hasattr(self, "clearing"):
            return
        state, traders = self.clearing.state, (self.backstop, *self.owners)
        cash = sum(t.holdings.cash.value for t in traders) + state.insurance + sum(state.default_fund.values())
        cash += sum(c.amount for t in traders for c in t.holdings.waiting if c.asset is None)
        short = [dict(told.attributes) for told in self.clearing.told(EventKind.SHORTAGE)]
        cash += sum(int(line["owed"]) for line in short)
        cash += sum(amount for asset, amount in state.escrow.items() if asset.startswith("USD"))
        cash += sum(held.amount for entry in state.written_off.values() for held in entry.stranded)
        cash -= sum(entry.shortfall for entry in state.written_off.values())
        assert cash == sum(amount for asset, amount in state.inventory.items() if asset.startswith("USD"))
        for asset in state.inventory.keys() | state.escrow.keys():
            if not asset.startswith("USD"):
                held = sum(t.holdings.collateral[asset].value for t in traders if asset in t.holdings.collateral)
                held += sum(c.amount for t in traders for c in t.holdings.waiting if c.asset == asset)
                held -= sum(int(line["amount"]) for line in short if line["asset"] == asset)
                assert held + state.escrow.get(asset, 0) == state.inventory.get(asset, 0)
        for instrument in INSTRUMENTS:
            held = (t.holdings.positions.get(instrument) for t in traders)  # type: ignore[call-overload]
            assert sum(opening.value for opening in held if opening is not None) == 0

    @invariant()
    def the_auditor_reads_what_the_owners_know(self) -> None:
        """Every handle fits its commitment, whatever the account went through since the auditor was named."""
        if not hasattr(self, "clearing"):
            return
        for trader in self.owners:
            account, held = self.clearing.account(trader), trader.holdings
            assert account.auditor == trader.auditor
            if account.audit is None:
                continue
            audit = account.audit
            require_read(account.cash, audit.cash, held.cash.value)
            for instrument, lots in account.positions.items():
                handle = audit.positions.get(instrument, NO_HANDLE)
                require_read(lots, handle, held.positions[instrument].value)
            for asset, amount in account.collateral.items():
                handle = audit.collateral.get(asset, NO_HANDLE)
                require_read(amount, handle, held.collateral[asset].value)
            limbs, settled = account.limbs, held.cash.value - account.limbs.public_since
            for entry, handle in zip(limbs.settled, audit.settled, strict=True):
                quantity = trader.opened_to[entry.position.encode()]
                require_read(entry.position, handle, quantity)
                settled -= entry.coefficient * quantity
            if limbs.high is not None and limbs.low is not None:
                require_read(limbs.high, audit.high, settled + CASH_OFFSET >> 32)
                require_read(limbs.low, audit.low, settled + CASH_OFFSET & 0xFFFFFFFF)

    @invariant()
    def promises_are_covered(self) -> None:
        if not hasattr(self, "clearing"):
            return
        state = self.clearing.state
        assert all(amount > 0 for amount in (*state.inventory.values(), *state.escrow.values()))
        assert all(state.available(asset) >= 0 for asset in state.escrow)
        assert min(state.insurance, state.shortfall, state.backstop_used) >= 0
        unpaid = [entry.shortfall for entry in (*state.defaults.values(), *state.written_off.values())]
        assert state.shortfall == sum(unpaid)
        assert state.certain_losses == sum(default.certain_loss for default in state.defaults.values())
        for entry in state.written_off.values():
            paid = entry.insurance_paid + sum(share.amount for share in entry.fund_paid) + entry.shortfall
            assert entry.lost == paid
            assert min(entry.lost, entry.insurance_paid, entry.shortfall) >= 0
        assert not (state.shortfall and state.insurance)
        assert min(state.default_fund.values(), default=1) > 0

    @invariant()
    def every_default_fits_its_account(self) -> None:
        if not hasattr(self, "clearing"):
            return
        state = self.clearing.state
        running = [d for d in state.defaults.values() if d.stage is not Stage.CLOSED]
        assert len({d.account for d in running}) == len(running)
        stages = {d.account: d.stage for d in running}
        for account in state.accounts.values():
            stage = stages.get(account.id)
            assert (account.status is Status.FROZEN) == (stage is Stage.OPENING)
            assert (account.status is Status.LIQUIDATING) == (stage in (Stage.PLANNED, Stage.AUCTION, Stage.COLLATERAL))
        for default in running:
            if default.stage is not Stage.OPENING:
                account = state.accounts[default.account]
                assert account.cash == Commitment.public(default.cash)
                assert account.positions == {lot.instrument: Commitment.public(lot.quantity) for lot in default.lots}
                assert account.collateral == {h.asset: Commitment.public(h.amount) for h in default.collateral}

    def teardown(self) -> None:
        """Every owner walks away; the house, the committee and the chains bring everything to an end.

        An account that has its margin, or what is left of it after a partial liquidation, is called, opened and given
        back to its absent owner again and again; whoever is exposed now has come through that once at the end.
        """
        if not hasattr(self, "clearing"):
            return
        self.clearing.observers = 4
        begun = self.clearing.state.number
        for _ in range(90):
            if self._at_rest(begun):
                break
            self._turn()
            self.the_owners_integers_add_up()
            self.promises_are_covered()
            self.every_default_fits_its_account()
        assert self._at_rest(begun)

    def _at_rest(self, begun: int) -> bool:
        state = self.clearing.state
        ended = {d.account for d in state.defaults.values() if d.stage is Stage.CLOSED and d.frozen_in > begun}
        return all(d.stage is Stage.CLOSED for d in state.defaults.values() if d.frozen_in <= begun) and all(
            account.id in ended or (lapse_reason(SETTING.house, state, account) is None and not account.positions)
            for account in state.accounts.values()
            if account.id != self.backstop.id
        )


@pytest.mark.timeout(300)
class TestHouse(House.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(
        max_examples=8,
        stateful_step_count=20,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
