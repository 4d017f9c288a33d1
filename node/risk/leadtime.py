"""How long before a window was left its probability of being left had exceeded a threshold, and how often in vain.

An account with one perpetual proves every hour, on the grid of that tick. It is followed for as long as its proof may
stand: `node.market.window.lapse` says when the window was left, `node.market.predictive` what was to be expected.
"""

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from node.market.grid import compute_grid
from node.market.predictive import LOOK_AHEAD_SECONDS, WARNING_THRESHOLD_PPM, leave_probability
from node.market.window import LapseKind, MarginWindow, lapse, window_of
from node.risk.candles import HOUR
from node.risk.replay import Replay

THRESHOLDS_PPM: Final = (50_000, WARNING_THRESHOLD_PPM, 200_000, 500_000)


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """At one threshold of the probability of leaving within the next hour.

    Attributes:
        proofs: how many windows were followed.
        left: those that were left; `warned`: among them those whose threshold was exceeded at an earlier tick.
        false_alarms: windows whose threshold was exceeded, and that held.
        least_seconds, median_seconds: from the first warning to the breach, of those warned of; 0 if there is none.
    """

    threshold_ppm: int
    proofs: int
    left: int
    warned: int
    false_alarms: int
    least_seconds: int
    median_seconds: float

    @property
    def false_alarm_rate(self) -> float:
        """False alarms among the windows that held."""
        held = self.proofs - self.left
        return self.false_alarms / held if held else 0.0


@dataclass(frozen=True, slots=True)
class _Course:
    """Times (seconds since the proof) and probabilities at the ticks before the window was left, or until its end."""

    probabilities: tuple[tuple[int, float], ...]
    left_after: int | None


def lead_times(replayed: Replay, symbol: str) -> tuple[LeadTimes, ...]:
    """At each of `THRESHOLDS_PPM`, over the windows whose whole life lies in the file."""
    tape = next(tape for tape in replayed.tapes if tape.symbol == symbol)
    life = replayed.parameters.max_proof_age_seconds // tape.tick_seconds
    every = HOUR // tape.tick_seconds
    courses = [_course(replayed, symbol, start, life) for start in range(0, len(replayed.states) - life, every)]
    return tuple(_summary(threshold, courses) for threshold in THRESHOLDS_PPM)


def _course(replayed: Replay, symbol: str, start: int, life: int) -> _Course:
    parameters = replayed.parameters
    # Age ends every window at a time known to all: it is left out, so that warnings are of prices alone.
    ageless = replace(parameters, max_proof_age_seconds=parameters.max_proof_age_seconds + LOOK_AHEAD_SECONDS)
    held = (f"{symbol}-PERP",)
    proven = replayed.states[start]
    window: MarginWindow = window_of(compute_grid(replayed.registry, parameters, proven), held, ())
    seen: list[tuple[int, float]] = []
    for state in replayed.states[start : start + life + 1]:
        since = state.time - proven.time
        reason = lapse(window, state, held, (), replayed.registry, ageless)
        if reason is not None and reason.kind is LapseKind.PRICE:
            return _Course(tuple(seen), since)
        probability = leave_probability(window, state, LOOK_AHEAD_SECONDS, held, (), replayed.registry, ageless)
        seen.append((since, probability))
    return _Course(tuple(seen), None)


def _summary(threshold_ppm: int, courses: list[_Course]) -> LeadTimes:
    leads, left, false_alarms = [], 0, 0
    for course in courses:
        warning = next((at for at, chance in course.probabilities if chance * 1_000_000 >= threshold_ppm), None)
        if course.left_after is None:
            false_alarms += warning is not None
            continue
        left += 1
        if warning is not None:
            leads.append(course.left_after - warning)
    middle = float(median(leads)) if leads else 0.0
    return LeadTimes(threshold_ppm, len(courses), left, len(leads), false_alarms, min(leads, default=0), middle)
