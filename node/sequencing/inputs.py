"""A batch's public inputs as this node's own chain connections show them: hub header, segments, rounds due.

Proposer and voter build the same things from the same functions; base units of tokens become ledger units here.
"""

from collections.abc import Mapping
from typing import Final

from node.chains import events as chain_events
from node.ledger.batch import (
    ChainSegment,
    Deposited,
    Exited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    Paid,
    PayFailed,
    Seized,
    SignedObservation,
    Sold,
    VaultEvent,
)
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Address, Digest, MicroUsd
from node.market.errors import MarketError
from node.sequencing.observations import next_round_height
from node.sequencing.ports import ChainView

SEGMENT_BLOCKS: Final = 2048
"""Blocks of one chain in one batch; a longer absence is caught up in several."""
BATCH_EVENTS: Final = 4096
"""Chain events in one batch, about 100 bytes each, shared evenly among the chains: a flood of deposits is booked over
several batches. A block is never split: one that holds more than its chain's share goes alone, and its gas limit is
what bounds it."""


def hub_header(hub: ChainView, number: int) -> HubHeader:
    """A final block of the hub as a batch names it. Raises BlockNotFinal, BlockBeforeStart."""
    header = hub.header(number)
    return HubHeader(header.number, header.hash, header.timestamp)


def ledger_event(house: House, event: chain_events.ChainEvent) -> VaultEvent | None:
    """A contract's event in ledger units; None for what the ledger does not book (commits, unlisted tokens)."""
    match event:
        case chain_events.Deposited():
            units = _ledger_units(house, event.chain_id, event.token, event.amount)
            return Deposited(AccountId(event.account), Address(event.token), units) if units else None
        case chain_events.Exited():
            units = _ledger_units(house, event.chain_id, event.token, event.amount)
            return Exited(AccountId(event.account), Address(event.token), units, event.version) if units else None
        case chain_events.Paid():
            return Paid(Digest(event.action_id))
        case chain_events.PayFailed():
            return PayFailed(Digest(event.action_id))
        case chain_events.Seized():
            return Seized(Digest(event.action_id))
        case chain_events.Sold():
            return Sold(Digest(event.action_id), MicroUsd(event.proceeds // usd_base_units(house, event.chain_id)))
    return None


def usd_base_units(house: House, chain_id: int) -> int:
    """Base units of a chain's dollar token in one micro-dollar; 1 on a chain without one."""
    cash = (asset for asset in house.registry.collateral if asset.is_cash and asset.chain_id == chain_id)
    return next((asset.base_units for asset in cash), 1)


def _ledger_units(house: House, chain_id: int, token: bytes, amount: int) -> int:
    try:
        return amount // house.registry.asset_at(chain_id, token).base_units
    except MarketError:
        return 0


def build_segment(house: House, view: ChainView, first: int, last: int) -> ChainSegment:
    """All events of a chain's final blocks first … last. Raises BlockNotFinal, BlockBeforeStart."""
    logged = []
    for event in view.events(first, last):
        booked = ledger_event(house, event)
        if booked is not None:
            logged.append(LoggedEvent(event.block_number, event.log_index, booked))
    return ChainSegment(view.chain_id, first, last, view.header(last).hash, tuple(logged))


def pending_segments(
    house: House, state: LedgerState, chains: Mapping[int, ChainView], hub_block: int
) -> tuple[ChainSegment, ...]:
    """What the given chains have brought since their cursors, up to `SEGMENT_BLOCKS` blocks and `BATCH_EVENTS` events;
    the hub's own events up to the batch's hub block.

    Raises:
        ChainError: a chain's view has failed.
    """
    segments = []
    for chain_id, view in sorted(chains.items()):
        cursor = state.cursors[chain_id]
        newest = hub_block if chain_id == house.deployment.hub_chain_id else view.final.number
        last = min(newest, cursor.block + SEGMENT_BLOCKS)
        if last > cursor.block:
            last = _last_block(view, cursor.block + 1, last, BATCH_EVENTS // len(chains))
            segments.append(build_segment(house, view, cursor.block + 1, last))
    return tuple(segments)


def _last_block(view: ChainView, first: int, last: int, events: int) -> int:
    """The last of the blocks first … last up to which they hold at most `events` events, and at least `first`."""
    logged = view.events(first, last)
    return last if len(logged) <= events else max(first, logged[events].block_number - 1)


def due_heights(house: House, state: LedgerState, hub_block: int) -> tuple[int, ...]:
    """The hub blocks of the rounds that a batch with this hub block must carry, in order."""
    spacing = house.market.round_spacing
    return tuple(range(next_round_height(state.market, spacing), hub_block + 1, spacing))


def oracle_round(
    hub: ChainView, round_number: int, height: int, observations: tuple[SignedObservation, ...]
) -> OracleRound:
    """The round at a hub block, with the time of that block's header. Raises BlockNotFinal, BlockBeforeStart."""
    return OracleRound(round_number, height, hub.header(height).timestamp, observations)
