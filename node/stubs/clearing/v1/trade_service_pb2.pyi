from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TradeProposal(_message.Message):
    __slots__ = ("terms", "sealed_box", "opening_proof", "taker_proof", "taker_signature")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SEALED_BOX_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    TAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    terms: _messages_pb2.TradeTerms
    sealed_box: bytes
    opening_proof: bytes
    taker_proof: bytes
    taker_signature: bytes
    def __init__(self, terms: _Optional[_Union[_messages_pb2.TradeTerms, _Mapping]] = ..., sealed_box: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., taker_proof: _Optional[bytes] = ..., taker_signature: _Optional[bytes] = ...) -> None: ...

class ProposeRequest(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: TradeProposal
    def __init__(self, proposal: _Optional[_Union[TradeProposal, _Mapping]] = ...) -> None: ...

class ProposeResponse(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    def __init__(self, proposal_id: _Optional[bytes] = ...) -> None: ...

class StreamProposalsRequest(_message.Message):
    __slots__ = ("maker",)
    MAKER_FIELD_NUMBER: _ClassVar[int]
    maker: bytes
    def __init__(self, maker: _Optional[bytes] = ...) -> None: ...

class StreamProposalsResponse(_message.Message):
    __slots__ = ("proposal_id", "proposal")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    proposal: TradeProposal
    def __init__(self, proposal_id: _Optional[bytes] = ..., proposal: _Optional[_Union[TradeProposal, _Mapping]] = ...) -> None: ...

class AcceptRequest(_message.Message):
    __slots__ = ("proposal_id", "maker", "maker_proof", "maker_signature", "maker_handle", "maker_handle_proof")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    MAKER_PROOF_FIELD_NUMBER: _ClassVar[int]
    MAKER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    MAKER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    MAKER_HANDLE_PROOF_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    maker: _messages_pb2.AccountReference
    maker_proof: bytes
    maker_signature: bytes
    maker_handle: bytes
    maker_handle_proof: bytes
    def __init__(self, proposal_id: _Optional[bytes] = ..., maker: _Optional[_Union[_messages_pb2.AccountReference, _Mapping]] = ..., maker_proof: _Optional[bytes] = ..., maker_signature: _Optional[bytes] = ..., maker_handle: _Optional[bytes] = ..., maker_handle_proof: _Optional[bytes] = ...) -> None: ...

class AcceptResponse(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...
