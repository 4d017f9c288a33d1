"""Calldata for the house's contracts, and reads of their state.

Encoders are pure; addresses are 20 bytes, ids and hashes 32, amounts base units. Readers ask for the latest
block unless a block number is given, and raise RpcUnavailable or RpcRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from node.chains.certificates import BatchCommitment, Certificate, GuardOrder, PayAction, Rotation, SeizeAction
from node.chains.events import unhex
from node.chains.rpc import Connection, request

_CERTIFICATE_TYPES: Final = ("address[]", "uint256", "bytes32[2][]")
Signers: TypeAlias = Sequence[bytes]


def encode_call(name: str, types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Calldata of the function `name` with arguments of the given ABI types."""
    return _selector(name, types) + encode(types, values)


def _selector(name: str, types: Sequence[str]) -> bytes:
    return keccak(f"{name}({','.join(types)})".encode())[:4]


def _certificate_words(signers: Signers, certificate: Certificate) -> list[Any]:
    halves = [(signature[:32], signature[32:]) for signature in certificate.signatures]
    return [list(signers), certificate.bitmap, halves]


def encode_commit(batch: BatchCommitment, signers: Signers, certificate: Certificate) -> bytes:
    """ClearingHub.commit."""
    return encode_call(
        "commit",
        ("uint256", "bytes32", "bytes32", "bytes32", *_CERTIFICATE_TYPES),
        [
            *(batch.number, batch.previous_root, batch.new_root, batch.batch_hash),
            *_certificate_words(signers, certificate),
        ],
    )


def encode_submit(data: bytes) -> bytes:
    """ClearingHub.submit; at most 9,216 bytes."""
    return encode_call("submit", ("bytes",), [data])


def encode_pay(action: PayAction, signers: Signers, certificate: Certificate) -> bytes:
    """CollateralVault.pay."""
    return encode_call(
        "pay",
        ("bytes32", "address", "address", "uint256", "uint256", *_CERTIFICATE_TYPES),
        [
            *(action.action_id, action.token, action.to, action.amount, action.batch),
            *_certificate_words(signers, certificate),
        ],
    )


def encode_seize(action: SeizeAction, signers: Signers, certificate: Certificate) -> bytes:
    """CollateralVault.seize."""
    return encode_call(
        "seize",
        ("bytes32", "address", *["uint256"] * 5, *_CERTIFICATE_TYPES),
        [
            *(action.action_id, action.token, action.amount, action.start_price, action.floor_price),
            *(action.duration, action.batch),
            *_certificate_words(signers, certificate),
        ],
    )


def encode_checkpoint(batch: BatchCommitment, signers: Signers, certificate: Certificate) -> bytes:
    """CollateralVault.checkpoint: the arguments are those of ClearingHub.commit."""
    types = ("uint256", "bytes32", "bytes32", "bytes32", *_CERTIFICATE_TYPES)
    return _selector("checkpoint", types) + encode_commit(batch, signers, certificate)[4:]


def encode_rotate(rotation: Rotation, signers: Signers, certificate: Certificate) -> bytes:
    """ClearingHub.rotate and CollateralVault.rotate; `signers` are those of the epoch that ends."""
    return encode_call(
        "rotate",
        ("address[]", "bytes32", "uint256", *_CERTIFICATE_TYPES),
        [
            *(list(rotation.new_signers), rotation.committee, rotation.batch),
            *_certificate_words(signers, certificate),
        ],
    )


def encode_guard(order: GuardOrder, signers: Signers, certificate: Certificate) -> bytes:
    """CollateralVault.guard."""
    return encode_call(
        "guard",
        ("address", "uint256", "uint256", *_CERTIFICATE_TYPES),
        [order.token, order.limit, order.paused_until, *_certificate_words(signers, certificate)],
    )


def encode_deposit(account: bytes, token: bytes, amount: int) -> bytes:
    """CollateralVault.deposit; the vault needs an approval of `amount` first."""
    return encode_call("deposit", ("bytes32", "address", "uint256"), [account, token, amount])


def encode_buy(action_id: bytes, max_price: int) -> bytes:
    """CollateralAuction.buy; the auction needs an approval of the price in USD first."""
    return encode_call("buy", ("bytes32", "uint256"), [action_id, max_price])


