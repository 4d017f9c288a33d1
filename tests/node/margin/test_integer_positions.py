"""Half a lot: what the solvency rows would take, and the row of the position refuses."""

import json
from pathlib import Path

import pytest

from circuits.errors import WitnessInvalid
from circuits.group import ORDER, random_scalar
from circuits.linear import bind_statement
from circuits.opening import prove_opening
from circuits.pedersen import Opening
from circuits.range_prover import RangeProver
from circuits.solvency import KIND, SolvencyProof
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement
from circuits.transcript import Transcript
from node.margin import Commitments, MarginRejected, Market, Openings, verify_margin
from node.margin import proof as module
from node.margin.proof import KEY
from node.market.rows import compile_terms
from tests.circuits.test_integer_positions import HALF, Truncating

NAME = "BTC-PERP"
CASH = 10**6


@pytest.fixture(scope="module")
def even_market(examples: Path) -> Market:
    """A market in which half a lot has a whole value at both edges, and whole charges."""
    document = json.loads((examples / "market.json").read_text())
    while True:
        market = Market.parse("m.json", json.dumps(document).encode())
        exposure = compile_terms(market.grid, [NAME], []).exposures[0]
        charges = (exposure.closing_charge, market.grid.instrument(NAME).beyond.slippage)
        if not any(figure % 2 for figure in (*(v - exposure.gap_charge for v in exposure.values), *charges)):
            return market
        document["underlyings"][0]["price_e8_usd"] += 1000


class Forged:
    """Half a lot, or `quantity`, committed to, and a proof with the auxiliaries that suit it."""

    def __init__(self, market: Market, quantity: int, prover: type[RangeProver]) -> None:
        cash, position = Opening.fresh(CASH), Opening(quantity, random_scalar())
        self.commitments = Commitments.to(Openings(cash, {NAME: position}, {}), KEY)
        header = module._header(market, self.commitments, "", "commitments")
        statement = module._statement(market, market.grid, self.commitments, header)
        exposure = statement.terms.exposures[0]
        value = (min(exposure.values) - exposure.gap_charge) // 2 if quantity == HALF else 0
        values = [CASH, quantity, CASH + CASH_OFFSET >> LIMB_BITS, quantity, value, 0]
        openings = [cash, position, *(Opening(amount, random_scalar()) for amount in values[2:])]
        high, points = KEY.commit(openings[2]), tuple(KEY.commit(opening).c for opening in openings[3:])
        rows = solvency_statement(statement.terms)
        transcript = Transcript(KIND, statement.context, KEY.words())
        public = [self.commitments.cash, self.commitments.positions[NAME]]
        bind_statement(transcript, rows, [*public, high], points)
        amounts = [row.evaluate(values) % ORDER for row in rows.rows]
        shown = prover(KEY, rows.shape, amounts, [row.blinding(openings) for row in rows.rows], transcript).prove()
        proof = SolvencyProof(high, prove_opening(KEY, openings[2], high, statement.context), points, shown)
        pairs = zip(openings[:2], public, strict=True)
        known = b"".join(prove_opening(KEY, opening, shown, statement.context) for opening, shown in pairs)
        entries = module._published(market, self.commitments)
        self.proof = header + len(entries).to_bytes(4, "big") + entries + known + proof.encode()


def vouched(*arguments: object, **_: object) -> object:
    """The terms as a ledger would have them."""
    return compile_terms(*arguments)  # type: ignore[arg-type]


def test_the_solvency_rows_alone_would_take_half_a_lot(even_market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forger is able: it is the position's own row that stops it below."""
    monkeypatch.setattr(module, "compile_terms", vouched)
    forged = Forged(even_market, HALF, RangeProver)
    verify_margin(forged.proof, even_market, forged.commitments)


def test_half_a_lot_is_refused_without_a_ledger(even_market: Market) -> None:
    with pytest.raises(WitnessInvalid):
        Forged(even_market, HALF, RangeProver)
    forged = Forged(even_market, HALF, Truncating)
    with pytest.raises(MarginRejected, match="the margin rows"):
        verify_margin(forged.proof, even_market, forged.commitments)


def test_the_same_forger_passes_with_a_whole_number(even_market: Market) -> None:
    forged = Forged(even_market, 0, Truncating)
    verify_margin(forged.proof, even_market, forged.commitments)
