"""What a default puts on auction, at which price, and what becomes of it: sold to bidders, to the backstop, or not.

The arithmetic is in `node.liquidation`: the plan in `slices`, the bundle and the sharing in `bundles`, the price in
`auction`. Every step is a function of the state, so that any validator can take the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.effects import Effect, EventKind, Posting, PostingKind, event
from node.ledger.opened import equity, mark_of, markable, open_book, settle_up
from node.ledger.prices import allowed
from node.ledger.state import Default, House, LedgerState, Lot, Offer, PendingBid, Stage
from node.ledger.steps import Step
from node.ledger.types import AccountId, InstrumentId, MicroUsd, Status
from node.liquidation.auction import (
    PPM,
    AccountStanding,
    AuctionTerms,
    MarkedLot,
    gross_notional,
    portfolio_mark,
    terms_of,
)
from node.liquidation.bundles import bundle_of, pro_rata
from node.liquidation.slices import LiquidationPlan, Slice, margin_slack, plan_liquidation, total_lots, within_cap
from node.liquidation.validity import Action
from node.market.window import window_of


@dataclass(frozen=True, slots=True)
class Turn:
    """What is left of a batch's measure of new auctions, which accounts take up in their order."""

    accounts: int
    """For how many more it is decided what to sell next."""
    room: int | None
    """Gross notional that may still be put on auction. None once there is no room for whoever is next: no other comes
    before it, and none is planned in vain."""
    first: bool = True
    """Whether nothing was offered yet: the first may exceed the room with one slice."""

    @staticmethod
    def of(house: House) -> "Turn":
        """A batch's whole measure."""
        return Turn(house.rules.plans_per_batch, house.rules.batch_cap)

    def after(self, offered: int) -> "Turn":
        """What is left when another account was decided on, and has put so much on auction."""
        left = None if self.room is None or self.room <= offered else self.room - offered
        return Turn(self.accounts - 1, left if offered else self.room, self.first and not offered)


@dataclass(frozen=True, slots=True)
class Planned:
    """A state after it was decided what one account sells next, and what is left for the others."""

    state: LedgerState
    effects: tuple[Effect, ...]
    turn: Turn


# Prices.


def free_funds(state: LedgerState, default: Default) -> MicroUsd:
    """What insurance and default fund have for this default: other accounts' losses that are certain are taken off."""
    owed = state.certain_losses - state.defaults[default.id].certain_loss
    return MicroUsd(max(state.insurance + sum(state.default_fund.values()) - owed, 0))


def marked_unit(state: LedgerState, offer: Offer) -> tuple[MarkedLot, ...]:
    """One unit at the marks of the latest grid."""
    return tuple(MarkedLot(lot.quantity, mark_of(state, lot.instrument)) for lot in offer.unit)


def standing(house: House, state: LedgerState, default: Default) -> AccountStanding:
    """What stands behind the default's auction: its equity as if no unit had gone below mark, and the funds."""
    given = default.offer.given if default.offer is not None else 0
    return AccountStanding(equity(house, state, default) + given, free_funds(state, default))


def auction_terms(house: House, state: LedgerState, default: Default) -> AuctionTerms | None:
    """The auction of the default's bundle in the current market; None while there is none, or no mark for it."""
    offer = default.offer
    if offer is None or not markable(state, default):
        return None
    unit, rules = marked_unit(state, offer), house.rules
    stands = standing(house, state, default)
    return terms_of(unit, offer.total, stands, rules.auction_discount_ppm, rules.schedule)


def asking_price(house: House, state: LedgerState, default: Default) -> MicroUsd | None:
    """What one unit costs now, in micro-dollars; None while nothing is for sale."""
    terms, offer = auction_terms(house, state, default), default.offer
    if terms is None or offer is None:
        return None
    return MicroUsd(terms.asking_price(state.hub_height - offer.started))


# Sales.


