from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountReference(_message.Message):
    __slots__ = ("account", "version", "credits")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    version: int
    credits: int
    def __init__(self, account: _Optional[bytes] = ..., version: _Optional[int] = ..., credits: _Optional[int] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("owner", "index", "sealing_key", "nonce", "expiry", "signature", "home_chain")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    HOME_CHAIN_FIELD_NUMBER: _ClassVar[int]
    owner: bytes
    index: int
    sealing_key: bytes
    nonce: bytes
    expiry: int
    signature: bytes
    home_chain: int
    def __init__(self, owner: _Optional[bytes] = ..., index: _Optional[int] = ..., sealing_key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., signature: _Optional[bytes] = ..., home_chain: _Optional[int] = ...) -> None: ...

class MarginProof(_message.Message):
    __slots__ = ("reference", "round", "nonce", "expiry", "proof", "signature")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    round: int
    nonce: bytes
    expiry: int
    proof: bytes
    signature: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class TradeTerms(_message.Message):
    __slots__ = ("taker", "maker", "instrument", "price", "fee", "round", "commitment", "box_digest", "nonce", "expiry", "taker_handle")
    TAKER_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    BOX_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    TAKER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    taker: AccountReference
    maker: bytes
    instrument: str
    price: int
    fee: int
    round: int
    commitment: bytes
    box_digest: bytes
    nonce: bytes
    expiry: int
    taker_handle: bytes
    def __init__(self, taker: _Optional[_Union[AccountReference, _Mapping]] = ..., maker: _Optional[bytes] = ..., instrument: _Optional[str] = ..., price: _Optional[int] = ..., fee: _Optional[int] = ..., round: _Optional[int] = ..., commitment: _Optional[bytes] = ..., box_digest: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., taker_handle: _Optional[bytes] = ...) -> None: ...

class Trade(_message.Message):
    __slots__ = ("terms", "sealed_box", "opening_proof", "taker_proof", "taker_signature", "maker", "maker_proof", "maker_signature", "maker_handle", "maker_handle_proof")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SEALED_BOX_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    MAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    MAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MAKER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    MAKER_HANDLE_PROOF_FIELD_NUMBER: _ClassVar[int]
    terms: TradeTerms
    sealed_box: bytes
    opening_proof: bytes
    taker_proof: bytes
    taker_signature: bytes
    maker: AccountReference
    maker_proof: bytes
    maker_signature: bytes
    maker_handle: bytes
    maker_handle_proof: bytes
    def __init__(self, terms: _Optional[_Union[TradeTerms, _Mapping]] = ..., sealed_box: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., taker_proof: _Optional[bytes] = ..., taker_signature: _Optional[bytes] = ..., maker: _Optional[_Union[AccountReference, _Mapping]] = ..., maker_proof: _Optional[bytes] = ..., maker_signature: _Optional[bytes] = ..., maker_handle: _Optional[bytes] = ..., maker_handle_proof: _Optional[bytes] = ...) -> None: ...

class TransferTerms(_message.Message):
    __slots__ = ("sender", "receiver", "asset", "round", "commitment", "box_digest", "nonce", "expiry", "sender_handle")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    BOX_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    SENDER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    sender: AccountReference
    receiver: bytes
    asset: str
    round: int
    commitment: bytes
    box_digest: bytes
    nonce: bytes
    expiry: int
    sender_handle: bytes
    def __init__(self, sender: _Optional[_Union[AccountReference, _Mapping]] = ..., receiver: _Optional[bytes] = ..., asset: _Optional[str] = ..., round: _Optional[int] = ..., commitment: _Optional[bytes] = ..., box_digest: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., sender_handle: _Optional[bytes] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("terms", "sealed_box", "opening_proof", "sender_proof", "sender_signature", "receiver", "receiver_proof", "receiver_signature", "receiver_handle", "receiver_handle_proof")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SEALED_BOX_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    SENDER_PROOF_FIELD_NUMBER: _ClassVar[int]
    SENDER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_PROOF_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_HANDLE_PROOF_FIELD_NUMBER: _ClassVar[int]
    terms: TransferTerms
    sealed_box: bytes
    opening_proof: bytes
    sender_proof: bytes
    sender_signature: bytes
    receiver: AccountReference
    receiver_proof: bytes
    receiver_signature: bytes
    receiver_handle: bytes
    receiver_handle_proof: bytes
    def __init__(self, terms: _Optional[_Union[TransferTerms, _Mapping]] = ..., sealed_box: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., sender_proof: _Optional[bytes] = ..., sender_signature: _Optional[bytes] = ..., receiver: _Optional[_Union[AccountReference, _Mapping]] = ..., receiver_proof: _Optional[bytes] = ..., receiver_signature: _Optional[bytes] = ..., receiver_handle: _Optional[bytes] = ..., receiver_handle_proof: _Optional[bytes] = ...) -> None: ...

class Withdraw(_message.Message):
    __slots__ = ("reference", "asset", "amount", "recipient", "round", "nonce", "expiry", "proof", "signature")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    asset: str
    amount: int
    recipient: bytes
    round: int
    nonce: bytes
    expiry: int
    proof: bytes
    signature: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., asset: _Optional[str] = ..., amount: _Optional[int] = ..., recipient: _Optional[bytes] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Contribute(_message.Message):
    __slots__ = ("reference", "amount", "round", "nonce", "expiry", "proof", "signature")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    amount: int
    round: int
    nonce: bytes
    expiry: int
    proof: bytes
    signature: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., amount: _Optional[int] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Bid(_message.Message):
    __slots__ = ("reference", "auction", "limit", "round", "nonce", "expiry", "proof", "signature", "number", "units", "proof_before")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    PROOF_BEFORE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    auction: bytes
    limit: int
    round: int
    nonce: bytes
    expiry: int
    proof: bytes
    signature: bytes
    number: int
    units: int
    proof_before: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., auction: _Optional[bytes] = ..., limit: _Optional[int] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., number: _Optional[int] = ..., units: _Optional[int] = ..., proof_before: _Optional[bytes] = ...) -> None: ...

class SetAuditor(_message.Message):
    __slots__ = ("reference", "auditor", "handles", "round", "nonce", "expiry", "auditor_proof", "handles_proof", "proof", "signature")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    AUDITOR_PROOF_FIELD_NUMBER: _ClassVar[int]
    HANDLES_PROOF_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    auditor: bytes
    handles: bytes
    round: int
    nonce: bytes
    expiry: int
    auditor_proof: bytes
    handles_proof: bytes
    proof: bytes
    signature: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., auditor: _Optional[bytes] = ..., handles: _Optional[bytes] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., auditor_proof: _Optional[bytes] = ..., handles_proof: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class BreakerOrder(_message.Message):
    __slots__ = ("epoch", "sequence", "level", "until", "signatures")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    level: int
    until: int
    signatures: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., level: _Optional[int] = ..., until: _Optional[int] = ..., signatures: _Optional[_Iterable[bytes]] = ...) -> None: ...

