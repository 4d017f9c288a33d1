"""The ceremony document: what all members must agree on before a key ceremony begins, as one JSON file.

It names the hub, the members that deal and those that receive, the threshold, and the hub blocks that count. A
ceremony that renews or hands on shares names the present committee too. Everybody's copy must be the same: another one
is another ceremony, whose posts this one does not see.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from circuits.ceremony import CeremonyKind, CeremonyTerms
from circuits.committee import CommitteeKey
from circuits.errors import CircuitError
from circuits.transcript import Deployment
from node.errors import CeremonyInvalid
from node.ledger.types import Address

FORMAT: Final = 1
_KINDS: Final = {"key": CeremonyKind.KEY, "refresh": CeremonyKind.REFRESH, "reshare": CeremonyKind.RESHARE}


@dataclass(frozen=True, slots=True)
class CeremonyPlan:
    """The document. `start` is the hub block after which posts count; each round has `round_blocks` of them.

    `round_blocks` must leave room for the hub's finality and for a transaction on either side of it.
    """

    kind: CeremonyKind
    deployment: Deployment
    dealers: tuple[Address, ...]
    recipients: tuple[Address, ...]
    threshold: int
    start: int
    round_blocks: int
    previous: CommitteeKey | None = None

    def terms(self) -> CeremonyTerms:
        """The ceremony that this document describes.

        Raises:
            CeremonyInvalid: no ceremony can have such terms.
        """
        try:
            if self.previous is not None:
                self.previous.verify()
            return CeremonyTerms(
                self.kind,
                self.deployment.digest,
                self.dealers,
                self.recipients,
                self.threshold,
                self.start,
                self.round_blocks,
                self.previous,
            )
        except CircuitError as error:
            raise CeremonyInvalid("document", str(error)) from error

    def to_json(self) -> str:
        """The document's text."""
        document = {
            "format": FORMAT,
            "kind": next(name for name, kind in _KINDS.items() if kind is self.kind),
            "hub": {
                "chain_id": self.deployment.hub_chain_id,
                "address": self.deployment.hub.hex(),
                "salt": self.deployment.salt.hex(),
            },
            "dealers": [address.hex() for address in self.dealers],
            "recipients": [address.hex() for address in self.recipients],
            "threshold": self.threshold,
            "start": self.start,
            "round_blocks": self.round_blocks,
            "committee": None if self.previous is None else self.previous.encode().hex(),
        }
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "CeremonyPlan":
        """The inverse of `to_json`.

        Raises:
            CeremonyInvalid: not such a document.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise CeremonyInvalid("format", f"{document['format']} is unknown")
            return cls._from(document)
        except (KeyError, TypeError, ValueError, CircuitError) as error:
            raise CeremonyInvalid("document", f"{type(error).__name__}: {error}") from error

    @classmethod
    def _from(cls, document: dict[str, Any]) -> "CeremonyPlan":
        hub, previous = document["hub"], document["committee"]
        return cls(
            _KINDS[document["kind"]],
            Deployment(int(hub["chain_id"]), bytes.fromhex(hub["address"]), bytes.fromhex(hub["salt"])),
            tuple(_address(text) for text in document["dealers"]),
            tuple(_address(text) for text in document["recipients"]),
            int(document["threshold"]),
            int(document["start"]),
            int(document["round_blocks"]),
            None if previous is None else CommitteeKey.decode(bytes.fromhex(previous)),
        )

    @classmethod
    def load(cls, path: Path) -> "CeremonyPlan":
        """From a file.

        Raises:
            CeremonyInvalid: as `from_json`, or the file cannot be read.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CeremonyInvalid("file", str(error)) from error


def _address(text: str) -> Address:
    address = bytes.fromhex(text)
    if len(address) != 20:
        raise ValueError(f"{text} is no address")
    return Address(address)
