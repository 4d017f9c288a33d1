"""Peers that lie about who they are, forge, replay, flood, or do not read."""

import asyncio
from dataclasses import replace

import grpc
import pytest
from clearing.v1 import peer_pb2

from node.network import PeerLimits, create_authority, issue_identity
from node.network.identity import binding_digest
from tests.node.network.validators import DEPLOYMENT, QUICK, Received, ValidatorKey, counted, until


async def test_a_peer_with_a_certificate_of_another_authority_is_refused(network):
    house = network(2)
    stranger = issue_identity(create_authority(), house.validators[0].address)
    impostor = house.impostor(0, identity=replace(stranger, authority=house.authority.certificate))
    victim = house.mesh(1)
    await victim.start()
    rogue = await house.rogue(0, victim=1, as_validator=impostor)

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await rogue.greet()

    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not victim.connected
    assert counted(victim, "sessions_opened") == 0


async def test_a_listener_with_a_certificate_of_another_authority_is_not_spoken_to(network):
    house = network(2)
    other = create_authority()
    impostor = house.impostor(1, identity=issue_identity(other, house.validators[1].address))
    listener = house.mesh(1, as_validator=impostor)
    dialer = house.mesh(0)
    await asyncio.gather(listener.start(), dialer.start())

    await asyncio.sleep(0.5)

    assert not dialer.connected
    assert not listener.connected


async def test_a_listener_whose_certificate_names_another_validator_is_not_spoken_to(network):
    house = network(3)
    impostor = replace(house.validators[2], listen=house.validators[1].listen)
    listener = house.mesh(1, as_validator=impostor)
    dialer = house.mesh(0)
    await asyncio.gather(listener.start(), dialer.start())

    await asyncio.sleep(0.5)

    assert house.validators[1].address not in dialer.connected


async def test_a_hello_that_names_another_validator_than_the_certificate_is_refused(network):
    house = network(3)
    victim = house.mesh(2)
    await victim.start()
    rogue = await house.rogue(0, victim=2)
    hello = rogue.credentials.hello()
    hello.validator = house.validators[1].address

    with pytest.raises(grpc.aio.AioRpcError, match="another validator than the certificate"):
        await rogue.greet(hello)
    assert await rogue.status() is grpc.StatusCode.PERMISSION_DENIED
    assert await rogue.reason() == "IDENTITY_REJECTED"
    assert counted(victim, "sessions_refused", "IDENTITY_REJECTED") == 1


async def test_a_certificate_without_the_validator_keys_binding_is_refused(network):
    """Whoever holds the authority's key can issue a certificate in anyone's name, but cannot bind it."""
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    forged = issue_identity(house.authority, house.validators[0].address)
    rogue = await house.rogue(0, victim=1, as_validator=house.impostor(0, identity=forged))
    hello = rogue.credentials.hello()
    hello.binding = ValidatorKey().sign_digest(binding_digest(DEPLOYMENT, forged.fingerprint))

    with pytest.raises(grpc.aio.AioRpcError, match="the binding is not of the validator"):
        await rogue.greet(hello)
    assert not victim.connected


async def test_a_binding_of_another_certificate_is_refused(network):
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    honest = await house.rogue(0, victim=1)
    forged = issue_identity(house.authority, house.validators[0].address)
    rogue = await house.rogue(0, victim=1, as_validator=house.impostor(0, identity=forged))

    with pytest.raises(grpc.aio.AioRpcError, match="the binding is not of the validator"):
        await rogue.greet(honest.credentials.hello())


async def test_a_validator_outside_the_peer_set_is_refused(network):
    house, others = network(1), network(2)
    outsider = min(others.validators, key=lambda validator: validator.address)
    victim = house.mesh(0)
    await victim.start()
    rogue = await house.rogue(0, victim=0, as_validator=outsider)

    with pytest.raises(grpc.aio.AioRpcError, match="not a peer"):
        await rogue.greet()


