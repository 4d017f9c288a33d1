"""Quorum certificates: EIP-712 digests of what validators sign, compact signatures, and their verification.

The digests and the rules are those of `contracts/`: a certificate that `verify` accepts is accepted by the
contract of the same signer set, and the other way round. A signature is EIP-2098 compact, 64 bytes `r ‖
yParityAndS`, with s in the lower half of the group order. Everything here is pure; addresses are 20 bytes,
hashes and ids 32.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from coincurve import PrivateKey, PublicKey
from eth_abi.abi import encode
from eth_hash.auto import keccak

from node.chains.errors import BadSignature, InsufficientQuorum, MalformedCertificate, UnknownSigner

MAX_SIGNERS: Final = 64
SIGNATURE_BYTES: Final = 64
EPOCH: Final = 0
"""Epoch of the signer set that the contracts are deployed with; each rotation adds one."""

_BITMAP_BYTES: Final = MAX_SIGNERS // 8
_GROUP_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_BATCH_TYPE: Final = keccak(
    b"Batch(uint256 epoch,uint256 number,bytes32 previousRoot,bytes32 newRoot,bytes32 batchHash)"
)
_PAY_TYPE: Final = keccak(b"Pay(uint256 epoch,bytes32 actionId,address token,address to,uint256 amount,uint256 batch)")
_SEIZE_TYPE: Final = keccak(
    b"Seize(uint256 epoch,bytes32 actionId,address token,uint256 amount,"
    b"uint256 startPrice,uint256 floorPrice,uint256 duration,uint256 batch)"
)
_GUARD_TYPE: Final = keccak(b"Guard(uint256 epoch,uint256 sequence,address token,uint256 limit,uint256 pausedUntil)")
_ROTATE_TYPE: Final = keccak(b"Rotate(uint256 epoch,bytes32 newSigners,bytes32 committee,uint256 batch)")


@dataclass(frozen=True, slots=True)
class BatchCommitment:
    """What a batch certificate binds: the hub accepts one successor of each batch."""

    number: int
    previous_root: bytes
    new_root: bytes
    batch_hash: bytes
    epoch: int = EPOCH


@dataclass(frozen=True, slots=True)
class PayAction:
    """An order to a vault to pay `amount` base units of `token`, given by batch number `batch`."""

    action_id: bytes
    token: bytes
    to: bytes
    amount: int
    batch: int
    epoch: int = EPOCH


@dataclass(frozen=True, slots=True)
class SeizeAction:
    """An order to a vault to auction `amount` base units of `token`.

    Prices are USD base units for the whole lot, whole ledger units each; `duration` is in seconds.
    """

    action_id: bytes
    token: bytes
    amount: int
    start_price: int
    floor_price: int
    duration: int
    batch: int
    epoch: int = EPOCH


@dataclass(frozen=True, slots=True)
class Rotation:
    """A hand-over from the set of epoch `epoch` to `new_signers`, who certify from batch `batch` + 1 on.

    `committee` is the digest of the committee key's public data that the new validators hold shares of.
    """

    new_signers: tuple[bytes, ...]
    committee: bytes
    batch: int
    epoch: int


@dataclass(frozen=True, slots=True)
class GuardOrder:
    """The order number `sequence` to a vault: a tighter hourly limit of `token` in base units (twenty zero bytes:
    none), and a pause until unix second `paused_until`, which lifts one if it has passed."""

    sequence: int
    token: bytes
    limit: int
    paused_until: int
    epoch: int = EPOCH


def quorum(signers: int) -> int:
    """Signatures that a certificate of `signers` validators needs: N − ⌊(N−1)/3⌋ = 2f+1 for N = 3f+1."""
    return signers - (signers - 1) // 3


def deployment_id(chain_id: int, hub: bytes, salt: bytes) -> bytes:
    """The name of a deployment, and the root of its batch 0: keccak(abi.encode(chain id, hub, salt))."""
    return keccak(encode(["uint256", "address", "bytes32"], [chain_id, hub, salt]))


def signer_set_hash(signers: Sequence[bytes]) -> bytes:
    """What a contract stores of its signer set, in its order: keccak(abi.encode(address[]))."""
    return keccak(encode(["address[]"], [list(signers)]))


@lru_cache(maxsize=256)
def domain_separator(chain_id: int, contract: bytes) -> bytes:
    """EIP-712 separator of `contract` on chain `chain_id`: a signature for one is void on any other."""
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN_TYPE, keccak(b"zkclear"), keccak(b"1"), chain_id, contract],
        )
    )


def _digest(chain_id: int, contract: bytes, struct_hash: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + struct_hash)


def batch_digest(chain_id: int, hub: bytes, batch: BatchCommitment) -> bytes:
    """EIP-712 digest of a batch for the ClearingHub at `hub`."""
    words = [_BATCH_TYPE, batch.epoch, batch.number, batch.previous_root, batch.new_root, batch.batch_hash]
    types = ["bytes32", "uint256", "uint256", "bytes32", "bytes32", "bytes32"]
    return _digest(chain_id, hub, keccak(encode(types, words)))


def pay_digest(chain_id: int, vault: bytes, action: PayAction) -> bytes:
    """EIP-712 digest of a payment for the CollateralVault at `vault`."""
    types = ["bytes32", "uint256", "bytes32", "address", "address", "uint256", "uint256"]
    words = [_PAY_TYPE, action.epoch, action.action_id, action.token, action.to, action.amount, action.batch]
    return _digest(chain_id, vault, keccak(encode(types, words)))


def seize_digest(chain_id: int, vault: bytes, action: SeizeAction) -> bytes:
    """EIP-712 digest of a seizure for the CollateralVault at `vault`."""
    types = ["bytes32", "uint256", "bytes32", "address"] + ["uint256"] * 5
    words = [
        *(_SEIZE_TYPE, action.epoch, action.action_id, action.token, action.amount),
        *(action.start_price, action.floor_price, action.duration, action.batch),
    ]
    return _digest(chain_id, vault, keccak(encode(types, words)))


def rotation_digest(chain_id: int, hub: bytes, rotation: Rotation) -> bytes:
    """EIP-712 digest of a rotation, for the ClearingHub at `hub`: the vaults take the same certificate."""
    types = ["bytes32", "uint256", "bytes32", "bytes32", "uint256"]
    new_signers = signer_set_hash(rotation.new_signers)
    words = [_ROTATE_TYPE, rotation.epoch, new_signers, rotation.committee, rotation.batch]
    return _digest(chain_id, hub, keccak(encode(types, words)))


def guard_digest(chain_id: int, vault: bytes, order: GuardOrder) -> bytes:
    """EIP-712 digest of an order for the CollateralVault at `vault`."""
    types = ["bytes32", "uint256", "uint256", "address", "uint256", "uint256"]
    words = [_GUARD_TYPE, order.epoch, order.sequence, order.token, order.limit, order.paused_until]
    return _digest(chain_id, vault, keccak(encode(types, words)))


class ValidatorKey:
    """A validator's secp256k1 key: its address is the validator's identity. Its repr shows nothing secret."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """From the 32 bytes of the secret scalar; ValueError if that is not in [1, n)."""
        self._key = PrivateKey(secret)
        self.address: bytes = _address(self._key.public_key)

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the operating system's randomness."""
        return cls((secrets.randbelow(_GROUP_ORDER - 1) + 1).to_bytes(32, "big"))

    @property
    def secret(self) -> bytes:
        """The 32 bytes to store or to hand to another signer of the same node."""
        return self._key.secret

    def sign_digest(self, digest: bytes) -> bytes:
        """The compact signature over a 32-byte digest (RFC 6979 nonce, low s)."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:32] + bytes([signature[32] | signature[64] << 7]) + signature[33:64]

    def __repr__(self) -> str:
        return f"ValidatorKey(0x{self.address.hex()})"


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address whose compact signature over `digest` this is; None if it is not a canonical one."""
    if len(signature) != SIGNATURE_BYTES:
        return None
    s = int.from_bytes(signature[32:], "big") & ((1 << 255) - 1)
    if not 0 < s <= _GROUP_ORDER // 2:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:32] + s.to_bytes(32, "big") + bytes([signature[32] >> 7]), digest, hasher=None
        )
    except ValueError:
        return None
    return _address(key)


