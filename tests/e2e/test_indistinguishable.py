"""Two runs that differ in nothing but hidden sizes look the same from outside: messages, rounds, lengths.

Between real processes it is the machine that decides whether an owner's answer to a round comes in that round or later,
so that two runs of the very same sizes are not quite equal either. What a size did to a length, or to the moment of a
message, it would do to every trade and every proof of an account.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from devnet.network import Devnet
from devnet.nodes import DevNode
from devnet.roles import TRADES, PlannedTrade
from devnet.scenario import Scenario
from devnet.settings import Cadence
from node.ledger.messages import Message, OpenAccount, Trade, accounts_of
from node.ledger.wire import encode_message
from tests.e2e.runs import account_names, batches, on_a_devnet, settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CALM = Cadence(block_interval=0.25, round_spacing=12)
"""Rounds so far apart that an owner's answer to one names that one, where nothing else keeps the machine."""
OTHER_PRIMES = tuple(10_000_000 + n for n in (253, 261, 271, 303, 339))
ONE_BY_ONE = tuple(replace(trade, round=place) for place, trade in enumerate(TRADES[::2], 1))
"""A trade a round: of two at once, either could come first, and the maker's second proof is the longer one."""
COMMON = 0.75
"""The share of messages that two runs of equal sizes have in common at least, on a busy machine."""
Seen = Counter[tuple[str, str, int, int]]


def named_round(message: Message) -> int:
    """The oracle round that a message names, 0 for one that names none."""
    if isinstance(message, OpenAccount):
        return 0
    return message.terms.round if isinstance(message, Trade) else message.round


async def play(devnet: Devnet, scenario: Scenario) -> Seen:
    """Type, round (counted from the replay's first) and length of every message of every account."""
    await scenario.open_accounts()
    await scenario.play()
    begun = devnet.clock.begun
    names = account_names(scenario)
    deployment = next(iter(scenario.actors.values())).client.house.deployment
    await scenario.report()
    seen: Seen = Counter()
    for batch in await batches(devnet.nodes[0]):
        for message in batch.messages:
            number = named_round(message)
            place = number - begun if begun and number else number
            for account in accounts_of(message, deployment):
                seen[names[account], type(message).__name__, place, len(encode_message(message))] += 1
    return seen


def patient(nodes: Sequence[DevNode]) -> None:
    """Let rounds wait for their prices: on a busy machine a second is short, and one stale round more in one of the two
    runs would be a difference that no hidden size has made."""
    for node in nodes:
        path = node.folder / "node.toml"
        path.write_text("observation_timeout = 6.0\n" + path.read_text())


def run(folder: Path, cache: Path, trades: tuple[PlannedTrade, ...]) -> Seen:
    return on_a_devnet(
        settings(folder / "run", cache, hours=2, cadence=CALM), play, prepare=patient, trades=trades, outage=None
    )


def test_hidden_sizes_change_nothing_that_can_be_seen(tmp_path_factory: pytest.TempPathFactory, cache: Path):
    others = tuple(replace(trade, size=size) for trade, size in zip(ONE_BY_ONE, OTHER_PRIMES, strict=True))
    first = run(tmp_path_factory.mktemp("first"), cache, ONE_BY_ONE)
    second = run(tmp_path_factory.mktemp("second"), cache, others)
    assert min(first.total(), second.total()) > 2 * len(ONE_BY_ONE)
    common = (first & second).total()
    assert common >= COMMON * max(first.total(), second.total()), (first - second, second - first)
