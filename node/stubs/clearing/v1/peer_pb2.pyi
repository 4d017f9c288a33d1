from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExchangeRequest(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ...) -> None: ...

class ExchangeResponse(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ...) -> None: ...

class FetchRequest(_message.Message):
    __slots__ = ("hello", "first_batch", "count")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    FIRST_BATCH_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    first_batch: int
    count: int
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., first_batch: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    def __init__(self, body: _Optional[bytes] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("hello", "welcome", "envelope", "summary", "inventory")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    welcome: Welcome
    envelope: Envelope
    summary: PoolSummary
    inventory: PoolInventory
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., envelope: _Optional[_Union[Envelope, _Mapping]] = ..., summary: _Optional[_Union[PoolSummary, _Mapping]] = ..., inventory: _Optional[_Union[PoolInventory, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("validator", "deployment", "binding", "nonce")
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    validator: bytes
    deployment: bytes
    binding: bytes
    nonce: bytes
    def __init__(self, validator: _Optional[bytes] = ..., deployment: _Optional[bytes] = ..., binding: _Optional[bytes] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("validator", "signature")
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    validator: bytes
    signature: bytes
    def __init__(self, validator: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("sender", "topic", "payload", "sequence", "signature")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    topic: str
    payload: bytes
    sequence: int
    signature: bytes
    def __init__(self, sender: _Optional[bytes] = ..., topic: _Optional[str] = ..., payload: _Optional[bytes] = ..., sequence: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class PoolSummary(_message.Message):
    __slots__ = ("topic", "digest")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    topic: str
    digest: bytes
    def __init__(self, topic: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class PoolInventory(_message.Message):
    __slots__ = ("topic", "digests", "truncated")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    topic: str
    digests: _containers.RepeatedScalarFieldContainer[bytes]
    truncated: bool
    def __init__(self, topic: _Optional[str] = ..., digests: _Optional[_Iterable[bytes]] = ..., truncated: _Optional[bool] = ...) -> None: ...
