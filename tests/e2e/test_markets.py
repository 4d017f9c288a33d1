"""Nothing is scripted: other markets through the same command."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devnet.network import Devnet
from devnet.report import Report
from devnet.scenario import Scenario
from tests.e2e.runs import on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
MAY_2021 = Path(__file__).parents[3] / "shared" / "data" / "candles_1h_2021-05.csv"
HEADER = "time,btc_open,btc_high,btc_low,btc_close,eth_open,eth_high,eth_low,eth_close"


async def play(devnet: Devnet, scenario: Scenario) -> Report:
    await scenario.open_accounts()
    await scenario.play()
    return await scenario.report()


def test_in_a_flat_market_nobody_is_called(tmp_path: Path, cache: Path):
    flat = tmp_path / "flat.csv"
    rows = [f"2022-01-01T{hour:02d}:00Z,9000,9000,9000,9000,300,300,300,300" for hour in range(6)]
    flat.write_text("\n".join(["# prices that do not move", HEADER, *rows]) + "\n")
    report = on_a_devnet(settings(tmp_path / "run", cache, hours=6, replay=flat, start=None), play)
    assert report.calls == 0
    assert report.defaults == []
    assert report.trades > 0
    assert report.margin_proofs > 0
    assert report.agreed
    assert report.invariants.matched_book
    assert report.invariants.full_reserves


@pytest.mark.skipif(not MAY_2021.exists(), reason=f"no market history at {MAY_2021.parent.name}/{MAY_2021.name}")
def test_the_crash_of_may_2021_keeps_the_invariants(tmp_path: Path, cache: Path):
    start = datetime(2021, 5, 19, 10, tzinfo=UTC)
    report = on_a_devnet(settings(tmp_path / "run", cache, hours=6, replay=MAY_2021, start=start), play)
    assert report.trades > 0
    assert report.agreed
    assert report.invariants.matched_book
    assert report.invariants.full_reserves
    assert all(default.closed for default in report.defaults)
