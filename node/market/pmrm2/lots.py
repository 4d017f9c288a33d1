"""An account in the integers of its rows, rounded against it, and how much that rounding can come to.

Collateral and cash are rounded down. A signed amount that is no whole number of lots goes to the nearest, and cash pays
for what half a lot of it can be worth, whichever way that is.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

from node.market.pmrm2.margin import confidence_charge, initial_loss_factor
from node.market.pmrm2.model import Account, Pmrm2Parameters
from node.market.pmrm2.rows import LOTS_PER_COIN, UNITS_PER_USD
from node.market.pmrm2.values import expiry_values

_MICRO: Final = Decimal(10**6)
_UNITS_A_LOT: Final = 6
"""More than all coefficients of one lot are rounded by: the stated two units, each charge's ceiling, each half's."""


@dataclass(frozen=True, slots=True)
class Lots:
    """`quantities` in the order of `rows.initial_statement`, cash first.

    In µUSD: the margin of these quantities by the rows is at most the account's plus `noise`, which is what floats may
    err by, and at least the account's minus `tolerance`.
    """

    quantities: tuple[int, ...]
    tolerance: int
    noise: int


def in_lots(account: Account, parameters: Pmrm2Parameters) -> Lots:
    """Round an account."""
    signed = [account.perp.amount] if account.perp.amount else []
    signed += [option.amount for option in account.options]
    held = [_decimal(amount) * LOTS_PER_COIN for amount in signed]
    lots = [int(amount.to_integral_value(ROUND_HALF_EVEN)) for amount in held]
    exact = [amount == whole for amount, whole in zip(held, lots, strict=True)]
    collateral = [
        int((_decimal(entry.amount) * LOTS_PER_COIN).to_integral_value(ROUND_FLOOR)) for entry in account.collateral
    ]
    reserve = sum(worth / 2 for worth, whole in zip(_lot_values(account, parameters), exact, strict=True) if not whole)
    owned = (_decimal(account.cash) + _decimal(account.perp.owed)) * _MICRO
    cash = int(owned.to_integral_value(ROUND_FLOOR)) - math.ceil(reserve * 10**6)
    dust = _UNITS_A_LOT * sum(map(abs, [*lots, *collateral])) / UNITS_PER_USD
    floored = sum(_collateral_lot(account, parameters, at) for at in range(len(collateral)))
    noise = math.ceil(_gross(account, parameters) * 1e-14 * 10**6)
    tolerance = math.ceil((2 * reserve + dust + floored) * 10**6) + noise + 2
    return Lots((cash, *lots, *collateral), tolerance, noise)


def _decimal(value: float) -> Decimal:
    """The shortest decimal that reads back as this float: 0.4 is four tenths."""
    return Decimal(repr(value))


def _lot_values(account: Account, parameters: Pmrm2Parameters) -> list[float]:
    """The most that one lot of each perpetual and option can change the margin by, in USD."""
    factor, rule = initial_loss_factor(account, parameters), parameters.contingencies
    scenarios = parameters.scenarios
    moved = max(abs(entry.price_factor - 1) * entry.dampening for entry in scenarios)
    perp = rule.perp_maintenance + rule.perp_initial + confidence_charge(rule, account.confidence)
    found = [0.0] * len(account.options)
    for values in expiry_values(account, parameters):
        low = confidence_charge(rule, values.confidence)
        charge = account.spot * (low + rule.option_maintenance + rule.option_initial)
        discounts = (values.long_discount, values.short_discount)
        for column, place in enumerate(values.options):
            marked = float(values.marked[column])
            reach = [
                entry.dampening * abs(discount * float(values.scenarios[row, column]) - marked)
                for row, entry in enumerate(scenarios)
                for discount in discounts
            ]
            basis = [values.basis_factor * abs(float(v[column]) - marked) for v in (values.basis_up, values.basis_down)]
            found[place] = (marked + factor * max(*reach, *basis) + charge) / LOTS_PER_COIN
    perps = [(factor * moved * account.perp.price + account.spot * perp) / LOTS_PER_COIN]
    return (perps if account.perp.amount else []) + found


def _collateral_lot(account: Account, parameters: Pmrm2Parameters, place: int) -> float:
    """The most that one lot of collateral can change the margin by, in USD."""
    held = account.collateral[place]
    moved = max(abs(entry.price_factor - 1) * entry.dampening for entry in parameters.scenarios)
    charge = held.maintenance_haircut + held.initial_haircut + parameters.contingencies.confidence_factor
    share = 1 + initial_loss_factor(account, parameters) * moved * held.cancels_risk + charge
    return share * held.price / account.stable_price / LOTS_PER_COIN


def _gross(account: Account, parameters: Pmrm2Parameters) -> float:
    """What all holdings can be worth, each for itself, in USD: floats err by a part of that."""
    signed = [account.perp.amount] if account.perp.amount else []
    signed += [option.amount for option in account.options]
    worth = zip(signed, _lot_values(account, parameters), strict=True)
    options = sum(abs(amount) * value * LOTS_PER_COIN for amount, value in worth)
    collateral = sum(entry.amount * entry.price / account.stable_price for entry in account.collateral)
    return options + collateral + abs(account.cash) + abs(account.perp.owed)
