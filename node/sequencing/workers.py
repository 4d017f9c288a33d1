"""What worker processes compute: top-level functions over picklable values. They hold no secret."""

import os
import pickle
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Final, Protocol

from circuits.batch import Claim, verify_claims
from circuits.dlog import DiscreteLog
from circuits.errors import ClaimsRejected
from circuits.generators import g_vector, h_vector
from circuits.group import decode_point
from circuits.pedersen import CommitmentKey

_PREPARED_DIGITS: Final = 1024
"""Digits of a statement of 128 rows of 64 bits, more than any account here needs."""
_PREPARED_BASE: Final = 262


class _Joinable(Protocol):
    def join(self) -> None: ...


def start_workers(count: int) -> Executor:
    """An executor of `count` fresh processes, or one thread if that is 0.

    Spawned, not forked: the node's gRPC threads would not survive a fork.
    """
    if count == 0:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="claims")
    return ProcessPoolExecutor(max_workers=count, mp_context=get_context("spawn"), initializer=_end_with_parent)


def stop_workers(executor: Executor) -> None:
    """End an executor at once, whatever it computes: otherwise the process would wait for its workers at exit."""
    # Executors have `terminate_workers` of their own from Python 3.14 on.
    processes = dict(getattr(executor, "_processes", None) or {})
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes.values():
        process.terminate()


def _end_with_parent() -> None:
    """A worker whose node was killed ends too: nothing else would tell it."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for_end, args=(parent,), daemon=True).start()


def _wait_for_end(parent: _Joinable) -> None:
    parent.join()
    os._exit(0)


def prepare_worker() -> None:
    """Derive the generators of the largest usual statement, so that the first claim does not wait for them."""
    g_vector(_PREPARED_DIGITS)
    h_vector(_PREPARED_BASE)


def rejected_claims(blinding_base: bytes, packed: Sequence[bytes]) -> tuple[int, ...]:
    """The indices of the claims, pickled by the node itself, that do not hold under the key H (48 bytes)."""
    claims: list[Claim] = [pickle.loads(data) for data in packed]
    try:
        verify_claims(_key(blinding_base), claims)
    except ClaimsRejected as rejection:
        return rejection.indices
    return ()


def find_logarithms(points: Sequence[bytes], bounds: Sequence[int], cache: Path | None) -> tuple[int, ...]:
    """The signed integers behind points q·G (48 bytes each), |q| at most its bound.

    Raises:
        circuits.dlog.NotFound: one has none.
    """
    table = _table(cache)
    return tuple(table.find(decode_point(p, allow_identity=True), b) for p, b in zip(points, bounds, strict=True))


@lru_cache(maxsize=4)
def _key(blinding_base: bytes) -> CommitmentKey:
    return CommitmentKey(decode_point(blinding_base))


@lru_cache(maxsize=1)
def _table(cache: Path | None) -> DiscreteLog:
    return DiscreteLog(cache=cache)
