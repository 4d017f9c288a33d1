"""Votes of the batch in work, gathered until a quorum makes the certificate."""

from dataclasses import dataclass

import structlog

from node.chains import certificates
from node.chains.certificates import BatchCommitment, Certificate
from node.chains.errors import BadSignature, CertificateError
from node.ledger.state import House
from node.ledger.types import Address
from node.network.errors import InvalidGossip
from node.sequencing.payloads import VotePayload

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Certified:
    """A batch commitment with the quorum's signatures; revocable until the hub makes it final."""

    commitment: BatchCommitment
    certificate: Certificate


def commitment_digest(house: House, commitment: BatchCommitment) -> bytes:
    """What validators sign of a batch."""
    return certificates.batch_digest(house.deployment.hub_chain_id, house.deployment.hub, commitment)


class VoteBook:
    """The votes for one batch number. A second commitment of a validator at an attempt is kept out and reported."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._by_commitment: dict[BatchCommitment, dict[bytes, bytes]] = {}
        self._cast: dict[tuple[bytes, int], BatchCommitment] = {}

    def clear(self) -> None:
        """Forget everything: another batch is in work."""
        self._by_commitment.clear()
        self._cast.clear()

    def add(self, voter: Address, vote: VotePayload) -> Certified | None:
        """Count a vote; the certificate, if this vote completes it.

        Raises:
            InvalidGossip: not a validator, not its signature, of another epoch, or a second vote at the same attempt.
        """
        if voter not in self._house.validators:
            raise InvalidGossip(f"0x{voter.hex()} is no validator")
        _require_epoch(self._house, vote.commitment)
        digest = commitment_digest(self._house, vote.commitment)
        try:
            certificates.check_signature(digest, vote.signature, voter)
        except BadSignature as error:
            raise InvalidGossip(str(error)) from error
        earlier = self._cast.setdefault((voter, vote.attempt), vote.commitment)
        if earlier != vote.commitment:
            log.error("double_vote", validator=voter.hex(), number=vote.commitment.number, attempt=vote.attempt)
            raise InvalidGossip("a second vote at one attempt")
        signatures = self._by_commitment.setdefault(vote.commitment, {})
        if voter in signatures:
            return None
        signatures[voter] = vote.signature
        if len(signatures) != self._house.quorum:
            return None
        made = certificates.assemble(digest, self._house.validators, signatures, self._house.quorum)
        return Certified(vote.commitment, made)


def require_certified(house: House, certified: Certified) -> None:
    """Check a certificate that came from elsewhere.

    Raises:
        InvalidGossip: it is not a quorum's, or of another epoch.
    """
    _require_epoch(house, certified.commitment)
    try:
        certificates.verify(certified.certificate, commitment_digest(house, certified.commitment), house.validators)
    except CertificateError as error:
        raise InvalidGossip(str(error)) from error


def _require_epoch(house: House, commitment: BatchCommitment) -> None:
    if commitment.epoch != house.epoch:
        raise InvalidGossip(f"a batch of epoch {commitment.epoch} in epoch {house.epoch}")
