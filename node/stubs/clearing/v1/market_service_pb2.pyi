from clearing.v1 import account_service_pb2 as _account_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InstrumentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INSTRUMENT_KIND_UNSPECIFIED: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_PERPETUAL: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_FUTURE: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_CALL: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_PUT: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_DIGITAL_CALL: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_DIGITAL_PUT: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_BARRIER_CALL: _ClassVar[InstrumentKind]
    INSTRUMENT_KIND_BARRIER_PUT: _ClassVar[InstrumentKind]

class BarrierKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BARRIER_KIND_UNSPECIFIED: _ClassVar[BarrierKind]
    BARRIER_KIND_DOWN_OUT: _ClassVar[BarrierKind]
    BARRIER_KIND_DOWN_IN: _ClassVar[BarrierKind]
    BARRIER_KIND_UP_OUT: _ClassVar[BarrierKind]
    BARRIER_KIND_UP_IN: _ClassVar[BarrierKind]
INSTRUMENT_KIND_UNSPECIFIED: InstrumentKind
INSTRUMENT_KIND_PERPETUAL: InstrumentKind
INSTRUMENT_KIND_FUTURE: InstrumentKind
INSTRUMENT_KIND_CALL: InstrumentKind
INSTRUMENT_KIND_PUT: InstrumentKind
INSTRUMENT_KIND_DIGITAL_CALL: InstrumentKind
INSTRUMENT_KIND_DIGITAL_PUT: InstrumentKind
INSTRUMENT_KIND_BARRIER_CALL: InstrumentKind
INSTRUMENT_KIND_BARRIER_PUT: InstrumentKind
BARRIER_KIND_UNSPECIFIED: BarrierKind
BARRIER_KIND_DOWN_OUT: BarrierKind
BARRIER_KIND_DOWN_IN: BarrierKind
BARRIER_KIND_UP_OUT: BarrierKind
BARRIER_KIND_UP_IN: BarrierKind

class Token(_message.Message):
    __slots__ = ("asset", "address", "symbol", "decimals", "unit_scale", "haircut_ppm", "underlying")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    UNIT_SCALE_FIELD_NUMBER: _ClassVar[int]
    HAIRCUT_PPM_FIELD_NUMBER: _ClassVar[int]
    UNDERLYING_FIELD_NUMBER: _ClassVar[int]
    asset: str
    address: bytes
    symbol: str
    decimals: int
    unit_scale: int
    haircut_ppm: int
    underlying: str
    def __init__(self, asset: _Optional[str] = ..., address: _Optional[bytes] = ..., symbol: _Optional[str] = ..., decimals: _Optional[int] = ..., unit_scale: _Optional[int] = ..., haircut_ppm: _Optional[int] = ..., underlying: _Optional[str] = ...) -> None: ...

class Chain(_message.Message):
    __slots__ = ("chain_id", "name", "hub", "vault", "auction", "tokens")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HUB_FIELD_NUMBER: _ClassVar[int]
    VAULT_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    name: str
    hub: bool
    vault: bytes
    auction: bytes
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    def __init__(self, chain_id: _Optional[int] = ..., name: _Optional[str] = ..., hub: _Optional[bool] = ..., vault: _Optional[bytes] = ..., auction: _Optional[bytes] = ..., tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ...) -> None: ...

