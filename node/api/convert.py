"""Accounts, postings, events and defaults of the ledger as messages of clearing.v1."""

from typing import Final

from clearing.v1 import account_service_pb2 as accounts_pb
from clearing.v1 import ledger_service_pb2 as ledger_pb
from clearing.v1 import liquidation_service_pb2 as liquidation_pb
from clearing.v1 import messages_pb2

from circuits.auditor import Handle
from node.ledger.account import Account, CashLimbs, Credit, ExitRun
from node.ledger.auctions import auction_terms
from node.ledger.audit import Audit
from node.ledger.calls import lapse_reason
from node.ledger.effects import PostingKind
from node.ledger.errors import Refused
from node.ledger.state import Breaker, Default, House, LedgerState, Seizure, WriteOff
from node.ledger.types import Status
from node.market.window import MarginWindow
from node.store import StoredEvent, StoredPosting

_TRADES: Final = (PostingKind.TRADE_TAKEN, PostingKind.TRADE_MADE)
_TRANSFERS: Final = (PostingKind.TRANSFER_SENT, PostingKind.TRANSFER_RECEIVED)


def batch_reference(state: LedgerState) -> accounts_pb.BatchReference:
    """Which batch `state` is after."""
    return accounts_pb.BatchReference(
        number=state.number, root=state.root, hub_block=state.hub_height, hub_time=state.hub_time
    )


def account_status(status: Status) -> str:
    """The name of a status; enums of both sides have the same members."""
    return f"ACCOUNT_STATUS_{status.name}"


def credit_proto(credit: Credit) -> accounts_pb.Credit:
    """A public credit; the asset is empty for cash."""
    return accounts_pb.Credit(asset=credit.asset or "", amount=credit.amount)


def limbs_proto(limbs: CashLimbs) -> accounts_pb.CashLimbs:
    """Cash limbs; both commitments are empty where there are none."""
    return accounts_pb.CashLimbs(
        high=limbs.high.encode() if limbs.high is not None else b"",
        low=limbs.low.encode() if limbs.low is not None else b"",
        public_since=limbs.public_since,
        settled=[
            accounts_pb.SettledPosition(coefficient=entry.coefficient, position=entry.position.encode())
            for entry in limbs.settled
        ],
    )


def window_proto(window: MarginWindow | None) -> accounts_pb.MarginWindow | None:
    """A margin window, with its canonical bytes."""
    if window is None:
        return None
    underlyings = [
        accounts_pb.UnderlyingWindow(
            symbol=entry.symbol,
            low=entry.low,
            high=entry.high,
            level_low=entry.level_low,
            level_high=entry.level_high,
        )
        for entry in window.underlyings
    ]
    return accounts_pb.MarginWindow(
        round=window.round, time=window.time, underlyings=underlyings, encoding=window.encode()
    )


def exits_proto(exits: ExitRun | None) -> accounts_pb.ExitRun | None:
    """Forced exits."""
    return None if exits is None else accounts_pb.ExitRun(proven=exits.proven, last=exits.last)


def audit_proto(audit: Audit | None) -> accounts_pb.Audit | None:
    """An account's auditor with its handles."""
    if audit is None:
        return None
    return accounts_pb.Audit(
        auditor=audit.auditor.encode(),
        cash=_handle(audit.cash),
        collateral=[accounts_pb.NamedHandle(name=n, handle=h.encode()) for n, h in audit.collateral.items()],
        positions=[accounts_pb.NamedHandle(name=n, handle=h.encode()) for n, h in audit.positions.items()],
        high=_handle(audit.high),
        low=_handle(audit.low),
        settled=[_handle(handle) for handle in audit.settled],
    )


def _handle(handle: Handle) -> bytes:
    return b"" if handle.is_identity() else handle.encode()


def account_proto(house: House, state: LedgerState, account: Account) -> accounts_pb.Account:
    """An account's public state."""
    return accounts_pb.Account(
        id=account.id,
        owner=account.owner,
        index=account.index,
        sealing_key=account.sealing_key,
        version=account.version,
        status=account_status(account.status),
        deadline=account.deadline,
        cash=account.cash.encode(),
        collateral=[
            accounts_pb.CollateralCommitment(asset=name, commitment=held.encode())
            for name, held in account.collateral.items()
        ],
        positions=[
            accounts_pb.PositionCommitment(instrument=name, commitment=held.encode())
            for name, held in account.positions.items()
        ],
        limbs=limbs_proto(account.limbs),
        window=window_proto(account.window),
        credits_merged=account.credits_merged,
        credits_arrived=account.credits_merged + len(account.inbox),
        inbox=[credit_proto(credit) for credit in account.inbox],
        needs_proof=lapse_reason(house, state, account) is not None,
        audit=audit_proto(account.audit),
        proposers_since_call=sorted(account.proposers_since_call),
        home_chain=account.home_chain,
        exits=exits_proto(account.exits),
    )


