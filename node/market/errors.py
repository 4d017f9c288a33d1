"""What can go wrong in `node.market`: one family, each member with the figures concerned."""

from dataclasses import dataclass


class MarketError(Exception):
    """Root of every error that `node.market` raises on purpose."""


@dataclass
class InvalidInstrument(MarketError):
    """A listing that contradicts itself: `field` of `instrument` is not acceptable."""

    instrument: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.instrument}.{self.field}: {self.reason}"


@dataclass
class InvalidInput(MarketError):
    """A market figure that cannot be: a price that is not positive, a volatility that is not a number …"""

    instrument: str
    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.instrument}: {self.field} is {self.value}"


@dataclass
class InvalidParameters(MarketError):
    """Market parameters that contradict themselves."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


@dataclass
class UnknownInstrument(MarketError):
    """Neither the registry nor the grid in question has an instrument or asset of this id."""

    instrument: str

    def __str__(self) -> str:
        return f"unknown instrument {self.instrument}"


@dataclass
class ExpiredInstrument(MarketError):
    """The instrument has no model value any more: it has expired, and settles."""

    instrument: str
    expiry: int
    time: int

    def __str__(self) -> str:
        return f"{self.instrument} expired at {self.expiry}, and it is {self.time}"


@dataclass
class NotSettling(MarketError):
    """The instrument does not settle at this time. `expiry` is None where it never does."""

    instrument: str
    expiry: int | None
    time: int

    def __str__(self) -> str:
        return f"{self.instrument} does not settle at {self.time} (expiry: {self.expiry})"


@dataclass
class MissingFeed(MarketError):
    """No valid price of this feed has ever been seen, or the parameters do not list it."""

    feed: str

    def __str__(self) -> str:
        return f"no price of feed {self.feed}"


@dataclass
class NotMonotone(MarketError):
    """A round that would run backwards: `field` (height or time) is `now` after `before`."""

    field: str
    before: int
    now: int

    def __str__(self) -> str:
        return f"{self.field} {self.now} after {self.before}"


@dataclass
class ValueOutOfRange(MarketError):
    """A value too large, or a price too small, for the integers of proofs. `node` counts from 0."""

    instrument: str
    node: int
    value: int

    def __str__(self) -> str:
        return f"{self.instrument}: {self.value} at node {self.node} is out of range"


@dataclass
class GridDisagreement(MarketError):
    """A published grid that is not this node's own: the first field that differs beyond rounding.

    `node` is the index into the values of the instrument, or -1 where the field is not one of them.
    """

    instrument: str
    field: str
    node: int
    published: str
    own: str

    def __str__(self) -> str:
        return f"{self.instrument}.{self.field}[{self.node}]: published {self.published}, own {self.own}"


@dataclass
class EncodingInvalid(MarketError):
    """Bytes that are not the one canonical encoding of a `kind`."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


@dataclass
class SurfaceArbitrage(MarketError):
    """A volatility surface from which somebody could profit for certain: `condition` is butterfly or calendar."""

    underlying: str
    expiry: int
    condition: str
    reason: str

    def __str__(self) -> str:
        return f"{self.underlying} at {self.expiry}: {self.condition} arbitrage, {self.reason}"


@dataclass
class SurfaceUnquoted(MarketError):
    """Too few validators quoted forwards and smiles that count: `usable` of the `required`."""

    underlying: str
    usable: int
    required: int

    def __str__(self) -> str:
        return f"{self.underlying}: {self.usable} usable quotes of {self.required} required"
