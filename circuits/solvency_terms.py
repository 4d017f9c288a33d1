"""The solvency window: an account stays solvent at every node of a public grid of prices and volatilities.

Every instrument's value per unit is public at every node, so the equity there is linear in the hidden
quantities (the risk of committed portfolios, Szydlo 2005), and solvency is the one statement A·x + b ≥ 0:

    Σ_{j on u} (V_j(u,k)·q_j − e_j·a_j) − W_u ≥ 0      64 bits, every node k of u, equal rows once
    a_j − q_j ≥ 0,  a_j + q_j ≥ 0                      40 bits, every position
    1000·cash − 1000·ΣF_j·q_j + ΣW_u − Σκ_j·a_j − Σ(m_j/2)·(a_j − q_j) ≥ 0     64 bits, once
    hi,  cash + 2^63 − 2^32·hi                         32 bits each: the limbs that the committee can open
    q_T + 2^31                                         32 bits: the size of a trade that the account takes
    q_j                                                40 bits: collateral of which some was withdrawn or transferred
    x                                                  40 bits: the amount of a private transfer that the account sends
    q_j + 2^39                                         40 bits: a position that no ledger vouches for

V, e, κ, m and W are in row units of 1e-9 USD, cash and F in 1e-6 USD, hence the factor 1000. The auxiliary
W_u is the worst outcome of underlying u and a_j ≥ |q_j|; overstating a_j or understating W_u only hurts the
prover, as every charge is ≥ 0. Collateral is never negative (the ledger's own invariant), so its charges act
on its quantity and it needs no a_j.

Further lower bounds (`lower_bounds`) may build on the W_u: dampened tails, contingencies of an expiry, charges that
grow faster than the size, offsets between underlyings. Each has a row per case, and the cash row adds, in place of
ΣW_u, the bounds on which no other builds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from circuits.errors import StatementUnsound, WitnessInvalid
from circuits.linear import LinearStatement, Row
from circuits.lower_bounds import Case, LowerBound, check_bounds, evaluate_bounds, uppermost

VALUE_BITS: Final = 64
QUANTITY_BITS: Final = 40
LIMB_BITS: Final = 32
CASH_OFFSET: Final = 1 << 63
TRADE_OFFSET: Final = 1 << 31
POSITION_OFFSET: Final = 1 << (QUANTITY_BITS - 1)
CASH_BOUND: Final = 1 << 120
QUANTITY_BOUND: Final = 1 << (QUANTITY_BITS + 1)
"""What the wrap check assumes of a position or a moved amount: proven below 2^40, moved by less than 2^40 since."""
COLLATERAL_BOUND: Final = 1 << 64
"""What it assumes of collateral. No row bounds what an account receives, but balances of an asset are never negative
and add up to what its vault took in: it would take 2^24 deposits of the largest size to reach 2^64."""
COEFFICIENT_BOUND: Final = 1 << 63
ROW_UNITS_PER_MICRO_USD: Final = 1000


@dataclass(frozen=True, slots=True)
class Exposure:
    """The public terms of one position or collateral asset.

    `values` are row units per lot (or ledger unit) at each node of its underlying; `gap_charge` (e),
    `closing_charge` (κ) and `short_minimum` (m, even) are row units per unit of |q|, all ≥ 0; `funding` (F)
    is µUSD per lot, signed.
    """

    underlying: int
    values: tuple[int, ...]
    gap_charge: int
    closing_charge: int
    short_minimum: int
    funding: int
    is_position: bool
    withdrawn: bool = False
    """Whether a withdrawal or a transfer lowered this collateral, so that the statement must keep it from going below
    zero."""
    unvouched: bool = False
    """Whether no ledger vouches for this position, so that the statement must bound it as an integer."""


@dataclass(frozen=True, slots=True)
class SolvencyTerms:
    """The public side that the ledger fixes: nodes per underlying, and the account's exposures in the
    ledger's order.

    With `trade`, the statement also bounds the size q_T of a trade that the account takes, with `transfer` the amount
    x of collateral that it sends. `bounds` stand after the underlyings' worst outcomes, in this order.

    Raises:
        StatementUnsound: terms that contradict themselves, or a charge that would pay the account.
    """

    nodes: tuple[int, ...]
    exposures: tuple[Exposure, ...]
    trade: bool
    transfer: bool = False
    bounds: tuple[LowerBound, ...] = ()

    def __post_init__(self) -> None:
        if any(count < 1 for count in self.nodes):
            raise StatementUnsound("an underlying without nodes")
        for index, exposure in enumerate(self.exposures):
            _check_exposure(index, exposure, self.nodes)
        check_bounds(self.bounds, len(self.exposures), len(self.nodes))


@lru_cache(maxsize=64)
def solvency_statement(terms: SolvencyTerms) -> LinearStatement:
    """The rows. Variables: cash, exposures, [q_T], [x], hi, a_j of every position, W_u of every underlying, bounds."""
    return _Compiler(terms).statement()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The worst value W_u per underlying, the further bounds, and the slack of the cash row, in plain integers."""

    worst: tuple[int, ...]
    bounds: tuple[int, ...]
    slack: int


