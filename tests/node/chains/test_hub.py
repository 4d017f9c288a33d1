"""ClearingHub on a real chain: one certified successor of each batch, and nothing else."""

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from node.chains import calls
from node.chains.calls import HubReader
from node.chains.certificates import (
    BatchCommitment,
    Certificate,
    ValidatorKey,
    batch_digest,
    deployment_id,
    signer_set_hash,
)
from node.chains.compile import house_contract
from node.chains.deploy import deploy_contract
from node.chains.errors import TransactionReverted
from node.chains.events import BatchCommitted, Submitted

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAIN_ID = 31337
HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


async def successor(house) -> BatchCommitment:
    """The batch that the hub would accept next."""
    hub = HubReader(house.w3, house.hub.address)
    height = await hub.height()
    return BatchCommitment(height + 1, await hub.root(height), keccak(b"root %d" % height), b"\7" * 32)


async def refused(house, batch: BatchCommitment, certificate: Certificate | None = None) -> str:
    """Why the hub refuses; its height must not have moved."""
    hub = HubReader(house.w3, house.hub.address)
    before = await hub.height()
    with pytest.raises(TransactionReverted) as caught:
        await house.commit(batch, certificate)
    assert await hub.height() == before
    return caught.value.reason


async def test_batch_zero_is_the_deployment(house) -> None:
    hub = HubReader(house.w3, house.hub.address)
    expected = deployment_id(CHAIN_ID, house.hub.address, bytes(range(32)))
    assert await hub.deployment() == await hub.root(0) == house.hub.deployment == expected


async def test_the_hub_stores_only_the_signer_sets_hash(house) -> None:
    stored = await calls.read(house.w3, house.hub.address, "signer_set_hash", (), (), "bytes32")
    assert stored == signer_set_hash(house.signers)
    assert await calls.epoch(house.w3, house.hub.address) == 0


@pytest.mark.parametrize("who", [(0, 1, 2), (1, 2, 3), (0, 1, 2, 3)])
async def test_a_quorum_commits_the_next_batch(house, who) -> None:
    batch = await successor(house)
    receipt = await house.commit(batch, house.batch_certificate(batch, who))
    hub = HubReader(house.w3, house.hub.address)
    assert await hub.height() == batch.number
    assert await hub.root(batch.number) == batch.new_root
    assert await hub.batch_hash(batch.number) == batch.batch_hash
    (event,) = house.events(receipt)
    assert isinstance(event, BatchCommitted)
    assert (event.number, event.previous_root, event.new_root, event.batch_hash) == (
        *(batch.number, batch.previous_root, batch.new_root, batch.batch_hash),
    )
    assert (event.chain_id, event.contract) == (CHAIN_ID, house.hub.address)


async def test_two_of_four_do_not_commit(house) -> None:
    batch = await successor(house)
    assert await refused(house, batch, house.batch_certificate(batch, (0, 3))) == "no quorum"


async def test_a_batch_on_another_root_is_refused(house) -> None:
    batch = await successor(house)
    wrong = BatchCommitment(batch.number, b"\x13" * 32, batch.new_root, batch.batch_hash)
    assert await refused(house, wrong) == "not the root of the previous batch"


@pytest.mark.parametrize("step", [-1, 1])
async def test_a_batch_out_of_turn_is_refused(house, step: int) -> None:
    batch = await successor(house)
    wrong = BatchCommitment(batch.number + step, batch.previous_root, batch.new_root, batch.batch_hash)
    assert await refused(house, wrong) == "not the next batch"


async def test_a_forged_signature_is_refused(house) -> None:
    batch = await successor(house)
    good = house.batch_certificate(batch)
    forged = ValidatorKey(b"\x77" * 32).sign_digest(batch_digest(CHAIN_ID, house.hub.address, batch))
    bad = Certificate(good.bitmap, (*good.signatures[:2], forged))
    assert await refused(house, batch, bad) == "a signature is not its signer's"


async def test_garbage_that_recovers_to_nobody_is_refused(house) -> None:
    batch = await successor(house)
    good = house.batch_certificate(batch)
    bad = Certificate(good.bitmap, (*good.signatures[:2], b"\xff" * 32 + b"\0" * 31 + b"\1"))
    assert await refused(house, batch, bad) == "a signature is not its signer's"


async def test_reordered_signatures_are_refused(house) -> None:
    batch = await successor(house)
    good = house.batch_certificate(batch)
    bad = Certificate(good.bitmap, good.signatures[::-1])
    assert await refused(house, batch, bad) == "a signature is not its signer's"