def posting_proto(stored: StoredPosting) -> accounts_pb.Posting:
    """A posting, with the whole trade or transfer where it names one."""
    posting = stored.posting
    proto = accounts_pb.Posting(
        sequence=stored.sequence,
        batch=stored.batch,
        kind=f"POSTING_KIND_{posting.kind.name}",
        amount=posting.amount,
        asset=posting.asset or "",
        instrument=posting.instrument or "",
        message_id=posting.message or b"",
    )
    if posting.kind in _TRADES and stored.message is not None:
        proto.trade.CopyFrom(messages_pb2.ClientMessage.FromString(stored.message).trade)
    if posting.kind in _TRANSFERS and stored.message is not None:
        proto.transfer.CopyFrom(messages_pb2.ClientMessage.FromString(stored.message).transfer)
    if posting.kind is PostingKind.AUDITOR and stored.message is not None:
        proto.set_auditor.CopyFrom(messages_pb2.ClientMessage.FromString(stored.message).set_auditor)
    return proto


def event_proto(stored: StoredEvent) -> ledger_pb.LedgerEvent:
    """A line of the public record."""
    return ledger_pb.LedgerEvent(
        sequence=stored.sequence,
        batch=stored.batch,
        kind=stored.event.kind.value,
        account=stored.event.account or b"",
        attributes=dict(stored.event.attributes),
    )


def refusal_proto(refusal: Refused) -> ledger_pb.Refusal:
    """Why a message was refused after it had been taken in."""
    return ledger_pb.Refusal(reason=refusal.reason.value, detail=refusal.detail, metadata=dict(refusal.metadata))


def default_proto(house: House, state: LedgerState, default: Default) -> liquidation_pb.Default:
    """A default, with its auction at the state's marks and hub block while there is one."""
    return liquidation_pb.Default(
        id=default.id,
        account=default.account,
        stage=f"DEFAULT_STAGE_{default.stage.name}",
        frozen_in=default.frozen_in,
        opened_by=default.opened_by,
        lots=[liquidation_pb.Lot(instrument=lot.instrument, quantity=lot.quantity) for lot in default.lots],
        cash=default.cash,
        collateral=[liquidation_pb.Holding(asset=held.asset, amount=held.amount) for held in default.collateral],
        auctions=default.auctions,
        auction=_auction_proto(house, state, default),
        buyers=default.buyers,
        sale_price=default.sale_price,
        seizures=[_seizure_proto(seizure) for seizure in default.seizures],
        penalty=default.penalty,
        insurance_paid=default.insurance_paid,
        shortfall=default.shortfall,
        fund_paid=sum(share.amount for share in default.fund_paid),
        torn_up=default.torn_up,
    )


def _auction_proto(house: House, state: LedgerState, default: Default) -> liquidation_pb.Auction | None:
    terms, offer = auction_terms(house, state, default), default.offer
    if terms is None or offer is None:
        return None
    return liquidation_pb.Auction(
        started=offer.started,
        ends=offer.started + terms.duration,
        mark=terms.mark,
        current_price=terms.asking_price(state.hub_height - offer.started),
        floor_price=terms.floor,
        number=default.auctions,
        units=offer.units,
        total_units=offer.total,
        unit=[liquidation_pb.Lot(instrument=lot.instrument, quantity=lot.quantity) for lot in offer.unit],
    )


def _seizure_proto(seizure: Seizure) -> liquidation_pb.Seizure:
    return liquidation_pb.Seizure(
        action_id=seizure.action_id,
        asset=seizure.asset,
        amount=seizure.amount,
        proceeds=seizure.proceeds,
        given_up=seizure.given_up,
        set_aside=seizure.set_aside,
    )


def breaker_proto(breaker: Breaker) -> ledger_pb.Breaker:
    """What the validators have stopped."""
    return ledger_pb.Breaker(level=int(breaker.level), until=breaker.until)


def write_off_proto(entry: WriteOff) -> ledger_pb.WriteOff:
    """A token that counts nothing."""
    return ledger_pb.WriteOff(
        asset=entry.asset,
        lost=entry.lost,
        insurance_paid=entry.insurance_paid,
        fund_paid=sum(share.amount for share in entry.fund_paid),
        shortfall=entry.shortfall,
        stranded=sum(held.amount for held in entry.stranded),
    )
