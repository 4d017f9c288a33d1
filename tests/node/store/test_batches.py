"""Final batches: in order, complete, and there after whatever happens to the process."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from circuits.transcript import Deployment
from node.ledger.account import Account
from node.ledger.effects import EventKind, Posting, PostingKind, event
from node.ledger.errors import WireError
from node.ledger.execution import Executed
from node.ledger.types import Address, Status
from node.ledger.wire import batch_hash, encode_message
from node.store import BatchGap, BrokenChain, OutboxKind, Store, WrongDeployment
from tests.node.store.made import (
    CERTIFICATE,
    DEPLOYMENT,
    Chain,
    account_id,
    digest,
    open_account,
    pay,
    state_after,
    trade,
)

ROOT = Path(__file__).resolve().parents[3]


def test_an_empty_store_has_no_last_batch(chain):
    assert chain.store.last() is None
    assert chain.store.batches(1, 10) == []


def test_a_committed_batch_is_there_after_reopening(chain, url):
    message = open_account(0)
    body = chain.body(message)
    chain.commit(message)
    chain.store.close()

    reopened = Store(url, DEPLOYMENT)
    last = reopened.last()

    assert (last.number, last.root, last.body) == (1, digest(("root", 1)), body)
    assert (last.batch_hash, last.certificate, last.final_hub_block) == (batch_hash(body), CERTIFICATE, 201)
    assert reopened.batch(1) == last
    assert reopened.batch(2) is None
    reopened.close()


def test_bodies_come_in_order_and_no_more_than_asked_for(chain):
    bodies = []
    for index in range(5):
        bodies.append(chain.body(open_account(index)))
        chain.commit(open_account(index))

    assert chain.store.batches(2, 3) == bodies[1:4]
    assert chain.store.batches(4, 10) == bodies[3:]


def test_a_batch_that_skips_one_is_refused_with_the_number_expected(chain):
    chain.commit()
    body = chain.body(number=3)

    with pytest.raises(BatchGap) as caught:
        chain.store.commit_batch(
            3, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(3, digest("r")), ()), 1
        )

    assert (caught.value.expected, caught.value.number) == (2, 3)


def test_the_same_batch_again_is_a_gap_too(chain):
    body = chain.body()
    chain.commit()

    with pytest.raises(BatchGap):
        chain.store.commit_batch(
            1, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(1, digest("r")), ()), 1
        )


def test_a_body_with_another_number_than_its_own_is_refused(chain):
    body = chain.body(number=2)

    with pytest.raises(BatchGap):
        chain.store.commit_batch(
            1, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(1, digest("r")), ()), 1
        )


def test_a_batch_on_another_root_is_refused(chain):
    chain.commit()
    body = chain.body(previous=digest("another branch"))

    with pytest.raises(BrokenChain) as caught:
        chain.store.commit_batch(
            2, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(2, digest("r")), ()), 1
        )

    assert caught.value.expected == digest(("root", 1))


def test_the_first_batch_builds_on_the_deployment(chain):
    body = chain.body(previous=digest("another house"))

    with pytest.raises(BrokenChain):
        chain.store.commit_batch(
            1, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(1, digest("r")), ()), 1
        )


def test_bytes_that_are_no_batch_are_refused(chain):
    with pytest.raises(WireError):
        chain.store.commit_batch(
            1, digest("r"), b"\xff", digest("h"), CERTIFICATE, Executed(state_after(1, digest("r")), ()), 1
        )


def test_a_failure_in_the_middle_of_a_batch_leaves_nothing(chain):
    """The second of two batches with one message between them fails after its first rows are written."""
    chain.commit(open_account(0))
    owner = account_id("owner")
    effects = (event(EventKind.ACCOUNT_OPENED, owner), Posting(PostingKind.CASH, owner, 5), pay("first"))
    body = chain.body(open_account(1), open_account(1))

    with pytest.raises(IntegrityError):
        chain.store.commit_batch(
            2, digest("r"), body, batch_hash(body), CERTIFICATE, Executed(state_after(2, digest("r")), effects), 1
        )

    assert chain.store.last().number == 1
    assert chain.store.message(open_account(1).digest(DEPLOYMENT)) is None
    assert chain.store.events() == []
    assert chain.store.postings(owner) == []
    assert chain.store.pending() == []


def test_an_exception_after_the_last_row_leaves_nothing(chain, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("node.store.batches._settle_commits", fail)

    with pytest.raises(OSError, match="disk full"):
        chain.commit(open_account(0), effects=(pay("first"),))

    assert chain.store.last() is None
    assert chain.store.pending() == []


_KILLED = """
import os, signal, sys
from node.store import Store, batches
from tests.node.store.made import DEPLOYMENT, Chain, open_account, pay
chain = Chain(Store(sys.argv[1], DEPLOYMENT))
chain.commit(open_account(0))
chain.store.record_vote(2, 0, bytes(32))
batches._settle_commits = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
chain.commit(open_account(1), effects=(pay("never"),))
"""


def test_a_process_killed_within_a_batch_keeps_what_it_had_and_none_of_the_batch(url):
    paths = os.pathsep.join((str(ROOT), str(ROOT / "node" / "stubs")))
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, url], env={**os.environ, "PYTHONPATH": paths}, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL

    store = Store(url, DEPLOYMENT)

    assert store.last().number == 1
    assert [vote.number for vote in store.votes(2)] == [2]
    assert store.pending() == []
    store.close()


def test_messages_are_found_by_their_id(chain):
    exchanged = trade(account_id("taker"), account_id("maker"))
    chain.commit(open_account(0))
    chain.commit(open_account(1), exchanged)

    stored = chain.store.message(exchanged.digest(DEPLOYMENT))

    assert (stored.batch, stored.body) == (2, encode_message(exchanged))
    assert chain.store.message(digest("unknown")) is None


def test_accounts_that_a_batch_touched_keep_their_version_and_status(chain):
    touched = Account(account_id("touched"), Address(bytes(20)), 0, bytes(32), 31337, version=4, status=Status.DUE)
    untouched = Account(account_id("untouched"), Address(bytes(20)), 1, bytes(32), 31337)
    chain.commit(effects=(event(EventKind.DUE, touched.id),), accounts=(touched, untouched))
    later = replace(touched, version=5, status=Status.ACTIVE)
    chain.commit(effects=(event(EventKind.MARGIN_PROVEN, touched.id),), accounts=(later, untouched))

    versions = chain.store.account_versions(touched.id)

    assert [(v.batch, v.version, v.status) for v in versions] == [(1, 4, Status.DUE), (2, 5, Status.ACTIVE)]
    assert chain.store.account_versions(untouched.id) == []


def test_rewinding_forgets_later_batches_and_all_that_followed(chain):
    owner = account_id("owner")
    first = (event(EventKind.DEPOSITED, owner), Posting(PostingKind.CREDITED, owner, 5))
    second = (event(EventKind.WITHDRAWN, owner), Posting(PostingKind.CASH, owner, -5), pay("undone"))
    chain.commit(open_account(0), effects=first)
    root = chain.root
    chain.commit(open_account(1), effects=second)

    chain.store.rewind(1)

    assert chain.store.last().number == 1
    assert [e.sequence for e in chain.store.events()] == [1]
    assert [p.sequence for p in chain.store.postings(owner)] == [1]
    assert [entry.kind for entry in chain.store.pending()] == [OutboxKind.COMMIT]
    chain.number, chain.root = 1, root
    chain.commit(open_account(2), effects=second)
    assert [e.sequence for e in chain.store.events()] == [1, 2]


def test_another_deployments_database_is_refused(chain, url):
    other = Deployment(1, bytes(20), bytes(32))

    with pytest.raises(WrongDeployment) as caught:
        Store(url, other)

    assert (caught.value.stored, caught.value.expected) == (DEPLOYMENT.digest, other.digest)


@pytest.mark.parametrize("memory", [True, False])
def test_threads_may_read_while_one_writes(memory, url):
    """Readers see whole batches only: as many events as ten times the height."""
    chain = Chain(Store("sqlite://" if memory else url, DEPLOYMENT))
    owner = account_id("owner")
    torn: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            events = chain.store.events()
            if len(events) % 10 or any(e.sequence != i for i, e in enumerate(events, 1)):
                torn.append((len(events), events[-1].sequence))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(10):
        chain.commit(effects=[event(EventKind.DEPOSITED, owner, amount=i) for i in range(10)])
    done.set()
    for reader in readers:
        reader.join()

    assert torn == []
    assert len(chain.store.events()) == 100
    chain.store.close()
