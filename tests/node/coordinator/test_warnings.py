"""Operators read of a window likely to be left before it lapses, once, and of nobody else."""

import structlog

from node.coordinator.warnings import Warnings, account_warnings
from node.ledger.types import Status
from tests.support.ledger import Setting
from tests.support.scenes import on_margin


async def test_an_account_near_its_edge_is_warned_of_once_and_before_it_is_due(setting: Setting):
    scene = on_margin(setting)
    warned = Warnings(setting.house)
    scene.clearing.batch(prices={"BTC": 7_550}, blocks=4)
    assert scene.status is Status.ACTIVE
    with structlog.testing.capture_logs() as told:
        await warned.on_final(scene.clearing.state)
        await warned.on_final(scene.clearing.state)
        scene.clearing.batch(prices={"BTC": 7_550}, blocks=4)
        await warned.on_final(scene.clearing.state)
    named = [entry["account"] for entry in told if entry["event"] == "window_likely_left"]
    assert scene.debtor.id.hex() in named
    assert len(named) == len(set(named))
    assert [entry.probability for entry in warned.current] == sorted(
        (entry.probability for entry in warned.current), reverse=True
    )


def test_who_is_due_already_is_not_warned(setting: Setting):
    scene = on_margin(setting)
    scene.fall(7_000)
    assert scene.status is Status.DUE
    assert scene.debtor.id not in [entry.account for entry in account_warnings(setting.house, scene.clearing.state)]
