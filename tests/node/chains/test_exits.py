"""Forced exits on a real chain, with real proofs: what a vault pays without the house, and everything it refuses."""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from circuits.errors import WitnessInvalid
from circuits.group import Scalar, random_scalar
from circuits.pedersen import Commitment, Opening
from devnet.anvil import DEV_KEYS, Anvil
from node.chains import calls
from node.chains.calls import VaultReader
from node.chains.certificates import BatchCommitment, PayAction
from node.chains.deploy import ListedToken, deploy_vault
from node.chains.errors import TransactionReverted
from node.chains.events import CheckpointRelayed, Exited, ExitRequested
from node.chains.relayer import Receipt, Relayer
from node.chains.rpc import connect, disconnect, request
from node.client.exit_proof import Exit, ExitProof, HoldingPlace, encode_finish, encode_request, prove_exit
from node.ledger.account import Account
from node.ledger.leaves import account_leaf, holding_hashes
from node.ledger.merkle import MerkleTree, leaf_hash
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, Status
from node.market.instruments import Registry
from node.market.listing import standard_asset
from tests.circuits.proofs import KEY
from tests.node.chains.conftest import CHAIN_ID, CHALLENGE, EXIT_AFTER, WETH_UNIT, House, build_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
TO = Address(b"\x77" * 20)
ABROAD = CHAIN_ID + 1
USD, ETHER = f"USD@{CHAIN_ID}", AssetId(f"WETH@{CHAIN_ID}")
HELD, CASH = 60_000, 5_000_000


@dataclass
class Owner:
    """An account in a tree of its own, and the ways to take it out."""

    house: House
    registry: Registry
    account: Account
    openings: Mapping[str, Opening]
    cash: Opening
    number: int = 0
    tree: MerkleTree = field(init=False)

    @property
    def leaf(self) -> bytes:
        return account_leaf(self.registry, self.account)

    def token(self, asset: str) -> Address:
        return Address(self.registry.asset(asset).token)

    async def relay(self, number: int, sender: Relayer | None = None, **changes: Any) -> Receipt:
        """Relay a certificate for a tree that has the account and seven strangers."""
        strangers = {bytes([i]): Digest(secrets.token_bytes(32)) for i in range(7)}
        self.tree = MerkleTree.build({**strangers, b"own": leaf_hash(self.leaf)})
        self.number = number
        batch = BatchCommitment(number, b"\5" * 32, self.tree.root, b"\6" * 32)
        certificate = self.house.batch_certificate(replace(batch, **changes))
        data = calls.encode_checkpoint(batch, self.house.signers, certificate)
        return await (sender or self.house.relayer).send(self.house.vault.vault, data)

    def exit(self, asset: str, units: int) -> Exit:
        vault = Address(self.house.vault.vault)
        return Exit(CHAIN_ID, vault, self.account.id, self.token(asset), units, TO, self.tree.root)

    def prove(self, leaving: Exit, asset: str) -> ExitProof:
        opening = None if asset == USD else self.openings[asset]
        return prove_exit(KEY, self.house.deployment, leaving, self.cash, opening)

    def place(self, asset: str) -> HoldingPlace | None:
        if asset == USD:
            return None
        held, hashes = self.account.collateral[AssetId(asset)], holding_hashes(self.registry, self.account)
        return HoldingPlace(held, sorted(self.account.collateral).index(AssetId(asset)), tuple(hashes))

    def calldata(self, asset: str, units: int, **changes: Any) -> bytes:
        """An honest request, but for the `changes`."""
        leaving = changes.get("proven", self.exit(asset, units))
        parts = {
            "leaf": self.leaf,
            "path": self.tree.path(b"own"),
            "holding": self.place(asset),
            "proof": changes["proof"] if "proof" in changes else self.prove(leaving, asset),
            "leaving": self.exit(asset, units),
        }
        return encode_request(**{**parts, **{name: value for name, value in changes.items() if name in parts}})

    async def request(self, asset: str, units: int, sender: Relayer | None = None, **changes: Any) -> Receipt:
        data = self.calldata(asset, units, **changes)
        return await (sender or self.house.trader).send(self.house.vault.vault, data)

    async def finish(self, asset: str) -> Receipt:
        data = encode_finish(self.account.id, self.token(asset))
        return await self.house.relayer.send(self.house.vault.vault, data)

    async def refused(self, asset: str, units: int, **changes: Any) -> str:
        """Why the vault refuses a request."""
        with pytest.raises(TransactionReverted) as caught:
            await self.request(asset, units, **changes)
        return caught.value.reason


