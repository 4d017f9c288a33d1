"""What a batch takes from the chains, and how much of it at once."""

from functools import partial

import pytest

from node.chains.events import Deposited
from node.ledger import batch
from node.ledger.batch import MAX_BATCH_BYTES, Batch, ChainSegment, HubHeader, LoggedEvent
from node.ledger.state import ChainCursor, LedgerState, genesis
from node.ledger.types import AccountId, Address, Digest
from node.ledger.wire import encode_batch
from node.market.state import genesis_state
from node.network.limits import PeerLimits
from node.sequencing.inputs import BATCH_EVENTS, pending_segments
from tests.node.sequencing.world import FINALITY, FakeChain, FakeView
from tests.support.ledger import CHAINS, START, Setting, token

SPOKE = CHAINS[1]


def state_before(setting: Setting, booked: int = 0) -> LedgerState:
    """A house that has booked every chain up to block `booked`."""
    market = genesis_state(setting.house.registry, setting.house.market, 0, START)
    return genesis(setting.house, market, 0, {chain: ChainCursor(booked, bytes(32)) for chain in CHAINS})


async def mined(*counts: int) -> FakeView:
    """A final chain whose blocks hold so many deposits."""
    chain = FakeChain(SPOKE)
    deposit = partial(Deposited, account=bytes(32), token=token(SPOKE, "USD"), amount=1_000_000, sequence=1)
    for count in counts:
        await chain.mine(*[deposit] * count)
    for _ in range(FINALITY):
        await chain.mine()
    return FakeView(chain)


@pytest.mark.parametrize(
    ("counts", "last", "events"),
    [
        ((2, 2, 2), 2, 4),  # the third block does not fit
        ((2, 2, 0, 0, 1), 4, 4),  # empty blocks cost nothing
        ((9, 1), 1, 9),  # a block is never split, and always goes
        ((4, 1), 1, 4),
        ((0, 0, 9), 2, 0),
        ((1, 1, 1, 1), 4, 4),
    ],
)
async def test_a_segment_ends_before_the_block_that_is_one_event_too_many(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, counts: tuple[int, ...], last: int, events: int
):
    monkeypatch.setattr("node.sequencing.inputs.BATCH_EVENTS", 4)
    view = await mined(*counts)

    (segment,) = pending_segments(setting.house, state_before(setting), {SPOKE: view}, 0)

    assert (segment.from_block, segment.to_block, len(segment.events)) == (1, last, events)
    assert segment.to_hash == view.header(last).hash


async def test_a_flooded_chain_takes_no_more_than_its_share(setting: Setting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("node.sequencing.inputs.BATCH_EVENTS", 8)
    flooded = await mined(*[1] * 20)
    chains = {chain: flooded if chain == SPOKE else FakeView(FakeChain(chain)) for chain in CHAINS}

    (segment,) = pending_segments(setting.house, state_before(setting), chains, 0)

    assert segment.to_block == 8 // len(CHAINS)


def test_all_the_events_of_a_batch_leave_most_of_it_to_messages():
    """Each of them as large as one can be."""
    most, word, nobody = 2**64 - 1, Digest(bytes([255] * 32)), Address(bytes([255] * 20))
    deposited = batch.Deposited(AccountId(word), nobody, most)
    segment = ChainSegment(most, most, most, word, (LoggedEvent(most, most, deposited),) * BATCH_EVENTS)
    made = Batch(most, word, nobody, HubHeader(most, word, most), (segment,), (), None, (), (), word)

    assert len(encode_batch(made)) < MAX_BATCH_BYTES // 8


def test_a_full_batch_fits_twice_into_what_peers_take_from_one_another():
    assert PeerLimits().message_bytes >= 2 * MAX_BATCH_BYTES
