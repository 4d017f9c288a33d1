"""Rotation of the signer set on a real chain: by the old quorum only, once, in order, on the hub and on the vault."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from devnet.anvil import Anvil
from node.chains import calls
from node.chains.calls import HubReader, VaultReader
from node.chains.certificates import (
    BatchCommitment,
    Certificate,
    PayAction,
    Rotation,
    SeizeAction,
    ValidatorKey,
    batch_digest,
    pay_digest,
    rotation_digest,
    seize_digest,
    signer_set_hash,
)
from node.chains.errors import TransactionReverted
from node.chains.events import Paid, Seized, SignersRotated
from node.chains.rpc import connect, disconnect
from tests.node.chains.conftest import CHAIN_ID, WETH_UNIT, House, build_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMITTEE = b"\xc0" * 32
TO = b"\x99" * 20
NEWCOMER = ValidatorKey(b"\x41" * 32)


@pytest_asyncio.fixture(loop_scope="module")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house of its own for each test, since a rotation is not undone."""
    async with Anvil(CHAIN_ID, tmp_path / "anvil.log") as anvil:
        w3 = connect(anvil.url)
        try:
            yield await build_house(anvil, w3)
        finally:
            await disconnect(w3)


def successors(house: House) -> tuple[ValidatorKey, ...]:
    """The validators with the last one replaced."""
    return (*house.keys[:3], NEWCOMER)


def addresses(keys: tuple[ValidatorKey, ...]) -> tuple[bytes, ...]:
    return tuple(key.address for key in keys)


def replacing_one(house: House, **change: object) -> Rotation:
    return replace(Rotation(addresses(successors(house)), COMMITTEE, 0, 0), **change)


def certificate_of(keys: tuple[ValidatorKey, ...], digest: bytes, who: tuple[int, ...] = (0, 1, 2)) -> Certificate:
    return Certificate(sum(1 << i for i in who), tuple(keys[i].sign_digest(digest) for i in who))


def calldata(
    house: House,
    rotation: Rotation,
    keys: tuple[ValidatorKey, ...] | None = None,
    who: tuple[int, ...] = (0, 1, 2),
    chain_id: int = CHAIN_ID,
    hub: bytes | None = None,
) -> bytes:
    """The rotation as `keys`, by default the validators of the genesis, certify it for the hub."""
    keys = keys or house.keys
    digest = rotation_digest(chain_id, hub or house.hub.address, rotation)
    return calls.encode_rotate(rotation, addresses(keys), certificate_of(keys, digest, who))


async def refused(house: House, data: bytes, contract: bytes) -> str:
    """Why the hub or vault refuses; its epoch and set must not have moved."""
    before = await calls.epoch(house.w3, contract), await stored_set(house, contract)
    with pytest.raises(TransactionReverted) as caught:
        await house.relayer.send(contract, data)
    assert (await calls.epoch(house.w3, contract), await stored_set(house, contract)) == before
    return caught.value.reason


async def stored_set(house: House, contract: bytes) -> bytes:
    return bytes(await calls.read(house.w3, contract, "signer_set_hash", (), (), "bytes32"))


def places(house: House) -> tuple[bytes, bytes]:
    return house.hub.address, house.vault.vault


async def test_hub_and_vault_take_the_same_calldata_once_each(house: House) -> None:
    data = calldata(house, replacing_one(house))
    for contract in places(house):
        (event,) = house.events(await house.relayer.send(contract, data))
        assert isinstance(event, SignersRotated)
        new_set = signer_set_hash(addresses(successors(house)))
        assert (event.epoch, event.batch, event.signers, event.committee) == (1, 0, new_set, COMMITTEE)
        assert event.contract == contract
        assert await calls.epoch(house.w3, contract) == 1
        assert await stored_set(house, contract) == new_set
        assert await refused(house, data, contract) == "not the signer set"


async def test_a_rotation_back_does_not_let_the_first_be_replayed(house: House) -> None:
    there = calldata(house, replacing_one(house))
    back = Rotation(house.signers, COMMITTEE, 0, 1)
    for contract in places(house):
        await house.relayer.send(contract, there)
        await house.relayer.send(contract, calldata(house, back, successors(house)))
        # The set of epoch 2 is the set of epoch 0 again, and only the epoch tells their certificates apart.
        assert await refused(house, there, contract) == "a signature is not its signer's"


