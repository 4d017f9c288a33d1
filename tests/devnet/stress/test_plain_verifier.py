"""The verifier that is told openings: it accepts what a proof could be made for, nothing else; no node can have it."""

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from circuits.errors import ClaimsRejected, Insolvent
from circuits.opening import OpeningClaim
from circuits.pedersen import Commitment, Opening
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
)
from devnet.stress.plain_verifier import PlainVerifier, high_limb
from node.cli import app as node_app
from node.config import NodeConfig, load_config
from node.errors import ConfigInvalid
from node.ledger import claims
from tests.circuits.proofs import CONTEXT, KEY

ROOT = Path(__file__).parents[3]
TERMS = SolvencyTerms(
    (2, 2),
    (
        Exposure(0, (-900, 1100), 3, 5, 0, 2, True),
        Exposure(1, (-2000, 2500), 0, 9, 60, 0, True),
        Exposure(1, (95_000, 120_000), 500, 0, 0, 0, False),
    ),
    True,
)
QUANTITIES = (1000, -40, 25)
LEAST_CASH = -(evaluate_solvency(TERMS, 0, QUANTITIES) // 1000)


def witness_of(cash: int, quantities: tuple[int, ...] = QUANTITIES, trade: int = -7) -> SolvencyWitness:
    return SolvencyWitness(Opening.fresh(cash), tuple(map(Opening.fresh, quantities)), Opening.fresh(trade))


def claim_of(witness: SolvencyWitness, high: Opening) -> SolvencyClaim:
    """A claim over the witness's commitments with `high` for its limb; the proof is another account's."""
    assert witness.trade is not None
    inputs = SolvencyInputs(
        KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), KEY.commit(witness.trade)
    )
    return SolvencyClaim(TERMS, inputs, replace(OTHER, high=KEY.commit(high)), CONTEXT)


def prove(witness: SolvencyWitness) -> None:
    assert witness.trade is not None
    inputs = SolvencyInputs(
        KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), KEY.commit(witness.trade)
    )
    prove_solvency(KEY, TERMS, inputs, witness, CONTEXT)


def other_proof():
    witness = witness_of(LEAST_CASH)
    assert witness.trade is not None
    inputs = SolvencyInputs(
        KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), KEY.commit(witness.trade)
    )
    return prove_solvency(KEY, TERMS, inputs, witness, CONTEXT)


OTHER = other_proof()


def accepts(claim: SolvencyClaim | OpeningClaim, *told: Opening) -> bool:
    verifier = PlainVerifier(KEY.commit)
    verifier.tell(told)
    try:
        verifier.check((claim,))
    except ClaimsRejected:
        return False
    return True


