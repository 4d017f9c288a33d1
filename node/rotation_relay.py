"""Brings a certified rotation to the hub, then to every vault; a vault that lags gets all it missed, in order."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from node.chains import calls
from node.chains.errors import ChainError, TransactionReverted
from node.chains.relayer import Relayer
from node.chains.rpc import Connection
from node.errors import HandOverInvalid
from node.rotations import Succession
from node.sequencing.ports import ChainView

_RETRY_SECONDS: Final = 1.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Contract:
    """The hub or a vault, and this node's way to it."""

    address: bytes
    w3: Connection
    relayer: Relayer


class RotationRelay:
    """One validator's part. `wait` is the seconds that its turn comes after the first one's."""

    def __init__(
        self, succession: Succession, hub: Contract, hub_view: ChainView, vaults: Mapping[int, Contract], wait: float
    ) -> None:
        """`vaults` are by chain id."""
        self._succession = succession
        self._epoch = succession.epochs.current.epoch
        self._hub = hub
        self._hub_view = hub_view
        self._vaults = vaults
        self._wait = wait

    async def rotate_hub(self) -> None:
        """Return once the hub, at the head of its chain, is in this node's epoch; before, no batch can be committed.

        Raises:
            HandOverInvalid: the hub is in a later epoch, or took another batch after the last of the former members'.
        """
        while (known := await self._epoch_of(self._hub)) != self._epoch:
            if known is not None and known > self._epoch:
                raise HandOverInvalid("epoch", f"the hub is in epoch {known}, this node knows {self._epoch}")
            if known is not None:
                await asyncio.sleep(self._wait)
                await self._bring(self._hub, known)
            await asyncio.sleep(_RETRY_SECONDS)

    async def run(self) -> None:
        """Bring every vault to the hub's final epoch, and stay."""
        await asyncio.gather(*(self._follow(chain_id, vault) for chain_id, vault in sorted(self._vaults.items())))
        await asyncio.Event().wait()

    async def _follow(self, chain_id: int, vault: Contract) -> None:
        while (known := await self._epoch_of(vault)) is None or known < self._epoch:
            if known is not None and await self._final_epoch() > known:
                log.info("vault_suspended", chain_id=chain_id, epoch=known, hub=self._epoch)
                await asyncio.sleep(self._wait)
                await self._bring(vault, known)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _final_epoch(self) -> int:
        """The hub's at its newest final block: what a reorganisation could undo, no vault is told."""
        try:
            return await calls.epoch(self._hub.w3, self._hub.address, self._hub_view.final.number)
        except ChainError as error:
            log.warning("epoch_unknown", error=str(error))
            return 0

    async def _epoch_of(self, contract: Contract) -> int | None:
        try:
            return await calls.epoch(contract.w3, contract.address)
        except ChainError as error:
            log.warning("epoch_unknown", contract=contract.address.hex(), error=str(error))
            return None

    async def _bring(self, contract: Contract, epoch: int) -> None:
        """The rotation that ends `epoch`, unless somebody else brought it meanwhile."""
        hand_over, signers = self._succession.hand_overs[epoch], self._succession.epochs.houses[epoch].validators
        if hand_over.certificate is None or await self._epoch_of(contract) != epoch:
            return
        data = calls.encode_rotate(hand_over.rotation, signers, hand_over.certificate)
        try:
            receipt = await contract.relayer.send(contract.address, data)
        except TransactionReverted as error:
            log.warning("rotation_reverted", contract=contract.address.hex(), reason=error.reason)
            if error.reason == "not the last batch" and await self._epoch_of(contract) == epoch:
                raise HandOverInvalid("batch", f"the hub's last is not {hand_over.batch} any more") from error
        except ChainError as error:
            log.warning("rotation_not_sent", contract=contract.address.hex(), error=str(error))
        else:
            log.info("rotated", contract=contract.address.hex(), epoch=epoch + 1, gas=receipt.gas_used)
