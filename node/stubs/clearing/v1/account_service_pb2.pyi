from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_STATUS_UNSPECIFIED: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_ACTIVE: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_DUE: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_CALLED: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_FROZEN: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_LIQUIDATING: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_CLOSED: _ClassVar[AccountStatus]

class PostingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POSTING_KIND_UNSPECIFIED: _ClassVar[PostingKind]
    POSTING_KIND_CREDITED: _ClassVar[PostingKind]
    POSTING_KIND_MERGED: _ClassVar[PostingKind]
    POSTING_KIND_CASH: _ClassVar[PostingKind]
    POSTING_KIND_COLLATERAL: _ClassVar[PostingKind]
    POSTING_KIND_POSITION: _ClassVar[PostingKind]
    POSTING_KIND_TRADE_TAKEN: _ClassVar[PostingKind]
    POSTING_KIND_TRADE_MADE: _ClassVar[PostingKind]
    POSTING_KIND_SETTLED: _ClassVar[PostingKind]
    POSTING_KIND_OPENED: _ClassVar[PostingKind]
    POSTING_KIND_TRANSFER_SENT: _ClassVar[PostingKind]
    POSTING_KIND_TRANSFER_RECEIVED: _ClassVar[PostingKind]
    POSTING_KIND_AUDITOR: _ClassVar[PostingKind]
ACCOUNT_STATUS_UNSPECIFIED: AccountStatus
ACCOUNT_STATUS_ACTIVE: AccountStatus
ACCOUNT_STATUS_DUE: AccountStatus
ACCOUNT_STATUS_CALLED: AccountStatus
ACCOUNT_STATUS_FROZEN: AccountStatus
ACCOUNT_STATUS_LIQUIDATING: AccountStatus
ACCOUNT_STATUS_CLOSED: AccountStatus
POSTING_KIND_UNSPECIFIED: PostingKind
POSTING_KIND_CREDITED: PostingKind
POSTING_KIND_MERGED: PostingKind
POSTING_KIND_CASH: PostingKind
POSTING_KIND_COLLATERAL: PostingKind
POSTING_KIND_POSITION: PostingKind
POSTING_KIND_TRADE_TAKEN: PostingKind
POSTING_KIND_TRADE_MADE: PostingKind
POSTING_KIND_SETTLED: PostingKind
POSTING_KIND_OPENED: PostingKind
POSTING_KIND_TRANSFER_SENT: PostingKind
POSTING_KIND_TRANSFER_RECEIVED: PostingKind
POSTING_KIND_AUDITOR: PostingKind

