"""Who trades: a matched book, margin for everybody, the same for the same seed."""

import pytest

from devnet.stress.errors import ExperimentInvalid
from devnet.stress.first_margin import FirstMargin
from devnet.stress.house import lot_scale
from devnet.stress.population import MAX_ACCOUNTS, Population, Role, draw_population
from node.market.instruments import FEED_UNITS
from node.market.state import spot_per_lot

PRICES = {"BTC": 8_000 * FEED_UNITS, "ETH": 200 * FEED_UNITS}
MARGIN = FirstMargin.at(PRICES)


def draw(accounts: int = 200, seed: int = 1) -> Population:
    return draw_population(PRICES, accounts, seed, MARGIN.required)


@pytest.mark.parametrize("seed", range(5))
def test_positions_add_up_to_nothing_in_each_symbol(seed: int) -> None:
    people = draw(seed=seed).characters
    for symbol in PRICES:
        assert sum(person.lots for person in people if person.symbol == symbol) == 0


def test_there_are_as_many_accounts_as_asked_for_and_a_backstop() -> None:
    people = draw(201).characters
    assert len(people) == pytest.approx(202, abs=2)
    assert [person.role for person in people].count(Role.BACKSTOP) == 1


def test_open_interest_is_what_owners_hold_long() -> None:
    population = draw()
    for symbol, price in PRICES.items():
        per_lot = spot_per_lot(price, lot_scale(price))
        owners = [p for p in population.characters if p.symbol == symbol and p.role is Role.OWNER]
        assert population.open_interest[symbol] == per_lot * sum(max(person.lots, 0) for person in owners)
    assert population.total_open_interest == sum(population.open_interest.values())


def test_everybody_has_the_margin_for_a_first_position() -> None:
    for person in draw().characters:
        if person.lots:
            assert person.equity > MARGIN.required(person.symbol, person.lots) > 0


def test_the_first_margin_is_a_share_of_the_position_whichever_its_side() -> None:
    for symbol, price in PRICES.items():
        per_lot = spot_per_lot(price, lot_scale(price))
        for lots in (1000, -1000):
            assert 0.15 < MARGIN.required(symbol, lots) / (1000 * per_lot) < 0.6


def test_the_same_seed_draws_the_same_people_and_another_draws_others() -> None:
    assert draw(seed=3) == draw(seed=3)
    assert draw(seed=3) != draw(seed=4)


@pytest.mark.parametrize("accounts", [0, 39, MAX_ACCOUNTS + 1])
def test_a_number_of_accounts_that_makes_no_market_is_refused(accounts: int) -> None:
    with pytest.raises(ExperimentInvalid) as caught:
        draw(accounts)
    assert caught.value.setting == "accounts"
