from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransferProposal(_message.Message):
    __slots__ = ("terms", "sealed_box", "opening_proof", "sender_proof", "sender_signature")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    SEALED_BOX_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    SENDER_PROOF_FIELD_NUMBER: _ClassVar[int]
    SENDER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    terms: _messages_pb2.TransferTerms
    sealed_box: bytes
    opening_proof: bytes
    sender_proof: bytes
    sender_signature: bytes
    def __init__(self, terms: _Optional[_Union[_messages_pb2.TransferTerms, _Mapping]] = ..., sealed_box: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., sender_proof: _Optional[bytes] = ..., sender_signature: _Optional[bytes] = ...) -> None: ...

class ProposeTransferRequest(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: TransferProposal
    def __init__(self, proposal: _Optional[_Union[TransferProposal, _Mapping]] = ...) -> None: ...

class ProposeTransferResponse(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    def __init__(self, proposal_id: _Optional[bytes] = ...) -> None: ...

class StreamTransfersRequest(_message.Message):
    __slots__ = ("receiver",)
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    receiver: bytes
    def __init__(self, receiver: _Optional[bytes] = ...) -> None: ...

class StreamTransfersResponse(_message.Message):
    __slots__ = ("proposal_id", "proposal")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    proposal: TransferProposal
    def __init__(self, proposal_id: _Optional[bytes] = ..., proposal: _Optional[_Union[TransferProposal, _Mapping]] = ...) -> None: ...

class AcceptTransferRequest(_message.Message):
    __slots__ = ("proposal_id", "receiver", "receiver_proof", "receiver_signature", "receiver_handle", "receiver_handle_proof")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_PROOF_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_HANDLE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_HANDLE_PROOF_FIELD_NUMBER: _ClassVar[int]
    proposal_id: bytes
    receiver: _messages_pb2.AccountReference
    receiver_proof: bytes
    receiver_signature: bytes
    receiver_handle: bytes
    receiver_handle_proof: bytes
    def __init__(self, proposal_id: _Optional[bytes] = ..., receiver: _Optional[_Union[_messages_pb2.AccountReference, _Mapping]] = ..., receiver_proof: _Optional[bytes] = ..., receiver_signature: _Optional[bytes] = ..., receiver_handle: _Optional[bytes] = ..., receiver_handle_proof: _Optional[bytes] = ...) -> None: ...

class AcceptTransferResponse(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...
