"""Requirements of books and of their legs: stated figures, subadditivity, and the proof at the stated cash."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from devnet.cli import app
from node.margin import Market, Portfolio, ShortOfMargin, prove_margin, verify_margin
from node.risk.books import STANDARD_BOOKS
from node.risk.efficiency import efficiency_of, least_cash, legs, mark_value, requirement
from node.risk.efficiency_cli import EXAMPLE
from node.risk.errors import NotListed, NotProven

ROOT = Path(__file__).parents[3]
MARKET = Market.load(EXAMPLE)
INSTRUMENTS = tuple(entry.id for entry in MARKET.registry.instruments)
ROW = re.compile(r"^\| ([^|]+) \| ([\d,]+\.\d\d) \| ([\d,]+\.\d\d) \| ([\d.]+) % \|$", re.MULTILINE)
SHORT = re.compile(r"^\| ([a-zA-Z/ -]+) \| ([\d.]+) % \|$", re.MULTILINE)


def efficiency(*options: str) -> Result:
    return CliRunner().invoke(app, ["risk", "efficiency", *options])


def test_every_figure_of_the_table_is_recomputed():
    stated = [match.groups() for match in ROW.finditer((ROOT / "node/risk/README.md").read_text(encoding="utf-8"))]
    found = [
        (e.book, f"{e.portfolio / 10**6:,.2f}", f"{e.isolated / 10**6:,.2f}", f"{100 * e.ratio:.1f}")
        for e in efficiency_of(MARKET, STANDARD_BOOKS)
    ]
    assert stated == found
    assert len(found) == 10


def test_the_short_table_has_the_same_ratios():
    stated = [match.groups() for match in SHORT.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert stated == [(e.book, f"{100 * e.ratio:.1f}") for e in efficiency_of(MARKET, STANDARD_BOOKS)]


def test_the_command_prints_what_is_computed():
    result = efficiency("--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["books"] == [
        {"book": e.book, "portfolio_micro_usd": e.portfolio, "isolated_micro_usd": e.isolated, "ratio": e.ratio}
        for e in efficiency_of(MARKET, STANDARD_BOOKS)
    ]
    assert "iron condor: " in efficiency().output


def test_a_market_without_a_book_s_instrument_is_refused_by_its_name():
    result = efficiency("--market", str(ROOT / "node/margin/examples/market.json"), "--json")
    assert result.exit_code == 1
    error = json.loads(result.output)
    assert error["error"] == "NotListed"
    assert "BTC-20200327-8000-C" in error["message"]


def test_a_market_file_that_cannot_be_read_ends_the_command(tmp_path: Path):
    path = tmp_path / "market.json"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace("795000000000", "-1"), encoding="utf-8")
    result = efficiency("--market", str(path), "--json")
    assert result.exit_code == 1
    error = json.loads(result.output)
    assert error["error"] == "MarketRefused"
    assert "price_e8_usd" in error["message"]


@pytest.mark.parametrize("book", STANDARD_BOOKS)
def test_no_standard_book_requires_more_than_its_legs(book: str):
    (figures,) = efficiency_of(MARKET, {book: STANDARD_BOOKS[book]})
    assert 0 < figures.portfolio <= figures.isolated


@settings(max_examples=60)
@given(
    lots=st.dictionaries(st.sampled_from(INSTRUMENTS), st.integers(-500_000, 500_000), min_size=1, max_size=6),
    units=st.integers(0, 10**8),
)
def test_the_requirement_of_any_book_is_at_most_the_sum_over_its_legs(lots: dict[str, int], units: int):
    book = Portfolio(0, lots, {"WBTC@1": units})
    isolated = sum(requirement(MARKET, leg) for leg in legs(book))
    # A linear leg alone uses the window's edges; at a node between, rounding may take a row unit a lot from the chord.
    grid = MARKET.grid
    rounded = sum(abs(q) for name, q in lots.items() if grid.is_linear(name)) + units
    assert requirement(MARKET, book) <= isolated + -(-rounded // 1000)


@settings(max_examples=60)
@given(amounts=st.lists(st.tuples(*[st.integers(-500_000, 500_000)] * 2), min_size=3, max_size=3))
def test_the_requirement_of_a_sum_is_at_most_the_sum_of_requirements(amounts: list[tuple[int, int]]):
    names = ("BTC-20200327-8000-C", "BTC-20200327-7500-P", "ETH-PERP")
    left, right = (Portfolio(0, dict(zip(names, side, strict=True)), {}) for side in zip(*amounts, strict=True))
    both = Portfolio(0, {name: left.positions[name] + right.positions[name] for name in names}, {})
    assert requirement(MARKET, both) <= requirement(MARKET, left) + requirement(MARKET, right)


def test_the_stated_cash_is_proven_and_a_micro_dollar_less_is_refused():
    book = STANDARD_BOOKS["iron condor"]
    cash = requirement(MARKET, book) - mark_value(MARKET, book)
    proven = prove_margin(replace(book, cash=cash), MARKET, challenge="efficiency")
    assert verify_margin(proven.proof, MARKET, proven.commitments, challenge="efficiency").rows > 0
    with pytest.raises(ShortOfMargin):
        prove_margin(replace(book, cash=cash - 1), MARKET, challenge="efficiency")


def test_an_instrument_that_is_not_listed_is_named():
    with pytest.raises(NotListed, match="BTC-20300101"):
        least_cash(MARKET, Portfolio(0, {"BTC-20300101": 1}, {}))


def test_a_book_beyond_what_cash_can_bear_is_refused():
    with pytest.raises(NotProven):
        least_cash(MARKET, Portfolio(0, {"BTC-PERP": -(2**60)}, {}))
