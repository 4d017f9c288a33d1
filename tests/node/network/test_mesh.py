"""Meshes of several validators over real gRPC with mutual TLS."""

import asyncio
from dataclasses import replace

import pytest

from node.network import FetchFailed, InvalidGossip, MessageTooLarge, PeerUnavailable, TopicTaken, UnknownPeer
from node.network.errors import EnvelopeRejected
from tests.node.network.validators import QUICK, Cable, Received, counted, until


async def test_a_broadcast_reaches_every_peer_and_not_the_sender(network):
    house = network(4)
    inboxes = [Received() for _ in house.validators]
    meshes = [house.mesh(index) for index in range(4)]
    for mesh, inbox in zip(meshes, inboxes, strict=True):
        mesh.on("vote", inbox)
    await asyncio.gather(*(mesh.start() for mesh in meshes))
    await until(lambda: all(len(mesh.connected) == 3 for mesh in meshes))

    reached = await meshes[1].broadcast("vote", b"yes")

    assert reached == {meshes[index].address for index in (0, 2, 3)}
    await until(lambda: all(inboxes[index].messages for index in (0, 2, 3)))
    assert [inbox.messages for inbox in inboxes] == [[(meshes[1].address, b"yes")] if i != 1 else [] for i in range(4)]


async def test_a_message_to_one_peer_reaches_it_alone(network):
    house = network(3)
    meshes = await house.start()
    inboxes = [Received() for _ in meshes]
    for mesh, inbox in zip(meshes, inboxes, strict=True):
        mesh.on("share", inbox)

    await meshes[2].send(meshes[0].address, "share", b"for you")

    await until(lambda: inboxes[0].messages == [(meshes[2].address, b"for you")])
    assert inboxes[1].messages == []


async def test_the_lower_address_dials_and_each_pair_holds_one_stream(network):
    meshes = await network(3).start()

    assert [counted(mesh, "sessions_opened") for mesh in meshes] == [2, 2, 2]
    assert all(row.connected and row.score == 0 for mesh in meshes for row in mesh.status())


async def test_a_dialer_with_the_higher_address_is_refused(network):
    house = network(2)
    victim = house.mesh(0)
    await victim.start()
    rogue = await house.rogue(1, victim=0)

    with pytest.raises(Exception, match="lower address dials"):
        await rogue.greet()
    assert await rogue.reason() == "IDENTITY_REJECTED"


async def test_consensus_messages_arrive_in_the_order_they_were_sent(network):
    meshes = await network(2).start()
    inbox = Received()
    meshes[1].on("vote", inbox)

    for number in range(200):
        await meshes[0].broadcast("vote", number.to_bytes(2, "big"))

    await until(lambda: len(inbox.messages) == 200)
    assert [int.from_bytes(payload, "big") for _, payload in inbox.messages] == list(range(200))


async def test_a_payload_of_the_largest_size_arrives_and_a_larger_one_is_refused(network):
    meshes = await network(2).start()
    inbox = Received()
    meshes[1].on("proposal", inbox)
    limit = meshes[0].limits.message_bytes

    await meshes[0].broadcast("proposal", bytes(limit))
    with pytest.raises(MessageTooLarge) as refusal:
        await meshes[0].broadcast("proposal", bytes(limit + 1))

    assert (refusal.value.size, refusal.value.limit) == (limit + 1, limit)
    await until(lambda: len(inbox.messages) == 1)
    assert len(inbox.messages[0][1]) == limit


async def test_sending_to_a_stranger_or_an_absent_peer_is_an_error(network):
    house = network(2)
    mesh = house.mesh(0)
    await mesh.start()

    with pytest.raises(UnknownPeer):
        await mesh.send(bytes(20), "vote", b"")
    with pytest.raises(PeerUnavailable):
        await mesh.send(house.validators[1].address, "vote", b"")
    with pytest.raises(EnvelopeRejected):
        await mesh.broadcast("", b"")
    assert await mesh.broadcast("vote", b"") == frozenset()


async def test_a_topic_has_one_handler(network):
    mesh = network(1).mesh(0)
    mesh.on("vote", Received())

    with pytest.raises(TopicTaken):
        mesh.on("vote", Received())


async def test_a_port_in_use_is_an_error_at_the_start(network):
    house = network(1)
    await house.mesh(0).start()

    with pytest.raises(OSError, match="cannot listen"):
        await house.mesh(0).start()


async def test_peers_reconnect_after_a_restart_and_tell_consensus(network):
    house = network(2)
    for restarted in (0, 1):
        steady, leaver = house.mesh(1 - restarted), house.mesh(restarted)
        announced: list[bytes] = []

        async def remember(peer: bytes, announced: list[bytes] = announced) -> None:
            announced.append(peer)

        steady.on_connect(remember)
        inbox = Received()
        steady.on("vote", inbox)
        await asyncio.gather(steady.start(), leaver.start())
        await until(lambda: bool(steady.connected) and bool(leaver.connected))  # noqa: B023
        await leaver.stop()
        await until(lambda: not steady.connected)  # noqa: B023

        returned = house.mesh(restarted)
        await returned.start()
        await until(lambda: bool(steady.connected) and bool(returned.connected))  # noqa: B023
        await returned.broadcast("vote", b"back")

        await until(lambda: inbox.messages == [(returned.address, b"back")])  # noqa: B023
        assert announced == [leaver.address] * 2
        await asyncio.gather(steady.stop(), returned.stop())


