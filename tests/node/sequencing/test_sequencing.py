"""Four validators in memory: batches are proposed, certified, committed, final everywhere."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from node.chains.events import Deposited
from node.ledger.epochs import Epochs
from node.ledger.types import Address, AssetId, Digest
from node.ledger.wire import decode_batch, encode_batch
from node.network.errors import MessageTooLarge
from node.sequencing.consensus import Consensus
from node.sequencing.errors import Rule
from node.sequencing.finality import rebuild
from node.sequencing.payloads import CERTIFICATE, DISPUTE, PROPOSAL, VOTE, DisputePayload, ProposalPayload, VotePayload
from node.sequencing.proposer import Draft
from node.sequencing.votes import commitment_digest
from node.store import DoubleVote
from tests.node.sequencing.world import Network, Node
from tests.support.ledger import CHAINS, Trader, token


def roots(network: Network, number: int) -> set[bytes]:
    """The roots that nodes hold after batch `number`."""
    stored = [node.store.batch(number) for node in network.nodes]
    return {entry.root for entry in stored if entry is not None}


def votes_of(node: Node) -> list[VotePayload]:
    return [VotePayload.decode(payload) for topic, payload in node.mesh.sent if topic == VOTE]


async def draft_of(node: Node, trader: Trader) -> Draft:
    """A proposal of the node that opens the trader's account; the node itself does not run."""
    admitting = asyncio.create_task(node.sequencer.admission.run())
    await node.sequencer.admission.submit(trader.open_account())
    admitting.cancel()
    draft = await node.sequencer._proposer.build(node.sequencer.state)
    assert draft is not None
    return draft


async def test_a_message_sent_to_one_node_becomes_final_on_all(network: Network):
    trader = Trader(network.setting)
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await network.nodes[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(trader.id in node.sequencer.state.accounts for node in network.nodes))

    number = min(node.height for node in network.nodes)
    assert len(roots(network, number)) == 1
    assert network.switch.offences == []


async def test_rounds_follow_each_other_without_a_gap(network: Network):
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await network.until(lambda: all(node.sequencer.state.market.round >= 4 for node in network.nodes))

    state = network.nodes[0].sequencer.state
    assert state.market.height == state.market.round * network.house.market.round_spacing
    assert state.market.stale == ()


async def test_another_validator_takes_over_when_the_proposer_is_dead(network: Network):
    trader = Trader(network.setting)
    dead, heir = network.proposer(1, 0), network.proposer(1, 1)
    network.switch.cut.add(dead.key.address)
    living = [node for node in network.nodes if node is not dead]
    for node in living:
        node.start()
    network.mine_every(0.02)

    await living[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(node.height >= 1 for node in living))

    first = living[0].store.batch(1)
    assert first is not None
    assert decode_batch(first.body).proposer == heir.key.address


async def test_two_of_four_validators_make_no_certificate(network: Network):
    trader = Trader(network.setting)
    for node in network.nodes[:2]:
        node.start()
    for node in network.nodes[2:]:
        network.switch.cut.add(node.key.address)
    network.mine_every(0.02)

    await network.nodes[0].sequencer.submit(trader.open_account())
    await asyncio.sleep(1.0)

    assert network.hub.committed == []


async def test_a_proposer_that_sends_two_proposals_gets_one_vote(network: Network):
    cheat, voter = network.proposer(1), network.proposer(1, 1)
    first = await draft_of(cheat, Trader(network.setting))
    second = await draft_of(cheat, Trader(network.setting))
    assert first.hash != second.hash

    for draft in (first, second):
        await cheat.mesh.send(voter.key.address, PROPOSAL, ProposalPayload(0, draft.body).encode())
    await network.until(lambda: bool(votes_of(voter)))
    await asyncio.sleep(0.1)

    assert [vote.commitment.batch_hash for vote in votes_of(voter)] == [first.hash]


async def test_a_validator_that_was_restarted_does_not_vote_twice_at_one_attempt(network: Network):
    cheat, voter = network.proposer(1), network.proposer(1, 1)
    first = await draft_of(cheat, Trader(network.setting))
    second = await draft_of(cheat, Trader(network.setting))
    await cheat.mesh.send(voter.key.address, PROPOSAL, ProposalPayload(0, first.body).encode())
    await network.until(lambda: bool(votes_of(voter)))

    again = network.node(voter.key, voter.store)
    await cheat.mesh.send(again.key.address, PROPOSAL, ProposalPayload(0, second.body).encode())
    await network.until(lambda: not again.sequencer.consensus.busy)
    await asyncio.sleep(0.1)

    assert votes_of(again) == []
    with pytest.raises(DoubleVote):
        voter.store.record_vote(1, 0, Digest(b"\1" * 32))


