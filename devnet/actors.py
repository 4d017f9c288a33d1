"""The actors at work: each follows its accounts through the SDK, as any integrator's program would.

Nothing here is scripted but the trades of the first rounds: who is called and who defaults follows from the market.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from clearing.v1 import liquidation_service_pb2

from devnet.chains import DevChains
from devnet.market import PriceTick
from devnet.roles import RESCUE, TOP_UP, Funding, Role, dollars
from node.client.account import ClientAccount
from node.client.connection import Connection
from node.client.deposits import Chain
from node.client.errors import ClientError, HouseRefused, ShortOfMargin
from node.client.keystore import WalletSecrets
from node.client.sdk import ZkClear
from node.client.signing import OwnerKey
from node.client.views import Proposal
from node.ledger.effects import EventKind
from node.ledger.errors import Reason
from node.ledger.types import Digest, MicroUsd

_log = structlog.get_logger(__name__)
BID_BELOW_MARK_PPM: Final = 15_000
"""A bidder takes a portfolio this far below mark, of the absolute mark, or cheaper."""
BID_SLACK_PPM: Final = 2_000
WATCH_SECONDS: Final = 0.25


@dataclass(slots=True)
class Actor:
    """One role with its secrets, client and open accounts by index."""

    role: Role
    secrets: WalletSecrets = field(repr=False)
    client: ZkClear
    accounts: dict[int, ClientAccount]
    chains: DevChains
    first: PriceTick
    rescued: set[int] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)

    @property
    def owner(self) -> bytes:
        """The owner's EVM address, 20 bytes."""
        return OwnerKey(self.secrets.owner_key).address

    async def pay_in(self, funding: Funding, *, wait: bool = True) -> None:
        """Mint the test tokens to the owner's address and deposit them from there."""
        chain = self.chains.chains[funding.chain]
        amount = dollars(funding, self.first)
        house = self.client.house
        asset = house.registry.asset(f"{funding.symbol}@{chain.plan.chain_id}")
        await chain.mint(funding.symbol, self.owner, amount * asset.base_units)
        account = self.accounts[funding.index]
        await account.deposit(Chain(chain.plan.chain_id, chain.anvil.url), funding.symbol, amount, wait=wait)

    async def guard(self, index: int) -> None:
        """Prove again whenever the account's window lapsed; on a call, do what the role does about it."""
        account = self.accounts[index]
        async for event in account.events():
            if event.kind not in (EventKind.DUE, EventKind.CALLED):
                continue
            try:
                await self._answer(index, called=event.kind == EventKind.CALLED)
            except ClientError as error:
                self._note(f"account {index} not proven", str(error))

    async def _answer(self, index: int, *, called: bool) -> None:
        account = self.accounts[index]
        view = await account.refresh()
        if view.status.name not in ("DUE", "CALLED"):
            return
        try:
            await account.prove_margin()
        except ShortOfMargin:
            rescue = self._rescue(index)
            if not called or rescue is None:
                raise
            self.rescued.add(index)
            await self.pay_in(rescue)
            await account.prove_margin()

    def _rescue(self, index: int) -> Funding | None:
        """New money that the role has for this account, once."""
        offers = {(f.role, f.index): f for f in (TOP_UP, RESCUE)}
        return None if index in self.rescued else offers.get((self.role, index))

    async def make_markets(self) -> None:
        """Accept every proposal whose price is at least the mark in the maker's favour."""
        account = self.accounts[0]
        async with asyncio.TaskGroup() as group:
            async for proposal in account.proposals():
                group.create_task(self._accept(account, proposal))

    async def _accept(self, account: ClientAccount, proposal: Proposal) -> None:
        try:
            await account.accept(proposal)
        except ClientError as error:
            self._note("proposal not accepted", str(error))

    async def bid_for_defaults(self, connection: Connection) -> None:
        """Watch the auctions and take a portfolio when its price is low enough."""
        account = self.accounts[0]
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            request = liquidation_service_pb2.ListDefaultsRequest()
            try:
                listed = await connection.call(connection.liquidations.ListDefaults, request)
            except ClientError as error:
                self._note("auctions unknown", str(error))
                continue
            for default in listed.defaults:
                if default.HasField("auction") and default.account != account.id:
                    await self._bid(account, default)

    async def _bid(self, account: ClientAccount, default: liquidation_service_pb2.Default) -> None:
        auction = default.auction
        limit = auction.mark - abs(auction.mark) * BID_BELOW_MARK_PPM // 1_000_000
        if auction.current_price > limit and auction.current_price > auction.floor_price:
            return
        slack = abs(auction.mark) * BID_SLACK_PPM // 1_000_000 + 1
        try:
            await account.bid(Digest(default.id), MicroUsd(auction.current_price + slack))
        except HouseRefused as refusal:
            if refusal.reason not in (Reason.PRICE_TOO_LOW, Reason.AUCTION_UNKNOWN, Reason.ACCOUNT_NOT_ACTIVE):
                raise
            self._note("bid refused", str(refusal))
        except ClientError as error:
            self._note("bid failed", str(error))

    def _note(self, what: str, reason: str) -> None:
        """A refusal is the house's answer, not the actor's end: it is kept, and the next event brings the next try."""
        self.refusals.append(reason)
        _log.info(what, role=self.role, reason=reason)


def guards(actors: Sequence[Actor]) -> list[tuple[Actor, int]]:
    """Every account that an owner looks after: all but the backstop's, whose book is public."""
    return [(actor, index) for actor in actors if actor.role is not Role.BACKSTOP for index in actor.accounts]