def clear_bids(house: House, state: LedgerState) -> Step:
    """The batch's bids, auction by auction: all at the asking price, pro rata to what they want where it is too much.

    Remainders of the sharing go to the largest fractions, among equals to the bid of the smaller digest.
    """
    bids, state = state.bids, replace(state, bids=())
    effects: list[Effect] = []
    for name in sorted({bid.default for bid in bids}):
        mine = sorted((bid for bid in bids if bid.default == name), key=lambda bid: bid.digest)
        step = _clear_auction(house, state, state.defaults[name], mine)
        state = step.state
        effects.extend(step.effects)
    return Step(state, tuple(effects))


def _clear_auction(house: House, state: LedgerState, default: Default, bids: Sequence[PendingBid]) -> Step:
    offer, price = default.offer, asking_price(house, state, default)
    if offer is None or price is None:
        raise AssertionError("bids are only taken for what is on offer")
    wanted = [min(bid.units, offer.units) for bid in bids]
    fills = pro_rata(min(offer.units, sum(wanted)), wanted)
    effects: list[Effect] = []
    for bid, units in zip(bids, fills, strict=True):
        if units:
            step = sell_units(state, state.defaults[default.id], bid.account, units, price)
            state = step.state
            effects.extend(step.effects)
    return Step(state, tuple(effects))


def with_units(buyer: Account, unit: Sequence[Lot], units: int, paid: MicroUsd) -> Account:
    """`buyer` with so many units, and cash′ less `paid` (the price less accrued funding)."""
    for lot in unit:
        buyer = buyer.with_position_moved(lot.instrument, Commitment.public(units * lot.quantity))
    return buyer.with_cash_moved(MicroUsd(-paid))


def sell_units(state: LedgerState, default: Default, buyer_name: AccountId, units: int, price: MicroUsd) -> Step:
    """`units` of what is on offer to the buyer for `price` each: cash′ moves by Σ F·q − price on the buyer's side, by
    the opposite on the defaulter's, so that nothing is lost to rounding."""
    offer = default.offer
    if offer is None:
        raise AssertionError("nothing is on offer")
    buyer, defaulter = state.accounts[buyer_name], state.accounts[default.account]
    effects: list[Effect] = []
    for lot in offer.unit:
        quantity = units * lot.quantity
        defaulter = defaulter.with_position_moved(lot.instrument, Commitment.public(-quantity))
        for name, sign in ((buyer.id, 1), (defaulter.id, -1)):
            effects.append(Posting(PostingKind.POSITION, name, sign * quantity, instrument=lot.instrument))
    funding = sum(state.market.funding_index(lot.instrument) * lot.quantity for lot in offer.unit)
    paid = MicroUsd(units * (price - funding))
    buyer = with_units(buyer, offer.unit, units, paid)
    buyer = replace(buyer, version=buyer.version + 1)
    defaulter = replace(defaulter.with_cash_moved(paid), version=defaulter.version + 1)
    effects += [
        Posting(PostingKind.CASH, buyer.id, -paid),
        Posting(PostingKind.CASH, defaulter.id, paid),
        event(
            EventKind.PORTFOLIO_SOLD,
            default.account,
            default=default.id,
            auction=default.auctions,
            buyer=buyer.id,
            units=units,
            price=units * price,
        ),
    ]
    sold = _with_units_sold(state, replace(default, cash=MicroUsd(default.cash + paid)), offer, buyer.id, units, price)
    return Step(state.with_account(defaulter).with_account(buyer).with_default(sold), tuple(effects))


