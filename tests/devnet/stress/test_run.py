"""Whole runs, few accounts and few hours: the books hold at every step, losses add up, and runs repeat themselves."""

from dataclasses import replace

import pytest

from circuits.pedersen import Opening
from devnet.stress.errors import BooksBroken, ExperimentInvalid, MessageRefused
from devnet.stress.laboratory import compare, play
from devnet.stress.outcome import Outcome
from devnet.stress.paths import ROUND_SECONDS, PricePath
from devnet.stress.policies import POLICIES, Extent, Margin, Policy, Sale
from devnet.stress.run import Experiment, Run
from node.ledger.invariants import report_invariants
from node.ledger.state import Stage
from node.market.instruments import FEED_UNITS

FALL = (
    100,
    100,
    99,
    97,
    93,
    88,
    83,
    79,
    76,
    74,
    72,
    71,
    70,
    69,
    68,
    67,
    67,
    66,
    66,
    65,
    65,
    66,
    67,
    68,
    69,
    70,
    70,
    70,
)


def crash(percent: tuple[int, ...] = FALL) -> PricePath:
    """Seven hours of one symbol."""
    prices = tuple(100 * FEED_UNITS * level for level in percent)
    return PricePath(
        "crash", tuple(1_600_000_200 + ROUND_SECONDS * place for place in range(len(prices))), {"BTC": prices}
    )


EXPERIMENT = Experiment(crash(), accounts=40, seed=1)
HOUSE = Policy()


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return {policy.name: play(policy, EXPERIMENT) for policy in POLICIES}


def test_every_pair_of_policies_differs_by_name() -> None:
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)


def test_each_run_has_defaults_and_every_figure(outcomes: dict[str, Outcome]) -> None:
    for outcome in outcomes.values():
        assert outcome.liquidations > 0
        assert 0 <= outcome.cascaded <= outcome.liquidations
        assert outcome.overshoot >= 0
        assert len(outcome.series.times) == len(FALL)


def test_what_is_lost_is_paid_by_the_fund_or_missing(outcomes: dict[str, Outcome]) -> None:
    for outcome in outcomes.values():
        missing = max(0, outcome.bad_debt - outcome.insurance)
        assert outcome.shortfall >= missing
        assert outcome.tear_ups or outcome.shortfall == missing


def test_a_tear_up_takes_less_than_a_micro_dollar_a_lot_beyond_the_loss(outcomes: dict[str, Outcome]) -> None:
    for outcome in outcomes.values():
        assert outcome.tear_up_overshoot <= outcome.open_interest // 10**6


def test_open_interest_is_the_same_for_every_policy(outcomes: dict[str, Outcome]) -> None:
    assert len({outcome.open_interest for outcome in outcomes.values()}) == 1


def test_a_run_repeats_itself_to_the_last_digit(outcomes: dict[str, Outcome]) -> None:
    again = play(HOUSE, EXPERIMENT)
    assert again == outcomes[HOUSE.name]
    assert again.document() == outcomes[HOUSE.name].document()


def test_another_seed_is_another_market(outcomes: dict[str, Outcome]) -> None:
    assert play(HOUSE, replace(EXPERIMENT, seed=2)).document() != outcomes[HOUSE.name].document()


def test_processes_change_nothing(outcomes: dict[str, Outcome]) -> None:
    policies = (POLICIES[0], HOUSE)
    assert compare(EXPERIMENT, policies) == tuple(outcomes[policy.name] for policy in policies)


def test_a_market_order_moves_the_price_further_than_an_auction(outcomes: dict[str, Outcome]) -> None:
    order = outcomes[Policy(Margin.VOLATILITY_AWARE, Extent.FULL, Sale.MARKET_ORDER).name]
    auction = outcomes[Policy(Margin.VOLATILITY_AWARE, Extent.FULL, Sale.AUCTION).name]
    assert order.overshoot > auction.overshoot