def encode_route(action_id: bytes, source: bytes) -> bytes:
    """CollateralAuction.route: sells the lot through the ILiquiditySource at `source`."""
    return encode_call("route", ("bytes32", "address"), [action_id, source])


def encode_approve(spender: bytes, amount: int) -> bytes:
    """ERC-20 approve."""
    return encode_call("approve", ("address", "uint256"), [spender, amount])


async def read(
    w3: Connection,
    contract: bytes,
    name: str,
    types: Sequence[str],
    values: Sequence[Any],
    returns: str,
    block: int | None = None,
) -> Any:
    """The single value of ABI type `returns` that the view function `name` answers."""
    call = {"to": to_checksum_address(contract), "data": "0x" + encode_call(name, types, values).hex()}
    answer = unhex(await request(w3, "eth_call", call, "latest" if block is None else hex(block)))
    value = decode([returns], answer)[0]
    return unhex(value) if returns == "address" else value


async def epoch(w3: Connection, contract: bytes, block: int | None = None) -> int:
    """How often the signer set of the hub or vault `contract` was rotated."""
    return int(await read(w3, contract, "epoch", (), (), "uint256", block))


async def balance_of(w3: Connection, token: bytes, holder: bytes) -> int:
    """ERC-20 balance in base units."""
    return int(await read(w3, token, "balanceOf", ("address",), [holder], "uint256"))


@dataclass(frozen=True, slots=True)
class HubReader:
    """Reads a ClearingHub."""

    w3: Connection
    address: bytes

    async def height(self, block: int | None = None) -> int:
        """Number of the last committed batch; 0 before the first."""
        return int(await read(self.w3, self.address, "height", (), (), "uint256", block))

    async def root(self, number: int, block: int | None = None) -> bytes:
        """Root after batch `number`; zeros if there is none. Batch 0's is the deployment id."""
        return bytes(await read(self.w3, self.address, "root", ("uint256",), [number], "bytes32", block))

    async def batch_hash(self, number: int, block: int | None = None) -> bytes:
        """Hash of batch `number`; zeros if there is none."""
        return bytes(await read(self.w3, self.address, "batch_hash", ("uint256",), [number], "bytes32", block))

    async def deployment(self) -> bytes:
        """The deployment id."""
        return bytes(await read(self.w3, self.address, "deployment", (), (), "bytes32"))


@dataclass(frozen=True, slots=True)
class VaultReader:
    """Reads a CollateralVault and its auction."""

    w3: Connection
    address: bytes

    async def done(self, action_id: bytes) -> bool:
        """Whether the action id was used up, by a payment, a failed payment or a seizure."""
        return bool(await read(self.w3, self.address, "done", ("bytes32",), [action_id], "bool"))

    async def unit(self, token: bytes) -> int:
        """Base units of one ledger unit; 0 for a token that is not listed."""
        return int(await read(self.w3, self.address, "unit", ("address",), [token], "uint256"))

    async def guard_orders(self) -> int:
        """How many guard orders the vault has taken."""
        return int(await read(self.w3, self.address, "guard_orders", (), (), "uint256"))

    async def paused_until(self) -> int:
        """Unix second up to which nothing enters or leaves; in the past if the vault is open."""
        return int(await read(self.w3, self.address, "paused_until", (), (), "uint256"))

    async def hourly_limit(self, token: bytes) -> int:
        """Base units of a token that may leave in an hour; 0 if there is no limit."""
        return int(await read(self.w3, self.address, "hourly_limit", ("address",), [token], "uint256"))

    async def checkpoint(self) -> int:
        """Number of the newest batch whose certificate was relayed to the vault; 0 before the first."""
        return int(await read(self.w3, self.address, "checkpoint_number", (), (), "uint256"))

    async def auction(self) -> bytes:
        """Address of the vault's auction."""
        return bytes(await read(self.w3, self.address, "auction", (), (), "address"))

    async def price(self, action_id: bytes) -> int:
        """What the seized lot costs in the latest block, USD base units. RpcRefused if it is not on sale."""
        auction = await self.auction()
        return int(await read(self.w3, auction, "price", ("bytes32",), [action_id], "uint256"))
