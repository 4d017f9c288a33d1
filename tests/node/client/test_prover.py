"""Proofs that a client makes are those that the ledger asks for."""

from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from circuits.errors import ProofRejected
from circuits.pedersen import Opening
from node.client.advisor import report
from node.client.errors import ShortOfMargin
from node.client.holdings import Holdings
from node.client.prover import MarginProver, PlainOpening, Statement
from node.ledger.account import Account
from node.ledger.claims import proof_context, solvency_claim
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.market.window import MarginWindow, UnderlyingWindow

PERPETUAL, COIN = InstrumentId("BTC-PERP"), AssetId("WBTC@31337")
DIGEST = Digest(b"\x0d" * 32)
DOLLAR = 10**6


def prover(house: Any, executor: Any = None) -> MarginProver:
    return MarginProver(house.deployment, house.committee.key, house.parameters_digest, executor)


def holdings(size: Opening, dollars: int = 10_000) -> Holdings:
    held = Holdings().with_public_cash(dollars * DOLLAR).with_collateral(COIN, 5_000)
    return held.traded(PERPETUAL, size, MicroUsd(-2 * DOLLAR))


def committed(house: Any, held: Holdings) -> Account:
    commit = house.committee.key.commit
    return Account(
        id=AccountId(bytes(32)),
        owner=Address(bytes(20)),
        index=0,
        sealing_key=bytes(32),
        home_chain=31337,
        cash=commit(held.cash),
        collateral={name: commit(opening) for name, opening in held.collateral.items()},
        positions={name: commit(opening) for name, opening in held.positions.items()},
    )


async def test_the_ledger_accepts_a_proof_on_its_own_reading_of_the_account(house: Any, grid: Any) -> None:
    size = Opening.fresh(400)
    held = holdings(size)
    proof = await prover(house).prove(Statement(held, grid, trade=size), DIGEST)
    trade = house.committee.key.commit(size)
    context = proof_context(house, DIGEST, grid)
    account = committed(house, held)
    solvency_claim(account, grid, proof, context, trade=trade).verify(house.committee.key)
    other = proof_context(house, Digest(b"\x0e" * 32), grid)
    with pytest.raises(ProofRejected):
        solvency_claim(account, grid, proof, other, trade=trade).verify(house.committee.key)


async def test_a_withdrawal_is_proven_with_the_row_of_what_is_left(house: Any, grid: Any) -> None:
    held = holdings(Opening.fresh(400)).with_collateral(COIN, -4_000)
    proof = await prover(house).prove(Statement(held, grid, withdrawn=COIN), DIGEST)
    context = proof_context(house, DIGEST, grid)
    claim = solvency_claim(committed(house, held), grid, proof, context, withdrawn=COIN)
    claim.verify(house.committee.key)


async def test_a_proof_is_made_in_another_process(house: Any, grid: Any) -> None:
    held = holdings(Opening.fresh(-400))
    with ProcessPoolExecutor(1) as pool:
        proof = await prover(house, pool).prove(Statement(held, grid), DIGEST)
        with pytest.raises(ShortOfMargin):
            await prover(house, pool).prove(Statement(holdings(Opening.fresh(-400), 0), grid), DIGEST)
    context = proof_context(house, DIGEST, grid)
    solvency_claim(committed(house, held), grid, proof, context).verify(house.committee.key)


@pytest.mark.parametrize(("lots", "scenario"), [(60_000, "BTC at 8000 USD"), (-60_000, "BTC at 12500 USD")])
async def test_the_owner_is_told_the_scenario_and_the_shortfall(
    house: Any, grid: Any, lots: int, scenario: str
) -> None:
    # At the mark price, so that equity stays 10,000 dollars and the coin's 50.
    held = Holdings().with_public_cash(10_000 * DOLLAR)
    held = held.traded(PERPETUAL, Opening.fresh(lots), MicroUsd(-2 * DOLLAR))
    with pytest.raises(ShortOfMargin) as short:
        await prover(house).prove(Statement(held, grid), DIGEST)
    loss = Decimal("0.2") if lots > 0 else Decimal("0.25")
    assert short.value.scenario == scenario
    assert short.value.shortfall == 60_000 * (loss + Decimal("0.002")) - 10_000


async def test_an_account_without_positions_is_told_that_cash_is_short(house: Any, grid: Any) -> None:
    with pytest.raises(ShortOfMargin) as short:
        await prover(house).prove(Statement(Holdings().with_public_cash(-5 * DOLLAR), grid), DIGEST)
    assert short.value.shortfall == 5
    assert "cash" in short.value.scenario


async def test_the_report_and_the_prover_agree_on_the_edge_of_solvency(house: Any, grid: Any) -> None:
    # 1,000 lots bought at the mark need 0.202 dollars each.
    enough = Holdings().traded(PERPETUAL, Opening.fresh(1_000), MicroUsd(-2 * DOLLAR)).with_public_cash(202 * DOLLAR)
    assert report(enough, grid, None).slack == 0
    await prover(house).prove(Statement(enough, grid), DIGEST)
    short = enough.with_public_cash(-1)
    told = report(short, grid, None)
    assert told.slack == Decimal("-0.000001")
    assert told.deposit == 1
    with pytest.raises(ShortOfMargin):
        await prover(house).prove(Statement(short, grid), DIGEST)


def test_equity_counts_collateral_at_its_mark_without_haircut(grid: Any) -> None:
    held = Holdings().with_public_cash(-10 * DOLLAR).with_collateral(COIN, 5_000)
    assert report(held, grid, None).equity == 40


def test_the_distance_to_an_edge_is_how_far_the_maintenance_window_may_move(grid: Any) -> None:
    window = MarginWindow(1, 0, (UnderlyingWindow("BTC", 8_000 * 10**8, 12_500 * 10**8, 0, 0, 0, 0),), ())
    (edge,) = report(Holdings(), grid, window).edges
    # Maintenance reaches 9.5 % to either side: 8000 / 9050 and 12500 / 10950.
    assert edge.down_ppm == 116_022
    assert edge.up_ppm == 141_552


def test_what_crosses_to_a_worker_shows_no_secret() -> None:
    opening = Opening.fresh(123_456_789)
    plain = PlainOpening.of(opening)
    assert "123456789" not in repr(plain)
    assert plain.blinding.hex() not in repr(plain)
    assert plain.opening() == opening
