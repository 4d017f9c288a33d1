"""The market's state at every tick of a tape, by the ledger's own steps: `node.market.state.advance` on integers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from node.market.instruments import Perpetual, Registry
from node.market.oracle_rules import Price, PriceResult
from node.market.parameters import DAY_SECONDS, MarketParameters, UnderlyingParameters
from node.market.state import MarketState, advance, genesis_state
from node.market.widths import initial_width, maintenance_width
from node.risk.candles import Tape

_FUNDING_TOLERANCE = 10**15
"""Funding is left out: only prices and volatilities end a window here."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The states after each tick, and what they were made with."""

    registry: Registry
    parameters: MarketParameters
    tapes: tuple[Tape, ...]
    states: tuple[MarketState, ...]

    def initial_widths(self, symbol: str) -> list[int]:
        """The initial width in force at every tick, ppm."""
        return [initial_width(state.sigma_ppm(symbol), self.parameters) for state in self.states]

    def maintenance_widths(self, symbol: str) -> list[int]:
        """The maintenance width in force at every tick, ppm."""
        return [maintenance_width(state.sigma_ppm(symbol), self.parameters) for state in self.states]


def house_parameters(tapes: Sequence[Tape]) -> MarketParameters:
    """The house's default figures for underlyings listed at their first price."""
    listed = (UnderlyingParameters(tape.symbol, tape.ticks[0].price, _FUNDING_TOLERANCE) for tape in tapes)
    return MarketParameters(tuple(listed))


def unbuffered(parameters: MarketParameters) -> MarketParameters:
    """The same averages with neither floor nor slow descent: widths that follow volatility wherever it goes."""
    return replace(
        parameters,
        volatility_floor_ppm=1,
        maintenance_floor_ppm=1,
        volatility_fall_ppm_per_day=parameters.volatility_ceiling_ppm * DAY_SECONDS,
    )


def replay(tapes: tuple[Tape, ...], parameters: MarketParameters) -> Replay:
    """One oracle round per tick, every feed valid. The first price starts at `volatility_start_ppm`."""
    symbols = tuple(tape.symbol for tape in tapes)
    registry = Registry(symbols, tuple(Perpetual(symbol, 1) for symbol in symbols), ())
    state = genesis_state(registry, parameters, 0, tapes[0].ticks[0].time)
    states = []
    for ticks in zip(*(tape.ticks for tape in tapes), strict=True):
        prices: dict[str, PriceResult] = {
            symbol: Price(tick.price, 0, parameters.oracle_quorum) for symbol, tick in zip(symbols, ticks, strict=True)
        }
        state = advance(state, prices, state.height + 1, ticks[0].time, registry, parameters)
        states.append(state)
    return Replay(registry, parameters, tapes, tuple(states))
