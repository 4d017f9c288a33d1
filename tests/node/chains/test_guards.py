"""Hourly limits and pauses of a vault on a real chain: set by a quorum, in order, only tighter, never without end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from eth_hash.auto import keccak

from devnet.anvil import Anvil
from node.chains import calls
from node.chains.calls import VaultReader
from node.chains.certificates import GuardOrder, PayAction, SeizeAction, guard_digest
from node.chains.deploy import ListedToken, deploy_vault
from node.chains.errors import TransactionReverted
from node.chains.events import Announced, Guarded, Paid, Seized
from node.chains.relayer import Receipt
from node.chains.rpc import connect, disconnect, request
from tests.node.chains.conftest import CHAIN_ID, House, build_house, listing

pytestmark = pytest.mark.asyncio(loop_scope="module")
TO = b"\x99" * 20
NO_TOKEN = bytes(20)
HOUR, DAY = 3600, 86_400


@pytest_asyncio.fixture(loop_scope="module")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house of its own for each test: time passes, and limits are not loosened."""
    async with Anvil(CHAIN_ID, tmp_path / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        try:
            yield await build_house(anvil, w3)
        finally:
            await disconnect(w3)


async def now(house: House) -> int:
    return int((await request(house.w3, "eth_getBlockByNumber", "latest", False))["timestamp"], 16)


async def wait(house: House, seconds: int) -> None:
    await house.anvil.mine(await now(house) + seconds)


async def guard(house: House, order: GuardOrder, who: tuple[int, ...] = (0, 1, 2)) -> Receipt:
    certificate = house.certify(guard_digest(CHAIN_ID, house.vault.vault, order), who)
    return await house.relayer.send(house.vault.vault, calls.encode_guard(order, house.signers, certificate))


async def reason_of(sending) -> str:
    """Why a call that must revert does."""
    with pytest.raises(TransactionReverted) as caught:
        await sending
    return caught.value.reason


def payment(house: House, number: int, amount: int) -> PayAction:
    return PayAction(keccak(number.to_bytes(4, "big")), house.tokens.usd, TO, amount, 1)


async def funded(house: House, limit: int = 1000) -> House:
    """Dollars in the vault, and a limit on how many leave in an hour."""
    await house.deposit(house.tokens.usd, 100_000)
    (event,) = house.events(await guard(house, GuardOrder(0, house.tokens.usd, limit, 0)))
    assert isinstance(event, Guarded)
    assert (event.sequence, event.token, event.limit, event.paused_until) == (1, house.tokens.usd, limit, 0)
    return house


async def paid(house: House, number: int, amount: int) -> None:
    (event,) = house.events(await house.pay(payment(house, number, amount)))
    assert isinstance(event, Paid)


async def test_no_more_than_the_limit_leaves_in_an_hour_and_it_refills_evenly(house) -> None:
    await funded(house)
    await paid(house, 1, 600)
    await paid(house, 2, 390)
    assert await reason_of(house.pay(payment(house, 3, 200))) == "above the hourly limit"
    await wait(house, HOUR // 4)
    await paid(house, 3, 200)
    assert await reason_of(house.pay(payment(house, 4, 300))) == "above the hourly limit"
    await wait(house, HOUR)
    await paid(house, 4, 300)


async def announced(house: House, action: PayAction) -> Announced:
    (event,) = house.events(await house.pay(action))
    assert isinstance(event, Announced)
    assert not await VaultReader(house.w3, house.vault.vault).done(action.action_id)
    return event


async def test_a_payment_above_the_limit_is_announced_and_made_as_many_hours_later_as_it_takes(house) -> None:
    await funded(house)
    before = await house.balance(house.tokens.usd, TO)
    large = payment(house, 1, 3000)
    event = await announced(house, large)
    assert (event.token, event.amount, event.due) == (house.tokens.usd, 3000, await now(house) + 3 * HOUR)
    assert await house.balance(house.tokens.usd, TO) == before
    await wait(house, 2 * HOUR)
    assert await reason_of(house.pay(large)) == "above the hourly limit, and not due yet"
    await paid(house, 2, 900)
    await wait(house, HOUR)
    await paid(house, 1, 3000)
    assert await reason_of(house.pay(large)) == "the action was done"


async def test_large_payments_wait_one_after_the_other(house) -> None:
    await funded(house)
    first = await announced(house, payment(house, 1, 2000))
    second = await announced(house, payment(house, 2, 2000))
    assert second.due == first.due + 2 * HOUR


@pytest.mark.parametrize("change", [{"amount": 100_000}, {"to": b"\x98" * 20}], ids=["amount", "recipient"])
async def test_an_announcement_is_of_one_payment_and_no_larger_or_other_one(house, change: dict[str, object]) -> None:
    """Whoever holds a quorum's keys could announce little, wait, and take all under the same id."""
    await funded(house)
    small = payment(house, 1, 1001)
    await announced(house, small)
    await wait(house, 2 * HOUR)
    assert (await announced(house, replace(small, **change))).due > await now(house)


async def test_a_refused_payment_keeps_its_action_free(house) -> None:
    await funded(house)
    await paid(house, 1, 1000)
    late = payment(house, 2, 1000)
    assert await reason_of(house.pay(late)) == "above the hourly limit"
    assert not await VaultReader(house.w3, house.vault.vault).done(late.action_id)
    await wait(house, HOUR)
    (event,) = house.events(await house.pay(late))
    assert isinstance(event, Paid)


async def test_limits_of_one_token_leave_the_others_alone_and_seizures_count(house) -> None:
    await funded(house)
    weth, unit = house.tokens.weth, 10**13
    await house.deposit(weth, 100 * unit)
    await guard(house, GuardOrder(1, weth, 10 * unit, 0))
    (event,) = house.events(await house.seize(SeizeAction(b"\1" * 32, weth, 9 * unit, 9000, 100, 60, 1)))
    assert isinstance(event, Seized)
    again = SeizeAction(b"\2" * 32, weth, 9 * unit, 9000, 100, 60, 1)
    assert await reason_of(house.seize(again)) == "above the hourly limit"
    await paid(house, 1, 900)


async def test_a_limit_is_only_ever_tightened(house) -> None:
    await funded(house)
    for limit in (1000, 1001, 2**127):
        assert await reason_of(guard(house, GuardOrder(1, house.tokens.usd, limit, 0))) == "not a tighter limit"
    assert await reason_of(guard(house, GuardOrder(1, house.tokens.usd, 0, 0))) == (
        "a limit of nothing would be a pause without end"
    )
    assert await reason_of(guard(house, GuardOrder(1, house.tokens.weth, 2**128, 0))) == "not a tighter limit"
    assert await reason_of(guard(house, GuardOrder(1, house.tokens.stranger, 1, 0))) == "token not listed"
    await guard(house, GuardOrder(1, house.tokens.usd, 999, 0))
    assert await VaultReader(house.w3, house.vault.vault).hourly_limit(house.tokens.usd) == 999


async def test_what_left_before_a_tighter_limit_counts_against_it(house) -> None:
    await funded(house)
    await paid(house, 1, 1000)
    await guard(house, GuardOrder(1, house.tokens.usd, 100, 0))
    await wait(house, HOUR)
    assert await reason_of(house.pay(payment(house, 2, 10))) == "above the hourly limit"


async def test_while_paused_nothing_enters_or_leaves_and_the_pause_ends_by_itself(house) -> None:
    await house.deposit(house.tokens.usd, 5000)
    until = await now(house) + DAY
    await guard(house, GuardOrder(0, NO_TOKEN, 0, until))
    assert await VaultReader(house.w3, house.vault.vault).paused_until() == until
    assert await reason_of(house.pay(payment(house, 1, 10))) == "paused"
    assert await reason_of(house.deposit(house.tokens.usd, 10)) == "paused"
    seizure = SeizeAction(b"\1" * 32, house.tokens.weth, 1, 2, 1, 60, 1)
    assert await reason_of(house.seize(seizure)) == "paused"
    await wait(house, DAY)
    await paid(house, 1, 10)


async def test_a_quorum_lifts_a_pause(house) -> None:
    await house.deposit(house.tokens.usd, 5000)
    await guard(house, GuardOrder(0, NO_TOKEN, 0, await now(house) + DAY))
    await guard(house, GuardOrder(1, NO_TOKEN, 0, 0))
    await paid(house, 1, 10)


async def test_no_pause_is_longer_than_a_week(house) -> None:
    until = await now(house) + 7 * DAY + HOUR
    assert await reason_of(guard(house, GuardOrder(0, NO_TOKEN, 0, until))) == "the pause is too long"


async def test_orders_are_taken_once_in_order_by_a_quorum_of_this_epoch_and_vault(house) -> None:
    order = GuardOrder(0, NO_TOKEN, 0, await now(house) + DAY)
    assert await reason_of(guard(house, order, (0, 1))) == "no quorum"
    unlike = "a signature is not its signer's"
    for wrong in (replace(order, sequence=1), replace(order, epoch=1)):
        assert await reason_of(guard(house, wrong)) == unlike
    elsewhere = house.certify(guard_digest(CHAIN_ID, house.hub.address, order))
    sent = calls.encode_guard(order, house.signers, elsewhere)
    assert await reason_of(house.relayer.send(house.vault.vault, sent)) == unlike
    await guard(house, order)
    assert await VaultReader(house.w3, house.vault.vault).guard_orders() == 1
    assert await reason_of(guard(house, order)) == unlike


@pytest.mark.parametrize(
    "change", [{"token": b"\x07" * 20}, {"limit": 8}, {"paused_until": 9}], ids=["token", "limit", "pause"]
)
async def test_a_certificate_is_for_its_order_alone(house, change: dict[str, object]) -> None:
    order = GuardOrder(0, house.tokens.usd, 7, 0)
    certificate = house.certify(guard_digest(CHAIN_ID, house.vault.vault, order))
    listed = replace(order, **({"token": house.tokens.weth} if "token" in change else change))
    data = calls.encode_guard(listed, house.signers, certificate)
    assert await reason_of(house.relayer.send(house.vault.vault, data)) == "a signature is not its signer's"


async def test_a_vault_may_be_deployed_with_limits(house) -> None:
    tokens = [
        replace(entry, hourly_limit=77) if entry.address == house.tokens.usd else entry
        for entry in listing(house.tokens)
    ]
    made = await deploy_vault(
        house.w3, house.relayer, house.deployment, house.signers, tokens, house.tokens.usd, house.exits
    )
    reader = VaultReader(house.w3, made.vault)
    assert await reader.hourly_limit(house.tokens.usd) == 77
    assert await reader.hourly_limit(house.tokens.weth) == 0
    beyond = [ListedToken(house.tokens.usd, 1, 2**128)]
    with pytest.raises(TransactionReverted, match="out of range"):
        await deploy_vault(
            house.w3, house.relayer, house.deployment, house.signers, beyond, house.tokens.usd, house.exits
        )
