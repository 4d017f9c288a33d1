"""What one account for a whole book saves against an account for each leg, from the ledger's own integer rows.

A requirement is the least account value, in µUSD, at which a proof exists over the window of initial width: cash plus
positions and collateral at their marks, collateral before its haircut. Instruments are carried at full value, so that
a premium paid has left the cash and stands in the mark: a long option requires what it can lose. Marks add up, hence
the convention is the same for a book and its legs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from circuits.solvency_terms import CASH_OFFSET, evaluate_solvency
from node.margin.book import Portfolio
from node.margin.market import Market
from node.market.errors import MarketError
from node.market.rows import compile_terms
from node.risk.errors import NotListed, NotProven

_ROW_UNITS_PER_MICRO_USD: Final = 1000


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Requirements in µUSD: of the `book` in one account, and the sum over its legs in accounts of their own."""

    book: str
    portfolio: int
    isolated: int

    @property
    def ratio(self) -> float:
        """Portfolio over isolated."""
        return self.portfolio / self.isolated


def efficiency_of(market: Market, books: Mapping[str, Portfolio]) -> Iterator[Efficiency]:
    """Each book's figures, in the order of `books`. Raises NotListed, NotProven."""
    for name, book in books.items():
        isolated = sum(requirement(market, leg) for leg in legs(book))
        yield Efficiency(name, requirement(market, book), isolated)


def legs(book: Portfolio) -> Iterator[Portfolio]:
    """An account without cash for each position and each asset."""
    for name, lots in book.positions.items():
        yield Portfolio(0, {name: lots}, {})
    for name, units in book.collateral.items():
        yield Portfolio(0, {}, {name: units})


def requirement(market: Market, book: Portfolio) -> int:
    """The least account value in µUSD with which `book` is provable; its cash is ignored. Raises as `least_cash`."""
    return least_cash(market, book) + mark_value(market, book)


def mark_value(market: Market, book: Portfolio) -> int:
    """Positions and collateral at their marks, without cash: µUSD, each asset rounded down."""
    grid = market.grid
    try:
        held = sum(grid.mark_price(name) * lots for name, lots in book.positions.items())
        assets = (grid.mark_price(name) * units for name, units in book.collateral.items())
        return held + sum(value // _ROW_UNITS_PER_MICRO_USD for value in assets)
    except MarketError as error:
        raise NotListed(str(error)) from error


def least_cash(market: Market, book: Portfolio) -> int:
    """By bisection over the integer rows: the least cash in µUSD with which the cash row holds.

    Raises:
        NotListed: an instrument or asset that the market does not list, or that has expired there.
        NotProven: no cash that a proof can bear is enough.
    """
    try:
        terms = compile_terms(market.grid, tuple(book.positions), tuple(book.collateral), vouched=False)
    except MarketError as error:
        raise NotListed(str(error)) from error
    amounts = [book.positions[name] for name in sorted(book.positions)]
    amounts += [book.collateral[name] for name in sorted(book.collateral)]
    low, high = -CASH_OFFSET, CASH_OFFSET - 1
    if evaluate_solvency(terms, high, amounts) < 0:
        raise NotProven("no cash that a proof can bear is enough")
    while low < high:
        middle = (low + high) // 2
        if evaluate_solvency(terms, middle, amounts) < 0:
            low = middle + 1
        else:
            high = middle
    return low
