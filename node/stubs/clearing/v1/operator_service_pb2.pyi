from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OutboxKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTBOX_KIND_UNSPECIFIED: _ClassVar[OutboxKind]
    OUTBOX_KIND_COMMIT: _ClassVar[OutboxKind]
    OUTBOX_KIND_PAY: _ClassVar[OutboxKind]
    OUTBOX_KIND_SEIZE: _ClassVar[OutboxKind]
OUTBOX_KIND_UNSPECIFIED: OutboxKind
OUTBOX_KIND_COMMIT: OutboxKind
OUTBOX_KIND_PAY: OutboxKind
OUTBOX_KIND_SEIZE: OutboxKind

class GetNodeStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChainView(_message.Message):
    __slots__ = ("chain_id", "final_block", "booked_block")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    FINAL_BLOCK_FIELD_NUMBER: _ClassVar[int]
    BOOKED_BLOCK_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    final_block: int
    booked_block: int
    def __init__(self, chain_id: _Optional[int] = ..., final_block: _Optional[int] = ..., booked_block: _Optional[int] = ...) -> None: ...

class GetNodeStatusResponse(_message.Message):
    __slots__ = ("validator", "deployment_digest", "height", "root", "certified_height", "attempt", "peers_connected", "pool_messages", "chains", "certified_ms_median", "certified_ms_p99", "final_ms_median", "final_ms_p99", "verify_ms_median", "verify_ms_p99", "house_digest", "hub_block", "epoch", "orders", "breaker_level", "breaker_until", "written_off")
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PEERS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    POOL_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_MS_MEDIAN_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_MS_P99_FIELD_NUMBER: _ClassVar[int]
    FINAL_MS_MEDIAN_FIELD_NUMBER: _ClassVar[int]
    FINAL_MS_P99_FIELD_NUMBER: _ClassVar[int]
    VERIFY_MS_MEDIAN_FIELD_NUMBER: _ClassVar[int]
    VERIFY_MS_P99_FIELD_NUMBER: _ClassVar[int]
    HOUSE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    HUB_BLOCK_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    BREAKER_LEVEL_FIELD_NUMBER: _ClassVar[int]
    BREAKER_UNTIL_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_OFF_FIELD_NUMBER: _ClassVar[int]
    validator: bytes
    deployment_digest: bytes
    height: int
    root: bytes
    certified_height: int
    attempt: int
    peers_connected: int
    pool_messages: int
    chains: _containers.RepeatedCompositeFieldContainer[ChainView]
    certified_ms_median: float
    certified_ms_p99: float
    final_ms_median: float
    final_ms_p99: float
    verify_ms_median: float
    verify_ms_p99: float
    house_digest: bytes
    hub_block: int
    epoch: int
    orders: int
    breaker_level: int
    breaker_until: int
    written_off: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, validator: _Optional[bytes] = ..., deployment_digest: _Optional[bytes] = ..., height: _Optional[int] = ..., root: _Optional[bytes] = ..., certified_height: _Optional[int] = ..., attempt: _Optional[int] = ..., peers_connected: _Optional[int] = ..., pool_messages: _Optional[int] = ..., chains: _Optional[_Iterable[_Union[ChainView, _Mapping]]] = ..., certified_ms_median: _Optional[float] = ..., certified_ms_p99: _Optional[float] = ..., final_ms_median: _Optional[float] = ..., final_ms_p99: _Optional[float] = ..., verify_ms_median: _Optional[float] = ..., verify_ms_p99: _Optional[float] = ..., house_digest: _Optional[bytes] = ..., hub_block: _Optional[int] = ..., epoch: _Optional[int] = ..., orders: _Optional[int] = ..., breaker_level: _Optional[int] = ..., breaker_until: _Optional[int] = ..., written_off: _Optional[_Iterable[str]] = ...) -> None: ...

class ListPeersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Peer(_message.Message):
    __slots__ = ("validator", "connected")
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    validator: bytes
    connected: bool
    def __init__(self, validator: _Optional[bytes] = ..., connected: _Optional[bool] = ...) -> None: ...

class ListPeersResponse(_message.Message):
    __slots__ = ("peers",)
    PEERS_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[Peer]
    def __init__(self, peers: _Optional[_Iterable[_Union[Peer, _Mapping]]] = ...) -> None: ...

class OutboxEntry(_message.Message):
    __slots__ = ("id", "kind", "chain_id", "batch", "transaction", "attempts")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    kind: OutboxKind
    chain_id: int
    batch: int
    transaction: bytes
    attempts: int
    def __init__(self, id: _Optional[bytes] = ..., kind: _Optional[_Union[OutboxKind, str]] = ..., chain_id: _Optional[int] = ..., batch: _Optional[int] = ..., transaction: _Optional[bytes] = ..., attempts: _Optional[int] = ...) -> None: ...

class ListOutboxRequest(_message.Message):
    __slots__ = ("include_closed",)
    INCLUDE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    include_closed: bool
    def __init__(self, include_closed: _Optional[bool] = ...) -> None: ...

class ListOutboxResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[OutboxEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[OutboxEntry, _Mapping]]] = ...) -> None: ...
