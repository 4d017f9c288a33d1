"""Booking a forced exit: a vault paid an owner who proved the amount in a checkpoint, while the house stood still.

The money is gone, so an exit is booked whatever became of the account; what the account lacks is a debt of it.

    account               | what follows
    ----------------------|---------------------------------------------------------------------------------------
    as proven (but exits) | debit; its window stays, since the exit's proof says more: whatever prices do, cash and
                          | collateral are not negative and there are no positions
    moved on since        | debit, and the account is frozen: only its opening shows whether it had the amount
    frozen                | debit; the opening finds less
    opened, or closed     | debit of account and default; a closed default goes on
    unknown               | the insurance fund pays as far as it goes, and the rest is the house's loss (residue)
"""

from dataclasses import replace

from circuits.pedersen import NOTHING, Commitment
from node.ledger.account import Account, ExitRun
from node.ledger.batch import Exited
from node.ledger.defaults import freeze
from node.ledger.effects import EventKind, LedgerEvent, Posting, PostingKind, event
from node.ledger.errors import BatchInvalid
from node.ledger.losses import reopen
from node.ledger.lost_dollars import recover
from node.ledger.opened import mark_value
from node.ledger.state import Default, Holding, House, LedgerState
from node.ledger.steps import Step
from node.ledger.types import MAX_AMOUNT, MAX_CASH_MOVE, AssetId, MicroUsd, Status
from node.market.errors import MarketError
from node.market.instruments import CollateralAsset


def book_exit(house: House, state: LedgerState, chain_id: int, exited: Exited) -> Step:
    """The debit of an exit on chain `chain_id`.

    Raises:
        BatchInvalid: a token that is not listed, or an amount that no vault pays.
    """
    try:
        asset = house.registry.asset_at(chain_id, exited.token)
    except MarketError as error:
        raise BatchInvalid("exit", str(error)) from error
    if not 0 < exited.amount < (MAX_CASH_MOVE if asset.is_cash else MAX_AMOUNT):
        raise BatchInvalid("exit", f"of {exited.amount} units")
    name = AssetId(asset.id)
    # A vault that pays dollars which were written off had them after all.
    found = recover(state, name, exited.amount) if asset.is_cash and name in state.written_off else Step(state)
    state = found.state.with_inventory_moved(name, -exited.amount)
    told = event(EventKind.EXITED, exited.account, asset=name, amount=exited.amount, version=exited.version)
    account = state.accounts.get(exited.account)
    if account is None:
        return Step(_lost(house, state, asset, exited.amount), (told, *found.effects))
    kind = PostingKind.CASH if asset.is_cash else PostingKind.COLLATERAL
    posting = Posting(kind, account.id, -exited.amount, asset=None if asset.is_cash else name)
    step = _debited(house, state, account, asset, exited)
    return Step(step.state, (posting, told, *found.effects, *step.effects))


def _debited(house: House, state: LedgerState, account: Account, asset: CollateralAsset, exited: Exited) -> Step:
    version = account.version + 1
    after = replace(_with_debit(account, asset, exited.amount), version=version)
    match account.status:
        case Status.ACTIVE | Status.DUE | Status.CALLED:
            if account.exit_covered(exited.version):
                return Step(state.with_account(replace(after, exits=ExitRun(exited.version, version))))
            return freeze(house, state, after)
        case Status.FROZEN:
            return Step(state.with_account(after))
    effects: tuple[LedgerEvent, ...] = ()
    default = state.open_default_of(account.id)
    if default is None:
        reopened = reopen(state, after)
        state, after, default, effects = reopened.state, reopened.account, reopened.default, (reopened.told,)
    return Step(state.with_account(after).with_default(_with_less(default, asset, exited.amount)), effects)


def _with_debit(account: Account, asset: CollateralAsset, amount: int) -> Account:
    if asset.is_cash:
        return account.with_cash_moved(MicroUsd(-amount))
    return account.with_collateral_moved(AssetId(asset.id), -amount)


def _with_less(default: Default, asset: CollateralAsset, amount: int) -> Default:
    if asset.is_cash:
        return replace(default, cash=MicroUsd(default.cash - amount))
    held = {holding.asset: holding.amount for holding in default.collateral}
    held[AssetId(asset.id)] = held.get(AssetId(asset.id), 0) - amount
    return replace(default, collateral=tuple(Holding(name, left) for name, left in sorted(held.items()) if left))


def _lost(house: House, state: LedgerState, asset: CollateralAsset, amount: int) -> LedgerState:
    """An account that this history does not know: the root that was relayed never became the hub's."""
    owed = amount if asset.is_cash else -mark_value(house, state, Holding(AssetId(asset.id), -amount))
    paid = min(owed, max(state.insurance, 0))
    residue, name = state.residue, AssetId(asset.id)
    if asset.is_cash:
        residue = replace(residue, cash=residue.cash - Commitment.public(owed - paid))
    else:
        short = residue.collateral.get(name, NOTHING) - Commitment.public(amount)
        collateral = {**residue.collateral, name: short}
        residue = replace(residue, cash=residue.cash + Commitment.public(paid), collateral=collateral)
    return replace(state, residue=residue, insurance=MicroUsd(state.insurance - paid))