class HouseRules(_message.Message):
    __slots__ = ("due_blocks", "grace_blocks", "hub_gap_blocks", "auction_blocks", "auction_discount_ppm", "penalty_ppm", "backstop", "backstop_limit", "seizure_buffer_ppm", "sale_floor_ppm", "sale_seconds", "max_hub_lag", "max_messages", "auction_start_ppm", "auction_fast_ppm", "auction_fast_blocks", "insolvent_blocks", "plan_slices", "plan_discount_ppm", "margin_buffer_ppm", "full_below", "account_cap", "batch_cap", "reset_ppm", "max_resets", "tear_up_band_ppm", "jump_ppm", "uncertain_ppm", "volatile_ppm", "breaker_blocks", "plans_per_batch", "openings_per_batch", "chain_silent_blocks", "seizure_blocks", "sale_blocks", "absent_blocks")
    DUE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    GRACE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    HUB_GAP_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    AUCTION_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    AUCTION_DISCOUNT_PPM_FIELD_NUMBER: _ClassVar[int]
    PENALTY_PPM_FIELD_NUMBER: _ClassVar[int]
    BACKSTOP_FIELD_NUMBER: _ClassVar[int]
    BACKSTOP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    SEIZURE_BUFFER_PPM_FIELD_NUMBER: _ClassVar[int]
    SALE_FLOOR_PPM_FIELD_NUMBER: _ClassVar[int]
    SALE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_HUB_LAG_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    AUCTION_START_PPM_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FAST_PPM_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FAST_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    INSOLVENT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PLAN_SLICES_FIELD_NUMBER: _ClassVar[int]
    PLAN_DISCOUNT_PPM_FIELD_NUMBER: _ClassVar[int]
    MARGIN_BUFFER_PPM_FIELD_NUMBER: _ClassVar[int]
    FULL_BELOW_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CAP_FIELD_NUMBER: _ClassVar[int]
    BATCH_CAP_FIELD_NUMBER: _ClassVar[int]
    RESET_PPM_FIELD_NUMBER: _ClassVar[int]
    MAX_RESETS_FIELD_NUMBER: _ClassVar[int]
    TEAR_UP_BAND_PPM_FIELD_NUMBER: _ClassVar[int]
    JUMP_PPM_FIELD_NUMBER: _ClassVar[int]
    UNCERTAIN_PPM_FIELD_NUMBER: _ClassVar[int]
    VOLATILE_PPM_FIELD_NUMBER: _ClassVar[int]
    BREAKER_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PLANS_PER_BATCH_FIELD_NUMBER: _ClassVar[int]
    OPENINGS_PER_BATCH_FIELD_NUMBER: _ClassVar[int]
    CHAIN_SILENT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SEIZURE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SALE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ABSENT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    due_blocks: int
    grace_blocks: int
    hub_gap_blocks: int
    auction_blocks: int
    auction_discount_ppm: int
    penalty_ppm: int
    backstop: bytes
    backstop_limit: int
    seizure_buffer_ppm: int
    sale_floor_ppm: int
    sale_seconds: int
    max_hub_lag: int
    max_messages: int
    auction_start_ppm: int
    auction_fast_ppm: int
    auction_fast_blocks: int
    insolvent_blocks: int
    plan_slices: int
    plan_discount_ppm: int
    margin_buffer_ppm: int
    full_below: int
    account_cap: int
    batch_cap: int
    reset_ppm: int
    max_resets: int
    tear_up_band_ppm: int
    jump_ppm: int
    uncertain_ppm: int
    volatile_ppm: int
    breaker_blocks: int
    plans_per_batch: int
    openings_per_batch: int
    chain_silent_blocks: int
    seizure_blocks: int
    sale_blocks: int
    absent_blocks: int
    def __init__(self, due_blocks: _Optional[int] = ..., grace_blocks: _Optional[int] = ..., hub_gap_blocks: _Optional[int] = ..., auction_blocks: _Optional[int] = ..., auction_discount_ppm: _Optional[int] = ..., penalty_ppm: _Optional[int] = ..., backstop: _Optional[bytes] = ..., backstop_limit: _Optional[int] = ..., seizure_buffer_ppm: _Optional[int] = ..., sale_floor_ppm: _Optional[int] = ..., sale_seconds: _Optional[int] = ..., max_hub_lag: _Optional[int] = ..., max_messages: _Optional[int] = ..., auction_start_ppm: _Optional[int] = ..., auction_fast_ppm: _Optional[int] = ..., auction_fast_blocks: _Optional[int] = ..., insolvent_blocks: _Optional[int] = ..., plan_slices: _Optional[int] = ..., plan_discount_ppm: _Optional[int] = ..., margin_buffer_ppm: _Optional[int] = ..., full_below: _Optional[int] = ..., account_cap: _Optional[int] = ..., batch_cap: _Optional[int] = ..., reset_ppm: _Optional[int] = ..., max_resets: _Optional[int] = ..., tear_up_band_ppm: _Optional[int] = ..., jump_ppm: _Optional[int] = ..., uncertain_ppm: _Optional[int] = ..., volatile_ppm: _Optional[int] = ..., breaker_blocks: _Optional[int] = ..., plans_per_batch: _Optional[int] = ..., openings_per_batch: _Optional[int] = ..., chain_silent_blocks: _Optional[int] = ..., seizure_blocks: _Optional[int] = ..., sale_blocks: _Optional[int] = ..., absent_blocks: _Optional[int] = ...) -> None: ...

class GetDeploymentRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDeploymentResponse(_message.Message):
    __slots__ = ("hub_chain_id", "hub", "salt", "deployment_digest", "committee_key", "committee", "validators", "registry", "registry_digest", "market_parameters", "market_parameters_digest", "rules", "rules_digest", "parameters_digest", "chains", "house_digest")
    HUB_CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    HUB_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_KEY_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MARKET_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MARKET_PARAMETERS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    RULES_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CHAINS_FIELD_NUMBER: _ClassVar[int]
    HOUSE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    hub_chain_id: int
    hub: bytes
    salt: bytes
    deployment_digest: bytes
    committee_key: bytes
    committee: bytes
    validators: _containers.RepeatedScalarFieldContainer[bytes]
    registry: bytes
    registry_digest: bytes
    market_parameters: bytes
    market_parameters_digest: bytes
    rules: HouseRules
    rules_digest: bytes
    parameters_digest: bytes
    chains: _containers.RepeatedCompositeFieldContainer[Chain]
    house_digest: bytes
    def __init__(self, hub_chain_id: _Optional[int] = ..., hub: _Optional[bytes] = ..., salt: _Optional[bytes] = ..., deployment_digest: _Optional[bytes] = ..., committee_key: _Optional[bytes] = ..., committee: _Optional[bytes] = ..., validators: _Optional[_Iterable[bytes]] = ..., registry: _Optional[bytes] = ..., registry_digest: _Optional[bytes] = ..., market_parameters: _Optional[bytes] = ..., market_parameters_digest: _Optional[bytes] = ..., rules: _Optional[_Union[HouseRules, _Mapping]] = ..., rules_digest: _Optional[bytes] = ..., parameters_digest: _Optional[bytes] = ..., chains: _Optional[_Iterable[_Union[Chain, _Mapping]]] = ..., house_digest: _Optional[bytes] = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ("id", "kind", "underlying", "lot_scale", "expiry", "strike", "mark", "funding_index", "tick", "payout", "barrier", "barrier_kind", "knocked_in_round")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNDERLYING_FIELD_NUMBER: _ClassVar[int]
    LOT_SCALE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    STRIKE_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    FUNDING_INDEX_FIELD_NUMBER: _ClassVar[int]
    TICK_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FIELD_NUMBER: _ClassVar[int]
    BARRIER_FIELD_NUMBER: _ClassVar[int]
    BARRIER_KIND_FIELD_NUMBER: _ClassVar[int]
    KNOCKED_IN_ROUND_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: InstrumentKind
    underlying: str
    lot_scale: int
    expiry: int
    strike: int
    mark: int
    funding_index: int
    tick: int
    payout: int
    barrier: int
    barrier_kind: BarrierKind
    knocked_in_round: int
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[InstrumentKind, str]] = ..., underlying: _Optional[str] = ..., lot_scale: _Optional[int] = ..., expiry: _Optional[int] = ..., strike: _Optional[int] = ..., mark: _Optional[int] = ..., funding_index: _Optional[int] = ..., tick: _Optional[int] = ..., payout: _Optional[int] = ..., barrier: _Optional[int] = ..., barrier_kind: _Optional[_Union[BarrierKind, str]] = ..., knocked_in_round: _Optional[int] = ...) -> None: ...

class ListInstrumentsRequest(_message.Message):
    __slots__ = ("underlying",)
    UNDERLYING_FIELD_NUMBER: _ClassVar[int]
    underlying: str
    def __init__(self, underlying: _Optional[str] = ...) -> None: ...

class ListInstrumentsResponse(_message.Message):
    __slots__ = ("instruments", "round")
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    instruments: _containers.RepeatedCompositeFieldContainer[Instrument]
    round: int
    def __init__(self, instruments: _Optional[_Iterable[_Union[Instrument, _Mapping]]] = ..., round: _Optional[int] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("underlying", "price", "confidence_ppm", "priced_at", "sigma_ppm", "stale")
    UNDERLYING_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_PPM_FIELD_NUMBER: _ClassVar[int]
    PRICED_AT_FIELD_NUMBER: _ClassVar[int]
    SIGMA_PPM_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    underlying: str
    price: int
    confidence_ppm: int
    priced_at: int
    sigma_ppm: int
    stale: bool
    def __init__(self, underlying: _Optional[str] = ..., price: _Optional[int] = ..., confidence_ppm: _Optional[int] = ..., priced_at: _Optional[int] = ..., sigma_ppm: _Optional[int] = ..., stale: _Optional[bool] = ...) -> None: ...

class Round(_message.Message):
    __slots__ = ("number", "height", "time", "prices")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    number: int
    height: int
    time: int
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    def __init__(self, number: _Optional[int] = ..., height: _Optional[int] = ..., time: _Optional[int] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ...) -> None: ...

class GetPricesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPricesResponse(_message.Message):
    __slots__ = ("round", "as_of")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    round: Round
    as_of: _account_service_pb2.BatchReference
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...

class StreamRoundsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamRoundsResponse(_message.Message):
    __slots__ = ("round", "as_of")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    round: Round
    as_of: _account_service_pb2.BatchReference
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...
