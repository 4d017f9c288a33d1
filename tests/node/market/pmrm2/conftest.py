"""Derive's parameters, as its published cases have them, and an account to change one thing of."""

from dataclasses import replace
from pathlib import Path

import pytest

from node.market.pmrm2.model import Account, ExpiryFeed, PerpHolding, Pmrm2Parameters
from node.risk.cases import read_case

CASES = Path(__file__).parents[3] / "vectors" / "pmrm2"


@pytest.fixture(scope="session")
def parameters() -> Pmrm2Parameters:
    return read_case(CASES / "test_52_discounting_multi_expiry_discounting.json").parameters


@pytest.fixture(scope="session")
def empty() -> Account:
    """Nothing held, at a spot price of 1,000 and with one expiry 90 days away."""
    feed = ExpiryFeed(90 * 86_400, 1_010.0, 1.0, 0.05, 1.0, 1.0)
    return Account(0.0, 1_000.0, 1.0, 1.0, PerpHolding(0.0, 1_000.0, 1.0, 0.0), (feed,), (), ())


@pytest.fixture(scope="session")
def risky(empty: Account) -> Account:
    """The same with a spot price that is hardly believed."""
    return replace(empty, spot_confidence=0.5)