async def test_a_vote_is_on_disk_before_it_is_sent(network: Network, monkeypatch: pytest.MonkeyPatch):
    cheat, voter = network.proposer(1), network.proposer(1, 1)
    draft = await draft_of(cheat, Trader(network.setting))
    recorded_at_sending: list[int] = []
    sending = voter.mesh.broadcast

    async def watched(topic: str, payload: bytes):
        if topic == VOTE:
            recorded_at_sending.append(len(voter.store.votes(1)))
        return await sending(topic, payload)

    monkeypatch.setattr(voter.mesh, "broadcast", watched)
    await cheat.mesh.send(voter.key.address, PROPOSAL, ProposalPayload(0, draft.body).encode())
    await network.until(lambda: bool(recorded_at_sending))

    assert recorded_at_sending == [1]


async def test_a_proposal_out_of_turn_is_an_offence(network: Network):
    cheat, voter = network.proposer(1, 1), network.proposer(1, 2)
    draft = await draft_of(cheat, Trader(network.setting))

    await cheat.mesh.send(voter.key.address, PROPOSAL, ProposalPayload(0, draft.body).encode())
    await network.until(lambda: bool(network.switch.offences))

    assert votes_of(voter) == []
    assert network.switch.offences[0][0] == cheat.key.address


async def test_a_disputed_proposer_is_told_the_rule(network: Network):
    liar, voter = network.proposer(1), network.proposer(1, 1)
    draft = await draft_of(liar, Trader(network.setting))
    hub = replace(draft.batch.hub, hash=b"\1" * 32)
    heard: list[DisputePayload] = []

    async def hear(sender: bytes, payload: bytes) -> None:
        heard.append(DisputePayload.decode(payload))

    liar.mesh.handlers[DISPUTE] = hear
    body = encode_batch(replace(draft.batch, hub=hub))
    await liar.mesh.send(voter.key.address, PROPOSAL, ProposalPayload(0, body).encode())
    await network.until(lambda: bool(heard))

    assert heard[0].dispute.rule is Rule.HUB_HEADER_DIFFERS
    assert votes_of(voter) == []


async def test_a_node_that_was_away_fetches_what_it_missed_and_catches_up(network: Network):
    late, others = network.nodes[3], network.nodes[:3]
    network.switch.cut.add(late.key.address)
    for node in others:
        node.start()
    network.mine_every(0.02)
    trader = Trader(network.setting)
    await others[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(node.height >= 3 for node in others))

    network.switch.cut.clear()
    late.start()
    await network.until(lambda: late.height >= 3)

    assert trader.id in late.sequencer.state.accounts
    assert len(roots(network, 3)) == 1


async def test_a_body_with_another_hash_than_the_hubs_is_not_applied(network: Network):
    late, liar, others = network.nodes[3], network.nodes[0], network.nodes[:3]
    network.switch.cut.add(late.key.address)
    for node in others:
        node.start()
    network.mine_every(0.02)
    await network.until(lambda: all(node.height >= 2 for node in others))

    class Liar:
        async def batches(self, first: int, count: int) -> list[bytes]:
            return [b"not the body"] * count

    liar.mesh.archive = Liar()
    network.switch.cut.clear()
    late.start()
    await network.until(lambda: late.height >= 2)

    assert len(roots(network, 2)) == 1


async def test_the_state_is_rebuilt_from_the_stored_batches(network: Network):
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)
    await network.nodes[0].sequencer.submit(Trader(network.setting).open_account())
    await network.until(lambda: network.nodes[0].height >= 3)
    node = network.nodes[0]
    await node.stop()

    rebuilt = rebuild(Epochs((network.house,)), network.genesis(), node.store)

    assert rebuilt == node.sequencer.state


async def test_a_certificate_reaches_the_hub_though_its_proposer_died_with_it(network: Network):
    proposer = network.proposer(1)
    network.switch.drop = lambda sender, receiver, topic: topic == CERTIFICATE
    commits = []
    original = proposer.sequencer.consensus._committer._try

    async def dies(certified) -> None:
        commits.append(certified)

    proposer.sequencer.consensus._committer._try = dies  # type: ignore[method-assign]
    assert original is not None
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await proposer.sequencer.submit(Trader(network.setting).open_account())
    await network.until(lambda: network.nodes[0].height >= 1)

    assert commits, "the proposer had the certificate first"
    assert len(network.hub.committed) >= 1


