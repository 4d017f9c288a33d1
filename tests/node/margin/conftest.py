"""The example of the README: a hedged options book and its market."""

from pathlib import Path

import pytest

from node.margin import Market, Portfolio, ProvenMargin, prove_margin

EXAMPLES = Path(__file__).parents[3] / "node" / "margin" / "examples"


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


@pytest.fixture(scope="session")
def market() -> Market:
    return Market.load(EXAMPLES / "market.json")


@pytest.fixture(scope="session")
def portfolio() -> Portfolio:
    return Portfolio.load(EXAMPLES / "portfolio.json")


@pytest.fixture(scope="session")
def proven(portfolio: Portfolio, market: Market) -> ProvenMargin:
    return prove_margin(portfolio, market, challenge="venue 7, desk 3, nonce 1")
