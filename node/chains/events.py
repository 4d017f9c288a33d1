"""Events of the house's contracts as frozen dataclasses, and their decoding from the logs of `eth_getLogs`.

Every event carries the chain it happened on and its place there; (chain_id, block_number, log_index) is
unique. Amounts are base units of the token, addresses 20 bytes, ids and hashes 32.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from node.chains.errors import MalformedLog


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where an event stands: chain, block, place among the block's logs, and the contract it is from."""

    chain_id: int
    block_number: int
    block_hash: bytes
    log_index: int
    transaction_hash: bytes
    contract: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCommitted(LogPlace):
    """The hub accepted batch `number` as the one successor of `previous_root`."""

    number: int
    previous_root: bytes
    new_root: bytes
    batch_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited(LogPlace):
    """`amount` of `token` came in for `account`; `sequence` counts the vault's deposits from 1."""

    account: bytes
    token: bytes
    amount: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid(LogPlace):
    """The vault paid; the action id is used up."""

    action_id: bytes
    token: bytes
    to: bytes
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayFailed(LogPlace):
    """The token refused the payment, so the amount stays in the vault; the action id is used up."""

    action_id: bytes
    token: bytes
    to: bytes
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seized(LogPlace):
    """`amount` of `token` left the vault for its auction, which began with this block."""

    action_id: bytes
    token: bytes
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold(LogPlace):
    """A seized lot was bought; `proceeds` (USD base units) are in the vault."""

    action_id: bytes
    token: bytes
    amount: int
    proceeds: int
    buyer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignersRotated(LogPlace):
    """The hub or a vault handed over to the signer set with hash `signers`, which begins epoch `epoch`.

    `batch` is the last batch of the epoch before, `committee` the digest of the committee key's public data.
    """

    epoch: int
    batch: int
    signers: bytes
    committee: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRelayed(LogPlace):
    """The vault knows the root after batch `number`."""

    number: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRequested(LogPlace):
    """An owner proved `amount` ledger units of `token` by checkpoint `number`; a newer one would void the request."""

    account: bytes
    token: bytes
    to: bytes
    amount: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited(LogPlace):
    """The vault paid `amount` base units to an owner who proved them in the account's state of `version`."""

    account: bytes
    token: bytes
    to: bytes
    amount: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded(LogPlace):
    """The vault took guard order number `sequence`, counted from 1: a tighter `limit` of `token`, unless that is twenty
    zero bytes, and a pause until `paused_until`."""

    sequence: int
    token: bytes
    limit: int
    paused_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced(LogPlace):
    """A payment of `amount` base units, more than the hourly limit, was seen; it may be made from unix second `due` on.
    `key` is the hash of all that it says."""

    key: bytes
    token: bytes
    amount: int
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted(LogPlace):
    """`sender` put `data` (at most 9,216 bytes) on the hub for all nodes to see."""

    sender: bytes
    data: bytes


