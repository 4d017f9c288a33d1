"""From a default's unsold rest to its end: collateral seized, lots torn up, the loss shared, late money booked.

The arithmetic is in `node.liquidation`: seizures in `plan`, prices in `tear_up`, who pays in `waterfall`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from node.ledger.account import Account
from node.ledger.auctions import after_sale, free_funds, penalty_due
from node.ledger.effects import Effect, EventKind, LedgerEvent, Posting, PostingKind, SeizeAction, event
from node.ledger.opened import cash_and_lots, equity, holdings, mark_of, markable, marked_lots, sellable, settle_up
from node.ledger.prices import allowed
from node.ledger.reach import set_overdue_aside
from node.ledger.settlement import settle_instrument
from node.ledger.state import Default, FundShare, Holding, House, LedgerState, Lot, Seizure, Stage
from node.ledger.steps import Step
from node.ledger.types import AccountId, AssetId, Digest, InstrumentId, MicroUsd, Status
from node.liquidation.auction import gross_notional
from node.liquidation.plan import PlannedSeizure, plan_seizures
from node.liquidation.tear_up import OpenedLot, TearUpPrice, tear_up_prices
from node.liquidation.validity import Action
from node.liquidation.waterfall import Claims, Remedies, Waterfall, settle_default


@dataclass(frozen=True, slots=True)
class Reopened:
    """A closed default that goes on: the state with it, the account and default in it, and what is told."""

    state: LedgerState
    account: Account
    default: Default
    told: LedgerEvent


# Nobody bought.


def give_up_auction(house: House, state: LedgerState, default: Default) -> Step:
    """The rest of an auction that nobody took. If the funds can cover the account at mark, its instruments settle at
    mark for everyone, and the plan goes on; else collateral comes first, and then the price that covers the loss."""
    if equity(house, state, default) + free_funds(state, default) < 0 or default.offer is None:
        beyond = replace(default, stage=Stage.COLLATERAL, offer=None, queued=())
        return Step(state.with_default(beyond))
    offered = {lot.instrument for lot in default.offer.unit}
    torn = tuple(lot for lot in default.lots if lot.instrument in offered)
    step = _tear_up(state, replace(default, offer=None), torn, loss=0, band_ppm=0)
    after = step.state.defaults[default.id]
    return Step(step.state.with_default(after_sale(after)), step.effects)


def _tear_up(state: LedgerState, default: Default, lots: tuple[Lot, ...], loss: int, band_ppm: int) -> Step:
    """Settle the instruments of `lots` for everyone, at prices that bring `loss` more than their marks."""
    opened = [OpenedLot(lot.instrument, lot.quantity, mark_of(state, lot.instrument)) for lot in lots]
    prices = tear_up_prices(loss, opened, band_ppm)
    gross = gross_notional(marked_lots(state, replace(default, lots=lots)))
    counted = replace(
        default,
        gross_sold=MicroUsd(default.gross_sold + gross),
        torn_up=MicroUsd(default.torn_up + sum(torn.gain for torn in prices)),
    )
    state, effects = state.with_default(counted), list[Effect]()
    for torn in prices:
        settled = settle_instrument(state, InstrumentId(torn.instrument), MicroUsd(torn.price))
        effects += [_torn_event(default, torn, loss), *settled.effects]
        state = settled.state
    return Step(state, tuple(effects))


def _torn_event(default: Default, torn: TearUpPrice, loss: int) -> LedgerEvent:
    """`gain` is what the price brings more than the mark, `loss` what all instruments together have to bring."""
    return event(
        EventKind.TORN_UP,
        default.account,
        default=default.id,
        instrument=torn.instrument,
        price=torn.price,
        gain=torn.gain,
        loss=loss,
    )


# Collateral.


def turn_to_cash(house: House, state: LedgerState, default: Default) -> Step:
    """The next step once no seizure is awaited any longer: more collateral, or the end."""
    aside = set_overdue_aside(house, state, default) if allowed(house, state, Action.CLOSE) else Step(state)
    default = aside.state.defaults[default.id]
    if any(seizure.outstanding for seizure in default.seizures):
        return aside
    return _cover(house, aside.state, default).after(*aside.effects)


def _cover(house: House, state: LedgerState, default: Default) -> Step:
    """Cover what the defaulter owes from its collateral. When none is left within reach, wait a while for the rest;
    then tear up what it still holds at the price that covers what is missing, and end the default."""
    ready = settle_up(house, state, default)
    state, default = ready.state, ready.state.defaults[default.id]
    if not _priced(house, state, default):
        return ready
    # Money that cures a recorded shortfall is booked before more is sold for those who paid: it lifts the gate.
    cures = default.shortfall > 0 and default.cash >= 0
    owed, planned = _owed(state, default), () if cures else _planned(house, state, default)
    if planned and not allowed(house, state, Action.OFFER):
        return ready
    if planned:
        return _seize(house, state, default, planned).after(*ready.effects)
    if not cures and owed > 0 and _out_of_reach(house, state, default):
        if not default.waits_until:
            return _await(house, state, default).after(*ready.effects)
        if state.hub_height < default.waits_until:
            return ready
    torn = Step(state)
    if default.lots:
        loss = max(owed - free_funds(state, default), 0)
        torn = _tear_up(state, default, default.lots, loss, house.rules.tear_up_band_ppm)
    closed = _close(house, torn.state, torn.state.defaults[default.id])
    return closed.after(*ready.effects, *torn.effects)


def _priced(house: House, state: LedgerState, default: Default) -> bool:
    """Whether what is to be done is allowed: the end of a default without lots, and none to sell for, on any price."""
    if not default.lots and (_owed(state, default) <= 0 or not default.collateral):
        return allowed(house, state, Action.CLOSE)
    return allowed(house, state, Action.BACKSTOP) and (not default.lots or markable(state, default))


def _owed(state: LedgerState, default: Default) -> int:
    """What collateral has to bring: with the lots sold at mark, and for those who paid before."""
    cash = cash_and_lots(state, default) if default.lots else default.cash
    return default.repayable - cash


def _planned(house: House, state: LedgerState, default: Default) -> tuple[PlannedSeizure, ...]:
    owed = _owed(state, default)
    if owed <= 0:
        return ()
    held = holdings(house, state, default)
    return plan_seizures(owed, held, house.rules.seizure_buffer_ppm, house.rules.sale_floor_ppm)


def _out_of_reach(house: House, state: LedgerState, default: Default) -> bool:
    """Whether something of worth may still come that nobody wrote off: from a seizure that was set aside, or from a
    vault that is silent, or short of it."""
    if any(seizure.proceeds is None and not seizure.given_up for seizure in default.seizures):
        return True
    held = (h for h in holdings(house, state, default) if sellable(house, state, AssetId(h.asset)))
    return any(holding.forced_value(holding.amount) > 0 for holding in held)


def _await(house: House, state: LedgerState, default: Default) -> Step:
    until = state.hub_height + house.rules.absent_blocks
    told = event(EventKind.COLLATERAL_AWAITED, default.account, default=default.id, until=until)
    return Step(state.with_default(replace(default, waits_until=until)), (told,))


def _seize(house: House, state: LedgerState, default: Default, planned: tuple[PlannedSeizure, ...]) -> Step:
    account = state.accounts[default.account]
    held = {h.asset: h.amount for h in default.collateral}
    seizures, effects = list(default.seizures), list[Effect]()
    for item in planned:
        asset = AssetId(item.asset)
        action_id = seizure_id(house, default.id, len(seizures))
        account = account.with_collateral_moved(asset, -item.amount)
        state = state.with_escrow_moved(asset, item.amount)
        held[asset] -= item.amount
        seizures.append(Seizure(action_id, asset, item.amount, due=state.hub_height + house.rules.seizure_blocks))
        effects += [
            Posting(PostingKind.COLLATERAL, account.id, -item.amount, asset=asset),
            SeizeAction(
                action_id,
                asset,
                item.amount,
                MicroUsd(item.start_price),
                MicroUsd(item.floor_price),
                house.rules.sale_seconds,
            ),
            event(EventKind.SEIZED, account.id, default=default.id, asset=asset, amount=item.amount),
        ]
    rest = tuple(Holding(AssetId(asset), amount) for asset, amount in sorted(held.items()) if amount)
    account = replace(account, version=account.version + 1)
    after = replace(default, seizures=tuple(seizures), collateral=rest)
    return Step(state.with_account(account).with_default(after), tuple(effects))


def seizure_id(house: House, default_id: Digest, step: int) -> Digest:
    """keccak(deployment ‖ default ‖ step): a contract carries it out once."""
    return Digest(bytes(keccak(house.deployment.digest + default_id + step.to_bytes(32, "big"))))


# The end.


def _close(house: House, state: LedgerState, default: Default) -> Step:
    """Divide what is left, or what is missing; an account that missed something is CLOSED, or has what cannot be sold
    yet and others have a claim to, any other its owner's."""
    again = bool(default.insurance_paid or default.fund_paid or default.shortfall)
    owed = default.insurance_paid if again else penalty_due(house, default)
    others: dict[bytes, int] = {
        share.member: share.amount for share in default.fund_paid if share.member != default.account
    }
    claims = Claims(others, owed)
    fund = dict[bytes, int](state.default_fund.items())
    remedies = Remedies(state.insurance, fund)
    outcome = settle_default(default.cash, claims, remedies, default.account)
    change = MicroUsd(outcome.change)
    account = state.accounts[default.account].with_cash_moved(change)
    closed = replace(
        default,
        stage=Stage.CLOSED,
        waits_until=0,
        cash=MicroUsd(default.cash + change),
        penalty=MicroUsd(outcome.penalty),
        insurance_paid=MicroUsd(default.insurance_paid + outcome.insurance_paid - (outcome.penalty if again else 0)),
        fund_paid=_moved_shares(default.fund_paid, outcome),
        shortfall=MicroUsd(outcome.shortfall),
    )
    status = Status.CLOSED if outcome.shortfall or _may_still_repay(house, state, closed) else Status.ACTIVE
    account = replace(account, status=status, deadline=0, version=account.version + 1)
    after = replace(
        state.with_account(account).with_default(closed),
        insurance=MicroUsd(state.insurance + outcome.penalty - outcome.insurance_paid),
        shortfall=MicroUsd(state.shortfall + outcome.shortfall - default.shortfall),
    )
    for member, amount in _fund_changes(outcome).items():
        after = after.with_fund_moved(AccountId(member), amount)
    effects = (Posting(PostingKind.CASH, account.id, change), *_told(closed, outcome, default.cash))
    return Step(after, effects)


