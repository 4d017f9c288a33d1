"""Hand-overs of the house: the documents by which one set of validators certifies the next, chained from genesis on.

A document names the new validators, the committee key's public data that they hold shares of, and the last batch that
the former ones certified; a quorum of the former validators signs it (`certificates.Rotation`). Whoever holds the
genesis document can follow the chain alone: each document is checked against the set before it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.errors import CircuitError
from node.chains import certificates
from node.chains.certificates import Certificate, Rotation, ValidatorKey
from node.chains.errors import CertificateError
from node.errors import HandOverInvalid
from node.ledger.epochs import Epochs, succeed
from node.ledger.errors import RotationInvalid
from node.ledger.state import House
from node.ledger.types import Address

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class HandOver:
    """One document; without a certificate it is a proposal.

    `epoch` is the one that ends, `batch` its last batch.
    """

    epoch: int
    batch: int
    validators: tuple[Address, ...]
    committee: CommitteeKey
    certificate: Certificate | None = None

    @property
    def rotation(self) -> Rotation:
        """What the former validators sign."""
        return Rotation(self.validators, bytes(keccak(self.committee.encode())), self.batch, self.epoch)

    def to_json(self) -> str:
        """The document's text."""
        document = {
            "format": FORMAT,
            "epoch": self.epoch,
            "batch": self.batch,
            "validators": [address.hex() for address in self.validators],
            "committee": self.committee.encode().hex(),
            "certificate": None if self.certificate is None else self.certificate.encode().hex(),
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "HandOver":
        """The inverse of `to_json`. Nothing is verified yet.

        Raises:
            HandOverInvalid: not such a document.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise HandOverInvalid("format", f"{document['format']} is unknown")
            certificate = document["certificate"]
            return cls(
                int(document["epoch"]),
                int(document["batch"]),
                tuple(Address(bytes.fromhex(address)) for address in document["validators"]),
                CommitteeKey.decode(bytes.fromhex(document["committee"])),
                None if certificate is None else Certificate.decode(bytes.fromhex(certificate)),
            )
        except (KeyError, TypeError, ValueError, CircuitError, CertificateError) as error:
            raise HandOverInvalid("document", f"{type(error).__name__}: {error}") from error

    @classmethod
    def load(cls, path: Path) -> "HandOver":
        """From a file.

        Raises:
            HandOverInvalid: as `from_json`, or the file cannot be read.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise HandOverInvalid("file", str(error)) from error


@dataclass(frozen=True, slots=True)
class Succession:
    """The house's epochs and the certified hand-overs between them: one fewer."""

    epochs: Epochs
    hand_overs: tuple[HandOver, ...]

    @classmethod
    def follow(cls, genesis: House, hand_overs: Sequence[HandOver]) -> "Succession":
        """Verify each hand-over by the validators before it.

        Raises:
            HandOverInvalid: one without its predecessor's certificate, out of order, or to members who cannot run
                the house.
        """
        houses = [genesis]
        for hand_over in hand_overs:
            if hand_over.certificate is None:
                raise HandOverInvalid("certificate", f"epoch {hand_over.epoch}: there is none")
            following = next_house(houses[-1], hand_over)
            digest = rotation_digest(houses[-1], hand_over)
            try:
                certificates.verify(hand_over.certificate, digest, houses[-1].validators)
            except CertificateError as error:
                raise HandOverInvalid("certificate", f"epoch {hand_over.epoch}: {error}") from error
            houses.append(following)
        return cls(Epochs(tuple(houses)), tuple(hand_overs))


def next_house(house: House, hand_over: HandOver) -> House:
    """The house after a hand-over, whether or not that is certified.

    Raises:
        HandOverInvalid: of another epoch, or to members who cannot run the house.
    """
    if hand_over.epoch != house.epoch:
        raise HandOverInvalid("epoch", f"{hand_over.epoch} where {house.epoch} ends")
    try:
        return succeed(house, hand_over.validators, hand_over.committee, hand_over.batch)
    except RotationInvalid as error:
        raise HandOverInvalid(error.part, error.reason) from error


def rotation_digest(house: House, hand_over: HandOver) -> bytes:
    """What the validators of `house` sign, for the hub and all vaults alike."""
    hub = house.deployment
    return certificates.rotation_digest(hub.hub_chain_id, hub.hub, hand_over.rotation)


def sign_hand_over(house: House, hand_over: HandOver, key: ValidatorKey) -> bytes:
    """A validator's compact signature.

    Raises:
        HandOverInvalid: as `next_house`, or the key is no present validator's.
    """
    next_house(house, hand_over)
    if key.address not in house.validators:
        raise HandOverInvalid("validator", f"0x{key.address.hex()} is none of epoch {house.epoch}")
    return key.sign_digest(rotation_digest(house, hand_over))


def certify_hand_over(house: House, hand_over: HandOver, signatures: Mapping[bytes, bytes]) -> HandOver:
    """The hand-over with the certificate that the signatures (address → compact) make.

    Raises:
        HandOverInvalid: as `next_house`, a signature that is not its validator's, or too few.
    """
    next_house(house, hand_over)
    digest = rotation_digest(house, hand_over)
    try:
        made = certificates.assemble(digest, house.validators, signatures, house.quorum)
    except CertificateError as error:
        raise HandOverInvalid("signatures", str(error)) from error
    return replace(hand_over, certificate=made)
