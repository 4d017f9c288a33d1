"""Small logarithms with the table that nodes use: seconds to make it, and for the worst |q| of two ranges."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from circuits.dlog import MAX_BOUND, DiscreteLog
from circuits.group import scalar
from circuits.pedersen import VALUE_BASE


@pytest.fixture(scope="module")
def table() -> DiscreteLog:
    return DiscreteLog()


@pytest.mark.parametrize("value", [1 << 32, -(1 << 40)])
def test_find_the_worst_of_a_range(benchmark: BenchmarkFixture, table: DiscreteLog, value: int) -> None:
    point = VALUE_BASE * scalar(value)
    assert benchmark.pedantic(lambda: table.find(point, MAX_BOUND), rounds=1) == value
