"""A default's way through the ledger: opened, its portfolio sold, its collateral seized, its loss shared.

The steps' arithmetic is in `node.liquidation`; here they move accounts, escrow and insurance. Every step is a function
of the state alone, so that any validator can take the next one.
"""

from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from circuits.pedersen import NOTHING, Commitment
from node.ledger.account import Account
from node.ledger.effects import Effect, EventKind, LedgerEvent, Posting, PostingKind, SeizeAction, event
from node.ledger.settlement import settle_instrument
from node.ledger.state import Default, Holding, House, LedgerState, Seizure, Stage
from node.ledger.types import AccountId, AssetId, Digest, MicroUsd, Status
from node.liquidation.auction import AuctionTerms, MarkedLot, gross_notional, portfolio_mark
from node.liquidation.plan import PlannedSeizure, SeizableHolding, plan_seizures
from node.liquidation.waterfall import settle_default


@dataclass(frozen=True, slots=True)
class Step:
    """A state and what led to it."""

    state: LedgerState
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Reopened:
    """A closed default that goes on: the state with it, the account and default in it, and what is told."""

    state: LedgerState
    account: Account
    default: Default
    told: LedgerEvent


@dataclass(frozen=True, slots=True)
class Sale:
    """A portfolio sold: the state without the buyer's side, the buyer's account, and the effects of both sides."""

    state: LedgerState
    buyer: Account
    effects: tuple[Effect, ...]


def marked_lots(state: LedgerState, default: Default) -> tuple[MarkedLot, ...]:
    """The default's lots at the marks of the latest grid."""
    grid = state.grids[-1]
    return tuple(MarkedLot(lot.quantity, grid.mark_price(lot.instrument)) for lot in default.lots)


def auction_terms(house: House, state: LedgerState, default: Default) -> AuctionTerms:
    """The auction of the default's portfolio in the current market.

    The bankruptcy price counts the defaulter's cash less accrued funding, and its collateral in a forced sale.
    """
    lots = marked_lots(state, default)
    collateral = sum(h.forced_value(h.amount) for h in _holdings(house, state, default))
    return AuctionTerms(
        mark=portfolio_mark(lots),
        bankruptcy=-(default.cash - accrued_funding(state, default) + collateral),
        gross=gross_notional(lots),
        duration=house.rules.auction_blocks,
        discount_ppm=house.rules.auction_discount_ppm,
    )


def asking_price(house: House, state: LedgerState, default: Default) -> MicroUsd:
    """What the whole portfolio costs now, in micro-dollars."""
    terms = auction_terms(house, state, default)
    return MicroUsd(terms.asking_price(state.hub_height - default.auction_started))


def accrued_funding(state: LedgerState, default: Default) -> MicroUsd:
    """Σ F·q over the default's lots, F the funding index in force."""
    return MicroUsd(sum(state.market.funding_index(lot.instrument) * lot.quantity for lot in default.lots))


def with_lots(buyer: Account, default: Default, paid: MicroUsd) -> Account:
    """`buyer` with all lots, and cash′ less `paid` (the price less accrued funding)."""
    for lot in default.lots:
        buyer = buyer.with_position_moved(lot.instrument, Commitment.public(lot.quantity))
    return buyer.with_cash_moved(MicroUsd(-paid))


def sell_portfolio(state: LedgerState, default: Default, buyer: Account, price: MicroUsd) -> Sale:
    """All lots to `buyer` for `price`: cash′ of the buyer moves by Σ F·q − price, the defaulter's by the opposite."""
    defaulter = state.accounts[default.account]
    effects: list[Effect] = []
    for lot in default.lots:
        defaulter = defaulter.with_position_moved(lot.instrument, Commitment.public(-lot.quantity))
        for name, sign in ((buyer.id, 1), (defaulter.id, -1)):
            posting = Posting(PostingKind.POSITION, name, sign * lot.quantity, instrument=lot.instrument)
            effects.append(posting)
    cash = MicroUsd(price - accrued_funding(state, default))
    buyer = with_lots(buyer, default, cash)
    defaulter = replace(defaulter.with_cash_moved(cash), version=defaulter.version + 1)
    sold = replace(
        default,
        stage=Stage.COLLATERAL,
        lots=(),
        cash=MicroUsd(default.cash + cash),
        buyer=buyer.id,
        sale_price=price,
        auctions=default.auctions + 1,
    )
    effects += [
        Posting(PostingKind.CASH, buyer.id, -cash),
        Posting(PostingKind.CASH, defaulter.id, cash),
        event(EventKind.PORTFOLIO_SOLD, default.account, default=default.id, buyer=buyer.id, price=price),
    ]
    return Sale(state.with_account(defaulter).with_default(sold), buyer, tuple(effects))


