"""Every client service over one ledger state: the node of the client tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import grpc.aio
from clearing.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    liquidation_service_pb2,
    liquidation_service_pb2_grpc,
    margin_service_pb2,
    margin_service_pb2_grpc,
    market_service_pb2,
    market_service_pb2_grpc,
    trade_service_pb2,
    trade_service_pb2_grpc,
    transfer_service_pb2,
    transfer_service_pb2_grpc,
)
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from circuits.auditor import AuditorKey
from node.ledger.account import Credit
from node.ledger.apply import apply_message
from node.ledger.auctions import clear_bids
from node.ledger.claims import InlineVerifier
from node.ledger.effects import LedgerEvent, Posting, PostingKind
from node.ledger.errors import Reason, Refused
from node.ledger.house_digest import house_digest
from node.ledger.messages import AccountReference, Message, SetAuditor, Trade, Transfer
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Address, account_id
from node.ledger.wire import message_from_proto, message_to_proto
from node.ledger.wire_agreements import (
    terms_from_proto,
    trade_to_proto,
    transfer_terms_from_proto,
    transfer_to_proto,
)
from node.ledger.wire_fields import handle_from_proto
from node.market.grid import RiskGrid

CHAINS = [market_service_pb2.Chain(chain_id=31337, hub=True, vault=b"\x0c" * 20, auction=b"\x0d" * 20)]
Carried = Trade | Transfer | SetAuditor
"""Messages that postings come with."""


def pin_of(house: House) -> bytes:
    """The digest of the house with its contracts."""
    return house_digest(house.deployment, house.committee, house.parameters_digest, house.validators, CHAINS)


@dataclass
class FakeNode:
    """Every client service over one ledger state; each applied message is a final batch of its own."""

    house: House
    grid: RiskGrid
    state: LedgerState
    batch: int = 1
    postings: dict[bytes, list[tuple[int, Posting, Carried | None]]] = field(default_factory=dict)
    final: dict[bytes, int] = field(default_factory=dict)
    certified: set[bytes] = field(default_factory=set)
    """Messages that the node says are certified and not final yet."""
    events: list[tuple[int, LedgerEvent]] = field(default_factory=list)
    proposals: dict[bytes, Any] = field(default_factory=dict)
    offered: dict[bytes, Any] = field(default_factory=dict)
    """Transfers that wait for their receivers."""
    meddle: Callable[[str, Any], Awaitable[None]] | None = None
    """Awaited with the method's name and what it carries, before the node looks at it."""
    lose_answers: int = 0
    claimed_auditor: AuditorKey | None = None
    """An auditor that the node says every account has."""
    refused: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def apply(self, message: Message, key: bytes) -> None:
        """Apply as the ledger does, as one final batch."""
        applied = apply_message(self.house, self.state, message, InlineVerifier(self.house.committee.key))
        carried = message if isinstance(message, Trade | Transfer | SetAuditor) else None
        self.final[key] = self.batch + 1
        cleared = clear_bids(self.house, applied.state)
        await self.advance(cleared.state, (*applied.effects, *cleared.effects), carried)

    async def advance(self, state: LedgerState, effects: Any, carried: Carried | None = None) -> None:
        """One more final batch."""
        self.state, self.batch = state, self.batch + 1
        for effect in effects:
            if isinstance(effect, Posting):
                named = carried if effect.message is not None else None
                self.postings.setdefault(effect.account, []).append((self.batch, effect, named))
            elif isinstance(effect, LedgerEvent):
                self.events.append((self.batch, effect))
        async with self.changed:
            self.changed.notify_all()

    async def credit(self, account: AccountId, asset: str | None, amount: int) -> None:
        """A deposit that arrived."""
        held = self.state.accounts[account].credited(Credit(asset, amount))
        posting = Posting(PostingKind.CREDITED, account, amount, asset=asset)
        await self.advance(self.state.with_account(held), (posting,))

    async def bump(self, account: AccountId) -> None:
        """The account moves on by a version, for example because something of it was settled."""
        held = self.state.accounts[account]
        await self.advance(self.state.with_account(replace(held, version=held.version + 1)), ())

    async def interfere(self, method: str, carried: Any) -> None:
        """What a test wants to happen just before a call."""
        if self.meddle is not None:
            await self.meddle(method, carried)

    def as_of(self) -> Any:
        return account_service_pb2.BatchReference(number=self.batch, hub_block=self.state.hub_height)

    async def refuse(self, context: Any, refused: Refused) -> None:
        """As the API does: google.rpc.Status with ErrorInfo."""
        self.refused.append(str(refused.reason))
        info = error_details_pb2.ErrorInfo(reason=refused.reason, domain="zkclear", metadata=dict(refused.metadata))
        packed = any_pb2.Any()
        packed.Pack(info)
        status = status_pb2.Status(code=code_pb2.ABORTED, message=refused.detail, details=[packed])
        await context.abort_with_status(rpc_status.to_status(status))


