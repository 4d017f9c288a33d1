"""Oracle rounds: signed observations become prices, the market moves, what expired settles, a grid comes into force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from node.ledger.batch import OracleRound, SignedObservation
from node.ledger.effects import Effect, EventKind, event
from node.ledger.errors import BatchInvalid
from node.ledger.prices import after_round, confirmations
from node.ledger.settlement import settle_expired
from node.ledger.signatures import SignatureMalformed, recover_compact
from node.ledger.state import House, LedgerState
from node.ledger.steps import Step
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.oracle_rules import Price, PriceResult, aggregate, observation_digest
from node.market.quotes import SurfaceRefused, SurfaceResult, aggregate_surface
from node.market.state import MarketState, advance
from node.market.surface import Surface


def round_prices(house: House, oracle_round: OracleRound) -> dict[str, PriceResult]:
    """The price, or the refusal, of every feed that was observed.

    Raises:
        BatchInvalid: an observation of another round or an unlisted feed, or one that its validator did not sign.
    """
    feeds: dict[str, list[SignedObservation]] = {}
    for signed in oracle_round.observations:
        _check_observation(house, oracle_round, signed)
        feeds.setdefault(signed.observation.feed, []).append(signed)
    return {
        feed: aggregate([signed.observation for signed in seen], house.market, oracle_round.time)
        for feed, seen in sorted(feeds.items())
    }


def _check_observation(house: House, oracle_round: OracleRound, signed: SignedObservation) -> None:
    seen = signed.observation
    if seen.round != oracle_round.round or seen.feed not in house.registry.underlyings:
        raise BatchInvalid("observation", f"of feed {seen.feed} in round {seen.round}")
    if seen.validator not in house.validators:
        raise BatchInvalid("observation", f"by {seen.validator.hex()}, who is no validator")
    try:
        signer = recover_compact(signed.signature, observation_digest(house.deployment.digest, seen))
    except (SignatureMalformed, MarketError) as error:
        raise BatchInvalid("observation", str(error)) from error
    if signer != seen.validator:
        raise BatchInvalid("observation", f"not signed by {seen.validator.hex()}")


@dataclass(frozen=True, slots=True)
class Advanced:
    """The market one round later, and why quotes of underlyings came to nothing, by underlying."""

    market: MarketState
    refused: Mapping[str, SurfaceRefused]


def next_market(house: House, state: LedgerState, oracle_round: OracleRound) -> Advanced:
    """The market after one more round.

    Raises:
        BatchInvalid: a round out of sequence or off its hub height, or a wrong observation.
    """
    market = state.market
    if oracle_round.round != market.round + 1:
        raise BatchInvalid("round", f"{oracle_round.round} after {market.round}")
    if oracle_round.height != market.height + house.market.round_spacing:
        raise BatchInvalid("round", f"hub block {oracle_round.height} follows {market.height}: none may be skipped")
    prices = round_prices(house, oracle_round)
    quoted = _round_surfaces(house, oracle_round, prices)
    surfaces = [result for result in quoted.values() if isinstance(result, Surface)]
    height, time = oracle_round.height, oracle_round.time
    waiting = confirmations(house, state, prices, time)
    try:
        moved = advance(market, prices, height, time, house.registry, house.market, surfaces, waiting)
    except MarketError as error:
        raise BatchInvalid("round", str(error)) from error
    return Advanced(moved, {feed: result for feed, result in quoted.items() if isinstance(result, SurfaceRefused)})


def _round_surfaces(
    house: House, oracle_round: OracleRound, prices: Mapping[str, PriceResult]
) -> dict[str, SurfaceResult]:
    """What the quotes of each feed with a price come to."""
    made: dict[str, SurfaceResult] = {}
    for feed, price in prices.items():
        if isinstance(price, Price):
            seen = [s.observation for s in oracle_round.observations if s.observation.feed == feed]
            expiries = {entry.time for entry in house.registry.expiries if entry.underlying == feed}
            made[feed] = aggregate_surface(seen, price, expiries, house.market, oracle_round.time)
    return made


def market_after(house: House, state: LedgerState, rounds: Sequence[OracleRound]) -> MarketState:
    """The market after several rounds: what a proposer or voter computes its grid from."""
    for oracle_round in rounds:
        state = after_round(house, state, next_market(house, state, oracle_round).market)
    return state.market


def apply_rounds(house: House, state: LedgerState, rounds: Sequence[OracleRound], grid: RiskGrid | None) -> Step:
    """The state after the batch's rounds, with the last one's grid among those that proofs may name.

    Without one the last grid stays, and an event says so. Whether the grid's figures are right, or its absence is, is
    for each node to check against its own before it votes.

    Raises:
        BatchInvalid: a round or grid that does not belong here.
    """
    effects: list[Effect] = []
    for oracle_round in rounds:
        advanced = next_market(house, state, oracle_round)
        state = after_round(house, state, advanced.market)
        stale = state.market.stale
        prices = {entry.symbol: entry.price for entry in state.market.underlyings}
        effects.append(event(EventKind.ROUND, None, round=oracle_round.round, **prices))
        effects += [event(EventKind.FEED_STALE, None, feed=feed, round=oracle_round.round) for feed in stale]
        effects += [
            event(EventKind.SURFACE_REFUSED, None, feed=feed, round=oracle_round.round, reason=str(result.reason))
            for feed, result in sorted(advanced.refused.items())
        ]
        old = state.market.old_surfaces(house.market)
        effects += [event(EventKind.SURFACE_STALE, None, feed=feed, round=oracle_round.round) for feed in old]
        settled = settle_expired(house, state)
        state = settled.state
        effects.extend(settled.effects)
    valued = _with_grid(house, state, rounds, grid)
    if rounds and state.market.priced and grid is None:
        effects.append(event(EventKind.ROUND_NOT_VALUED, None, round=state.market.round))
    return Step(valued, tuple(effects))


def _with_grid(house: House, state: LedgerState, rounds: Sequence[OracleRound], grid: RiskGrid | None) -> LedgerState:
    if grid is None:
        return state
    if not rounds or not state.market.priced:
        raise BatchInvalid("grid", "a batch brings a grid only if it brings a round with prices")
    if grid.round != state.market.round or grid.time != state.market.time:
        raise BatchInvalid("grid", f"of round {grid.round} where {state.market.round} is due")
    oldest = grid.round - house.market.accepted_rounds
    recent = tuple(entry for entry in state.grids if entry.round > oldest)
    return replace(state, grids=(*recent, grid))
