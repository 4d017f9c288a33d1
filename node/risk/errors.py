"""What can go wrong when risk models are held against files: one family, each member with its data."""

from dataclasses import dataclass


class RiskError(Exception):
    """Root of every error that `node.risk` raises on purpose."""


@dataclass
class FileInvalid(RiskError):
    """A file, or one `field` of it, that is not what its format says; `field` is empty for the file as a whole."""

    file: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.reason}" if self.field else f"{self.file}: {self.reason}"


@dataclass
class NoCases(RiskError):
    """A folder without cases in it."""

    folder: str

    def __str__(self) -> str:
        return f"{self.folder}: has no file named *.json"


@dataclass
class NotProven(RiskError):
    """A margin requirement that the proof system does not show, with the reason."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class NotListed(RiskError):
    """A book that names what the market does not list, or what has expired there."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class MarketRefused(RiskError):
    """A market file that cannot be read or valued; the reason names file and field."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class CandlesUnusable(RiskError):
    """A file of candles that no backtest can use; `line` counts from 1, and is 0 for the file as a whole."""

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else ""
        return ": ".join(part for part in (self.file, place, self.field, self.reason) if part)


@dataclass
class PlotsUnwritable(RiskError):
    """A plot that cannot be written, with the reason."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"
