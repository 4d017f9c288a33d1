"""Derive's published PMRM_2 cases: one JSON file with a portfolio, its prices, all parameters, and what comes out.

Members that the rule does not use are left alone (what the case's author computed on the way, such as `MarkDiscount`
or `linear_multiplier`). Missing arrays are empty.
"""

from dataclasses import dataclass
from pathlib import Path

from node.market.pmrm2.model import (
    Account,
    BasisRule,
    CollateralHolding,
    ContingencyRule,
    DiscountRule,
    ExpiryFeed,
    OptionHolding,
    PerpHolding,
    Pmrm2Parameters,
    ScenarioRule,
    SkewRule,
    VolatilityRule,
    VolatilityShock,
)
from node.risk.documents import Members, load

_SHOCKS = {shock.value: shock for shock in VolatilityShock}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case says comes out, in USD; `profits` in the order of the scenarios."""

    profits: tuple[float, ...]
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `file` is the name of its file."""

    file: str
    account: Account
    parameters: Pmrm2Parameters
    expected: Expected


def read_case(path: Path) -> Case:
    """Read a case.

    Raises:
        FileInvalid: the file, or a field of it, is not what the format says.
    """
    document = load(path)
    parameters = _parameters(document.nested("Parameters"))
    account = _account(document.nested("Scenario"))
    return Case(path.name, account, parameters, _expected(document.nested("Result"), parameters))


def _account(scenario: Members) -> Account:
    feeds = _feeds(scenario)
    perps = scenario.figure("NumPerps")
    perp = PerpHolding(
        perps,
        scenario.positive("PerpPrice") if perps else scenario.figure("PerpPrice", 0.0),
        scenario.figure("PerpConfidence", 0.0, 1.0),
        scenario.figure("UnrealisedPerpPNL") + scenario.figure("UnrealisedFunding"),
    )
    return Account(
        scenario.figure("Cash"),
        scenario.positive("SpotPrice"),
        scenario.figure("SpotConfidence", 0.0, 1.0),
        scenario.positive("StablePrice"),
        perp,
        tuple(feeds.values()),
        tuple(_option(option, list(feeds)) for option in scenario.entries("Options")),
        tuple(map(_collateral, scenario.entries("Collaterals"))),
    )


def _feeds(scenario: Members) -> dict[int, ExpiryFeed]:
    feeds: dict[int, ExpiryFeed] = {}
    for quoted in scenario.entries("OptionFeeds"):
        feed = _feed(quoted)
        if feeds.setdefault(feed.seconds, feed) != feed:
            quoted.refuse("FeedExpiry", f"{feed.seconds} has other figures in an earlier entry")
    return feeds


def _feed(quoted: Members) -> ExpiryFeed:
    return ExpiryFeed(
        quoted.whole("FeedExpiry"),
        quoted.positive("Forward"),
        quoted.figure("ForwardConfidence", 0.0, 1.0),
        quoted.figure("Rate"),
        quoted.figure("RateConfidence", 0.0, 1.0),
        quoted.figure("OptionVolConfidences", 0.0, 1.0),
    )


def _option(option: Members, expiries: list[int]) -> OptionHolding:
    seconds = option.whole("Expiry")
    if seconds not in expiries:
        option.refuse("Expiry", f"{seconds} has no entry in OptionFeeds")
    return OptionHolding(
        expiries.index(seconds),
        option.positive("Strike"),
        option.flag("IsCall"),
        option.figure("MarkVol", 0.0),
        option.figure("Amount"),
    )


def _collateral(collateral: Members) -> CollateralHolding:
    return CollateralHolding(
        collateral.text("Name"),
        collateral.figure("Amount", 0.0),
        collateral.figure("Price", 0.0),
        collateral.figure("Confidence", 0.0, 1.0),
        collateral.flag("IsRiskCancelling"),
        collateral.figure("MMHaircut", 0.0),
        collateral.figure("IMHaircut", 0.0),
    )


