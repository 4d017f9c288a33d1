"""The risk grid of one oracle round: what each listed instrument is worth, per lot, throughout a window of
its underlying.

The proposer computes it (`build.py`), in floating point where options are concerned, and publishes these
integers in the batch. Every node computes its own and accepts the published one within the last unit:
machines may differ in the last bit of a float, the ledger may not.
"""

from dataclasses import dataclass, fields
from typing import Final

from node.market import canonical
from node.market.errors import GridDisagreement, MissingFeed, UnknownInstrument

VALUE_LIMIT: Final = 2**63
"""Absolute values in margin rows stay below this; proofs rely on it."""
_RELATIVE_TOLERANCE: Final = 10**9
"""Published values may differ by one part in this many, or by one unit."""


@dataclass(frozen=True, slots=True)
class UnderlyingGrid:
    """Price nodes (feed units, ascending, the first and last are the window's edges) and volatility levels
    (ppm).

    `levels` are down, mid (the volatility in force) and up. The two widths are the ones the window was made
    for.
    """

    symbol: str
    price: int
    sigma_ppm: int
    nodes: tuple[int, ...]
    levels: tuple[int, ...]
    maintenance_width_ppm: int
    initial_width_ppm: int


@dataclass(frozen=True, slots=True)
class InstrumentGrid:
    """One instrument, or one collateral asset, as margin rows see it.

    Attributes:
        id: of the instrument or asset.
        underlying: the symbol whose nodes `values` belong to.
        mark: µUSD per lot at the current price and volatility; of an asset: row units per ledger unit, no
        haircut. values: row units per lot (an asset: per ledger unit, after the haircut, rounded down).
        Linear: one per node.
            Option: node by node, within a node level by level.
        gap_charge: row units per |lot|; at least the largest |value − its interpolation| inside any cell of
        price,
            volatility and time up to the largest age of a proof.
        wide_gap_charge: the same where only the two edge nodes are used. Of no meaning, and 0, for an option.
        closing_charge: row units per |lot| for closing the position, the oracle's confidence and φ included.
        short_minimum: row units per lot sold; even; options only.
        funding: the cumulative funding index, µUSD per lot.
    """

    id: str
    underlying: str
    mark: int
    values: tuple[int, ...]
    gap_charge: int
    wide_gap_charge: int
    closing_charge: int
    short_minimum: int
    funding: int


@dataclass(frozen=True, slots=True)
class RiskGrid:
    """The grid of one round; `instruments` are the living ones and the collateral other than cash, by id."""

    round: int
    time: int
    underlyings: tuple[UnderlyingGrid, ...]
    instruments: tuple[InstrumentGrid, ...]

    def underlying(self, symbol: str) -> UnderlyingGrid:
        """The nodes of one underlying. Raises MissingFeed."""
        for entry in self.underlyings:
            if entry.symbol == symbol:
                return entry
        raise MissingFeed(symbol)

    def instrument(self, name: str) -> InstrumentGrid:
        """The values of an instrument or asset. Raises UnknownInstrument, also for cash and the expired."""
        for entry in self.instruments:
            if entry.id == name:
                return entry
        raise UnknownInstrument(name)

    def is_linear(self, name: str) -> bool:
        """Whether an instrument's value is a multiple of its underlying's price. Raises UnknownInstrument."""
        entry = self.instrument(name)
        return len(entry.values) == len(self.underlying(entry.underlying).nodes)

    def mark_price(self, name: str) -> int:
        """The published mark of an instrument: whole µUSD per lot. Raises UnknownInstrument."""
        return self.instrument(name).mark

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "RiskGrid":
        """The grid that `data` encodes. Raises EncodingInvalid."""
        return canonical.decode(RiskGrid, data)

    @property
    def digest(self) -> bytes:
        """32 bytes, over the encoding."""
        return canonical.digest(self)


def check_grid(published: RiskGrid, own: RiskGrid) -> None:
    """Accepts a published grid that differs from this node's own by rounding at most.

    Rounds, times, prices, nodes, levels, widths, funding and everything linear must be equal; an option's
    mark, values and gap charge may differ by the larger of one unit and 1e-9 of it.

    Raises:
        GridDisagreement: naming the first instrument (or underlying), field and node that differ.
    """
    for name in ("round", "time"):
        _require_equal("grid", name, getattr(published, name), getattr(own, name))
    _require_equal(
        "grid",
        "underlyings",
        tuple(entry.symbol for entry in published.underlyings),
        tuple(entry.symbol for entry in own.underlyings),
    )
    _require_equal(
        "grid",
        "instruments",
        tuple(entry.id for entry in published.instruments),
        tuple(entry.id for entry in own.instruments),
    )
    for theirs, ours in zip(published.underlyings, own.underlyings, strict=True):
        for field in fields(UnderlyingGrid):
            _require_equal(ours.symbol, field.name, getattr(theirs, field.name), getattr(ours, field.name))
    for published_entry, own_entry in zip(published.instruments, own.instruments, strict=True):
        _check_instrument(published_entry, own_entry, exact=own.is_linear(own_entry.id))


def _check_instrument(published: InstrumentGrid, own: InstrumentGrid, *, exact: bool) -> None:
    for name in ("underlying", "wide_gap_charge", "closing_charge", "short_minimum", "funding"):
        _require_equal(own.id, name, getattr(published, name), getattr(own, name))
    _require_equal(own.id, "number of values", len(published.values), len(own.values))
    pairs = [("mark", -1, published.mark, own.mark), ("gap_charge", -1, published.gap_charge, own.gap_charge)]
    pairs += [
        ("values", node, theirs, ours)
        for node, (theirs, ours) in enumerate(zip(published.values, own.values, strict=True))
    ]
    for name, node, theirs, ours in pairs:
        tolerance = 0 if exact else max(_RELATIVE_TOLERANCE, abs(ours))
        if abs(theirs - ours) * _RELATIVE_TOLERANCE > tolerance:
            raise GridDisagreement(own.id, name, node, str(theirs), str(ours))


def _require_equal(instrument: str, name: str, published: object, own: object) -> None:
    if published != own:
        raise GridDisagreement(instrument, name, -1, str(published), str(own))
