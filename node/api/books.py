"""Answers that need the whole state, worked out once for each, off the event loop: Merkle paths, invariants."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from node.api.errors import Absent
from node.ledger.invariants import InvariantReport, report_invariants
from node.ledger.leaves import account_leaf, state_tree
from node.ledger.merkle import MerkleTree
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LeafProof:
    """An account's abi-encoded leaf, and the sibling hashes from it up to the root."""

    leaf: bytes
    path: tuple[bytes, ...]


class _Latest(Generic[T]):
    """The last answer, kept for as long as its state is asked for; one thread works it out, the others wait."""

    def __init__(self, work: Callable[[House, LedgerState], T]) -> None:
        self._work = work
        self._lock = asyncio.Lock()
        self._known: tuple[LedgerState, T] | None = None

    async def of(self, house: House, state: LedgerState) -> T:
        async with self._lock:
            if self._known is None or self._known[0] is not state:
                self._known = (state, await asyncio.to_thread(self._work, house, state))
            return self._known[1]


class Books:
    """Proofs and sums over a whole state."""

    def __init__(self) -> None:
        self._tree: _Latest[MerkleTree] = _Latest(state_tree)
        self._invariants: _Latest[InvariantReport] = _Latest(report_invariants)

    async def leaf_proof(self, house: House, state: LedgerState, account: AccountId) -> LeafProof:
        """Where an account stands under the state's root. Raises Absent if it is not open."""
        if account not in state.accounts:
            raise Absent("account", account.hex())
        tree = await self._tree.of(house, state)
        return LeafProof(account_leaf(house.registry, state.accounts[account]), tree.path(account))

    async def invariants(self, house: House, state: LedgerState) -> InvariantReport:
        """Whether the books add up."""
        return await self._invariants.of(house, state)
