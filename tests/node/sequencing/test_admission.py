"""The pool: what is let in, what waits, what leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from node.ledger.apply import apply_message
from node.ledger.claims import TrustingVerifier
from node.ledger.errors import Reason, Refused
from node.ledger.messages import MAX_MESSAGE_BYTES, Message
from node.ledger.state import LedgerState
from node.ledger.wire import decode_message, encode_message
from node.liquidation.breaker import Level
from node.sequencing import verification
from node.sequencing.admission import Admission, Inexcusable, PoolLimits
from node.sequencing.errors import AccountQueueFull, PoolFull
from node.sequencing.verification import ClaimChecker
from tests.support.clearing import Clearing
from tests.support.ledger import Setting, Trader


@dataclass
class Pool:
    """A running pool on a house in its first round, with an owner who has cash."""

    clearing: Clearing
    owner: Trader
    admission: Admission
    start: Callable[[PoolLimits], Admission]

    @property
    def state(self) -> LedgerState:
        return self.clearing.state

    def follow_up(self, state: LedgerState, message: Message) -> Message:
        """The owner's next proof, on the version that `message` leads to."""
        self.owner.follow(apply_message(self.clearing.house, state, message, TrustingVerifier()).effects)
        return self.owner.margin_proof(self.admission.ahead, nonce=b"\2" * 32)


@pytest.fixture
async def pool(setting: Setting) -> AsyncIterator[Pool]:
    owner = Trader(setting)
    clearing = Clearing.start(setting, owner)
    clearing.deposit(owner.id, 31337, "USD", 10_000_000)
    tasks: list[asyncio.Task[None]] = []
    with ThreadPoolExecutor(1) as workers:
        checker = ClaimChecker(setting.house.committee.key, workers)

        def start(limits: PoolLimits) -> Admission:
            made = Admission(setting.house, clearing.state, checker, limits, asyncio.get_running_loop().time)
            tasks.append(asyncio.create_task(made.run()))
            return made

        yield Pool(clearing, owner, start(PoolLimits()), start)
        for task in tasks:
            task.cancel()


async def test_a_valid_message_is_held_and_proposed(pool: Pool):
    message = pool.owner.margin_proof(pool.state)

    assert await pool.admission.submit(message) is not None
    assert pool.admission.messages(10) == (message,)
    assert pool.admission.proves(pool.owner.id)
    assert pool.admission.holds(message.digest(pool.clearing.house.deployment))


async def test_a_message_too_large_for_a_batch_is_not_even_applied(pool: Pool):
    message = replace(pool.owner.margin_proof(pool.state), proof=bytes(MAX_MESSAGE_BYTES))

    with pytest.raises(Inexcusable) as caught:
        await pool.admission.submit(message, may_park=True)

    assert caught.value.reason is Reason.MALFORMED
    assert len(pool.admission) == 0


async def test_messages_of_one_account_chain_on_predicted_versions(pool: Pool):
    first = pool.owner.margin_proof(pool.state)
    await pool.admission.submit(first)
    second = pool.follow_up(pool.state, first)

    await pool.admission.submit(second)

    assert second.reference.version == first.reference.version + 1
    assert pool.admission.messages(10) == (first, second)


async def test_a_message_for_an_older_version_is_refused_with_the_current_one(pool: Pool):
    first = pool.owner.margin_proof(pool.state)
    rival = pool.owner.margin_proof(pool.state, nonce=b"\3" * 32)
    await pool.admission.submit(first)

    with pytest.raises(Refused) as caught:
        await pool.admission.submit(rival)

    assert caught.value.reason is Reason.VERSION_MISMATCH
    assert dict(caught.value.metadata)["version"] == str(first.reference.version + 1)
    assert not isinstance(caught.value, Inexcusable)


async def test_a_false_proof_is_refused_and_its_sender_has_no_excuse(pool: Pool):
    message = pool.owner.margin_proof(pool.state)
    false = replace(message, proof=message.proof[:-1] + bytes([message.proof[-1] ^ 1]))

    with pytest.raises(Inexcusable) as caught:
        await pool.admission.submit(false)

    assert caught.value.reason is Reason.PROOF_INVALID
    assert len(pool.admission) == 0


async def test_a_false_proof_does_not_take_others_of_its_group_with_it(pool: Pool, setting: Setting):
    message = pool.owner.margin_proof(pool.state)
    false = replace(message, proof=message.proof[:-1] + bytes([message.proof[-1] ^ 1]))
    stranger = Trader(setting)

    outcomes = await asyncio.gather(
        pool.admission.submit(false), pool.admission.submit(stranger.open_account()), return_exceptions=True
    )

    assert isinstance(outcomes[0], Refused)
    assert pool.admission.messages(10) == (stranger.open_account(),)


async def test_the_same_message_twice_is_held_once(pool: Pool):
    message = pool.owner.margin_proof(pool.state)

    taken = await asyncio.gather(*(pool.admission.submit(message, may_park=True) for _ in range(3)))

    assert len(pool.admission) == 1
    assert taken.count(None) >= 1


