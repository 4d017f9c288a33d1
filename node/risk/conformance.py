"""Hold the PMRM_2 twin and its rows against a folder of published cases.

A case passes if each scenario's profit, the initial and the maintenance margin agree to 1e-9 of the published figure,
or of one dollar where that is more: smaller figures are what is left of larger ones that cancel. Its requirement is
proven if the least cash with which a proof exists agrees with the twin's initial margin within the rows' rounding.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from node.market.errors import MarketError
from node.market.pmrm2.lots import in_lots
from node.market.pmrm2.margin import Margin, margin
from node.market.pmrm2.rows import initial_statement
from node.risk.cases import Case, Expected, read_case
from node.risk.errors import FileInvalid, NoCases, NotProven
from node.risk.requirement import ProvenRequirement, prove_requirement

TOLERANCE: Final = 1e-9
_LEAST_FIGURE: Final = 1.0
"""USD."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The figure of a case that is furthest from the published one; `relative_error` as the module says."""

    figure: str
    published: float
    own: float

    @property
    def relative_error(self) -> float:
        """|own − published|, as a part of the published figure or of one dollar."""
        return abs(self.own - self.published) / max(abs(self.published), _LEAST_FIGURE)


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """How one case went. `proven` is None where `unproven` says why not.

    `choices` counts the hidden bits of the proof: with any, the terms are not convex in the quantities. `apart` is how
    many µUSD the proven margin lies below the twin's, of at most `tolerance`.
    """

    file: str
    initial: float
    worst: Deviation
    choices: int
    apart: int
    tolerance: int
    proven: ProvenRequirement | None
    unproven: str

    @property
    def passed(self) -> bool:
        """Whether the twin reproduces the case."""
        return self.worst.relative_error <= TOLERANCE


def run_cases(folder: Path) -> Iterator[CaseOutcome]:
    """Every `*.json` of a folder, in the order of their names; all are read before the first is evaluated.

    Raises:
        NoCases: there are none, or no such folder.
        FileInvalid: a malformed case.
    """
    cases = [read_case(path) for path in sorted(folder.glob("*.json"))]
    if not cases:
        raise NoCases(str(folder))
    workers = min(os.cpu_count() or 1, len(cases))
    return _on_all_cores(cases, workers) if workers > 1 else map(run_case, cases)


def _on_all_cores(cases: list[Case], workers: int) -> Iterator[CaseOutcome]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield from pool.map(run_case, cases)
    finally:
        pool.shutdown(cancel_futures=True)


def run_case(case: Case) -> CaseOutcome:
    """Evaluate and prove one case.

    Raises:
        FileInvalid: parameters with which the rule has no finite outcome.
    """
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            found = margin(case.account, case.parameters)
            worst = worst_deviation(found, case.expected)
            if not math.isfinite(worst.relative_error):
                raise FileInvalid(case.file, "Parameters", "the rule has no finite outcome")
            return _proven(case, found, worst)
    except MarketError as invalid:
        raise FileInvalid(case.file, "Parameters", str(invalid)) from invalid
    except ArithmeticError as overflow:
        raise FileInvalid(case.file, "Parameters", "the rule has no finite outcome") from overflow


def worst_deviation(found: Margin, expected: Expected) -> Deviation:
    """The figure that is furthest off, of all profits and both margins."""
    profits = enumerate(zip(expected.profits, found.profits, strict=True))
    deviations = [Deviation(f"profit of scenario {place}", *pair) for place, pair in profits]
    deviations.append(Deviation("IM", expected.initial, found.initial))
    deviations.append(Deviation("MM", expected.maintenance, found.maintenance))
    return max(deviations, key=lambda deviation: deviation.relative_error)


def _proven(case: Case, found: Margin, worst: Deviation) -> CaseOutcome:
    statement = initial_statement(case.account, case.parameters)
    lots = in_lots(case.account, case.parameters)
    try:
        proven = prove_requirement(statement, lots.quantities)
    except NotProven as reason:
        return CaseOutcome(case.file, found.initial, worst, statement.choices, 0, lots.tolerance, None, str(reason))
    # The proven margin is −added: below the twin's by what was rounded against the account.
    apart = math.floor(found.initial * 10**6) + proven.added
    agrees = -lots.noise <= apart <= lots.tolerance
    unproven = "" if agrees else f"the proven margin is {apart} µUSD below the twin's, not 0 to {lots.tolerance}"
    return CaseOutcome(
        case.file,
        found.initial,
        worst,
        statement.choices,
        apart,
        lots.tolerance,
        None if unproven else proven,
        unproven,
    )
