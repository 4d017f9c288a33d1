"""Settling an instrument for everyone at one price: at expiry, or when a defaulted portfolio is torn up.

cash′ += (S − F)·position and position := nothing, for every account and for the residue: linear, so that no position is
opened. Every settlement voids the margin windows of those it touches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.effects import Effect, EventKind, Posting, PostingKind, event
from node.ledger.prices import allowed
from node.ledger.state import Default, House, LedgerState, Residue, Stage
from node.ledger.types import Digest, InstrumentId, MicroUsd, Status
from node.liquidation.validity import Action
from node.market.state import settlement_price


@dataclass(frozen=True, slots=True)
class Settled:
    """The state after a settlement, and its effects."""

    state: LedgerState
    effects: tuple[Effect, ...]


def settle_expired(house: House, state: LedgerState) -> Settled:
    """Settle what has expired by the market's time, once its underlying has a valid price at or after expiry."""
    effects: list[Effect] = []
    for instrument in house.registry.expiring(state.market.time):
        name = InstrumentId(instrument.id)
        open_positions = any(name in account.positions for account in state.accounts.values())
        if not open_positions or not allowed(house, state, Action.SETTLE, instrument.underlying):
            continue
        price = MicroUsd(settlement_price(instrument, state.market))
        step = settle_instrument(state, name, price)
        state = step.state
        effects += [event(EventKind.SETTLED, None, instrument=name, price=price), *step.effects]
    return Settled(state, tuple(effects))


def settle_instrument(state: LedgerState, name: InstrumentId, price: MicroUsd) -> Settled:
    """Turn every position of an instrument into cash at `price` (micro-dollars per lot) less accrued funding."""
    coefficient = MicroUsd(price - state.market.funding_index(name))
    opened = {d.account: d for d in state.defaults.values() if d.stage not in (Stage.OPENING, Stage.CLOSED)}
    accounts, defaults, effects = dict(state.accounts), dict[Digest, Default](), list[Effect]()
    for account_name in sorted(state.accounts):
        account = state.accounts[account_name]
        if name not in account.positions:
            continue
        effects.append(Posting(PostingKind.SETTLED, account_name, coefficient, instrument=name))
        if account_name not in opened:
            accounts[account_name] = account.settled(name, coefficient)
            continue
        default = opened[account_name]
        quantity = sum(lot.quantity for lot in default.lots if lot.instrument == name)
        gain = MicroUsd(coefficient * quantity)
        accounts[account_name] = _settled_in_public(account, name, quantity, gain)
        defaults[default.id] = _without_lots(default, name, gain)
    residue = _settled_residue(state.residue, name, coefficient)
    return Settled(replace(state.with_defaults(defaults), accounts=accounts, residue=residue), tuple(effects))


def _without_lots(default: Default, name: InstrumentId, gain: MicroUsd) -> Default:
    """A default with one instrument settled. An auction of it ends: what is left is another bundle."""
    touched = default.offer is not None and any(lot.instrument == name for lot in default.offer.unit)
    return replace(
        default,
        stage=Stage.PLANNED if touched else default.stage,
        lots=tuple(lot for lot in default.lots if lot.instrument != name),
        offer=None if touched else default.offer,
        queued=tuple(lot for lot in default.queued if lot.instrument != name),
        cash=MicroUsd(default.cash + gain),
    )


def _settled_in_public(account: Account, name: InstrumentId, quantity: int, gain: MicroUsd) -> Account:
    """An opened account keeps public limbs: its settled lots are known, so cash moves by a public amount."""
    moved = account.with_position_moved(name, Commitment.public(-quantity)).with_cash_moved(gain)
    return replace(moved, version=account.version + 1, status=Status.LIQUIDATING)


def _settled_residue(residue: Residue, name: InstrumentId, coefficient: MicroUsd) -> Residue:
    held: Mapping[InstrumentId, Commitment] = residue.positions
    if name not in held:
        return residue
    rest = {other: value for other, value in held.items() if other != name}
    return replace(residue, cash=residue.cash + held[name].scaled(coefficient), positions=rest)
