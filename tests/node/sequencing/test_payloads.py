import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chains.certificates import BatchCommitment, Certificate
from node.sequencing.errors import Dispute, PayloadMalformed, Rule
from node.sequencing.payloads import CertificatePayload, DisputePayload, ProposalPayload, VotePayload

attempts = st.integers(0, (1 << 32) - 1)
words = st.binary(min_size=32, max_size=32)
commitments = st.builds(BatchCommitment, st.integers(0, (1 << 64) - 1), words, words, words)
signatures = st.binary(min_size=64, max_size=64)
VOTE = VotePayload(1, BatchCommitment(2, bytes(32), bytes(32), bytes(32)), bytes(64)).encode()


@given(st.builds(VotePayload, attempts, commitments, signatures))
def test_a_vote_survives_the_wire(vote: VotePayload):
    assert VotePayload.decode(vote.encode()) == vote


@given(st.builds(ProposalPayload, attempts, st.binary(min_size=1)))
def test_a_proposal_survives_the_wire(proposal: ProposalPayload):
    assert ProposalPayload.decode(proposal.encode()) == proposal


@given(commitments, signatures)
def test_a_certificate_survives_the_wire(commitment: BatchCommitment, signature: bytes):
    sent = CertificatePayload(commitment, Certificate(0b100, (signature,)))

    assert CertificatePayload.decode(sent.encode()) == sent


@given(attempts, st.integers(0, (1 << 64) - 1), st.sampled_from(Rule), st.text(max_size=100))
def test_a_dispute_survives_the_wire(attempt: int, number: int, rule: Rule, detail: str):
    received = DisputePayload.decode(DisputePayload(attempt, number, Dispute(rule, detail)).encode())

    assert (received.attempt, received.number) == (attempt, number)
    assert (received.dispute.rule, received.dispute.detail) == (rule, detail)


@pytest.mark.parametrize("decode", [VotePayload.decode, CertificatePayload.decode, ProposalPayload.decode])
def test_a_truncated_payload_is_refused(decode):
    with pytest.raises(PayloadMalformed):
        decode(VOTE[:4])


def test_a_vote_with_a_byte_too_many_is_refused():
    with pytest.raises(PayloadMalformed):
        VotePayload.decode(VOTE + b"\0")


@pytest.mark.parametrize("body", [b"", b"NO_SUCH_RULE\0why", b"PROOF_INVALID", b"\xff\0why"])
def test_a_dispute_that_names_no_rule_is_refused(body: bytes):
    with pytest.raises(PayloadMalformed):
        DisputePayload.decode(bytes(12) + body)
