"""What an envelope's signature covers, and how long its digest is remembered."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from node.network.envelope import EnvelopeWriter, SeenSet, envelope_digest, require_sender
from node.network.errors import EnvelopeRejected
from tests.node.network.validators import DEPLOYMENT, ValidatorKey, recover


def test_the_digest_is_the_stated_one():
    digest = envelope_digest(DEPLOYMENT, bytes(20), 7, "vote", b"payload")

    fields = bytes(20) + (7).to_bytes(8, "big") + b"\x00\x04" + b"vote" + b"payload"
    assert digest == keccak(b"zkclear/v1/envelope" + DEPLOYMENT + fields)


@pytest.mark.parametrize(
    "change",
    [
        {"topic": "proposal"},
        {"payload": b"other"},
        {"sequence": 1},
        {"sender": bytes(20)},
        {"signature": bytes(64)},
        {"signature": b""},
    ],
)
def test_a_signature_covers_every_field(change):
    key = ValidatorKey()
    honest = EnvelopeWriter(key, DEPLOYMENT).write("vote", b"payload")
    require_sender(honest, honest.digest(DEPLOYMENT), key.address, recover)
    forged = replace(honest, **change)

    with pytest.raises(EnvelopeRejected):
        require_sender(forged, forged.digest(DEPLOYMENT), key.address, recover)


def test_an_envelope_of_one_deployment_is_void_in_another():
    key = ValidatorKey()
    envelope = EnvelopeWriter(key, DEPLOYMENT).write("vote", b"payload")

    with pytest.raises(EnvelopeRejected):
        require_sender(envelope, envelope.digest(bytes(32)), key.address, recover)


def test_the_boundary_between_topic_and_payload_cannot_be_moved():
    assert envelope_digest(DEPLOYMENT, bytes(20), 0, "vote", b"s") != envelope_digest(
        DEPLOYMENT, bytes(20), 0, "votes", b""
    )


def test_one_payload_sent_twice_is_two_envelopes_also_after_a_restart():
    key = ValidatorKey()
    writer = EnvelopeWriter(key, DEPLOYMENT)
    again = EnvelopeWriter(key, DEPLOYMENT)
    envelopes = [writer.write("vote", b"x"), writer.write("vote", b"x"), again.write("vote", b"x")]

    assert len({envelope.digest(DEPLOYMENT) for envelope in envelopes}) == 3
    assert all(envelope.sequence < 1 << 64 for envelope in envelopes)


@pytest.mark.parametrize("topic", ["", "t" * 65])
def test_a_topic_has_a_length(topic):
    with pytest.raises(EnvelopeRejected):
        EnvelopeWriter(ValidatorKey(), DEPLOYMENT).write(topic, b"")


def test_no_payload_shows_in_a_repr():
    assert "secret" not in repr(EnvelopeWriter(ValidatorKey(), DEPLOYMENT).write("vote", b"secret"))


@given(st.lists(st.binary(min_size=1, max_size=1), max_size=60))
def test_the_seen_set_is_bounded_and_forgets_the_oldest(digests):
    seen = SeenSet(8)
    for digest in digests:
        seen.add(digest)
        assert digest in seen
        assert len(seen) <= 8
    if len(set(digests)) <= 8:
        assert all(digest in seen for digest in digests)
