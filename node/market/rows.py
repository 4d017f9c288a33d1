"""From a risk grid to the public terms of an account's margin statement: which nodes, which values, which
charges.

The ledger compiles the terms from the list of what an account holds; the prover has no say in them. Exposures
stand in one order: positions sorted by id, then collateral sorted by id.
"""

from collections.abc import Sequence

from circuits.solvency import Exposure, SolvencyTerms
from node.market.errors import InvalidInput
from node.market.grid import InstrumentGrid, RiskGrid, UnderlyingGrid


def compile_terms(
    grid: RiskGrid,
    positions: Sequence[str],
    collateral: Sequence[str],
    *,
    trade: bool = False,
    transfer: bool = False,
    withdrawn: str | None = None,
    vouched: bool = True,
) -> SolvencyTerms:
    """The margin statement of an account with these instruments and assets (cash is no exposure).

    An underlying on which the account holds nothing but linear instruments uses the window's two edges:
    between them a linear book cannot hide anything. Any option brings every node at every volatility level.

    Args:
        positions: instrument ids, in any order.
        collateral: ids of assets other than cash, in any order.
        trade: whether the statement has the extra row for the size of a trade, which the taker proves.
        transfer: whether it has the row for the amount of a transfer, which the sender proves.
        withdrawn: the asset that the message withdraws or transfers; the statement keeps what is left non-negative.
        vouched: whether a ledger sees to it that positions are integers and collateral is not negative. Without one
            the statement has a row for each of them.

    Raises:
        UnknownInstrument: an id that the grid does not list.
        InvalidInput: an id named twice.
    """
    held, assets = sorted(positions), sorted(collateral)
    for names in (held, assets):
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput(name, "exposure", "named twice")
    entries = [grid.instrument(name) for name in (*held, *assets)]
    symbols = sorted({entry.underlying for entry in entries})
    full = {entry.underlying for entry in entries if not grid.is_linear(entry.id)}
    sizes = tuple(_size(grid.underlying(symbol), full=symbol in full) for symbol in symbols)
    exposures = tuple(
        _exposure(
            grid,
            entry,
            underlying=symbols.index(entry.underlying),
            full=entry.underlying in full,
            is_position=place < len(held),
            withdrawn=place >= len(held) and (not vouched or entry.id == withdrawn),
            unvouched=place < len(held) and not vouched,
        )
        for place, entry in enumerate(entries)
    )
    return SolvencyTerms(nodes=sizes, exposures=exposures, trade=trade, transfer=transfer)


def _size(underlying: UnderlyingGrid, *, full: bool) -> int:
    return len(underlying.nodes) * len(underlying.levels) if full else 2


def _exposure(
    grid: RiskGrid,
    entry: InstrumentGrid,
    *,
    underlying: int,
    full: bool,
    is_position: bool,
    withdrawn: bool,
    unvouched: bool,
) -> Exposure:
    values = entry.values
    if not full:
        values = (values[0], values[-1])
    elif grid.is_linear(entry.id):
        levels = len(grid.underlying(entry.underlying).levels)
        values = tuple(value for value in values for _ in range(levels))
    return Exposure(
        underlying=underlying,
        values=values,
        gap_charge=entry.gap_charge if full else entry.wide_gap_charge,
        closing_charge=entry.closing_charge,
        short_minimum=entry.short_minimum,
        funding=entry.funding,
        is_position=is_position,
        withdrawn=withdrawn,
        unvouched=unvouched,
    )
