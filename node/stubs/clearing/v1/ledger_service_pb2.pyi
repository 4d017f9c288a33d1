from clearing.v1 import account_service_pb2 as _account_service_pb2
from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_STATUS_UNSPECIFIED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_PENDING: _ClassVar[MessageStatus]
    MESSAGE_STATUS_CERTIFIED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_FINAL: _ClassVar[MessageStatus]
    MESSAGE_STATUS_REFUSED: _ClassVar[MessageStatus]
MESSAGE_STATUS_UNSPECIFIED: MessageStatus
MESSAGE_STATUS_PENDING: MessageStatus
MESSAGE_STATUS_CERTIFIED: MessageStatus
MESSAGE_STATUS_FINAL: MessageStatus
MESSAGE_STATUS_REFUSED: MessageStatus

class Refusal(_message.Message):
    __slots__ = ("reason", "detail", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SubmitMessageRequest(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: _messages_pb2.ClientMessage
    def __init__(self, message: _Optional[_Union[_messages_pb2.ClientMessage, _Mapping]] = ...) -> None: ...

class SubmitMessageResponse(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...

class GetMessageRequest(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...

class GetMessageResponse(_message.Message):
    __slots__ = ("status", "batch", "refusal")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    status: MessageStatus
    batch: int
    refusal: Refusal
    def __init__(self, status: _Optional[_Union[MessageStatus, str]] = ..., batch: _Optional[int] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChainStatus(_message.Message):
    __slots__ = ("chain_id", "booked_block")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    BOOKED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    booked_block: int
    def __init__(self, chain_id: _Optional[int] = ..., booked_block: _Optional[int] = ...) -> None: ...

class Breaker(_message.Message):
    __slots__ = ("level", "until")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    level: int
    until: int
    def __init__(self, level: _Optional[int] = ..., until: _Optional[int] = ...) -> None: ...

class WriteOff(_message.Message):
    __slots__ = ("asset", "lost", "insurance_paid", "fund_paid", "shortfall", "stranded")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    INSURANCE_PAID_FIELD_NUMBER: _ClassVar[int]
    FUND_PAID_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    STRANDED_FIELD_NUMBER: _ClassVar[int]
    asset: str
    lost: int
    insurance_paid: int
    fund_paid: int
    shortfall: int
    stranded: int
    def __init__(self, asset: _Optional[str] = ..., lost: _Optional[int] = ..., insurance_paid: _Optional[int] = ..., fund_paid: _Optional[int] = ..., shortfall: _Optional[int] = ..., stranded: _Optional[int] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("final", "certified", "chains", "breaker", "written_off", "orders")
    FINAL_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_OFF_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    final: _account_service_pb2.BatchReference
    certified: int
    chains: _containers.RepeatedCompositeFieldContainer[ChainStatus]
    breaker: Breaker
    written_off: _containers.RepeatedCompositeFieldContainer[WriteOff]
    orders: int
    def __init__(self, final: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ..., certified: _Optional[int] = ..., chains: _Optional[_Iterable[_Union[ChainStatus, _Mapping]]] = ..., breaker: _Optional[_Union[Breaker, _Mapping]] = ..., written_off: _Optional[_Iterable[_Union[WriteOff, _Mapping]]] = ..., orders: _Optional[int] = ...) -> None: ...

class GetBatchRequest(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class GetBatchResponse(_message.Message):
    __slots__ = ("number", "body", "batch_hash", "root", "certificate")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BATCH_HASH_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    number: int
    body: bytes
    batch_hash: bytes
    root: bytes
    certificate: bytes
    def __init__(self, number: _Optional[int] = ..., body: _Optional[bytes] = ..., batch_hash: _Optional[bytes] = ..., root: _Optional[bytes] = ..., certificate: _Optional[bytes] = ...) -> None: ...

class LedgerEvent(_message.Message):
    __slots__ = ("sequence", "batch", "kind", "account", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    batch: int
    kind: str
    account: bytes
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, sequence: _Optional[int] = ..., batch: _Optional[int] = ..., kind: _Optional[str] = ..., account: _Optional[bytes] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class StreamEventsRequest(_message.Message):
    __slots__ = ("after_sequence", "account")
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    account: bytes
    def __init__(self, after_sequence: _Optional[int] = ..., account: _Optional[bytes] = ...) -> None: ...

class StreamEventsResponse(_message.Message):
    __slots__ = ("event", "complete_through")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_THROUGH_FIELD_NUMBER: _ClassVar[int]
    event: LedgerEvent
    complete_through: _account_service_pb2.BatchReference
    def __init__(self, event: _Optional[_Union[LedgerEvent, _Mapping]] = ..., complete_through: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...

class GetLeafProofRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    def __init__(self, account: _Optional[bytes] = ...) -> None: ...

class GetLeafProofResponse(_message.Message):
    __slots__ = ("leaf", "path", "as_of", "account")
    LEAF_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    leaf: bytes
    path: _containers.RepeatedScalarFieldContainer[bytes]
    as_of: _account_service_pb2.BatchReference
    account: _account_service_pb2.Account
    def __init__(self, leaf: _Optional[bytes] = ..., path: _Optional[_Iterable[bytes]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ..., account: _Optional[_Union[_account_service_pb2.Account, _Mapping]] = ...) -> None: ...

class AssetBooks(_message.Message):
    __slots__ = ("asset", "in_vault", "promised", "written_off", "silent")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    IN_VAULT_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_OFF_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    asset: str
    in_vault: int
    promised: int
    written_off: bool
    silent: bool
    def __init__(self, asset: _Optional[str] = ..., in_vault: _Optional[int] = ..., promised: _Optional[int] = ..., written_off: _Optional[bool] = ..., silent: _Optional[bool] = ...) -> None: ...

class GetInvariantsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInvariantsResponse(_message.Message):
    __slots__ = ("hold", "broken", "assets", "insurance", "default_fund", "shortfall", "accounts", "trades", "as_of")
    HOLD_FIELD_NUMBER: _ClassVar[int]
    BROKEN_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    INSURANCE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FUND_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    hold: bool
    broken: _containers.RepeatedScalarFieldContainer[str]
    assets: _containers.RepeatedCompositeFieldContainer[AssetBooks]
    insurance: int
    default_fund: int
    shortfall: int
    accounts: int
    trades: int
    as_of: _account_service_pb2.BatchReference
    def __init__(self, hold: _Optional[bool] = ..., broken: _Optional[_Iterable[str]] = ..., assets: _Optional[_Iterable[_Union[AssetBooks, _Mapping]]] = ..., insurance: _Optional[int] = ..., default_fund: _Optional[int] = ..., shortfall: _Optional[int] = ..., accounts: _Optional[int] = ..., trades: _Optional[int] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...
