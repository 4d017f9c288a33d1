"""The bytes of the topics "proposal", "vote", "certificate" and "dispute": fixed widths, big-endian.

proposal      attempt (4) ‖ batch body
vote          attempt (4) ‖ epoch (8) ‖ number (8) ‖ previous root ‖ new root ‖ batch hash (32 each) ‖ signature (64)
certificate   epoch (8) ‖ number (8) ‖ previous root ‖ new root ‖ batch hash (32 each) ‖ certificate
dispute       attempt (4) ‖ number (8) ‖ rule ‖ NUL ‖ detail, UTF-8
"""

from dataclasses import dataclass
from typing import Final, Self

from node.chains.certificates import SIGNATURE_BYTES, BatchCommitment, Certificate
from node.chains.errors import CertificateError
from node.sequencing.errors import Dispute, PayloadMalformed, Rule

PROPOSAL: Final = "proposal"
VOTE: Final = "vote"
CERTIFICATE: Final = "certificate"
DISPUTE: Final = "dispute"
MESSAGE: Final = "message"
OBSERVATION: Final = "observation"

_ATTEMPT_BYTES: Final = 4
_NUMBER_BYTES: Final = 8
_COMMITMENT_BYTES: Final = 2 * _NUMBER_BYTES + 3 * 32
_DISPUTE_DETAIL: Final = 512


@dataclass(frozen=True, slots=True)
class ProposalPayload:
    """A batch body proposed at an attempt."""

    attempt: int
    body: bytes

    def encode(self) -> bytes:
        """See the module's formula."""
        return self.attempt.to_bytes(_ATTEMPT_BYTES, "big") + self.body

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises PayloadMalformed."""
        if len(data) <= _ATTEMPT_BYTES:
            raise PayloadMalformed(PROPOSAL, f"{len(data)} bytes")
        return cls(int.from_bytes(data[:_ATTEMPT_BYTES], "big"), data[_ATTEMPT_BYTES:])


@dataclass(frozen=True, slots=True)
class VotePayload:
    """One validator's compact signature over a batch commitment; the envelope's sender is the voter."""

    attempt: int
    commitment: BatchCommitment
    signature: bytes

    def encode(self) -> bytes:
        """See the module's formula."""
        return self.attempt.to_bytes(_ATTEMPT_BYTES, "big") + _commitment_bytes(self.commitment) + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises PayloadMalformed."""
        if len(data) != _ATTEMPT_BYTES + _COMMITMENT_BYTES + SIGNATURE_BYTES:
            raise PayloadMalformed(VOTE, f"{len(data)} bytes")
        commitment = _commitment(data[_ATTEMPT_BYTES : _ATTEMPT_BYTES + _COMMITMENT_BYTES])
        return cls(int.from_bytes(data[:_ATTEMPT_BYTES], "big"), commitment, data[-SIGNATURE_BYTES:])


@dataclass(frozen=True, slots=True)
class CertificatePayload:
    """A quorum's signatures over a batch commitment."""

    commitment: BatchCommitment
    certificate: Certificate

    def encode(self) -> bytes:
        """See the module's formula."""
        return _commitment_bytes(self.commitment) + self.certificate.encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises PayloadMalformed."""
        if len(data) <= _COMMITMENT_BYTES:
            raise PayloadMalformed(CERTIFICATE, f"{len(data)} bytes")
        try:
            certificate = Certificate.decode(data[_COMMITMENT_BYTES:])
        except CertificateError as error:
            raise PayloadMalformed(CERTIFICATE, str(error)) from error
        return cls(_commitment(data[:_COMMITMENT_BYTES]), certificate)


@dataclass(frozen=True, slots=True)
class DisputePayload:
    """Why a validator did not vote for a proposal."""

    attempt: int
    number: int
    dispute: Dispute

    def encode(self) -> bytes:
        """See the module's formula; the detail is cut to 512 characters."""
        head = self.attempt.to_bytes(_ATTEMPT_BYTES, "big") + self.number.to_bytes(_NUMBER_BYTES, "big")
        return head + f"{self.dispute.rule}\0{self.dispute.detail[:_DISPUTE_DETAIL]}".encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises PayloadMalformed."""
        head = _ATTEMPT_BYTES + _NUMBER_BYTES
        try:
            rule, separator, detail = data[head:].decode().partition("\0")
            dispute = Dispute(Rule(rule), detail)
        except ValueError as error:
            raise PayloadMalformed(DISPUTE, str(error)) from error
        if not separator or len(detail) > _DISPUTE_DETAIL:
            raise PayloadMalformed(DISPUTE, "no detail, or too long a one")
        number = int.from_bytes(data[_ATTEMPT_BYTES:head], "big")
        return cls(int.from_bytes(data[:_ATTEMPT_BYTES], "big"), number, dispute)


def _commitment_bytes(commitment: BatchCommitment) -> bytes:
    place = b"".join(figure.to_bytes(_NUMBER_BYTES, "big") for figure in (commitment.epoch, commitment.number))
    return place + commitment.previous_root + commitment.new_root + commitment.batch_hash


def _commitment(data: bytes) -> BatchCommitment:
    epoch, number = (int.from_bytes(data[at : at + _NUMBER_BYTES], "big") for at in (0, _NUMBER_BYTES))
    words = [data[at : at + 32] for at in range(2 * _NUMBER_BYTES, _COMMITMENT_BYTES, 32)]
    return BatchCommitment(number, words[0], words[1], words[2], epoch)
