"""PMRM_2's initial requirement as rows over hidden quantities: what `margin` computes, in integers, for a proof.

Quantities are lots of 1e-9 coins, cash is µUSD, values are row units of 1e-17 USD. With F the initial loss factor, d a
scenario's dampening, V₀ and V an option's value per lot at the mark and in the scenario, D₊ and D₋ the discounts of
what an expiry is worth or owes, and a_j ≥ |q_j|:

    W ≤ Σ_e z_es + F·d·(price factor − 1)·(perpetuals, risk-cancelling collateral)       every scenario s
    z_es ≤ ΣF·d·(D₊V_j − V₀_j)·q_j,   z_es ≤ ΣF·d·(D₋V_j − V₀_j)·q_j                     no skew; D₊ ≤ D₋
    W ≤ Σ_e x_e,   x_e ≤ 0,   x_e ≤ ΣF·basis factor·(V_j(up or down) − V₀_j)·q_j         every expiry e
    10¹¹·cash + ΣV₀_j·q_j + collateral + W − Σ charge_j·a_j − Σ charge·shorts ≥ 0         decides

All this is concave in the quantities. Two kinds of terms are not, and take a hidden bit each (`forms`): a skew
scenario in an expiry of several options, −|profit|, where the profit's discount depends on the sign of the value; and
any scenario where the parameters have D₊ > D₋. With one option in an expiry the sign is that of q_j, and the term is
linear in q_j and a_j.

Rounding is against the account. A coefficient of a signed quantity is rounded to the nearest unit, and a_j pays two
units a lot, more than those roundings can come to; charges are rounded up, collateral down.
"""

import math
from collections.abc import Sequence
from typing import Final

from node.market.pmrm2.forms import QUANTITY_BITS, ZERO_FORM, Form, PiecewiseRows, PiecewiseStatement
from node.market.pmrm2.margin import (
    collateral_confidence,
    confidence_charge,
    initial_loss_factor,
    strikes_of,
)
from node.market.pmrm2.model import Account, Pmrm2Parameters
from node.market.pmrm2.values import ExpiryValues, expiry_values

LOTS_PER_COIN: Final = 10**9
UNITS_PER_USD: Final = 10**17
UNITS_PER_MICRO_USD: Final = 10**11
CASH_BITS: Final = 64
_UNITS: Final = UNITS_PER_USD // LOTS_PER_COIN
"""Row units per lot, at one USD per coin."""
_ROUNDING: Final = 2
"""Row units per lot for the rounding of the mark's coefficient and of the scenario's."""


def initial_statement(account: Account, parameters: Pmrm2Parameters) -> PiecewiseStatement:
    """The rows of an account's initial requirement; its amounts enter only as which instruments it has.

    The quantities are cash, perpetuals if there are any, options and collateral, in the account's order.

    Raises:
        InvalidParameters: as `expiry_values`.
    """
    return _Compiler(account, parameters).statement()


