"""Lower bounds over several cases: how scenarios, contingencies and offsets enter the solvency statement.

A bound B is an auxiliary that the prover commits to, at most the outcome of each of its cases. A case is linear in the
quantities q, the sizes a ≥ |q| and the bounds before it:

    divisor·B ≤ Σ values·q − Σ charges·a + Σ shares·(earlier bounds) + constant

with charges and shares ≥ 0. So overstating a size or understating a bound never helps, and what the bounds speak for
is the concave function min over cases, for whatever the prover commits to. Any concave piecewise-linear margin is
built of such bounds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, TypeAlias

from circuits.errors import StatementUnsound


@dataclass(frozen=True, slots=True)
class Weight:
    """`factor` of the exposure, or of the bound, in place `place`."""

    place: int
    factor: int


@dataclass(frozen=True, slots=True)
class Case:
    """One outcome that a bound may not exceed; in row units of 1e-9 USD, `divisor` of them to one of the bound.

    `values` weigh exposures, `charges` their sizes; `shares` weigh bounds that stand earlier, counted from the worst
    outcomes of the underlyings on.
    """

    values: tuple[Weight, ...] = ()
    charges: tuple[Weight, ...] = ()
    shares: tuple[Weight, ...] = ()
    constant: int = 0
    divisor: int = 1


LowerBound: TypeAlias = tuple[Case, ...]
NOTHING: Final = Case()
"""The case of a bound that may not be positive."""


COEFFICIENT_LIMIT: Final = 1 << 96
"""No coefficient of a case reaches it; that no row wraps around is checked for each statement."""


def check_bounds(bounds: Sequence[LowerBound], exposures: int, before: int) -> None:
    """Raise StatementUnsound unless every bound is well made.

    Args:
        exposures: how many there are.
        before: how many bounds stand before the first of `bounds`.

    A charge or a share below 0 could pay the account; a bound whose first case has another divisor than 1 would have no
    row that bounds it.
    """
    for place, bound in enumerate(bounds):
        if not bound or bound[0].divisor != 1:
            raise StatementUnsound(f"bound {place} has no case that defines it")
        if len(set(bound)) != len(bound):
            raise StatementUnsound(f"bound {place} has a case twice")
        for case in bound:
            _check_case(place, case, exposures, before + place)


def _check_case(place: int, case: Case, exposures: int, earlier: int) -> None:
    for weights, end in ((case.values, exposures), (case.charges, exposures), (case.shares, earlier)):
        places = [weight.place for weight in weights]
        if any(not 0 <= at < end for at in places) or len(set(places)) != len(places):
            raise StatementUnsound(f"bound {place} names what it may not, or names it twice")
    if min((weight.factor for weight in (*case.charges, *case.shares)), default=0) < 0:
        raise StatementUnsound(f"bound {place} has a case that would pay the account")
    if case.divisor < 1:
        raise StatementUnsound(f"bound {place} has a divisor below 1")
    factors = (*(abs(weight.factor) for weight in (*case.values, *case.charges, *case.shares)), abs(case.constant))
    if max((*factors, case.divisor)) >= COEFFICIENT_LIMIT:
        raise StatementUnsound(f"bound {place} has a coefficient out of range")


def evaluate_bounds(
    bounds: Sequence[LowerBound], quantities: Sequence[int], sizes: Sequence[int], first: Sequence[int]
) -> list[int]:
    """The largest integers that the bounds can be, in order; `first` are those that stand before them."""
    values = list(first)
    for bound in bounds:
        values.append(min(_outcome(case, quantities, sizes, values) for case in bound))
    return values[len(first) :]


def _outcome(case: Case, quantities: Sequence[int], sizes: Sequence[int], values: Sequence[int]) -> int:
    total = case.constant + sum(weight.factor * quantities[weight.place] for weight in case.values)
    total -= sum(weight.factor * sizes[weight.place] for weight in case.charges)
    total += sum(weight.factor * values[weight.place] for weight in case.shares)
    return total // case.divisor


def uppermost(bounds: Sequence[LowerBound], before: int) -> tuple[int, ...]:
    """The places of all bounds on which no other builds, counted as in `Case.shares`: what the cash row adds."""
    named: Iterable[set[int]] = ({weight.place for case in bound for weight in case.shares} for bound in bounds)
    used: set[int] = reduce(set.union, named, set())
    return tuple(place for place in range(before + len(bounds)) if place not in used)