class WriteOffOrder(_message.Message):
    __slots__ = ("epoch", "sequence", "asset", "reinstated", "expiry", "signatures")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    REINSTATED_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    asset: str
    reinstated: bool
    expiry: int
    signatures: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., asset: _Optional[str] = ..., reinstated: _Optional[bool] = ..., expiry: _Optional[int] = ..., signatures: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ClientMessage(_message.Message):
    __slots__ = ("open_account", "margin_proof", "trade", "withdraw", "bid", "transfer", "set_auditor", "contribute", "breaker_order", "write_off_order")
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MARGIN_PROOF_FIELD_NUMBER: _ClassVar[int]
    TRADE_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    SET_AUDITOR_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    BREAKER_ORDER_FIELD_NUMBER: _ClassVar[int]
    WRITE_OFF_ORDER_FIELD_NUMBER: _ClassVar[int]
    open_account: OpenAccount
    margin_proof: MarginProof
    trade: Trade
    withdraw: Withdraw
    bid: Bid
    transfer: Transfer
    set_auditor: SetAuditor
    contribute: Contribute
    breaker_order: BreakerOrder
    write_off_order: WriteOffOrder
    def __init__(self, open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., margin_proof: _Optional[_Union[MarginProof, _Mapping]] = ..., trade: _Optional[_Union[Trade, _Mapping]] = ..., withdraw: _Optional[_Union[Withdraw, _Mapping]] = ..., bid: _Optional[_Union[Bid, _Mapping]] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ..., set_auditor: _Optional[_Union[SetAuditor, _Mapping]] = ..., contribute: _Optional[_Union[Contribute, _Mapping]] = ..., breaker_order: _Optional[_Union[BreakerOrder, _Mapping]] = ..., write_off_order: _Optional[_Union[WriteOffOrder, _Mapping]] = ...) -> None: ...
