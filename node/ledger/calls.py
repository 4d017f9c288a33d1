"""Who must prove again, who is called, who is frozen: statuses and their deadlines, once per batch.

    ACTIVE ──window lapsed──▶ DUE ──D blocks──▶ CALLED ──G blocks and f+1 proposers──▶ FROZEN (a default begins)

A valid margin proof leads back to ACTIVE from DUE and CALLED. Deadlines are evaluated after the batch's messages, so
that a proof in the same batch counts; nobody is marked, called or frozen on a price that does not allow it (`prices`).
"""

from dataclasses import dataclass, replace

from node.ledger.account import Account
from node.ledger.defaults import freeze
from node.ledger.effects import Effect, EventKind, event
from node.ledger.prices import allowed
from node.ledger.reach import with_reach_held
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, Status
from node.ledger.windows import counts_written_off
from node.liquidation.validity import Action
from node.market.window import lapse


@dataclass(frozen=True, slots=True)
class Called:
    """The state after deadlines were evaluated, and what was said about it."""

    state: LedgerState
    effects: tuple[Effect, ...]


def lapse_reason(house: House, state: LedgerState, account: Account) -> str | None:
    """Why nothing good stands behind the account now, None while it is covered or needs no cover."""
    if account.id == house.rules.backstop or not account.needs_window:
        return None
    if account.window is None:
        return "the last window was voided by a settlement"
    if not account.positions and not account.collateral:
        return None  # the last proof showed cash ≥ 0, and nothing that is left can fall
    counted = counts_written_off(state, account.window, account)
    if counted is not None:
        return f"the window counts {counted}, which is written off"
    reason = lapse(
        account.window,
        state.market,
        tuple(account.positions),
        tuple(account.collateral),
        house.registry,
        house.market,
    )
    return str(reason) if reason is not None else None


def restart_deadlines(house: House, state: LedgerState, silence: int) -> LedgerState:
    """Running deadlines start over after a silence of the house of more than the stated number of hub blocks, and
    while a feed has no valid price; auctions stand still in the same times, and whenever prices allow no bid.

    In a silence no proof or bid can be booked. While a feed is stale, an account that holds something expired can
    prove nothing until it settles. Nor does the house's silence count against chains, whose blocks nobody booked then.
    """
    silent = silence > house.rules.hub_gap_blocks
    if silent or not allowed(house, state, Action.DEADLINE):
        state = _with_deadlines_anew(house, state)
    if silent or not allowed(house, state, Action.BID):
        state = _with_auctions_held(state, silence)
    if silent:
        state = with_reach_held(state, silence)
    return state


def _with_deadlines_anew(house: House, state: LedgerState) -> LedgerState:
    spans = {Status.DUE: house.rules.due_blocks, Status.CALLED: house.rules.grace_blocks}
    for account in state.accounts.values():
        if account.status in spans:
            restarted = replace(account, deadline=state.hub_height + spans[account.status])
            state = state.with_account(replace(restarted, proposers_since_call=frozenset()))
    return state


def _with_auctions_held(state: LedgerState, silence: int) -> LedgerState:
    for default in state.defaults.values():
        if default.offer is not None:
            started = min(default.offer.started + silence, state.hub_height)
            state = state.with_default(replace(default, offer=replace(default.offer, started=started)))
    return state


def evaluate_deadlines(house: House, state: LedgerState, proposer: Address) -> Called:
    """Move every account along the ladder as far as this batch's height and proposer allow."""
    effects: list[Effect] = []
    for name in sorted(state.accounts):
        account = state.accounts[name]
        match account.status:
            case Status.ACTIVE:
                step = _mark_due(house, state, account)
            case Status.DUE:
                step = _call(house, state, account)
            case Status.CALLED:
                step = _freeze(house, state, account, proposer)
            case _:
                continue
        state = step.state
        effects.extend(step.effects)
    return Called(state, tuple(effects))


def _mark_due(house: House, state: LedgerState, account: Account) -> Called:
    reason = lapse_reason(house, state, account)
    if reason is None or not allowed(house, state, Action.CALL):
        return Called(state, ())
    deadline = state.hub_height + house.rules.due_blocks
    due = replace(account, status=Status.DUE, deadline=deadline)
    return Called(state.with_account(due), (event(EventKind.DUE, account.id, deadline=deadline, reason=reason),))


def _call(house: House, state: LedgerState, account: Account) -> Called:
    if state.hub_height < account.deadline or not allowed(house, state, Action.CALL):
        return Called(state, ())
    deadline = state.hub_height + house.rules.grace_blocks
    called = replace(account, status=Status.CALLED, deadline=deadline, proposers_since_call=frozenset())
    return Called(state.with_account(called), (event(EventKind.CALLED, account.id, deadline=deadline),))


def _freeze(house: House, state: LedgerState, account: Account, proposer: Address) -> Called:
    seen = account.proposers_since_call | {proposer}
    waiting = replace(account, proposers_since_call=seen)
    early = state.hub_height < account.deadline or len(seen) <= house.faults
    if early or not allowed(house, state, Action.FREEZE):
        return Called(state.with_account(waiting), ())
    step = freeze(house, state, replace(account, version=account.version + 1))
    return Called(step.state, step.effects)
