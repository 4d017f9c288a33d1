"""A small house for client tests: real ledger rules over a hand-made market, served by an in-process gRPC server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import grpc
import grpc.aio
import pytest
from clearing.v1 import (
    account_service_pb2_grpc,
    ledger_service_pb2_grpc,
    liquidation_service_pb2_grpc,
    margin_service_pb2_grpc,
    market_service_pb2_grpc,
    trade_service_pb2_grpc,
    transfer_service_pb2_grpc,
)

from circuits.transcript import Deployment
from node.ledger.parameters import HouseParameters
from node.ledger.state import ChainCursor, House, genesis
from node.ledger.types import AccountId, MicroUsd
from node.market.contingencies import Contingencies
from node.market.grid import InstrumentGrid, RiskGrid, UnderlyingGrid
from node.market.instruments import CollateralAsset, Perpetual, Registry
from node.market.oracle_rules import Price
from node.market.parameters import MarketParameters, UnderlyingParameters
from node.market.state import FundingIndex, MarketState, advance, genesis_state
from node.market.widths import PriceRange
from tests.node.client.fake_node import (
    Accounts,
    FakeNode,
    Ledger,
    Liquidations,
    Margin,
    Market,
    Trades,
    Transfers,
    pin_of,
)
from tests.support.committee import deal_committee

DOLLAR = 10**6
HUB_BLOCK = 100

FUNDING = 3 * DOLLAR


def make_house() -> House:
    """One validator's house: BTC-PERP (lots of 1e-4 BTC), WBTC and dollars on chain 31337."""
    registry = Registry(
        ("BTC",),
        (Perpetual("BTC", 10_000),),
        (
            CollateralAsset(31337, b"\x01" * 20, "USD", None, 6, 10**6, 0),
            CollateralAsset(31337, b"\x02" * 20, "WBTC", "BTC", 8, 10**6, 100_000),
        ),
    )
    rules = HouseParameters(
        due_blocks=8,
        grace_blocks=16,
        hub_gap_blocks=20,
        auction_start_ppm=1_000_000,
        auction_fast_ppm=1_000_000,
        auction_fast_blocks=0,
        auction_blocks=10,
        insolvent_blocks=10,
        auction_discount_ppm=100_000,
        plan_slices=8,
        plan_discount_ppm=20_000,
        margin_buffer_ppm=0,
        full_below=MicroUsd(0),
        account_cap=MicroUsd(10**15),
        batch_cap=MicroUsd(10**15),
        reset_ppm=100_000,
        max_resets=3,
        jump_ppm=150_000,
        uncertain_ppm=50_000,
        volatile_ppm=1_000_000_000,
        tear_up_band_ppm=100_000,
        penalty_ppm=5_000,
        backstop=AccountId(b"\x0b" * 32),
        backstop_limit=MicroUsd(10**12),
        seizure_buffer_ppm=100_000,
        sale_floor_ppm=800_000,
        sale_seconds=600,
        chain_silent_blocks=20,
        seizure_blocks=40,
        sale_blocks=80,
        absent_blocks=160,
        max_hub_lag=20,
        max_messages=100,
        breaker_blocks=100,
        plans_per_batch=64,
        openings_per_batch=64,
    )
    return House(
        deployment=Deployment(31337, b"\x0a" * 20, b"\x05" * 32),
        validators=(),
        committee=deal_committee(2, 3).public,
        registry=registry,
        market=MarketParameters((UnderlyingParameters("BTC", 10_000 * 10**8, 2_000_000),)),
        rules=rules,
    )


def make_market(house: House) -> MarketState:
    """BTC at 10,000 USD, in round 1."""
    start = genesis_state(house.registry, house.market, HUB_BLOCK - 4, 1_000)
    price = Price(10_000 * 10**8, 1_000, 3, ())
    market = advance(start, {"BTC": price}, HUB_BLOCK, 1_010, house.registry, house.market)
    return replace(market, funding=(FundingIndex("BTC-PERP", FUNDING, 0),))


def make_grid(market: MarketState) -> RiskGrid:
    """The window from 8,000 to 12,500 USD; a funding index of 3 USD a lot, to see it at work."""
    nodes = (8_000 * 10**8, 10_000 * 10**8, 12_500 * 10**8)
    perpetual = InstrumentGrid(
        id="BTC-PERP",
        underlying="BTC",
        mark=DOLLAR,
        values=(800_000_000, 1_000_000_000, 1_250_000_000),
        gap_charge=0,
        wide_gap_charge=0,
        closing_charge=2_000_000,
        short_minimum=0,
        funding=FUNDING,
        beyond=_at_the_edges(800_000_000, 1_250_000_000),
    )
    outside = _at_the_edges(7_200_000, 11_250_000)
    coin = InstrumentGrid("WBTC@31337", "BTC", 10_000_000, (7_200_000, 9_000_000, 11_250_000), 0, 0, 0, 0, 0, outside)
    edges, levels = PriceRange(nodes[0], nodes[-1]), (360_000, 600_000, 900_000)
    underlying = UnderlyingGrid("BTC", nodes[1], 600_000, nodes, levels, 95_000, 161_500, edges, edges, ())
    return RiskGrid(market.round, market.time, 1, 8, (), (underlying,), (perpetual, coin))


def _at_the_edges(low: int, high: int) -> Contingencies:
    """Tails no further than the window, and no charge beside."""
    return Contingencies(expiry=0, tails=(low, high), near=(low, high), skew=(), basis=(), slippage=0)


@dataclass(frozen=True)
class Served:
    """A running fake node and where it listens."""

    node: FakeNode
    target: str

    @property
    def pin(self) -> bytes:
        """What an owner pins."""
        return pin_of(self.node.house)


@pytest.fixture(scope="session")
def house() -> House:
    return make_house()


@pytest.fixture(scope="session")
def grid(house: House) -> RiskGrid:
    return make_grid(make_market(house))


@asynccontextmanager
async def serving(house: House, grid: RiskGrid, market: MarketState | None = None) -> AsyncIterator[Served]:
    """A fake node of the house, listening; by default in the market of `make_market`."""
    market = market or make_market(house)
    cursors = {31337: ChainCursor(0, bytes(32))}
    state = replace(
        genesis(house, market, HUB_BLOCK, cursors), number=1, grids=(grid,), inventory={"USD@31337": 10**12}
    )
    node = FakeNode(house, grid, state)
    server = grpc.aio.server()
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(Accounts(node), server)
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(Ledger(node), server)
    margin_service_pb2_grpc.add_MarginServiceServicer_to_server(Margin(node), server)
    market_service_pb2_grpc.add_MarketServiceServicer_to_server(Market(node), server)
    trade_service_pb2_grpc.add_TradeServiceServicer_to_server(Trades(node), server)
    transfer_service_pb2_grpc.add_TransferServiceServicer_to_server(Transfers(node), server)
    liquidation_service_pb2_grpc.add_LiquidationServiceServicer_to_server(Liquidations(node), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Served(node, f"127.0.0.1:{port}")
    await server.stop(grace=None)


@pytest.fixture
async def served(house: House, grid: RiskGrid) -> AsyncIterator[Served]:
    async with serving(house, grid) as running:
        yield running