def advance_defaults(house: House, state: LedgerState) -> Step:
    """One step of every default that can take one without an owner, a bidder or a chain."""
    reopened = _reopen_credited(state)
    state, effects = reopened.state, list(reopened.effects)
    for name in sorted(state.defaults):
        default = state.defaults[name]
        step = Step(state)
        if default.stage is Stage.AUCTION:
            step = _end_auction(house, state, default)
        elif default.stage is Stage.COLLATERAL and all(s.proceeds is not None for s in default.seizures):
            step = _cover(house, state, default)
        state = step.state
        effects.extend(step.effects)
    cured = _cure_shortfalls(state)
    return Step(cured.state, (*effects, *cured.effects))


def _end_auction(house: House, state: LedgerState, default: Default) -> Step:
    """Backstop, or tear-up where its funded limit does not reach, once bidders had their time."""
    if not default.lots:
        return Step(state.with_default(replace(default, stage=Stage.COLLATERAL)))
    if state.market.stale:
        return Step(state)
    terms = auction_terms(house, state, default)
    if not terms.over(state.hub_height - default.auction_started):
        return Step(state)
    backstop = state.accounts.get(house.rules.backstop)
    funded = state.backstop_used + terms.gross <= house.rules.backstop_limit
    if backstop is None or backstop.id == default.account or not funded:
        return _tear_up(house, state, default)
    sale = sell_portfolio(state, default, backstop, MicroUsd(terms.floor))
    used = MicroUsd(state.backstop_used + terms.gross)
    taken = replace(sale.buyer, version=sale.buyer.version + 1)
    return Step(replace(sale.state.with_account(taken), backstop_used=used), sale.effects)


def _tear_up(house: House, state: LedgerState, default: Default) -> Step:
    """Settle each of the portfolio's instruments at mark for everyone: linear in hidden positions, opens nobody."""
    effects: list[Effect] = []
    for lot in default.lots:
        price = MicroUsd(state.grids[-1].mark_price(lot.instrument))
        settled = settle_instrument(state, lot.instrument, price)
        effects += [event(EventKind.TORN_UP, default.account, instrument=lot.instrument, price=price)]
        effects += settled.effects
        state = settled.state
    torn = replace(state.defaults[default.id], stage=Stage.COLLATERAL)
    return Step(state.with_default(torn), tuple(effects))


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
    holdings = tuple(Holding(asset, amount) for asset, amount in sorted(held.items()))
    merged = account.fully_merged()
    posting = Posting(PostingKind.MERGED, account.id, len(account.inbox))
    after = state.with_account(replace(merged, version=merged.version + 1))
    return Step(after.with_default(replace(default, cash=cash, collateral=holdings)), (posting,))


def _cover(house: House, state: LedgerState, default: Default) -> Step:
    """Cover what the defaulter owes from its collateral; when there is none left, end the default."""
    booked = book_inbox(state, default)
    taken = _take_over_shortages(house, booked.state, booked.state.defaults[default.id])
    booked = Step(taken.state, (*booked.effects, *taken.effects))
    state, default = booked.state, booked.state.defaults[default.id]
    planned: tuple[PlannedSeizure, ...] = ()
    if default.cash < 0:
        holdings = _holdings(house, state, default)
        planned = plan_seizures(-default.cash, holdings, house.rules.seizure_buffer_ppm, house.rules.sale_floor_ppm)
    step = _seize(house, state, default, planned) if planned else _close(house, state, default)
    return Step(step.state, (*booked.effects, *step.effects))


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
        collateral = {**residue.collateral, held.asset: short}
        residue = replace(residue, cash=residue.cash + Commitment.public(owed), collateral=collateral)
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