def _with_units_sold(
    state: LedgerState, default: Default, offer: Offer, buyer: AccountId, units: int, price: MicroUsd
) -> Default:
    unit = marked_unit(state, offer)
    gone = {lot.instrument: units * lot.quantity for lot in offer.unit}
    left = (Lot(lot.instrument, lot.quantity - gone.get(lot.instrument, 0)) for lot in default.lots)
    given = offer.given + units * (portfolio_mark(unit) - price)
    rest = replace(offer, units=offer.units - units, given=MicroUsd(given))
    return after_sale(
        replace(
            default,
            lots=tuple(lot for lot in left if lot.quantity),
            offer=rest if rest.units else None,
            buyers=tuple(sorted({*default.buyers, buyer})),
            sale_price=MicroUsd(default.sale_price + units * price),
            gross_sold=MicroUsd(default.gross_sold + units * gross_notional(unit)),
        )
    )


def after_sale(default: Default) -> Default:
    """The default in the stage that follows: nothing changes while something is still on offer."""
    if default.offer is not None:
        return default
    return replace(default, stage=Stage.PLANNED if default.lots else Stage.COLLATERAL)


# Deadlines.


def moved_too_far(house: House, state: LedgerState, default: Default) -> bool:
    """Whether the market of an auction is no longer the one that its plan was made in."""
    offer = default.offer
    if offer is None or default.resets >= house.rules.max_resets:
        return False
    unit = marked_unit(state, offer)
    return abs(portfolio_mark(unit) - offer.first_mark) * PPM > house.rules.reset_ppm * gross_notional(unit)


def start_anew(state: LedgerState, default: Default) -> Step:
    """Take an auction back: the next one is on a new plan."""
    told = event(EventKind.AUCTION_RESET, default.account, default=default.id, auction=default.auctions)
    again = replace(default, stage=Stage.PLANNED, offer=None, queued=(), resets=default.resets + 1)
    return Step(state.with_default(again), (told,))


def sell_to_backstop(house: House, state: LedgerState, default: Default, price: MicroUsd) -> Step | None:
    """All units left to the backstop; None where there is none with enough left of its limit, or it is the owner's."""
    offer, backstop = default.offer, state.accounts.get(house.rules.backstop)
    if offer is None or backstop is None or backstop.owner == state.accounts[default.account].owner:
        return None
    used = state.backstop_used + offer.units * gross_notional(marked_unit(state, offer))
    if used > house.rules.backstop_limit:
        return None
    sale = sell_units(state, default, backstop.id, offer.units, price)
    return Step(replace(sale.state, backstop_used=MicroUsd(used)), sale.effects)


# Plans.


def put_on_auction(house: House, state: LedgerState, default: Default, turn: Turn) -> Planned:
    """The next slices of the default's plan, or of a new one, as far as the caps and what is left of the batch allow.

    Each account may always have one slice on auction, and so may the first of a batch; others wait for the next one.
    Nothing is spent on an account that cannot be decided on yet.

    An account that has its initial margin is its owner's again. One whose loss nobody could cover at mark is not
    auctioned, since nobody pays more: it goes on to its collateral and a tear-up.
    """
    settled = settle_up(house, state, default)
    state, default, effects = settled.state, settled.state.defaults[default.id], settled.effects
    if not default.lots:
        return Planned(state.with_default(after_sale(default)), effects, turn)
    if not turn.accounts or not allowed(house, state, Action.OPEN) or not markable(state, default):
        return Planned(state, effects, turn)
    due = penalty_due(house, default)
    if margin_slack(state.grids[-1], open_book(default, less=due)) >= 0:
        restored = _restored(state, default, due)
        return Planned(restored.state, (*effects, *restored.effects), turn.after(0))
    if not standing(house, state, default).coverable:
        beyond = replace(default, stage=Stage.COLLATERAL, queued=())
        return Planned(state.with_default(beyond), effects, turn.after(0))
    if turn.room is None or not allowed(house, state, Action.OFFER):
        return Planned(state, effects, turn.after(0))
    slices, told = _next_slices(house, state, default, due)
    fitting = within_cap(state.grids[-1], slices, turn.room, least=1 if turn.first else 0)
    count = min(fitting, within_cap(state.grids[-1], slices, house.rules.account_cap))
    if not count:
        return Planned(state, effects, replace(turn.after(0), room=None))
    offered, gross = _offer(state, default, slices[:count], slices[count:]), _gross(state, slices[:count])
    return Planned(offered.state, (*effects, *told, *offered.effects), turn.after(gross))