async def test_losing_the_race_to_the_hub_is_no_failure(network: Network):
    for node in network.nodes:
        node.sequencer.consensus._committer._fallback = 0.0
        node.start()
    network.mine_every(0.02)

    await network.until(lambda: all(node.height >= 3 for node in network.nodes))

    assert all(node.task is not None and not node.task.done() for node in network.nodes)


async def test_a_certified_batch_goes_to_the_hub_after_a_restart(network: Network):
    proposer = network.proposer(1)
    draft = await draft_of(proposer, Trader(network.setting))
    consensus: Consensus = proposer.sequencer.consensus
    hub = network.hub
    network.switch.cut.add(proposer.key.address)  # nobody else hears of it
    await consensus.propose(0, draft, 0.0)
    for key in [key for key in network.setting.keys if key is not proposer.key][:2]:
        cast = votes_of(proposer)[0]
        signature = key.sign_digest(commitment_digest(network.house, cast.commitment))
        proposer.sequencer.consensus._committer.begin = lambda certified, proposer: None  # type: ignore[method-assign]
        await consensus._count(Address(key.address), replace(cast, signature=signature))
    assert hub.committed == []

    again = network.node(proposer.key, proposer.store)
    again.start()
    network.mine_every(0.02)
    await network.until(lambda: again.height >= 1)
    await again.stop()

    assert [batch.batch_hash for batch in hub.committed] == [draft.hash]


async def test_latencies_of_own_proposals_are_recorded(network: Network):
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)
    await network.until(lambda: all(node.height >= 5 for node in network.nodes))

    samples = [sample for node in network.nodes for sample in node.store.latencies()]

    assert samples
    assert all(0 < sample.certified_ms <= sample.final_ms for sample in samples)


async def test_a_proposal_too_large_to_send_ends_no_node_and_the_next_attempt_goes_on(
    network: Network, monkeypatch: pytest.MonkeyPatch
):
    trader = Trader(network.setting)
    unlucky = network.proposer(1)
    sending = unlucky.mesh.broadcast

    async def broadcast(topic: str, payload: bytes):
        if topic == PROPOSAL:
            raise MessageTooLarge(len(payload), 0)
        return await sending(topic, payload)

    monkeypatch.setattr(unlucky.mesh, "broadcast", broadcast)
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await network.nodes[0].sequencer.submit(trader.open_account())
    await network.until(lambda: all(trader.id in node.sequencer.state.accounts for node in network.nodes))

    assert all(node.task is not None and not node.task.done() for node in network.nodes)
    first = unlucky.store.batch(1)
    assert first is not None
    assert decode_batch(first.body).proposer != unlucky.key.address


async def test_what_could_not_be_sent_is_not_kept_for_peers_that_connect(network: Network, monkeypatch):
    proposer = network.proposer(1)
    draft = await draft_of(proposer, Trader(network.setting))

    async def broadcast(topic: str, payload: bytes):
        raise MessageTooLarge(len(payload), 0)

    monkeypatch.setattr(proposer.mesh, "broadcast", broadcast)
    with pytest.raises(MessageTooLarge):
        await proposer.sequencer.consensus.propose(0, draft, 0.0)

    assert proposer.sequencer.consensus._work.sent == []
    assert not proposer.sequencer.consensus.turn_is_open(0)


async def test_a_flood_of_deposits_is_booked_over_several_batches(network: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("node.sequencing.inputs.BATCH_EVENTS", 3 * len(CHAINS))
    trader, spoke = Trader(network.setting), network.chains[CHAINS[1]]
    deposit = partial(Deposited, account=trader.id, token=token(CHAINS[1], "USD"), amount=1_000_000, sequence=1)
    for count in (2, 1, 1, 5, 2):
        await spoke.mine(*[deposit] * count)
    await network.mine(4)
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    usd = AssetId(f"USD@{CHAINS[1]}")
    await network.until(lambda: network.nodes[0].sequencer.state.inventory.get(usd) == 11 * 1_000_000)

    bodies = [network.nodes[0].store.batch(number) for number in range(1, network.nodes[0].height + 1)]
    counts = [sum(len(s.events) for s in decode_batch(stored.body).segments) for stored in bodies if stored]
    assert [count for count in counts if count] == [3, 1, 5, 2]
    assert network.switch.offences == []


async def test_the_house_goes_on_after_a_silence_longer_than_the_allowed_lag(network: Network):
    await network.mine(3 * network.house.rules.max_hub_lag)
    for node in network.nodes:
        node.start()
    network.mine_every(0.02)

    await network.until(lambda: all(node.height >= 2 for node in network.nodes))

    state = network.nodes[0].sequencer.state
    assert state.hub_height > 3 * network.house.rules.max_hub_lag - 64
    assert state.market.priced
