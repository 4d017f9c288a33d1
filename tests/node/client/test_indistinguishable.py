"""Two plays that differ in hidden amounts alone look the same to everyone else, to the byte.

The client composes, proves and signs for real against the ledger's rules in this process, where no clock runs. What a
message or an answer shows beside commitments, ciphertexts, proofs and signatures must be equal, and these equally long.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message as Proto

from node.client.account import ClientAccount
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.ledger.effects import LedgerEvent
from node.ledger.messages import Message, TradeTerms
from node.ledger.state import Default, House, Lot, Offer, Stage
from node.ledger.types import CASH, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.ledger.wire import encode_message, message_to_proto
from node.market.grid import compute_grid
from node.market.instruments import (
    Barrier,
    BarrierKind,
    CollateralAsset,
    Digital,
    Future,
    Option,
    OptionKind,
    Perpetual,
    Registry,
)
from node.market.oracle_rules import Price
from node.market.state import MarketState, advance, genesis_state
from tests.node.client.conftest import HUB_BLOCK, Served, make_house, serving
from tests.node.client.fake_node import Accounts, _posting

FEED = 10**8
DOLLAR = 10**6
START = 1_583_971_200
EXPIRY = START + 15 * 86_400
AUCTION = Digest(b"\x08" * 32)
COIN, DOLLARS = AssetId("WBTC@31337"), AssetId("USD@31337")
PERP = Perpetual("BTC", 10_000)
FUTURE = Future("BTC", 10_000, EXPIRY)
CALL = Option("BTC", 10_000, EXPIRY, 10_000 * FEED, OptionKind.CALL)
DIGITAL = Digital("BTC", 10_000, EXPIRY, 11_000 * FEED, OptionKind.CALL, 1_000 * FEED)
OUT = Barrier("BTC", 10_000, EXPIRY, 10_000 * FEED, OptionKind.CALL, 9_000 * FEED, BarrierKind.DOWN_OUT)
OWNERS = tuple(WalletSecrets.generate() for _ in range(3))
"""The same in both plays: who they are is no secret."""
DEPOSIT = 10**16
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Hidden:
    """What nobody may see: signed lots of each trade, in the order of `ORDERS`, and what is transferred."""

    sizes: Sequence[int]
    cash: int
    coins: int


ORDERS = ((PERP, 1_000_000), (FUTURE, 1_000_000), (CALL, 90_000), (DIGITAL, 30_000), (OUT, 60_000), (PERP, 990_000))
ORDINARY = Hidden((500, -20, 300, 7_000, -90, 400), 12 * DOLLAR, 5_000)
EXTREME = Hidden((LARGEST, -LARGEST, 1, -1, LARGEST, -LARGEST), 2**40 - 1, 1)
"""One lot, all lots that a trade may have, both signs, and in the end a position of zero."""


def make_listed() -> tuple[House, MarketState]:
    """A house that lists every kind of instrument, with bitcoin at 10,000."""
    house = make_house()
    coin = CollateralAsset(31337, b"\x02" * 20, "WBTC", "BTC", 8, 10**6, 100_000)
    dollars = CollateralAsset(31337, b"\x01" * 20, "USD", None, 6, 10**6, 0)
    registry = Registry(("BTC",), (PERP, FUTURE, CALL, DIGITAL, OUT), (dollars, coin))
    house = replace(house, registry=registry)
    start = genesis_state(registry, house.market, HUB_BLOCK - 4, START - 900)
    return house, advance(start, {"BTC": Price(10_000 * FEED, 500, 4)}, HUB_BLOCK, START, registry, house.market)


def shape(value: Any) -> Any:
    """What a message shows: every public figure and name, and of bytes how many there are."""
    if isinstance(value, Proto):
        return {field.name: shape(entry) for field, entry in value.ListFields()}
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return {name: shape(entry) for name, entry in value.items()}
    return value if isinstance(value, str | int | bool) else [shape(entry) for entry in value]


def event_shape(told: LedgerEvent) -> Any:
    """Every attribute: digests and commitments by their length, figures as they are."""
    attributes = [(name, len(text) if len(text) >= 64 else text) for name, text in told.attributes]
    return told.kind, told.account, attributes


class Observer:
    """Sees what every node sees."""

    def __init__(self, served: Served) -> None:
        self.node = served.node
        self.seen: list[Any] = []
        self.node.meddle = self._sent

    async def _sent(self, method: str, carried: Message | TradeTerms) -> None:
        if isinstance(carried, TradeTerms):
            return  # its proposal is looked at as a whole, in the end
        proto = message_to_proto(carried)
        self.seen.append((method, type(carried).__name__, len(encode_message(carried)), shape(proto)))

    def look(self) -> None:
        """At every account, at what was told of it, at the proposals on their way, and at the house."""
        node, answers = self.node, Accounts(self.node)
        self.seen += [(name, shape(answers._proto(name))) for name in sorted(node.state.accounts)]
        for name in sorted(node.postings):
            told = enumerate(node.postings[name])
            self.seen.append([shape(_posting(place, *entry)) for place, entry in told])
        self.seen += [(batch, event_shape(told)) for batch, told in node.events]
        self.seen += [shape(proposal) for proposal in (*node.proposals.values(), *node.offered.values())]
        state = node.state
        self.seen.append((state.insurance, state.default_fund, state.inventory, state.escrow, len(state.used_handles)))
        self.seen.append([(d.stage, d.lots, d.cash, d.sale_price, d.buyers) for d in state.defaults.values()])


class Play:
    """Three owners: one takes, one makes, and both deal with the third."""

    def __init__(self, served: Served, accounts: Sequence[ClientAccount]) -> None:
        self.node, self.observer = served.node, Observer(served)
        self.taker, self.maker, self.third = accounts
        self.offers, self.gifts = self.maker.proposals(), self.third.transfers()

    async def settle(self) -> None:
        """Everybody knows the last batch, and everything that can be seen is looked at."""
        for account in (self.taker, self.maker, self.third):
            await account.refresh()
        self.observer.look()

    async def trade(self, instrument: InstrumentId, size: int, price: int) -> None:
        order = self.taker.propose(maker=self.maker.id, instrument=instrument, size=size, price=MicroUsd(price), fee=7)
        proposed = asyncio.create_task(order)
        await self.maker.accept(await anext(self.offers))
        await proposed
        await self.settle()

    async def transfer(self, asset: AssetId, amount: int) -> None:
        order = self.taker.propose_transfer(receiver=self.third.id, asset=asset, amount=amount)
        offered = asyncio.create_task(order)
        await self.third.accept_transfer(await anext(self.gifts))
        await offered
        await self.settle()

    async def bid(self) -> None:
        """On a bundle that is public, by an account that is not."""
        lots = (Lot(InstrumentId(PERP.id), 500),)
        offer = Offer((Lot(lots[0].instrument, 1),), 500, 500, self.node.state.hub_height, MicroUsd(DOLLAR))
        default = Default(AUCTION, self.maker.id, Stage.AUCTION, frozen_in=1, lots=lots, offer=offer, auctions=1)
        self.node.state = self.node.state.with_default(default)
        await self.third.bid(AUCTION, MicroUsd(2 * DOLLAR), units=200)
        await self.settle()


async def play(hidden: Hidden) -> list[Any]:
    """What an observer sees of the play with these amounts, and that the owners end up with what they hid."""
    house, market = make_listed()
    async with (
        serving(house, compute_grid(house.registry, house.market, market), market) as served,
        AsyncExitStack() as clients,
    ):
        served.node.state = replace(served.node.state, inventory={DOLLARS: 10**12, COIN: 10**6})
        accounts = []
        for secrets in OWNERS:
            client = await clients.enter_async_context(await ZkClear.connect(served.target, secrets))
            accounts.append(await client.open_account())
        for account in accounts:
            await served.node.credit(account.id, None, DEPOSIT)
        await served.node.credit(accounts[0].id, COIN, 10**6)
        on = Play(served, accounts)
        await on.settle()
        for (instrument, price), size in zip(ORDERS, hidden.sizes, strict=True):
            await on.trade(InstrumentId(instrument.id), size, price)
        await on.transfer(CASH, hidden.cash)
        await on.transfer(COIN, hidden.coins)
        for account in accounts:
            await account.prove_margin()
            await on.settle()
        await accounts[1].withdraw(DOLLARS, 250 * DOLLAR, Address(b"\x77" * 20))
        await accounts[0].withdraw(COIN, 1_000, Address(b"\x77" * 20))
        await on.settle()
        await on.bid()
        assert accounts[1].positions[InstrumentId(FUTURE.id)] == -hidden.sizes[1]
        assert accounts[0].positions.get(InstrumentId(PERP.id), 0) == hidden.sizes[0] + hidden.sizes[-1]
        assert accounts[2].cash == DEPOSIT + hidden.cash - served.node.state.defaults[AUCTION].sale_price
        return on.observer.seen


async def test_hidden_sizes_and_cash_change_nothing_that_can_be_seen() -> None:
    ordinary, extreme = await play(ORDINARY), await play(EXTREME)
    assert len(ordinary) > 100
    for one, other in zip(ordinary, extreme, strict=True):
        assert one == other
