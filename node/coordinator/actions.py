"""Payouts and seizures of final batches: signed, certified by a quorum, brought to their vaults, and closed.

Every action is in the store's outbox from the transaction that made its batch final, so a crash loses none; a vault
takes each id once, so sending again pays nobody twice. Validators take turns to relay: first the one whose index is the
chain's, then, after a wait each, the others.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from node.chains import certificates
from node.chains.certificates import Certificate, ValidatorKey
from node.chains.errors import BadSignature, ChainError, TransactionReverted
from node.coordinator.errors import ActionNotFinal
from node.coordinator.orders import PlacedOrder, VaultOrder, place_order
from node.ledger.batch import Batch, Paid, PayFailed, Seized
from node.ledger.effects import Action, PayAction, SeizeAction
from node.ledger.state import House
from node.ledger.types import Address, Digest
from node.network.errors import InvalidGossip
from node.sequencing.ports import Mesh
from node.store import Store

ACTION: Final = "action"
_PAYLOAD_BYTES: Final = 32 + certificates.SIGNATURE_BYTES
_EARLY: Final = 1024
"""Signatures kept for actions of batches that are not final here yet, of each peer."""
_TELL_SECONDS: Final = 2.0
"""How often the signatures of open actions are told again."""
log = structlog.get_logger(__name__)


class Vault(Protocol):
    """One chain's vault contract, to be written to."""

    async def done(self, action_id: bytes) -> bool:
        """Whether the action id is used up at the head of the chain. Raises ChainError."""

    async def send(self, order: VaultOrder, certificate: Certificate) -> bytes:
        """Sends the order and waits for its block; the transaction's hash. Raises TransactionReverted, ChainError."""


@dataclass(slots=True)
class _Open:
    """An action that is final in the ledger and not yet on its chain."""

    batch: int
    placed: PlacedOrder
    signatures: dict[bytes, bytes] = field(default_factory=dict)
    task: "asyncio.Task[None] | None" = None


class Actions:
    """One validator's part in all actions. `fallback` is the seconds between two validators' turns to relay."""

    def __init__(
        self,
        house: House,
        key: ValidatorKey,
        addresses: Mapping[int, bytes],
        vaults: Mapping[int, Vault],
        mesh: Mesh,
        store: Store,
        final: int,
        fallback: float,
    ) -> None:
        """`addresses` are the vaults' by chain, `vaults` the way to them, `final` the last final batch."""
        self._house = house
        self._key = key
        self._addresses = dict(addresses)
        self._vaults = vaults
        self._mesh = mesh
        self._store = store
        self._final = final
        self._fallback = fallback
        self._open: dict[bytes, _Open] = {}
        self._early: dict[bytes, OrderedDict[bytes, bytes]] = {}
        mesh.on(ACTION, self._on_signature)

    @property
    def open(self) -> int:
        """How many actions wait for their chains."""
        return len(self._open)

    async def restore(self) -> None:
        """After a restart: every open action of the outbox is signed, told and relayed again."""
        for entry in await asyncio.to_thread(self._store.pending):
            if entry.action is not None:
                await self._take_up(entry.batch, entry.action)

    async def run(self) -> None:
        """Tell this validator's signatures of open actions again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_TELL_SECONDS)
                for action_id, entry in list(self._open.items()):
                    await self._tell(action_id, entry)
        finally:
            for entry in self._open.values():
                if entry.task is not None:
                    entry.task.cancel()

    async def on_final(self, batch: Batch, effects: tuple[object, ...]) -> None:
        """A batch is final: its actions are taken up, and those that its chain events settled are closed."""
        self._final = batch.number
        for effect in effects:
            if isinstance(effect, PayAction | SeizeAction):
                await self._take_up(batch.number, effect)
        for segment in batch.segments:
            for logged in segment.events:
                if isinstance(logged.event, Paid | PayFailed | Seized):
                    await self._close(logged.event.action_id)

    def sign(self, batch: int, action: Action) -> bytes:
        """This validator's signature for an action of final batch number `batch`.

        Raises:
            ActionNotFinal: the batch is not final here, so that it might never be.
        """
        if batch > self._final:
            raise ActionNotFinal(action.action_id, batch, self._final)
        return self._key.sign_digest(place_order(self._house, self._addresses, batch, action).digest)

    async def _take_up(self, batch: int, action: Action) -> None:
        signature = self.sign(batch, action)
        entry = _Open(batch, place_order(self._house, self._addresses, batch, action))
        self._open[action.action_id] = entry
        entry.signatures[self._key.address] = signature
        await self._tell(action.action_id, entry)
        for peer, held in self._early.items():
            if (early := held.pop(action.action_id, None)) is not None:
                self._count(entry, peer, early)
        self._relay_once_certified(action.action_id, entry)

    async def _tell(self, action_id: bytes, entry: _Open) -> None:
        await self._mesh.broadcast(ACTION, action_id + entry.signatures[self._key.address])

    async def _on_signature(self, sender: bytes, payload: bytes) -> None:
        if len(payload) != _PAYLOAD_BYTES or sender not in self._house.validators:
            raise InvalidGossip(f"{len(payload)} bytes are no signature of an action")
        action_id, signature = payload[:32], payload[32:]
        entry = self._open.get(action_id)
        if entry is None:
            held = self._early.setdefault(sender, OrderedDict())
            held[action_id] = signature
            if len(held) > _EARLY:
                held.popitem(last=False)
            return
        if not self._count(entry, sender, signature):
            raise InvalidGossip(f"not a signature of action {action_id.hex()}")
        self._relay_once_certified(action_id, entry)

    def _count(self, entry: _Open, signer: bytes, signature: bytes) -> bool:
        try:
            certificates.check_signature(entry.placed.digest, signature, signer)
        except BadSignature as error:
            log.warning("action_signature_refused", peer=signer.hex(), reason=str(error))
            return False
        entry.signatures[signer] = signature
        return True

    def _relay_once_certified(self, action_id: bytes, entry: _Open) -> None:
        if entry.task is None and len(entry.signatures) >= self._house.quorum:
            entry.task = asyncio.create_task(self._relay(Digest(action_id), entry), name="relay")

    async def _relay(self, action_id: Digest, entry: _Open) -> None:
        """Send the certified order at this validator's turn, and again while the chain has not confirmed it."""
        placed, validators = entry.placed, self._house.validators
        certificate = certificates.assemble(placed.digest, validators, entry.signatures, self._house.quorum)
        first = sorted(self._addresses).index(placed.chain_id)
        turns = (validators.index(Address(self._key.address)) - first) % len(validators)
        await asyncio.sleep(turns * self._fallback)
        vault = self._vaults[placed.chain_id]
        while True:
            try:
                if not await vault.done(action_id):
                    transaction = await vault.send(placed.order, certificate)
                    await asyncio.to_thread(self._store.mark_sent, action_id, transaction)
            except TransactionReverted as error:
                log.info("action_reverted", action=action_id.hex(), reason=error.reason)
            except ChainError as error:
                log.warning("action_not_sent", action=action_id.hex(), error=str(error))
            await asyncio.sleep(self._fallback * len(validators))

    async def _close(self, action_id: Digest) -> None:
        entry = self._open.pop(action_id, None)
        if entry is None:
            return
        if entry.task is not None:
            entry.task.cancel()
        await asyncio.to_thread(self._store.close_entry, action_id)
        log.info("action_final", action=action_id.hex(), chain_id=entry.placed.chain_id)
