"""A default's way through the ledger: frozen, opened, planned, auctioned, covered, closed.

The steps are in `auctions` and `losses`; here is which one is next. Every step is a function of the state alone, so
that any validator can take it, and none waits for the owner.
"""

from dataclasses import replace

from eth_hash.auto import keccak

from node.ledger.account import Account
from node.ledger.auctions import Turn, auction_terms, moved_too_far, put_on_auction, sell_to_backstop, start_anew
from node.ledger.effects import EventKind, event
from node.ledger.losses import cure_shortfalls, give_up_auction, reopen_credited, turn_to_cash
from node.ledger.lost_dollars import cure_lost_dollars
from node.ledger.prices import allowed
from node.ledger.state import Default, House, LedgerState, Stage
from node.ledger.steps import Step
from node.ledger.types import AccountId, Digest, MicroUsd, Status
from node.liquidation.validity import Action


def advance_defaults(house: House, state: LedgerState) -> Step:
    """One step of every default that can take one without an owner, a bidder or a chain, the oldest first.

    What to sell next is decided for no more than `plans_per_batch` accounts, and together they put no more on auction
    than `batch_cap`; the first may exceed it with one slice, the others wait. So whoever is first in line leaves it.
    """
    reopened = reopen_credited(house, state) if allowed(house, state, Action.CLOSE) else Step(state)
    state, effects = reopened.state, list(reopened.effects)
    turn = Turn.of(house)
    for name in oldest_first(state):
        default = state.defaults[name]
        step = Step(state)
        if default.stage is Stage.PLANNED:
            planned = put_on_auction(house, state, default, turn)
            turn, step = planned.turn, Step(planned.state, planned.effects)
        elif default.stage is Stage.AUCTION:
            step = _end_auction(house, state, default)
        elif default.stage is Stage.COLLATERAL:
            step = turn_to_cash(house, state, default)
        state = step.state
        effects.extend(step.effects)
    cured = cure_shortfalls(state)
    found = cure_lost_dollars(cured.state)
    return Step(found.state, (*effects, *cured.effects, *found.effects))


def oldest_first(state: LedgerState) -> tuple[Digest, ...]:
    """The defaults in the order in which their accounts were frozen, those of one batch by id."""
    return tuple(sorted(state.defaults, key=lambda name: (state.defaults[name].frozen_in, name)))


def _end_auction(house: House, state: LedgerState, default: Default) -> Step:
    """An auction whose market has moved too far starts anew; one whose time is over ends: the backstop takes the rest,
    or nobody does."""
    terms, offer = auction_terms(house, state, default), default.offer
    if terms is None or offer is None or not allowed(house, state, Action.BACKSTOP):
        return Step(state)
    if moved_too_far(house, state, default) and allowed(house, state, Action.OFFER):
        return start_anew(state, default)
    elapsed = state.hub_height - offer.started
    if elapsed >= terms.backstop_after:
        sale = sell_to_backstop(house, state, default, MicroUsd(terms.asking_price(elapsed)))
        if sale is not None:
            return sale
    return give_up_auction(house, state, default) if terms.over(elapsed) else Step(state)


def freeze(house: House, state: LedgerState, account: Account) -> Step:
    """A default begins: `account`, which has its next version already, waits for the committee."""
    frozen = replace(account, status=Status.FROZEN, deadline=0, proposers_since_call=frozenset())
    name = default_id(house, account.id, state.number)
    default = Default(name, account.id, Stage.OPENING, state.number)
    told = event(EventKind.FROZEN, account.id, default=name)
    return Step(state.with_account(frozen).with_default(default), (told,))


def default_id(house: House, account: AccountId, batch: int) -> Digest:
    """keccak(deployment ‖ account ‖ number of the batch that froze it)."""
    return Digest(bytes(keccak(house.deployment.digest + account + batch.to_bytes(32, "big"))))