class BatchReference(_message.Message):
    __slots__ = ("number", "root", "hub_block", "hub_time")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    HUB_BLOCK_FIELD_NUMBER: _ClassVar[int]
    HUB_TIME_FIELD_NUMBER: _ClassVar[int]
    number: int
    root: bytes
    hub_block: int
    hub_time: int
    def __init__(self, number: _Optional[int] = ..., root: _Optional[bytes] = ..., hub_block: _Optional[int] = ..., hub_time: _Optional[int] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("asset", "amount")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    asset: str
    amount: int
    def __init__(self, asset: _Optional[str] = ..., amount: _Optional[int] = ...) -> None: ...

class CollateralCommitment(_message.Message):
    __slots__ = ("asset", "commitment")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    asset: str
    commitment: bytes
    def __init__(self, asset: _Optional[str] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class PositionCommitment(_message.Message):
    __slots__ = ("instrument", "commitment")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    commitment: bytes
    def __init__(self, instrument: _Optional[str] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class SettledPosition(_message.Message):
    __slots__ = ("coefficient", "position")
    COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    coefficient: int
    position: bytes
    def __init__(self, coefficient: _Optional[int] = ..., position: _Optional[bytes] = ...) -> None: ...

class CashLimbs(_message.Message):
    __slots__ = ("high", "low", "public_since", "settled")
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_SINCE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    high: bytes
    low: bytes
    public_since: int
    settled: _containers.RepeatedCompositeFieldContainer[SettledPosition]
    def __init__(self, high: _Optional[bytes] = ..., low: _Optional[bytes] = ..., public_since: _Optional[int] = ..., settled: _Optional[_Iterable[_Union[SettledPosition, _Mapping]]] = ...) -> None: ...

class UnderlyingWindow(_message.Message):
    __slots__ = ("symbol", "low", "high", "level_low", "level_high")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LEVEL_LOW_FIELD_NUMBER: _ClassVar[int]
    LEVEL_HIGH_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    low: int
    high: int
    level_low: int
    level_high: int
    def __init__(self, symbol: _Optional[str] = ..., low: _Optional[int] = ..., high: _Optional[int] = ..., level_low: _Optional[int] = ..., level_high: _Optional[int] = ...) -> None: ...

class MarginWindow(_message.Message):
    __slots__ = ("round", "time", "underlyings", "encoding")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    UNDERLYINGS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    round: int
    time: int
    underlyings: _containers.RepeatedCompositeFieldContainer[UnderlyingWindow]
    encoding: bytes
    def __init__(self, round: _Optional[int] = ..., time: _Optional[int] = ..., underlyings: _Optional[_Iterable[_Union[UnderlyingWindow, _Mapping]]] = ..., encoding: _Optional[bytes] = ...) -> None: ...

class NamedHandle(_message.Message):
    __slots__ = ("name", "handle")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    handle: bytes
    def __init__(self, name: _Optional[str] = ..., handle: _Optional[bytes] = ...) -> None: ...

class Audit(_message.Message):
    __slots__ = ("auditor", "cash", "collateral", "positions", "high", "low", "settled")
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    auditor: bytes
    cash: bytes
    collateral: _containers.RepeatedCompositeFieldContainer[NamedHandle]
    positions: _containers.RepeatedCompositeFieldContainer[NamedHandle]
    high: bytes
    low: bytes
    settled: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, auditor: _Optional[bytes] = ..., cash: _Optional[bytes] = ..., collateral: _Optional[_Iterable[_Union[NamedHandle, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[NamedHandle, _Mapping]]] = ..., high: _Optional[bytes] = ..., low: _Optional[bytes] = ..., settled: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ExitRun(_message.Message):
    __slots__ = ("proven", "last")
    PROVEN_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    proven: int
    last: int
    def __init__(self, proven: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("id", "owner", "index", "sealing_key", "version", "status", "deadline", "cash", "collateral", "positions", "limbs", "window", "credits_merged", "credits_arrived", "inbox", "needs_proof", "audit", "proposers_since_call", "home_chain", "exits")
    ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    LIMBS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    CREDITS_MERGED_FIELD_NUMBER: _ClassVar[int]
    CREDITS_ARRIVED_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    NEEDS_PROOF_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    PROPOSERS_SINCE_CALL_FIELD_NUMBER: _ClassVar[int]
    HOME_CHAIN_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    owner: bytes
    index: int
    sealing_key: bytes
    version: int
    status: AccountStatus
    deadline: int
    cash: bytes
    collateral: _containers.RepeatedCompositeFieldContainer[CollateralCommitment]
    positions: _containers.RepeatedCompositeFieldContainer[PositionCommitment]
    limbs: CashLimbs
    window: MarginWindow
    credits_merged: int
    credits_arrived: int
    inbox: _containers.RepeatedCompositeFieldContainer[Credit]
    needs_proof: bool
    audit: Audit
    proposers_since_call: _containers.RepeatedScalarFieldContainer[bytes]
    home_chain: int
    exits: ExitRun
    def __init__(self, id: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., index: _Optional[int] = ..., sealing_key: _Optional[bytes] = ..., version: _Optional[int] = ..., status: _Optional[_Union[AccountStatus, str]] = ..., deadline: _Optional[int] = ..., cash: _Optional[bytes] = ..., collateral: _Optional[_Iterable[_Union[CollateralCommitment, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[PositionCommitment, _Mapping]]] = ..., limbs: _Optional[_Union[CashLimbs, _Mapping]] = ..., window: _Optional[_Union[MarginWindow, _Mapping]] = ..., credits_merged: _Optional[int] = ..., credits_arrived: _Optional[int] = ..., inbox: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ..., needs_proof: _Optional[bool] = ..., audit: _Optional[_Union[Audit, _Mapping]] = ..., proposers_since_call: _Optional[_Iterable[bytes]] = ..., home_chain: _Optional[int] = ..., exits: _Optional[_Union[ExitRun, _Mapping]] = ...) -> None: ...

class Posting(_message.Message):
    __slots__ = ("sequence", "batch", "kind", "amount", "asset", "instrument", "message_id", "trade", "transfer", "set_auditor")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TRADE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    SET_AUDITOR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    batch: int
    kind: PostingKind
    amount: int
    asset: str
    instrument: str
    message_id: bytes
    trade: _messages_pb2.Trade
    transfer: _messages_pb2.Transfer
    set_auditor: _messages_pb2.SetAuditor
    def __init__(self, sequence: _Optional[int] = ..., batch: _Optional[int] = ..., kind: _Optional[_Union[PostingKind, str]] = ..., amount: _Optional[int] = ..., asset: _Optional[str] = ..., instrument: _Optional[str] = ..., message_id: _Optional[bytes] = ..., trade: _Optional[_Union[_messages_pb2.Trade, _Mapping]] = ..., transfer: _Optional[_Union[_messages_pb2.Transfer, _Mapping]] = ..., set_auditor: _Optional[_Union[_messages_pb2.SetAuditor, _Mapping]] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    def __init__(self, account: _Optional[bytes] = ...) -> None: ...

class GetAccountResponse(_message.Message):
    __slots__ = ("account", "as_of")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    account: Account
    as_of: BatchReference
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., as_of: _Optional[_Union[BatchReference, _Mapping]] = ...) -> None: ...

class FindAccountRequest(_message.Message):
    __slots__ = ("owner", "index")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    owner: bytes
    index: int
    def __init__(self, owner: _Optional[bytes] = ..., index: _Optional[int] = ...) -> None: ...

class FindAccountResponse(_message.Message):
    __slots__ = ("id", "account", "unclaimed", "as_of")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    UNCLAIMED_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    account: Account
    unclaimed: _containers.RepeatedCompositeFieldContainer[Credit]
    as_of: BatchReference
    def __init__(self, id: _Optional[bytes] = ..., account: _Optional[_Union[Account, _Mapping]] = ..., unclaimed: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ..., as_of: _Optional[_Union[BatchReference, _Mapping]] = ...) -> None: ...

class StreamPostingsRequest(_message.Message):
    __slots__ = ("account", "after_sequence")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    after_sequence: int
    def __init__(self, account: _Optional[bytes] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class StreamPostingsResponse(_message.Message):
    __slots__ = ("posting", "complete_through")
    POSTING_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_THROUGH_FIELD_NUMBER: _ClassVar[int]
    posting: Posting
    complete_through: BatchReference
    def __init__(self, posting: _Optional[_Union[Posting, _Mapping]] = ..., complete_through: _Optional[_Union[BatchReference, _Mapping]] = ...) -> None: ...
