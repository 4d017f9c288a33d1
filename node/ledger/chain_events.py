"""Booking what happened on the chains: deposits, confirmed payouts, seizures, sales and exits, in block order."""

from dataclasses import replace

from circuits.pedersen import Commitment
from node.ledger.account import Credit
from node.ledger.batch import ChainSegment, Deposited, Exited, Paid, PayFailed, Seized, Sold, VaultEvent
from node.ledger.effects import Effect, EventKind, Posting, PostingKind, event
from node.ledger.errors import BatchInvalid
from node.ledger.exits import book_exit
from node.ledger.lost_dollars import strand
from node.ledger.state import ChainCursor, Default, House, LedgerState, Payout, Seizure, Stage
from node.ledger.steps import Step
from node.ledger.types import INSURANCE_ACCOUNT, MAX_AMOUNT, MAX_CASH_MOVE, AccountId, AssetId, Digest, MicroUsd
from node.market.errors import MarketError


def book_segment(house: House, state: LedgerState, segment: ChainSegment) -> Step:
    """All events of one chain's next final blocks.

    Raises:
        BatchInvalid: the segment does not follow the last one, or an event contradicts the ledger (an unlisted token,
            an action that was never ordered or is closed).
    """
    cursor = state.cursors.get(segment.chain_id)
    if cursor is None:
        raise BatchInvalid("segment", f"chain {segment.chain_id} is not one of the house's")
    if segment.from_block != cursor.block + 1 or segment.to_block < segment.from_block:
        raise BatchInvalid("segment", f"chain {segment.chain_id}: {segment.from_block} after {cursor.block}")
    place = (segment.from_block - 1, -1)
    effects: list[Effect] = []
    for logged in segment.events:
        here = (logged.block_number, logged.log_index)
        if here <= place or logged.block_number > segment.to_block or logged.block_number < segment.from_block:
            raise BatchInvalid("segment", f"chain {segment.chain_id}: event {here} is out of order")
        place = here
        step = _book(house, state, segment.chain_id, logged.event)
        state = step.state
        effects.extend(step.effects)
    cursors = {**state.cursors, segment.chain_id: ChainCursor(segment.to_block, segment.to_hash, state.hub_height)}
    return Step(replace(state, cursors=cursors), tuple(effects))


def _book(house: House, state: LedgerState, chain_id: int, happened: VaultEvent) -> Step:
    match happened:
        case Deposited():
            return _deposited(house, state, chain_id, happened)
        case Paid(action_id):
            payout = _payout(state, chain_id, action_id)
            after = _settled_payout(state, payout).with_inventory_moved(payout.asset, -payout.amount)
            return Step(after, (event(EventKind.PAID, payout.account, action_id=action_id),))
        case PayFailed(action_id):
            payout = _payout(state, chain_id, action_id)
            credited = credit(house, _settled_payout(state, payout), payout.account, payout.asset, payout.amount)
            told = event(EventKind.PAY_FAILED, payout.account, action_id=action_id)
            return Step(credited.state, (told, *credited.effects))
        case Seized(action_id):
            return _handed_over(house, state, chain_id, action_id)
        case Sold():
            return _sold(house, state, chain_id, happened)
        case Exited():
            return book_exit(house, state, chain_id, happened)


def _deposited(house: House, state: LedgerState, chain_id: int, deposit: Deposited) -> Step:
    try:
        asset = AssetId(house.registry.asset_at(chain_id, deposit.token).id)
    except MarketError as error:
        raise BatchInvalid("deposit", str(error)) from error
    # Beyond these bounds nobody could prove the account, nor the committee open it.
    limit = MAX_CASH_MOVE if house.registry.asset(asset).is_cash else MAX_AMOUNT
    if not 0 < deposit.amount < limit:
        raise BatchInvalid("deposit", f"of {deposit.amount} units")
    state = state.with_inventory_moved(asset, deposit.amount)
    credited = credit(house, state, deposit.account, asset, deposit.amount)
    told = event(
        EventKind.DEPOSITED,
        deposit.account,
        asset=asset,
        amount=deposit.amount,
        commitment=Commitment.public(deposit.amount).encode()[:48],
    )
    return Step(credited.state, (told, *credited.effects))