ChainEvent: TypeAlias = (
    BatchCommitted
    | Deposited
    | Paid
    | PayFailed
    | Seized
    | Sold
    | SignersRotated
    | Submitted
    | CheckpointRelayed
    | ExitRequested
    | Exited
    | Guarded
    | Announced
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one event lies in a log: types of its topics and data, names of its fields in that order."""

    build: Callable[..., ChainEvent]
    topics: tuple[str, ...]
    data: tuple[str, ...]
    fields: tuple[str, ...]


def _signature(name: str, *types: str) -> bytes:
    return keccak(f"{name}({','.join(types)})".encode())


_PAYMENT_FIELDS: Final = ("action_id", "token", "to", "amount")
_PAYMENT_TYPES: Final = ("bytes32", "address", "address", "uint256")
_PAYMENT_TOPICS: Final = ("bytes32", "address", "address")

_LAYOUTS: Final[Mapping[bytes, _Layout]] = {
    _signature("BatchCommitted", "uint256", "bytes32", "bytes32", "bytes32"): _Layout(
        BatchCommitted,
        ("uint256",),
        ("bytes32", "bytes32", "bytes32"),
        ("number", "previous_root", "new_root", "batch_hash"),
    ),
    _signature("Deposited", "bytes32", "address", "uint256", "uint256"): _Layout(
        Deposited, ("bytes32", "address"), ("uint256", "uint256"), ("account", "token", "amount", "sequence")
    ),
    _signature("Paid", *_PAYMENT_TYPES): _Layout(Paid, _PAYMENT_TOPICS, ("uint256",), _PAYMENT_FIELDS),
    _signature("PayFailed", *_PAYMENT_TYPES): _Layout(PayFailed, _PAYMENT_TOPICS, ("uint256",), _PAYMENT_FIELDS),
    _signature("Seized", "bytes32", "address", "uint256"): _Layout(
        Seized, ("bytes32", "address"), ("uint256",), ("action_id", "token", "amount")
    ),
    _signature("Sold", "bytes32", "address", "uint256", "uint256", "address"): _Layout(
        Sold,
        ("bytes32", "address"),
        ("uint256", "uint256", "address"),
        ("action_id", "token", "amount", "proceeds", "buyer"),
    ),
    _signature("CheckpointRelayed", "uint256", "bytes32"): _Layout(
        CheckpointRelayed, ("uint256",), ("bytes32",), ("number", "root")
    ),
    _signature("ExitRequested", *_PAYMENT_TYPES, "uint256"): _Layout(
        ExitRequested, _PAYMENT_TOPICS, ("uint256", "uint256"), ("account", "token", "to", "amount", "number")
    ),
    _signature("Exited", *_PAYMENT_TYPES, "uint256"): _Layout(
        Exited, _PAYMENT_TOPICS, ("uint256", "uint256"), ("account", "token", "to", "amount", "version")
    ),
    _signature("Guarded", "uint256", "address", "uint256", "uint256"): _Layout(
        Guarded, ("uint256", "address"), ("uint256", "uint256"), ("sequence", "token", "limit", "paused_until")
    ),
    _signature("Announced", "bytes32", "address", "uint256", "uint256"): _Layout(
        Announced, ("bytes32", "address"), ("uint256", "uint256"), ("key", "token", "amount", "due")
    ),
    _signature("SignersRotated", "uint256", "uint256", "bytes32", "bytes32"): _Layout(
        SignersRotated, ("uint256", "uint256"), ("bytes32", "bytes32"), ("epoch", "batch", "signers", "committee")
    ),
    _signature("Submitted", "address", "bytes"): _Layout(Submitted, ("address",), ("bytes",), ("sender", "data")),
}
EVENT_TOPICS: Final[tuple[bytes, ...]] = tuple(_LAYOUTS)
"""First topics of all events above, to filter logs by."""


def unhex(text: str) -> bytes:
    """Bytes of a JSON-RPC hex string ("0x…")."""
    return bytes.fromhex(text.removeprefix("0x"))


def decode_log(chain_id: int, log: Mapping[str, Any]) -> ChainEvent:
    """The event in a raw JSON-RPC log object; raises MalformedLog for any other log."""
    number, index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
    topics = [unhex(topic) for topic in log["topics"]]
    layout = _LAYOUTS.get(topics[0]) if topics else None
    if layout is None or len(topics) != 1 + len(layout.topics):
        raise MalformedLog(chain_id, number, index, "no event of the house's contracts")
    try:
        # Apart: offsets of dynamic data count from where the data begins.
        values = decode(layout.topics, b"".join(topics[1:])) + decode(layout.data, unhex(log["data"]))
    except DecodingError as error:
        raise MalformedLog(chain_id, number, index, str(error)) from error
    fields = (
        unhex(value) if kind == "address" else value
        for value, kind in zip(values, layout.topics + layout.data, strict=True)
    )
    return layout.build(
        chain_id=chain_id,
        block_number=number,
        block_hash=unhex(log["blockHash"]),
        log_index=index,
        transaction_hash=unhex(log["transactionHash"]),
        contract=unhex(log["address"]),
        **dict(zip(layout.fields, fields, strict=True)),
    )