def evaluate_solvency(terms: SolvencyTerms, cash: int, exposures: Sequence[int]) -> int:
    """The statement in plain integers: the slack of the cash row, in row units of 1e-9 USD, for the best
    auxiliaries.

    Not negative exactly when the account is provable, as long as no row exceeds its width (2^64 row units are
    18e9 USD). `cash` is the stored cash' in µUSD, `exposures` are quantities in the order of the terms.
    """
    return worst_outcome(terms, cash, exposures).slack


def worst_outcome(terms: SolvencyTerms, cash: int, exposures: Sequence[int]) -> Outcome:
    """The account's worst scenario, with a_j = |q_j|, the largest W_u and the largest bounds.

    Raises:
        WitnessInvalid: not one quantity per exposure.
    """
    if len(exposures) != len(terms.exposures):
        raise WitnessInvalid(f"{len(exposures)} quantities for {len(terms.exposures)} exposures")
    outcomes = [[0] * count for count in terms.nodes]
    sizes = [abs(q) if e.is_position else q for e, q in zip(terms.exposures, exposures, strict=True)]
    slack = ROW_UNITS_PER_MICRO_USD * cash
    for exposure, q, size in zip(terms.exposures, exposures, sizes, strict=True):
        scenarios = outcomes[exposure.underlying]
        for node, value in enumerate(exposure.values):
            scenarios[node] += value * q - exposure.gap_charge * size
        slack -= ROW_UNITS_PER_MICRO_USD * exposure.funding * q
        slack -= exposure.closing_charge * size + exposure.short_minimum // 2 * (size - q)
    worst = tuple(map(min, outcomes))
    bounds = evaluate_bounds(terms.bounds, exposures, sizes, worst)
    everything = (*worst, *bounds)
    added = sum(everything[place] for place in uppermost(terms.bounds, len(worst)))
    return Outcome(worst, tuple(bounds), slack + added)


def _check_exposure(index: int, exposure: Exposure, nodes: tuple[int, ...]) -> None:
    if not 0 <= exposure.underlying < len(nodes):
        raise StatementUnsound(f"exposure {index} names underlying {exposure.underlying} of {len(nodes)}")
    if len(exposure.values) != nodes[exposure.underlying]:
        raise StatementUnsound(f"exposure {index} has {len(exposure.values)} values for its underlying's nodes")
    charges = (exposure.gap_charge, exposure.closing_charge, exposure.short_minimum)
    if min(charges) < 0:
        raise StatementUnsound(f"exposure {index} has a charge that would pay the account")
    if exposure.short_minimum % 2:
        raise StatementUnsound(f"exposure {index} has an odd short-option minimum")
    if not exposure.is_position and (exposure.short_minimum or exposure.funding):
        raise StatementUnsound(f"exposure {index} is collateral, which has no short minimum and no funding")
    if exposure.is_position and exposure.withdrawn:
        raise StatementUnsound(f"exposure {index} is a position, which nobody withdraws")
    if not exposure.is_position and exposure.unvouched:
        raise StatementUnsound(f"exposure {index} is collateral, which needs no offset")
    if max(map(abs, (*exposure.values, *charges, exposure.funding))) >= COEFFICIENT_BOUND:
        raise StatementUnsound(f"exposure {index} has a coefficient of 2^63 or more")


