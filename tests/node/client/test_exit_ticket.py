"""Exit tickets: sealed for their wallet, whole or refused, and enough to prove what leaves."""

from dataclasses import replace
from pathlib import Path

import pytest

from circuits.pedersen import Opening
from node.client.errors import TicketInvalid
from node.client.exit_ticket import ExitTicket
from node.client.keystore import WalletSecrets
from node.client.signing import OwnerKey
from node.ledger.account import Account
from node.ledger.leaves import account_leaf, holding_hashes
from node.ledger.merkle import MerkleTree, leaf_hash
from node.ledger.types import AccountId, Address, AssetId, Digest, account_id
from tests.circuits.proofs import KEY
from tests.support.ledger import CHAINS, Setting, make_setting

SEED, OWNER = bytes(range(32)), OwnerKey(b"\6" * 32)
WALLET = WalletSecrets(SEED, OWNER.secret())
ETHER, COIN = AssetId(f"WETH@{CHAINS[0]}"), AssetId(f"WBTC@{CHAINS[1]}")


@pytest.fixture(scope="module")
def setting() -> Setting:
    return make_setting()


@pytest.fixture
def account(setting: Setting) -> Account:
    name = account_id(setting.house.deployment, OWNER.address, 0)
    return Account(name, OWNER.address, 0, bytes(32), CHAINS[0], version=3)


@pytest.fixture
def ticket(setting: Setting, account: Account) -> ExitTicket:
    cash, held = Opening.fresh(-5), {ETHER: Opening.fresh(1 << 39), COIN: Opening.public(7)}
    pairs = {name: KEY.commit(opening) for name, opening in held.items()}
    standing = replace(account, cash=KEY.commit(cash), collateral=pairs)
    leaf = account_leaf(setting.house.registry, standing)
    tree = MerkleTree.build({b"own": leaf_hash(leaf), b"other": Digest(b"\1" * 32)})
    vaults = {chain: Address(bytes([chain % 251]) * 20) for chain in CHAINS}
    house = setting.house
    return ExitTicket(
        *(house.deployment, KEY, house.registry, vaults, account.id, 9, tree.root),
        *(leaf, tree.path(b"own"), cash, held),
    )


def test_a_ticket_comes_back_as_it_was_saved(tmp_path: Path, ticket: ExitTicket):
    for number in (1, 9):
        replace(ticket, number=number).save(tmp_path / "ticket", SEED)
    kept = ExitTicket.load(tmp_path / "ticket", WALLET)
    assert kept == ticket
    assert kept.home_chain == CHAINS[0]
    assert (tmp_path / "ticket").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ticket"], "nothing is left beside it"


def test_a_ticket_tells_no_amount(tmp_path: Path, ticket: ExitTicket):
    ticket.save(tmp_path / "ticket", SEED)
    assert str(1 << 39) not in repr(ticket)
    assert str(1 << 39).encode() not in (tmp_path / "ticket").read_bytes()


def test_another_wallet_account_or_house_cannot_open_it(tmp_path: Path, ticket: ExitTicket):
    ticket.save(tmp_path / "ticket", SEED)
    for wallet, index in (
        (replace(WALLET, seed=bytes(32)), 0),
        (replace(WALLET, owner_key=b"\7" * 32), 0),
        (WALLET, 1),
    ):
        with pytest.raises(TicketInvalid, match="another wallet's"):
            ExitTicket.load(tmp_path / "ticket", wallet, index)


@pytest.mark.parametrize("place", [0, 31, 32, 52, 83, 84, 95, 96, 500, -1])
def test_a_changed_file_is_refused(tmp_path: Path, ticket: ExitTicket, place: int):
    path = tmp_path / "ticket"
    ticket.save(path, SEED)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(TicketInvalid):
        ExitTicket.load(path, WALLET)


@pytest.mark.parametrize("size", [0, 96, (1 << 20) + 1])
def test_a_file_of_no_tickets_length_is_refused(tmp_path: Path, size: int):
    (tmp_path / "ticket").write_bytes(bytes(size))
    with pytest.raises(TicketInvalid, match="no ticket"):
        ExitTicket.load(tmp_path / "ticket", WALLET)


@pytest.mark.parametrize(
    "change",
    [{"root": Digest(bytes(32))}, {"path": ()}, {"cash": Opening.public(1)}, {"account": AccountId(bytes(32))}],
)
def test_a_ticket_whose_parts_do_not_belong_together_is_refused(ticket: ExitTicket, change: dict[str, object]):
    ticket.check()
    with pytest.raises(TicketInvalid):
        replace(ticket, **change).check()


def test_a_holdings_place_is_the_ledgers(setting: Setting, ticket: ExitTicket, account: Account):
    pairs = {name: KEY.commit(opening) for name, opening in ticket.collateral.items()}
    hashes = holding_hashes(setting.house.registry, replace(account, collateral=pairs))
    for name in (ETHER, COIN):
        place = ticket.place(name)
        assert list(place.hashes) == hashes
        assert place.commitment == pairs[name]
        assert (
            hashes[place.place]
            == holding_hashes(setting.house.registry, replace(account, collateral={name: pairs[name]})).pop()
        )
    with pytest.raises(TicketInvalid, match="holds no"):
        ticket.place(AssetId(f"WETH@{CHAINS[2]}"))
