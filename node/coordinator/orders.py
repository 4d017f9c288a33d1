"""The ledger's actions as a vault's orders: base units, token addresses, EIP-712 digests, calldata. Pure."""

from dataclasses import dataclass
from typing import TypeAlias

from node.chains import certificates
from node.ledger.effects import Action, PayAction
from node.ledger.state import House
from node.sequencing.inputs import usd_base_units
from node.store.outbox import chain_of

VaultOrder: TypeAlias = certificates.PayAction | certificates.SeizeAction


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order to the vault of a chain, and the digest that validators sign for it."""

    chain_id: int
    order: VaultOrder
    digest: bytes


def place_order(house: House, vaults: dict[int, bytes], batch: int, action: Action) -> PlacedOrder:
    """The order that `action`, ordered by final batch number `batch`, gives to its chain's vault.

    Raises:
        UnknownInstrument: an asset that is not listed.
    """
    asset = house.registry.asset(action.asset)
    chain_id = chain_of(action.asset)
    vault = vaults[chain_id]
    amount = action.amount * asset.base_units
    if isinstance(action, PayAction):
        pay = certificates.PayAction(action.action_id, asset.token, action.recipient, amount, batch, house.epoch)
        return PlacedOrder(chain_id, pay, certificates.pay_digest(chain_id, vault, pay))
    usd = usd_base_units(house, chain_id)
    seize = certificates.SeizeAction(
        action_id=action.action_id,
        token=asset.token,
        amount=amount,
        start_price=action.start_price * usd,
        floor_price=action.floor_price * usd,
        duration=action.seconds,
        batch=batch,
        epoch=house.epoch,
    )
    return PlacedOrder(chain_id, seize, certificates.seize_digest(chain_id, vault, seize))