async def reason_of(sending: Any) -> str:
    with pytest.raises(TransactionReverted) as caught:
        await sending
    return caught.value.reason


async def later(house: House, seconds: int) -> None:
    await request(house.w3, "evm_increaseTime", seconds)
    await house.anvil.mine()


def opened(value: int, blinding: Scalar | None = None) -> Opening:
    return Opening(value, blinding or random_scalar())


def make_owner(house: House, **changes: Any) -> Owner:
    """An account of the trader's with hidden cash, hidden ether here and hidden coins abroad."""
    assets = [
        standard_asset(CHAIN_ID, house.tokens.usd, "USD"),
        standard_asset(CHAIN_ID, house.tokens.weth, "WETH"),
        standard_asset(ABROAD, house.tokens.weth, "WETH"),
        standard_asset(ABROAD, house.tokens.usd, "USD"),
    ]
    registry = Registry(("ETH",), (), tuple(assets))
    cash = changes.pop("cash", None) or opened(CASH)
    openings = {ETHER: opened(HELD), f"WETH@{ABROAD}": opened(90_000)}
    account = Account(
        AccountId(secrets.token_bytes(32)),
        Address(house.trader.address),
        0,
        bytes(32),
        CHAIN_ID,
        version=7,
        cash=KEY.commit(cash),
        collateral={AssetId(name): KEY.commit(opening) for name, opening in openings.items()},
    )
    return Owner(house, registry, replace(account, **changes), openings, cash)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house whose vault holds what the owners here may take."""
    async with Anvil(CHAIN_ID, tmp_path_factory.mktemp("anvil") / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        try:
            built = await build_house(anvil, w3, leaving=True)
            await built.deposit(built.tokens.usd, 100 * CASH)
            await built.deposit(built.tokens.weth, 100 * HELD * WETH_UNIT)
            yield built
        finally:
            await disconnect(w3)


async def next_number(house: House) -> int:
    return await calls.read(house.w3, house.vault.vault, "newest_batch", (), (), "uint256") + 1


@pytest_asyncio.fixture(loop_scope="module")
async def owner(house: House) -> Owner:
    """An owner whose account is in the newest checkpoint, since which the house stands still."""
    made = make_owner(house)
    await made.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    return made


# What is paid.


async def test_an_owner_takes_collateral_and_cash_without_the_house(house: House, owner: Owner) -> None:
    for asset, units, base in ((ETHER, 45_000, 45_000 * WETH_UNIT), (USD, CASH, CASH)):
        token, before = owner.token(asset), await house.balance(owner.token(asset), TO)
        (asked,) = house.events(await owner.request(asset, units))
        assert isinstance(asked, ExitRequested)
        assert (asked.account, asked.token, asked.to) == (owner.account.id, token, TO)
        assert (asked.amount, asked.number) == (units, owner.number)
        await later(house, CHALLENGE)
        (paid,) = house.events(await owner.finish(asset))
        assert isinstance(paid, Exited)
        assert (paid.account, paid.token, paid.to) == (owner.account.id, token, TO)
        assert (paid.amount, paid.version) == (base, 7)
        assert await house.balance(token, TO) == before + base


async def test_public_balances_are_proven_alike(house: House) -> None:
    owner = make_owner(house, cash=Opening.public(CASH))
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    await owner.request(USD, CASH)
    await later(house, CHALLENGE)
    await owner.finish(USD)


async def test_an_account_that_was_called_may_leave(house: House) -> None:
    owner = make_owner(house, status=Status.CALLED)
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    await owner.request(USD, 1)


async def test_a_checkpoint_is_the_hubs_own_calldata(house: House) -> None:
    owner, number = make_owner(house), await next_number(house)
    (told,) = house.events(await owner.relay(number))
    assert isinstance(told, CheckpointRelayed)
    assert (told.number, told.root) == (number, owner.tree.root)
    assert await VaultReader(house.w3, house.vault.vault).checkpoint() == number
    assert await reason_of(owner.relay(number)) == "not newer than the last checkpoint"


async def test_anyone_may_relay_a_checkpoint(house: House) -> None:
    stranger = Relayer(house.w3, DEV_KEYS[5], CHAIN_ID, poll_interval=0.005)
    assert stranger.address not in {*house.signers, house.trader.address}
    number = await next_number(house)
    (told,) = house.events(await make_owner(house).relay(number, stranger))
    assert told.number == number


async def test_anyone_can_look_up_the_stated_times_and_the_verifier(house: House) -> None:
    vault = house.vault.vault
    assert await calls.read(house.w3, vault, "EXIT_AFTER", (), (), "uint256") == EXIT_AFTER
    assert await calls.read(house.w3, vault, "CHALLENGE", (), (), "uint256") == CHALLENGE
    assert await calls.read(house.w3, vault, "VERIFIER", (), (), "address") == house.exits.verifier


@pytest.mark.parametrize(
    "changes", [{"new_root": b"\1" * 32}, {"previous_root": b"\1" * 32}, {"batch_hash": b"\1" * 32}, {"epoch": 1}]
)
async def test_a_checkpoint_other_than_the_certified_is_refused(house: House, changes: dict[str, Any]) -> None:
    owner, number = make_owner(house), await next_number(house)
    assert await reason_of(owner.relay(number, **changes)) == "a signature is not its signer's"


# Who, when and how often.


async def test_each_token_leaves_once(house: House, owner: Owner) -> None:
    await owner.request(USD, 1)
    await later(house, CHALLENGE)
    await owner.finish(USD)
    assert await reason_of(owner.finish(USD)) == "no such request"
    assert await owner.refused(USD, 1) == "the account has taken this token"
    await owner.relay(owner.number + 1)
    await later(house, EXIT_AFTER)
    assert await owner.refused(USD, 1) == "the account has taken this token", "nor by a newer checkpoint"
    await owner.request(ETHER, HELD)


async def test_nobody_leaves_while_the_house_lives(house: House) -> None:
    owner = make_owner(house)
    await owner.relay(await next_number(house))
    assert await owner.refused(USD, 1) == "a checkpoint was relayed too recently"
    await later(house, EXIT_AFTER - 60)
    assert await owner.refused(USD, 1) == "a checkpoint was relayed too recently"


async def test_a_newer_checkpoint_voids_a_request(house: House, owner: Owner) -> None:
    await owner.request(USD, 1)
    await owner.relay(owner.number + 1)
    await later(house, CHALLENGE)
    assert await reason_of(owner.finish(USD)) == "a newer batch was seen"


async def test_a_payment_of_a_newer_batch_voids_requests_and_makes_the_checkpoint_outdated(
    house: House, owner: Owner, action_id: bytes
) -> None:
    await owner.request(USD, 1)
    await house.pay(PayAction(action_id, house.tokens.usd, TO, 1, owner.number + 1))
    await later(house, CHALLENGE)
    assert await reason_of(owner.finish(USD)) == "a newer batch was seen"
    assert await owner.refused(ETHER, 1) == "a newer batch was seen"
    await owner.relay(owner.number + 1)
    await later(house, EXIT_AFTER)
    await owner.request(ETHER, 1)


async def test_a_payment_of_the_checkpoints_batch_is_no_news(house: House, owner: Owner, action_id: bytes) -> None:
    await owner.request(USD, 1)
    await house.pay(PayAction(action_id, house.tokens.usd, TO, 1, owner.number))
    await later(house, CHALLENGE)
    await owner.finish(USD)


async def test_a_request_waits_for_challenges(house: House, owner: Owner) -> None:
    await owner.request(USD, 1)
    await later(house, CHALLENGE - 60)
    assert await reason_of(owner.finish(USD)) == "the request can still be challenged"


async def test_a_second_request_replaces_the_first_and_waits_anew(house: House, owner: Owner) -> None:
    await owner.request(USD, 5)
    await later(house, CHALLENGE)
    await owner.request(USD, 9)
    assert await reason_of(owner.finish(USD)) == "the request can still be challenged"
    await later(house, CHALLENGE)
    (paid,) = house.events(await owner.finish(USD))
    assert paid.amount == 9


async def test_only_the_owner_may_ask(house: House, owner: Owner) -> None:
    assert await owner.refused(USD, 1, sender=house.relayer) == "only the account's owner"


async def test_a_vault_that_is_short_keeps_the_request(house: House) -> None:
    owner = make_owner(house, cash=opened(10**12))
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    await owner.request(USD, 10**12)
    await later(house, CHALLENGE)
    assert await reason_of(owner.finish(USD)) == "the token refused the transfer"
    await house.deposit(house.tokens.usd, 10**12)
    await owner.finish(USD)


# What cannot be proven.


@pytest.mark.parametrize(("asset", "units"), [(USD, CASH + 1), (ETHER, HELD + 1)])
async def test_more_than_the_account_has_cannot_be_proven(owner: Owner, asset: str, units: int) -> None:
    with pytest.raises(WitnessInvalid):
        owner.prove(owner.exit(asset, units), asset)


async def test_an_account_in_debt_cannot_leave_though_its_collateral_covers_it(house: House) -> None:
    owner = make_owner(house, cash=opened(-1))
    await owner.relay(await next_number(house))
    with pytest.raises(WitnessInvalid):
        owner.prove(owner.exit(ETHER, 1), ETHER)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positions": {InstrumentId("BTC-PERP"): Commitment.public(0)}}, "the account has positions"),
        ({"status": Status.FROZEN}, "the account is in default"),
        ({"status": Status.LIQUIDATING}, "the account is in default"),
        ({"status": Status.CLOSED}, "the account is in default"),
    ],
)
@pytest.mark.parametrize("asset", [USD, ETHER])
async def test_accounts_with_positions_or_in_default_do_not_leave(
    house: House, asset: str, changes: dict[str, Any], reason: str
) -> None:
    owner = make_owner(house, **changes)
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    assert await owner.refused(asset, 1) == reason


async def test_cash_leaves_on_the_home_chain_only(house: House) -> None:
    owner = make_owner(house, home_chain=ABROAD)
    await owner.relay(await next_number(house))
    await later(house, EXIT_AFTER)
    assert await owner.refused(USD, 1) == "not the account's home chain"
    await owner.request(ETHER, 1)


async def test_another_chains_holding_of_the_same_token_does_not_leave_here(owner: Owner) -> None:
    """The tokens have one address on both chains, so the chain in the holding's hash is all that tells them apart."""
    abroad = f"WETH@{ABROAD}"
    assert owner.token(abroad) == owner.token(ETHER)
    assert await owner.refused(abroad, 1) == "not the account's holding of this token"


