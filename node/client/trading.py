"""Bilateral trades of one account, as taker and as maker. How long an offer stands: `offers.py`."""

import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace

from clearing.v1 import messages_pb2, trade_service_pb2
from eth_hash.auto import keccak

from circuits.opening import prove_opening
from node.client.delivery import Sending
from node.client.derivation import fresh_nonce
from node.client.errors import AmountInvalid, ProposalRejected, SealingError
from node.client.follower import PostingFollower
from node.client.offers import Offer, OfferBook, offer_blocks
from node.client.pipeline import Built, MessagePipeline, Tip
from node.client.proposals import check_unchanged, read_proposal, trade_of
from node.client.prover import Statement
from node.client.session import Session
from node.client.views import Proposal, Receipt
from node.client.wallet import MAX_TRADE_LOTS, AccountWallet
from node.ledger.errors import Reason
from node.ledger.messages import AccountReference, Trade, TradeTerms
from node.ledger.types import AccountId, Digest, InstrumentId, MicroUsd
from node.ledger.wire_fields import handle_to_proto
from node.ledger.wire_proposals import trade_proposal_to_proto

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What a taker wants: `size` in signed lots, `price` in micro-dollars per lot, `fee` to the insurance fund."""

    maker: AccountId
    instrument: InstrumentId
    size: int
    price: MicroUsd
    fee: MicroUsd
    sealing_key: bytes | None = None
    """The maker's, as the maker itself told it; None asks the node."""

    def __post_init__(self) -> None:
        if not -MAX_TRADE_LOTS <= self.size < MAX_TRADE_LOTS or self.size == 0:
            raise AmountInvalid("lots", "a size is a signed number of lots below 2^31, and not 0")
        if self.price < 0 or self.fee < 0:
            raise AmountInvalid("micro-dollars", "price and fee are not negative")


class TradeDesk:
    """The trades of one account."""

    def __init__(
        self, session: Session, wallet: AccountWallet, follower: PostingFollower, pipeline: MessagePipeline
    ) -> None:
        self._session, self._wallet, self._pipeline = session, wallet, pipeline
        self._offers = OfferBook(follower, pipeline)

    async def propose(self, order: Order) -> Receipt:
        """Offer a trade and wait until it is final. See `ClientAccount.propose`."""

        async def make(tip: Tip) -> Offer:
            trade = await self._taker_half(order, tip)
            connection = self._session.connection
            request = trade_service_pb2.ProposeRequest(proposal=trade_proposal_to_proto(trade))

            def send() -> Awaitable[object]:
                return connection.call(connection.trades.Propose, request)

            return Offer(trade.digest(self._session.house.deployment), tip.version, trade.terms.expiry, send)

        return await self._offers.until_final(make)

    async def incoming(self) -> AsyncIterator[Proposal]:
        """Proposals to this account whose box opens to what the terms commit to. See `ClientAccount.proposals`."""
        connection = self._session.connection
        request = trade_service_pb2.StreamProposalsRequest(maker=self._wallet.account)
        async for response in connection.stream(connection.trades.StreamProposals, lambda: request):
            try:
                yield read_proposal(
                    self._wallet,
                    self._session.house.deployment,
                    response.proposal_id,
                    trade_of(response.proposal),
                )
            except (ProposalRejected, SealingError) as error:
                # Anyone may send anything to a maker: a bad proposal is not the maker's failure.
                _log.warning("proposal 0x%s is passed over: %s", response.proposal_id.hex(), error)

    async def accept(self, proposal: Proposal) -> Receipt:
        """Sign a proposal and wait until the trade is final. See `ClientAccount.accept`."""
        check_unchanged(self._wallet, self._session.house.deployment, proposal)
        terms = proposal.trade.terms
        size = self._wallet.unseal(terms, proposal.trade.sealed_box)

        async def build(tip: Tip) -> Built:
            grid = await self._session.grids.of_round(terms.round)
            coefficient = MicroUsd(terms.price - grid.instrument(terms.instrument).funding)
            after = tip.holdings.traded(terms.instrument, -size, coefficient)
            maker = AccountReference(self._wallet.account, tip.version, tip.holdings.credits_merged)
            handle = tip.holdings.handle(size)
            accepted = replace(proposal.trade, maker=maker, maker_handle=handle)
            acceptance = accepted.acceptance_digest(self._session.house.deployment)
            proof = await self._session.prover.prove(Statement(after, grid), acceptance)
            context = self._session.prover.context(grid, acceptance)
            self._wallet.remember(proposal.id, size)
            connection = self._session.connection
            request = trade_service_pb2.AcceptRequest(
                proposal_id=proposal.id,
                maker=messages_pb2.AccountReference(
                    account=maker.account, version=maker.version, credits=maker.credits
                ),
                maker_proof=proof,
                maker_signature=self._session.owner.sign(acceptance),
                maker_handle=handle_to_proto(handle),
                maker_handle_proof=self._session.handle_proof(tip.holdings.auditor, terms.commitment, size, context),
            )

            def send() -> Awaitable[object]:
                return connection.call(connection.trades.Accept, request)

            return Built(Sending(proposal.id, terms.expiry, send), after)

        # The round is the terms': a proposal whose round is over cannot be mended here.
        return await self._pipeline.submit(build, frozenset({Reason.VERSION_MISMATCH, Reason.CREDITS_UNKNOWN}))

    async def _taker_half(self, order: Order, tip: Tip) -> Trade:
        house, account = self._session.house, self._wallet.account
        grid = await self._session.grids.latest()
        nonce = fresh_nonce()
        size = self._wallet.size_opening(order.size, nonce)
        box = self._wallet.seal(
            order.sealing_key or await self._session.sealing_key(order.maker), size, order.maker, nonce
        )
        terms = TradeTerms(
            taker=AccountReference(account, tip.version, tip.holdings.credits_merged),
            maker=order.maker,
            instrument=order.instrument,
            price=order.price,
            fee=order.fee,
            round=grid.round,
            commitment=house.key.commit(size),
            box_digest=Digest(keccak(box)),
            nonce=nonce,
            expiry=tip.as_of.hub_block + offer_blocks(house),
            taker_handle=tip.holdings.handle(size),
        )
        digest = terms.digest(house.deployment)
        coefficient = MicroUsd(order.price - grid.instrument(order.instrument).funding)
        after = tip.holdings.traded(order.instrument, size, coefficient).with_public_cash(-order.fee)
        prover = self._session.prover
        proof = await prover.prove(Statement(after, grid, trade=size), digest)
        self._wallet.remember(digest, size)
        context = prover.context(grid, digest)
        return Trade(
            terms=terms,
            sealed_box=box,
            opening_proof=prove_opening(house.key, size, terms.commitment, context, tip.holdings.auditor),
            taker_proof=proof,
            taker_signature=self._session.owner.sign(digest),
            maker=AccountReference(order.maker, 0, 0),
        )