def _may_still_repay(house: House, state: LedgerState, closed: Default) -> bool:
    """Whether others paid for an account that has something left which is out of reach, or which a write-off keeps from
    being sold: that is theirs before it is the owner's."""
    waits = any(seizure.given_up and seizure.proceeds is None for seizure in closed.seizures)
    written_off = not all(sellable(house, state, held.asset) for held in closed.collateral)
    return bool(closed.repayable) and (waits or written_off or _out_of_reach(house, state, closed))


def _fund_changes(outcome: Waterfall) -> Mapping[bytes, int]:
    """What the end moves in the default fund, by member."""
    return {member: -paid for member, paid in outcome.fund_paid.items()} | dict(outcome.repaid)


def _moved_shares(shares: tuple[FundShare, ...], outcome: Waterfall) -> tuple[FundShare, ...]:
    paid: dict[bytes, int] = {share.member: share.amount for share in shares}
    for member, amount in _fund_changes(outcome).items():
        paid[member] = paid.get(member, 0) - amount
    return tuple(FundShare(AccountId(name), MicroUsd(amount)) for name, amount in sorted(paid.items()) if amount)


def _told(closed: Default, outcome: Waterfall, cash: MicroUsd) -> tuple[Effect, ...]:
    """The figures of the end, which add up to zero."""
    account, told = closed.account, list[Effect]()
    for member, amount in sorted(outcome.repaid.items()):
        told.append(event(EventKind.FUND_REPAID, account, default=closed.id, member=member, amount=amount))
    if outcome.insurance_paid:
        told.append(event(EventKind.INSURANCE_PAID, account, default=closed.id, amount=outcome.insurance_paid))
    for member, amount in sorted(outcome.fund_paid.items()):
        told.append(event(EventKind.FUND_PAID, account, default=closed.id, member=member, amount=amount))
    if outcome.shortfall:
        told.append(event(EventKind.SHORTFALL, account, default=closed.id, amount=outcome.shortfall))
    told.append(event(EventKind.DEFAULT_CLOSED, account, default=closed.id, remains=max(cash, 0)))
    return tuple(told)