async def test_collateral_does_not_leave_as_another_token(owner: Owner, house: House) -> None:
    leaving = replace(owner.exit(ETHER, 1), token=Address(house.tokens.silent))
    proof = owner.prove(leaving, ETHER)
    reason = await owner.refused(ETHER, 1, proof=proof, leaving=leaving)
    assert reason == "not the account's holding of this token"
    stranger = replace(leaving, token=Address(house.tokens.stranger))
    assert await owner.refused(ETHER, 1, proof=proof, leaving=stranger) == "token not listed"


@pytest.mark.parametrize(("asset", "units"), [(USD, 0), (ETHER, 0), (USD, 1 << 62), (ETHER, 1 << 40)])
async def test_amounts_that_the_ledger_does_not_book_are_refused(owner: Owner, asset: str, units: int) -> None:
    proof = owner.prove(owner.exit(asset, 1), asset)
    assert await owner.refused(asset, units, proof=proof) == "the amount is out of range"


async def test_nobody_is_paid_at_the_zero_address(owner: Owner) -> None:
    leaving = replace(owner.exit(USD, 1), to=Address(bytes(20)))
    assert await owner.refused(USD, 1, proven=leaving, leaving=leaving) == "the recipient is zero"


# Tampering.


@pytest.mark.parametrize("asset", [USD, ETHER])
@pytest.mark.parametrize(
    "change",
    [{"units": 2}, {"to": Address(b"\x78" * 20)}, {"chain_id": ABROAD}, {"vault": TO}, {"root": Digest(b"\1" * 32)}],
)
async def test_a_proof_is_good_for_one_exit_alone(owner: Owner, asset: str, change: dict[str, Any]) -> None:
    proven = replace(owner.exit(asset, 1), **change)
    with pytest.raises(TransactionReverted):
        await owner.request(asset, 1, proven=proven)
    await owner.request(asset, 1)


