"""Checks claims in worker processes, each claim once: what held at a message's arrival is not checked in its batch."""

import asyncio
import pickle
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from circuits.batch import Claim
from circuits.errors import ClaimsRejected
from circuits.group import encode_point
from circuits.pedersen import CommitmentKey
from node.sequencing.latency import Latencies
from node.sequencing.workers import rejected_claims

_REMEMBERED: Final = 16_384


@dataclass(frozen=True, slots=True)
class _Packed:
    """A claim as workers get it, and the 32 bytes that name it: statement, commitments, proof and context.

    The pickled form is injective. Two equal claims may still pickle apart, and then are checked twice.
    """

    data: bytes
    digest: bytes

    @classmethod
    def of(cls, claim: Claim) -> "_Packed":
        data = pickle.dumps(claim, protocol=5)
        return cls(data, bytes(keccak(data)))


class ClaimChecker:
    """Verifies batches of claims under one key in an executor, and remembers which held and which did not.

    `chunks` is the number of parts a batch is split into, at most one for each worker: one multi-scalar
    multiplication over everything costs least, several finish sooner.
    """

    def __init__(
        self, key: CommitmentKey, executor: Executor, chunks: int = 1, latencies: Latencies | None = None
    ) -> None:
        self._key = encode_point(key.blinding_base)
        self._executor = executor
        self._chunks = max(1, chunks)
        self._latencies = latencies
        self._held: OrderedDict[bytes, None] = OrderedDict()
        self._false: OrderedDict[bytes, None] = OrderedDict()

    async def check(self, claims: Sequence[Claim]) -> None:
        """Return if all hold.

        Raises:
            ClaimsRejected: the indices of those that do not.
        """
        packed = []
        for claim in claims:
            packed.append(_Packed.of(claim))
            await asyncio.sleep(0)  # half a millisecond each: a batch of them would hold up the loop
        rejected = {index for index, entry in enumerate(packed) if entry.digest in self._false}
        unknown = [
            index for index, entry in enumerate(packed) if index not in rejected and entry.digest not in self._held
        ]
        if unknown:
            started = time.perf_counter()
            found = set(await self._rejected(packed, unknown))
            if self._latencies is not None:
                self._latencies.verify.add((time.perf_counter() - started) * 1000)
            for index in unknown:
                _remember(self._false if index in found else self._held, packed[index].digest)
            rejected |= found
        if rejected:
            raise ClaimsRejected(tuple(sorted(rejected)))

    def knows(self, claims: Sequence[Claim]) -> bool:
        """Whether all of them were found to hold before. Takes half a millisecond a claim: not for the event loop."""
        return all(_Packed.of(claim).digest in self._held for claim in claims)

    async def _rejected(self, packed: Sequence[_Packed], unknown: Sequence[int]) -> list[int]:
        loop = asyncio.get_running_loop()
        parts = [unknown[start :: self._chunks] for start in range(min(self._chunks, len(unknown)))]
        work = [
            loop.run_in_executor(self._executor, rejected_claims, self._key, [packed[i].data for i in part])
            for part in parts
        ]
        outcomes = await asyncio.gather(*work)
        return [part[i] for part, bad in zip(parts, outcomes, strict=True) for i in bad]


def _remember(known: OrderedDict[bytes, None], digest: bytes) -> None:
    known[digest] = None
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