def check_signature(digest: bytes, signature: bytes, address: bytes) -> None:
    """Raise BadSignature unless `signature` is `address`'s over `digest`."""
    signer = recover(digest, signature)
    if signer is None:
        raise BadSignature(address, "not a canonical compact signature")
    if signer != address:
        raise BadSignature(address, f"it is 0x{signer.hex()}'s")


def _address(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[-20:]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Signatures of part of the signer set: bit i of `bitmap` is signer i, signatures in that order."""

    bitmap: int
    signatures: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.bitmap < 1 << MAX_SIGNERS:
            raise MalformedCertificate(f"bitmap {self.bitmap:#x} names more than {MAX_SIGNERS} signers")
        if self.bitmap.bit_count() != len(self.signatures):
            raise MalformedCertificate(f"{len(self.signatures)} signatures for bitmap {self.bitmap:#x}")
        if any(len(signature) != SIGNATURE_BYTES for signature in self.signatures):
            raise MalformedCertificate(f"a signature is not {SIGNATURE_BYTES} bytes")

    @property
    def indices(self) -> tuple[int, ...]:
        """Positions in the signer set that signed, ascending."""
        return tuple(i for i in range(MAX_SIGNERS) if self.bitmap >> i & 1)

    def encode(self) -> bytes:
        """8 bytes of bitmap (big endian), then 64 for each signature."""
        return self.bitmap.to_bytes(_BITMAP_BYTES, "big") + b"".join(self.signatures)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The inverse of `encode`; raises MalformedCertificate for any other length."""
        body = data[_BITMAP_BYTES:]
        if len(data) < _BITMAP_BYTES or len(body) % SIGNATURE_BYTES:
            raise MalformedCertificate(f"{len(data)} bytes are no certificate")
        starts = range(0, len(body), SIGNATURE_BYTES)
        signatures = tuple(body[start : start + SIGNATURE_BYTES] for start in starts)
        return cls(int.from_bytes(data[:_BITMAP_BYTES], "big"), signatures)


def assemble(digest: bytes, signers: Sequence[bytes], signatures: Mapping[bytes, bytes], need: int) -> Certificate:
    """The certificate of the first `need`, in signer order, of the signatures (address → compact).

    Every signature is checked. Raises UnknownSigner, BadSignature or InsufficientQuorum.
    """
    positions = {address: index for index, address in enumerate(signers)}
    for address, signature in signatures.items():
        if address not in positions:
            raise UnknownSigner(address)
        check_signature(digest, signature, address)
    if len(signatures) < need:
        raise InsufficientQuorum(len(signatures), need)
    chosen = sorted(signatures, key=positions.__getitem__)[:need]
    bitmap = sum(1 << positions[address] for address in chosen)
    return Certificate(bitmap, tuple(signatures[address] for address in chosen))


def verify(certificate: Certificate, digest: bytes, signers: Sequence[bytes]) -> None:
    """Check that a quorum of `signers` signed `digest`.

    Raises MalformedCertificate (a bit beyond the set), InsufficientQuorum or BadSignature.
    """
    if certificate.bitmap >> len(signers):
        raise MalformedCertificate(f"bitmap {certificate.bitmap:#x} goes beyond {len(signers)} signers")
    need = quorum(len(signers))
    if len(certificate.signatures) < need:
        raise InsufficientQuorum(len(certificate.signatures), need)
    for index, signature in zip(certificate.indices, certificate.signatures, strict=True):
        check_signature(digest, signature, signers[index])
