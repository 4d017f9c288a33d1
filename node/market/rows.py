"""From a risk grid to the public terms of an account's margin statement: which nodes, which values, which
charges.

The ledger compiles the terms from the list of what an account holds; the prover has no say in them. Exposures
stand in one order: positions sorted by id, then collateral sorted by id.
"""

from collections.abc import Sequence

from circuits.solvency import Exposure, SolvencyTerms
from node.market.bounds import Held, Side, lower_bounds, sides_of, window_values
from node.market.errors import InvalidInput
from node.market.grid import RiskGrid


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
    between them a linear book cannot hide anything. Any option brings every node at every volatility level. What lies
    outside the window are the terms' lower bounds (see `bounds`).

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
    members = [Held(place, grid.instrument(name), place < len(held)) for place, name in enumerate((*held, *assets))]
    sides = sides_of(grid, members)
    exposures = tuple(
        _exposure(
            grid,
            member,
            underlying=underlying,
            side=side,
            withdrawn=not member.is_position and (not vouched or member.entry.id == withdrawn),
            unvouched=member.is_position and not vouched,
        )
        for member in members
        for underlying, side in enumerate(sides)
        if member in side.held
    )
    sizes = tuple(len(window_values(grid, side, side.held[0].entry)) for side in sides)
    return SolvencyTerms(sizes, exposures, trade, transfer, lower_bounds(grid, sides))


def _exposure(
    grid: RiskGrid, member: Held, *, underlying: int, side: Side, withdrawn: bool, unvouched: bool
) -> Exposure:
    entry = member.entry
    return Exposure(
        underlying=underlying,
        values=window_values(grid, side, entry),
        gap_charge=entry.gap_charge if side.full else entry.wide_gap_charge,
        closing_charge=entry.closing_charge,
        short_minimum=entry.short_minimum,
        funding=entry.funding,
        is_position=member.is_position,
        withdrawn=withdrawn,
        unvouched=unvouched,
    )
