"""Grids to prove on, and where an account stands."""

import grpc
import pytest
from clearing.v1 import account_service_pb2 as accounts_pb
from clearing.v1 import margin_service_pb2 as pb

from node.market.grid import RiskGrid
from tests.node.api.calls import refusal
from tests.support.ledger import make_trade


async def test_the_latest_grid_comes_with_everything_a_proof_absorbs(client, node):
    answer = await client.margin.GetGrid(pb.GetGridRequest())

    grid = node.ledger().grids[-1]
    assert RiskGrid.decode(answer.grid) == grid
    assert (answer.round, answer.grid_digest) == (grid.round, grid.digest)
    assert answer.parameters_digest == node.house.parameters_digest


async def test_earlier_accepted_rounds_can_be_asked_for(client, node):
    first = node.ledger().grids[-1].round
    node.clearing.batch(blocks=8)

    latest = await client.margin.GetGrid(pb.GetGridRequest())
    earlier = await client.margin.GetGrid(pb.GetGridRequest(round=first))

    assert list(latest.accepted_rounds) == [grid.round for grid in node.ledger().grids]
    assert first < latest.round
    assert RiskGrid.decode(earlier.grid).round == first


@pytest.mark.parametrize("number", [0, 99])
async def test_a_round_without_an_accepted_grid_is_not_found(client, number):
    answer = await refusal(client.margin.GetGrid(pb.GetGridRequest(round=number)))

    assert answer.code == grpc.StatusCode.NOT_FOUND


async def test_a_covered_account_needs_no_proof(client, node, taker, maker):
    node.clearing.accept(make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000))

    answer = await client.margin.Check(pb.CheckRequest(account=taker.id))

    assert answer.status == accounts_pb.ACCOUNT_STATUS_ACTIVE
    assert (answer.needs_proof, answer.lapse_reason) == (False, "")
    assert answer.window.round == answer.round


async def test_an_account_whose_window_the_market_left_is_told_why(client, node, taker, maker):
    node.clearing.accept(make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000))
    node.clearing.batch(prices={"BTC": 5_000}, blocks=4)

    answer = await client.margin.Check(pb.CheckRequest(account=taker.id))

    assert answer.status == accounts_pb.ACCOUNT_STATUS_DUE
    assert answer.deadline == node.ledger().hub_height + node.house.rules.due_blocks
    assert answer.needs_proof
    assert "BTC" in answer.lapse_reason


async def test_an_unknown_account_cannot_be_checked(client):
    answer = await refusal(client.margin.Check(pb.CheckRequest(account=bytes(32))))

    assert answer.code == grpc.StatusCode.NOT_FOUND
