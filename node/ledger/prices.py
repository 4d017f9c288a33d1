"""Whether an action is allowed now, by prices and by the breaker: the ledger's way to the tables in
`node.liquidation.validity` and `node.liquidation.breaker`."""

from collections.abc import Mapping
from dataclasses import replace

from node.ledger.errors import Reason, Refused
from node.ledger.state import House, LedgerState
from node.liquidation.breaker import STOPPED
from node.liquidation.validity import ALLOWED, Action, Condition, Quote, Reference, condition_of, worst
from node.market.oracle_rules import Price, PriceResult
from node.market.state import Confirmations, MarketState, UnderlyingState
from node.market.volatility import update


def condition(house: House, state: LedgerState, feed: str | None = None) -> Condition:
    """How fit the price of a feed is; of all feeds, if none is named: an account may hold anything."""
    market = state.market
    symbols = [entry.symbol for entry in market.underlyings] if feed is None else [feed]
    references = {entry.feed: entry for entry in state.references}
    quotes = (
        Quote(
            references.get(symbol, Reference(symbol, 0)),
            symbol in market.stale,
            market.underlying(symbol).confidence_ppm,
            market.sigma_ppm(symbol),
        )
        for symbol in symbols
    )
    return worst(condition_of(quote, house.rules.validity) for quote in quotes)


def allowed(house: House, state: LedgerState, action: Action, feed: str | None = None) -> bool:
    """Whether the breaker, and the feed's price or every price, allow the action."""
    return action not in STOPPED[state.breaker.level] and action in ALLOWED[condition(house, state, feed)]


def require_allowed(house: House, state: LedgerState, action: Action) -> None:
    """BREAKER_SET while the breaker stops the action, ORACLE_STALE while a feed has no valid price, PRICE_UNFIT while
    one is otherwise unfit for it."""
    breaker = state.breaker
    if action in STOPPED[breaker.level]:
        raise Refused(
            Reason.BREAKER_SET,
            f"the breaker is at {breaker.level.name} until hub block {breaker.until}, which allows no {action.name}",
            (("level", str(int(breaker.level))), ("until", str(breaker.until)), ("action", action.name)),
        )
    found = condition(house, state)
    if action in ALLOWED[found]:
        return
    if found is Condition.STALE:
        raise Refused(Reason.ORACLE_STALE, f"no valid price of {', '.join(state.market.stale)} in the last round")
    raise Refused(
        Reason.PRICE_UNFIT,
        f"a price is {found.name}, which allows no {action.name}",
        (("condition", found.name), ("action", action.name)),
    )


def confirmations(house: House, state: LedgerState, prices: Mapping[str, PriceResult], time: int) -> Confirmations:
    """What the prices of the next round, taken at `time`, confirm of the last ones, and which of them have to wait."""
    limit = house.rules.jump_ppm
    waited = {entry.feed: entry for entry in state.references if entry.jumped}
    valid = {feed: result.price for feed, result in prices.items() if isinstance(result, Price)}
    known = {entry.feed: entry for entry in state.references if entry.feed in valid}
    return Confirmations(
        frozenset(waited),
        frozenset(feed for feed, entry in known.items() if entry.stands_by(valid[feed], limit)),
        frozenset(feed for feed, entry in known.items() if entry.after(valid[feed], time, limit).jumped),
    )


def after_round(house: House, state: LedgerState, market: MarketState) -> LedgerState:
    """The state with the next round's market: every valid price confirmed, or waiting for a round that confirms it.

    A price that waits moves no volatility, else a wick of one round would widen everybody's window. What follows it is
    measured from the last confirmed price.
    """
    references = {entry.feed: entry for entry in state.references}
    before = {entry.symbol: entry for entry in state.market.underlyings}
    moved = []
    for entry in market.underlyings:
        if entry.symbol not in market.stale:
            known = references.get(entry.symbol, Reference(entry.symbol, entry.price, entry.priced_at))
            reference = known.after(entry.price, entry.priced_at, house.rules.jump_ppm)
            entry = _with_volatility(house, before[entry.symbol], entry, known, reference)
            references[entry.symbol] = reference
        moved.append(entry)
    ordered = tuple(references[feed] for feed in sorted(references))
    return replace(state, market=replace(market, underlyings=tuple(moved)), references=ordered)


def _with_volatility(
    house: House, before: UnderlyingState, entry: UnderlyingState, known: Reference, reference: Reference
) -> UnderlyingState:
    if reference.jumped:
        return replace(entry, volatility=before.volatility)
    if known.jumped:
        seconds = entry.priced_at - known.taken_at
        return replace(entry, volatility=update(before.volatility, known.price, entry.price, seconds, house.market))
    return entry