async def test_a_welcome_by_somebody_in_between_is_not_believed(network):
    """The listener signs the TLS key of who dialed it; to a dialer with another one that says nothing."""
    house = network(2)
    await house.mesh(1).start()
    honest = await house.rogue(0, victim=1)
    hello = honest.credentials.hello()
    relayed = await honest.greet(hello)
    assert relayed is not None
    honest.credentials.check_welcome(relayed.welcome, hello, house.validators[1].address)
    reissued = house.impostor(0, identity=issue_identity(house.authority, house.validators[0].address))
    dialer = await house.rogue(0, victim=1, as_validator=reissued)

    with pytest.raises(Exception, match="Welcome's signature is not of the validator"):
        dialer.credentials.check_welcome(relayed.welcome, hello, house.validators[1].address)


async def test_an_envelope_with_a_forged_signature_is_dropped_and_scored(network):
    house = network(2)
    victim, inbox = house.mesh(1), Received()
    victim.on("vote", inbox)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)

    await rogue.say("vote", b"signed", payload=b"and then changed")
    await rogue.say("vote", b"in another's name", sender=house.validators[1].address)
    await rogue.say("vote", b"unsigned", signature=b"")
    await rogue.say("vote", b"honest")

    await until(lambda: bool(inbox.messages))
    assert inbox.messages == [(house.validators[0].address, b"honest")]
    assert counted(victim, "dropped", "forged") == 3
    assert victim.status()[0].score > 2.9 * QUICK.forged_penalty - 5


async def test_a_replayed_envelope_is_ignored_and_a_repeated_payload_is_not(network):
    house = network(2)
    victim, inbox = house.mesh(1), Received()
    victim.on("vote", inbox)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)

    envelope = await rogue.say("vote", b"once")
    for _ in range(3):
        await rogue.repeat(envelope)
    await rogue.say("vote", b"once")

    await until(lambda: len(inbox.messages) == 2)
    assert counted(victim, "dropped", "replayed") == 3
    assert victim.status()[0].score == 0


async def test_a_replay_over_a_new_session_is_ignored_too(network):
    house = network(2)
    victim, inbox = house.mesh(1), Received()
    victim.on("vote", inbox)
    await victim.start()
    first = await house.rogue(0, victim=1)
    await first.join(victim)
    envelope = await first.say("vote", b"once")
    await until(lambda: len(inbox.messages) == 1)
    await first.close()
    second = await house.rogue(0, victim=1)
    await second.join(victim)

    await second.repeat(envelope)

    await until(lambda: counted(victim, "dropped", "replayed") == 1)
    assert len(inbox.messages) == 1


async def test_a_second_hello_ends_the_session(network):
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)

    await rogue.stream.write(peer_pb2.Frame(hello=rogue.credentials.hello()))

    assert await rogue.status() is grpc.StatusCode.PERMISSION_DENIED
    await until(lambda: not victim.connected)


async def test_a_dialer_that_says_nothing_is_let_go(network):
    house = network(2)
    victim = house.mesh(1, limits=replace(QUICK, handshake_timeout=0.2))
    await victim.start()
    rogue = await house.rogue(0, victim=1)

    assert await asyncio.wait_for(rogue.status(), 3.0) is grpc.StatusCode.PERMISSION_DENIED
    assert await rogue.reason() == "IDENTITY_REJECTED"


async def test_a_new_session_takes_the_place_of_a_dead_one(network):
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    first, second = await house.rogue(0, victim=1), await house.rogue(0, victim=1)
    await first.join(victim)
    await second.join(victim)

    assert await asyncio.wait_for(first.status(), 3.0) is grpc.StatusCode.OK
    assert victim.connected == {house.validators[0].address}


async def test_gossip_to_a_peer_that_does_not_read_is_bounded_and_drops_the_oldest(network):
    house = network(2)
    limits = replace(QUICK, gossip_queue=50, gossip_queue_bytes=8 << 20)
    victim = house.mesh(1, limits=limits)
    await victim.start()
    reader = await house.rogue(0, victim=1)
    await reader.join(victim)
    payload = bytes(256 << 10)

    for number in range(120):
        await victim.broadcast("message", number.to_bytes(2, "big") + payload)
        await asyncio.sleep(0)
        assert victim.status()[0].queued <= 50
    await until(lambda: counted(victim, "dropped", "gossip_queue_full") > 0)

    assert victim.connected
    numbers = await _read_until(reader, 119)
    assert numbers == sorted(numbers)
    assert len(numbers) < 120
    assert numbers[-30:] == list(range(90, 120)), "the newest survive"


