"""Valuation times, each beside one numpy exponential over an array of the same size.

Wall times depend on the machine and its load; `extra_info["exponentials"]`, the ratio, depends on it much less. Where
benchmarks are disabled each case runs once, as a test, and the limits below hold all the same.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from node.market.curved import Frame, Quoted, valuations
from node.market.gap import corner_values, option_book
from node.market.grid import compute_grid
from node.market.instruments import Barrier, BarrierKind, Digital, Option, OptionKind, Registry
from node.market.listing import standard_registry
from node.market.oracle_rules import Price
from node.market.rows import compile_terms
from node.market.state import advance, genesis_state

START = 1_583_020_800
USD = 10**8
DAY = 86_400


def best(action: Callable[[], object], times: int = 5) -> float:
    """Seconds of the quickest of several runs."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        action()
        taken.append(perf_counter() - start)
    return min(taken)


def options(count: int) -> list[Option]:
    """Calls and puts of several expiries around 8,000 dollars."""
    return [
        Option(
            "BTC", 10_000, START + (15 + place % 7) * DAY, (6_000 + 4 * (place // 7)) * USD, list(OptionKind)[place % 2]
        )
        for place in range(count)
    ]


@pytest.mark.parametrize(("count", "limit"), [(1_000, 0.05), (10_000, 0.5)])
def test_value_vanillas_at_64_nodes(benchmark: BenchmarkFixture, count: int, limit: float) -> None:
    rng = np.random.default_rng(count)
    signs, years = np.sign(rng.normal(size=count)).tolist(), rng.uniform(0.01, 1, count).tolist()
    book = option_book(rng.uniform(5_000, 12_000, count).tolist(), signs, years, years)
    nodes, levels = np.linspace(6_000, 10_000, 16), np.array([0.48, 0.6, 0.8, 1.2])
    values = benchmark.pedantic(lambda: corner_values(book, nodes, levels), rounds=5, warmup_rounds=1)
    assert values.shape == (count, 16, 4)
    array = rng.uniform(0, 1, (count, 64))
    seconds, unit = best(lambda: corner_values(book, nodes, levels)), best(lambda: np.exp(array))
    benchmark.extra_info |= {"milliseconds": round(seconds * 1e3, 2), "exponentials": round(seconds / unit, 1)}
    assert seconds < limit


def test_compile_rows_for_an_account_of_32_instruments(benchmark: BenchmarkFixture) -> None:
    listing = standard_registry(8_000 * USD, 200 * USD, START, [])
    listed = options(128)
    registry = Registry(("BTC", "ETH"), (*listing.registry.instruments, *listed), ())
    genesis = genesis_state(registry, listing.parameters, 0, START)
    prices = {"BTC": Price(8_000 * USD, 500, 4), "ETH": Price(200 * USD, 500, 4)}
    market = advance(genesis, prices, 4, START + 60, registry, listing.parameters)
    grid = compute_grid(registry, listing.parameters, market)
    held = [entry.id for entry in listed[::4]]
    terms = benchmark.pedantic(lambda: compile_terms(grid, held, []), rounds=20, warmup_rounds=1)
    assert len(terms.exposures) == 32
    assert best(lambda: compile_terms(grid, held, [])) < 0.005


@pytest.mark.parametrize("kind", ["plain", "digital", "barrier"])
def test_value_and_bound_a_hundred_options_of_a_kind(benchmark: BenchmarkFixture, kind: str) -> None:
    """Values, marks and gap charges on 10 prices and 3 volatilities: what a round costs for each option listed."""
    listed: list[Option] | list[Digital] | list[Barrier] = options(100)
    if kind == "digital":
        listed = [Digital("BTC", 10_000, e.expiry, e.strike, e.kind, 1_000 * USD) for e in options(100)]
    if kind == "barrier":
        low, kinds = 5_900 * USD, BarrierKind.DOWN_IN
        listed = [Barrier("BTC", 10_000, e.expiry, e.strike, e.kind, low, kinds) for e in options(100)]
    nodes = np.geomspace(5_900, 10_000, 10) * USD
    frame = Frame(8e11, nodes, START, START + 4 * 3_600, 1_800)
    quoted = [Quoted(entry, 0.8, (0.48, 0.8, 1.2), 1.01) for entry in listed]
    made = benchmark.pedantic(lambda: valuations(quoted, frame), rounds=5, warmup_rounds=1)
    assert all(np.isfinite(valuation.gap) for valuation in made)
