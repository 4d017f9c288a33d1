"""What an auditor reads from, and why it may be believed: an account, its place under a root, and who vouches for it.

    account ── every field ──▸ leaf ── path ──▸ root ── in ──▸ batch ── signed by ──▸ a quorum of the house's validators

The validators are those that the house's digest covers, so an auditor who pins that digest believes no node at all. The
evidence can be kept in a file and checked later, without any network.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from clearing.v1 import ledger_service_pb2, market_service_pb2
from eth_hash.auto import keccak
from google.protobuf.message import DecodeError, Message

from node.audit.accounts import account_from_proto
from node.audit.errors import FileInvalid, LeafInvalid
from node.chains import certificates
from node.chains.certificates import BatchCommitment, Certificate
from node.chains.errors import CertificateError
from node.client.house import HouseTerms
from node.ledger.account import Account
from node.ledger.errors import WireError
from node.ledger.leaves import account_leaf
from node.ledger.merkle import leaf_hash, verify_path
from node.ledger.types import AccountId, Digest
from node.ledger.wire import decode_batch

FORMAT: Final = 1
_MAX_FILE_BYTES: Final = 64 << 20
_MAX_PATH: Final = 64


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """An account that lies under the root of batch `batch` of a house; whether the house has that root is another
    question."""

    house: HouseTerms
    account: Account
    batch: int
    root: Digest


@dataclass(frozen=True, slots=True)
class Evidence:
    """The three answers of a node: what the house is, the account with its leaf and path, the batch with its
    certificate."""

    deployment: Any
    leaf: Any
    batch: Any

    def shown(self, account: AccountId | None, house: bytes | None) -> ShownAccount:
        """The account under the root, if everything but the root's own truth fits.

        Args:
            account: whose it must be; None takes any.
            house: the 32-byte digest that the house must have; None believes what the answer says.

        Raises:
            HouseUntrusted: another house, or one whose parts contradict each other.
            LeafInvalid: the account's fields do not give the leaf, or the leaf is not under the root.
        """
        terms = HouseTerms.from_proto(self.deployment, house)
        found = account_from_proto(self.leaf.account)
        if account is not None and found.id != account:
            raise LeafInvalid("account", f"it is 0x{found.id.hex()}, not 0x{account.hex()}")
        root = Digest(self.leaf.as_of.root)
        if account_leaf(terms.registry, found) != self.leaf.leaf:
            raise LeafInvalid("leaf", "is not that of the account's fields")
        if len(self.leaf.path) > _MAX_PATH or not verify_path(leaf_hash(self.leaf.leaf), self.leaf.path, root):
            raise LeafInvalid("path", "does not lead from the leaf to the root")
        return ShownAccount(terms, found, self.leaf.as_of.number, root)

    def require_certified(self, shown: ShownAccount) -> None:
        """That a quorum of the validators in the house's digest signed the batch with this root.

        Raises:
            LeafInvalid: they did not. A house that was handed to other validators has newer certificates, of which its
                digest says nothing: ask the hub instead.
        """
        try:
            batch = decode_batch(self.batch.body)
            certificate = Certificate.decode(self.batch.certificate)
        except (WireError, CertificateError) as error:
            raise LeafInvalid("batch", str(error)) from error
        if (batch.number, batch.new_root) != (shown.batch, shown.root):
            raise LeafInvalid("batch", f"number {batch.number} is not the one with the account's root")
        hub = shown.house.deployment
        commitment = BatchCommitment(
            batch.number, batch.previous_root, batch.new_root, bytes(keccak(self.batch.body)), certificates.EPOCH
        )
        digest = certificates.batch_digest(hub.hub_chain_id, hub.hub, commitment)
        try:
            certificates.verify(certificate, digest, self.deployment.validators)
        except CertificateError as error:
            raise LeafInvalid("certificate", str(error)) from error

    def save(self, path: Path) -> None:
        """Write it to a file that everybody may read: all of it is public.

        Raises:
            OSError: the file cannot be written.
        """
        document = {
            "format": FORMAT,
            "deployment": self.deployment.SerializeToString().hex(),
            "leaf": self.leaf.SerializeToString().hex(),
            "batch": self.batch.SerializeToString().hex(),
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a file.

        Raises:
            FileInvalid: it is no such file.
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise FileInvalid(path.name, f"more than {_MAX_FILE_BYTES} bytes")
        try:
            document = json.loads(data)
            if document["format"] != FORMAT:
                raise FileInvalid(path.name, f"format {document['format']} is unknown")
            parts = (
                _message(market_service_pb2.GetDeploymentResponse(), document["deployment"]),
                _message(ledger_service_pb2.GetLeafProofResponse(), document["leaf"]),
                _message(ledger_service_pb2.GetBatchResponse(), document["batch"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError, DecodeError) as error:
            raise FileInvalid(path.name, "is no evidence of an account") from error
        return cls(*parts)


def _message(empty: Message, text: str) -> Message:
    empty.ParseFromString(bytes.fromhex(text))
    return empty