async def test_a_peer_too_slow_for_consensus_is_disconnected(network):
    house = network(2)
    limits = replace(QUICK, critical_queue=40)
    victim = house.mesh(1, limits=limits)
    await victim.start()
    reader = await house.rogue(0, victim=1)
    await reader.join(victim)

    for _ in range(41):
        await victim.broadcast("vote", b"yes")

    await until(lambda: not victim.connected)
    assert counted(victim, "dropped", "consensus_queue_full") == 1


async def test_a_write_that_hangs_ends_the_session(network):
    house = network(2)
    victim = house.mesh(1, limits=replace(QUICK, write_timeout=0.3))
    await victim.start()
    reader = await house.rogue(0, victim=1)
    await reader.join(victim)

    for _ in range(60):
        await victim.broadcast("proposal", bytes(1 << 20))

    await until(lambda: not victim.connected)


async def test_consensus_overtakes_gossip_that_waits(network):
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    reader = await house.rogue(0, victim=1)
    await reader.join(victim)

    for _ in range(5):
        await victim.broadcast("message", b"gossip")
    await victim.broadcast("vote", b"yes")

    topics = []
    while len(topics) < 6:
        frame = await reader.stream.read()
        topics += [frame.envelope.topic] if frame.WhichOneof("content") == "envelope" else []
    assert topics[0] == "vote"


async def test_a_flood_is_read_at_the_stated_rate(network):
    house = network(2)
    limits = replace(QUICK, envelopes_per_second=100.0, envelopes_burst=20.0)
    victim, inbox = house.mesh(1, limits=limits), Received()
    victim.on("message", inbox)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)

    started = asyncio.get_running_loop().time()
    for number in range(70):
        await rogue.say("message", bytes([number]))
    await until(lambda: len(inbox.messages) == 70)

    assert asyncio.get_running_loop().time() - started > 0.45


async def test_gossip_beyond_what_the_handlers_bear_is_dropped_and_not_held_against_the_peer(network):
    house = network(2)
    release = asyncio.Event()
    victim = house.mesh(1, limits=replace(QUICK, gossip_queue=5, gossip_handlers=1))

    async def slow(sender: bytes, payload: bytes) -> None:
        await release.wait()

    votes = Received()
    victim.on("message", slow)
    victim.on("vote", votes)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)
    for number in range(20):
        await rogue.say("message", bytes([number]))
    await rogue.say("vote", b"yes")

    await until(lambda: bool(votes.messages))
    assert counted(victim, "dropped", "handlers_behind") >= 14
    assert victim.status()[0].score == 0
    release.set()


async def test_a_peer_may_not_fetch_without_limit(network):
    asked: list[int] = []
    release = asyncio.Event()

    class Archive:
        async def batches(self, first: int, count: int) -> list[bytes]:
            asked.append(count)
            await release.wait()
            return [b"batch"] * count

    house = network(2)
    meshes = await house.start(batches=Archive(), limits=replace(QUICK, fetch_streams=1, fetch_batches=10))
    first = asyncio.create_task(meshes[0].fetch_batches(meshes[1].address, 0, 1_000_000))
    await until(lambda: bool(asked))

    with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
        await meshes[0].fetch_batches(meshes[1].address, 0, 1)
    release.set()
    assert len(await first) == 10
    assert max(asked) <= 8


async def test_an_inventory_nobody_asked_for_gets_no_answer(network):
    house = network(2)
    victim = house.mesh(1)
    await victim.start()
    rogue = await house.rogue(0, victim=1)
    await rogue.join(victim)

    await rogue.stream.write(peer_pb2.Frame(inventory=peer_pb2.PoolInventory(topic="message")))

    await until(lambda: counted(victim, "dropped", "unasked_inventory") == 1)


def test_limits_under_which_a_message_would_fit_no_queue_are_refused():
    with pytest.raises(ValueError, match="fit no queue"):
        PeerLimits(message_bytes=9 << 20, reconcile_bytes=8 << 20)


async def _read_until(reader, last: int) -> list[int]:
    """Numbers of the gossip the reader finds once it reads, up to `last`."""
    numbers: list[int] = []
    while not numbers or numbers[-1] != last:
        frame = await asyncio.wait_for(reader.stream.read(), 5.0)
        if frame.WhichOneof("content") == "envelope":
            numbers.append(int.from_bytes(frame.envelope.payload[:2], "big"))
    return numbers