def penalty_due(house: House, default: Default) -> MicroUsd:
    """The penalty so far: one share of everything sold, so that two sales cost what one does."""
    return MicroUsd(default.gross_sold * house.rules.penalty_ppm // PPM)


def _next_slices(
    house: House, state: LedgerState, default: Default, due: MicroUsd
) -> tuple[tuple[Slice, ...], tuple[Effect, ...]]:
    if default.queued:
        return tuple(Slice(lot.instrument, lot.quantity) for lot in default.queued), ()
    grid, value = state.grids[-1], equity(house, state, default) - due
    plan = plan_liquidation(grid, open_book(default, less=due), value, house.rules.plan)
    return plan.slices, (_planned_event(state, default, plan),)


def _planned_event(state: LedgerState, default: Default, plan: LiquidationPlan) -> Effect:
    return event(
        EventKind.PLANNED,
        default.account,
        default=default.id,
        extent="FULL" if plan.full else "PARTIAL",
        slices=len(plan.slices),
        gross=_gross(state, plan.slices),
    )


def _gross(state: LedgerState, slices: Sequence[Slice]) -> int:
    return sum(abs(item.quantity) * mark_of(state, InstrumentId(item.instrument)) for item in slices)


def _offer(state: LedgerState, default: Default, slices: Sequence[Slice], later: Sequence[Slice]) -> Step:
    """The slices as one bundle of equal units; what does not fit into units stands at the head of the queue."""
    lots = total_lots(slices)
    bundle = bundle_of(lots)
    rest = {name: quantity - bundle.units * bundle.lots.get(name, 0) for name, quantity in lots.items()}
    left = [Slice(name, quantity) for name, quantity in rest.items() if quantity]
    unit = tuple(Lot(InstrumentId(name), quantity) for name, quantity in bundle.lots.items())
    first = portfolio_mark([MarkedLot(lot.quantity, mark_of(state, lot.instrument)) for lot in unit])
    offered = replace(
        default,
        stage=Stage.AUCTION,
        queued=tuple(Lot(InstrumentId(item.instrument), item.quantity) for item in (*left, *later)),
        offer=Offer(unit, bundle.units, bundle.units, state.hub_height, MicroUsd(first)),
        auctions=default.auctions + 1,
    )
    told = event(
        EventKind.ON_AUCTION, default.account, default=default.id, auction=offered.auctions, units=bundle.units
    )
    return Step(state.with_default(offered), (told,))


def _restored(state: LedgerState, default: Default, due: MicroUsd) -> Step:
    """The account has its initial margin after the penalty: it is its owner's again, with what is left in it.

    Everything in it is public and was evaluated by the rows of a margin proof, so its window is the one that such a
    proof on this grid would give; the owner needs to prove nothing before it lapses.
    """
    grid, account = state.grids[-1], state.accounts[default.account].with_cash_moved(MicroUsd(-due))
    account = replace(
        account,
        status=Status.ACTIVE,
        deadline=0,
        window=window_of(grid, tuple(account.positions), tuple(account.collateral)),
        version=account.version + 1,
    )
    closed = replace(default, stage=Stage.CLOSED, cash=MicroUsd(default.cash - due), penalty=due)
    after = replace(state.with_account(account).with_default(closed), insurance=MicroUsd(state.insurance + due))
    effects: tuple[Effect, ...] = (
        Posting(PostingKind.CASH, account.id, -due),
        event(EventKind.RESTORED, account.id, default=default.id, penalty=due),
        event(EventKind.DEFAULT_CLOSED, account.id, default=default.id, remains=closed.cash),
    )
    return Step(after, effects)