class _Compiler:
    """The rows of one account's instruments."""

    def __init__(self, account: Account, parameters: Pmrm2Parameters) -> None:
        self._account, self._parameters = account, parameters
        self._expiries = expiry_values(account, parameters)
        self._factor = initial_loss_factor(account, parameters)
        first_option = 1 + bool(account.perp.amount)
        first_collateral = first_option + len(account.options)
        count = first_collateral + len(account.collateral)
        self._options = range(first_option, first_collateral)
        self._collateral = range(first_collateral, count)
        self._rows = PiecewiseRows((1 << CASH_BITS, *[1 << (QUANTITY_BITS + 1)] * (count - 1)))
        self._sizes: dict[int, Form] = {}

    def statement(self) -> PiecewiseStatement:
        """All rows."""
        self._bound_quantities()
        worst = self._rows.least([*self._scenarios(), self._basis()])
        cash = Form.of({0: UNITS_PER_MICRO_USD})
        return self._rows.statement(Form.total([cash, self._marked(), worst, -self._charges()]))

    def _bound_quantities(self) -> None:
        """Rows that make every quantity an integer of stated size, and a_j of those that have a sign."""
        self._rows.require(Form.of({0: 1}, 1 << (CASH_BITS - 1)), CASH_BITS)
        for variable in range(1, self._collateral.start):
            held = Form.of({variable: 1})
            self._rows.require(Form.of({variable: 1}, 1 << (QUANTITY_BITS - 1)), QUANTITY_BITS)
            self._sizes[variable] = self._rows.most([held, -held])
        for variable in self._collateral:
            self._rows.require(Form.of({variable: 1}), QUANTITY_BITS)

    def _scenarios(self) -> list[Form]:
        return [self._scenario(place) for place in range(len(self._parameters.scenarios))]

    def _scenario(self, place: int) -> Form:
        """What the scenario comes to, at most."""
        rule = self._parameters.scenarios[place]
        scale = self._factor * rule.dampening
        if scale == 0:
            return ZERO_FORM
        moved = scale * (rule.price_factor - 1)
        weights = {
            variable: _down(moved * self._unit_value(at))
            for at, variable in enumerate(self._collateral)
            if self._account.collateral[at].cancels_risk
        }
        if self._account.perp.amount:
            weights[1] = _nearest(moved * self._account.perp.price)
        profits = (self._profit(values, place, scale) for values in self._expiries)
        return Form.total([Form.of(weights), *profits])

    def _profit(self, values: ExpiryValues, place: int, scale: float) -> Form:
        """An expiry's profit in a scenario, at most; `scale` is F·d."""
        worth = values.scenarios[place]
        long = (scale * (values.long_discount * worth - values.marked)).tolist()
        short = (scale * (values.short_discount * worth - values.marked)).tolist()
        is_skew = self._parameters.scenarios[place].shock.is_skew
        ordered = values.long_discount <= values.short_discount
        if len(values.options) == 1 and (is_skew or ordered):
            up, down = (-abs(long[0]), abs(short[0])) if is_skew else (long[0], short[0])
            return self._by_sign(self._options[values.options[0]], up, down)
        plus, minus = self._linear(values, long), self._linear(values, short)
        if not is_skew:
            return self._rows.least([plus, minus] if ordered else self._rows.larger(plus, minus))
        if ordered:
            return self._rows.least([plus, minus, *self._rows.larger(-plus, -minus)])
        return self._rows.least([-plus, -minus, *self._rows.larger(plus, minus)])

    def _basis(self) -> Form:
        """The basis contingencies of all expiries together, at most."""
        found = []
        for values in self._expiries:
            scale = self._factor * values.basis_factor
            up = (scale * (values.basis_up - values.marked)).tolist()
            down = (scale * (values.basis_down - values.marked)).tolist()
            if len(values.options) == 1:
                variable = self._options[values.options[0]]
                found.append(self._by_sign(variable, min(0.0, up[0], down[0]), max(0.0, up[0], down[0])))
            else:
                forms = [ZERO_FORM, self._linear(values, up), self._linear(values, down)]
                found.append(self._rows.least(forms))
        return Form.total(found)

    def _marked(self) -> Form:
        collateral = {variable: _down(self._unit_value(at)) for at, variable in enumerate(self._collateral)}
        options = (self._linear(values, values.marked.tolist()) for values in self._expiries)
        return Form.total([Form.of(collateral), *options])

    def _charges(self) -> Form:
        account, rule = self._account, self._parameters.contingencies
        charged: list[Form] = []
        if account.perp.amount:
            fraction = rule.perp_maintenance + rule.perp_initial + confidence_charge(rule, account.confidence)
            charged.append(_times(self._sizes[1], _up(account.spot * fraction) + _ROUNDING))
        for values in self._expiries:
            charge = _up(account.spot * confidence_charge(rule, values.confidence)) + _ROUNDING
            charged += [_times(self._sizes[self._options[at]], charge) for at in values.options]
        per_short = _up(account.spot * (rule.option_maintenance + rule.option_initial))
        charged += [self._shorts(places, per_short) for places in strikes_of(account).values()]
        for at, variable in enumerate(self._collateral):
            held = account.collateral[at]
            low = confidence_charge(rule, collateral_confidence(account, at))
            fraction = held.maintenance_haircut + held.initial_haircut + low
            charged.append(Form.of({variable: _up(self._unit_value(at) * fraction)}))
        return Form.total(charged)

    def _shorts(self, places: Sequence[int], charge: int) -> Form:
        """The charge on what is sold at one strike; of a single option that is (a − q)/2."""
        if len(places) == 1:
            variable = self._options[places[0]]
            half = -(-charge // 2)
            return _times(self._sizes[variable], half) - Form.of({variable: half})
        sold = -Form.of({self._options[at]: 1 for at in places})
        return _times(self._rows.most([ZERO_FORM, sold]), charge)

    def _linear(self, values: ExpiryValues, per_coin: Sequence[float]) -> Form:
        """Σ of USD per coin times the options of an expiry."""
        pairs = zip(values.options, per_coin, strict=True)
        return Form.of({self._options[at]: _nearest(usd) for at, usd in pairs})

    def _by_sign(self, variable: int, long: float, short: float) -> Form:
        """`long`·q where q ≥ 0, `short`·q where q < 0, for long ≤ short in USD per coin."""
        return Form.of({variable: _nearest((long + short) / 2)}) - _times(
            self._sizes[variable], _up((short - long) / 2)
        )

    def _unit_value(self, at: int) -> float:
        return self._account.collateral[at].price / self._account.stable_price


def _nearest(usd: float) -> int:
    return round(usd * _UNITS)


def _down(usd: float) -> int:
    return math.floor(usd * _UNITS)


def _up(usd: float) -> int:
    return math.ceil(usd * _UNITS)


def _times(form: Form, factor: int) -> Form:
    return Form.of({variable: weight * factor for variable, weight in form.entries}, form.constant * factor)
