"""What a run amounts to: figures in whole micro-dollars, and the series that plots are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devnet.stress.policies import Policy
from node.ledger.types import MicroUsd
from node.market.instruments import PPM


@dataclass(frozen=True, slots=True)
class Outcome:
    """One policy's run. README.md defines each figure."""

    policy: Policy
    bad_debt: MicroUsd
    insurance: MicroUsd
    open_interest: MicroUsd
    liquidations: int
    cascaded: int
    overshoot: float
    shortfall: MicroUsd
    tear_ups: int
    tear_up_overshoot: MicroUsd
    moved: MicroUsd
    """What tear-ups took from positions, and gave to others in the same instrument."""
    sold: MicroUsd
    """Gross notional of defaulted accounts that was sold or torn up."""
    batches: int
    messages: int
    warned: int
    """How often owners heard of a window that was likely to be left."""
    reduced: MicroUsd
    """Notional that warned owners sold or bought back."""
    series: "Series"

    def document(self) -> dict[str, float | int]:
        """The figures that `--json` prints, in dollars."""
        return {
            "bad_debt_usd": self.bad_debt / PPM,
            "insurance_usd": self.insurance / PPM,
            "open_interest_usd": self.open_interest / PPM,
            "liquidations": self.liquidations,
            "cascaded": self.cascaded,
            "overshoot": self.overshoot,
            "shortfall_usd": self.shortfall / PPM,
            "tear_up_overshoot_usd": self.tear_up_overshoot / PPM,
        }


@dataclass(slots=True)
class Series:
    """One entry for each round: time, each symbol's price with all impact (feed units), liquidations and bad debt so
    far."""

    times: list[int] = field(default_factory=list)
    prices: dict[str, list[int]] = field(default_factory=dict)
    liquidations: list[int] = field(default_factory=list)
    bad_debt: list[MicroUsd] = field(default_factory=list)

    def add(self, time: int, prices: Mapping[str, int], liquidations: int, bad_debt: MicroUsd) -> None:
        """After one more round."""
        self.times.append(time)
        for symbol, price in prices.items():
            self.prices.setdefault(symbol, []).append(price)
        self.liquidations.append(liquidations)
        self.bad_debt.append(bad_debt)

    def overshoot(self, path: Mapping[str, tuple[int, ...]]) -> float:
        """How far below the path's lowest price any symbol's fell, as a fraction of it."""
        lows = ((min(path[symbol]), min(prices)) for symbol, prices in self.prices.items())
        return max(max(0.0, 1 - low / bottom) for bottom, low in lows)