def _parameters(parameters: Members) -> Pmrm2Parameters:
    scenarios = parameters.entries("Scenarios")
    if not scenarios:
        parameters.refuse("Scenarios", "has no scenario")
    factors = parameters.nested("Margin")
    return Pmrm2Parameters(
        tuple(map(_scenario, scenarios)),
        _volatility(parameters.nested("VolShock")),
        _skew(parameters.nested("SkewShock")),
        factors.figure("MM_LOSS_FACTOR", 0.0),
        factors.figure("IM_LOSS_FACTOR", 0.0),
        _discount(factors, "BASE_STATIC_DISCOUNT", "LONG"),
        _discount(factors, "BASE_STATIC_DISCOUNT_NEG", "SHORT"),
        _basis(parameters.nested("BasisContingency")),
        _contingencies(parameters.nested("OtherContingency")),
    )


def _scenario(scenario: Members) -> ScenarioRule:
    word = scenario.text("VolShockDirection")
    if word not in _SHOCKS:
        scenario.refuse("VolShockDirection", f"is none of {', '.join(_SHOCKS)}")
    return ScenarioRule(scenario.figure("SpotShock", 0.0), _SHOCKS[word], scenario.figure("DampeningFactor", 0.0))


def _volatility(rule: Members) -> VolatilityRule:
    return VolatilityRule(
        rule.figure("VOLRANGEUP", 0.0),
        rule.figure("VOLRANGEDOWN", 0.0),
        rule.figure("MIN_VOL_EVAL_SHOCKED", 0.0),
        rule.figure("SHORTTERMPOWER", -100.0, 100.0),
        rule.figure("LONGTERMPOWER", -100.0, 100.0),
        rule.figure("DTE_FLOOR", 0.0),
    )


def _skew(rule: Members) -> SkewRule:
    return SkewRule(
        rule.figure("LINEAR_SCALE_CAP", 0.0),
        rule.figure("LINEAR_CBASE"),
        rule.figure("ABS_SCALE_CAP", 0.0),
        rule.figure("ABS_CBASE"),
        rule.figure("MIN_K_STAR"),
        rule.figure("MIN_WIDTH_SCALE"),
        rule.figure("VOL_PARAM_STATIC"),
        rule.figure("VOL_PARAM_SCALE"),
    )


def _discount(factors: Members, base: str, side: str) -> DiscountRule:
    return DiscountRule(
        factors.figure(base, 0.0),
        factors.figure(f"{side}_RATE_MULTSCALE", 0.0),
        factors.figure(f"{side}_RATE_ADDSCALE", 0.0),
    )


def _basis(rule: Members) -> BasisRule:
    return BasisRule(
        rule.figure("SCENARIO_SPOT_UP", 0.0),
        rule.figure("SCENARIO_SPOT_DOWN", 0.0),
        rule.figure("BASIS_CONT_ADD_FACTOR", 0.0),
        rule.figure("BASIS_CONT_MULT_FACTOR", 0.0),
    )


def _contingencies(rule: Members) -> ContingencyRule:
    return ContingencyRule(
        rule.figure("PEG_LOSS_THRESHOLD", 0.0),
        rule.figure("PEG_LOSS_FACTOR", 0.0),
        rule.figure("CONF_THRESHOLD", 0.0),
        rule.figure("CONF_MARGIN", 0.0),
        rule.figure("MM_PERP_PERCENT", 0.0),
        rule.figure("IM_PERP_PERCENT", 0.0),
        rule.figure("MM_OPTION_PERCENT", 0.0),
        rule.figure("IM_OPTION_PERCENT", 0.0),
    )


def _expected(result: Members, parameters: Pmrm2Parameters) -> Expected:
    """Profits stand in three arrays, of regular, tail and skew scenarios, each in the order of the scenarios."""
    groups = {"reg_losses": 2, "tail_losses": 2, "skew_losses": 1}
    plain = [profit for name in ("reg_losses", "tail_losses") for profit in result.last_figures(name, groups[name])]
    skewed = result.last_figures("skew_losses", groups["skew_losses"])
    is_skew = [rule.shock.is_skew for rule in parameters.scenarios]
    if is_skew.count(True) != len(skewed) or is_skew.count(False) != len(plain):
        reason = f"has {len(plain)} and {len(skewed)} profits of scenarios without and with skew"
        result.refuse("reg_losses", f"with tail_losses and skew_losses {reason}, of {len(is_skew)} scenarios")
    queues = {True: iter(skewed), False: iter(plain)}
    profits = tuple(next(queues[skew]) for skew in is_skew)
    return Expected(profits, result.figure("IM"), result.figure("MM"))