async def test_both_ends_notice_a_dead_connection_by_keepalive(network):
    house = network(2)
    limits = replace(QUICK, keepalive_time=0.4, keepalive_timeout=0.4)
    cable = Cable(house.validators[1].listen)
    async with cable as through:
        dialer = house.mesh(0, limits, peers=[through])
        listener = house.mesh(1, limits)
        await asyncio.gather(dialer.start(), listener.start())
        await until(lambda: bool(dialer.connected) and bool(listener.connected))

        await asyncio.sleep(1.5)
        assert [counted(mesh, "sessions_opened") for mesh in (dialer, listener)] == [1, 1], "pings are welcome"

        cable.cut()
        await until(lambda: not dialer.connected and not listener.connected)


async def test_what_is_queued_is_written_before_a_graceful_stop(network):
    house = network(2)
    meshes = await house.start()
    inboxes = [Received(), Received()]
    for mesh, inbox in zip(meshes, inboxes, strict=True):
        mesh.on("vote", inbox)

    for number in range(100):
        await meshes[0].broadcast("vote", bytes([number]))
    await meshes[0].stop(grace=2.0)

    await until(lambda: len(inboxes[1].messages) == 100)


async def test_a_handler_that_fails_costs_the_peer_nothing_and_the_session_lives(network):
    meshes = await network(2).start()
    inbox = Received()

    async def fragile(sender: bytes, payload: bytes) -> None:
        if payload == b"first":
            raise RuntimeError("a fault of this node")
        await inbox(sender, payload)

    meshes[1].on("vote", fragile)
    await meshes[0].broadcast("vote", b"first")
    await meshes[0].broadcast("vote", b"second")

    await until(lambda: inbox.messages == [(meshes[0].address, b"second")])
    assert counted(meshes[1], "handler_failures", "vote") == 1
    assert meshes[1].status()[0].score == 0


async def test_invalid_gossip_throttles_the_peer_but_its_votes_still_count(network):
    meshes = await network(2).start()
    votes, handled = Received(), Received()

    async def refuse(sender: bytes, payload: bytes) -> None:
        await handled(sender, payload)
        raise InvalidGossip("proof rejected")

    meshes[1].on("message", refuse)
    meshes[1].on("vote", votes)
    for number in range(3):
        await meshes[0].broadcast("message", bytes([number]))
        await until(lambda: len(handled.messages) == number + 1)  # noqa: B023
    await meshes[0].broadcast("message", b"one more")
    await meshes[0].broadcast("vote", b"yes")

    await until(lambda: bool(votes.messages) and counted(meshes[1], "dropped", "throttled") == 1)
    assert len(handled.messages) == 3
    [row] = meshes[1].status()
    assert row.throttled
    assert row.connected
    assert counted(meshes[1], "offences", "invalid_gossip") == 3


async def test_a_peer_that_goes_on_with_invalid_votes_loses_its_session_until_forgiven(network):
    house = network(2)
    clock = [0.0]
    victim = house.mesh(1, clock=lambda: clock[0])
    peer = house.mesh(0)

    async def refuse(sender: bytes, payload: bytes) -> None:
        raise InvalidGossip("a vote for nothing")

    victim.on("vote", refuse)
    await asyncio.gather(victim.start(), peer.start())
    await until(lambda: bool(peer.connected))
    for number in range(10):
        await peer.broadcast("vote", bytes([number]))

    await until(lambda: not victim.connected and not peer.connected)
    await asyncio.sleep(0.3)
    assert not victim.connected
    clock[0] = 60.0
    await until(lambda: bool(victim.connected))


async def test_a_fetch_streams_the_batches_a_peer_has(network):
    class Archive:
        async def batches(self, first: int, count: int) -> list[bytes]:
            return [f"batch {number}".encode() for number in range(first, min(first + count, 30))]

    meshes = await network(2).start(batches=Archive())

    for asking, asked in ((0, 1), (1, 0)):
        bodies = await meshes[asking].fetch_batches(meshes[asked].address, 5, 20)
        assert bodies == [f"batch {number}".encode() for number in range(5, 25)]
    assert len(await meshes[0].fetch_batches(meshes[1].address, 25, 20)) == 5
    assert await meshes[0].fetch_batches(meshes[1].address, 99, 20) == []


async def test_a_fetch_ends_at_its_deadline(network):
    class Stuck:
        async def batches(self, first: int, count: int) -> list[bytes]:
            await asyncio.sleep(60)
            return []

    house = network(2)
    meshes = await house.start(batches=Stuck())
    object.__setattr__(meshes[0].limits, "fetch_timeout", 0.2)

    with pytest.raises(FetchFailed) as failure:
        await meshes[0].fetch_batches(meshes[1].address, 0, 1)
    assert failure.value.status == "DEADLINE_EXCEEDED"


async def test_a_fetch_from_an_absent_peer_or_one_without_batches_fails_with_its_status(network):
    house = network(3)
    meshes = [house.mesh(0), house.mesh(1)]
    await asyncio.gather(*(mesh.start() for mesh in meshes))
    await until(lambda: bool(meshes[0].connected))

    with pytest.raises(FetchFailed) as absent:
        await meshes[0].fetch_batches(house.validators[2].address, 0, 1)
    with pytest.raises(FetchFailed) as empty_handed:
        await meshes[0].fetch_batches(meshes[1].address, 0, 1)
    assert (absent.value.status, empty_handed.value.status) == ("UNAVAILABLE", "UNIMPLEMENTED")
