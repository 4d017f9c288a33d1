"""What an auditor believes: an account whose fields give a certified leaf, and nothing that is any different."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clearing.v1 import ledger_service_pb2
from typer.testing import CliRunner, Result

from circuits.auditor import AuditorSecret, Handle
from circuits.group import random_scalar
from circuits.pedersen import HANDLE_BASE, Commitment
from node.api.convert import account_proto, batch_reference
from node.api.convert_market import deployment_proto
from node.audit.cli import app
from node.audit.errors import FileInvalid, LeafInvalid
from node.audit.evidence import Evidence
from node.audit.keyfile import create_key, open_key
from node.chains import certificates
from node.chains.certificates import BatchCommitment
from node.client.errors import HouseUntrusted
from node.client.secret_files import ScryptCost
from node.ledger.leaves import account_leaf, state_tree
from node.ledger.types import AccountId
from node.ledger.wire import batch_hash, decode_batch
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, make_setting, make_trade

PASSWORD = "correct horse battery staple"
PERP = "BTC-PERP"
LOTS = 31_337


def certified(setting: Setting, body: bytes, signers: int = 3) -> bytes:
    """The certificate of a batch by the first `signers` validators."""
    batch, hub = decode_batch(body), setting.house.deployment
    commitment = BatchCommitment(batch.number, batch.previous_root, batch.new_root, batch_hash(body))
    digest = certificates.batch_digest(hub.hub_chain_id, hub.hub, commitment)
    signed = {key.address: key.sign_digest(digest) for key in setting.keys[:signers]}
    return certificates.assemble(digest, setting.house.validators, signed, signers).encode()


def evidence_of(clearing: Clearing, account: AccountId, signers: int = 3) -> Evidence:
    """What a node answers about an account after the last batch."""
    house, state = clearing.house, clearing.state
    held, tree = state.accounts[account], state_tree(house, state)
    leaf = ledger_service_pb2.GetLeafProofResponse(
        leaf=account_leaf(house.registry, held),
        path=tree.path(account),
        as_of=batch_reference(state),
        account=account_proto(house, state, held),
    )
    batch = ledger_service_pb2.GetBatchResponse(
        number=state.number,
        body=clearing.body,
        batch_hash=batch_hash(clearing.body),
        root=state.root,
        certificate=certified(clearing.setting, clearing.body, signers),
    )
    return Evidence(deployment_proto(house, ()), leaf, batch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("auditor")
    for name in ("auditor.key", "stranger.key"):
        create_key(made / name, PASSWORD, ScryptCost(n=1 << 10))
    return made


@pytest.fixture(scope="module")
def desk(setting: Setting) -> Trader:
    return Trader(setting)


@pytest.fixture(scope="module")
def setting() -> Setting:
    return make_setting()


@pytest.fixture(scope="module")
def clearing(setting: Setting, desk: Trader, folder: Path) -> Clearing:
    """An audited account with cash, a position, ether and a credit that waits."""
    other = Trader(setting)
    made = Clearing.start(setting, desk, other)
    for trader in (desk, other):
        made.deposit(trader.id, 31337, "USD", 90_000 * USD)
    made.deposit(desk.id, 31338, "WETH", 777)
    made.accept(make_trade(made.state, desk, other, PERP, LOTS, 800_000), blocks=0)
    made.accept(desk.set_auditor(made.state, secret(folder)), blocks=0)
    made.deposit(desk.id, 31339, "WBTC", 5)
    return made


def secret(folder: Path) -> AuditorSecret:
    return open_key(folder / "auditor.key", PASSWORD)


@pytest.fixture
def evidence(clearing: Clearing, desk: Trader) -> Evidence:
    """A copy of its own for each test."""
    return evidence_of(clearing, desk.id)


def test_what_the_house_certified_is_believed(clearing: Clearing, desk: Trader, evidence: Evidence) -> None:
    shown = evidence.shown(desk.id, bytes(evidence.deployment.house_digest))
    evidence.require_certified(shown)
    assert shown.account == clearing.account(desk)
    assert (shown.batch, shown.root) == (clearing.state.number, clearing.state.root)


def moved(commitment: bytes) -> bytes:
    return (Commitment.decode(commitment) + Commitment.public(1)).encode()


def set_to(place: Callable[[Any], Any], name: str, value: Any) -> Callable[[Any], None]:
    """Sets a field of a part of the account."""

    def change(account: Any) -> None:
        part = place(account)
        setattr(part, name, value(getattr(part, name)) if callable(value) else value)

    return change


STRAY = Handle(HANDLE_BASE * random_scalar()).encode()
LIES: dict[str, Callable[[Any], None]] = {
    "cash": set_to(lambda a: a, "cash", moved),
    "a position": set_to(lambda a: a.positions[0], "commitment", moved),
    "a position's name": set_to(lambda a: a.positions[0], "instrument", "ETH-PERP"),
    "collateral": set_to(lambda a: a.collateral[0], "commitment", moved),
    "a limb": set_to(lambda a: a.limbs, "high", moved),
    "what moved since": set_to(lambda a: a.limbs, "public_since", 1),
    "a credit": set_to(lambda a: a.inbox[0], "amount", 6),
    "the auditor": set_to(lambda a: a.audit, "auditor", STRAY),
    "the handle of cash": set_to(lambda a: a.audit, "cash", STRAY),
    "a position's handle": set_to(lambda a: a.audit.positions[0], "handle", STRAY),
    "a limb's handle": set_to(lambda a: a.audit, "high", STRAY),
    "a lost handle": lambda a: a.audit.positions.pop(),
    "no auditor": lambda a: a.ClearField("audit"),
    "the version": set_to(lambda a: a, "version", 99),
    "the status": set_to(lambda a: a, "status", 3),
    "the home chain": set_to(lambda a: a, "home_chain", 31340),
    "a proposer": lambda a: a.proposers_since_call.append(bytes(20)),
    "an exit": lambda a: a.exits.CopyFrom(type(a.exits)(proven=1, last=1)),
    "no window": lambda a: a.ClearField("window"),
    "what does not decode": set_to(lambda a: a, "cash", bytes(96)),
    "no status": set_to(lambda a: a, "status", 0),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_any_field_is_found(desk: Trader, evidence: Evidence, name: str) -> None:
    LIES[name](evidence.leaf.account)
    with pytest.raises(LeafInvalid):
        evidence.shown(desk.id, None)


def test_another_account_or_house_is_refused(desk: Trader, evidence: Evidence) -> None:
    with pytest.raises(LeafInvalid, match="account"):
        evidence.shown(AccountId(bytes(32)), None)
    with pytest.raises(HouseUntrusted):
        evidence.shown(desk.id, bytes(32))


def test_a_path_to_another_root_is_refused(desk: Trader, evidence: Evidence) -> None:
    for change in (
        lambda leaf: leaf.path.pop(),
        lambda leaf: leaf.path.append(bytes(32)),
        lambda leaf: setattr(leaf.as_of, "root", bytes(32)),
        lambda leaf: leaf.path.extend([bytes(32)] * 65),
    ):
        copy = ledger_service_pb2.GetLeafProofResponse()
        copy.CopyFrom(evidence.leaf)
        change(copy)
        with pytest.raises(LeafInvalid, match="path"):
            Evidence(evidence.deployment, copy, evidence.batch).shown(desk.id, None)


def test_a_root_that_too_few_signed_is_refused(clearing: Clearing, desk: Trader) -> None:
    evidence = evidence_of(clearing, desk.id, signers=2)
    with pytest.raises(LeafInvalid, match="certificate"):
        evidence.require_certified(evidence.shown(desk.id, None))


def test_a_batch_or_certificate_of_something_else_is_refused(
    clearing: Clearing, desk: Trader, evidence: Evidence, setting: Setting
) -> None:
    shown = evidence.shown(desk.id, None)
    earlier = clearing.propose(blocks=4).batch
    for changes in (
        {"body": b""},
        {"body": clearing.body[:-1]},
        {"certificate": b"\1"},
        {"certificate": evidence.batch.certificate[:-1] + b"\1"},
        {"certificate": certified(make_setting(), clearing.body)},
    ):
        batch = ledger_service_pb2.GetBatchResponse()
        batch.CopyFrom(evidence.batch)
        for name, value in changes.items():
            setattr(batch, name, value)
        with pytest.raises(LeafInvalid):
            Evidence(evidence.deployment, evidence.leaf, batch).require_certified(shown)
    assert earlier.new_root != shown.root


def test_evidence_survives_a_file(evidence: Evidence, desk: Trader, tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    evidence.save(path)
    again = Evidence.load(path)
    again.require_certified(again.shown(desk.id, None))
    for text in ("", "[]", "{}", json.dumps({"format": 2}), path.read_text().replace("leaf", "path"), '{"format": 1}'):
        path.write_text(text)
        with pytest.raises(FileInvalid):
            Evidence.load(path)


# The command, with a file in place of a node


def opened(folder: Path, evidence: Evidence, *options: str, key: str = "auditor.key") -> Result:
    evidence.save(folder / "kept.json")
    given = ["open", "--key", str(folder / key), "--leaf", str(folder / "kept.json"), *options]
    given += ["--table", str(folder / "table")]
    return CliRunner().invoke(app, given, env={"ZKCLEAR_PASSWORD": PASSWORD})


def test_the_auditor_is_shown_what_the_owner_knows(folder: Path, evidence: Evidence, desk: Trader) -> None:
    told = opened(folder, evidence, "--json")
    assert told.exit_code == 0, told.output
    read = json.loads(told.output)
    held = desk.holdings
    assert read["cash_micro_usd"] == held.cash.value
    assert read["positions"] == {PERP: LOTS}
    assert read["collateral"] == {name: opening.value for name, opening in held.collateral.items()}
    assert read["waiting"] == [{"asset": "WBTC@31339", "amount": 5}]
    words = opened(folder, evidence).output
    assert f"cash {held.cash.value} micro-dollars" in words
    assert f"{PERP} {LOTS}" in words


def test_another_key_is_told_so_and_nothing_else(folder: Path, evidence: Evidence, desk: Trader) -> None:
    for options in ((), ("--json",)):
        told = opened(folder, evidence, *options, key="stranger.key")
        assert told.exit_code == 1
        assert "WrongKey" in told.output
        assert str(LOTS) not in told.output
        assert str(desk.holdings.cash.value) not in told.output


def test_a_lie_is_told_before_the_key_is_opened(folder: Path, evidence: Evidence) -> None:
    LIES["the handle of cash"](evidence.leaf.account)
    told = opened(folder, evidence, "--json")
    assert told.exit_code == 1
    assert json.loads(told.output)["error"] == "LeafInvalid"


@pytest.mark.parametrize(
    "options",
    [
        ("--account", "xyz"),
        ("--account", "00"),
        ("--house", "00"),
        ("--node", "127.0.0.1:1", "--account", "00" * 32),
    ],
)
def test_arguments_that_cannot_be_used_are_named(folder: Path, evidence: Evidence, options: tuple[str, ...]) -> None:
    told = opened(folder, evidence, *options)
    assert told.exit_code == 1
    assert "ArgumentInvalid" in told.output


def test_a_wrong_password_is_told(folder: Path, evidence: Evidence) -> None:
    evidence.save(folder / "kept.json")
    given = ["open", "--key", str(folder / "auditor.key"), "--leaf", str(folder / "kept.json")]
    told = CliRunner().invoke(app, given, env={"ZKCLEAR_PASSWORD": "wrong"})
    assert told.exit_code == 1
    assert "WrongPassword" in told.output


def test_a_hub_that_does_not_answer_vouches_for_nothing(folder: Path, evidence: Evidence) -> None:
    told = opened(folder, evidence, "--json", "--hub-rpc", "http://127.0.0.1:9")
    assert told.exit_code == 1
    assert json.loads(told.output)["error"] == "LeafInvalid"
    assert "hub" in json.loads(told.output)["reason"]