# What comes later.


def reopen_credited(house: House, state: LedgerState) -> Step:
    """What still arrives for an account that closed with a loss (a payout that failed, a late deposit, the proceeds of
    a lot that was set aside, collateral within reach again) goes the way of its other remains: it covers the shortfall,
    repays the default fund, then the insurance fund; the rest is the owner's again.

    The shortfall stays recorded meanwhile, so that dust cannot lift the gate on withdrawals.
    """
    effects: list[Effect] = []
    for name in sorted(state.accounts):
        account = state.accounts[name]
        if account.status is not Status.CLOSED or not (account.inbox or _within_reach_again(house, state, account)):
            continue
        reopened = reopen(state, account)
        state = reopened.state
        effects.append(reopened.told)
    return Step(state, tuple(effects))


def _within_reach_again(house: House, state: LedgerState, account: Account) -> bool:
    last = last_default_of(state, account.id)
    if not last.collateral or not allowed(house, state, Action.OFFER):
        return False
    return _priced(house, state, last) and bool(_planned(house, state, last))


def reopen(state: LedgerState, account: Account) -> Reopened:
    """The last default of an account that closed, taken up again where collateral is turned into cash."""
    last = last_default_of(state, account.id)
    again = replace(last, stage=Stage.COLLATERAL)
    account = replace(account, status=Status.LIQUIDATING)
    told = event(EventKind.REOPENED, account.id, default=last.id)
    return Reopened(state.with_account(account).with_default(again), account, again, told)


