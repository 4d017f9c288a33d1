from clearing.v1 import account_service_pb2 as _account_service_pb2
from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DefaultStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_STAGE_UNSPECIFIED: _ClassVar[DefaultStage]
    DEFAULT_STAGE_OPENING: _ClassVar[DefaultStage]
    DEFAULT_STAGE_AUCTION: _ClassVar[DefaultStage]
    DEFAULT_STAGE_COLLATERAL: _ClassVar[DefaultStage]
    DEFAULT_STAGE_CLOSED: _ClassVar[DefaultStage]
    DEFAULT_STAGE_PLANNED: _ClassVar[DefaultStage]
DEFAULT_STAGE_UNSPECIFIED: DefaultStage
DEFAULT_STAGE_OPENING: DefaultStage
DEFAULT_STAGE_AUCTION: DefaultStage
DEFAULT_STAGE_COLLATERAL: DefaultStage
DEFAULT_STAGE_CLOSED: DefaultStage
DEFAULT_STAGE_PLANNED: DefaultStage

class Lot(_message.Message):
    __slots__ = ("instrument", "quantity")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    quantity: int
    def __init__(self, instrument: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Holding(_message.Message):
    __slots__ = ("asset", "amount")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    asset: str
    amount: int
    def __init__(self, asset: _Optional[str] = ..., amount: _Optional[int] = ...) -> None: ...

class Seizure(_message.Message):
    __slots__ = ("action_id", "asset", "amount", "proceeds", "given_up", "set_aside")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PROCEEDS_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_FIELD_NUMBER: _ClassVar[int]
    SET_ASIDE_FIELD_NUMBER: _ClassVar[int]
    action_id: bytes
    asset: str
    amount: int
    proceeds: int
    given_up: bool
    set_aside: bool
    def __init__(self, action_id: _Optional[bytes] = ..., asset: _Optional[str] = ..., amount: _Optional[int] = ..., proceeds: _Optional[int] = ..., given_up: _Optional[bool] = ..., set_aside: _Optional[bool] = ...) -> None: ...

class Auction(_message.Message):
    __slots__ = ("started", "ends", "mark", "current_price", "floor_price", "number", "units", "total_units", "unit")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    CURRENT_PRICE_FIELD_NUMBER: _ClassVar[int]
    FLOOR_PRICE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_UNITS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    started: int
    ends: int
    mark: int
    current_price: int
    floor_price: int
    number: int
    units: int
    total_units: int
    unit: _containers.RepeatedCompositeFieldContainer[Lot]
    def __init__(self, started: _Optional[int] = ..., ends: _Optional[int] = ..., mark: _Optional[int] = ..., current_price: _Optional[int] = ..., floor_price: _Optional[int] = ..., number: _Optional[int] = ..., units: _Optional[int] = ..., total_units: _Optional[int] = ..., unit: _Optional[_Iterable[_Union[Lot, _Mapping]]] = ...) -> None: ...

class Default(_message.Message):
    __slots__ = ("id", "account", "stage", "frozen_in", "opened_by", "lots", "cash", "collateral", "auctions", "auction", "sale_price", "seizures", "penalty", "insurance_paid", "shortfall", "buyers", "fund_paid", "torn_up")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FROZEN_IN_FIELD_NUMBER: _ClassVar[int]
    OPENED_BY_FIELD_NUMBER: _ClassVar[int]
    LOTS_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    AUCTIONS_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FIELD_NUMBER: _ClassVar[int]
    SALE_PRICE_FIELD_NUMBER: _ClassVar[int]
    SEIZURES_FIELD_NUMBER: _ClassVar[int]
    PENALTY_FIELD_NUMBER: _ClassVar[int]
    INSURANCE_PAID_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    BUYERS_FIELD_NUMBER: _ClassVar[int]
    FUND_PAID_FIELD_NUMBER: _ClassVar[int]
    TORN_UP_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    account: bytes
    stage: DefaultStage
    frozen_in: int
    opened_by: _containers.RepeatedScalarFieldContainer[int]
    lots: _containers.RepeatedCompositeFieldContainer[Lot]
    cash: int
    collateral: _containers.RepeatedCompositeFieldContainer[Holding]
    auctions: int
    auction: Auction
    sale_price: int
    seizures: _containers.RepeatedCompositeFieldContainer[Seizure]
    penalty: int
    insurance_paid: int
    shortfall: int
    buyers: _containers.RepeatedScalarFieldContainer[bytes]
    fund_paid: int
    torn_up: int
    def __init__(self, id: _Optional[bytes] = ..., account: _Optional[bytes] = ..., stage: _Optional[_Union[DefaultStage, str]] = ..., frozen_in: _Optional[int] = ..., opened_by: _Optional[_Iterable[int]] = ..., lots: _Optional[_Iterable[_Union[Lot, _Mapping]]] = ..., cash: _Optional[int] = ..., collateral: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ..., auctions: _Optional[int] = ..., auction: _Optional[_Union[Auction, _Mapping]] = ..., sale_price: _Optional[int] = ..., seizures: _Optional[_Iterable[_Union[Seizure, _Mapping]]] = ..., penalty: _Optional[int] = ..., insurance_paid: _Optional[int] = ..., shortfall: _Optional[int] = ..., buyers: _Optional[_Iterable[bytes]] = ..., fund_paid: _Optional[int] = ..., torn_up: _Optional[int] = ...) -> None: ...

class ListDefaultsRequest(_message.Message):
    __slots__ = ("account", "include_closed")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    include_closed: bool
    def __init__(self, account: _Optional[bytes] = ..., include_closed: _Optional[bool] = ...) -> None: ...

class ListDefaultsResponse(_message.Message):
    __slots__ = ("defaults", "as_of")
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    defaults: _containers.RepeatedCompositeFieldContainer[Default]
    as_of: _account_service_pb2.BatchReference
    def __init__(self, defaults: _Optional[_Iterable[_Union[Default, _Mapping]]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...

class StreamLiquidationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamLiquidationsResponse(_message.Message):
    __slots__ = ("default", "as_of")
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    default: Default
    as_of: _account_service_pb2.BatchReference
    def __init__(self, default: _Optional[_Union[Default, _Mapping]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...

class SubmitBidRequest(_message.Message):
    __slots__ = ("bid",)
    BID_FIELD_NUMBER: _ClassVar[int]
    bid: _messages_pb2.Bid
    def __init__(self, bid: _Optional[_Union[_messages_pb2.Bid, _Mapping]] = ...) -> None: ...

class SubmitBidResponse(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...
