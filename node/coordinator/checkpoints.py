"""Shows every vault now and then that the house lives: the certificate of the newest final batch, as a checkpoint.

A vault lets owners leave by force only once no checkpoint was relayed for long. So that staleness means what it says,
each validator looks at every vault once an interval, and relays if nobody else did since it last looked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from node.chains.certificates import BatchCommitment, Certificate
from node.chains.errors import ChainError
from node.store import Store

log = structlog.get_logger(__name__)


class CheckpointVault(Protocol):
    """One chain's vault contract, to be shown certificates."""

    async def checkpoint(self) -> int:
        """Number of the newest batch that the vault knows. Raises ChainError."""

    async def relay(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        """Sends the checkpoint and waits for its block; the transaction's hash. Raises ChainError."""


@dataclass(frozen=True, slots=True)
class _Newest:
    batch: BatchCommitment
    certificate: Certificate


class Checkpoints:
    """One validator's part. `interval` is the seconds between two looks; `genesis_root` is the root of batch 0."""

    def __init__(
        self, vaults: Mapping[int, CheckpointVault], store: Store, genesis_root: bytes, interval: float
    ) -> None:
        self._vaults = vaults
        self._store = store
        self._genesis_root = genesis_root
        self._interval = interval
        self._seen: dict[int, int] = {}

    async def run(self) -> None:
        """Look and relay, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """One look at every vault."""
        newest = await asyncio.to_thread(self._newest)
        if newest is not None:
            await asyncio.gather(*(self._look(chain_id, newest) for chain_id in sorted(self._vaults)))

    async def _look(self, chain_id: int, newest: _Newest) -> None:
        vault = self._vaults[chain_id]
        try:
            known = await vault.checkpoint()
            stands = self._seen.get(chain_id) == known
            self._seen[chain_id] = known
            if not stands or known >= newest.batch.number:
                return
            await vault.relay(newest.batch, newest.certificate)
        except ChainError as error:
            log.warning("checkpoint_not_sent", chain_id=chain_id, error=str(error))
            return
        log.info("checkpoint_relayed", chain_id=chain_id, number=newest.batch.number)

    def _newest(self) -> _Newest | None:
        """The last final batch; None if there is none, or if this node caught up on it without its certificate."""
        last = self._store.last()
        if last is None or not last.certificate:
            return None
        before = self._store.batch(last.number - 1)
        previous = self._genesis_root if before is None else before.root
        batch = BatchCommitment(last.number, previous, last.root, last.batch_hash)
        return _Newest(batch, Certificate.decode(last.certificate))
