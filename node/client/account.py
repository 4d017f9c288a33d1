"""One account of the house in its owner's hands: deposit, trade, transfer, prove, withdraw, bid, and read along.

Every method that sends a message waits until a batch that holds it is final on the hub, unless it raises. Run several
at once with an asyncio.TaskGroup: they chain on predicted versions. Bound the waiting with asyncio.timeout. Amounts are
whole ledger units, lots and micro-dollars; `HouseTerms` converts decimal figures.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from clearing.v1 import ledger_service_pb2, liquidation_service_pb2

from node.client.advisor import MarginReport, report
from node.client.auditing import AuditorDesk
from node.client.delivery import MESSAGE_BLOCKS, Sending
from node.client.deposits import Chain, VaultDeposit, pay_in
from node.client.derivation import fresh_nonce
from node.client.errors import AmountInvalid, HouseRefused, HouseUntrusted, TicketInvalid
from node.client.exit_ticket import ExitTicket
from node.client.follower import PostingFollower
from node.client.forcing import once_on_hub
from node.client.pipeline import MOVED_ON, Built, MessagePipeline, Tip
from node.client.prover import Statement
from node.client.routing import dollars_available, withdraw_along
from node.client.session import Session
from node.client.trading import Order, TradeDesk
from node.client.transferring import TransferDesk, TransferOrder
from node.client.views import AccountEvent, AccountView, Proposal, Receipt, TransferProposal
from node.client.wallet import AccountWallet
from node.ledger.effects import PostingKind
from node.ledger.errors import Reason
from node.ledger.messages import AccountReference, Bid, Contribute, MarginProof, Withdraw
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.ledger.wire import message_to_proto

_TICKET_ATTEMPTS: Final = 20


class ClientAccount:
    """An open account. Made by `ZkClear.open_account`; its repr shows the id alone."""

    def __init__(self, session: Session, wallet: AccountWallet) -> None:
        self._session, self._wallet = session, wallet
        self._follower = PostingFollower(session.connection, wallet)
        self._pipeline = MessagePipeline(session.connection, wallet, self._follower)
        self._claimed: set[int] = set()
        self._desk = TradeDesk(session, wallet, self._follower, self._pipeline)
        self._transfers = TransferDesk(session, wallet, self._follower, self._pipeline)

    def __repr__(self) -> str:
        return f"ClientAccount(0x{self.id.hex()})"

    @property
    def id(self) -> AccountId:
        """32 bytes."""
        return self._wallet.account

    @property
    def sealing_key(self) -> bytes:
        """The 32 public bytes that takers and senders seal amounts to; for those who would rather not ask the node."""
        return self._wallet.sealing_key

    async def start(self) -> None:
        """Follow the account's history; returns once it is replayed and verified. Raises as `refresh`."""
        self._follower.start()
        await self.refresh()

    async def close(self) -> None:
        """Stop following."""
        await self._follower.stop()

    async def refresh(self) -> AccountView:
        """The public state of the account, with every opening held against it.

        Raises:
            WalletDiverged: an opening is not that of the ledger's commitment.
            HouseRefused, HouseUnavailable, HouseUntrusted: what the node answers.
        """
        return await self._follower.view()

    @property
    def cash(self) -> MicroUsd:
        """Cash′ in micro-dollars: cash plus each position times its funding index. Waiting credits not included."""
        return MicroUsd(self._wallet.holdings.cash.value)

    @property
    def positions(self) -> Mapping[InstrumentId, int]:
        """Signed lots by instrument; what was closed stays out."""
        held = self._wallet.holdings.positions
        return {name: opening.value for name, opening in held.items() if opening.value}

    @property
    def collateral(self) -> Mapping[AssetId, int]:
        """Ledger units by asset. Waiting credits not included."""
        return {name: opening.value for name, opening in self._wallet.holdings.collateral.items()}

    async def margin(self) -> MarginReport:
        """Equity, slack and the way to the window's edges, on the latest grid, waiting credits included."""
        view, grid = await self.refresh(), await self._session.grids.latest()
        held = self._wallet.holdings
        return report(held.merged(len(held.waiting)), grid, view.window)

    async def deposit(self, chain: Chain, symbol: str, amount: int, *, wait: bool = True) -> bytes:
        """Pay `amount` ledger units of a token into the chain's vault, from the owner's own address there.

        Returns the transaction's hash, with `wait` only once the credit is in the account.

        Raises:
            DepositFailed: the chain did not take it.
            UnknownInstrument: the house does not list the token.
        """
        house = self._session.house
        asset = house.registry.asset(f"{symbol}@{chain.id}")
        credited = None if asset.is_cash else AssetId(asset.id)
        after = self._sequence
        vault = VaultDeposit(self.id, house.vaults[chain.id], Address(asset.token), amount * asset.base_units)
        async with self._session.paying:
            transaction = await pay_in(chain, self._session.owner, vault)
        if wait:
            await self._follower.wait_for(lambda _: self._credited(after, credited, amount))
        return transaction

    async def prove_margin(self, *, force: Chain | None = None) -> Receipt:
        """Prove initial margin on the latest grid, which renews the window and ends a margin call.

        With `force`, the hub's chain, the message goes there from the owner's address, and every validator must carry
        it: for an owner whose messages are ignored. It is sent once, and costs gas; the node is only asked for figures.

        Raises:
            ShortOfMargin: the account lacks it.
            SubmissionFailed: the hub did not take it, or has not mined it yet.
            MessageDropped: its blocks passed without it, for example because the account or the round moved on.
            ClientError: as `MessagePipeline.submit`.
        """

        async def build(tip: Tip) -> Built:
            grid = await self._session.grids.latest()
            message = MarginProof(self._reference(tip), grid.round, fresh_nonce(), _expiry(tip))
            return await self._signed(message, Statement(tip.holdings, grid), force)

        return await self._pipeline.submit(build, MOVED_ON if force is None else frozenset())

    async def withdraw(self, asset: AssetId, amount: int, recipient: Address, *, force: Chain | None = None) -> Receipt:
        """Have the vault pay `amount` ledger units to `recipient` on the asset's chain; `force` as in `prove_margin`.

        Raises:
            SubmissionFailed, MessageDropped: as `prove_margin`.
            ShortOfMargin: the account would be short of margin after it.
            AmountInvalid: the account holds less of that collateral.
            UnknownInstrument: the asset is not listed.
            ClientError: as `MessagePipeline.submit`.
        """
        is_cash = self._session.house.asset(asset).is_cash

        async def build(tip: Tip) -> Built:
            grid = await self._session.grids.latest()
            reference, expiry = self._reference(tip), _expiry(tip)
            message = Withdraw(reference, asset, amount, recipient, grid.round, fresh_nonce(), expiry)
            held = tip.holdings
            after = held.with_public_cash(-amount) if is_cash else held.with_collateral(asset, -amount)
            return await self._signed(message, Statement(after, grid, withdrawn=None if is_cash else asset), force)

        return await self._pipeline.submit(build, MOVED_ON if force is None else frozenset())

    async def withdraw_dollars(self, amount: int, recipient: Address, preferred: AssetId) -> tuple[Receipt, ...]:
        """Have `amount` micro-dollars paid to `recipient` in the `preferred` USD token, and what its vault lacks in
        those of other chains.

        Raises:
            VaultsShort, WithdrawalIncomplete: as `routing.withdraw_along`.
            AmountInvalid: nothing, or a token that is not USD.
            ClientError: as `withdraw`.
        """
        dollars = frozenset(AssetId(entry.id) for entry in self._session.house.registry.collateral if entry.is_cash)
        if amount <= 0 or preferred not in dollars:
            raise AmountInvalid("USD", f"{amount} of {preferred} are no dollars")
        return await withdraw_along(
            amount,
            preferred,
            lambda: dollars_available(self._session.connection, dollars),
            lambda leg: self.withdraw(leg.asset, leg.amount, recipient),
        )

    async def bid(self, auction: Digest, limit: MicroUsd, units: int | None = None) -> Receipt:
        """Offer to take up to `units` (None: all that is left) of what a default has on auction.

        `limit` is for one unit, in micro-dollars; negative: to be paid. The bids of a batch share what there is, at
        the asking price: the account's history tells what this one got.

        Raises:
            HouseRefused: AUCTION_UNKNOWN if the default has nothing on offer, PRICE_TOO_LOW if the price is above
                `limit`, SELF_BID if it is an account of the same owner.
            ShortOfMargin: the account would be short of margin with all of it, or is so now.
            ClientError: as `MessagePipeline.submit`.
        """

        async def build(tip: Tip) -> Built:
            offered = await self._on_auction(auction)
            wanted = offered.units if units is None else min(units, offered.units)
            grid = await self._session.grids.latest()
            after = tip.holdings.with_public_cash(-limit * wanted)
            for lot in offered.unit:
                instrument, quantity = InstrumentId(lot.instrument), wanted * lot.quantity
                funding = grid.instrument(instrument).funding
                after = after.with_public_position(instrument, quantity).with_public_cash(funding * quantity)
            reference, expiry = self._reference(tip), _expiry(tip)
            bid = Bid(reference, auction, offered.number, wanted, limit, grid.round, fresh_nonce(), expiry)
            digest = bid.digest(self._session.house.deployment)
            proof_before = await self._session.prover.prove(Statement(tip.holdings, grid), digest)
            return await self._signed(replace(bid, proof_before=proof_before), Statement(after, grid))

        # The funding in force may be a round ahead of the grid's: such a proof fails, and the next one holds.
        return await self._pipeline.submit(build, MOVED_ON | {Reason.PROOF_INVALID})

    async def contribute(self, amount: MicroUsd) -> Receipt:
        """Move cash into the default fund, in public, or take as much back into this account (negative).

        Raises:
            HouseRefused: FUND_LOCKED while a shortfall is open, or for what would come back while any account is
                called or in default; AMOUNT_INVALID for more than the account's part.
            ShortOfMargin: the account would be short of margin without it.
            ClientError: as `MessagePipeline.submit`.
        """

        async def pay_in(tip: Tip) -> Built:
            grid = await self._session.grids.latest()
            message = Contribute(self._reference(tip), amount, grid.round, fresh_nonce(), _expiry(tip))
            return await self._signed(message, Statement(tip.holdings.with_public_cash(-amount), grid))

        async def take_out(tip: Tip) -> Built:
            message = Contribute(self._reference(tip), amount, 0, fresh_nonce(), _expiry(tip))
            digest = message.digest(self._session.house.deployment)
            signed = replace(message, signature=self._session.owner.sign(digest))
            return Built(self._sending(signed, digest), tip.holdings, proven=False)

        return await self._pipeline.submit(pay_in if amount > 0 else take_out)

    async def set_auditor(self, auditor: bytes | None) -> Receipt:
        """Let the holder of a key read this account from now on, or nobody (None), and wait until that is final.

        `auditor` are the 128 bytes that `zkclear audit identity` prints. Every later message of the account brings what
        the auditor needs. Taking the name back does not take back what it has read.

        Raises:
            AuditorInvalid: not an auditor's key with its proof for this house.
            ShortOfMargin: the account lacks margin, which it proves anew if it needs a margin window.
            ClientError: as `MessagePipeline.submit`.
        """
        return await self._pipeline.submit(AuditorDesk(self._session, self.id).naming(auditor))

    async def propose(
        self,
        *,
        maker: AccountId,
        instrument: InstrumentId,
        size: int,
        price: MicroUsd,
        fee: int = 0,
        sealing_key: bytes | None = None,
    ) -> Receipt:
        """Offer `maker` a trade of `size` signed lots at `price` micro-dollars a lot, and wait until it is final.

        Made again, with a fresh blinding, when this account moves on before the maker accepts. Whoever holds the
        private half of `sealing_key` can read the size: bring the maker's own, or the node's word is taken for it.

        Raises:
            ProposalLapsed: the maker did not accept in time.
            AmountInvalid: a size or price that no trade has.
            ShortOfMargin: the account would be short of margin after it.
            RecipientInvalid: a sealing key that is none.
            HouseRefused, HouseUnavailable, HouseUntrusted: what the node answers.
        """
        return await self._desk.propose(Order(maker, instrument, size, price, MicroUsd(fee), sealing_key))

    def proposals(self) -> AsyncIterator[Proposal]:
        """Trades offered to this account: those waiting, then new ones. The box of each opens to its commitment."""
        return self._desk.incoming()

    async def accept(self, proposal: Proposal) -> Receipt:
        """Take the other side of a proposal, and wait until the trade is final.

        Raises:
            ProposalRejected: the proposal is not what its signed terms and box say.
            ShortOfMargin: this account would be short of margin after it.
            HouseRefused: VERSION_MISMATCH if the taker's account has moved on.
            ClientError: as `MessagePipeline.submit`.
        """
        return await self._desk.accept(proposal)

    async def propose_transfer(
        self, *, receiver: AccountId, asset: AssetId, amount: int, sealing_key: bytes | None = None
    ) -> Receipt:
        """Offer `amount` ledger units of collateral, or micro-dollars of `CASH`, to `receiver`; wait until they moved.

        Nobody but the two owners learns the amount. Made again, with a fresh blinding, when this account moves on
        before the receiver accepts. `sealing_key` as in `propose`.

        Raises:
            ProposalLapsed: the receiver did not accept in time.
            AmountInvalid: an amount that no transfer has, or more than there is.
            ShortOfMargin: the account would be short of margin after it.
            RecipientInvalid: a sealing key that is none.
            HouseRefused, HouseUnavailable, HouseUntrusted: what the node answers.
        """
        return await self._transfers.propose(TransferOrder(receiver, asset, amount, sealing_key))

    def transfers(self) -> AsyncIterator[TransferProposal]:
        """Transfers offered to this account: those waiting, then new ones. The box of each opens to its commitment."""
        return self._transfers.incoming()

    async def accept_transfer(self, proposal: TransferProposal) -> Receipt:
        """Take in what a sender offers, and wait until it is final.

        An account that has positions, or proved its margin before, proves it again with what came; that ends a margin
        call. One that never did proves it for cash, and only signs for collateral.

        Raises:
            ProposalRejected: the proposal is not what its signed terms and box say.
            ShortOfMargin: this account is short of margin even with it.
            HouseRefused: VERSION_MISMATCH if the sender's account has moved on.
            ClientError: as `MessagePipeline.submit`.
        """
        return await self._transfers.accept(proposal)

    async def exit_ticket(self) -> ExitTicket:
        """What the owner needs to leave by force from the state after the batch that the wallet stands at.

        Raises:
            HouseUntrusted: the node's leaf is not of this account's openings.
            ClientError: as `refresh`.
        """
        connection, house = self._session.connection, self._session.house
        request = ledger_service_pb2.GetLeafProofRequest(account=self.id)
        for _ in range(_TICKET_ATTEMPTS):
            answer = await connection.call(connection.ledger.GetLeafProof, request)
            standing = await self._follower.through(answer.as_of.number)
            if standing.batch == answer.as_of.number:
                break
        else:
            raise HouseUntrusted("leaf", "is always behind the postings")
        held = self._wallet.holdings
        ticket = ExitTicket(
            *(house.deployment, house.key, house.registry, house.vaults, self.id),
            *(answer.as_of.number, Digest(answer.as_of.root), answer.leaf, tuple(answer.path)),
            *(held.cash, held.collateral),
        )
        try:
            ticket.check()
        except TicketInvalid as error:
            raise HouseUntrusted("leaf", error.reason) from error
        return ticket

    async def keep_exit_tickets(self, path: Path) -> None:
        """Write the ticket of each batch to `path`, over the last one's, until cancelled. Raises as `exit_ticket`."""
        while True:
            ticket = await self.exit_ticket()
            await asyncio.to_thread(self._wallet.keep_ticket, ticket, path)
            await self._follower.through(ticket.number + 1)

    async def events(self, after_sequence: int = 0) -> AsyncIterator[AccountEvent]:
        """The public record of this account: the past after `after_sequence`, then each batch's as it becomes final."""
        connection, last = self._session.connection, after_sequence

        def request() -> ledger_service_pb2.StreamEventsRequest:
            return ledger_service_pb2.StreamEventsRequest(after_sequence=last, account=self.id)

        async for response in connection.stream(connection.ledger.StreamEvents, request):
            if response.HasField("event"):
                line = response.event
                last = line.sequence
                yield AccountEvent(line.sequence, line.batch, line.kind, dict(line.attributes))

    def _reference(self, tip: Tip) -> AccountReference:
        return AccountReference(self.id, tip.version, tip.holdings.credits_merged)

    async def _signed(
        self, message: MarginProof | Withdraw | Bid | Contribute, statement: Statement, force: Chain | None = None
    ) -> Built:
        """The message with proof and signature; the account then holds what the statement is about."""
        digest = message.digest(self._session.house.deployment)
        proof = await self._session.prover.prove(statement, digest)
        signed = replace(message, proof=proof, signature=self._session.owner.sign(digest))
        if force is not None:
            send = once_on_hub(self._session, force, signed)
            return Built(Sending(digest, message.expiry, send), statement.holdings)
        return Built(self._sending(signed, digest), statement.holdings)

    def _sending(self, message: MarginProof | Withdraw | Bid | Contribute, digest: Digest) -> Sending:
        request = ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(message))
        connection = self._session.connection

        def send() -> Awaitable[object]:
            return connection.call(connection.ledger.SubmitMessage, request)

        return Sending(digest, message.expiry, send)

    async def _on_auction(self, auction: Digest) -> liquidation_service_pb2.Auction:
        connection = self._session.connection
        request = liquidation_service_pb2.ListDefaultsRequest()
        response = await connection.call(connection.liquidations.ListDefaults, request)
        for default in response.defaults:
            if default.id == auction and default.HasField("auction"):
                return default.auction
        raise HouseRefused(Reason.AUCTION_UNKNOWN, f"default 0x{auction.hex()} has nothing on auction")

    @property
    def _sequence(self) -> int:
        history = self._follower.history
        return history[-1].sequence if history else 0

    def _credited(self, after: int, asset: AssetId | None, amount: int) -> bool:
        """Whether a credit of this amount came after posting `after`; each credit answers for one deposit."""
        for entry in self._follower.history:
            posting = entry.posting
            fits = posting.kind is PostingKind.CREDITED and (posting.asset, posting.amount) == (asset, amount)
            if fits and entry.sequence > after and entry.sequence not in self._claimed:
                self._claimed.add(entry.sequence)
                return True
        return False


def _expiry(tip: Tip) -> int:
    return tip.as_of.hub_block + MESSAGE_BLOCKS
