"""What worker processes compute: top-level functions over picklable values. They hold no secret."""

from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from circuits.batch import Claim, verify_claims
from circuits.dlog import DiscreteLog
from circuits.errors import ClaimsRejected
from circuits.group import decode_point
from circuits.pedersen import CommitmentKey


def start_workers(count: int) -> Executor:
    """An executor of `count` fresh processes, or one thread if that is 0.

    Spawned, not forked: the node's gRPC threads would not survive a fork.
    """
    if count == 0:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="claims")
    return ProcessPoolExecutor(max_workers=count, mp_context=get_context("spawn"))


def rejected_claims(blinding_base: bytes, claims: Sequence[Claim]) -> tuple[int, ...]:
    """The indices of the claims that do not hold under the key H (48 bytes)."""
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
