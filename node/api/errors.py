"""The one table from what can go wrong to what a client is told: google.rpc.Status with ErrorInfo, and BadRequest
where a field is at fault.

Reasons are UPPER_SNAKE and stable, the domain is `zkclear`. ABORTED means: read the state again, build a new message.
An error that is not in the table is a fault of this node: it is logged, and the client learns no more than INTERNAL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtoMessage
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from circuits.errors import CircuitError, ClaimsRejected, DecodingError, ProofRejected, StatementUnsound
from node.ledger.errors import BatchInvalid, InvariantBroken, Reason, Refused, WireError
from node.ledger.signatures import SignatureMalformed
from node.market.errors import EncodingInvalid, MarketError, MissingFeed, UnknownInstrument
from node.sequencing.errors import AccountQueueFull, PoolFull
from node.store.errors import StoreError

DOMAIN: Final = "zkclear"

_log = structlog.get_logger(__name__)


class ApiError(Exception):
    """Root of every error that the API raises on purpose."""


@dataclass
class FieldInvalid(ApiError):
    """A request's field that cannot be what it says; `field` is its path in the request."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}"


@dataclass
class Absent(ApiError):
    """Nothing of this `kind` has this id."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"no {self.kind} {self.id}"


@dataclass
class RateLimited(ApiError):
    """Too many calls: `subject` (a peer or an account) may call again after `retry_after` seconds."""

    subject: str
    retry_after: float

    def __str__(self) -> str:
        return f"{self.subject} may call again in {self.retry_after:.3f} s"


@dataclass
class TooManyStreams(ApiError):
    """A peer that holds its share of streams open already."""

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} streams are open already"


@dataclass
class SlowReader(ApiError):
    """A client that does not read what its stream brings; it may open the stream again where it left off."""

    detail: str

    def __str__(self) -> str:
        return self.detail


@dataclass
class DeadlineExceeded(ApiError):
    """A call that took longer than a call may take."""

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {self.seconds} s"


REFUSALS: Final[Mapping[Reason, StatusCode]] = {
    Reason.MALFORMED: StatusCode.INVALID_ARGUMENT,
    Reason.EXPIRED: StatusCode.FAILED_PRECONDITION,
    Reason.SIGNATURE_INVALID: StatusCode.PERMISSION_DENIED,
    Reason.ACCOUNT_EXISTS: StatusCode.ALREADY_EXISTS,
    Reason.ACCOUNT_UNKNOWN: StatusCode.NOT_FOUND,
    Reason.ACCOUNT_NOT_ACTIVE: StatusCode.FAILED_PRECONDITION,
    Reason.VERSION_MISMATCH: StatusCode.ABORTED,
    Reason.CREDITS_UNKNOWN: StatusCode.ABORTED,
    Reason.INSTRUMENT_UNKNOWN: StatusCode.NOT_FOUND,
    Reason.ASSET_UNKNOWN: StatusCode.NOT_FOUND,
    Reason.CHAIN_UNKNOWN: StatusCode.NOT_FOUND,
    Reason.AMOUNT_INVALID: StatusCode.INVALID_ARGUMENT,
    Reason.ROUND_UNKNOWN: StatusCode.ABORTED,
    Reason.WINDOW_LAPSED: StatusCode.ABORTED,
    Reason.ORACLE_STALE: StatusCode.FAILED_PRECONDITION,
    Reason.PRICE_UNFIT: StatusCode.FAILED_PRECONDITION,
    Reason.SELF_TRADE: StatusCode.INVALID_ARGUMENT,
    Reason.SELF_TRANSFER: StatusCode.INVALID_ARGUMENT,
    Reason.COMMITMENT_REUSED: StatusCode.ALREADY_EXISTS,
    Reason.AUDITOR_INVALID: StatusCode.INVALID_ARGUMENT,
    Reason.HANDLE_MISSING: StatusCode.FAILED_PRECONDITION,
    Reason.HANDLE_UNEXPECTED: StatusCode.FAILED_PRECONDITION,
    Reason.PROOF_INVALID: StatusCode.INVALID_ARGUMENT,
    Reason.VAULT_SHORT: StatusCode.FAILED_PRECONDITION,
    Reason.CHAIN_SILENT: StatusCode.UNAVAILABLE,
    Reason.WITHDRAWALS_GATED: StatusCode.FAILED_PRECONDITION,
    Reason.AUCTION_UNKNOWN: StatusCode.NOT_FOUND,
    Reason.PRICE_TOO_LOW: StatusCode.FAILED_PRECONDITION,
    Reason.FUND_LOCKED: StatusCode.FAILED_PRECONDITION,
    Reason.SELF_BID: StatusCode.FAILED_PRECONDITION,
    Reason.BID_PENDING: StatusCode.ABORTED,
    Reason.BREAKER_SET: StatusCode.FAILED_PRECONDITION,
    Reason.ASSET_WRITTEN_OFF: StatusCode.FAILED_PRECONDITION,
    Reason.ORDER_OUT_OF_TURN: StatusCode.ABORTED,
    Reason.ORDER_INVALID: StatusCode.INVALID_ARGUMENT,
}

_KINDS: Final[tuple[tuple[type[Exception], StatusCode, str], ...]] = (
    (FieldInvalid, StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
    (Absent, StatusCode.NOT_FOUND, "NOT_FOUND"),
    (RateLimited, StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    (TooManyStreams, StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"),
    (SlowReader, StatusCode.RESOURCE_EXHAUSTED, "SLOW_READER"),
    (DeadlineExceeded, StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    (PoolFull, StatusCode.RESOURCE_EXHAUSTED, "POOL_FULL"),
    (AccountQueueFull, StatusCode.RESOURCE_EXHAUSTED, "ACCOUNT_QUEUE_FULL"),
    (WireError, StatusCode.INVALID_ARGUMENT, Reason.MALFORMED),
    (DecodingError, StatusCode.INVALID_ARGUMENT, Reason.MALFORMED),
    (EncodingInvalid, StatusCode.INVALID_ARGUMENT, Reason.MALFORMED),
    (SignatureMalformed, StatusCode.PERMISSION_DENIED, Reason.SIGNATURE_INVALID),
    (ProofRejected, StatusCode.INVALID_ARGUMENT, Reason.PROOF_INVALID),
    (ClaimsRejected, StatusCode.INVALID_ARGUMENT, Reason.PROOF_INVALID),
    (StatementUnsound, StatusCode.INVALID_ARGUMENT, "STATEMENT_UNSOUND"),
    (CircuitError, StatusCode.INVALID_ARGUMENT, Reason.PROOF_INVALID),
    (UnknownInstrument, StatusCode.NOT_FOUND, Reason.INSTRUMENT_UNKNOWN),
    (MissingFeed, StatusCode.FAILED_PRECONDITION, Reason.ORACLE_STALE),
    (MarketError, StatusCode.FAILED_PRECONDITION, "MARKET_UNAVAILABLE"),
    (ValueError, StatusCode.INVALID_ARGUMENT, Reason.MALFORMED),
    (BatchInvalid, StatusCode.INTERNAL, "BATCH_INVALID"),
    (InvariantBroken, StatusCode.INTERNAL, "INVARIANT_BROKEN"),
    (StoreError, StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
)
"""The first class that fits; so a subclass stands before its base."""


def status_of(error: Exception) -> status_pb2.Status:
    """What a client is told about an error."""
    if isinstance(error, Refused):
        return _status(REFUSALS[error.reason], error.reason, error.detail, dict(error.metadata))
    for kind, code, reason in _KINDS:
        if isinstance(error, kind):
            return _status(code, reason, str(error), {}, _details(error))
    _log.error("unexpected error in a call", exc_info=error)
    return _status(StatusCode.INTERNAL, "INTERNAL", "internal error", {})


def _details(error: Exception) -> list[ProtoMessage]:
    match error:
        case FieldInvalid(field, description) | WireError(field, description):
            return [_bad_request(field, description)]
        case DecodingError(kind, reason) | EncodingInvalid(kind, reason):
            return [_bad_request(kind, reason)]
        case RateLimited(_, retry_after):
            delay = Duration()
            delay.FromNanoseconds(int(retry_after * 1e9))
            return [error_details_pb2.RetryInfo(retry_delay=delay)]
    return []


def _bad_request(field: str, description: str) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
    return error_details_pb2.BadRequest(field_violations=[violation])


def _status(
    code: StatusCode,
    reason: str,
    message: str,
    metadata: Mapping[str, str],
    details: list[ProtoMessage] | None = None,
) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=str(reason), domain=DOMAIN, metadata=dict(metadata))
    for detail in (info, *(details or ())):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
