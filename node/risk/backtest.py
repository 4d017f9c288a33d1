"""The house's margin widths against recorded prices: coverage, procyclicality, lead times."""

from dataclasses import dataclass
from itertools import combinations
from typing import Final

from node.market.parameters import CorrelatedPair
from node.risk.apart import Apart, apart
from node.risk.candles import HOUR, Tape
from node.risk.coverage import Coverage, coverage
from node.risk.leadtime import LeadTimes, lead_times
from node.risk.procyclicality import Procyclicality, buffered, procyclicality
from node.risk.replay import Replay, house_parameters, replay, unbuffered

HORIZONS: Final = (HOUR, 6 * HOUR)
INITIAL, MAINTENANCE, UNBUFFERED, EMIR = "initial", "maintenance", "unbuffered", "emir_buffer"


@dataclass(frozen=True, slots=True)
class Widths:
    """One rule's widths at every tick, ppm, and what was measured of them."""

    rule: str
    ppm: tuple[int, ...]
    coverage: tuple[Coverage, ...]
    procyclicality: Procyclicality


@dataclass(frozen=True, slots=True)
class AssetBacktest:
    """One symbol: the house's two widths, the initial one without buffers, and that with EMIR's buffer on top."""

    tape: Tape
    widths: tuple[Widths, ...]
    lead_times: tuple[LeadTimes, ...]

    def rule(self, name: str) -> Widths:
        """The widths of one rule."""
        return next(entry for entry in self.widths if entry.rule == name)


@dataclass(frozen=True, slots=True)
class Backtest:
    """All symbols of a file, the number of oracle rounds replayed, and how far every two of the symbols went apart."""

    rounds: int
    assets: tuple[AssetBacktest, ...]
    apart: tuple[Apart, ...]


def run_backtest(tapes: tuple[Tape, ...]) -> Backtest:
    """Replay the tapes with the house's default parameters.

    Raises:
        MarketError: prices that the lattice cannot serve.
    """
    parameters = house_parameters(tapes)
    house, bare = replay(tapes, parameters), replay(tapes, unbuffered(parameters))
    symbols = sorted(tape.symbol for tape in tapes)
    pairs = tuple(CorrelatedPair(*two) for two in combinations(symbols, 2))
    distances = tuple(apart(house, pair, horizon) for pair in pairs for horizon in HORIZONS)
    return Backtest(len(house.states), tuple(_asset(tape, house, bare) for tape in tapes), distances)


def _asset(tape: Tape, house: Replay, bare: Replay) -> AssetBacktest:
    without = bare.initial_widths(tape.symbol)
    rules = {
        INITIAL: house.initial_widths(tape.symbol),
        MAINTENANCE: house.maintenance_widths(tape.symbol),
        UNBUFFERED: without,
        EMIR: buffered(without),
    }
    widths = tuple(
        Widths(
            rule,
            tuple(ppm),
            tuple(coverage(tape, ppm, horizon) for horizon in HORIZONS),
            procyclicality(ppm, tape.tick_seconds),
        )
        for rule, ppm in rules.items()
    )
    return AssetBacktest(tape, widths, lead_times(house, tape.symbol))
