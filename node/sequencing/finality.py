"""Follows the hub: each batch that became final there is found, executed if need be, and written down.

The body is the one whose hash the hub names: from a proposal seen, from the certified batches of the store, or from
peers, whose answers are checked against the hub's hash before anything else is done with them. The hub's acceptance
implies the certificate, so that the claims of a batch that this node missed need not be verified again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from node.chains.events import BatchCommitted
from node.ledger.batch import Batch
from node.ledger.claims import TrustingVerifier
from node.ledger.epochs import Epochs
from node.ledger.errors import LedgerError
from node.ledger.execution import Executed, execute
from node.ledger.state import House, LedgerState
from node.ledger.wire import batch_hash, decode_batch
from node.network.errors import NetworkError
from node.sequencing.errors import FinalBatchInvalid
from node.sequencing.ports import ChainView, Mesh
from node.store import Store

FETCH_BATCHES: Final = 64
_RETRY_SECONDS: Final = 0.5
log = structlog.get_logger(__name__)


async def next_commitment(hub: ChainView, first_block: int, next_number: int) -> BatchCommitted:
    """The commitment of batch `next_number`, from the hub's final blocks `first_block` on; waits for it.

    Raises:
        ChainError: the hub's view has failed.
    """
    block = first_block
    while True:
        await hub.wait_final(block)
        last = hub.final.number
        for event in hub.events(block, last):
            if isinstance(event, BatchCommitted) and event.number == next_number:
                return event
        block = last + 1


async def find_body(mesh: Mesh, store: Store, committed: BatchCommitted, known: Sequence[bytes]) -> bytes:
    """The body whose hash the hub names: among `known`, in the store, or from peers; asks until one has it."""
    stored = await asyncio.to_thread(store.certified, committed.number)
    for body in (*known, *(entry.body for entry in stored)):
        if batch_hash(body) == committed.batch_hash:
            return body
    while True:
        for peer in sorted(mesh.connected):
            try:
                bodies = await mesh.fetch_batches(peer, committed.number, 1)
            except NetworkError as error:
                log.info("fetch_failed", peer=peer.hex(), number=committed.number, reason=str(error))
                continue
            if bodies and batch_hash(bodies[0]) == committed.batch_hash:
                return bodies[0]
            if bodies:
                log.warning("fetched_another_body", peer=peer.hex(), number=committed.number)
        await asyncio.sleep(_RETRY_SECONDS)


def execute_final(house: House, state: LedgerState, batch: Batch) -> Executed:
    """The execution of a batch that the hub made final.

    Raises:
        FinalBatchInvalid: this node comes to another result than the quorum that signed it.
    """
    try:
        return execute(house, state, batch, TrustingVerifier())
    except LedgerError as error:
        raise FinalBatchInvalid(batch.number, str(error)) from error


def rebuild(epochs: Epochs, genesis: LedgerState, store: Store) -> LedgerState:
    """The state after the last stored batch, by executing every stored body again on the genesis state.

    Raises:
        FinalBatchInvalid: a stored body does not lead to its stored root.
    """
    state = genesis
    while bodies := store.batches(state.number + 1, FETCH_BATCHES):
        for body in bodies:
            batch = decode_batch(body)
            state = execute_final(epochs.at(batch.number), state, batch).state
    last = store.last()
    if last is not None and (last.number, last.root) != (state.number, state.root):
        raise FinalBatchInvalid(state.number, "the stored batches do not lead to the stored root")
    return state


class BatchArchive:
    """Answers peers' fetches (`node.network.BatchProvider`): final batches, then the certified one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def batches(self, first: int, count: int) -> list[bytes]:
        """Up to `count` bodies from batch `first` on, in order."""
        bodies = await asyncio.to_thread(self._store.batches, first, count)
        if len(bodies) < count:
            certified = await asyncio.to_thread(self._store.certified, first + len(bodies))
            bodies += [entry.body for entry in certified[:1]]
        return bodies
