"""What has to reach the chains stays until it is final there, and is never forgotten or doubled."""

import pytest

from node.ledger.effects import SeizeAction
from node.ledger.types import AssetId, MicroUsd
from node.store import ConflictingEntry, OutboxKind, Store, UnknownEntry
from tests.node.store.made import DEPLOYMENT, digest, open_account, pay


def test_a_batchs_actions_wait_in_the_outbox(chain):
    seizure = SeizeAction(digest("s"), AssetId("WETH@31339"), 7, MicroUsd(1 << 61), MicroUsd(500), 3600)
    chain.commit(effects=(pay(1), seizure))

    entries = {entry.kind: entry for entry in chain.store.pending()}

    assert entries[OutboxKind.PAY].action == pay(1)
    assert entries[OutboxKind.SEIZE].action == seizure
    assert [(e.chain_id, e.batch, e.attempts) for e in entries.values()] == [(31338, 1, 0), (31339, 1, 0)]


def test_an_entry_stays_pending_while_it_is_only_sent(chain, url):
    chain.commit(effects=(pay(1),))
    chain.store.mark_sent(pay(1).action_id, b"\x01" * 32)
    chain.store.mark_sent(pay(1).action_id, b"\x02" * 32)
    chain.store.close()
    reopened = Store(url, DEPLOYMENT)

    (entry,) = reopened.pending()

    assert (entry.transaction, entry.attempts, entry.closed) == (b"\x02" * 32, 2, False)
    reopened.close()


def test_a_closed_entry_is_pending_no_more(chain):
    chain.commit(effects=(pay(1), pay(2)))
    chain.store.close_entry(pay(1).action_id)

    assert [entry.id for entry in chain.store.pending()] == [pay(2).action_id]
    assert {entry.closed for entry in chain.store.pending(include_closed=True)} == {True, False}


def test_a_reorganisation_puts_an_entry_back(chain):
    chain.commit(effects=(pay(1),))
    chain.store.mark_sent(pay(1).action_id, b"\x01" * 32)
    chain.store.close_entry(pay(1).action_id)
    chain.store.reopen(pay(1).action_id)

    (entry,) = chain.store.pending()

    assert (entry.transaction, entry.attempts) == (b"", 1)


def test_an_unknown_entry_cannot_be_marked(chain):
    for change in (chain.store.close_entry, chain.store.reopen, lambda name: chain.store.mark_sent(name, b"")):
        with pytest.raises(UnknownEntry):
            change(digest("unknown"))


def test_an_action_added_twice_is_one_entry(chain):
    chain.commit(effects=(pay(1),))
    chain.store.mark_sent(pay(1).action_id, b"\x01" * 32)
    chain.store.add(1, pay(1))

    (entry,) = chain.store.pending()

    assert entry.attempts == 1


def test_one_id_cannot_stand_for_two_actions(chain):
    chain.store.add(1, pay(1, amount=10))

    with pytest.raises(ConflictingEntry):
        chain.store.add(2, pay(1, amount=11))


def test_a_certified_batch_waits_for_the_hub(chain):
    batch = chain.certified(open_account(0))
    chain.store.save_certified(batch)
    chain.store.save_certified(batch)

    assert chain.store.certified(1) == (batch,)
    (entry,) = chain.store.pending()
    assert (entry.id, entry.kind, entry.chain_id, entry.action) == (
        batch.batch_hash,
        OutboxKind.COMMIT,
        DEPLOYMENT.hub_chain_id,
        None,
    )


def test_two_attempts_at_one_number_may_both_be_certified(chain):
    first, second = chain.certified(open_account(0)), chain.certified(open_account(1))
    chain.store.save_certified(first)
    chain.store.save_certified(second)

    assert set(chain.store.certified(1)) == {first, second}


def test_an_undone_batch_waits_for_the_hub_again(chain):
    batch = chain.certified(open_account(0))
    chain.store.save_certified(batch)
    chain.commit(open_account(0), effects=(pay(1),))
    chain.store.rewind(0)

    assert chain.store.certified(1) == (batch,)
    assert [(e.id, e.kind) for e in chain.store.pending()] == [(batch.batch_hash, OutboxKind.COMMIT)]


def test_rewinding_to_the_last_batch_keeps_what_is_certified_after_it(chain):
    chain.commit()
    batch = chain.certified(open_account(0))
    chain.store.save_certified(batch)
    chain.store.rewind(1)

    assert chain.store.certified(2) == (batch,)
    assert [e.id for e in chain.store.pending()] == [batch.batch_hash]


def test_a_final_batch_settles_all_commits_of_its_number(chain):
    chain.store.save_certified(chain.certified(open_account(0)))
    chain.store.save_certified(chain.certified(open_account(1)))
    chain.commit(open_account(1))

    assert chain.store.certified(1) == ()
    assert chain.store.pending() == []
    entries = chain.store.pending(include_closed=True)
    assert [(e.kind, e.closed) for e in entries] == [(OutboxKind.COMMIT, True)] * 2
