"""Messages that owners put on the hub: which of them a batch must carry, and that nobody else can make it so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import pytest

from node.chains.events import Submitted
from node.ledger.errors import Refused
from node.ledger.house_orders import BreakerOrder
from node.ledger.messages import MarginProof, Message
from node.ledger.submissions import MAX_SUBMISSION_BYTES, SUBMISSION_PREFIX, encode_submission
from node.ledger.types import Digest
from node.liquidation.breaker import Level
from node.sequencing import forced
from node.sequencing.admission import Admission, PoolLimits
from node.sequencing.errors import Rule
from node.sequencing.forced import BLOCK_SUBMISSIONS, COUNTED_BLOCKS, FORCED_BLOCKS, ForcedInclusion, first_block
from node.sequencing.payloads import DISPUTE, DisputePayload
from node.sequencing.verification import ClaimChecker
from tests.node.sequencing.world import FINALITY, QUICK, FakeChain, FakeView, Network, Node
from tests.support.clearing import Clearing
from tests.support.ledger import HUB_CHAIN, Setting, Trader, make_setting

VAULT = 10_000_000
POST = b"\x01\x00\x02 a post of a key ceremony"


@dataclass
class Scene:
    """A house with two owners who have cash, its hub, and what one node makes of the submissions there."""

    clearing: Clearing
    owner: Trader
    other: Trader
    hub: FakeChain
    admission: Admission
    forced: ForcedInclusion
    restarted: Callable[[], ForcedInclusion]

    async def put(self, *submitted: Message | bytes, sender: bytes = b"\5" * 20) -> int:
        """One hub block with these submissions; its number."""
        await self.hub.mine(*[submission(entry, sender) for entry in submitted])
        return self.hub.head

    async def left_out(self, *carried: Message, blocks: int = FORCED_BLOCKS + 1) -> Digest | None:
        """What is held against a batch with these messages, `blocks` hub blocks after the last one."""
        await self.reach(self.clearing.state.hub_height + blocks)
        batch = self.clearing.propose(*carried, blocks=blocks).batch
        assert batch.messages == carried
        missing = await self.forced.left_out(self.clearing.state, batch)
        return None if missing is None else missing.digest

    async def reach(self, block: int) -> None:
        """The hub's block `block` is final."""
        while self.hub.head < block + FINALITY:
            await self.hub.mine()

    def digest(self, message: Message) -> Digest:
        return message.digest(self.clearing.house.deployment)


def submission(data: Message | bytes, sender: bytes = b"\5" * 20) -> Callable[..., Submitted]:
    raw = data if isinstance(data, bytes) else encode_submission(data)
    return partial(Submitted, sender=sender, data=raw)


def broken(message: MarginProof) -> MarginProof:
    return replace(message, proof=message.proof[:-1] + bytes([message.proof[-1] ^ 1]))


@pytest.fixture(scope="session")
def narrow() -> Setting:
    """A house whose batches hold two messages."""
    return make_setting(max_messages=2)


