"""What one batch costs with many accounts in default, beside one with few.

Wall times depend on the machine and its load; `extra_info["few"]`, the ratio to a batch with as many defaults as it may
decide on, much less. Without a bound it grows with their number. Where benchmarks are disabled each case runs once.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from circuits.pedersen import Commitment
from node.ledger import auctions
from node.ledger.account import Account
from node.ledger.claims import TrustingVerifier
from node.ledger.defaults import advance_defaults, default_id
from node.ledger.state import Default, LedgerState, Lot, Stage
from node.ledger.types import AccountId, Address, InstrumentId, MicroUsd, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, make_setting

BOOK: Final = ("BTC-20200327", "BTC-20200327-8000-C", "BTC-PERP", "ETH-PERP")
MANY: Final = 200
PLANS: Final = 16


@pytest.fixture(scope="module")
def house() -> Clearing:
    """A house with caps that two or three of the accounts below fill."""
    caps = {"account_cap": 20_000 * USD, "batch_cap": 20_000 * USD}
    return Clearing.start(make_setting(full_below=50 * USD, plans_per_batch=PLANS, **caps), verifier=TrustingVerifier())


def in_default(clearing: Clearing, count: int) -> LedgerState:
    """`count` opened accounts, each with four instruments and too little cash, and funds that cover them all."""
    state = replace(clearing.state, insurance=MicroUsd(10**15))
    for place in range(count):
        name, cash = AccountId(place.to_bytes(32, "big")), MicroUsd(500 * USD)
        sizes = [(8_000 + 37 * place + 11 * at) * (1 if (place + at) % 2 else -1) for at in range(len(BOOK))]
        lots = tuple(Lot(InstrumentId(held), size) for held, size in zip(BOOK, sizes, strict=True))
        account = Account(
            name,
            Address(place.to_bytes(20, "big")),
            0,
            bytes(32),
            31337,
            status=Status.LIQUIDATING,
            cash=Commitment.public(cash),
            positions={lot.instrument: Commitment.public(lot.quantity) for lot in lots},
        )
        planned = Default(default_id(clearing.house, name, 1), name, Stage.PLANNED, 1, lots=lots, cash=cash)
        state = state.with_account(account).with_default(planned)
    return state


def best(action: Callable[[], object], times: int = 3) -> float:
    """Seconds of the quickest of several runs."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        action()
        taken.append(perf_counter() - start)
    return min(taken)


def test_a_batch_with_many_defaults(
    benchmark: BenchmarkFixture, house: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = in_default(house, PLANS), in_default(house, MANY)
    evaluated: list[object] = []
    slack = auctions.margin_slack
    monkeypatch.setattr(auctions, "margin_slack", lambda *given: (evaluated.append(given), slack(*given))[1])
    benchmark.pedantic(lambda: advance_defaults(house.house, many), rounds=3)
    assert len(evaluated) % PLANS == 0 < len(evaluated), "a batch looks at so many accounts and no more"
    seconds, unit = best(lambda: advance_defaults(house.house, many)), best(lambda: advance_defaults(house.house, few))
    benchmark.extra_info |= {"milliseconds": round(seconds * 1e3, 1), "few": round(seconds / unit, 1)}


def test_the_funds_for_many_auctions(benchmark: BenchmarkFixture, house: Clearing) -> None:
    """What is left of the funds for each of the defaults: as quick for one of many as for one of few."""
    few, many = in_default(house, MANY // 10), in_default(house, MANY)

    def ask(state: LedgerState) -> float:
        asked = list(state.defaults.values())[:20]
        return best(lambda: [auctions.free_funds(state, default) for default in asked])

    benchmark.pedantic(lambda: ask(many), rounds=3)
    benchmark.extra_info |= {"few": round(ask(many) / ask(few), 1)}
