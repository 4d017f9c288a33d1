"""Dollars of a chain that are written off: who pays for them, and to whom they go back if they are not lost after all.

    lost       the vault's dollars that no payout is promised, at the moment of the order
    who pays   the insurance fund, then the default fund pro rata, and the rest is a recorded shortfall
    going back the other way round: the shortfall, the members, the insurance fund

The claims on the house stay what they are, and the residue carries the shortfall, so that full reserves hold to the
micro-dollar after every step. What the vault has promised to payouts stays in the books, and so does what it takes in
later (`Stranded`): it belongs to its owners, and does not count.
"""

from collections.abc import Mapping
from dataclasses import replace

from circuits.pedersen import Commitment
from node.ledger.effects import Effect, EventKind, event
from node.ledger.state import FundShare, LedgerState, Stranded, WriteOff
from node.ledger.steps import Step
from node.ledger.types import AccountId, AssetId, MicroUsd
from node.liquidation.waterfall import Claims, Remedies, settle_default

_NOBODY = AccountId(bytes(32))


def lose(state: LedgerState, entry: WriteOff) -> Step:
    """What the vault holds and has not promised is lost, and paid for."""
    lost = max(state.available(entry.asset), 0)
    fund = dict[bytes, int](state.default_fund.items())
    outcome = settle_default(-lost, Claims({}, 0), Remedies(state.insurance, fund), _NOBODY)
    entry = replace(
        entry,
        lost=MicroUsd(lost),
        insurance_paid=MicroUsd(outcome.insurance_paid),
        fund_paid=_shares(outcome.fund_paid),
        shortfall=MicroUsd(outcome.shortfall),
    )
    after = _with_shortfall_moved(state.with_inventory_moved(entry.asset, -lost), outcome.shortfall)
    after = replace(after, insurance=MicroUsd(after.insurance - outcome.insurance_paid))
    effects: list[Effect] = []
    for member, amount in sorted(outcome.fund_paid.items()):
        after = after.with_fund_moved(AccountId(member), -amount)
        effects.append(event(EventKind.FUND_PAID, None, asset=entry.asset, member=member, amount=amount))
    if outcome.insurance_paid:
        paid = outcome.insurance_paid
        effects.insert(0, event(EventKind.INSURANCE_PAID, None, asset=entry.asset, amount=paid))
    if outcome.shortfall:
        effects.append(event(EventKind.SHORTFALL, None, asset=entry.asset, amount=outcome.shortfall))
    return Step(after.with_write_off(entry), tuple(effects))


def recover(state: LedgerState, asset: AssetId, amount: int) -> Step:
    """Up to `amount` micro-dollars of a written-off token are not lost: they are the vault's again, or left it for an
    owner who had a claim on them."""
    entry = state.written_off[asset]
    back = min(amount, entry.lost)
    if not back:
        return Step(state)
    cured = min(back, entry.shortfall)
    members: dict[bytes, int] = {share.member: share.amount for share in entry.fund_paid}
    claims = Claims(members, entry.insurance_paid)
    outcome = settle_default(back - cured, claims, Remedies(state.insurance, {}), _NOBODY)
    left = {member: paid - outcome.repaid.get(member, 0) for member, paid in members.items()}
    entry = replace(
        entry,
        lost=MicroUsd(entry.lost - back),
        insurance_paid=MicroUsd(entry.insurance_paid - outcome.penalty),
        fund_paid=_shares(left),
        shortfall=MicroUsd(entry.shortfall - cured),
    )
    after = _with_shortfall_moved(state.with_inventory_moved(asset, back), -cured)
    after = replace(after, insurance=MicroUsd(after.insurance + outcome.penalty))
    effects: list[Effect] = [event(EventKind.RECOVERED, None, asset=asset, amount=back, shortfall=cured)]
    for member, repaid in sorted(outcome.repaid.items()):
        after = after.with_fund_moved(AccountId(member), repaid)
        effects.append(event(EventKind.FUND_REPAID, None, asset=asset, member=member, amount=repaid))
    return Step(after.with_write_off(entry), tuple(effects))


def cure_lost_dollars(state: LedgerState) -> Step:
    """New money in the insurance fund pays what was lost, once no default's shortfall is open."""
    effects: list[Effect] = []
    for entry in state.written_off.values():
        paid = min(entry.shortfall, max(state.insurance, 0))
        if not paid:
            continue
        cured = replace(
            entry,
            insurance_paid=MicroUsd(entry.insurance_paid + paid),
            shortfall=MicroUsd(entry.shortfall - paid),
        )
        state = _with_shortfall_moved(state.with_write_off(cured), -paid)
        state = replace(state, insurance=MicroUsd(state.insurance - paid))
        effects.append(event(EventKind.INSURANCE_PAID, None, asset=entry.asset, amount=paid))
    return Step(state, tuple(effects))


def strand(state: LedgerState, account: AccountId, asset: AssetId, amount: int) -> Step:
    """Dollars that came in for an account on a chain whose dollars are written off wait until they count again."""
    entry = state.written_off[asset]
    waiting = {held.account: held.amount for held in entry.stranded}
    waiting[account] = MicroUsd(waiting.get(account, 0) + amount)
    stranded = tuple(Stranded(name, held) for name, held in sorted(waiting.items()))
    told = event(EventKind.STRANDED, account, asset=asset, amount=amount)
    return Step(state.with_write_off(replace(entry, stranded=stranded)), (told,))


def _shares(amounts: Mapping[bytes, int]) -> tuple[FundShare, ...]:
    return tuple(FundShare(AccountId(name), MicroUsd(paid)) for name, paid in sorted(amounts.items()) if paid)


def _with_shortfall_moved(state: LedgerState, amount: int) -> LedgerState:
    """The house owes `amount` more than it has (or less, if negative): the residue takes the other side."""
    residue = replace(state.residue, cash=state.residue.cash - Commitment.public(amount))
    return replace(state, residue=residue, shortfall=MicroUsd(state.shortfall + amount))
