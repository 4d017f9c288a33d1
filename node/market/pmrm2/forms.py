"""Piecewise linear terms of hidden integers as rows A·x + b ≥ 0, with auxiliaries that the prover fills in.

A minimum is an auxiliary that is at most each of its forms, a maximum one that is at least each: the prover that
understates the one or overstates the other only hurts itself, as long as minima are added and maxima are charged. Such
terms are concave, and rows alone say them. A maximum that is *added* is not concave. It takes a hidden bit c more:

    z ≤ f + B·c,   z ≤ g + B·(1 − c),   c ≥ 0,   1 − c ≥ 0

whence c is 0 or 1 and z ≤ max(f, g) whatever B is; B only has to be large enough for the honest prover.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

from circuits.linear import LinearStatement, Row

VALUE_BITS: Final = 96
"""Width of rows over values."""
QUANTITY_BITS: Final = 60
"""Width of rows over quantities: |q| < 2^59."""
_APART: Final = 1 << (VALUE_BITS - 2)
"""B: the forms of one maximum are less than this apart."""


@dataclass(frozen=True, slots=True)
class Form:
    """Σ factor·x[variable] + constant; `entries` are (variable, factor), variables ascending, no factor 0."""

    entries: tuple[tuple[int, int], ...] = ()
    constant: int = 0

    @classmethod
    def of(cls, weights: Mapping[int, int], constant: int = 0) -> "Form":
        """From factors by variable."""
        return cls(tuple(sorted((v, f) for v, f in weights.items() if f)), constant)

    @classmethod
    def total(cls, forms: Iterable["Form"]) -> "Form":
        """The sum of forms."""
        weights: dict[int, int] = {}
        constant = 0
        for form in forms:
            constant += form.constant
            for variable, factor in form.entries:
                weights[variable] = weights.get(variable, 0) + factor
        return cls.of(weights, constant)

    def __add__(self, other: "Form") -> "Form":
        return Form.total((self, other))

    def __neg__(self) -> "Form":
        return Form(tuple((v, -f) for v, f in self.entries), -self.constant)

    def __sub__(self, other: "Form") -> "Form":
        return self + -other

    def evaluate(self, values: Sequence[int]) -> int:
        """The form's value; `values` reach at least to its last variable."""
        return self.constant + sum(factor * values[variable] for variable, factor in self.entries)


ZERO_FORM: Final = Form()


class _Kind(Enum):
    LEAST = auto()
    MOST = auto()
    CHOICE = auto()


@dataclass(frozen=True, slots=True)
class _Auxiliary:
    kind: _Kind
    forms: tuple[Form, ...]

    def best(self, values: Sequence[int]) -> int:
        """What an honest prover puts in."""
        found = [form.evaluate(values) for form in self.forms]
        if self.kind is _Kind.CHOICE:
            return int(found[1] > found[0])
        return min(found) if self.kind is _Kind.LEAST else max(found)


@dataclass(frozen=True)
class PiecewiseStatement:
    """Rows over `bounds` many hidden quantities and the auxiliaries after them.

    `slack` is the form whose row decides: all other rows hold for the best auxiliaries. `choices` counts hidden bits;
    without any, the quantities for which the rows can be met are a convex set.
    """

    bounds: tuple[int, ...]
    auxiliaries: tuple[_Auxiliary, ...]
    rows: tuple[Row, ...]
    slack: Form

    @property
    def choices(self) -> int:
        """How many hidden bits the statement needs."""
        return sum(auxiliary.kind is _Kind.CHOICE for auxiliary in self.auxiliaries)

    @cached_property
    def linear(self) -> LinearStatement:
        """The statement to prove. Raises StatementUnsound as that does."""
        return LinearStatement(self.bounds, len(self.auxiliaries), self.rows)

    def complete(self, quantities: Sequence[int]) -> list[int]:
        """The quantities, followed by the best auxiliaries."""
        values = list(quantities)
        for auxiliary in self.auxiliaries:
            values.append(auxiliary.best(values))
        return values


class PiecewiseRows:
    """Collects auxiliaries and rows."""

    def __init__(self, bounds: Sequence[int]) -> None:
        """`bounds` are the bounds on each quantity's size that the statement's wrap check may assume."""
        self._bounds = tuple(bounds)
        self._auxiliaries: list[_Auxiliary] = []
        self._rows: list[Row] = []

    def require(self, form: Form, width: int = VALUE_BITS) -> None:
        """A row: `form` is in [0, 2^width)."""
        self._rows.append(
            Row(tuple(v for v, _ in form.entries), tuple(f for _, f in form.entries), form.constant, width)
        )

    def least(self, forms: Iterable[Form]) -> Form:
        """At most each of `forms`; to be added only."""
        distinct = tuple(dict.fromkeys(forms))
        if len(distinct) == 1:
            return distinct[0]
        variable = self._add(_Kind.LEAST, distinct)
        for form in distinct:
            self.require(form - variable)
        return variable

    def most(self, forms: Iterable[Form]) -> Form:
        """At least each of `forms`, which are quantities; to be subtracted only."""
        distinct = tuple(dict.fromkeys(forms))
        variable = self._add(_Kind.MOST, distinct)
        for form in distinct:
            self.require(variable - form, QUANTITY_BITS)
        return variable

    def larger(self, first: Form, second: Form) -> tuple[Form, ...]:
        """Two forms whose minimum is max(first, second): a hidden bit lifts the smaller one."""
        if first == second:
            return (first,)
        choice = self._add(_Kind.CHOICE, (first, second))
        self.require(choice, 1)
        self.require(Form(constant=1) - choice, 1)
        ((variable, _),) = choice.entries
        return first + Form.of({variable: _APART}), second + Form.of({variable: -_APART}, _APART)

    def statement(self, slack: Form) -> PiecewiseStatement:
        """The whole, with the row that decides."""
        self.require(slack)
        return PiecewiseStatement(self._bounds, tuple(self._auxiliaries), tuple(dict.fromkeys(self._rows)), slack)

    def _add(self, kind: _Kind, forms: tuple[Form, ...]) -> Form:
        self._auxiliaries.append(_Auxiliary(kind, forms))
        return Form.of({len(self._bounds) + len(self._auxiliaries) - 1: 1})
