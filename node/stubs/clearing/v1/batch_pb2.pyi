from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HubHeader(_message.Message):
    __slots__ = ("number", "hash", "timestamp")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    number: int
    hash: bytes
    timestamp: int
    def __init__(self, number: _Optional[int] = ..., hash: _Optional[bytes] = ..., timestamp: _Optional[int] = ...) -> None: ...

class ChainEvent(_message.Message):
    __slots__ = ("block_number", "log_index", "deposited", "paid", "pay_failed", "seized", "sold", "exited")
    BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LOG_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEPOSITED_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    PAY_FAILED_FIELD_NUMBER: _ClassVar[int]
    SEIZED_FIELD_NUMBER: _ClassVar[int]
    SOLD_FIELD_NUMBER: _ClassVar[int]
    EXITED_FIELD_NUMBER: _ClassVar[int]
    block_number: int
    log_index: int
    deposited: Deposited
    paid: Paid
    pay_failed: PayFailed
    seized: Seized
    sold: Sold
    exited: Exited
    def __init__(self, block_number: _Optional[int] = ..., log_index: _Optional[int] = ..., deposited: _Optional[_Union[Deposited, _Mapping]] = ..., paid: _Optional[_Union[Paid, _Mapping]] = ..., pay_failed: _Optional[_Union[PayFailed, _Mapping]] = ..., seized: _Optional[_Union[Seized, _Mapping]] = ..., sold: _Optional[_Union[Sold, _Mapping]] = ..., exited: _Optional[_Union[Exited, _Mapping]] = ...) -> None: ...

class Deposited(_message.Message):
    __slots__ = ("account", "token", "amount")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    token: bytes
    amount: int
    def __init__(self, account: _Optional[bytes] = ..., token: _Optional[bytes] = ..., amount: _Optional[int] = ...) -> None: ...

class Paid(_message.Message):
    __slots__ = ("action_id",)
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    action_id: bytes
    def __init__(self, action_id: _Optional[bytes] = ...) -> None: ...

class PayFailed(_message.Message):
    __slots__ = ("action_id",)
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    action_id: bytes
    def __init__(self, action_id: _Optional[bytes] = ...) -> None: ...

class Seized(_message.Message):
    __slots__ = ("action_id",)
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    action_id: bytes
    def __init__(self, action_id: _Optional[bytes] = ...) -> None: ...

class Sold(_message.Message):
    __slots__ = ("action_id", "proceeds")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROCEEDS_FIELD_NUMBER: _ClassVar[int]
    action_id: bytes
    proceeds: int
    def __init__(self, action_id: _Optional[bytes] = ..., proceeds: _Optional[int] = ...) -> None: ...

class Exited(_message.Message):
    __slots__ = ("account", "token", "amount", "version")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    token: bytes
    amount: int
    version: int
    def __init__(self, account: _Optional[bytes] = ..., token: _Optional[bytes] = ..., amount: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class ChainSegment(_message.Message):
    __slots__ = ("chain_id", "from_block", "to_block", "to_hash", "events")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_BLOCK_FIELD_NUMBER: _ClassVar[int]
    TO_BLOCK_FIELD_NUMBER: _ClassVar[int]
    TO_HASH_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    from_block: int
    to_block: int
    to_hash: bytes
    events: _containers.RepeatedCompositeFieldContainer[ChainEvent]
    def __init__(self, chain_id: _Optional[int] = ..., from_block: _Optional[int] = ..., to_block: _Optional[int] = ..., to_hash: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[ChainEvent, _Mapping]]] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ("validator", "round", "feed", "price", "confidence_ppm", "observed_at", "signature", "slices")
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_PPM_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    validator: bytes
    round: int
    feed: str
    price: int
    confidence_ppm: int
    observed_at: int
    signature: bytes
    slices: _containers.RepeatedCompositeFieldContainer[SurfaceSlice]
    def __init__(self, validator: _Optional[bytes] = ..., round: _Optional[int] = ..., feed: _Optional[str] = ..., price: _Optional[int] = ..., confidence_ppm: _Optional[int] = ..., observed_at: _Optional[int] = ..., signature: _Optional[bytes] = ..., slices: _Optional[_Iterable[_Union[SurfaceSlice, _Mapping]]] = ...) -> None: ...

class SurfaceSlice(_message.Message):
    __slots__ = ("expiry", "basis_ppb", "call_wing", "put_wing", "bend")
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    BASIS_PPB_FIELD_NUMBER: _ClassVar[int]
    CALL_WING_FIELD_NUMBER: _ClassVar[int]
    PUT_WING_FIELD_NUMBER: _ClassVar[int]
    BEND_FIELD_NUMBER: _ClassVar[int]
    expiry: int
    basis_ppb: int
    call_wing: int
    put_wing: int
    bend: int
    def __init__(self, expiry: _Optional[int] = ..., basis_ppb: _Optional[int] = ..., call_wing: _Optional[int] = ..., put_wing: _Optional[int] = ..., bend: _Optional[int] = ...) -> None: ...

class OracleRound(_message.Message):
    __slots__ = ("round", "height", "time", "observations")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    round: int
    height: int
    time: int
    observations: _containers.RepeatedCompositeFieldContainer[Observation]
    def __init__(self, round: _Optional[int] = ..., height: _Optional[int] = ..., time: _Optional[int] = ..., observations: _Optional[_Iterable[_Union[Observation, _Mapping]]] = ...) -> None: ...

class ShareSet(_message.Message):
    __slots__ = ("member", "shares")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    member: int
    shares: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, member: _Optional[int] = ..., shares: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AccountOpening(_message.Message):
    __slots__ = ("default_id", "values", "share_sets")
    DEFAULT_ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SHARE_SETS_FIELD_NUMBER: _ClassVar[int]
    default_id: bytes
    values: _containers.RepeatedScalarFieldContainer[int]
    share_sets: _containers.RepeatedCompositeFieldContainer[ShareSet]
    def __init__(self, default_id: _Optional[bytes] = ..., values: _Optional[_Iterable[int]] = ..., share_sets: _Optional[_Iterable[_Union[ShareSet, _Mapping]]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("number", "previous_root", "proposer", "hub", "segments", "rounds", "grid", "openings", "messages", "new_root")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_ROOT_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    HUB_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    OPENINGS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    NEW_ROOT_FIELD_NUMBER: _ClassVar[int]
    number: int
    previous_root: bytes
    proposer: bytes
    hub: HubHeader
    segments: _containers.RepeatedCompositeFieldContainer[ChainSegment]
    rounds: _containers.RepeatedCompositeFieldContainer[OracleRound]
    grid: bytes
    openings: _containers.RepeatedCompositeFieldContainer[AccountOpening]
    messages: _containers.RepeatedCompositeFieldContainer[_messages_pb2.ClientMessage]
    new_root: bytes
    def __init__(self, number: _Optional[int] = ..., previous_root: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., hub: _Optional[_Union[HubHeader, _Mapping]] = ..., segments: _Optional[_Iterable[_Union[ChainSegment, _Mapping]]] = ..., rounds: _Optional[_Iterable[_Union[OracleRound, _Mapping]]] = ..., grid: _Optional[bytes] = ..., openings: _Optional[_Iterable[_Union[AccountOpening, _Mapping]]] = ..., messages: _Optional[_Iterable[_Union[_messages_pb2.ClientMessage, _Mapping]]] = ..., new_root: _Optional[bytes] = ...) -> None: ...
