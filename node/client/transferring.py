"""Private transfers of one account, as sender and as receiver. How long an offer stands: `offers.py`."""

import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace

from clearing.v1 import messages_pb2, transfer_service_pb2
from eth_hash.auto import keccak

from circuits.opening import prove_opening
from node.client.delivery import Sending
from node.client.derivation import fresh_nonce
from node.client.errors import AmountInvalid, ProposalRejected, SealingError
from node.client.follower import PostingFollower
from node.client.offers import Offer, OfferBook, offer_blocks
from node.client.pipeline import Built, MessagePipeline, Tip
from node.client.prover import Statement
from node.client.session import Session
from node.client.transfer_proposals import (
    check_transfer_unchanged,
    read_transfer,
    transfer_of,
)
from node.client.views import Receipt, TransferProposal
from node.client.wallet import AccountWallet
from node.ledger.errors import Reason
from node.ledger.messages import AccountReference, Transfer, TransferTerms, kept_positive, receiver_proves
from node.ledger.types import MAX_AMOUNT, AccountId, AssetId, Digest
from node.ledger.wire_fields import handle_to_proto
from node.ledger.wire_proposals import transfer_proposal_to_proto

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What a sender wants: `amount` of `asset` in the receiver's account, in ledger units, or micro-dollars of CASH.

    Its repr shows no amount.
    """

    receiver: AccountId
    asset: AssetId
    amount: int
    sealing_key: bytes | None = None
    """The receiver's, as the receiver itself told it; None asks the node."""

    def __post_init__(self) -> None:
        if not 0 < self.amount < MAX_AMOUNT:
            raise AmountInvalid("ledger units", "a transfer moves a number of units above 0 and below 2^40")

    def __repr__(self) -> str:
        return f"TransferOrder(0x{self.receiver.hex()}, {self.asset}, …)"


class TransferDesk:
    """The transfers of one account."""

    def __init__(
        self, session: Session, wallet: AccountWallet, follower: PostingFollower, pipeline: MessagePipeline
    ) -> None:
        self._session, self._wallet, self._pipeline = session, wallet, pipeline
        self._offers = OfferBook(follower, pipeline)

    async def propose(self, order: TransferOrder) -> Receipt:
        """Offer a transfer and wait until it is final. See `ClientAccount.propose_transfer`."""

        async def make(tip: Tip) -> Offer:
            transfer = await self._sender_half(order, tip)
            connection = self._session.connection
            proposal = transfer_proposal_to_proto(transfer)
            request = transfer_service_pb2.ProposeTransferRequest(proposal=proposal)

            def send() -> Awaitable[object]:
                return connection.call(connection.transfers.ProposeTransfer, request)

            return Offer(transfer.digest(self._session.house.deployment), tip.version, transfer.terms.expiry, send)

        return await self._offers.until_final(make)

    async def incoming(self) -> AsyncIterator[TransferProposal]:
        """Transfers to this account whose box opens to what the terms commit to. See `ClientAccount.transfers`."""
        connection = self._session.connection
        request = transfer_service_pb2.StreamTransfersRequest(receiver=self._wallet.account)
        async for response in connection.stream(connection.transfers.StreamTransfers, lambda: request):
            try:
                transfer = transfer_of(response.proposal)
                yield read_transfer(self._wallet, self._session.house.deployment, response.proposal_id, transfer)
            except (ProposalRejected, SealingError) as error:
                # Anyone may send anything to a receiver: a bad proposal is not the receiver's failure.
                _log.warning("transfer 0x%s is passed over: %s", response.proposal_id.hex(), error)

    async def accept(self, proposal: TransferProposal) -> Receipt:
        """Sign a transfer and wait until it is final. See `ClientAccount.accept_transfer`."""
        check_transfer_unchanged(self._wallet, self._session.house.deployment, proposal)
        terms = proposal.transfer.terms
        amount = self._wallet.unseal(terms, proposal.transfer.sealed_box)

        async def build(tip: Tip) -> Built:
            after = tip.holdings.transferred(terms.asset, amount)
            proves = receiver_proves(terms.asset, needs_window=tip.needs_window)
            receiver = AccountReference(self._wallet.account, tip.version, tip.holdings.credits_merged)
            handle = tip.holdings.handle(amount)
            accepted = replace(proposal.transfer, receiver=receiver, receiver_handle=handle)
            acceptance = accepted.acceptance_digest(self._session.house.deployment)
            proof, handle_proof = b"", None
            if proves or handle is not None:
                grid, prover = await self._session.grids.of_round(terms.round), self._session.prover
                context = prover.context(grid, acceptance)
                handle_proof = self._session.handle_proof(tip.holdings.auditor, terms.commitment, amount, context)
                if proves:
                    proof = await prover.prove(Statement(after, grid), acceptance)
            self._wallet.remember(proposal.id, amount)
            connection = self._session.connection
            request = transfer_service_pb2.AcceptTransferRequest(
                proposal_id=proposal.id,
                receiver=messages_pb2.AccountReference(
                    account=receiver.account, version=receiver.version, credits=receiver.credits
                ),
                receiver_proof=proof,
                receiver_signature=self._session.owner.sign(acceptance),
                receiver_handle=handle_to_proto(handle),
                receiver_handle_proof=handle_proof,
            )

            def send() -> Awaitable[object]:
                return connection.call(connection.transfers.AcceptTransfer, request)

            return Built(Sending(proposal.id, terms.expiry, send), after, proven=proves)

        # The round is the terms': a transfer whose round is over cannot be mended here.
        return await self._pipeline.submit(build, frozenset({Reason.VERSION_MISMATCH, Reason.CREDITS_UNKNOWN}))

    async def _sender_half(self, order: TransferOrder, tip: Tip) -> Transfer:
        house, account = self._session.house, self._wallet.account
        grid = await self._session.grids.latest()
        nonce = fresh_nonce()
        amount = self._wallet.size_opening(order.amount, nonce)
        sealing_key = order.sealing_key or await self._session.sealing_key(order.receiver)
        box = self._wallet.seal(sealing_key, amount, order.receiver, nonce)
        terms = TransferTerms(
            sender=AccountReference(account, tip.version, tip.holdings.credits_merged),
            receiver=order.receiver,
            asset=order.asset,
            round=grid.round,
            commitment=house.key.commit(amount),
            box_digest=Digest(keccak(box)),
            nonce=nonce,
            expiry=tip.as_of.hub_block + offer_blocks(house),
            sender_handle=tip.holdings.handle(amount),
        )
        digest = terms.digest(house.deployment)
        after = tip.holdings.transferred(order.asset, -amount)
        prover = self._session.prover
        statement = Statement(after, grid, transfer=amount, withdrawn=kept_positive(order.asset))
        proof = await prover.prove(statement, digest)
        self._wallet.remember(digest, amount)
        context = prover.context(grid, digest)
        return Transfer(
            terms=terms,
            sealed_box=box,
            opening_proof=prove_opening(house.key, amount, terms.commitment, context, tip.holdings.auditor),
            sender_proof=proof,
            sender_signature=self._session.owner.sign(digest),
            receiver=AccountReference(order.receiver, 0, 0),
        )
