"""Anti-entropy: pools that differ come to agree, at a bounded cost."""

import asyncio
from dataclasses import replace

from clearing.v1 import peer_pb2
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from node.network import PeerLimits
from node.network.reconcile import Reconciler
from tests.node.network.validators import QUICK, Pool, counted, until

ITEMS = st.sets(st.binary(min_size=1, max_size=8), max_size=30)


def reconciler(pool: Pool, limits: PeerLimits = QUICK) -> Reconciler:
    return Reconciler({"message": pool}, limits, clock=lambda: 0.0)


def heal(sender: Pool, receiver: Pool, limits: PeerLimits = QUICK) -> int:
    """One round in one direction; returns how many items it moved."""
    [summary] = reconciler(sender, limits).summaries()
    inventory = reconciler(receiver, limits).answer(summary)
    if inventory is None:
        return 0
    items = reconciler(sender, limits).missing(inventory)
    for item in items:
        receiver.add(item)
    return len(items)


@given(ITEMS, ITEMS)
def test_one_round_each_way_makes_two_pools_equal_and_moves_nothing_twice(left_items, right_items):
    left, right = Pool(*left_items), Pool(*right_items)

    assert heal(left, right) == len(left_items - right_items)
    assert heal(right, left) == len(right_items - left_items)
    assert left.items == right.items
    assert heal(left, right) == 0


@given(ITEMS, ITEMS, st.integers(1, 4))
def test_a_truncated_inventory_never_makes_a_peer_send_what_is_held_already(left_items, right_items, limit):
    limits = replace(QUICK, inventory_digests=limit)
    left, right = Pool(*left_items), Pool(*right_items)
    inventory = reconciler(right, limits).answer(peer_pb2.PoolSummary(topic="message", digest=bytes(32)))
    sent = set(reconciler(left, limits).missing(inventory))

    assert sent <= left_items - right_items
    if len(right_items) <= limit:
        assert sent == left_items - right_items


def test_equal_pools_need_no_inventory():
    [summary] = reconciler(Pool(b"a", b"b")).summaries()

    assert reconciler(Pool(b"b", b"a")).answer(summary) is None
    assert reconciler(Pool(b"a")).answer(summary) is not None


def test_one_round_sends_no_more_than_its_items_and_bytes():
    pool = Pool(*(bytes([number]) * 1000 for number in range(100)))
    nothing = peer_pb2.PoolInventory(topic="message")
    few = replace(QUICK, reconcile_items=10)
    small = replace(QUICK, message_bytes=5000, reconcile_bytes=5500)

    assert len(reconciler(pool, few).missing(nothing)) == 10
    assert len(reconciler(pool, small).missing(nothing)) == 5


def test_a_topic_nobody_declared_durable_is_left_alone():
    assert reconciler(Pool()).answer(peer_pb2.PoolSummary(topic="vote", digest=bytes(32))) is None
    assert reconciler(Pool(b"a")).missing(peer_pb2.PoolInventory(topic="vote")) == []


async def test_anti_entropy_heals_what_a_node_missed_while_away(network):
    house = network(3)
    pools = [Pool(b"old"), Pool(b"old", b"from the second"), Pool()]
    meshes = [house.mesh(index, pools={"message": pool}) for index, pool in enumerate(pools)]
    for mesh, pool in zip(meshes, pools, strict=True):
        mesh.on("message", _into(pool))
    await asyncio.gather(*(mesh.start() for mesh in meshes))

    await until(lambda: all(set(pool.items.values()) == {b"old", b"from the second"} for pool in pools))

    await meshes[2].stop()
    pools[0].add(b"meanwhile")
    returned = house.mesh(2, pools={"message": pools[2]})
    returned.on("message", _into(pools[2]))
    await returned.start()
    await until(lambda: keccak(b"meanwhile") in pools[2].items)


async def test_equal_pools_exchange_summaries_and_nothing_else(network):
    meshes = await network(2).start(pools={"message": Pool(b"shared")})

    await asyncio.sleep(0.4)

    assert [counted(mesh, "healed", "message") for mesh in meshes] == [0, 0]
    assert [counted(mesh, "sent", "message") for mesh in meshes] == [0, 0]


def _into(pool: Pool):
    async def handler(sender: bytes, payload: bytes) -> None:
        pool.add(payload)

    return handler
