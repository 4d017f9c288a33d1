"""PMRM_2 in plain code: what an account has above its requirement, from open quantities.

    margin = cash + marked value + factor · min(worst scenario, basis contingency) − contingencies

A scenario's profit is that of perpetuals, of risk-cancelling collateral and of each expiry's options against the
mark. Within an expiry options net; the net value is discounted by its sign. In a skew scenario each expiry counts with
−|profit|. A positive margin may be withdrawn, a negative one is missing.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from node.market.pmrm2.model import Account, ContingencyRule, Pmrm2Parameters
from node.market.pmrm2.values import ExpiryValues, expiry_values
from node.market.valuation import Floats


@dataclass(frozen=True, slots=True)
class Margin:
    """All in USD. `profits` has one entry per scenario, damped, against the mark; `basis_contingency` is at most 0.

    `initial` and `maintenance` are what is left above the requirement; `marked` is the account at its marks, cash
    included.
    """

    profits: tuple[float, ...]
    basis_contingency: float
    marked: float
    initial: float
    maintenance: float


def margin(account: Account, parameters: Pmrm2Parameters) -> Margin:
    """Evaluate an account; the parameters have at least one scenario."""
    amounts = np.array([option.amount for option in account.options])
    expiries = expiry_values(account, parameters)
    profits = _profits(account, parameters, expiries, amounts)
    basis = sum(_basis(values, amounts[list(values.options)]) for values in expiries)
    options = sum(float(amounts[list(values.options)] @ values.marked) for values in expiries)
    collateral = sum(collateral_value(account, place) for place in range(len(account.collateral)))
    marked = account.cash + account.perp.owed + options + collateral
    worst = min(basis, float(profits.min()))
    maintenance, initial = _contingencies(account, parameters.contingencies, expiries)
    return Margin(
        tuple(profits.tolist()),
        basis,
        marked,
        marked + initial_loss_factor(account, parameters) * worst - maintenance - initial,
        marked + parameters.maintenance_factor * worst - maintenance,
    )


def collateral_value(account: Account, place: int) -> float:
    """What a collateral holding is worth, in the stablecoin that cash is counted in."""
    holding = account.collateral[place]
    return holding.amount * holding.price / account.stable_price


def initial_loss_factor(account: Account, parameters: Pmrm2Parameters) -> float:
    """The factor on the worst loss, which grows as the stablecoin falls below its threshold."""
    rule = parameters.contingencies
    return parameters.initial_factor + max(0.0, rule.peg_threshold - account.stable_price) * rule.peg_factor


def confidence_charge(rule: ContingencyRule, confidence: float) -> float:
    """The initial charge as a fraction of notional: none from the threshold up, (1 − confidence)·factor below."""
    return (1 - confidence) * rule.confidence_factor if confidence < rule.confidence_threshold else 0.0


def collateral_confidence(account: Account, place: int) -> float:
    """The lower of its own and the spot price's: the perpetual's has no part in it."""
    return min(account.collateral[place].confidence, account.spot_confidence)


def strikes_of(account: Account) -> dict[tuple[int, float], list[int]]:
    """Places of the options by expiry and strike: calls and puts of one strike net for the short-option charge."""
    found: dict[tuple[int, float], list[int]] = defaultdict(list)
    for place, option in enumerate(account.options):
        found[option.expiry, option.strike].append(place)
    return found


def _profits(
    account: Account, parameters: Pmrm2Parameters, expiries: tuple[ExpiryValues, ...], amounts: Floats
) -> Floats:
    moved = np.array([rule.price_factor - 1 for rule in parameters.scenarios])
    dampening = np.array([rule.dampening for rule in parameters.scenarios])
    is_skew = np.array([rule.shock.is_skew for rule in parameters.scenarios])
    linear = account.perp.amount * account.perp.price + sum(
        collateral_value(account, place) for place, held in enumerate(account.collateral) if held.cancels_risk
    )
    total = linear * moved
    for values in expiries:
        held = amounts[list(values.options)]
        worth = values.scenarios @ held
        discount = np.where(worth >= 0, values.long_discount, values.short_discount)
        profit = worth * discount - held @ values.marked
        total = total + np.where(is_skew, -np.abs(profit), profit)
    return np.asarray(total * dampening)


def _basis(values: ExpiryValues, held: Floats) -> float:
    marked = float(held @ values.marked)
    up, down = float(held @ values.basis_up), float(held @ values.basis_down)
    return min(up - marked, down - marked, 0.0) * values.basis_factor


def _contingencies(account: Account, rule: ContingencyRule, expiries: tuple[ExpiryValues, ...]) -> tuple[float, float]:
    """The maintenance charge, and what the initial requirement adds to it."""
    perps = abs(account.perp.amount) * account.spot
    maintenance = perps * rule.perp_maintenance
    initial = perps * (rule.perp_initial + confidence_charge(rule, account.confidence))
    amounts = [option.amount for option in account.options]
    shorts = sum(max(0.0, -sum(amounts[at] for at in places)) for places in strikes_of(account).values())
    maintenance += shorts * account.spot * rule.option_maintenance
    initial += shorts * account.spot * rule.option_initial
    for values in expiries:
        notional = sum(abs(amounts[at]) for at in values.options) * account.spot
        initial += notional * confidence_charge(rule, values.confidence)
    for place, held in enumerate(account.collateral):
        value = collateral_value(account, place)
        maintenance += value * held.maintenance_haircut
        initial += value * (held.initial_haircut + confidence_charge(rule, collateral_confidence(account, place)))
    return maintenance, initial
