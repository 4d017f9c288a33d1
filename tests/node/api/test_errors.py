"""One table: every reason has a code, every detail its place, and nothing internal leaks."""

import pytest
from google.rpc import error_details_pb2
from grpc import StatusCode

from circuits.errors import ClaimsRejected, DecodingError, ProofRejected
from node.api.errors import REFUSALS, Absent, RateLimited, status_of
from node.ledger.errors import InvariantBroken, Reason, Refused, WireError
from node.ledger.signatures import SignatureMalformed
from node.ledger.types import AccountId
from node.market.errors import EncodingInvalid, MissingFeed, UnknownInstrument
from node.sequencing.errors import AccountQueueFull, PoolFull
from node.store import BatchGap


def info(error: Exception) -> tuple[int, error_details_pb2.ErrorInfo]:
    status = status_of(error)
    found = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(found)
    return status.code, found


def test_every_reason_of_the_ledger_has_a_status_code():
    assert set(REFUSALS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_keeps_its_reason_and_metadata(reason):
    code, found = info(Refused(reason, "why", (("version", "4"),)))

    assert code == REFUSALS[reason].value[0]
    assert code not in (StatusCode.OK.value[0], StatusCode.INTERNAL.value[0])
    assert (found.reason, found.domain, dict(found.metadata)) == (reason.value, "zkclear", {"version": "4"})


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (Absent("account", "00"), StatusCode.NOT_FOUND, "NOT_FOUND"),
        (WireError("nonce", "short"), StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (DecodingError("point", "off the curve"), StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (EncodingInvalid("Registry", "truncated"), StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (SignatureMalformed("high s"), StatusCode.PERMISSION_DENIED, "SIGNATURE_INVALID"),
        (ProofRejected("range"), StatusCode.INVALID_ARGUMENT, "PROOF_INVALID"),
        (ClaimsRejected((1, 2)), StatusCode.INVALID_ARGUMENT, "PROOF_INVALID"),
        (UnknownInstrument("BTC-X"), StatusCode.NOT_FOUND, "INSTRUMENT_UNKNOWN"),
        (MissingFeed("BTC"), StatusCode.FAILED_PRECONDITION, "ORACLE_STALE"),
        (PoolFull(3), StatusCode.RESOURCE_EXHAUSTED, "POOL_FULL"),
        (AccountQueueFull(AccountId(bytes(32)), 3), StatusCode.RESOURCE_EXHAUSTED, "ACCOUNT_QUEUE_FULL"),
        (ValueError("no"), StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (InvariantBroken("matched book", "BTC-PERP"), StatusCode.INTERNAL, "INVARIANT_BROKEN"),
        (BatchGap(1, 3), StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    ],
)
def test_each_family_has_its_row(error, code, reason):
    found_code, found = info(error)

    assert (found_code, found.reason, found.domain) == (code.value[0], reason, "zkclear")


def test_a_field_at_fault_is_a_bad_request():
    bad = error_details_pb2.BadRequest()
    assert status_of(WireError("terms.nonce", "31 bytes")).details[1].Unpack(bad)

    assert [(v.field, v.description) for v in bad.field_violations] == [("terms.nonce", "31 bytes")]


def test_a_limited_rate_says_when_to_come_back():
    retry = error_details_pb2.RetryInfo()
    assert status_of(RateLimited("peer", 1.25)).details[1].Unpack(retry)

    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.25


def test_an_error_outside_the_table_tells_nothing_of_itself():
    status = status_of(KeyError("/srv/secret/key.pem"))

    assert status.code == StatusCode.INTERNAL.value[0]
    assert "secret" not in str(status)
