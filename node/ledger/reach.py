"""What of a default's collateral can be had: on chains that are seen alive, by seizures that are carried out in time.

A vault takes a seizure's id once, and nothing calls an order back. So one that is overdue is set aside: its default
goes on as if it brought nothing, and what it brings after all counts when it comes (`chain_events`).
"""

from dataclasses import replace

from node.ledger.effects import Effect, EventKind, event
from node.ledger.state import Default, House, LedgerState, Seizure
from node.ledger.steps import Step
from node.ledger.types import AssetId


def silent(house: House, state: LedgerState, chain_id: int) -> bool:
    """Whether batches have brought no new final block of the chain for the stated number of hub blocks."""
    cursor = state.cursors.get(chain_id)
    return cursor is None or state.hub_height - cursor.seen >= house.rules.chain_silent_blocks


def reachable(house: House, state: LedgerState, asset: AssetId) -> bool:
    """Whether a seizure of the asset can be expected to be carried out: its chain is alive, and no earlier one of it
    is stuck at its vault."""
    stuck = any(s.asset == asset and s.stuck for default in state.defaults.values() for s in default.seizures)
    return not stuck and not silent(house, state, house.registry.asset(asset).chain_id)


def unsold(state: LedgerState, asset: AssetId) -> bool:
    """Whether a lot of the asset waits for a buyer longer than it should."""
    return any(s.asset == asset and s.unsold for default in state.defaults.values() for s in default.seizures)


def set_overdue_aside(house: House, state: LedgerState, default: Default) -> Step:
    """Every awaited seizure whose next step is overdue, or whose chain is silent, is no longer waited for."""
    effects: list[Effect] = []
    kept: list[Seizure] = []
    for seizure in default.seizures:
        overdue = state.hub_height >= seizure.due
        chain = house.registry.asset(seizure.asset).chain_id
        if not seizure.outstanding or not (overdue or silent(house, state, chain)):
            kept.append(seizure)
            continue
        kept.append(replace(seizure, set_aside=True))
        effects.append(
            event(
                EventKind.SEIZURE_SET_ASIDE,
                default.account,
                default=default.id,
                action_id=seizure.action_id,
                asset=seizure.asset,
                amount=seizure.amount,
            )
        )
    if not effects:
        return Step(state)
    return Step(state.with_default(replace(default, seizures=tuple(kept))), tuple(effects))


def with_reach_held(state: LedgerState, silence: int) -> LedgerState:
    """All these deadlines `silence` hub blocks later: while the house was silent it could see no chain."""
    for default in state.defaults.values():
        seizures = tuple(replace(s, due=s.due + silence) if s.outstanding else s for s in default.seizures)
        waits_until = default.waits_until + silence if default.waits_until else 0
        held = replace(default, seizures=seizures, waits_until=waits_until)
        if held != default:
            state = state.with_default(held)
    cursors = {
        chain: replace(cursor, seen=min(cursor.seen + silence, state.hub_height))
        for chain, cursor in state.cursors.items()
    }
    return replace(state, cursors=cursors)
