"""The policies that are compared: each is a set of parameters of the ledger, and what the house tells its clients."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Margin(Enum):
    """What the width of margin windows follows."""

    STATIC = "static"
    """Nothing: floor and ceiling of volatility are its start."""
    VOLATILITY = "volatility"
    """The ledger's volatility, as the house has it."""


class Sale(Enum):
    """How an opened portfolio is sold."""

    AUCTION = "auction"
    """By the ledger's falling price, to liquidators of limited capital, in the end to the backstop."""
    MARKET = "market"
    """At once, to market makers, at the price to which the order itself moves the market."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to run the house."""

    name: str
    margin: Margin = Margin.VOLATILITY
    warnings: bool = False
    """Whether accounts hear of windows that are likely to be left (node.market.predictive), before they lapse."""
    sale: Sale = Sale.AUCTION


POLICIES: Final = (
    Policy("static", margin=Margin.STATIC),
    Policy("volatility_aware"),
    Policy("predictive", warnings=True),
    Policy("market_order", sale=Sale.MARKET),
    Policy("predictive_market_order", warnings=True, sale=Sale.MARKET),
)
"""Each differs from `volatility_aware` in what its name says; all run the whole portfolio through one sale."""