async def test_no_epoch_is_skipped(house: House) -> None:
    keys, other = successors(house), ValidatorKey(b"\x42" * 32)
    second = Rotation((*addresses(keys)[:2], NEWCOMER.address, other.address), COMMITTEE, 0, 1)
    for contract in places(house):
        assert await refused(house, calldata(house, second, keys), contract) == "not the signer set"
        assert await refused(house, calldata(house, second), contract) == "a signature is not its signer's"
        # In order both pass, whoever sends them: this is how a vault that lagged is caught up.
        await house.trader.send(contract, calldata(house, replacing_one(house)))
        await house.trader.send(contract, calldata(house, second, keys))
        assert await calls.epoch(house.w3, contract) == 2


async def test_a_new_set_cannot_certify_itself(house: House) -> None:
    strangers = tuple(ValidatorKey(bytes([0x50 + i]) * 32) for i in range(4))
    rotation = Rotation(addresses(strangers), COMMITTEE, 0, 0)
    digest = rotation_digest(CHAIN_ID, house.hub.address, rotation)
    posing = calls.encode_rotate(rotation, house.signers, certificate_of(strangers, digest))
    for contract in places(house):
        assert await refused(house, calldata(house, rotation, strangers), contract) == "not the signer set"
        assert await refused(house, posing, contract) == "a signature is not its signer's"


async def test_two_of_four_do_not_rotate(house: House) -> None:
    for contract in places(house):
        assert await refused(house, calldata(house, replacing_one(house), who=(0, 1)), contract) == "no quorum"


@pytest.mark.parametrize("change", [{"committee": b"\xc1" * 32}, {"epoch": 1}, {"new_signers": (b"\7" * 20,) * 1}])
async def test_a_rotation_other_than_the_certified_one_is_refused(house: House, change: dict[str, object]) -> None:
    rotation = replacing_one(house)
    certificate = certificate_of(house.keys, rotation_digest(CHAIN_ID, house.hub.address, replace(rotation, **change)))
    data = calls.encode_rotate(rotation, house.signers, certificate)
    for contract in places(house):
        assert await refused(house, data, contract) == "a signature is not its signer's"


async def test_a_rotation_certified_for_another_chain_or_hub_is_void(house: House) -> None:
    elsewhere = calldata(house, replacing_one(house), chain_id=CHAIN_ID + 1)
    # The vault's own domain is not the hub's, though both are on one chain here.
    for_the_vault = calldata(house, replacing_one(house), hub=house.vault.vault)
    for contract in places(house):
        assert await refused(house, elsewhere, contract) == "a signature is not its signer's"
        assert await refused(house, for_the_vault, contract) == "a signature is not its signer's"


async def test_the_hub_rotates_after_the_batch_that_the_certificate_names_only(house: House) -> None:
    assert (
        await refused(house, calldata(house, replacing_one(house, batch=1)), house.hub.address) == "not the last batch"
    )
    early = calldata(house, replacing_one(house))
    await house.commit(BatchCommitment(1, house.hub.deployment, b"\1" * 32, b"\2" * 32))
    assert await refused(house, early, house.hub.address) == "not the last batch"
    await house.relayer.send(house.hub.address, calldata(house, replacing_one(house, batch=1)))


@pytest.mark.parametrize(
    ("signers", "reason"),
    [
        ((), "no signers"),
        ((b"\1" * 20, b"\2" * 20, b"\1" * 20), "a signer is listed twice"),
        ((b"\1" * 20, b"\0" * 20), "a signer is zero"),
    ],
)
async def test_a_bad_set_is_refused_though_it_is_certified(
    house: House, signers: tuple[bytes, ...], reason: str
) -> None:
    for contract in places(house):
        assert await refused(house, calldata(house, replacing_one(house, new_signers=signers)), contract) == reason


