"""What an opened account is worth, and its waiting credits: plain integers, since everything in it is public."""

from dataclasses import replace

from circuits.pedersen import NOTHING, Commitment
from node.ledger.effects import Effect, EventKind, Posting, PostingKind, event
from node.ledger.reach import reachable, unsold
from node.ledger.state import Default, Holding, House, LedgerState
from node.ledger.steps import Step
from node.ledger.types import AssetId, InstrumentId, MicroUsd
from node.liquidation.auction import MarkedLot, portfolio_mark
from node.liquidation.plan import SeizableHolding
from node.liquidation.slices import OpenBook


def markable(state: LedgerState, default: Default) -> bool:
    """Whether every lot has a mark of this round: one that has expired waits for the price that it settles at, and a
    round that could not be valued has no marks."""
    if not state.grids or state.grids[-1].round != state.market.round:
        return False
    return all(state.grids[-1].lists(lot.instrument) for lot in default.lots)


def mark_of(state: LedgerState, instrument: InstrumentId) -> int:
    """Micro-dollars per lot on the latest grid."""
    return state.grids[-1].mark_price(instrument)


def marked_lots(state: LedgerState, default: Default) -> tuple[MarkedLot, ...]:
    """The default's lots at the marks of the latest grid."""
    return tuple(MarkedLot(lot.quantity, mark_of(state, lot.instrument)) for lot in default.lots)


def accrued_funding(state: LedgerState, default: Default) -> MicroUsd:
    """Σ F·q over the default's lots, F the funding index in force."""
    return MicroUsd(sum(state.market.funding_index(lot.instrument) * lot.quantity for lot in default.lots))


def cash_and_lots(state: LedgerState, default: Default) -> MicroUsd:
    """What the account would have in cash with its lots sold at mark; negative: what it owes then."""
    return MicroUsd(default.cash - accrued_funding(state, default) + portfolio_mark(marked_lots(state, default)))


def equity(house: House, state: LedgerState, default: Default) -> MicroUsd:
    """What the account is worth: lots at mark, collateral as in a forced sale."""
    collateral = sum(h.forced_value(h.amount) for h in holdings(house, state, default) if h.amount > 0)
    return MicroUsd(cash_and_lots(state, default) + collateral)


def open_book(default: Default, *, less: int = 0) -> OpenBook:
    """The account for a plan, with `less` micro-dollars of cash."""
    positions = {str(lot.instrument): lot.quantity for lot in default.lots}
    return OpenBook(default.cash - less, positions, {str(held.asset): held.amount for held in default.collateral})


def holdings(house: House, state: LedgerState, default: Default) -> tuple[SeizableHolding, ...]:
    """The opened collateral that counts, with prices, and what its vaults can hand over to be sold: nothing where they
    are out of reach."""
    return tuple(_holding(house, state, held) for held in default.collateral if held.asset not in state.written_off)


def sold_on(house: House, asset: AssetId) -> AssetId | None:
    """The dollars that a chain sells a token for; None on a chain without any."""
    chain = house.registry.asset(asset).chain_id
    return next((AssetId(a.id) for a in house.registry.collateral if a.is_cash and a.chain_id == chain), None)


def sellable(house: House, state: LedgerState, asset: AssetId) -> bool:
    """Whether neither the token nor what its chain sells it for is written off."""
    return asset not in state.written_off and sold_on(house, asset) not in state.written_off


def _holding(house: House, state: LedgerState, held: Holding) -> SeizableHolding:
    asset = house.registry.asset(held.asset)
    price = state.market.price(asset.underlying) if asset.underlying is not None else 0
    ready = sellable(house, state, held.asset) and reachable(house, state, held.asset)
    available = max(state.available(held.asset), 0) if ready else 0
    waiting = unsold(state, held.asset)
    return SeizableHolding(held.asset, held.amount, available, price, asset.unit_scale, asset.haircut_ppm, waiting)


def mark_value(house: House, state: LedgerState, held: Holding) -> int:
    """Micro-dollars of a holding at mark, rounded down, so that what is missing costs a little more."""
    return _holding(house, state, held).mark_value(held.amount)


def settle_up(house: House, state: LedgerState, default: Default) -> Step:
    """The account before the next decision about it: credits booked, and what exits took beyond its collateral owed."""
    booked = book_inbox(state, default)
    taken = _take_over_shortages(house, booked.state, booked.state.defaults[default.id])
    return taken.after(*booked.effects)


def book_inbox(state: LedgerState, default: Default) -> Step:
    """The defaulter's waiting credits, booked: they help to cover, like everything else it has."""
    account = state.accounts[default.account]
    if not account.inbox:
        return Step(state)
    cash, held = default.cash, {h.asset: h.amount for h in default.collateral}
    for credit in account.inbox:
        if credit.asset is None:
            cash = MicroUsd(cash + credit.amount)
        else:
            held[credit.asset] = held.get(credit.asset, 0) + credit.amount
    collateral = tuple(Holding(asset, amount) for asset, amount in sorted(held.items()) if amount)
    merged = account.fully_merged()
    posting = Posting(PostingKind.MERGED, account.id, len(account.inbox))
    after = state.with_account(replace(merged, version=merged.version + 1))
    return Step(after.with_default(replace(default, cash=cash, collateral=collateral)), (posting,))


def _take_over_shortages(house: House, state: LedgerState, default: Default) -> Step:
    """What forced exits took beyond the defaulter's collateral: it owes the value at mark, the house is short of it.

    The residue takes both sides, the missing collateral and the cash to buy it with, so that both sums still close.
    """
    account, residue, cash = state.accounts[default.account], state.residue, default.cash
    effects: list[Effect] = []
    for held in default.collateral:
        if held.amount >= 0:
            continue
        owed = MicroUsd(-mark_value(house, state, held))
        account = account.with_collateral_moved(held.asset, -held.amount).with_cash_moved(MicroUsd(-owed))
        short = residue.collateral.get(held.asset, NOTHING) + Commitment.public(held.amount)
        residue = replace(
            residue,
            cash=residue.cash + Commitment.public(owed),
            collateral={**residue.collateral, AssetId(held.asset): short},
        )
        cash = MicroUsd(cash - owed)
        effects += [
            Posting(PostingKind.COLLATERAL, account.id, -held.amount, asset=held.asset),
            Posting(PostingKind.CASH, account.id, -owed),
            event(EventKind.SHORTAGE, account.id, default=default.id, asset=held.asset, amount=-held.amount, owed=owed),
        ]
    if not effects:
        return Step(state)
    left = tuple(held for held in default.collateral if held.amount > 0)
    after = replace(default, cash=cash, collateral=left)
    account = replace(account, version=account.version + 1)
    return Step(replace(state.with_account(account).with_default(after), residue=residue), tuple(effects))
