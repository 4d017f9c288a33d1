"""How likely an account's window is to be left soon, from public data alone, so that calls go out before the
breach.

Nothing of the ledger depends on it: it orders warnings, in floating point. The price is taken as driftless
geometric Brownian motion at the volatility in force; by the reflection principle it passes a barrier at
log-distance x within T with probability 2·N(−x/(σ·√T)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Final

from scipy.special import ndtr

from node.market.instruments import PPM, Barrier, Registry
from node.market.parameters import YEAR_SECONDS, MarketParameters
from node.market.state import MarketState
from node.market.widths import maintenance_width
from node.market.window import MarginWindow, UnderlyingWindow, lapse

LOOK_AHEAD_SECONDS: Final = 3600
WARNING_THRESHOLD_PPM: Final = 100_000
"""Warned of is what is left within the hour with a probability of a tenth; node/risk measures what that is worth."""


@dataclass(frozen=True, slots=True)
class Covered:
    """An account as everyone sees it: its window, and which instruments and assets it holds."""

    account: bytes
    window: MarginWindow
    positions: tuple[str, ...]
    collateral: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """An account whose window is likely to be left within `LOOK_AHEAD_SECONDS`."""

    account: bytes
    probability: float


def warnings(
    accounts: Iterable[Covered], state: MarketState, registry: Registry, parameters: MarketParameters
) -> tuple[Warned, ...]:
    """Whom to warn, most urgent first; of equals the lesser id.

    Raises:
        UnknownInstrument: a position or asset that is not listed.
    """
    found = []
    for entry in accounts:
        probability = leave_probability(
            entry.window, state, LOOK_AHEAD_SECONDS, entry.positions, entry.collateral, registry, parameters
        )
        if probability * PPM >= WARNING_THRESHOLD_PPM:
            found.append(Warned(entry.account, probability))
    return tuple(sorted(found, key=lambda entry: (-entry.probability, entry.account)))


def leave_probability(
    window: MarginWindow,
    state: MarketState,
    seconds: int,
    positions: Sequence[str],
    collateral: Sequence[str],
    registry: Registry,
    parameters: MarketParameters,
) -> float:
    """Probability that the price takes an account out of its window within `seconds`; at most the sum over the edges
    and over the barriers of held barrier options, whose crossing ends the window too.

    1.0 for a window that has lapsed, or will be too old by then.

    Raises:
        UnknownInstrument: a position or asset that is not listed.
    """
    if lapse(window, state, positions, collateral, registry, parameters) is not None:
        return 1.0
    if state.time + seconds - window.time > parameters.max_proof_age_seconds:
        return 1.0
    held = {registry.underlying_of(name) for name in (*positions, *collateral)}
    chances = [
        _first_passage(entry, state, seconds, parameters) for entry in window.underlyings if entry.symbol in held
    ]
    instruments = [registry.instrument(name) for name in positions]
    chances += [_crossing(entry, state, seconds) for entry in instruments if isinstance(entry, Barrier)]
    return min(1.0, sum(chances))


def _crossing(entry: Barrier, state: MarketState, seconds: int) -> float:
    """Of the barrier before expiry; 0 once it was crossed, 1 while a price beyond it waits to be confirmed."""
    left = min(seconds, entry.expiry - state.time)
    if left <= 0 or state.knocked_in_round(entry.id) is not None:
        return 0.0
    price = state.price(entry.underlying)
    distance = 0.0 if entry.is_crossed(price) else abs(log(price / entry.barrier))
    return 2 * float(ndtr(-distance / (state.sigma_ppm(entry.underlying) / PPM * sqrt(left / YEAR_SECONDS))))


def _first_passage(covered: UnderlyingWindow, state: MarketState, seconds: int, parameters: MarketParameters) -> float:
    """Of either price at which the maintenance window touches an edge."""
    price, sigma = state.price(covered.symbol), state.sigma_ppm(covered.symbol)
    width = maintenance_width(sigma, parameters, state.price_age(covered.symbol))
    deviation = sigma / PPM * sqrt(seconds / YEAR_SECONDS)
    if deviation == 0:
        return 0.0
    down = log(price * (PPM - width) / (covered.low * PPM))
    up = log(covered.high * PPM / (price * (PPM + width)))
    return sum(2 * float(ndtr(-max(distance, 0.0) / deviation)) for distance in (down, up))