async def test_the_proof_of_one_token_is_not_that_of_another(owner: Owner) -> None:
    for asset, other in ((USD, ETHER), (ETHER, USD)):
        with pytest.raises(TransactionReverted):
            await owner.request(asset, 1, proof=owner.prove(owner.exit(other, 1), other))


@pytest.mark.parametrize("word", range(17))
async def test_every_word_of_the_leaf_counts(owner: Owner, word: int) -> None:
    """But for what is checked before the path, each change leads to another root."""
    at = 32 * word + 31
    leaf = owner.leaf[:at] + bytes([owner.leaf[at] ^ 1]) + owner.leaf[at + 1 :]
    earlier = {1: "only the account's owner", 15: "the account has positions"}
    assert await owner.refused(USD, 1, leaf=leaf) == earlier.get(word, "the leaf is not in the checkpoint")


async def test_every_step_of_the_path_counts(owner: Owner) -> None:
    path = owner.tree.path(b"own")
    wrong = [(*path[:i], bytes(32), *path[i + 1 :]) for i in range(len(path))]
    for tampered in (*wrong, path[:-1], (*path, bytes(32)), ()):
        assert await owner.refused(USD, 1, path=tampered) == "the leaf is not in the checkpoint"


async def test_a_leaf_of_an_older_checkpoint_is_refused(owner: Owner, house: House) -> None:
    old = owner.tree
    owner.account = replace(owner.account, version=8)
    await owner.relay(owner.number + 1)
    await later(house, EXIT_AFTER)
    former = account_leaf(owner.registry, replace(owner.account, version=7))
    assert await owner.refused(USD, 1, leaf=former, path=old.path(b"own")) == "the leaf is not in the checkpoint"


