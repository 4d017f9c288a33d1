"""What an owner must have kept to leave by force: its leaf with the path to a root, and the openings of its balances.

When every node is gone nobody can answer anything, so the owner keeps a ticket of each batch
(`ClientAccount.keep_exit_tickets`), sealed under a key of the wallet's seed. It is good for the checkpoint of its own
batch alone.

    file: deployment (chain id 32 ‖ hub 20 ‖ salt 32) ‖ nonce (12) ‖ ChaCha20-Poly1305(key, JSON),
    key = HKDF(seed, "zkclear/v1/exit ticket" ‖ deployment digest ‖ account), the deployment as associated data
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import CircuitError
from circuits.group import decode_scalar, encode_scalar
from circuits.pedersen import CommitmentKey, Opening
from circuits.transcript import Deployment
from node.client.derivation import derive_ticket_key
from node.client.errors import TicketInvalid
from node.client.exit_proof import HoldingPlace
from node.client.keystore import WalletSecrets
from node.client.signing import OwnerKey
from node.ledger.leaf_format import holding_hash
from node.ledger.merkle import leaf_hash, verify_path
from node.ledger.types import AccountId, Address, AssetId, Digest, account_id
from node.market.instruments import CollateralAsset, Registry

_CHAIN_BYTES, _HUB_BYTES, _SALT_BYTES = 32, 20, 32
_DEPLOYMENT_BYTES: Final = _CHAIN_BYTES + _HUB_BYTES + _SALT_BYTES
_NONCE_BYTES: Final = 12
_HEADER_BYTES: Final = _DEPLOYMENT_BYTES + _NONCE_BYTES
_MAX_FILE_BYTES: Final = 1 << 20
_HOME_AT: Final = 5 * 32
_CASH_AT: Final = 6 * 32


@dataclass(frozen=True, slots=True, repr=False)
class ExitTicket:
    """An account after batch `number`, whose root is `root`. Its repr shows no amount."""

    deployment: Deployment
    key: CommitmentKey
    registry: Registry
    vaults: Mapping[int, Address]
    account: AccountId
    number: int
    root: Digest
    leaf: bytes
    path: tuple[bytes, ...]
    cash: Opening
    collateral: Mapping[AssetId, Opening]

    def __repr__(self) -> str:
        return f"ExitTicket(0x{self.account.hex()}, batch {self.number})"

    def check(self) -> None:
        """That leaf, path and openings belong together.

        Raises:
            TicketInvalid: they do not.
        """
        if self.leaf[:32] != self.account or not verify_path(leaf_hash(self.leaf), self.path, self.root):
            raise TicketInvalid("the leaf is not below the root")
        if self.leaf[_CASH_AT : _CASH_AT + 256] != self.key.commit(self.cash).words():
            raise TicketInvalid("the opening of cash is not the leaf's")

    @property
    def home_chain(self) -> int:
        """The chain that cash leaves on."""
        return int.from_bytes(self.leaf[_HOME_AT:_CASH_AT], "big")

    def asset(self, asset: AssetId) -> CollateralAsset:
        """A listed token. Raises UnknownInstrument."""
        return self.registry.asset(asset)

    def place(self, asset: AssetId) -> HoldingPlace:
        """Where a collateral holding stands among the account's.

        Raises:
            TicketInvalid: the account holds none of it.
        """
        if asset not in self.collateral:
            raise TicketInvalid(f"the account holds no {asset}")
        held = {name: self.key.commit(opening) for name, opening in sorted(self.collateral.items())}
        hashes = tuple(holding_hash(self.registry.asset(name), pair) for name, pair in held.items())
        return HoldingPlace(held[asset], list(held).index(asset), hashes)

    def save(self, path: Path, seed: bytes) -> None:
        """Write the sealed ticket over an older one, readable for the owner alone."""
        nonce, name = secrets.token_bytes(_NONCE_BYTES), self.deployment.encode()
        key = derive_ticket_key(seed, self.deployment.digest, self.account)
        sealed = ChaCha20Poly1305(key).encrypt(nonce, json.dumps(self._document()).encode(), name)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(name + nonce + sealed)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    @classmethod
    def load(cls, path: Path, wallet: WalletSecrets, index: int = 0) -> "ExitTicket":
        """The ticket in a file, of the owner's account with this index.

        Raises:
            TicketInvalid: not this wallet's ticket of this account, or the file was changed.
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if not _HEADER_BYTES < len(data) <= _MAX_FILE_BYTES:
            raise TicketInvalid(f"{len(data)} bytes are no ticket")
        name, nonce = data[:_DEPLOYMENT_BYTES], data[_DEPLOYMENT_BYTES:_HEADER_BYTES]
        deployment = _deployment(name)
        account = account_id(deployment, OwnerKey(wallet.owner_key).address, index)
        key = derive_ticket_key(wallet.seed, deployment.digest, account)
        try:
            document = json.loads(ChaCha20Poly1305(key).decrypt(nonce, data[_HEADER_BYTES:], name))
            ticket = _from_document(deployment, account, document)
        except InvalidTag as error:
            raise TicketInvalid("another wallet's or account's, or the file was changed") from error
        except (CircuitError, LookupError, TypeError, ValueError) as error:
            raise TicketInvalid(f"its content does not decode: {error}") from error
        ticket.check()
        return ticket

    def _document(self) -> dict[str, Any]:
        return {
            "key": self.key.encode().hex(),
            "registry": self.registry.encode().hex(),
            "vaults": {str(chain): vault.hex() for chain, vault in self.vaults.items()},
            "number": self.number,
            "root": self.root.hex(),
            "leaf": self.leaf.hex(),
            "path": [sibling.hex() for sibling in self.path],
            "cash": _opening_text(self.cash),
            "collateral": {name: _opening_text(opening) for name, opening in self.collateral.items()},
        }


def _deployment(name: bytes) -> Deployment:
    chain, rest = name[:_CHAIN_BYTES], name[_CHAIN_BYTES:]
    return Deployment(int.from_bytes(chain, "big"), rest[:_HUB_BYTES], rest[_HUB_BYTES:])


def _from_document(deployment: Deployment, account: AccountId, document: dict[str, Any]) -> ExitTicket:
    unhex = bytes.fromhex
    return ExitTicket(
        deployment,
        CommitmentKey.decode(unhex(document["key"])),
        Registry.decode(unhex(document["registry"])),
        {int(chain): Address(unhex(vault)) for chain, vault in document["vaults"].items()},
        account,
        document["number"],
        Digest(unhex(document["root"])),
        unhex(document["leaf"]),
        tuple(map(unhex, document["path"])),
        _opening(document["cash"]),
        {AssetId(name): _opening(text) for name, text in document["collateral"].items()},
    )


def _opening_text(opening: Opening) -> str:
    return f"{opening.value}:{encode_scalar(opening.blinding).hex()}"


def _opening(text: str) -> Opening:
    value, blinding = text.split(":")
    return Opening(int(value), decode_scalar(bytes.fromhex(blinding)))
