from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
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
    __slots__ = ("taker", "maker", "instrument", "price", "fee", "round", "commitment", "box_digest", "nonce", "expiry")
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
    def __init__(self, taker: _Optional[_Union[AccountReference, _Mapping]] = ..., maker: _Optional[bytes] = ..., instrument: _Optional[str] = ..., price: _Optional[int] = ..., fee: _Optional[int] = ..., round: _Optional[int] = ..., commitment: _Optional[bytes] = ..., box_digest: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ...) -> None: ...

class Trade(_message.Message):
    __slots__ = ("terms", "sealed_box", "opening_proof", "taker_proof", "taker_signature", "maker", "maker_proof", "maker_signature")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SEALED_BOX_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    MAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    MAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    terms: TradeTerms
    sealed_box: bytes
    opening_proof: bytes
    taker_proof: bytes
    taker_signature: bytes
    maker: AccountReference
    maker_proof: bytes
    maker_signature: bytes
    def __init__(self, terms: _Optional[_Union[TradeTerms, _Mapping]] = ..., sealed_box: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., taker_proof: _Optional[bytes] = ..., taker_signature: _Optional[bytes] = ..., maker: _Optional[_Union[AccountReference, _Mapping]] = ..., maker_proof: _Optional[bytes] = ..., maker_signature: _Optional[bytes] = ...) -> None: ...

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

class Bid(_message.Message):
    __slots__ = ("reference", "auction", "limit", "round", "nonce", "expiry", "proof", "signature")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AUCTION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    reference: AccountReference
    auction: bytes
    limit: int
    round: int
    nonce: bytes
    expiry: int
    proof: bytes
    signature: bytes
    def __init__(self, reference: _Optional[_Union[AccountReference, _Mapping]] = ..., auction: _Optional[bytes] = ..., limit: _Optional[int] = ..., round: _Optional[int] = ..., nonce: _Optional[bytes] = ..., expiry: _Optional[int] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ClientMessage(_message.Message):
    __slots__ = ("open_account", "margin_proof", "trade", "withdraw", "bid")
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MARGIN_PROOF_FIELD_NUMBER: _ClassVar[int]
    TRADE_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    open_account: OpenAccount
    margin_proof: MarginProof
    trade: Trade
    withdraw: Withdraw
    bid: Bid
    def __init__(self, open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., margin_proof: _Optional[_Union[MarginProof, _Mapping]] = ..., trade: _Optional[_Union[Trade, _Mapping]] = ..., withdraw: _Optional[_Union[Withdraw, _Mapping]] = ..., bid: _Optional[_Union[Bid, _Mapping]] = ...) -> None: ...
