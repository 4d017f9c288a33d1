"""A seized lot through a liquidity source: the real Uniswap V2, and sources that want something else."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from devnet.uniswap import Uniswap, towards
from node.chains import calls
from node.chains.certificates import SeizeAction, seize_digest
from node.chains.compile import compile_contract, house_contract
from node.chains.deploy import ListedToken, deploy_contract, deploy_vault
from node.chains.errors import TransactionReverted
from node.chains.events import Sold
from node.chains.liquidity import ContractSource
from node.chains.relayer import Receipt
from tests.node.chains.conftest import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAIN_ID = 31337
UNIT = 10**13
ETHER = 10**18
USD = 10**6
START, FLOOR = 3_000_000, 1_000_000
ODD_SOURCE = Path(__file__).parent / "contracts" / "OddSource.vy"


@dataclass(frozen=True)
class Market:
    """A pair of WETH and USD at 200 dollars, and the contract that sells into it."""

    uniswap: Uniswap
    source: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(house: House) -> Market:
    weth, usd = house.tokens.weth, house.tokens.usd
    uniswap = await Uniswap.deploy(house.w3, house.relayer, weth)
    await house.mint(weth, house.relayer.address, 10 * ETHER)
    await house.mint(usd, house.relayer.address, 2_000 * USD)
    await uniswap.seed(house.relayer, weth, 10 * ETHER, usd, 2_000 * USD)
    source = await deploy_contract(house.relayer, house_contract("UniswapV2Source"), uniswap.router)
    return Market(uniswap, source.contract or b"")


@pytest_asyncio.fixture(loop_scope="module")
async def odd(house: House) -> bytes:
    """A source that does as it is told, with 100 dollars."""
    made = (await deploy_contract(house.relayer, compile_contract(ODD_SOURCE))).contract or b""
    await house.mint(house.tokens.usd, made, 100 * USD)
    return made


async def told(
    house: House, source: bytes, pays: int, to: bytes = bytes(20), call: tuple[bytes, bytes] = (bytes(20), b"")
):
    """Have the odd source pay so much, to the auction or `to`, after a call."""
    types = ("uint256", "address", "address", "bytes")
    await house.relayer.send(source, calls.encode_call("set_up", types, [pays, to, *call]))


async def on_sale(
    house: House, action_id: bytes, amount: int = 5 * UNIT, start: int = START, floor: int = FLOOR
) -> None:
    """A lot of WETH whose price does not fall within any test."""
    await house.deposit(house.tokens.weth, amount)
    await house.seize(SeizeAction(action_id, house.tokens.weth, amount, start, floor, 10**9, 6))


async def route(house: House, action_id: bytes, source: bytes) -> Receipt:
    return await house.trader.send(house.vault.auction, calls.encode_route(action_id, source))


async def refusal(house: House, action_id: bytes, source: bytes) -> str:
    """Why a route reverts; the lot is on sale as before."""
    lot = await house.balance(house.tokens.weth, house.vault.auction)
    dollars = await house.balance(house.tokens.usd, house.vault.vault)
    with pytest.raises(TransactionReverted) as caught:
        await route(house, action_id, source)
    assert await house.balance(house.tokens.weth, house.vault.auction) == lot
    assert await house.balance(house.tokens.usd, house.vault.vault) == dollars
    assert await calls.VaultReader(house.w3, house.vault.vault).price(action_id) > 0
    return caught.value.reason


# Uniswap V2.


async def test_a_lot_is_sold_into_the_pair_where_that_pays_the_price(house, market, action_id) -> None:
    await on_sale(house, action_id, ETHER, 150 * USD, 100 * USD)
    offered = await ContractSource(house.w3, market.source).quote(house.tokens.weth, ETHER, house.tokens.usd)
    before = await house.balance(house.tokens.usd, house.vault.vault)
    receipt = await route(house, action_id, market.source)
    (sold,) = house.events(receipt)
    assert isinstance(sold, Sold)
    assert (sold.action_id, sold.amount, sold.buyer) == (action_id, ETHER, market.source)
    # x*y = k less 0.3 %: one ether into ten at 200 dollars.
    assert sold.proceeds == offered == 2_000 * USD * 997 // (10 * 1000 + 997)
    assert await house.balance(house.tokens.usd, house.vault.vault) == before + offered
    for token in (house.tokens.weth, house.tokens.usd):
        assert await house.balance(token, market.source) == 0
    assert await house.balance(house.tokens.usd, house.vault.auction) == 0
    with pytest.raises(TransactionReverted, match="no such lot"):
        await route(house, action_id, market.source)


async def test_a_pair_that_pays_less_than_the_price_gets_nothing(house, market, action_id) -> None:
    await on_sale(house, action_id, ETHER, 250 * USD, 240 * USD)
    assert "INSUFFICIENT_OUTPUT_AMOUNT" in await refusal(house, action_id, market.source)


async def test_a_pair_that_somebody_drained_first_gets_nothing(house, market, action_id) -> None:
    weth, usd = house.tokens.weth, house.tokens.usd
    await on_sale(house, action_id, UNIT, 1_000, 1_000)
    await house.mint(weth, house.trader.address, 10_000 * ETHER)
    await market.uniswap.swap(house.trader, [weth, usd], 10_000 * ETHER)
    assert "INSUFFICIENT_OUTPUT_AMOUNT" in await refusal(house, action_id, market.source)
    held, dollars = await market.uniswap.reserves(weth, usd)
    # Who trades the pair back to 200 dollars (2 * 10**-10 base units of USD for one of WETH) puts it right again.
    back = towards(dollars, held, 5 * 10**9, 1)
    await house.mint(usd, house.trader.address, back)
    await market.uniswap.swap(house.trader, [usd, weth], back)
    held, dollars = await market.uniswap.reserves(weth, usd)
    assert dollars * ETHER // held == pytest.approx(200 * USD, rel=0.005)
    (sold,) = house.events(await route(house, action_id, market.source))
    assert sold.proceeds == pytest.approx(2_000, rel=0.01)


async def test_a_token_without_a_pair_is_quoted_nothing_and_not_sold(house, market, action_id) -> None:
    stranger, usd = house.tokens.stranger, house.tokens.usd
    source = ContractSource(house.w3, market.source)
    assert await source.quote(stranger, ETHER, usd) == 0
    assert await source.quote(house.tokens.weth, 0, usd) == 0
    listed = [ListedToken(usd, 1), ListedToken(stranger, 1)]
    vault = await deploy_vault(house.w3, house.relayer, house.deployment, house.signers, listed, usd, house.exits)
    await house.mint(stranger, vault.vault, 10)
    action = SeizeAction(action_id, stranger, 10, 2, 1, 60, 6)
    certificate = house.certify(seize_digest(CHAIN_ID, vault.vault, action))
    await house.relayer.send(vault.vault, calls.encode_seize(action, house.signers, certificate))
    with pytest.raises(TransactionReverted):
        await house.trader.send(vault.auction, calls.encode_route(action_id, market.source))


async def test_the_order_of_a_pairs_tokens_does_not_matter(house, market, action_id) -> None:
    """WETH for USD and USD for WETH are quoted as what they are, whichever address is smaller."""
    source, weth, usd = ContractSource(house.w3, market.source), house.tokens.weth, house.tokens.usd
    held, dollars = await market.uniswap.reserves(weth, usd)
    for token, other, reserve_in, reserve_out in ((weth, usd, held, dollars), (usd, weth, dollars, held)):
        amount = reserve_in // 100
        out = amount * 997 * reserve_out // (reserve_in * 1000 + amount * 997)
        assert await source.quote(token, amount, other) == out


# Sources that want something else.


async def test_what_a_source_pays_above_the_price_is_the_vaults_and_is_told(house, odd, action_id) -> None:
    await on_sale(house, action_id)
    await told(house, odd, START + 77)
    before = await house.balance(house.tokens.usd, house.vault.vault)
    (sold,) = house.events(await route(house, action_id, odd))
    assert (sold.proceeds, sold.buyer) == (START + 77, odd)
    assert await house.balance(house.tokens.usd, house.vault.vault) == before + START + 77
    assert await house.balance(house.tokens.weth, odd) == 5 * UNIT


@pytest.mark.parametrize("pays", [0, FLOOR, START - 10_000])
async def test_a_source_that_keeps_the_lot_and_pays_too_little_gets_nothing(house, odd, action_id, pays: int) -> None:
    await on_sale(house, action_id)
    await told(house, odd, pays)
    assert await refusal(house, action_id, odd) == "the source paid less than the price"


async def test_dollars_that_somebody_left_in_the_auction_are_no_payment(house, odd, action_id) -> None:
    await on_sale(house, action_id)
    await house.mint(house.tokens.usd, house.vault.auction, START)
    await told(house, odd, START - 10_000)
    assert await refusal(house, action_id, odd) == "the source paid less than the price"


async def test_a_deposit_from_within_a_route_is_no_payment(house, odd, action_id) -> None:
    """Else its depositor would have both the lot and the credit."""
    await on_sale(house, action_id)
    deposit = calls.encode_deposit(b"\x07" * 32, house.tokens.usd, START)
    types = ("address", "address", "uint256")
    await house.relayer.send(odd, calls.encode_call("approve", types, [house.tokens.usd, house.vault.vault, START]))
    await told(house, odd, 0, call=(house.vault.vault, deposit))
    assert await refusal(house, action_id, odd) == "the source paid less than the price"
    await told(house, odd, START, call=(house.vault.vault, deposit))
    before = await house.balance(house.tokens.usd, house.vault.vault)
    events = house.events(await route(house, action_id, odd))
    assert [getattr(event, "proceeds", None) or event.amount for event in events] == [START, START]
    assert await house.balance(house.tokens.usd, house.vault.vault) == before + 2 * START


async def test_dollars_sent_straight_to_the_vault_are_no_payment(house, odd, action_id) -> None:
    await on_sale(house, action_id)
    await told(house, odd, START, to=house.vault.vault)
    assert await refusal(house, action_id, odd) == "the source paid less than the price"


async def test_a_source_cannot_take_two_lots_for_one_payment(house, odd, action_id) -> None:
    """Neither by routing the other lot, nor by buying it, from within."""
    other = bytes(reversed(action_id))
    await on_sale(house, action_id)
    await on_sale(house, other)
    for call in (calls.encode_route(other, odd), calls.encode_buy(other, START), calls.encode_route(action_id, odd)):
        await told(house, odd, 2 * START, call=(house.vault.auction, call))
        await refusal(house, action_id, odd)


@pytest.mark.parametrize("place", ["nobody", "the vault", "the auction", "a token"])
async def test_what_is_no_source_gets_nothing(house, action_id, place: str) -> None:
    await on_sale(house, action_id)
    places = {"nobody": b"\x55" * 20, "the vault": house.vault.vault, "the auction": house.vault.auction}
    await refusal(house, action_id, places.get(place, house.tokens.usd))


async def test_less_than_a_ledger_unit_stays_in_the_vault_beside_the_books(house, odd, action_id) -> None:
    """A dollar token of 18 decimals: 1e12 base units are one ledger unit."""
    tokens, unit = house.tokens, 10**12
    listed = [ListedToken(tokens.stranger, unit), ListedToken(tokens.weth, UNIT)]
    signers, deployment = house.signers, house.deployment
    vault = await deploy_vault(house.w3, house.relayer, deployment, signers, listed, tokens.stranger, house.exits)
    await house.mint(tokens.weth, vault.vault, UNIT)
    action = SeizeAction(action_id, tokens.weth, UNIT, 7 * unit, 7 * unit, 60, 6)
    certificate = house.certify(seize_digest(CHAIN_ID, vault.vault, action))
    await house.relayer.send(vault.vault, calls.encode_seize(action, signers, certificate))
    await house.mint(tokens.stranger, odd, 9 * unit)
    await told(house, odd, 8 * unit - 1)
    receipt = await house.trader.send(vault.auction, calls.encode_route(action_id, odd))
    moved = replace(house, vault=vault)
    (sold,) = moved.events(receipt)
    assert sold.proceeds == 7 * unit
    assert await house.balance(tokens.stranger, vault.vault) == 8 * unit - 1


async def test_the_gas_of_a_route_stays_within_its_budget(house, market, action_id) -> None:
    """Into Uniswap V2, storage already in use: what the README states, with a margin of a tenth."""
    for name in (action_id, bytes(reversed(action_id))):
        await on_sale(house, name, UNIT, 100, 100)
        routed = await route(house, name, market.source)
    assert routed.gas_used < 260_000
