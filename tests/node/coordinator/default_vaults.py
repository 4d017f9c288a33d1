"""The vaults of a played default: in memory, but strict about certificates, and each action once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from node.chains import certificates
from node.chains import events as chain_events
from node.chains.certificates import BatchCommitment, Certificate
from node.chains.errors import CertificateError, RpcUnavailable, TransactionReverted
from node.coordinator.orders import VaultOrder
from tests.node.sequencing.world import FakeChain
from tests.support.ledger import CHAINS

VAULTS = {chain: bytes([chain % 251]) * 20 for chain in CHAINS}


@dataclass
class AuctioningVault:
    """One chain's vault: takes each action once, from whoever brings a quorum's certificate, and logs it."""

    chain: FakeChain
    validators: Sequence[bytes]
    taken: dict[bytes, certificates.SeizeAction] = field(default_factory=dict)
    signers: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    refused: list[bytes] = field(default_factory=list)
    """The relayers whose order was not what the quorum had signed."""

    def take(self, relayer: bytes, order: VaultOrder, certificate: Certificate) -> None:
        """Raises TransactionReverted."""
        assert isinstance(order, certificates.SeizeAction)
        digest = certificates.seize_digest(self.chain.chain_id, VAULTS[self.chain.chain_id], order)
        try:
            certificates.verify(certificate, digest, self.validators)
        except CertificateError as error:
            self.refused.append(relayer)
            raise TransactionReverted(str(error), b"") from error
        if order.action_id in self.taken:
            raise TransactionReverted("action taken", b"")
        self.taken[order.action_id] = order
        self.signers[order.action_id] = frozenset(self.validators[index] for index in certificate.indices)

    def seized(self, order: certificates.SeizeAction) -> Callable[..., chain_events.ChainEvent]:
        """The event of a lot that went to auction."""
        return partial(chain_events.Seized, action_id=order.action_id, token=order.token, amount=order.amount)

    def sold(self, order: certificates.SeizeAction) -> Callable[..., chain_events.ChainEvent]:
        """The event of a lot that was bought at its floor."""
        terms = {"action_id": order.action_id, "token": order.token, "amount": order.amount}
        return partial(chain_events.Sold, **terms, proceeds=order.floor_price, buyer=bytes(20))


@dataclass
class Door:
    """One validator's way to a vault, which a failure may shut, or use for another order."""

    vault: AuctioningVault
    relayer: bytes
    shut: bool = False
    lying: bool = False

    async def done(self, action_id: bytes) -> bool:
        self._require_open()
        return action_id in self.vault.taken

    async def send(self, order: VaultOrder, certificate: Certificate) -> bytes:
        self._require_open()
        if self.lying:
            order = replace(order, amount=order.amount - 1)
        self.vault.take(self.relayer, order, certificate)
        await self.vault.chain.mine(self.vault.seized(self.vault.taken[order.action_id]))
        return bytes(32)

    async def checkpoint(self) -> int:
        self._require_open()
        return 0

    async def relay(self, batch: BatchCommitment, certificate: Certificate) -> bytes:
        raise RpcUnavailable("eth_sendRawTransaction", "no checkpoints here")

    def _require_open(self) -> None:
        if self.shut:
            raise RpcUnavailable("eth_call", "the validator says nothing")
