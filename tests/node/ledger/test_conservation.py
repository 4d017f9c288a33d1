"""Nothing is lost or made, whatever owners, prices and chains do, and whatever fails.

Owners trade with hollow proofs and are away when it falls; chains halt, hide, refuse payments, carry seizures out late,
and sell lots at any price or to nobody. `conservation.Books` compares every batch with books of its own: matched book
and full reserves in owners' integers and in commitments, each vault, each fund, the waterfall of each default, and the
root. At the end everything that stands still goes on, what is missing comes late, and another executor replays all
batches from their bytes.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from coincurve import PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from circuits.errors import Insolvent
from node.client.holdings import Holdings
from node.ledger.auctions import asking_price
from node.ledger.batch import AccountOpening
from node.ledger.claims import TrustingVerifier
from node.ledger.errors import Reason
from node.ledger.messages import Message
from node.ledger.state import Default, Stage
from node.ledger.types import INSURANCE_ACCOUNT, AccountId, AssetId, Status
from node.market.errors import UnknownInstrument
from node.market.instruments import Barrier, BarrierKind, Future, Option, OptionKind, Perpetual
from tests.node.ledger.conservation import Books
from tests.support.ledger import (
    CHAINS,
    FEED,
    START,
    USD,
    Setting,
    Trader,
    address_of,
    make_setting,
    make_trade,
    make_transfer,
    token,
)

KEYS = [PrivateKey(bytes([number]) * 32) for number in range(11, 15)]
"""The same in every run, so that accounts and defaults have the same order."""
BACKSTOP_KEY = KEYS.pop()
SOON, LATER = START + 4 * 3_600, START + 12 * 3_600
LISTED = (
    Perpetual("BTC", 10_000),
    Perpetual("ETH", 1_000),
    Future("BTC", 10_000, SOON),
    Option("BTC", 10_000, LATER, 8_000 * FEED, OptionKind.CALL),
    Barrier("BTC", 10_000, LATER, 8_000 * FEED, OptionKind.CALL, 7_000 * FEED, BarrierKind.DOWN_OUT),
)
UNITS = {"USD": 900 * USD, "WETH": 2 * 10**5, "WBTC": 10**5}
OWNERS = 3
OWN_FAULT = {Reason.MALFORMED, Reason.SIGNATURE_INVALID, Reason.PROOF_INVALID, Reason.SELF_TRADE, Reason.SELF_TRANSFER}


def made_setting() -> Setting:
    """Small limits, so that plans come in parts, the backstop has enough soon, and losses reach everybody."""
    setting = make_setting(
        address_of(BACKSTOP_KEY),
        backstop_limit=1_500 * USD,
        full_below=20 * USD,
        account_cap=1_000 * USD,
        batch_cap=1_500 * USD,
        reset_ppm=100_000,
        max_resets=1,
        tear_up_band_ppm=50_000,
        jump_ppm=150_000,
        due_blocks=4,
        grace_blocks=8,
        auction_blocks=8,
        insolvent_blocks=8,
    )
    registry = replace(setting.house.registry, instruments=LISTED)
    return replace(setting, house=replace(setting.house, registry=registry))


SETTING = made_setting()
owners = st.integers(0, OWNERS - 1)
chains = st.sampled_from(CHAINS)
symbols = st.sampled_from(sorted(UNITS))
tenths = st.integers(1, 10)
fates = st.lists(st.integers(0, 9), min_size=4, max_size=4)
failing = st.sets(chains, max_size=3)
SURE = [9] * 4
"""Every order is carried out and every lot sold at its first price."""


class Conservation(RuleBasedStateMachine):
    """Three owners and a backstop, four chains that fail, a market that jumps."""

    @initialize(
        sizes=st.tuples(*[st.integers(300, 550).flatmap(lambda n: st.sampled_from([n, -n]))] * 2),
        insured=st.integers(0, 5),
        member=owners,
    )
    def start(self, sizes: tuple[int, int], insured: int, member: int) -> None:
        self.backstop = Trader(SETTING, key=BACKSTOP_KEY, hollow=True)
        self.owners = [Trader(SETTING, key=key, hollow=True) for key in KEYS]
        self.checkpoint: dict[int, tuple[int, Holdings]] = {}
        self.nullified: set[tuple[int, str]] = set()
        self.books = Books.start(SETTING, self.backstop, *self.owners, verifier=TrustingVerifier())
        for owner, chain, dollars in zip((*self.owners, self.backstop), CHAINS, (900, 900, 3_000, 900), strict=True):
            self._deposit(owner.id, chain, "USD", dollars * USD)
        self._deposit(self.owners[0].id, CHAINS[1], "WETH", UNITS["WETH"])
        self._deposit(self.owners[1].id, CHAINS[2], "WBTC", UNITS["WBTC"] // 2)
        if insured:
            self._deposit(INSURANCE_ACCOUNT, CHAINS[0], "USD", 20 * USD * insured)
        self.books.batch(blocks=0)
        self.trade(0, 1, LISTED[0].id, sizes[0], 1000, 0)
        self.trade(1, 1, LISTED[1].id, sizes[1], 1000, USD)
        self.trade(2, 1, LISTED[2].id, 40, 1000, 0)
        self.contribute(member, 2)
        self.contribute((member + 1) % OWNERS, 1)
        self.withdraw(member, CHAINS[member], "USD", 1)

    def _deposit(self, account: AccountId, chain: int, symbol: str, amount: int) -> None:
        self.books.vaults[chain].deposit(account, token(chain, symbol), AssetId(f"{symbol}@{chain}"), amount)

    def _send(self, make: Callable[[], Message]) -> None:
        """One message, unless its owner knows better than to send it."""
        self.books.batch(blocks=0)  # what the chains have brought comes first, so that the message may count on it
        try:
            message = make()
        except (Insolvent, UnknownInstrument):
            return  # short of margin, or with an expired instrument that waits for a price to settle at
        self.books.batch(message, blocks=0)
        assert not {refusal.reason for refusal in self.books.refused} & OWN_FAULT

    # What owners do.

    @rule(owner=owners, chain=chains, symbol=symbols, share=tenths)
    def deposit(self, owner: int, chain: int, symbol: str, share: int) -> None:
        self._deposit(self.owners[owner].id, chain, symbol, UNITS[symbol] * share // 10)
        self.books.batch()

    @precondition(lambda self: any(a.status is Status.CLOSED for a in self.books.state.accounts.values()))
    @rule(chain=chains, share=tenths)
    def something_arrives_late(self, chain: int, share: int) -> None:
        """For whoever closed with a loss."""
        for account in self.books.state.accounts.values():
            if account.status is Status.CLOSED:
                self._deposit(account.id, chain, "USD", UNITS["USD"] * share // 10)
        self.books.batch()

    @rule(chain=chains, share=tenths)
    def insure(self, chain: int, share: int) -> None:
        self._deposit(INSURANCE_ACCOUNT, chain, "USD", 20 * USD * share)
        self.books.batch()

    @rule(
        taker=owners,
        step=st.integers(1, OWNERS - 1),
        instrument=st.sampled_from([entry.id for entry in LISTED]),
        thousandths=st.integers(-800, 800),
        off=st.integers(980, 1020),
        fee=st.integers(0, USD),
    )
    def trade(self, taker: int, step: int, instrument: str, thousandths: int, off: int, fee: int) -> None:
        buyer, seller = self.owners[taker], self.owners[(taker + step) % OWNERS]
        if instrument not in {entry.id for entry in self.books.grid.instruments}:
            return  # expired
        price = self.books.grid.mark_price(instrument) * off // 1000
        size = thousandths * (8 if instrument.startswith("BTC") else 40)
        self._send(lambda: make_trade(self.books.state, buyer, seller, instrument, size, price, fee=fee))

    @rule(
        sender=owners,
        step=st.integers(1, OWNERS - 1),
        asset=st.sampled_from(["CASH", f"WETH@{CHAINS[1]}", f"WBTC@{CHAINS[2]}"]),
        share=tenths,
    )
    def transfer(self, sender: int, step: int, asset: str, share: int) -> None:
        giver, taker = self.owners[sender], self.owners[(sender + step) % OWNERS]
        amount = UNITS[asset.split("@")[0].replace("CASH", "USD")] * share // 10
        self._send(lambda: make_transfer(self.books.state, giver, taker, asset, amount))

    @rule()
    def all_prove(self) -> None:
        for owner in self.owners:
            self._send(lambda owner=owner: owner.margin_proof(self.books.state))  # type: ignore[misc]

    @rule(owner=owners, chain=chains, symbol=symbols, share=tenths)
    def withdraw(self, owner: int, chain: int, symbol: str, share: int) -> None:
        amount = UNITS[symbol] * share // 50
        self._send(lambda: self.owners[owner].withdraw(self.books.state, f"{symbol}@{chain}", amount))

    @rule(owner=owners, share=st.integers(-5, 5).filter(bool))
    def contribute(self, owner: int, share: int) -> None:
        self._send(lambda: self.owners[owner].contribute(self.books.state, 20 * USD * share))

    @precondition(lambda self: any(d.stage is Stage.AUCTION for d in self.books.state.defaults.values()))
    @rule(bidder=owners, quarters=st.integers(1, 4), above=st.integers(0, 50_000))
    def bid(self, bidder: int, quarters: int, above: int) -> None:
        """With fresh money, and margin proven anew."""
        self._deposit(self.owners[bidder].id, CHAINS[bidder], "USD", 2_000 * USD)
        self._send(lambda: self.owners[bidder].margin_proof(self.books.state))
        for default in [d for d in self.books.state.defaults.values() if d.stage is Stage.AUCTION]:
            self._bid(self.owners[bidder], default, quarters, above)

    def _bid(self, bidder: Trader, default: Default, quarters: int, above: int) -> None:
        state = self.books.state
        price = asking_price(self.books.house, state, default)
        if price is not None and default.offer is not None:
            units = -(-default.offer.total * quarters // 4)
            self._send(lambda: bidder.bid(self.books.state, default, price + above, units))

    @rule()
    def relay_a_checkpoint(self) -> None:
        """From here on the vaults know every account as it is now, until the next checkpoint."""
        solvent = (Status.ACTIVE, Status.DUE, Status.CALLED)
        accounts = [(place, self.books.account(owner)) for place, owner in enumerate(self.owners)]
        self.checkpoint = {
            place: (account.version, self.owners[place].holdings)
            for place, account in accounts
            if account.status in solvent and not account.positions
        }

    @precondition(lambda self: self.checkpoint)
    @rule(owner=owners, chain=chains, symbol=symbols, share=tenths)
    def exit_by_force(self, owner: int, chain: int, symbol: str, share: int) -> None:
        """What a vault allows by the last checkpoint, whatever happened since."""
        version, held = self.checkpoint.get(owner, (0, Holdings()))
        asset, vault = AssetId(f"{symbol}@{chain}"), self.books.vaults[chain]
        abroad = symbol == "USD" and chain != CHAINS[0]
        if abroad or vault.halted or (owner, asset) in self.nullified or held.cash.value < 0:
            return
        whole = held.cash.value if symbol == "USD" else held.collateral[asset].value if asset in held.collateral else 0
        amount = min(whole * share // 10, self.books.state.available(asset), vault.holds.get(asset, 0))
        if amount > 0:
            self.nullified.add((owner, asset))
            vault.exit(self.owners[owner].id, token(chain, symbol), asset, amount, version)
            self.books.batch()

    # What chains do.

    @rule(chain=chains, halted=st.booleans(), hidden=st.booleans())
    def a_chain_fails_or_comes_back(self, chain: int, halted: bool, hidden: bool) -> None:
        vault = self.books.vaults[chain]
        vault.halted, vault.hidden = halted, hidden
        self.books.batch()

    @rule(fate=fates)
    def the_chains_act(self, fate: list[int]) -> None:
        for vault in self.books.vaults.values():
            vault.act(fate)
        self.books.batch()

    # What the market and the house do.

    @rule(
        btc=st.sampled_from([60, 75, 85, 95, 105, 120, 160]),
        eth=st.sampled_from([60, 80, 95, 100, 105, 125, 160]),
        rounds=st.integers(1, 3),
        observers=st.sampled_from([4, 4, 4, 2]),
    )
    def move(self, btc: int, eth: int, rounds: int, observers: int) -> None:
        """A jump that stands for one round only waits to be confirmed."""
        self.books.observers = observers
        self.books.batch(prices=self._moved(btc, eth), blocks=4 * rounds)
        self.books.observers = 4

    def _moved(self, btc: int, eth: int) -> dict[str, float]:
        moved = {"BTC": self.books.prices["BTC"] * btc // 100, "ETH": self.books.prices["ETH"] * eth // 100}
        return {"BTC": min(max(moved["BTC"], 2_000), 30_000), "ETH": min(max(moved["ETH"], 50), 800)}

    @rule(
        btc=st.sampled_from([60, 70, 80]),
        eth=st.sampled_from([60, 80, 120]),
        turns=st.integers(2, 7),
        down=failing,
        fate=fates,
    )
    def it_falls_and_nobody_answers(self, btc: int, eth: int, turns: int, down: set[int], fate: list[int]) -> None:
        self._left_alone(btc, eth, turns, down, fate)

    @rule(
        btc=st.sampled_from([120, 140]),
        eth=st.sampled_from([80, 120, 150]),
        turns=st.integers(2, 7),
        down=failing,
        fate=fates,
    )
    def it_rises_and_nobody_answers(self, btc: int, eth: int, turns: int, down: set[int], fate: list[int]) -> None:
        self._left_alone(btc, eth, turns, down, fate)

    @rule(turns=st.integers(1, 4), down=failing, fate=fates)
    def nobody_answers(self, turns: int, down: set[int], fate: list[int]) -> None:
        self._left_alone(100, 100, turns, down, fate)

    def _left_alone(self, btc: int, eth: int, turns: int, down: set[int], fate: list[int]) -> None:
        """Prices move, and two rounds stand by it; house, committee and the chains that are up go on without owners."""
        for chain, vault in self.books.vaults.items():
            vault.halted = chain in down
        self.books.batch(prices=self._moved(btc, eth), blocks=8)
        for _ in range(turns):
            self._turn(fate)

    def _turn(self, fate: list[int]) -> None:
        for vault in self.books.vaults.values():
            vault.act(fate)
        self.books.batch(openings=self._openings(), blocks=6)

    def _openings(self) -> tuple[AccountOpening, ...]:
        state = self.books.state
        frozen = [d for d in state.defaults.values() if d.stage is Stage.OPENING and d.frozen_in <= state.number]
        return tuple(self.books.opening(default) for default in frozen)

    def teardown(self) -> None:
        """All chains come back and carry out what they were ordered; every default ends. Then money comes:
        for the insurance fund, and for every account that closed with a loss.
        """
        if not hasattr(self, "books"):
            return
        for vault in self.books.vaults.values():
            vault.halted = vault.hidden = False
        self._bring_to_rest()
        self._deposit(INSURANCE_ACCOUNT, CHAINS[0], "USD", 10 * USD)
        self.books.batch()
        for account in self.books.state.accounts.values():
            if account.status is Status.CLOSED:
                self._deposit(account.id, CHAINS[3], "USD", 5_000 * USD)
        self._bring_to_rest()
        self.books.require_replayed()

    def _bring_to_rest(self) -> None:
        self.books.batch()
        begun = self.books.state.number
        for _ in range(60):
            if self._at_rest(begun):
                break
            self._turn(SURE)
        assert self._at_rest(begun)

    def _at_rest(self, begun: int) -> bool:
        state, vaults = self.books.state, self.books.vaults.values()
        ended = all(d.stage is Stage.CLOSED for d in state.defaults.values() if d.frozen_in <= begun)
        return ended and not any(vault.orders or vault.lots or vault.log for vault in vaults)


@pytest.mark.timeout(300)
class TestConservation(Conservation.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(
        max_examples=10,
        stateful_step_count=14,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
