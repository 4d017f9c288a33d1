"""What the state root commits to: one abi-encoded leaf for each account, and one for the house itself.

Everything that a later batch reads is in some leaf, so that equal roots mean equal futures. A contract can check what a
forced exit needs of an account's leaf: every word of it is static, collateral opens one holding at a time, and "no
positions" is one constant (contracts/exits.vy).
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from circuits.auditor import AuditorKey, Handle
from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.leaf_format import ACCOUNT_LEAF_TYPES, commitment_words, holding_hash
from node.ledger.merkle import MerkleTree, leaf_hash
from node.ledger.state import HashedLeaf, House, LedgerState
from node.ledger.types import AccountId
from node.market.instruments import Registry


def account_leaf(registry: Registry, account: Account) -> bytes:
    """The abi-encoded leaf of an account."""
    window = account.window.encode() if account.window is not None else b""
    detail = (
        account.limbs,
        account.audit,
        window,
        account.deadline,
        tuple(sorted(account.proposers_since_call)),
        account.inbox,
        account.credits_merged,
        account.sealing_key,
        account.exits,
    )
    values = (
        account.id,
        "0x" + account.owner.hex(),
        account.index,
        account.version,
        int(account.status),
        account.home_chain,
        commitment_words(account.cash),
        bytes(keccak(abi_encode(["bytes32[]"], [holding_hashes(registry, account)]))),
        structure_digest(account.positions),
        structure_digest(detail),
    )
    return bytes(abi_encode(ACCOUNT_LEAF_TYPES, values))


def holding_hashes(registry: Registry, account: Account) -> list[bytes]:
    """keccak(abi.encode(chain, token, commitment)) of each collateral holding, in the order of asset ids."""
    return [holding_hash(registry.asset(name), held) for name, held in sorted(account.collateral.items())]


def house_leaf(house: House, state: LedgerState) -> bytes:
    """The abi-encoded leaf of everything that belongs to no account, keyed by the deployment digest."""
    rest = (
        state.number,
        state.hub_height,
        state.hub_time,
        state.market.digest,
        state.references,
        tuple(grid.digest for grid in state.grids),
        state.unclaimed,
        state.cursors,
        state.inventory,
        state.escrow,
        state.residue,
        state.insurance,
        state.default_fund,
        state.shortfall,
        state.payouts,
        state.defaults,
        state.backstop_used,
        state.trade_log,
        state.trades,
        state.epoch,
        state.orders,
        state.breaker,
        state.written_off,
        house.validators,
        house.committee_digest,
    )
    values = (house.deployment.digest, house.parameters_digest, structure_digest(rest))
    return bytes(abi_encode(("bytes32", "bytes32", "bytes32"), values))


def hashed_leaves(house: House, state: LedgerState) -> dict[AccountId, HashedLeaf]:
    """The leaf hash of every account, taken over from `state.leaves` for those that are the same object as then."""
    leaves = {}
    for name, account in state.accounts.items():
        known = state.leaves.get(name)
        unchanged = known is not None and known.account is account
        if unchanged and known:
            leaves[name] = known
        else:
            leaves[name] = HashedLeaf(account, leaf_hash(account_leaf(house.registry, account)))
    return leaves


def state_tree(house: House, state: LedgerState) -> MerkleTree:
    """The tree whose root the hub records; leaves are keyed by account id, the house's by the deployment digest."""
    leaves = {bytes(name): leaf.digest for name, leaf in hashed_leaves(house, state).items()}
    leaves[house.deployment.digest] = leaf_hash(house_leaf(house, state))
    return MerkleTree.build(leaves)


def structure_digest(value: object) -> bytes:
    """keccak over a tagged, length-prefixed rendering of nested ledger data; mappings go by sorted key."""
    return bytes(keccak(_render(value)))


def _framed(tag: bytes, data: bytes) -> bytes:
    return tag + len(data).to_bytes(8, "big") + data


def _render(value: Any) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, Commitment):
        return _framed(b"c", value.encode())
    if isinstance(value, Handle | AuditorKey):
        return _framed(b"h", value.encode())
    if isinstance(value, bool | int | IntEnum):
        return _framed(b"i", int(value).to_bytes(48, "big", signed=True))
    if isinstance(value, bytes):
        return _framed(b"b", value)
    if isinstance(value, str):
        return _framed(b"s", value.encode())
    if isinstance(value, Mapping):
        return _framed(b"m", _join(item for key in sorted(value) for item in (key, value[key])))
    if isinstance(value, tuple):
        return _framed(b"t", _join(value))
    if is_dataclass(value):
        return _framed(b"d", _join(getattr(value, field.name) for field in fields(value)))
    raise TypeError(f"{type(value).__name__} has no place in a leaf")


def _join(values: Iterable[Any]) -> bytes:
    return b"".join(_render(value) for value in values)
