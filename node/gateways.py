"""The house's contracts as sequencing and coordinator see them: calldata from `calls`, sent by a relayer."""

from collections.abc import Sequence

from node.chains.calls import HubReader, VaultReader, encode_checkpoint, encode_commit, encode_pay, encode_seize
from node.chains.certificates import BatchCommitment, Certificate, PayAction
from node.chains.relayer import Relayer
from node.chains.rpc import Connection
from node.coordinator.orders import VaultOrder


class HubGateway:
    """The ClearingHub (`node.sequencing.ports.Hub`)."""

    def __init__(self, w3: Connection, relayer: Relayer, address: bytes, validators: Sequence[bytes]) -> None:
        self._reader = HubReader(w3, address)
        self._relayer = relayer
        self._address = address
        self._validators = validators

    async def height(self) -> int:
        """Number of the last committed batch at the head of the chain. Raises RpcUnavailable, RpcRefused."""
        return await self._reader.height()

    async def commit(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        """Sends the commitment and waits for its block; the transaction's hash. Raises ChainError."""
        data = encode_commit(batch, self._validators, certificate)
        return (await self._relayer.send(self._address, data)).transaction_hash


class VaultGateway:
    """One chain's CollateralVault (`node.coordinator.coordinator.LiveVault`)."""

    def __init__(self, w3: Connection, relayer: Relayer, address: bytes, validators: Sequence[bytes]) -> None:
        self._reader = VaultReader(w3, address)
        self._relayer = relayer
        self._address = address
        self._validators = validators

    async def done(self, action_id: bytes) -> bool:
        """Whether the action id is used up. Raises RpcUnavailable, RpcRefused."""
        return await self._reader.done(action_id)

    async def checkpoint(self) -> int:
        """Number of the newest batch that the vault knows. Raises RpcUnavailable, RpcRefused."""
        return await self._reader.checkpoint()

    async def relay(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        """Sends the checkpoint and waits for its block; the transaction's hash. Raises ChainError."""
        data = encode_checkpoint(batch, self._validators, certificate)
        return (await self._relayer.send(self._address, data)).transaction_hash

    async def send(self, order: VaultOrder, certificate: Certificate) -> bytes:
        """Sends the order and waits for its block; the transaction's hash. Raises ChainError."""
        if isinstance(order, PayAction):
            data = encode_pay(order, self._validators, certificate)
        else:
            data = encode_seize(order, self._validators, certificate)
        return (await self._relayer.send(self._address, data)).transaction_hash
