"""Defaults as everybody sees them."""

from dataclasses import replace

import grpc
import pytest
from clearing.v1 import liquidation_service_pb2 as pb

from node.api import FinalBatch
from node.ledger.auctions import asking_price
from node.ledger.state import Default, Holding, Lot, Offer, Seizure, Stage
from node.ledger.types import AssetId, Digest, InstrumentId, MicroUsd
from tests.node.api.calls import items, refusal
from tests.support.ledger import USD


@pytest.fixture
def default(node, taker) -> Default:
    """Ten lots short of BTC-PERP and some WETH, at auction for five blocks."""
    return Default(
        Digest(bytes([7] * 32)),
        taker.id,
        Stage.AUCTION,
        frozen_in=2,
        opened_by=(1, 2, 4),
        lots=(Lot(InstrumentId("BTC-PERP"), -10),),
        cash=MicroUsd(9 * USD),
        collateral=(Holding(AssetId("WETH@31338"), 3),),
        offer=Offer((Lot(InstrumentId("BTC-PERP"), -1),), 8, 10, node.ledger().hub_height - 5, MicroUsd(-800_000)),
        auctions=3,
    )


def put(node, *defaults: Default) -> None:
    """Makes the defaults part of the state, as a batch would."""
    state = node.ledger()
    for entry in defaults:
        state = state.with_default(entry)
    node.clearing.state = state
    node.batches.publish(FinalBatch(state.number, state, ()))


async def test_a_default_at_auction_comes_with_lots_and_the_falling_price(client, node, default):
    put(node, default)

    (told,) = (await client.liquidations.ListDefaults(pb.ListDefaultsRequest())).defaults

    assert (told.id, told.account, told.stage) == (default.id, default.account, pb.DEFAULT_STAGE_AUCTION)
    assert [(lot.instrument, lot.quantity) for lot in told.lots] == [("BTC-PERP", -10)]
    assert [(h.asset, h.amount) for h in told.collateral] == [("WETH@31338", 3)]
    assert list(told.opened_by) == [1, 2, 4]
    mark = node.ledger().grids[-1].mark_price("BTC-PERP")
    assert told.auction.mark == -mark
    assert (told.auction.number, told.auction.units, told.auction.total_units) == (3, 8, 10)
    assert [(lot.instrument, lot.quantity) for lot in told.auction.unit] == [("BTC-PERP", -1)]
    assert told.auction.current_price == asking_price(node.house, node.ledger(), default)
    assert told.auction.floor_price < told.auction.current_price < told.auction.mark
    assert told.auction.ends - told.auction.started == node.house.rules.auction_blocks


async def test_closed_defaults_are_listed_only_when_asked_for(client, node, default):
    seizure = Seizure(Digest(bytes([3] * 32)), AssetId("WETH@31338"), 3, MicroUsd(600))
    closed = replace(
        default, stage=Stage.CLOSED, lots=(), offer=None, seizures=(seizure, replace(seizure, proceeds=None))
    )
    put(node, closed)

    open_ones = await client.liquidations.ListDefaults(pb.ListDefaultsRequest())
    every = await client.liquidations.ListDefaults(pb.ListDefaultsRequest(include_closed=True))

    assert list(open_ones.defaults) == []
    (told,) = every.defaults
    assert not told.HasField("auction")
    assert [(s.proceeds if s.HasField("proceeds") else None) for s in told.seizures] == [600, None]


async def test_defaults_of_one_account_leave_the_others_out(client, node, default, taker, maker):
    put(node, default, replace(default, id=Digest(bytes([8] * 32)), account=maker.id))

    answer = await client.liquidations.ListDefaults(pb.ListDefaultsRequest(account=maker.id))

    assert [d.account for d in answer.defaults] == [maker.id]


async def test_an_account_id_of_the_wrong_length_names_the_field(client):
    answer = await refusal(client.liquidations.ListDefaults(pb.ListDefaultsRequest(account=b"\1")))

    assert (answer.code, answer.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("account",))


async def test_a_default_is_streamed_again_when_it_changes_and_only_then(client, node, default):
    opening = replace(default, stage=Stage.OPENING, lots=(), offer=None)
    put(node, opening)
    stream = client.liquidations.StreamLiquidations(pb.StreamLiquidationsRequest())
    first = await items(stream, 1)
    put(node)
    put(node, default)
    put(node, replace(default, stage=Stage.CLOSED, lots=(), offer=None))
    rest = await items(stream, 2)

    assert [item.default.stage for item in (*first, *rest)] == [
        pb.DEFAULT_STAGE_OPENING,
        pb.DEFAULT_STAGE_AUCTION,
        pb.DEFAULT_STAGE_CLOSED,
    ]
    stream.cancel()