def last_default_of(state: LedgerState, account: AccountId) -> Default:
    """The latest of an account's defaults, of which it must have had one."""
    return max((d for d in state.defaults.values() if d.account == account), key=lambda d: d.frozen_in)


def cure_shortfalls(state: LedgerState) -> Step:
    """New money in the insurance fund pays open shortfalls, oldest default first, and so lifts the gate."""
    effects: list[Effect] = []
    for default in sorted(state.defaults.values(), key=lambda d: (d.frozen_in, d.id)):
        paid = MicroUsd(min(default.shortfall, max(state.insurance, 0)))
        if not paid:
            continue
        account = state.accounts[default.account].with_cash_moved(paid)
        account = replace(account, version=account.version + 1)
        cured = replace(
            default,
            cash=MicroUsd(default.cash + paid),
            insurance_paid=MicroUsd(default.insurance_paid + paid),
            shortfall=MicroUsd(default.shortfall - paid),
        )
        state = replace(
            state.with_account(account).with_default(cured),
            insurance=MicroUsd(state.insurance - paid),
            shortfall=MicroUsd(state.shortfall - paid),
        )
        effects += [
            Posting(PostingKind.CASH, account.id, paid),
            event(EventKind.INSURANCE_PAID, account.id, default=default.id, amount=paid),
        ]
    return Step(state, tuple(effects))