class _Compiler:
    """Lays out the variables of some terms and writes the rows over them."""

    def __init__(self, terms: SolvencyTerms) -> None:
        self._terms = terms
        ledger = 1 + len(terms.exposures) + terms.trade + terms.transfer
        self._high = ledger
        positions = [j for j, exposure in enumerate(terms.exposures) if exposure.is_position]
        self._sizes = {j: ledger + 1 + order for order, j in enumerate(positions)}
        first = ledger + 1 + len(positions)
        self._worst = [first + u for u in range(len(terms.nodes))]
        self._bounds = [first + place for place in range(len(terms.nodes) + len(terms.bounds))]
        self._ledger = ledger

    def statement(self) -> LinearStatement:
        """All rows, equal ones once, in the order of the module's docstring."""
        rows = [*self._nodes(), *self._cases(), *self._quantities(), self._cash(), *self._limbs()]
        if self._terms.trade:
            rows.append(Row((1 + len(self._terms.exposures),), (1,), TRADE_OFFSET, LIMB_BITS))
        if self._terms.transfer:
            rows.append(Row((self._ledger - 1,), (1,), 0, QUANTITY_BITS))
        held = [QUANTITY_BOUND if e.is_position else COLLATERAL_BOUND for e in self._terms.exposures]
        moved = self._terms.trade + self._terms.transfer
        bounds = (CASH_BOUND, *held, *[QUANTITY_BOUND] * moved)
        auxiliaries = 1 + len(self._sizes) + len(self._bounds)
        return LinearStatement(bounds, auxiliaries, tuple(dict.fromkeys(rows)))

    def _size(self, index: int) -> int:
        """The variable that charges on |q| act on: a_j of a position, q itself of collateral."""
        return self._sizes.get(index, 1 + index)

    def _nodes(self) -> list[Row]:
        rows = []
        for underlying, count in enumerate(self._terms.nodes):
            members = [(j, e) for j, e in enumerate(self._terms.exposures) if e.underlying == underlying]
            for node in range(count):
                weights = {self._worst[underlying]: -1}
                for j, exposure in members:
                    _add(weights, 1 + j, exposure.values[node])
                    _add(weights, self._size(j), -exposure.gap_charge)
                rows.append(_row(weights, 0, VALUE_BITS))
        return rows

    def _cases(self) -> list[Row]:
        """A row is as much wider as its divisor is larger than 1."""
        places = range(len(self._terms.nodes), len(self._bounds))
        return [
            _row(self._case(place, case), case.constant, VALUE_BITS + (case.divisor - 1).bit_length())
            for place, bound in zip(places, self._terms.bounds, strict=True)
            for case in bound
        ]

    def _case(self, place: int, case: Case) -> dict[int, int]:
        weights = {self._bounds[place]: -case.divisor}
        for weight in case.values:
            _add(weights, 1 + weight.place, weight.factor)
        for weight in case.charges:
            _add(weights, self._size(weight.place), -weight.factor)
        for weight in case.shares:
            _add(weights, self._bounds[weight.place], weight.factor)
        return weights

    def _quantities(self) -> list[Row]:
        sizes = [Row((1 + j, size), (sign, 1), 0, QUANTITY_BITS) for j, size in self._sizes.items() for sign in (-1, 1)]
        withdrawn = [
            Row((1 + j,), (1,), 0, QUANTITY_BITS)
            for j, exposure in enumerate(self._terms.exposures)
            if exposure.withdrawn
        ]
        unvouched = [
            Row((1 + j,), (1,), POSITION_OFFSET, QUANTITY_BITS)
            for j, exposure in enumerate(self._terms.exposures)
            if exposure.unvouched
        ]
        return sizes + withdrawn + unvouched

    def _cash(self) -> Row:
        added = uppermost(self._terms.bounds, len(self._worst))
        weights = {0: ROW_UNITS_PER_MICRO_USD} | {self._bounds[place]: 1 for place in added}
        for j, exposure in enumerate(self._terms.exposures):
            half = exposure.short_minimum // 2
            _add(weights, 1 + j, half - ROW_UNITS_PER_MICRO_USD * exposure.funding)
            _add(weights, self._size(j), -exposure.closing_charge - half)
        return _row(weights, 0, VALUE_BITS)

    def _limbs(self) -> list[Row]:
        high = Row((self._high,), (1,), 0, LIMB_BITS)
        low = Row((0, self._high), (1, -(1 << LIMB_BITS)), CASH_OFFSET, LIMB_BITS)
        return [high, low]


def _add(weights: dict[int, int], variable: int, coefficient: int) -> None:
    weights[variable] = weights.get(variable, 0) + coefficient


def _row(weights: dict[int, int], constant: int, width: int) -> Row:
    entries = sorted((variable, factor) for variable, factor in weights.items() if factor)
    return Row(tuple(v for v, _ in entries), tuple(f for _, f in entries), constant, width)
