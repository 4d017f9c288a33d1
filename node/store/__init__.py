"""The node's durable store: final batches and what follows from them, votes, certified batches, outbox.

Blocking and thread-safe: an event loop calls it through `asyncio.to_thread`.
"""

from node.store.errors import (
    BatchGap,
    BrokenChain,
    ConflictingEntry,
    DoubleVote,
    StoreError,
    UnknownEntry,
    WrongDeployment,
    WrongSchema,
)
from node.store.records import (
    AccountVersion,
    CertifiedBatch,
    Latency,
    OutboxEntry,
    OutboxKind,
    StoredBatch,
    StoredEvent,
    StoredMessage,
    StoredPosting,
    Vote,
)
from node.store.store import Store

__all__ = [
    "AccountVersion",
    "BatchGap",
    "BrokenChain",
    "CertifiedBatch",
    "ConflictingEntry",
    "DoubleVote",
    "Latency",
    "OutboxEntry",
    "OutboxKind",
    "Store",
    "StoreError",
    "StoredBatch",
    "StoredEvent",
    "StoredMessage",
    "StoredPosting",
    "UnknownEntry",
    "Vote",
    "WrongDeployment",
    "WrongSchema",
]
