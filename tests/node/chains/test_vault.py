"""CollateralVault and CollateralAuction on a real chain: money in, money out, and every odd token."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.chains import calls
from node.chains.calls import VaultReader
from node.chains.certificates import PayAction, SeizeAction, pay_digest, seize_digest
from node.chains.compile import compile_contract, house_contract
from node.chains.deploy import ListedToken, VaultDeployment, deploy_contract, deploy_vault
from node.chains.errors import RpcRefused, TransactionReverted
from node.chains.events import Deposited, Paid, PayFailed, Seized, Sold
from node.chains.relayer import Receipt
from tests.node.chains.conftest import SALT, House

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAIN_ID = 31337
UNIT = 10**13
TO = b"\x99" * 20
ACCOUNT = b"\1" * 32
ODD_TOKEN = Path(__file__).parent / "contracts" / "OddToken.vy"


def deploy_listing(house: House, tokens: list[ListedToken], usd: bytes) -> Coroutine[None, None, VaultDeployment]:
    """Another vault of the house, for other tokens."""
    return deploy_vault(house.w3, house.relayer, house.deployment, house.signers, tokens, usd, house.exits)


async def reason_of(sending) -> str:
    """Why a call that must revert does."""
    with pytest.raises(TransactionReverted) as caught:
        await sending
    return caught.value.reason


# Deposits.


async def test_a_deposit_is_reported_in_base_units(house) -> None:
    before = await house.balance(house.tokens.weth, house.vault.vault)
    receipt = await house.deposit(house.tokens.weth, 3 * UNIT, b"\5" * 32)
    (event,) = house.events(receipt)
    assert isinstance(event, Deposited)
    assert (event.account, event.token, event.amount) == (b"\5" * 32, house.tokens.weth, 3 * UNIT)
    assert await house.balance(house.tokens.weth, house.vault.vault) == before + 3 * UNIT


async def test_deposits_are_counted(house) -> None:
    (first,) = house.events(await house.deposit(house.tokens.usd, 1))
    (second,) = house.events(await house.deposit(house.tokens.usd, 1))
    assert second.sequence == first.sequence + 1


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (0, "below one ledger unit"),
        (UNIT - 1, "below one ledger unit"),
        (UNIT + 1, "not a whole number of ledger units"),
    ],
)
async def test_a_deposit_that_is_no_whole_ledger_units_is_refused(house, amount: int, reason: str) -> None:
    assert await reason_of(house.deposit(house.tokens.weth, amount)) == reason


async def test_a_token_that_is_not_listed_is_refused(house, action_id) -> None:
    stranger = house.tokens.stranger
    assert await reason_of(house.deposit(stranger, 10**18)) == "token not listed"
    assert await reason_of(house.pay(PayAction(action_id, stranger, TO, 1, 1))) == "token not listed"
    seizure = SeizeAction(action_id, stranger, 1, 2, 1, 60, 1)
    assert await reason_of(house.seize(seizure)) == "token not listed"


async def test_a_transfer_fee_is_the_depositors(house) -> None:
    (event,) = house.events(await house.deposit(house.tokens.fee, 1000))
    assert event.amount == 990


async def test_a_fee_that_leaves_a_fraction_of_a_ledger_unit_is_refused(house) -> None:
    # 1% of 1010 is 10, and the 1000 left are whole units of 10; of 1110 it is 11, and 1099 are not.
    (event,) = house.events(await house.deposit(house.tokens.fee, 1010))
    assert event.amount == 1000
    refusal = await reason_of(house.deposit(house.tokens.fee, 1110))
    assert refusal == "not a whole number of ledger units"


async def test_a_token_without_return_values_can_be_deposited_and_paid(house, action_id) -> None:
    silent = house.tokens.silent
    (event,) = house.events(await house.deposit(silent, 500))
    assert event.amount == 500
    (paid,) = house.events(await house.pay(PayAction(action_id, silent, TO, 200, 1)))
    assert isinstance(paid, Paid)
    assert await house.balance(silent, TO) == 200


async def test_a_deposit_without_approval_is_refused(house) -> None:
    await house.mint(house.tokens.usd, house.trader.address, 5)
    data = calls.encode_deposit(ACCOUNT, house.tokens.usd, 5)
    assert await reason_of(house.trader.send(house.vault.vault, data)) == "above the allowance"


@asynccontextmanager
async def hook(house, target: bytes, data: bytes) -> AsyncIterator[None]:
    """Let the odd token call `target` from within each of its transfers."""
    odd = house.tokens.odd
    await house.relayer.send(odd, calls.encode_call("set_hook", ("address", "bytes"), [target, data]))
    try:
        yield
    finally:
        await house.relayer.send(odd, calls.encode_call("set_hook", ("address", "bytes"), [b"\0" * 20, b""]))


async def deposit_from_within(house) -> bytes:
    """Calldata of a deposit that the odd token could make by itself: it has dollars, and the vault may take them."""
    odd, usd, vault = house.tokens.odd, house.tokens.usd, house.vault.vault
    await house.mint(usd, odd, 100)
    async with hook(house, usd, calls.encode_approve(vault, 100)):
        await house.trader.send(odd, calls.encode_call("transfer", ("address", "uint256"), [TO, 0]))
    return calls.encode_deposit(ACCOUNT, usd, 1)


async def test_a_token_cannot_deposit_from_within_a_deposit(house) -> None:
    inner = await deposit_from_within(house)
    await house.deposit(house.tokens.odd, 10)
    async with hook(house, house.vault.vault, inner):
        with pytest.raises(TransactionReverted):
            await house.deposit(house.tokens.odd, 10)


async def test_a_token_cannot_deposit_from_within_a_payment(house, action_id) -> None:
    await house.deposit(house.tokens.odd, 10)
    inner = await deposit_from_within(house)
    async with hook(house, house.vault.vault, inner):
        (event,) = house.events(await house.pay(PayAction(action_id, house.tokens.odd, TO, 1, 4)))
    assert isinstance(event, PayFailed)


async def test_what_somebody_else_sends_within_a_deposit_is_not_credited_to_it(house) -> None:
    odd = house.tokens.odd
    inner = calls.encode_call("mint", ("address", "uint256"), [house.vault.vault, 700])
    async with hook(house, odd, inner):
        assert await reason_of(house.deposit(odd, 10)) == "more arrived than was sent"


async def test_a_deposit_of_which_nothing_arrives_is_refused(house) -> None:
    greedy = (await deploy_contract(house.relayer, compile_contract(ODD_TOKEN), 1_000_000)).contract
    vault = await deploy_listing(house, [ListedToken(greedy, 1)], greedy)
    await house.mint(greedy, house.trader.address, 10)
    await house.trader.send(greedy, calls.encode_approve(vault.vault, 10))
    depositing = house.trader.send(vault.vault, calls.encode_deposit(ACCOUNT, greedy, 10))
    assert await reason_of(depositing) == "nothing arrived"


# Payments.


async def test_a_certified_payment_is_paid_once(house, action_id) -> None:
    await house.deposit(house.tokens.usd, 1000)
    before = await house.balance(house.tokens.usd, TO)
    action = PayAction(action_id, house.tokens.usd, TO, 700, 4)
    (event,) = house.events(await house.pay(action))
    assert isinstance(event, Paid)
    assert (event.action_id, event.token, event.to, event.amount) == (action_id, house.tokens.usd, TO, 700)
    assert await VaultReader(house.w3, house.vault.vault).done(action_id)
    assert await reason_of(house.pay(action)) == "the action was done"
    assert await house.balance(house.tokens.usd, TO) == before + 700


@pytest.mark.parametrize("change", [{"amount": 701}, {"to": b"\x98" * 20}, {"batch": 5}, {"action_id": b"\xee" * 32}])
async def test_a_payment_other_than_the_certified_one_is_refused(house, action_id, change) -> None:
    action = PayAction(action_id, house.tokens.usd, TO, 700, 4)
    certificate = house.certify(pay_digest(CHAIN_ID, house.vault.vault, action))
    refusal = await reason_of(house.pay(replace(action, **change), certificate))
    assert refusal == "a signature is not its signer's"


async def test_two_of_four_do_not_pay(house, action_id) -> None:
    action = PayAction(action_id, house.tokens.usd, TO, 1, 4)
    certificate = house.certify(pay_digest(CHAIN_ID, house.vault.vault, action), (1, 2))
    assert await reason_of(house.pay(action, certificate)) == "no quorum"


async def test_a_payment_certified_for_another_chain_is_void(house, action_id) -> None:
    action = PayAction(action_id, house.tokens.usd, TO, 1, 4)
    certificate = house.certify(pay_digest(CHAIN_ID + 1, house.vault.vault, action))
    assert await reason_of(house.pay(action, certificate)) == "a signature is not its signer's"


async def test_a_seizure_certificate_does_not_pay(house, action_id) -> None:
    seizure = SeizeAction(action_id, house.tokens.usd, 1, 2, 1, 60, 4)
    certificate = house.certify(seize_digest(CHAIN_ID, house.vault.vault, seizure))
    action = PayAction(action_id, house.tokens.usd, TO, 1, 4)
    assert await reason_of(house.pay(action, certificate)) == "a signature is not its signer's"


async def assert_pay_fails(house, action: PayAction, **options: int) -> Receipt:
    """The payment fails, uses up its id, and reverts nothing."""
    receipt = await house.pay(action, **options)
    (event,) = house.events(receipt)
    assert isinstance(event, PayFailed)
    assert (event.action_id, event.token, event.to, event.amount) == (
        *(action.action_id, action.token, action.to, action.amount),
    )
    assert await reason_of(house.pay(action)) == "the action was done"
    return receipt


async def test_a_payment_beyond_the_balance_fails_and_uses_up_its_id(house, action_id) -> None:
    await assert_pay_fails(house, PayAction(action_id, house.tokens.usd, TO, 10**30, 4))


async def test_a_payment_that_the_token_answers_with_false_fails(house, action_id) -> None:
    odd, receiver = house.tokens.odd, b"\x51" * 20
    await house.deposit(odd, 100)
    await house.relayer.send(odd, calls.encode_call("refuse", ("address",), [receiver]))
    await assert_pay_fails(house, PayAction(action_id, odd, receiver, 10, 4))
    assert await house.balance(odd, receiver) == 0


async def test_a_token_that_burns_all_gas_fails_its_payment_only(house, action_id) -> None:
    odd, receiver = house.tokens.odd, b"\x52" * 20
    await house.deposit(odd, 100)
    await house.relayer.send(odd, calls.encode_call("burn_gas_for", ("address",), [receiver]))
    receipt = await assert_pay_fails(house, PayAction(action_id, odd, receiver, 10, 4), gas=3_000_000)
    assert receipt.gas_used < 400_000


async def test_a_relayer_cannot_starve_a_payment_of_gas(house, action_id) -> None:
    # The less gas a transaction gets, the less its inner call has: the least that does not revert must still pay.
    odd, receiver = house.tokens.odd, b"\x53" * 20
    await house.deposit(odd, 100)
    await house.relayer.send(odd, calls.encode_call("make_heavy_for", ("address",), [receiver]))
    action = PayAction(action_id, odd, receiver, 10, 4)
    certificate = house.certify(pay_digest(CHAIN_ID, house.vault.vault, action))
    data = calls.encode_pay(action, house.signers, certificate)
    call = {"to": "0x" + house.vault.vault.hex(), "data": "0x" + data.hex()}
    least = int(await house.anvil.request("eth_estimateGas", call), 16)
    (event,) = house.events(await house.pay(action, gas=least))
    assert isinstance(event, Paid)


# Seizures and auctions.


async def start_auction(house, action_id: bytes, start: int = 3_000_000, floor: int = 1_000_000) -> SeizeAction:
    await house.deposit(house.tokens.weth, 5 * UNIT)
    action = SeizeAction(action_id, house.tokens.weth, 5 * UNIT, start, floor, 100, 6)
    (event,) = house.events(await house.seize(action))
    assert isinstance(event, Seized)
    assert (event.action_id, event.token, event.amount) == (action_id, house.tokens.weth, 5 * UNIT)
    return action


async def approve_usd(house, amount: int) -> None:
    await house.mint(house.tokens.usd, house.trader.address, amount)
    await house.trader.send(house.tokens.usd, calls.encode_approve(house.vault.auction, amount))


async def test_a_seized_lot_is_sold_and_the_proceeds_are_in_the_vault(house, action_id) -> None:
    await start_auction(house, action_id)
    await approve_usd(house, 3_000_000)
    vault_before = await house.balance(house.tokens.usd, house.vault.vault)
    weth_before = await house.balance(house.tokens.weth, house.trader.address)
    receipt = await house.trader.send(house.vault.auction, calls.encode_buy(action_id, 3_000_000))
    (event,) = house.events(receipt)
    assert isinstance(event, Sold)
    assert (event.action_id, event.token, event.amount) == (action_id, house.tokens.weth, 5 * UNIT)
    assert event.buyer == house.trader.address
    assert 1_000_000 <= event.proceeds <= 3_000_000
    assert await house.balance(house.tokens.usd, house.vault.vault) == vault_before + event.proceeds
    assert await house.balance(house.tokens.weth, house.trader.address) == weth_before + 5 * UNIT
    refusal = await reason_of(house.trader.send(house.vault.auction, calls.encode_buy(action_id, 3_000_000)))
    assert refusal == "no such lot"


async def test_the_price_falls_on_a_line_to_its_floor_and_stays(house, action_id) -> None:
    await start_auction(house, action_id)
    block = await house.anvil.request("eth_getBlockByNumber", "latest", False)
    started, prices = int(block["timestamp"], 16), []
    reader = VaultReader(house.w3, house.vault.vault)
    for elapsed in (25, 50, 100, 1000):
        await house.anvil.mine(started + elapsed)
        prices.append(await reader.price(action_id))
    assert prices == [2_500_000, 2_000_000, 1_000_000, 1_000_000]


async def test_a_buyer_pays_no_more_than_its_limit(house, action_id) -> None:
    await start_auction(house, action_id)
    await approve_usd(house, 3_000_000)
    refusal = await reason_of(house.trader.send(house.vault.auction, calls.encode_buy(action_id, 1_000_000)))
    assert refusal == "above the buyer's limit"


async def test_a_lot_that_was_never_seized_has_no_price(house, action_id) -> None:
    with pytest.raises(RpcRefused, match="no such lot"):
        await VaultReader(house.w3, house.vault.vault).price(action_id)


async def test_a_seizure_happens_once(house, action_id) -> None:
    action = await start_auction(house, action_id)
    assert await reason_of(house.seize(action)) == "the action was done"


async def test_a_pay_cannot_reuse_a_seizures_id(house, action_id) -> None:
    await start_auction(house, action_id)
    action = PayAction(action_id, house.tokens.usd, TO, 1, 6)
    assert await reason_of(house.pay(action)) == "the action was done"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"floor_price": 3_000_001}, "the price would rise"),
        ({"duration": 0}, "the duration is zero"),
        ({"amount": 0}, "the lot is empty"),
        ({"amount": 10**30}, "above the balance"),
    ],
)
async def test_an_impossible_seizure_reverts_and_can_be_certified_anew(house, action_id, change, reason) -> None:
    await house.deposit(house.tokens.weth, UNIT)
    action = SeizeAction(action_id, house.tokens.weth, UNIT, 3_000_000, 1_000_000, 100, 6)
    assert await reason_of(house.seize(replace(action, **change))) == reason
    assert not await VaultReader(house.w3, house.vault.vault).done(action_id)


async def test_the_usd_token_is_never_auctioned(house, action_id) -> None:
    action = SeizeAction(action_id, house.tokens.usd, 1, 2, 1, 60, 4)
    assert await reason_of(house.seize(action)) == "the USD token needs no auction"


async def test_only_the_vault_starts_auctions(house, action_id) -> None:
    types = ("bytes32", "address", "uint256", "uint256", "uint256", "uint256")
    data = calls.encode_call("start", types, [action_id, house.tokens.weth, 1, 2, 1, 60])
    assert await reason_of(house.trader.send(house.vault.auction, data)) == "only the vault"


async def test_proceeds_are_whole_ledger_units(house, action_id) -> None:
    # A USD token of 18 decimals: 1e12 base units are one ledger unit, and the line passes between them.
    tokens, unit = house.tokens, 10**12
    listed = [ListedToken(tokens.stranger, unit), ListedToken(tokens.weth, UNIT)]
    vault = await deploy_listing(house, listed, tokens.stranger)
    await house.mint(tokens.weth, vault.vault, UNIT)
    action = SeizeAction(action_id, tokens.weth, UNIT, 10 * unit, 7 * unit, 1000, 6)
    certificate = house.certify(seize_digest(CHAIN_ID, vault.vault, action))
    await house.relayer.send(vault.vault, calls.encode_seize(action, house.signers, certificate))
    block = await house.anvil.request("eth_getBlockByNumber", "latest", False)
    await house.anvil.mine(int(block["timestamp"], 16) + 500)
    # Half way down the line is 8.5 units: rounded up, for the house.
    assert await VaultReader(house.w3, vault.vault).price(action_id) == 9 * unit


async def test_a_deposit_from_within_a_purchase_does_not_count_as_proceeds(house, action_id) -> None:
    # A USD token that calls back: while it moves the price, a deposit by somebody else swells the vault.
    odd, weth = house.tokens.odd, house.tokens.weth
    listed = [ListedToken(odd, 1), ListedToken(weth, UNIT)]
    vault = await deploy_listing(house, listed, odd)
    await house.mint(weth, vault.vault, UNIT)
    action = SeizeAction(action_id, weth, UNIT, 1000, 1000, 60, 6)
    certificate = house.certify(seize_digest(CHAIN_ID, vault.vault, action))
    await house.relayer.send(vault.vault, calls.encode_seize(action, house.signers, certificate))
    await house.mint(odd, house.trader.address, 5000)
    await house.trader.send(odd, calls.encode_approve(vault.auction, 5000))
    inner = calls.encode_call("mint", ("address", "uint256"), [vault.vault, 700])
    async with hook(house, odd, inner):
        buying = house.trader.send(vault.auction, calls.encode_buy(action_id, 1000))
        assert await reason_of(buying) == "the proceeds are not the price"


# Construction.


async def test_a_token_without_code_cannot_be_listed(house) -> None:
    """A call to such an address succeeds with empty output, which would read as a payment that went well."""
    listed = [ListedToken(house.tokens.usd, 1), ListedToken(b"\0" * 19 + b"\x0b", 1)]
    deploying = deploy_listing(house, listed, house.tokens.usd)
    assert await reason_of(deploying) == "a token has no code"


@pytest.mark.parametrize(
    ("units", "limits", "reason"),
    [
        ([1, 1], [0, 0], "a token is listed twice"),
        ([0, 1], [0, 0], "a unit is zero"),
        ([1], [0, 0], "tokens, units and limits do not match up"),
        ([1, 1], [0], "tokens, units and limits do not match up"),
    ],
)
async def test_a_bad_list_of_tokens_cannot_be_deployed(house, units, limits, reason: str) -> None:
    usd = house.tokens.usd
    blueprint = await house.relayer.send(None, house_contract("CollateralAuction").blueprint)
    arguments = [
        CHAIN_ID,
        house.hub.address,
        SALT,
        list(house.signers),
        [usd, usd],
        units,
        limits,
        usd,
        blueprint.contract,
        *(house.exits.verifier, house.exits.exit_after, house.exits.challenge),
    ]
    deploying = deploy_contract(house.relayer, house_contract("CollateralVault"), *arguments)
    assert await reason_of(deploying) == reason


async def test_the_usd_token_must_be_listed(house) -> None:
    listed = [ListedToken(house.tokens.weth, 1)]
    deploying = deploy_listing(house, listed, house.tokens.usd)
    assert await reason_of(deploying) == "the USD token is not listed"


async def test_payments_sent_at_once_all_arrive(house) -> None:
    await house.deposit(house.tokens.usd, 100)
    actions = [PayAction(bytes([i]) * 32, house.tokens.usd, TO, 1, 9) for i in range(0x60, 0x70)]
    before = await house.balance(house.tokens.usd, TO)
    await asyncio.gather(*(house.pay(action) for action in actions))
    assert await house.balance(house.tokens.usd, TO) == before + 16


async def test_the_gas_of_the_house_stays_within_its_budget(house) -> None:
    """Four validators, storage already in use: what the README states, with a margin of a tenth."""
    await house.deposit(house.tokens.weth, 10 * UNIT)
    deposit = await house.deposit(house.tokens.weth, 10 * UNIT)
    await house.pay(PayAction(b"\xa1" * 32, house.tokens.weth, TO, UNIT, 1))
    pay = await house.pay(PayAction(b"\xa2" * 32, house.tokens.weth, TO, UNIT, 1))
    await house.seize(SeizeAction(b"\xa3" * 32, house.tokens.weth, UNIT, 2000, 1000, 60, 1))
    seize = await house.seize(SeizeAction(b"\xa4" * 32, house.tokens.weth, UNIT, 2000, 1000, 60, 1))
    assert deposit.gas_used < 55_000
    assert pay.gas_used < 107_000
    assert seize.gas_used < 265_000