def test_only_a_predictive_house_warns(outcomes: dict[str, Outcome]) -> None:
    for policy in POLICIES:
        assert (outcomes[policy.name].warned > 0) is (policy.margin is Margin.PREDICTIVE)


def test_nothing_happens_in_a_market_that_stands_still() -> None:
    outcome = play(HOUSE, replace(EXPERIMENT, path=crash((100,) * 40)))
    assert (outcome.liquidations, outcome.bad_debt, outcome.overshoot) == (0, 0, 0)
    assert outcome.batches == 5  # the first, then one for every twelve rounds


def test_both_sums_hold_after_every_batch_and_are_looked_at() -> None:
    run = Run.prepare(HOUSE, EXPERIMENT)
    run.play()
    assert report_invariants(run.ledger.laboratory.house, run.ledger.state).failing == ()
    assert run.ledger.batches == run.ledger.state.number


def test_a_dollar_too_much_in_the_vault_stops_the_run() -> None:
    run = Run.prepare(HOUSE, EXPERIMENT)
    held = run.ledger.state.inventory[run.ledger.laboratory.dollars]
    run.ledger.state = replace(run.ledger.state, inventory={run.ledger.laboratory.dollars: held + 1})
    with pytest.raises(BooksBroken) as caught:
        run.play()
    assert (caught.value.policy, caught.value.round) == (HOUSE.name, 0)
    assert "full reserves" in caught.value.reason


def test_a_lot_too_many_stops_the_run() -> None:
    run = Run.prepare(HOUSE, EXPERIMENT)
    accounts = dict(run.ledger.state.accounts)
    name, account = next((name, account) for name, account in accounts.items() if account.positions)
    instrument, held = next(iter(account.positions.items()))
    accounts[name] = replace(account, positions={instrument: held + held})
    run.ledger.state = replace(run.ledger.state, accounts=accounts)
    with pytest.raises((BooksBroken, MessageRefused)):
        run.play()


def test_an_owner_who_lies_about_its_cash_is_refused() -> None:
    run = Run.prepare(HOUSE, EXPERIMENT)
    liar = run.agents.participants.everybody[0]
    liar.holdings = liar.holdings.with_cash(Opening.public(10**12))
    with pytest.raises(MessageRefused) as caught:
        run.play()
    assert "PROOF_INVALID" in caught.value.reason


def test_an_owner_whose_books_differ_from_the_ledger_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.prepare(HOUSE, EXPERIMENT)
    people = run.agents.participants
    follow = people.follow

    def forgetful(effects: tuple[object, ...]) -> set[object]:
        moved = follow(effects)
        for name in moved:
            people[name].holdings = people[name].holdings.with_public_cash(1)
        return moved

    monkeypatch.setattr(type(people), "follow", lambda _, effects: forgetful(effects))
    with pytest.raises(BooksBroken) as caught:
        run.play()
    assert "books of account" in caught.value.reason


def test_too_few_accounts_are_refused_before_anything_runs() -> None:
    with pytest.raises(ExperimentInvalid):
        compare(replace(EXPERIMENT, accounts=3), POLICIES)


def kept_of(policy: Policy) -> list[bool]:
    """Of each default that something was sold of: whether its owner kept a position."""
    slow = tuple(1000 - 4 * place for place in range(60))
    run = Run.prepare(policy, replace(EXPERIMENT, path=crash(slow)))
    run.play()
    state = run.ledger.state
    closed = [default for default in state.defaults.values() if default.stage is Stage.CLOSED and default.gross_sold]
    return [bool(state.accounts[default.account].positions) for default in closed]


def test_a_partial_liquidation_leaves_owners_a_position_and_a_full_one_does_not() -> None:
    assert any(kept_of(Policy(extent=Extent.PARTIAL)))
    whole = kept_of(Policy(extent=Extent.FULL))
    assert whole
    assert not any(whole)