async def test_after_it_only_the_new_quorum_commits_batches(house: House) -> None:
    await house.relayer.send(house.hub.address, calldata(house, replacing_one(house)))
    old = BatchCommitment(1, house.hub.deployment, b"\1" * 32, b"\2" * 32)
    new, keys = replace(old, epoch=1), successors(house)
    encoded = {
        "not the signer set": calls.encode_commit(old, house.signers, house.batch_certificate(old)),
        # A member that left: its signature counts for nobody, even among a quorum's.
        "a signature is not its signer's": calls.encode_commit(
            new,
            addresses(keys),
            certificate_of((*keys[:3], house.keys[3]), batch_digest(CHAIN_ID, house.hub.address, new), (0, 1, 3)),
        ),
    }
    for reason, data in encoded.items():
        assert await refused(house, data, house.hub.address) == reason
    # The members that stayed signed in the old epoch: void as well.
    stale = certificate_of(keys, batch_digest(CHAIN_ID, house.hub.address, old))
    data = calls.encode_commit(new, addresses(keys), stale)
    assert await refused(house, data, house.hub.address) == "a signature is not its signer's"
    good = certificate_of(keys, batch_digest(CHAIN_ID, house.hub.address, new), (1, 2, 3))
    await house.relayer.send(house.hub.address, calls.encode_commit(new, addresses(keys), good))
    assert await HubReader(house.w3, house.hub.address).height() == 1


async def test_a_payment_left_over_is_certified_again_under_its_id_and_paid_once(
    house: House, action_id: bytes
) -> None:
    await house.deposit(house.tokens.usd, 1000)
    old = PayAction(action_id, house.tokens.usd, TO, 700, 4)
    new, keys, vault = replace(old, epoch=1), successors(house), house.vault.vault
    left_over = calls.encode_pay(old, house.signers, house.certify(pay_digest(CHAIN_ID, vault, old)))
    again = calls.encode_pay(new, addresses(keys), certificate_of(keys, pay_digest(CHAIN_ID, vault, new)))
    # Certified anew before this vault was rotated: it waits.
    assert await refused(house, again, vault) == "not the signer set"
    await house.relayer.send(vault, calldata(house, replacing_one(house)))
    assert await refused(house, left_over, vault) == "not the signer set"
    assert not await VaultReader(house.w3, vault).done(action_id)
    (event,) = house.events(await house.relayer.send(vault, again))
    assert isinstance(event, Paid)
    assert await refused(house, again, vault) == "the action was done"
    assert await house.balance(house.tokens.usd, TO) == 700


async def test_a_payment_made_in_the_old_epoch_is_not_made_again(house: House, action_id: bytes) -> None:
    await house.deposit(house.tokens.usd, 1000)
    old, vault, keys = PayAction(action_id, house.tokens.usd, TO, 700, 4), house.vault.vault, successors(house)
    await house.pay(old)
    await house.relayer.send(vault, calldata(house, replacing_one(house)))
    new = replace(old, epoch=1)
    again = calls.encode_pay(new, addresses(keys), certificate_of(keys, pay_digest(CHAIN_ID, vault, new)))
    assert await refused(house, again, vault) == "the action was done"


async def test_a_seizure_left_over_is_certified_again_under_its_id(house: House, action_id: bytes) -> None:
    await house.deposit(house.tokens.weth, WETH_UNIT)
    old = SeizeAction(action_id, house.tokens.weth, WETH_UNIT, 2000, 1000, 60, 4)
    new, keys, vault = replace(old, epoch=1), successors(house), house.vault.vault
    left_over = calls.encode_seize(old, house.signers, house.certify(seize_digest(CHAIN_ID, vault, old)))
    await house.relayer.send(vault, calldata(house, replacing_one(house)))
    assert await refused(house, left_over, vault) == "not the signer set"
    again = calls.encode_seize(new, addresses(keys), certificate_of(keys, seize_digest(CHAIN_ID, vault, new)))
    (event,) = house.events(await house.relayer.send(vault, again))
    assert isinstance(event, Seized)


async def test_four_validators_hand_over_to_seven_whose_quorum_is_five(house: House) -> None:
    keys = (*house.keys, *(ValidatorKey(bytes([0x60 + i]) * 32) for i in range(3)))
    receipt = await house.relayer.send(
        house.hub.address, calldata(house, replacing_one(house, new_signers=addresses(keys)))
    )
    batch = BatchCommitment(1, house.hub.deployment, b"\1" * 32, b"\2" * 32, 1)
    digest = batch_digest(CHAIN_ID, house.hub.address, batch)
    four = calls.encode_commit(batch, addresses(keys), certificate_of(keys, digest, (0, 1, 2, 3)))
    assert await refused(house, four, house.hub.address) == "no quorum"
    five = calls.encode_commit(batch, addresses(keys), certificate_of(keys, digest, (0, 2, 3, 5, 6)))
    await house.relayer.send(house.hub.address, five)
    assert receipt.gas_used < 120_000
