"""`zkclear exit` without a chain: what it tells of a ticket, what it refuses. tests/e2e/test_exit.py leaves with it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from circuits.pedersen import Opening
from node.client.exit_ticket import ExitTicket
from node.client.keystore import ScryptCost, WalletSecrets, create_keystore, open_keystore
from node.client.signing import OwnerKey
from node.exit_cli import app
from node.ledger.account import Account
from node.ledger.leaves import account_leaf
from node.ledger.merkle import MerkleTree, leaf_hash
from node.ledger.types import Address, AssetId, Digest, account_id
from tests.circuits.proofs import KEY
from tests.support.ledger import CHAINS, make_setting

PASSWORD = "correct horse battery staple"
USD, ETHER = f"USD@{CHAINS[0]}", AssetId(f"WETH@{CHAINS[0]}")
NOWHERE = "http://127.0.0.1:9"
OTHERS = {"show": ("--chain", str(CHAINS[0]), "--hub-rpc", NOWHERE), "finish": ("--asset", USD)}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a keystore and a ticket of 250 dollars and 9,000 units of ether."""
    folder, wallet, house = tmp_path_factory.mktemp("owner"), WalletSecrets.generate(), make_setting().house
    address = OwnerKey(wallet.owner_key).address
    cash, held = Opening.fresh(250_000_000), {ETHER: Opening.fresh(9_000)}
    pairs = {name: KEY.commit(opening) for name, opening in held.items()}
    name = account_id(house.deployment, address, 0)
    account = Account(name, address, 0, bytes(32), CHAINS[0], cash=KEY.commit(cash), collateral=pairs)
    leaf = account_leaf(house.registry, account)
    tree = MerkleTree.build({b"own": leaf_hash(leaf), b"other": Digest(b"\1" * 32)})
    vaults = {CHAINS[0]: Address(b"\7" * 20)}
    ticket = ExitTicket(
        *(house.deployment, KEY, house.registry, vaults, name, 9, tree.root),
        *(leaf, tree.path(b"own"), cash, held),
    )
    ticket.save(folder / "ticket", wallet.seed)
    create_keystore(folder / "keystore", PASSWORD, wallet, ScryptCost(n=1 << 10))
    return folder


def command(owner: Path, name: str, *options: str, password: str = PASSWORD) -> Result:
    files = ("--keystore", str(owner / "keystore"), "--ticket", str(owner / "ticket"))
    return CliRunner().invoke(app, [name, *files, *options], env={"ZKCLEAR_PASSWORD": password})


def request(owner: Path, asset: str, units: str, *options: str) -> Result:
    return command(owner, "request", "--asset", asset, "--units", units, "--rpc", NOWHERE, *options)


def test_the_owner_is_told_what_the_ticket_holds(owner: Path):
    address = OwnerKey(open_keystore(owner / "keystore", PASSWORD).owner_key).address
    told = command(owner, "ticket")
    assert told.exit_code == 0
    assert f"after batch 9, owner 0x{address.hex()}" in told.output
    assert f"cash 250000000 micro-dollars, to be taken on chain {CHAINS[0]}" in told.output
    assert f"{ETHER} 9000" in told.output


def test_nobody_else_is(owner: Path):
    for told in (command(owner, "ticket", password="wrong"), command(owner, "ticket", "--index", "1")):
        assert told.exit_code == 1
        assert "250000000" not in told.output
        assert "9000" not in told.output


@pytest.mark.parametrize(
    ("asset", "units", "reason"),
    [
        (USD, "250000001", "WitnessInvalid"),
        (ETHER, "9001", "WitnessInvalid"),
        (f"WBTC@{CHAINS[0]}", "1", "holds no WBTC"),
        (f"USD@{CHAINS[1]}", "1", f"no vault on chain {CHAINS[1]}"),
        ("GOLD@1", "1", "UnknownInstrument"),
    ],
)
def test_what_the_account_does_not_have_is_refused_before_a_chain_is_asked(
    owner: Path, asset: str, units: str, reason: str
):
    refused = request(owner, asset, units)
    assert refused.exit_code == 1
    assert reason in refused.output


@pytest.mark.parametrize("to", ["0x12", "mine", "0x" + "gg" * 20])
def test_a_recipient_must_be_an_address(owner: Path, to: str):
    refused = request(owner, USD, "1", "--to", to)
    assert refused.exit_code == 2
    assert "no address" in refused.output


@pytest.mark.parametrize("units", ["0", "-1", "1.5"])
def test_amounts_are_positive_whole_units(owner: Path, units: str):
    assert request(owner, USD, units).exit_code == 2


@pytest.mark.parametrize("name", ["show", "request", "finish"])
def test_a_chain_that_cannot_be_reached_is_named(owner: Path, name: str):
    options = OTHERS.get(name, ("--asset", USD, "--units", "1"))
    refused = command(owner, name, "--rpc", NOWHERE, *options)
    assert refused.exit_code == 1
    assert f"ExitFailed: exit on chain {CHAINS[0]}" in refused.output
