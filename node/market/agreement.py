"""Whether a published grid is the one that this node computes: equal where integers are exact, close where they were
rounded from floating point."""

from dataclasses import fields
from typing import Final

from node.market.errors import GridDisagreement
from node.market.grid import RELATIVE_TOLERANCE, InstrumentGrid, RiskGrid, UnderlyingGrid

_EXACT: Final = (
    "underlying",
    "wide_gap_charge",
    "closing_charge",
    "short_minimum",
    "funding",
    "carry",
    "carries",
    "levels",
)
"""What must be equal in two grids of one instrument, whatever its kind."""


def check_grid(published: RiskGrid, own: RiskGrid) -> None:
    """Accepts a published grid that differs from this node's own by rounding at most.

    Rounds, times, prices, nodes, levels, widths, funding and everything linear must be equal; an option's
    mark, values, contingencies and gap charge may differ by the larger of one unit and 1e-9 of it.

    Raises:
        GridDisagreement: naming the first instrument (or underlying), field and node that differ.
    """
    for name in ("round", "time", "tail_part", "tail_whole", "pairs"):
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
        for entry in fields(UnderlyingGrid):
            _require_equal(ours.symbol, entry.name, getattr(theirs, entry.name), getattr(ours, entry.name))
    for published_entry, own_entry in zip(published.instruments, own.instruments, strict=True):
        _check_instrument(published_entry, own_entry, exact=own.is_linear(own_entry.id))


def _check_instrument(published: InstrumentGrid, own: InstrumentGrid, *, exact: bool) -> None:
    for name in _EXACT:
        _require_equal(own.id, name, getattr(published, name), getattr(own, name))
    for name in ("expiry", "near", "slippage"):
        _require_equal(own.id, name, getattr(published.beyond, name), getattr(own.beyond, name))
    _require_equal(own.id, "number of values", len(published.values), len(own.values))
    pairs = [("mark", -1, published.mark, own.mark), ("gap_charge", -1, published.gap_charge, own.gap_charge)]
    lists = [("values", published.values, own.values)]
    for name in ("tails", "skew", "basis"):
        lists.append((name, getattr(published.beyond, name), getattr(own.beyond, name)))
        _require_equal(own.id, f"number of {name}", len(lists[-1][1]), len(lists[-1][2]))
    pairs += [
        (name, node, theirs, ours)
        for name, published_values, own_values in lists
        for node, (theirs, ours) in enumerate(zip(published_values, own_values, strict=True))
    ]
    for name, node, theirs, ours in pairs:
        tolerance = 0 if exact else max(RELATIVE_TOLERANCE, abs(ours))
        if abs(theirs - ours) * RELATIVE_TOLERANCE > tolerance:
            raise GridDisagreement(own.id, name, node, str(theirs), str(ours))


def _require_equal(instrument: str, name: str, published: object, own: object) -> None:
    if published != own:
        raise GridDisagreement(instrument, name, -1, str(published), str(own))
