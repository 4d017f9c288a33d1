"""Dollars drawn on several vaults: the preferred one first, as few as possible, and never more than asked."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client.errors import ClientError, HouseRefused, ShortOfMargin, VaultsShort, WithdrawalIncomplete
from node.client.routing import Leg, route, withdraw_along
from node.client.views import Receipt
from node.ledger.types import AssetId, Digest

NORTH, EAST, WEST = (AssetId(f"USD@{chain}") for chain in (1, 2, 3))
AMOUNTS = st.integers(0, 10**15)


def test_eighty_on_one_chain_and_twenty_on_another_pay_a_hundred() -> None:
    assert route(100, {NORTH: 80, EAST: 20}, EAST) == (Leg(EAST, 20), Leg(NORTH, 80))


def test_one_vault_that_holds_enough_pays_alone() -> None:
    assert route(50, {NORTH: 80, EAST: 50}, EAST) == (Leg(EAST, 50),)


@given(st.dictionaries(st.sampled_from([NORTH, EAST, WEST]), AMOUNTS), st.integers(1, 10**15))
def test_a_route_pays_what_is_asked_out_of_what_there_is(held: dict[AssetId, int], amount: int) -> None:
    if sum(held.values()) < amount:
        with pytest.raises(VaultsShort) as short:
            route(amount, held, WEST)
        assert short.value.available == sum(held.values())
        return
    legs = route(amount, held, WEST)
    assert sum(leg.amount for leg in legs) == amount
    assert all(0 < leg.amount <= held[leg.asset] for leg in legs)
    assert len({leg.asset for leg in legs}) == len(legs)
    assert held.get(WEST, 0) == 0 or legs[0].asset == WEST
    others = sorted((value for name, value in held.items() if name != WEST), reverse=True)
    fewest = next(n for n in range(4) if held.get(WEST, 0) + sum(others[:n]) >= amount)
    assert len([leg for leg in legs if leg.asset != WEST]) == fewest


class Vaults:
    """Vaults that pay, unless `fails` says otherwise at the numbered attempt."""

    def __init__(self, held: dict[AssetId, int], fails: dict[int, ClientError] | None = None) -> None:
        self.held, self.fails, self.attempts, self.paid = held, fails or {}, 0, 0

    async def available(self) -> Mapping[AssetId, int]:
        return dict(self.held)

    async def withdraw(self, leg: Leg) -> Receipt:
        self.attempts += 1
        if self.attempts in self.fails:
            raise self.fails[self.attempts]
        self.held[leg.asset] -= leg.amount
        self.paid += leg.amount
        return Receipt(Digest(bytes(32)), self.attempts)


EMPTIED = HouseRefused("VAULT_SHORT", "the vault holds less")


async def test_each_leg_is_a_withdrawal_of_its_own() -> None:
    vaults = Vaults({NORTH: 80, EAST: 20})
    receipts = await withdraw_along(100, EAST, vaults.available, vaults.withdraw)
    assert len(receipts) == 2
    assert vaults.held == {NORTH: 0, EAST: 0}


async def test_a_vault_that_was_emptied_meanwhile_is_routed_around() -> None:
    vaults = Vaults({NORTH: 80, EAST: 20}, {2: EMPTIED})
    await withdraw_along(100, EAST, vaults.available, vaults.withdraw)
    assert vaults.paid == 100


async def test_it_does_not_go_on_for_ever() -> None:
    vaults = Vaults({NORTH: 80}, dict.fromkeys(range(1, 99), EMPTIED))
    with pytest.raises(HouseRefused):
        await withdraw_along(50, NORTH, vaults.available, vaults.withdraw)
    assert (vaults.attempts, vaults.paid) == (5, 0)


async def test_a_later_leg_that_fails_tells_what_was_withdrawn() -> None:
    vaults = Vaults({NORTH: 80, EAST: 20}, {2: ShortOfMargin("BTC at 1 USD", 3)})
    with pytest.raises(WithdrawalIncomplete) as incomplete:
        await withdraw_along(100, EAST, vaults.available, vaults.withdraw)
    assert (incomplete.value.withdrawn, incomplete.value.asked) == (20, 100)
    assert isinstance(incomplete.value.__cause__, ShortOfMargin)


async def test_vaults_that_hold_too_little_together_pay_nothing() -> None:
    vaults = Vaults({NORTH: 80, EAST: 19})
    with pytest.raises(VaultsShort):
        await withdraw_along(100, EAST, vaults.available, vaults.withdraw)
    assert vaults.attempts == 0