async def test_one_signature_does_not_count_twice(house) -> None:
    batch = await successor(house)
    first, second, _ = house.batch_certificate(batch).signatures
    bad = Certificate(0b111, (first, second, second))
    assert await refused(house, batch, bad) == "a signature is not its signer's"


async def test_a_high_s_is_refused(house) -> None:
    batch = await successor(house)
    good = house.batch_certificate(batch)
    high = good.signatures[2][:32] + (HALF_ORDER + 1).to_bytes(32, "big")
    bad = Certificate(good.bitmap, (*good.signatures[:2], high))
    assert await refused(house, batch, bad) == "a signature has a high s"


async def test_a_certificate_for_another_chain_is_void(house) -> None:
    batch = await successor(house)
    elsewhere = house.certify(batch_digest(CHAIN_ID + 1, house.hub.address, batch))
    assert await refused(house, batch, elsewhere) == "a signature is not its signer's"


async def test_a_certificate_for_another_hub_is_void(house) -> None:
    batch = await successor(house)
    elsewhere = house.certify(batch_digest(CHAIN_ID, b"\x42" * 20, batch))
    assert await refused(house, batch, elsewhere) == "a signature is not its signer's"


async def raw_commit(house, signers, bitmap: int, signatures) -> str:
    """Why the hub refuses calldata that a Certificate could not even hold."""
    batch = await successor(house)
    words = [batch.number, batch.previous_root, batch.new_root, batch.batch_hash, signers, bitmap, signatures]
    types = ("uint256", "bytes32", "bytes32", "bytes32", "address[]", "uint256", "bytes32[2][]")
    with pytest.raises(TransactionReverted) as caught:
        await house.relayer.send(house.hub.address, calls.encode_call("commit", types, words))
    return caught.value.reason


async def test_another_signer_set_is_refused(house) -> None:
    strangers = [ValidatorKey(bytes([i + 50]) * 32).address for i in range(4)]
    assert await raw_commit(house, strangers, 0, []) == "not the signer set"
    assert await raw_commit(house, house.signers[::-1], 0, []) == "not the signer set"


async def test_bits_and_signatures_must_pair_up(house) -> None:
    batch = await successor(house)
    halves = [(s[:32], s[32:]) for s in house.batch_certificate(batch).signatures]
    assert await raw_commit(house, house.signers, 0b1111, halves) == "fewer signatures than bits"
    assert await raw_commit(house, house.signers, 0b0011, halves) == "more signatures than bits"
    beyond = "the bitmap goes beyond the signer set"
    assert await raw_commit(house, house.signers, 0b10111, halves) == beyond
    assert await raw_commit(house, house.signers, 1 << 255 | 0b111, halves) == beyond


@pytest.mark.parametrize(
    ("signers", "reason"),
    [
        ([], "no signers"),
        ([b"\1" * 20, b"\2" * 20, b"\1" * 20], "a signer is listed twice"),
        ([b"\1" * 20, b"\0" * 20], "a signer is zero"),
    ],
)
async def test_a_bad_signer_set_cannot_be_deployed(house, signers, reason: str) -> None:
    with pytest.raises(TransactionReverted) as caught:
        await deploy_contract(house.relayer, house_contract("ClearingHub"), b"\1" * 32, signers)
    assert caught.value.reason == reason


async def test_sixty_four_signers_fit(house) -> None:
    code = house_contract("ClearingHub")
    signers = [ValidatorKey(bytes([i + 1]) * 32).address for i in range(64)]
    receipt = await house.relayer.send(None, code.bytecode + encode(code.constructor_types, [b"\1" * 32, signers]))
    stored = await calls.read(house.w3, receipt.contract, "signer_set_hash", (), (), "bytes32")
    assert stored == signer_set_hash(signers)


async def test_anyone_may_put_data_on_the_hub_in_its_own_name(house) -> None:
    hub = HubReader(house.w3, house.hub.address)
    before = await hub.height()
    for data in (b"", b"a post", bytes(9_216)):
        receipt = await house.trader.send(house.hub.address, calls.encode_submit(data))
        (event,) = house.events(receipt)
        assert isinstance(event, Submitted)
        assert (event.sender, event.data) == (house.trader.address, data)
    assert await hub.height() == before
    with pytest.raises(TransactionReverted):
        await house.trader.send(house.hub.address, calls.encode_submit(bytes(9_217)))
