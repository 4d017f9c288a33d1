"""The public past: in order, gapless, the same on every node."""

from node.ledger.effects import EventKind, Posting, PostingKind, event
from node.ledger.types import MAX_CASH_MOVE, AssetId, InstrumentId
from node.ledger.wire import encode_message
from node.store import Latency
from tests.node.store.made import DEPLOYMENT, account_id, trade

TAKER, MAKER = account_id("taker"), account_id("maker")


def test_events_are_numbered_without_gaps_across_batches(chain):
    chain.commit(effects=(event(EventKind.ROUND, round=1), event(EventKind.DUE, TAKER)))
    chain.commit(effects=(event(EventKind.CALLED, TAKER, deadline=7),))

    events = chain.store.events()

    assert [(e.sequence, e.batch, e.event.kind) for e in events] == [
        (1, 1, EventKind.ROUND),
        (2, 1, EventKind.DUE),
        (3, 2, EventKind.CALLED),
    ]
    assert events[0].event.account is None
    assert events[2].event == event(EventKind.CALLED, TAKER, deadline=7)


def test_events_page_and_filter_by_account(chain):
    chain.commit(effects=[event(EventKind.TRADED, (TAKER, MAKER)[i % 2]) for i in range(6)])

    assert [e.sequence for e in chain.store.events(2, 3)] == [3, 4, 5]
    assert [e.sequence for e in chain.store.events(1, 10, MAKER)] == [2, 4, 6]


def test_postings_are_numbered_for_each_account(chain):
    chain.commit(effects=(Posting(PostingKind.CREDITED, TAKER, 1), Posting(PostingKind.CREDITED, MAKER, 2)))
    chain.commit(effects=(Posting(PostingKind.MERGED, TAKER, 1), Posting(PostingKind.CASH, TAKER, -3)))

    assert [(p.sequence, p.batch, p.posting.amount) for p in chain.store.postings(TAKER)] == [
        (1, 1, 1),
        (2, 2, 1),
        (3, 2, -3),
    ]
    assert [p.sequence for p in chain.store.postings(MAKER)] == [1]
    assert [p.sequence for p in chain.store.postings(TAKER, after=1, limit=1)] == [2]


def test_a_posting_survives_the_store_unchanged(chain):
    posting = Posting(PostingKind.COLLATERAL, TAKER, 1 - MAX_CASH_MOVE, AssetId("WETH@31338"), InstrumentId("BTC-PERP"))
    chain.commit(effects=(posting,))

    (stored,) = chain.store.postings(TAKER)

    assert stored.posting == posting
    assert stored.message is None


def test_a_trades_postings_come_with_the_trade(chain):
    exchanged = trade(TAKER, MAKER)
    name = exchanged.digest(DEPLOYMENT)
    instrument = exchanged.terms.instrument
    taken = Posting(PostingKind.TRADE_TAKEN, TAKER, 800_000, instrument=instrument, message=name)
    made = Posting(PostingKind.TRADE_MADE, MAKER, 800_000, instrument=instrument, message=name)
    chain.commit(exchanged, effects=(taken, made))

    for account in (TAKER, MAKER):
        (stored,) = chain.store.postings(account)
        assert stored.message == encode_message(exchanged)


def test_latencies_come_newest_first_and_are_replaced(chain):
    for batch in (1, 2):
        chain.store.record_latency(Latency(batch, 80.0, 900.0))
    chain.store.record_latency(Latency(2, 90.0, 950.0))

    assert chain.store.latencies() == [Latency(2, 90.0, 950.0), Latency(1, 80.0, 900.0)]
    assert len(chain.store.latencies(limit=1)) == 1