@given(st.integers(-3, 3), st.integers(-40, 40), st.integers(-2000, 2000))
@settings(max_examples=15)
def test_what_it_accepts_is_what_a_proof_can_be_made_for(above: int, future: int, perpetual: int) -> None:
    quantities = (perpetual, future, 25)
    witness = witness_of(-(evaluate_solvency(TERMS, 0, quantities) // 1000) + above, quantities)
    high = Opening.fresh(high_limb(witness.cash.value))
    accepted = accepts(claim_of(witness, high), *witness.openings, high)
    try:
        prove(witness)
    except Insolvent:
        assert not accepted
    else:
        assert accepted


def test_a_claim_over_a_commitment_that_it_was_not_told_is_rejected() -> None:
    witness = witness_of(LEAST_CASH)
    high = Opening.fresh(high_limb(LEAST_CASH))
    told = (*witness.openings, high)
    assert accepts(claim_of(witness, high), *told)
    for missing in range(len(told)):
        assert not accepts(claim_of(witness, high), *told[:missing], *told[missing + 1 :])


def test_a_lie_about_an_opening_does_not_help() -> None:
    poor, rich = witness_of(LEAST_CASH - 1), witness_of(LEAST_CASH + 10**9)
    high = Opening.fresh(high_limb(poor.cash.value))
    lie = replace(rich.cash, blinding=poor.cash.blinding)
    assert not accepts(claim_of(poor, high), lie, *poor.openings[1:], high)


def test_a_wrong_limb_of_cash_is_rejected() -> None:
    witness = witness_of(LEAST_CASH)
    high = Opening.fresh(high_limb(LEAST_CASH) + 1)
    assert not accepts(claim_of(witness, high), *witness.openings, high)


def test_a_trade_beyond_its_bound_is_rejected() -> None:
    witness = witness_of(LEAST_CASH, trade=1 << 31)
    high = Opening.fresh(high_limb(LEAST_CASH))
    assert not accepts(claim_of(witness, high), *witness.openings, high)


def test_an_opening_claim_needs_the_opening() -> None:
    opening = Opening.fresh(5)
    claim = OpeningClaim(KEY.commit(opening), bytes(160), CONTEXT)
    assert accepts(claim, opening)
    assert not accepts(claim)
    assert not accepts(claim, Opening.fresh(5))


def test_what_was_forgotten_is_rejected_again() -> None:
    verifier = PlainVerifier(KEY.commit)
    verifier.tell((Opening.public(3),))
    claim = OpeningClaim(Commitment.public(3), bytes(160), CONTEXT)
    verifier.check((claim,))
    verifier.forget()
    with pytest.raises(ClaimsRejected):
        verifier.check((claim,))


def test_the_rejected_claims_are_named() -> None:
    verifier = PlainVerifier(KEY.commit)
    verifier.tell((Opening.public(3),))
    told, other = (OpeningClaim(Commitment.public(value), bytes(160), CONTEXT) for value in (3, 4))
    with pytest.raises(ClaimsRejected) as caught:
        verifier.check((told, other, told, other))
    assert caught.value.indices == (1, 3)


def node_sources() -> list[Path]:
    return [path for path in sorted((ROOT / "node").rglob("*.py")) if "stubs" not in path.relative_to(ROOT).parts]


def test_a_running_node_has_loaded_nothing_of_the_laboratory() -> None:
    asked = "import sys, node.cli, node.wiring, node.daemon; print([m for m in sys.modules if m.startswith('devnet')])"
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == "[]"


def test_no_module_of_the_node_imports_by_a_name_that_could_be_configured() -> None:
    for path in node_sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in ("devnet", "runpy", "pkgutil") for name in names), path
            assert not {"import_module", "importlib.util", "importlib.machinery", "entry_points"} & set(names), path
            assert not (isinstance(node, ast.Attribute) and node.attr in ("import_module", "entry_points")), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("__import__", "eval", "exec"), path


def test_a_node_makes_its_verifiers_itself_and_of_the_ledgers_kinds_alone() -> None:
    """Where a verifier is passed on, it is one that the same function made, or the one that it was given."""
    known = {"CollectingVerifier", "TrustingVerifier", "InlineVerifier"}
    assert known == {name for name, kind in vars(claims).items() if _is_verifier(kind)}
    made = set()
    for path in node_sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("execute", "assemble")
            ):
                last = node.args[-1]
                called = isinstance(last, ast.Call) and isinstance(last.func, ast.Name)
                made.add(last.func.id if called else getattr(last, "id", ast.dump(last)))
    assert made <= known | {"verifier"}
    assert "TrustingVerifier" in made


def _is_verifier(kind: object) -> bool:
    return isinstance(kind, type) and hasattr(kind, "check") and kind is not claims.Verifier


@pytest.mark.parametrize("name", ["verifier", "proof_verifier", "claim_verifier", "plain_verifier"])
def test_a_configuration_that_names_a_verifier_is_refused(tmp_path: Path, name: str) -> None:
    assert not any("verifier" in field for field in NodeConfig.model_fields)
    path = tmp_path / "node.toml"
    path.write_text(f'feed_chain = 1\nchains = []\npeers = []\n{name} = "devnet.stress.plain_verifier"\n')
    with pytest.raises(ConfigInvalid) as caught:
        load_config(path)
    assert name in str(caught.value)


def test_an_environment_that_names_a_verifier_changes_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "node.toml"
    path.write_text("feed_chain = 1\nchains = []\npeers = []\n")
    before = load_config(path)
    monkeypatch.setenv("ZKCLEAR_VERIFIER", "devnet.stress.plain_verifier")
    assert load_config(path) == before


@pytest.mark.parametrize("option", ["--verifier", "--plain-verifier"])
def test_the_command_line_of_a_node_has_no_such_option(tmp_path: Path, option: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text("")
    shown = CliRunner().invoke(node_app, ["run", "--config", str(path), option, "plain"])
    assert shown.exit_code == 2
    assert "No such option" in shown.output
