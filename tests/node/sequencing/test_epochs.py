"""A network in memory handed over to other validators: it goes on from the same ledger, with equal roots."""

import asyncio

import pytest

from node.chains.certificates import BatchCommitment, ValidatorKey
from node.ledger.types import Address, Digest
from node.network.errors import InvalidGossip
from node.sequencing.errors import FinalBatchInvalid
from node.sequencing.finality import rebuild
from node.sequencing.payloads import VotePayload
from node.sequencing.votes import Certified, VoteBook, commitment_digest, require_certified
from node.store import CertifiedBatch
from tests.node.sequencing.world import Network
from tests.support.ledger import Setting, Trader
from tests.support.rotation import hand_over, with_one_replaced


async def run_until_booked(network: Network, trader: Trader) -> None:
    """Run all nodes until the trader's account is open on each, and leave them running."""
    for node in network.nodes:
        node.start()
    await network.nodes[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(trader.id in node.sequencer.state.accounts for node in network.nodes), 40)


async def stopped(network: Network) -> int:
    """Stop the nodes; the hub's last batch."""
    for node in network.nodes:
        await node.stop()
    return len(network.hub.committed)


def roots(network: Network, number: int) -> set[bytes]:
    stored = [node.store.batch(number) for node in network.nodes]
    return {entry.root for entry in stored if entry is not None}


async def test_new_validators_go_on_with_equal_roots_and_a_newcomer_catches_up(network: Network):
    setting = network.setting
    network.mine_every(0.02)
    await run_until_booked(network, before := Trader(setting))
    last = await stopped(network)
    await network.hand_over(hand_over(setting, with_one_replaced(setting), last))

    await run_until_booked(network, Trader(network.setting))

    assert all(node.sequencer.state.epoch == 1 for node in network.nodes)
    assert all(before.id in node.sequencer.state.accounts for node in network.nodes)
    agreed = min(node.height for node in network.nodes)
    assert agreed > last
    assert all(len(roots(network, number)) == 1 for number in range(1, agreed + 1))
    assert [batch.epoch for batch in network.hub.committed[last - 1 : last + 1]] == [0, 1]


async def test_four_hand_over_to_seven(network: Network):
    setting = network.setting
    network.mine_every(0.05)
    await run_until_booked(network, Trader(setting))
    keys = (*setting.keys, *(ValidatorKey.generate() for _ in range(3)))
    await network.hand_over(hand_over(setting, keys, await stopped(network)))

    await run_until_booked(network, Trader(network.setting))

    assert {node.sequencer.state.epoch for node in network.nodes} == {1}
    assert len(roots(network, min(node.height for node in network.nodes))) == 1


async def test_a_node_without_the_rotation_stops_at_its_first_batch(network: Network):
    setting, old_epochs = network.setting, network.epochs
    network.mine_every(0.02)
    await run_until_booked(network, Trader(setting))
    leaving = network.nodes[1].store
    last = await stopped(network)
    await network.hand_over(hand_over(setting, with_one_replaced(setting), last))
    await run_until_booked(network, Trader(network.setting))

    network.house, network.epochs = old_epochs.current, old_epochs
    left_behind = network.node(setting.keys[1], leaving, rebuild(old_epochs, network.genesis(), leaving))
    left_behind.start()
    assert left_behind.task is not None
    with pytest.raises(FinalBatchInvalid) as caught:
        await asyncio.wait_for(left_behind.task, 20)
    assert caught.value.number == last + 1
    left_behind.mesh._task.cancel()


def commitment(epoch: int) -> BatchCommitment:
    return BatchCommitment(1, bytes(32), b"\1" * 32, b"\2" * 32, epoch)


def vote(setting: Setting, key: ValidatorKey, epoch: int) -> VotePayload:
    named = commitment(epoch)
    return VotePayload(0, named, key.sign_digest(commitment_digest(setting.house, named)))


def test_who_left_has_no_vote_and_votes_of_the_former_epoch_do_not_count(setting: Setting):
    rotated = hand_over(setting, with_one_replaced(setting), 0)
    book = VoteBook(rotated.house)
    left, stayed = setting.keys[1], setting.keys[0]
    with pytest.raises(InvalidGossip, match="is no validator"):
        book.add(Address(left.address), vote(setting, left, 1))
    with pytest.raises(InvalidGossip, match="a batch of epoch 0 in epoch 1"):
        book.add(Address(stayed.address), vote(setting, stayed, 0))
    made = [book.add(Address(key.address), vote(setting, key, 1)) for key in rotated.keys[:3]]
    assert made[:2] == [None, None]
    assert made[2] is not None
    require_certified(rotated.house, made[2])
    with pytest.raises(InvalidGossip, match="a batch of epoch 1 in epoch 0"):
        require_certified(setting.house, made[2])


async def test_a_batch_certified_before_the_rotation_and_not_committed_is_void_after_it(network: Network):
    setting = network.setting
    book, certified = VoteBook(setting.house), None
    for key in setting.keys[:3]:
        certified = book.add(Address(key.address), vote(setting, key, 0)) or certified
    assert isinstance(certified, Certified)
    named = certified.commitment
    store = network.nodes[0].store
    store.save_certified(
        CertifiedBatch(
            named.number,
            Digest(named.previous_root),
            Digest(named.new_root),
            Digest(named.batch_hash),
            b"body",
            certified.certificate.encode(),
        )
    )
    await network.nodes[0].sequencer.consensus.resume()
    assert network.nodes[0].sequencer.consensus.certified == certified, "before the rotation it goes to the hub"
    await network.hand_over(hand_over(setting, with_one_replaced(setting), 0))
    await network.nodes[0].sequencer.consensus.resume()
    assert network.nodes[0].sequencer.consensus.certified is None
