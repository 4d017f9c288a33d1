"""Dollars out of the house where no single vault holds enough of them: one withdrawal over several chains.

Cash is one number whatever chain its dollars came in on, and a vault can only pay what it holds. Where the chain that
an owner prefers is short, the rest is drawn on the others, the fullest first; deposits there meanwhile count.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from clearing.v1 import ledger_service_pb2

from node.client.connection import Connection
from node.client.errors import ClientError, HouseRefused, VaultsShort, WithdrawalIncomplete
from node.client.views import Receipt
from node.ledger.errors import Reason
from node.ledger.types import AssetId

_ATTEMPTS: Final = 5
"""How often a vault may turn out to be emptied, or its chain silent, between a look at it and the withdrawal."""


@dataclass(frozen=True, slots=True)
class Leg:
    """`amount` ledger units to be paid in `asset`, a chain's USD token."""

    asset: AssetId
    amount: int


def route(amount: int, available: Mapping[AssetId, int], preferred: AssetId) -> tuple[Leg, ...]:
    """As much as there is in the preferred asset, the rest from the fullest vaults on: as few legs as possible.

    Raises:
        VaultsShort: all vaults together hold less.
    """
    others = sorted((name for name in available if name != preferred), key=lambda name: (-available[name], name))
    legs, remaining = [], amount
    for name in (preferred, *others):
        drawn = min(max(available.get(name, 0), 0), remaining)
        if drawn:
            legs.append(Leg(name, drawn))
            remaining -= drawn
    if remaining:
        raise VaultsShort(amount, amount - remaining)
    return tuple(legs)


async def dollars_available(connection: Connection, dollars: frozenset[AssetId]) -> dict[AssetId, int]:
    """What vaults on chains that are alive hold of each USD token that counts and is not promised, in ledger units."""
    request = ledger_service_pb2.GetInvariantsRequest()
    books = await connection.call(connection.ledger.GetInvariants, request)
    paying = (entry for entry in books.assets if entry.asset in dollars and not (entry.written_off or entry.silent))
    return {AssetId(entry.asset): entry.in_vault - entry.promised for entry in paying}


async def withdraw_along(
    amount: int,
    preferred: AssetId,
    available: Callable[[], Awaitable[Mapping[AssetId, int]]],
    withdraw: Callable[[Leg], Awaitable[Receipt]],
) -> tuple[Receipt, ...]:
    """One withdrawal a leg, in turn. A vault that was emptied meanwhile, or whose chain fell silent, is routed around.

    Raises:
        VaultsShort: all vaults together hold less; nothing was withdrawn.
        WithdrawalIncomplete: a later leg failed; names what was withdrawn, and has the error as its cause.
        ClientError: as the first leg raises it; nothing was withdrawn.
    """
    receipts: list[Receipt] = []
    withdrawn = turned_away = 0
    while withdrawn < amount:
        try:
            leg = route(amount - withdrawn, await available(), preferred)[0]
            receipt = await withdraw(leg)
        except ClientError as error:
            closed = isinstance(error, HouseRefused) and error.reason in (Reason.VAULT_SHORT, Reason.CHAIN_SILENT)
            turned_away += closed
            if closed and turned_away < _ATTEMPTS:
                continue
            if receipts:
                raise WithdrawalIncomplete(withdrawn, amount) from error
            raise
        receipts.append(receipt)
        withdrawn += leg.amount
    return tuple(receipts)
