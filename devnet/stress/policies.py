"""The policies that are compared: each is a set of parameters of the ledger, and what the house tells its clients."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Margin(Enum):
    """What the width of margin windows follows, and whether accounts are warned."""

    STATIC = "static"
    """Nothing: floor and ceiling of volatility are its start."""
    VOLATILITY_AWARE = "volatility_aware"
    """The ledger's volatility, as the house has it."""
    PREDICTIVE = "predictive"
    """The same, and accounts hear of windows that are likely to be left (node.market.predictive) before they lapse."""


class Extent(Enum):
    """How much of an opened portfolio is sold."""

    FULL = "full"
    """All of it, at once."""
    PARTIAL = "partial"
    """The fewest slices that restore margin, where the account is worth more than the house's floor."""


class Sale(Enum):
    """How it is sold."""

    AUCTION = "auction"
    """By the ledger's falling price, to liquidators of limited capital, in the end to the backstop."""
    MARKET_ORDER = "market_order"
    """At once, to market makers, at the price to which the order itself moves the market."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to run the house."""

    margin: Margin = Margin.VOLATILITY_AWARE
    extent: Extent = Extent.PARTIAL
    sale: Sale = Sale.AUCTION

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.margin.value}_{self.extent.value}_{self.sale.value}"


POLICIES: Final = (
    Policy(Margin.STATIC, Extent.FULL, Sale.MARKET_ORDER),
    Policy(Margin.STATIC, Extent.FULL, Sale.AUCTION),
    Policy(Margin.VOLATILITY_AWARE, Extent.FULL, Sale.MARKET_ORDER),
    Policy(Margin.VOLATILITY_AWARE, Extent.FULL, Sale.AUCTION),
    Policy(Margin.VOLATILITY_AWARE, Extent.PARTIAL, Sale.AUCTION),
    Policy(Margin.PREDICTIVE, Extent.FULL, Sale.AUCTION),
    Policy(Margin.PREDICTIVE, Extent.PARTIAL, Sale.AUCTION),
)
"""From what most venues do to what this house does; each mechanism can be told from two that differ in it alone."""