def _holdings(house: House, state: LedgerState, default: Default) -> tuple[SeizableHolding, ...]:
    return tuple(_holding(house, state, held) for held in default.collateral)


def _holding(house: House, state: LedgerState, held: Holding) -> SeizableHolding:
    asset = house.registry.asset(held.asset)
    price = state.market.price(asset.underlying) if asset.underlying is not None else 0
    available = max(state.available(held.asset), 0)
    return SeizableHolding(held.asset, held.amount, available, price, asset.unit_scale, asset.haircut_ppm)


def mark_value(house: House, state: LedgerState, held: Holding) -> int:
    """Micro-dollars of a holding at mark, rounded down, so that what is missing costs a little more."""
    return _holding(house, state, held).mark_value(held.amount)


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
        seizures.append(Seizure(action_id, asset, item.amount))
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


def _close(house: House, state: LedgerState, default: Default) -> Step:
    outcome = settle_default(default.cash, default.penalty, state.insurance)
    recorded = default.shortfall
    change = MicroUsd(outcome.insurance_paid - outcome.penalty)
    account = state.accounts[default.account].with_cash_moved(change)
    status = Status.CLOSED if outcome.shortfall else Status.ACTIVE
    account = replace(account, status=status, deadline=0, version=account.version + 1)
    closed = replace(
        default,
        stage=Stage.CLOSED,
        cash=MicroUsd(default.cash + change),
        penalty=MicroUsd(outcome.penalty),
        insurance_paid=MicroUsd(default.insurance_paid + outcome.insurance_paid),
        shortfall=MicroUsd(outcome.shortfall),
    )
    after = replace(
        state.with_account(account).with_default(closed),
        insurance=MicroUsd(state.insurance - change),
        shortfall=MicroUsd(state.shortfall + outcome.shortfall - recorded),
    )
    effects: list[Effect] = [Posting(PostingKind.CASH, account.id, change)]
    if outcome.insurance_paid:
        paid = outcome.insurance_paid
        effects.append(event(EventKind.INSURANCE_PAID, account.id, default=default.id, amount=paid))
    if outcome.shortfall:
        missing = outcome.shortfall
        effects.append(event(EventKind.SHORTFALL, account.id, default=default.id, amount=missing))
    effects.append(event(EventKind.DEFAULT_CLOSED, account.id, default=default.id, remains=outcome.remains))
    return Step(after, tuple(effects))


def _reopen_credited(state: LedgerState) -> Step:
    """What still arrives for an account that closed with a loss (a payout that failed, a late deposit) goes the way of
    its other remains: it covers the shortfall, then repays the insurance fund, and the rest is the owner's again.

    The shortfall stays recorded meanwhile, so that dust cannot lift the gate on withdrawals.
    """
    effects: list[Effect] = []
    for name in sorted(state.accounts):
        account = state.accounts[name]
        if account.status is not Status.CLOSED or not account.inbox:
            continue
        reopened = reopen(state, account)
        state = reopened.state
        effects.append(reopened.told)
    return Step(state, tuple(effects))


def reopen(state: LedgerState, account: Account) -> Reopened:
    """The last default of an account that closed with a loss, taken up again where collateral is turned into cash."""
    last = max((d for d in state.defaults.values() if d.account == account.id), key=lambda d: d.frozen_in)
    again = replace(last, stage=Stage.COLLATERAL, penalty=last.insurance_paid)
    account = replace(account, status=Status.LIQUIDATING)
    told = event(EventKind.REOPENED, account.id, default=last.id)
    return Reopened(state.with_account(account).with_default(again), account, again, told)


def _cure_shortfalls(state: LedgerState) -> Step:
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
