"""What a first position takes: the least equity with which the ledger's margin rows hold at the path's first prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from circuits.solvency import SolvencyTerms, evaluate_solvency
from devnet.stress.house import instrument_of, listings, market_parameters
from devnet.stress.policies import Policy
from node.ledger.types import ROW_UNITS_PER_MICRO_USD, MicroUsd
from node.market.grid import RiskGrid, compute_grid
from node.market.oracle_rules import Price
from node.market.rows import compile_terms
from node.market.state import advance, genesis_state


@dataclass(frozen=True, slots=True)
class FirstMargin:
    """The first round's grid, and the statement of an account with one position in each symbol."""

    grid: RiskGrid
    terms: Mapping[str, SolvencyTerms]

    @classmethod
    def at(cls, prices: Mapping[str, int]) -> Self:
        """At these prices (feed units). Raises node.market.errors.MarketError."""
        parameters, registry = market_parameters(Policy(), prices), listings(prices)
        state = genesis_state(registry, parameters, 0, 0)
        seen = {symbol: Price(price, 0, 1) for symbol, price in prices.items()}
        grid = compute_grid(registry, parameters, advance(state, seen, 1, 1, registry, parameters))
        return cls(grid, {symbol: compile_terms(grid, (instrument_of(symbol),), ()) for symbol in prices})

    def required(self, symbol: str, lots: int) -> MicroUsd:
        """Micro-dollars of equity for signed lots bought at mark, rounded up."""
        paid = lots * self.grid.mark_price(instrument_of(symbol))
        slack = evaluate_solvency(self.terms[symbol], -paid, (lots,))
        return MicroUsd(-(slack // ROW_UNITS_PER_MICRO_USD))
