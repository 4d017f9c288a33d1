"""What can go wrong in `node.oracle`: one family, each member with the feed or the file's line."""

from dataclasses import dataclass


class OracleError(Exception):
    """Root of every error that `node.oracle` raises on purpose."""


@dataclass
class CandlesInvalid(OracleError):
    """A file of candles that cannot be used, with the line (from 1) and the column of the first fault."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.reason}"


@dataclass
class FeedUnknown(OracleError):
    """This node has no such feed."""

    feed: str

    def __str__(self) -> str:
        return f"no feed {self.feed}"


@dataclass
class FeedUnavailable(OracleError):
    """The feed has nothing to say for that time, or its chain cannot be reached: try again later."""

    feed: str
    reason: str

    def __str__(self) -> str:
        return f"feed {self.feed}: {self.reason}"


@dataclass
class FeedInvalid(OracleError):
    """The feed answered something that is no price; `field` names what is wrong with the answer."""

    feed: str
    field: str
    value: str

    def __str__(self) -> str:
        return f"feed {self.feed}: {self.field} is {self.value}"
