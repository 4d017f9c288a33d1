"""What can go wrong when margin is proven or checked without a network: one family, each member with its data."""

from dataclasses import dataclass, field
from decimal import Decimal

from node.market.margin import Scenario

_ROW_UNITS_PER_USD = 10**9


class MarginError(Exception):
    """Root of every error that `node.margin` raises on purpose."""


@dataclass
class FileInvalid(MarginError):
    """A file, or one `field` of it, that is not what its format says; `field` is empty for the file as a whole.

    No value of a secret file ever stands in `reason`.
    """

    file: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.reason}" if self.field else f"{self.file}: {self.reason}"


@dataclass
class FileExists(MarginError):
    """The file is there already, and overwriting it could destroy the only copy of some openings."""

    file: str

    def __str__(self) -> str:
        return f"{self.file} exists already: name another file for the openings, or give it with --reuse"


@dataclass
class MarketUnusable(MarginError):
    """A market from which no risk grid follows, or a statement too large to prove."""

    reason: str

    def __str__(self) -> str:
        return f"market: {self.reason}"


@dataclass
class ShortOfMargin(MarginError):
    """The owner's portfolio does not survive its window. For the owner's eyes: it tells of hidden amounts.

    Attributes:
        scenarios: per underlying the one in which the portfolio does worst, and what it comes to there.
        shortfall: what is missing after charges, in row units of 1e-9 USD.
    """

    scenarios: tuple[Scenario, ...] = field(repr=False)
    shortfall: int = field(repr=False)

    @property
    def shortfall_usd(self) -> Decimal:
        """What is missing, in US dollars."""
        return Decimal(self.shortfall) / _ROW_UNITS_PER_USD

    def __str__(self) -> str:
        places = " and ".join(map(str, self.scenarios)) or "every scenario: cash alone is short"
        return f"short of margin by {self.shortfall_usd.normalize():f} USD, with {places}"


@dataclass
class OpeningsMismatch(MarginError):
    """Openings that are not those of the portfolio: `entry` differs. The amounts stay out of the error."""

    entry: str

    def __str__(self) -> str:
        return f"the opening of {self.entry} is not of the amount that the portfolio has"


@dataclass
class MarginRejected(MarginError):
    """A proof that does not show what it should, with the reason."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class NotRestorable(MarginError):
    """No way within the limits that were given leads back to margin, with the reason."""

    reason: str

    def __str__(self) -> str:
        return self.reason
