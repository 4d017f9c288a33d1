"""Nothing is scripted: another crash. (A market that does not move is what `test_readme.py` plays.)"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devnet.network import Devnet
from devnet.report import Report
from devnet.scenario import Scenario
from tests.e2e.runs import on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
MAY_2021 = Path(__file__).parents[3] / "shared" / "data" / "candles_1h_2021-05.csv"


async def play(devnet: Devnet, scenario: Scenario) -> Report:
    await scenario.open_accounts()
    await scenario.play()
    return await scenario.report()


@pytest.mark.skipif(not MAY_2021.exists(), reason=f"no market history at {MAY_2021.parent.name}/{MAY_2021.name}")
def test_the_crash_of_may_2021_keeps_the_invariants(tmp_path: Path, cache: Path):
    start = datetime(2021, 5, 19, 10, tzinfo=UTC)
    report = on_a_devnet(settings(tmp_path / "run", cache, hours=4, replay=MAY_2021, start=start), play)
    assert report.trades > 0
    assert report.agreed
    assert report.invariants.matched_book
    assert report.invariants.full_reserves
    assert all(default.closed for default in report.defaults)