async def test_a_peers_message_that_came_before_its_predecessor_waits_for_it(pool: Pool):
    first = pool.owner.margin_proof(pool.state)
    after_first = apply_message(pool.clearing.house, pool.state, first, TrustingVerifier())
    pool.owner.follow(after_first.effects)
    second = pool.owner.margin_proof(after_first.state, nonce=b"\2" * 32)

    assert await pool.admission.submit(second, may_park=True) is None
    assert len(pool.admission) == 0
    await pool.admission.submit(first, may_park=True)
    async with asyncio.timeout(5):
        while len(pool.admission) < 2:
            await asyncio.sleep(0.01)

    assert pool.admission.messages(10) == (first, second)


async def test_a_clients_message_that_came_too_early_is_refused_at_once(pool: Pool, setting: Setting):
    message = pool.owner.margin_proof(pool.state)
    later = replace(message, reference=replace(message.reference, version=message.reference.version + 1))
    signed = replace(later, signature=pool.owner.sign(later.digest(setting.house.deployment)))

    with pytest.raises(Refused) as caught:
        await pool.admission.submit(signed)

    assert caught.value.reason is Reason.VERSION_MISMATCH


async def test_what_a_final_batch_carried_leaves_the_pool(pool: Pool):
    message = pool.owner.margin_proof(pool.state)
    await pool.admission.submit(message)
    pool.clearing.batch(message)

    await pool.admission.advance(pool.state, {message.digest(pool.clearing.house.deployment)})

    assert len(pool.admission) == 0
    assert pool.admission.refusal(message.digest(pool.clearing.house.deployment)) is None


async def test_what_no_longer_applies_is_dropped_with_its_reason(pool: Pool):
    message = pool.owner.margin_proof(pool.state)
    rival = pool.owner.margin_proof(pool.state, nonce=b"\4" * 32)
    await pool.admission.submit(message)
    pool.clearing.batch(rival)

    await pool.admission.advance(pool.state, {rival.digest(pool.clearing.house.deployment)})

    refusal = pool.admission.refusal(message.digest(pool.clearing.house.deployment))
    assert refusal is not None
    assert refusal.reason is Reason.VERSION_MISMATCH
    assert len(pool.admission) == 0


async def test_what_still_applies_stays_and_is_not_verified_again(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    message = pool.owner.margin_proof(pool.state)
    await pool.admission.submit(message)

    def fail(*_: object) -> None:
        raise AssertionError("verified a second time")

    monkeypatch.setattr(verification, "rejected_claims", fail)
    pool.clearing.batch(blocks=0)
    await pool.admission.advance(pool.state, set())

    assert pool.admission.messages(10) == (message,)


async def test_one_account_cannot_fill_the_pool(pool: Pool):
    narrow = pool.start(PoolLimits(per_account=1))
    first = pool.owner.margin_proof(pool.state)
    await narrow.submit(first)

    with pytest.raises(AccountQueueFull):
        await narrow.submit(pool.follow_up(pool.state, first))


async def test_a_full_pool_takes_nothing_more(pool: Pool, setting: Setting):
    narrow = pool.start(PoolLimits(messages=1))
    await narrow.submit(Trader(setting).open_account())

    with pytest.raises(PoolFull):
        await narrow.submit(Trader(setting).open_account())


async def test_anti_entropy_hands_out_messages_in_the_order_in_which_they_apply(pool: Pool):
    first = pool.owner.margin_proof(pool.state)
    await pool.admission.submit(first)
    second = pool.follow_up(pool.state, first)
    await pool.admission.submit(second)

    items = pool.admission.pool_items(sorted(pool.admission.pool_digests()))

    assert [decode_message(item) for item in items] == [first, second]
    assert items[0] == encode_message(first)


async def test_an_order_is_held_once_and_what_it_stops_is_refused_from_then_on(pool: Pool):
    clearing = pool.clearing
    order = clearing.breaker(Level.HALTED)
    assert await pool.admission.submit(order) is not None
    assert await pool.admission.submit(order) is None
    with pytest.raises(Refused) as caught:
        await pool.admission.submit(pool.owner.withdraw(pool.state, "USD@31337", 1))
    assert caught.value.reason is Reason.BREAKER_SET


async def test_a_peers_order_that_came_too_early_waits_for_the_one_before(pool: Pool):
    clearing = pool.clearing
    first, second = clearing.breaker(Level.HALTED), clearing.breaker(Level.OPEN, sequence=1)
    assert await pool.admission.submit(second, may_park=True) is None
    await pool.admission.submit(first)
    async with asyncio.timeout(10):
        while not pool.admission.holds(second.digest(clearing.house.deployment)):
            await asyncio.sleep(0.01)


async def test_a_peer_must_know_that_no_quorum_signed_an_order(pool: Pool):
    order = pool.clearing.breaker(Level.HALTED)
    with pytest.raises(Inexcusable):
        await pool.admission.submit(replace(order, level=Level.NO_BID), may_park=True)