@pytest.fixture
async def build() -> AsyncIterator[Callable[[Setting], Awaitable[Scene]]]:
    with ThreadPoolExecutor(1) as workers:

        async def made(setting: Setting) -> Scene:
            owner, other = Trader(setting), Trader(setting)
            clearing = Clearing.start(setting, owner, other)
            clearing.deposit(owner.id, HUB_CHAIN, "USD", VAULT // 2)
            clearing.deposit(other.id, HUB_CHAIN, "USD", VAULT // 2)
            hub = FakeChain(HUB_CHAIN)
            while hub.head < clearing.state.hub_height:
                await hub.mine()
            checker = ClaimChecker(setting.house.committee.key, workers)
            clock = asyncio.get_running_loop().time
            admission = Admission(setting.house, clearing.state, checker, PoolLimits(), clock)

            def node() -> ForcedInclusion:
                return ForcedInclusion(setting.house, FakeView(hub), admission, checker, clearing.state)

            return Scene(clearing, owner, other, hub, admission, node(), node)

        yield made


@pytest.fixture
async def scene(setting: Setting, build: Callable[[Setting], Awaitable[Scene]]) -> Scene:
    return await build(setting)


async def test_a_submission_must_be_carried_from_its_last_block_on_and_not_before(scene: Scene):
    message = scene.owner.margin_proof(scene.clearing.state)
    await scene.put(message)

    assert await scene.left_out(blocks=FORCED_BLOCKS) is None
    assert await scene.left_out() == scene.digest(message)
    assert await scene.left_out(message) is None


async def test_another_message_of_the_account_excuses_and_one_of_a_stranger_does_not(scene: Scene):
    state = scene.clearing.state
    message = scene.owner.margin_proof(state)
    await scene.put(message)

    assert await scene.left_out(scene.owner.margin_proof(state, nonce=b"\2" * 32)) is None
    assert await scene.left_out(scene.other.margin_proof(state)) == scene.digest(message)


async def test_an_order_of_the_validators_must_be_carried_like_an_owners_message(scene: Scene):
    order = scene.clearing.breaker(Level.HALTED)
    await scene.put(scene.clearing.ordered(order, (0, 1)), order)
    assert await scene.left_out() == scene.digest(order)
    assert await scene.left_out(order) is None

    scene.clearing.accept(order, blocks=FORCED_BLOCKS + 1)
    scene.forced.advance(scene.clearing.state)
    assert len(scene.forced) == 0
    await scene.put(order)
    assert await scene.left_out(blocks=FORCED_BLOCKS + 1) is None, "it was carried out"


async def test_what_is_no_message_is_passed_over(scene: Scene):
    too_long = encode_submission(scene.owner.margin_proof(scene.clearing.state)) + bytes(MAX_SUBMISSION_BYTES)
    await scene.put(POST, b"", SUBMISSION_PREFIX, SUBMISSION_PREFIX + b"\xff" * 40, too_long)

    assert await scene.left_out() is None
    assert len(scene.forced) == 0


async def test_what_the_ledger_would_refuse_is_passed_over(scene: Scene, setting: Setting):
    state, owner = scene.clearing.state, scene.owner
    proof = owner.margin_proof(state)
    reference = replace(proof.reference, version=proof.reference.version + 7)
    await scene.put(
        replace(proof, signature=scene.other.sign(scene.digest(proof))),
        broken(proof),
        owner.margin_proof(state, expiry=state.hub_height + 1),
        owner.margin_proof(state, reference=reference),
        owner.margin_proof(state, round=99),
        owner.open_account(),
        replace(proof, reference=replace(proof.reference, account=Trader(setting).id)),
    )

    assert await scene.left_out() is None


async def test_a_broken_copy_in_front_of_the_message_takes_nothing_from_it(scene: Scene):
    message = scene.owner.margin_proof(scene.clearing.state)
    await scene.put(broken(message), message, broken(message))

    assert await scene.left_out() == scene.digest(message)
    assert await scene.left_out(message) is None


async def test_a_copy_that_a_stranger_sends_later_does_not_put_the_message_off(scene: Scene):
    message = scene.owner.margin_proof(scene.clearing.state)
    await scene.put(message)
    for _ in range(FORCED_BLOCKS):
        await scene.put(message, sender=b"\6" * 20)

    assert await scene.left_out() == scene.digest(message)


async def test_of_messages_that_chain_on_versions_the_first_is_due_and_then_the_next(scene: Scene):
    state = scene.clearing.state
    first = scene.owner.margin_proof(state)
    reference = replace(first.reference, version=first.reference.version + 1)
    second = scene.owner.margin_proof(state, reference=reference, nonce=b"\2" * 32)
    await scene.put(second, first)
    assert await scene.left_out() == scene.digest(first)

    scene.clearing.accept(first, blocks=FORCED_BLOCKS + 1)
    scene.forced.advance(scene.clearing.state)

    assert len(scene.forced) == 1
    assert await scene.left_out(blocks=0) == scene.digest(second)


async def test_only_the_first_of_two_withdrawals_that_one_vault_cannot_both_pay_is_due(scene: Scene):
    state = scene.clearing.state
    await scene.reach(0)
    scene.clearing.accept(scene.other.withdraw(state, f"USD@{HUB_CHAIN}", VAULT // 2 - 1_000_000))
    scene.clearing.deposit(scene.other.id, 31338, "USD", VAULT)
    state = scene.clearing.state
    first = scene.owner.withdraw(state, f"USD@{HUB_CHAIN}", 4_000_000)
    second = scene.other.withdraw(state, f"USD@{HUB_CHAIN}", 4_000_000)
    while scene.hub.head < state.hub_height:
        await scene.hub.mine()
    await scene.put(first, second)

    assert await scene.left_out() == scene.digest(first)
    assert await scene.left_out(first) is None
    assert await scene.left_out(second) == scene.digest(first)


async def test_a_batch_full_of_other_messages_is_no_excuse_and_one_full_of_submissions_is(
    narrow: Setting, build: Callable[[Setting], Awaitable[Scene]]
):
    scene = await build(narrow)
    message = scene.owner.margin_proof(scene.clearing.state)
    strangers = [Trader(narrow).open_account() for _ in range(4)]
    await scene.put(*strangers[:2], message)
    assert await scene.left_out(*strangers[:2]) is None

    assert await scene.left_out(*strangers[2:]) == scene.digest(strangers[0])
    scene.clearing.accept(*strangers[:2], blocks=FORCED_BLOCKS + 1)
    scene.forced.advance(scene.clearing.state)

    assert await scene.left_out(*strangers[2:], blocks=0) == scene.digest(message)


async def test_a_node_that_was_restarted_knows_what_is_due(scene: Scene):
    message = scene.owner.margin_proof(scene.clearing.state)
    await scene.put(message)
    for blocks in (FORCED_BLOCKS, 0):
        await scene.reach(scene.clearing.state.hub_height + blocks)
        scene.clearing.batch(blocks=blocks)
    scene.forced = scene.restarted()

    assert await scene.left_out(blocks=1) == scene.digest(message)


async def test_a_submission_counts_as_long_as_messages_live_and_no_longer(scene: Scene):
    stranger = Trader(scene.clearing.setting).open_account()
    block = await scene.put(stranger)
    last = block + FORCED_BLOCKS + COUNTED_BLOCKS - scene.clearing.state.hub_height

    assert await scene.left_out(blocks=last) == scene.digest(stranger)
    assert await scene.left_out(blocks=last + 1) is None


async def test_what_is_held_is_bounded_however_long_the_house_is_silent(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forced, "BLOCK_SUBMISSIONS", 2)
    stranger = Trader(scene.clearing.setting)
    message = encode_submission(stranger.open_account())
    state, lag = scene.clearing.state, scene.clearing.house.rules.max_hub_lag
    for _ in range(3 * (lag + COUNTED_BLOCKS)):
        await scene.put(POST, *[message] * 3)
    await scene.reach(scene.hub.head)

    await scene.forced.candidates(state, scene.hub.head - FINALITY)

    kept = 1 + lag + FORCED_BLOCKS + COUNTED_BLOCKS - FINALITY
    assert len(scene.forced) <= 2 * (kept + FINALITY)
    assert len(scene.forced) >= 2 * (kept - FINALITY)


async def test_a_flood_in_one_block_leaves_the_first_ones_standing(scene: Scene):
    message = scene.owner.margin_proof(scene.clearing.state)
    junk = encode_submission(Trader(scene.clearing.setting).open_account(home_chain=5))
    await scene.put(POST, message, *[junk] * (BLOCK_SUBMISSIONS + 10))

    assert await scene.left_out() == scene.digest(message)
    assert len(scene.forced) == BLOCK_SUBMISSIONS


async def test_what_is_final_or_expired_is_forgotten(scene: Scene):
    state = scene.clearing.state
    carried = scene.owner.margin_proof(state)
    expiring = scene.other.margin_proof(state, expiry=state.hub_height + 2)
    await scene.put(carried, expiring)
    await scene.left_out()
    assert len(scene.forced) == 2

    scene.clearing.accept(carried, blocks=3)
    scene.forced.advance(scene.clearing.state)

    assert len(scene.forced) == 0


async def test_the_first_block_to_know_is_never_before_the_chain():
    assert first_block(3) == 0
    assert first_block(1_000) == 1_000 - FORCED_BLOCKS - COUNTED_BLOCKS


async def test_submissions_come_into_the_pool_with_those_that_chain_on_them(scene: Scene):
    state = scene.clearing.state
    first = scene.owner.margin_proof(state)
    running = [asyncio.create_task(work) for work in (scene.admission.run(), scene.forced.run())]
    reference = replace(first.reference, version=first.reference.version + 1)
    early = scene.owner.margin_proof(state, reference=reference, nonce=b"\2" * 32)
    await scene.put(broken(first), early, first)
    await scene.reach(scene.hub.head)
    async with asyncio.timeout(10):
        while not scene.admission.holds(scene.digest(first)):
            await asyncio.sleep(0.01)
    for task in running:
        task.cancel()

    assert first in scene.admission.messages(10)
    assert early not in scene.admission.messages(1)
    # The broken copy has the digest of the true message: its refusal is nobody's answer.
    assert scene.admission.refusal(scene.digest(first)) is None


async def test_a_client_is_told_why_its_own_message_was_refused(scene: Scene):
    running = asyncio.create_task(scene.admission.run())
    false = broken(scene.owner.margin_proof(scene.clearing.state))
    with pytest.raises(Refused):
        await scene.admission.submit(false)
    running.cancel()

    assert scene.admission.refusal(scene.digest(false)) is not None


# Whole networks.


def hear_disputes(network: Network) -> list[tuple[Node, DisputePayload]]:
    """Every dispute that any node's proposals meet from now on."""
    heard: list[tuple[Node, DisputePayload]] = []
    for node in network.nodes:

        async def hear(sender: bytes, payload: bytes, node: Node = node) -> None:
            heard.append((node, DisputePayload.decode(payload)))

        node.mesh.handlers[DISPUTE] = hear
    return heard


async def test_a_proposer_that_censors_an_account_is_disputed_and_the_next_one_carries_the_message(setting: Setting):
    network = Network(setting, replace(QUICK, observation_timeout=0.0))
    try:
        heard, trader = hear_disputes(network), Trader(setting)
        censor = network.proposer(1)

        async def nothing(*args: object) -> tuple[Message, ...]:
            return ()

        censor.sequencer._proposer._messages = nothing  # type: ignore[method-assign]
        await network.hub_chain.mine(submission(POST), submission(trader.open_account()))
        await network.mine(FORCED_BLOCKS + FINALITY + 1)
        for node in network.nodes:
            node.start()
        network.mine_every(0.05)

        await network.until(lambda: all(node.height >= 1 for node in network.nodes))

        assert {(node.key.address, answer.dispute.rule) for node, answer in heard} == {
            (censor.key.address, Rule.MESSAGE_LEFT_OUT)
        }
        assert trader.open_account().digest(network.house.deployment).hex() in heard[0][1].dispute.detail
        assert trader.id in network.nodes[0].sequencer.state.accounts
    finally:
        await network.close()


async def test_an_honest_network_with_many_submissions_never_disputes(network: Network):
    heard, traders = hear_disputes(network), [Trader(network.setting) for _ in range(9)]
    for node in network.nodes:
        node.start()
    await network.mine(FINALITY)
    for trader in traders:
        opening = trader.open_account()
        await network.hub_chain.mine(submission(opening), submission(POST), submission(opening))
        await network.nodes[0].sequencer.submit(Trader(network.setting).open_account())
    seen = network.nodes[0].sequencer
    await network.reach(lambda: all(trader.id in seen.state.accounts for trader in traders))
    await network.reach(lambda: bool(seen.state.grids))

    # No block comes while proofs are made: on a slow machine the rounds would leave them behind.
    state, submitted = seen.state, list[Message]()
    for trader in traders[:5]:
        proof = await asyncio.to_thread(trader.margin_proof, state)
        later = replace(proof.reference, version=proof.reference.version + 1)
        chained = await asyncio.to_thread(partial(trader.margin_proof, state, reference=later, nonce=b"\2" * 32))
        submitted += (broken(proof), chained, proof)
    await network.hub_chain.mine(*map(submission, submitted))
    await network.reach(lambda: all(seen.state.accounts[trader.id].version > 0 for trader in traders[:5]))
    height = seen.state.hub_height
    await network.reach(lambda: all(node.sequencer.state.hub_height > height + 4 for node in network.nodes))

    assert heard == []
    assert network.switch.offences == []


async def test_a_network_carries_out_an_order_that_only_the_hub_heard(network: Network):
    heard, setting = hear_disputes(network), network.setting
    for node in network.nodes:
        node.start()
    await network.mine(FINALITY)
    until = network.nodes[0].sequencer.state.hub_height + setting.house.rules.breaker_blocks
    order = BreakerOrder(0, 0, Level.NO_BID, until)
    digest = order.digest(setting.house.deployment)
    order = replace(order, signatures=tuple(key.sign_digest(digest) for key in setting.keys[1:]))
    await network.hub_chain.mine(submission(order))
    network.mine_every(0.2)

    await network.until(lambda: all(node.sequencer.state.orders == 1 for node in network.nodes))
    assert heard == []


async def test_a_proposer_puts_submissions_before_its_pool(narrow: Setting):
    network = Network(narrow, QUICK)
    try:
        node, owners = network.proposer(1), [Trader(narrow) for _ in range(5)]
        messages = [owner.open_account() for owner in owners]
        running = asyncio.create_task(node.sequencer.admission.run())
        for message in messages[:4]:
            await node.sequencer.admission.submit(message)
        running.cancel()
        await network.hub_chain.mine(submission(messages[4]), submission(messages[3]))
        await network.mine(FINALITY)

        draft = await node.sequencer._proposer.build(node.sequencer.state)

        assert draft is not None
        assert draft.batch.messages == (messages[4], messages[3])
        assert len(node.sequencer.admission) == 4
    finally:
        await network.close()


async def test_a_validator_that_restarts_goes_on_to_hold_proposers_to_what_is_on_the_hub(setting: Setting):
    network = Network(setting, replace(QUICK, observation_timeout=0.0))
    try:
        trader = Trader(setting)
        await network.hub_chain.mine(submission(trader.open_account()))
        await network.mine(FORCED_BLOCKS + FINALITY + 1)
        censored = replace(await drafted(network.proposer(1)), messages=())
        for node in network.nodes:
            again = network.node(node.key, node.store).sequencer._forced
            missing = await again.left_out(node.sequencer.state, censored)
            assert missing is not None
            assert missing.accounts == (trader.id,)
    finally:
        await network.close()


async def drafted(node: Node):
    """The batch that a node would propose."""
    draft = await node.sequencer._proposer.build(node.sequencer.state)
    assert draft is not None
    assert len(draft.batch.messages) == 1
    return draft.batch