class Accounts(account_service_pb2_grpc.AccountServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def _proto(self, name: bytes) -> Any:
        held = self.node.state.accounts[AccountId(name)]
        proto = account_service_pb2.Account(
            id=held.id,
            owner=held.owner,
            index=held.index,
            sealing_key=held.sealing_key,
            version=held.version,
            status=account_service_pb2.AccountStatus.Value(f"ACCOUNT_STATUS_{held.status.name}"),
            cash=held.cash.encode(),
            credits_merged=held.credits_merged,
            credits_arrived=held.credits_merged + len(held.inbox),
            collateral=[
                account_service_pb2.CollateralCommitment(asset=asset, commitment=amount.encode())
                for asset, amount in held.collateral.items()
            ],
            positions=[
                account_service_pb2.PositionCommitment(instrument=instrument, commitment=lots.encode())
                for instrument, lots in held.positions.items()
            ],
        )
        if held.window is not None:
            proto.window.encoding = held.window.encode()
        if held.limbs.high is not None:
            proto.limbs.high = held.limbs.high.encode()
        auditor = self.node.claimed_auditor or held.auditor
        if auditor is not None:
            proto.audit.auditor = auditor.encode()
        return proto

    async def GetAccount(self, request: Any, context: Any) -> Any:  # noqa: N802
        if AccountId(request.account) not in self.node.state.accounts:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such account")
        return account_service_pb2.GetAccountResponse(account=self._proto(request.account), as_of=self.node.as_of())

    async def FindAccount(self, request: Any, context: Any) -> Any:  # noqa: N802
        name = account_id(self.node.house.deployment, Address(request.owner), request.index)
        held = self._proto(name) if name in self.node.state.accounts else None
        return account_service_pb2.FindAccountResponse(id=name, account=held, as_of=self.node.as_of())

    async def StreamPostings(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        sent = request.after_sequence
        while True:
            postings, as_of = self.node.postings.get(request.account, []), self.node.as_of()
            for sequence, (batch, posting, named) in enumerate(postings[sent:], sent + 1):
                yield account_service_pb2.StreamPostingsResponse(posting=_posting(sequence, batch, posting, named))
            sent = max(sent, len(postings))
            yield account_service_pb2.StreamPostingsResponse(complete_through=as_of)
            async with self.node.changed:
                if self.node.batch == as_of.number:
                    await self.node.changed.wait()


def _posting(sequence: int, batch: int, posting: Posting, named: Carried | None) -> Any:
    return account_service_pb2.Posting(
        sequence=sequence,
        batch=batch,
        kind=account_service_pb2.PostingKind.Value(f"POSTING_KIND_{posting.kind}"),
        amount=posting.amount,
        asset=posting.asset or "",
        instrument=posting.instrument or "",
        message_id=posting.message or b"",
        trade=trade_to_proto(named) if isinstance(named, Trade) else None,
        transfer=transfer_to_proto(named) if isinstance(named, Transfer) else None,
        set_auditor=message_to_proto(named).set_auditor if isinstance(named, SetAuditor) else None,
    )


class Ledger(ledger_service_pb2_grpc.LedgerServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def SubmitMessage(self, request: Any, context: Any) -> Any:  # noqa: N802
        message = message_from_proto(request.message)
        digest = message.digest(self.node.house.deployment)
        await self.node.interfere("SubmitMessage", message)
        try:
            if digest not in self.node.final or digest in self.node.certified:
                await self.node.apply(message, digest)
        except Refused as refused:
            await self.node.refuse(context, refused)
        if self.node.lose_answers:
            self.node.lose_answers -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
        return ledger_service_pb2.SubmitMessageResponse(message_id=digest)

    async def GetMessage(self, request: Any, context: Any) -> Any:  # noqa: N802
        batch = self.node.final.get(request.message_id)
        if request.message_id in self.node.certified:
            certified = ledger_service_pb2.MESSAGE_STATUS_CERTIFIED
            return ledger_service_pb2.GetMessageResponse(status=certified)
        if batch is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "never seen")
        status = ledger_service_pb2.MESSAGE_STATUS_FINAL
        return ledger_service_pb2.GetMessageResponse(status=status, batch=batch)

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        return ledger_service_pb2.GetStatusResponse(final=self.node.as_of(), certified=self.node.batch)

    async def StreamEvents(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        for sequence, (batch, line) in enumerate(self.node.events, 1):
            if sequence > request.after_sequence and line.account == request.account:
                yield ledger_service_pb2.StreamEventsResponse(
                    event=ledger_service_pb2.LedgerEvent(
                        sequence=sequence,
                        batch=batch,
                        kind=line.kind,
                        account=line.account,
                        attributes=dict(line.attributes),
                    )
                )
        yield ledger_service_pb2.StreamEventsResponse(complete_through=self.node.as_of())
        await asyncio.Event().wait()


class Margin(margin_service_pb2_grpc.MarginServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def GetGrid(self, request: Any, context: Any) -> Any:  # noqa: N802
        grid = self.node.grid
        if request.HasField("round") and request.round != grid.round:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such round")
        return margin_service_pb2.GetGridResponse(
            round=grid.round,
            grid=grid.encode(),
            grid_digest=grid.digest,
            parameters_digest=self.node.house.parameters_digest,
            accepted_rounds=[grid.round],
            as_of=self.node.as_of(),
        )


class Market(market_service_pb2_grpc.MarketServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def GetDeployment(self, request: Any, context: Any) -> Any:  # noqa: N802
        house = self.node.house
        return market_service_pb2.GetDeploymentResponse(
            hub_chain_id=house.deployment.hub_chain_id,
            hub=house.deployment.hub,
            salt=house.deployment.salt,
            deployment_digest=house.deployment.digest,
            committee_key=house.committee.key.encode(),
            committee=house.committee.encode(),
            registry=house.registry.encode(),
            registry_digest=house.registry.digest,
            market_parameters=house.market.encode(),
            market_parameters_digest=house.market.digest,
            rules_digest=house.rules.digest,
            parameters_digest=house.parameters_digest,
            validators=house.validators,
            chains=CHAINS,
            house_digest=pin_of(house),
        )


class Trades(trade_service_pb2_grpc.TradeServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def Propose(self, request: Any, context: Any) -> Any:  # noqa: N802
        terms = terms_from_proto(request.proposal.terms)
        await self.node.interfere("Propose", terms)
        digest = terms.digest(self.node.house.deployment)
        self.node.proposals[digest] = request.proposal
        async with self.node.changed:
            self.node.changed.notify_all()
        return trade_service_pb2.ProposeResponse(proposal_id=digest)

    async def StreamProposals(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        sent: set[bytes] = set()
        while True:
            for digest, proposal in list(self.node.proposals.items()):
                if digest not in sent and proposal.terms.maker == request.maker:
                    sent.add(digest)
                    yield trade_service_pb2.StreamProposalsResponse(proposal_id=digest, proposal=proposal)
            async with self.node.changed:
                if sent >= set(self.node.proposals):
                    await self.node.changed.wait()

    async def Accept(self, request: Any, context: Any) -> Any:  # noqa: N802
        proposal = self.node.proposals[request.proposal_id]
        trade = Trade(
            terms=terms_from_proto(proposal.terms),
            sealed_box=proposal.sealed_box,
            opening_proof=proposal.opening_proof,
            taker_proof=proposal.taker_proof,
            taker_signature=proposal.taker_signature,
            maker=AccountReference(AccountId(request.maker.account), request.maker.version, request.maker.credits),
            maker_proof=request.maker_proof,
            maker_signature=request.maker_signature,
            maker_handle=handle_from_proto("maker_handle", request, "maker_handle"),
            maker_handle_proof=request.maker_handle_proof,
        )
        await self.node.interfere("Accept", trade)
        try:
            await self.node.apply(trade, request.proposal_id)
        except Refused as refused:
            await self.node.refuse(context, refused)
        return trade_service_pb2.AcceptResponse(message_id=request.proposal_id)


class Transfers(transfer_service_pb2_grpc.TransferServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def ProposeTransfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        terms = transfer_terms_from_proto(request.proposal.terms)
        if terms.sender.account == terms.receiver:
            await self.node.refuse(context, Refused(Reason.SELF_TRANSFER, "sender and receiver must be two accounts"))
        digest = terms.digest(self.node.house.deployment)
        self.node.offered[digest] = request.proposal
        async with self.node.changed:
            self.node.changed.notify_all()
        return transfer_service_pb2.ProposeTransferResponse(proposal_id=digest)

    async def StreamTransfers(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        sent: set[bytes] = set()
        while True:
            for digest, proposal in list(self.node.offered.items()):
                if digest not in sent and proposal.terms.receiver == request.receiver:
                    sent.add(digest)
                    yield transfer_service_pb2.StreamTransfersResponse(proposal_id=digest, proposal=proposal)
            async with self.node.changed:
                if sent >= set(self.node.offered):
                    await self.node.changed.wait()

    async def AcceptTransfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        proposal, receiver = self.node.offered[request.proposal_id], request.receiver
        transfer = Transfer(
            terms=transfer_terms_from_proto(proposal.terms),
            sealed_box=proposal.sealed_box,
            opening_proof=proposal.opening_proof,
            sender_proof=proposal.sender_proof,
            sender_signature=proposal.sender_signature,
            receiver=AccountReference(AccountId(receiver.account), receiver.version, receiver.credits),
            receiver_proof=request.receiver_proof,
            receiver_signature=request.receiver_signature,
            receiver_handle=handle_from_proto("receiver_handle", request, "receiver_handle"),
            receiver_handle_proof=request.receiver_handle_proof,
        )
        await self.node.interfere("AcceptTransfer", transfer)
        try:
            await self.node.apply(transfer, request.proposal_id)
        except Refused as refused:
            await self.node.refuse(context, refused)
        return transfer_service_pb2.AcceptTransferResponse(message_id=request.proposal_id)


class Liquidations(liquidation_service_pb2_grpc.LiquidationServiceServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    async def ListDefaults(self, request: Any, context: Any) -> Any:  # noqa: N802
        defaults = [
            liquidation_service_pb2.Default(
                id=default.id,
                account=default.account,
                auction=liquidation_service_pb2.Auction(
                    started=default.offer.started,
                    number=default.auctions,
                    units=default.offer.units,
                    total_units=default.offer.total,
                    unit=[
                        liquidation_service_pb2.Lot(instrument=lot.instrument, quantity=lot.quantity)
                        for lot in default.offer.unit
                    ],
                ),
            )
            for default in self.node.state.defaults.values()
            if default.offer is not None
        ]
        return liquidation_service_pb2.ListDefaultsResponse(defaults=defaults)
