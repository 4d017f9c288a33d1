"""The house's answers as frozen data: accounts, postings, events, proposals, receipts of messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clearing.v1.account_service_pb2 import AccountStatus
from clearing.v1.account_service_pb2 import PostingKind as WireKind

from circuits.auditor import AuditorKey
from circuits.errors import DecodingError
from circuits.pedersen import Commitment
from node.client.errors import HouseUntrusted
from node.ledger.effects import Posting, PostingKind
from node.ledger.errors import WireError
from node.ledger.messages import SetAuditor, Trade, Transfer
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd, Status
from node.ledger.wire import auditor_from_proto
from node.ledger.wire_agreements import trade_from_proto, transfer_from_proto
from node.market.errors import MarketError
from node.market.window import MarginWindow


@dataclass(frozen=True, slots=True)
class AsOf:
    """The final batch that an answer describes, and the number of its hub block."""

    batch: int
    hub_block: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """The public state of an account after batch `as_of.batch`."""

    id: AccountId
    owner: Address
    sealing_key: bytes
    version: int
    status: Status
    deadline: int
    cash: Commitment
    collateral: Mapping[AssetId, Commitment]
    positions: Mapping[InstrumentId, Commitment]
    credits_merged: int
    credits_arrived: int
    needs_proof: bool
    window: MarginWindow | None
    needs_window: bool
    auditor: AuditorKey | None
    """Whether a margin proof has to stand behind the account: it has positions, or its cash is hidden."""
    as_of: AsOf

    @classmethod
    def from_proto(cls, account: Any, as_of: AsOf) -> "AccountView":
        """From clearing.v1.Account.

        Raises:
            HouseUntrusted: a field that does not decode.
        """
        try:
            window = MarginWindow.decode(account.window.encoding) if account.HasField("window") else None
            decode = Commitment.decode
            return cls(
                id=AccountId(account.id),
                owner=Address(account.owner),
                sealing_key=account.sealing_key,
                version=account.version,
                status=Status[AccountStatus.Name(account.status).removeprefix("ACCOUNT_STATUS_")],
                deadline=account.deadline,
                cash=decode(account.cash),
                collateral={AssetId(item.asset): decode(item.commitment) for item in account.collateral},
                positions={InstrumentId(item.instrument): decode(item.commitment) for item in account.positions},
                credits_merged=account.credits_merged,
                credits_arrived=account.credits_arrived,
                needs_proof=account.needs_proof,
                window=window,
                needs_window=bool(account.positions or account.limbs.high),
                auditor=AuditorKey.decode(account.audit.auditor) if account.HasField("audit") else None,
                as_of=as_of,
            )
        except (DecodingError, MarketError, ValueError, KeyError) as error:
            raise HouseUntrusted("account", str(error)) from error


@dataclass(frozen=True, slots=True)
class NumberedPosting:
    """A posting with its place in the account's history, and the trade or transfer that it names, if any."""

    sequence: int
    batch: int
    posting: Posting
    named: Trade | Transfer | SetAuditor | None

    @classmethod
    def from_proto(cls, account: AccountId, proto: Any) -> "NumberedPosting":
        """From clearing.v1.Posting of `account`.

        Raises:
            HouseUntrusted: a kind that does not exist, or a trade or transfer that does not decode.
        """
        try:
            posting = Posting(
                kind=PostingKind(WireKind.Name(proto.kind).removeprefix("POSTING_KIND_")),
                account=account,
                amount=proto.amount,
                asset=AssetId(proto.asset) if proto.asset else None,
                instrument=InstrumentId(proto.instrument) if proto.instrument else None,
                message=Digest(proto.message_id) if proto.message_id else None,
            )
            named: Trade | Transfer | SetAuditor | None = None
            if proto.HasField("trade"):
                named = trade_from_proto(proto.trade)
            elif proto.HasField("transfer"):
                named = transfer_from_proto(proto.transfer)
            elif proto.HasField("set_auditor"):
                named = auditor_from_proto(proto.set_auditor)
        except (WireError, ValueError) as error:
            raise HouseUntrusted(f"posting {proto.sequence}", str(error)) from error
        return cls(proto.sequence, proto.batch, posting, named)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trade that a taker offers, as its maker sees it. `size` is the taker's, in lots: negative if the taker sells.

    `price` is micro-dollars per lot. The size was in the sealed box and was checked against the commitment.
    """

    id: Digest
    taker: AccountId
    instrument: InstrumentId
    price: MicroUsd
    size: int = field(repr=False)
    round: int
    expiry: int
    trade: Trade = field(repr=False)
    """What the taker signed, without the maker's part."""


@dataclass(frozen=True, slots=True)
class TransferProposal:
    """A transfer that a sender offers, as its receiver sees it: `amount` ledger units of `asset`, above zero.

    The amount was in the sealed box and was checked against the commitment.
    """

    id: Digest
    sender: AccountId
    asset: AssetId
    amount: int = field(repr=False)
    round: int
    expiry: int
    transfer: Transfer = field(repr=False)
    """What the sender signed, without the receiver's part."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message that took effect: its id and the final batch that holds it."""

    message_id: Digest
    batch: int


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One line of the public record about an account: `attributes` are decimals or hexadecimal bytes."""

    sequence: int
    batch: int
    kind: str
    attributes: Mapping[str, str]