def credit(house: House, state: LedgerState, account: AccountId, asset: AssetId, amount: int) -> Step:
    """A public credit to an account's inbox, to an account that is not open yet, or to the insurance fund; dollars that
    are written off wait until they count again."""
    is_cash = house.registry.asset(asset).is_cash
    if is_cash and asset in state.written_off:
        return strand(state, account, asset, amount)
    if account == INSURANCE_ACCOUNT and is_cash:
        return Step(replace(state, insurance=MicroUsd(state.insurance + amount)))
    entry = Credit(None if is_cash else asset, amount)
    if account not in state.accounts:
        waiting = {**state.unclaimed, account: (*state.unclaimed.get(account, ()), entry)}
        return Step(replace(state, unclaimed=dict(sorted(waiting.items()))))
    posting = Posting(PostingKind.CREDITED, account, amount, asset=entry.asset)
    return Step(state.with_account(state.accounts[account].credited(entry)), (posting,))


def _payout(state: LedgerState, chain_id: int, action_id: Digest) -> Payout:
    payout = state.payouts.get(action_id)
    if payout is None or not payout.asset.endswith(f"@{chain_id}"):
        raise BatchInvalid("payout", f"{action_id.hex()} is not open on chain {chain_id}")
    return payout


def _settled_payout(state: LedgerState, payout: Payout) -> LedgerState:
    payouts = {name: other for name, other in state.payouts.items() if name != payout.action_id}
    return replace(state.with_escrow_moved(payout.asset, -payout.amount), payouts=payouts)


def _seizure(state: LedgerState, chain_id: int, action_id: Digest) -> tuple[Default, Seizure]:
    for default in state.defaults.values():
        for seizure in default.seizures:
            if seizure.action_id == action_id and seizure.asset.endswith(f"@{chain_id}"):
                return default, seizure
    raise BatchInvalid("seizure", f"{action_id.hex()} was not ordered on chain {chain_id}")


def _handed_over(house: House, state: LedgerState, chain_id: int, action_id: Digest) -> Step:
    """The lot is on sale. Had it been set aside, its default waits for it again."""
    default, seizure = _seizure(state, chain_id, action_id)
    if seizure.handed_over:
        raise BatchInvalid("seizure", f"{action_id.hex()} was handed over before")
    due = state.hub_height + house.rules.sale_blocks
    taken = replace(seizure, handed_over=True, due=due, set_aside=False)
    after = state.with_default(_with_seizure(default, taken)).with_escrow_moved(seizure.asset, -seizure.amount)
    told = event(EventKind.SEIZURE_RESUMED, default.account, default=default.id, action_id=action_id)
    return Step(
        after.with_inventory_moved(seizure.asset, -seizure.amount),
        (told,) if seizure.set_aside and not seizure.given_up else (),
    )


def _with_seizure(default: Default, seizure: Seizure) -> Default:
    seizures = (seizure if other.action_id == seizure.action_id else other for other in default.seizures)
    return replace(default, seizures=tuple(seizures))


def _sold(house: House, state: LedgerState, chain_id: int, sold: Sold) -> Step:
    """The proceeds of a lot: the default's cash, or a late credit of its account once the default is closed."""
    default, seizure = _seizure(state, chain_id, sold.action_id)
    if seizure.proceeds is not None or not seizure.handed_over:
        raise BatchInvalid("sale", f"{sold.action_id.hex()} was sold before, or never handed over")
    cash = next((a for a in house.registry.collateral if a.is_cash and a.chain_id == chain_id), None)
    if cash is None:
        raise BatchInvalid("sale", f"chain {chain_id} has no dollar token")
    after = _with_seizure(default, replace(seizure, proceeds=sold.proceeds, set_aside=False))
    state = state.with_inventory_moved(AssetId(cash.id), sold.proceeds)
    told = event(EventKind.SOLD, default.account, default=default.id, asset=seizure.asset, proceeds=sold.proceeds)
    if seizure.given_up or default.stage is Stage.CLOSED:
        late = credit(house, state.with_default(after), default.account, AssetId(cash.id), sold.proceeds)
        return Step(late.state, (told, *late.effects))
    account = state.accounts[default.account].with_cash_moved(sold.proceeds)
    account = replace(account, version=account.version + 1)
    after = replace(after, cash=MicroUsd(default.cash + sold.proceeds))
    state = state.with_account(account).with_default(after)
    return Step(state, (Posting(PostingKind.CASH, account.id, sold.proceeds), told))
