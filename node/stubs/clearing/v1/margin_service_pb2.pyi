from clearing.v1 import account_service_pb2 as _account_service_pb2
from clearing.v1 import messages_pb2 as _messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetGridRequest(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: int
    def __init__(self, round: _Optional[int] = ...) -> None: ...

class GetGridResponse(_message.Message):
    __slots__ = ("round", "grid", "grid_digest", "parameters_digest", "accepted_rounds", "as_of")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    GRID_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_ROUNDS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    round: int
    grid: bytes
    grid_digest: bytes
    parameters_digest: bytes
    accepted_rounds: _containers.RepeatedScalarFieldContainer[int]
    as_of: _account_service_pb2.BatchReference
    def __init__(self, round: _Optional[int] = ..., grid: _Optional[bytes] = ..., grid_digest: _Optional[bytes] = ..., parameters_digest: _Optional[bytes] = ..., accepted_rounds: _Optional[_Iterable[int]] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...

class SubmitMarginProofRequest(_message.Message):
    __slots__ = ("margin_proof",)
    MARGIN_PROOF_FIELD_NUMBER: _ClassVar[int]
    margin_proof: _messages_pb2.MarginProof
    def __init__(self, margin_proof: _Optional[_Union[_messages_pb2.MarginProof, _Mapping]] = ...) -> None: ...

class SubmitMarginProofResponse(_message.Message):
    __slots__ = ("message_id",)
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    def __init__(self, message_id: _Optional[bytes] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    def __init__(self, account: _Optional[bytes] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("status", "deadline", "needs_proof", "window", "lapse_reason", "round", "as_of")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    NEEDS_PROOF_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    LAPSE_REASON_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    status: _account_service_pb2.AccountStatus
    deadline: int
    needs_proof: bool
    window: _account_service_pb2.MarginWindow
    lapse_reason: str
    round: int
    as_of: _account_service_pb2.BatchReference
    def __init__(self, status: _Optional[_Union[_account_service_pb2.AccountStatus, str]] = ..., deadline: _Optional[int] = ..., needs_proof: _Optional[bool] = ..., window: _Optional[_Union[_account_service_pb2.MarginWindow, _Mapping]] = ..., lapse_reason: _Optional[str] = ..., round: _Optional[int] = ..., as_of: _Optional[_Union[_account_service_pb2.BatchReference, _Mapping]] = ...) -> None: ...