async def test_the_holding_must_be_the_leafs(owner: Owner) -> None:
    place = owner.place(ETHER)
    assert place is not None
    richer = KEY.commit(opened(HELD))
    for tampered, reason in (
        (replace(place, hashes=place.hashes[:1]), "not the account's holdings"),
        (replace(place, hashes=place.hashes[::-1]), "not the account's holdings"),
        (replace(place, place=1), "not the account's holding of this token"),
        (replace(place, commitment=richer), "not the account's holding of this token"),
    ):
        assert await owner.refused(ETHER, 1, holding=tampered) == reason
    with pytest.raises(TransactionReverted):
        await owner.request(ETHER, 1, holding=replace(place, place=2))


@pytest.mark.parametrize("asset", [USD, ETHER])
async def test_every_part_of_the_proof_counts(owner: Owner, asset: str) -> None:
    proof = owner.prove(owner.exit(asset, 1), asset)
    other = owner.prove(owner.exit(asset, 1), asset)
    tampered = [replace(proof, base=proof.base + 1), replace(proof, scalars=proof.scalars[:-1])]
    tampered += [replace(proof, points=proof.points[:-1])]
    for i in range(len(proof.points)):
        tampered.append(replace(proof, points=(*proof.points[:i], other.points[i], *proof.points[i + 1 :])))
    for i in range(len(proof.scalars)):
        changed = (*proof.scalars[:i], proof.scalars[i] ^ 1, *proof.scalars[i + 1 :])
        tampered.append(replace(proof, scalars=changed))
    for wrong in tampered:
        with pytest.raises(TransactionReverted):
            await owner.request(asset, 1, proof=wrong)
    await owner.request(asset, 1, proof=proof)


async def test_a_vault_trusts_only_its_own_deployments_verifier(house: House) -> None:

    elsewhere = replace(house.deployment, salt=bytes(32))
    listed = [ListedToken(house.tokens.usd, 1)]
    deploying = deploy_vault(house.w3, house.relayer, elsewhere, house.signers, listed, house.tokens.usd, house.exits)
    assert await reason_of(deploying) == "a verifier of another deployment"


async def test_the_gas_of_leaving_stays_within_its_budget(house: House, owner: Owner) -> None:
    """The figures of node/chains/README.md, a little rounded up."""
    assert (await owner.relay(owner.number + 1)).gas_used < 70_000
    await later(house, EXIT_AFTER)
    for asset, budget in ((USD, 700_000), (ETHER, 810_000)):
        assert (await owner.request(asset, 1)).gas_used < budget
    await later(house, CHALLENGE)
    for asset in (USD, ETHER):
        assert (await owner.finish(asset)).gas_used < 95_000
