"""A validator never signs two batches for one number and attempt."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.store import DoubleVote, Store
from tests.node.store.made import DEPLOYMENT, digest


def test_the_same_vote_again_changes_nothing(chain):
    chain.store.record_vote(7, 0, digest("batch"))
    chain.store.record_vote(7, 0, digest("batch"))

    assert [(v.attempt, v.digest) for v in chain.store.votes(7)] == [(0, digest("batch"))]


def test_a_second_batch_in_the_same_attempt_is_refused_with_both_digests(chain):
    chain.store.record_vote(7, 0, digest("batch"))

    with pytest.raises(DoubleVote) as caught:
        chain.store.record_vote(7, 0, digest("other"))

    error = caught.value
    assert (error.number, error.attempt, error.voted, error.refused) == (7, 0, digest("batch"), digest("other"))


def test_a_vote_is_remembered_after_reopening(chain, url):
    chain.store.record_vote(7, 0, digest("batch"))
    chain.store.close()
    reopened = Store(url, DEPLOYMENT)

    with pytest.raises(DoubleVote):
        reopened.record_vote(7, 0, digest("other"))
    reopened.close()


def test_rewinding_keeps_votes(chain):
    chain.commit()
    chain.store.record_vote(2, 0, digest("batch"))
    chain.store.rewind(0)

    with pytest.raises(DoubleVote):
        chain.store.record_vote(2, 0, digest("other"))


def test_another_attempt_is_another_vote(chain):
    chain.store.record_vote(7, 0, digest("batch"))
    chain.store.record_vote(7, 1, digest("other"))

    assert [v.digest for v in chain.store.votes(7)] == [digest("batch"), digest("other")]


def test_old_votes_can_be_forgotten(chain):
    for number in (1, 2, 3):
        chain.store.record_vote(number, 0, digest(number))

    chain.store.forget_votes(3)

    assert [len(chain.store.votes(number)) for number in (1, 2, 3)] == [0, 0, 1]


def test_of_many_threads_that_vote_at_once_one_batch_wins(chain):
    def vote(name: int) -> bool:
        try:
            chain.store.record_vote(1, 0, digest(name))
        except DoubleVote:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(vote, range(8)))

    assert accepted.count(True) == 1
    assert len(chain.store.votes(1)) == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_the_first_vote_of_each_attempt_stands(votes):
    store = Store("sqlite://", DEPLOYMENT)
    expected: dict[tuple[int, int], int] = {}
    for number, attempt, name in votes:
        first = expected.setdefault((number, attempt), name)
        if first == name:
            store.record_vote(number, attempt, digest(name))
        else:
            with pytest.raises(DoubleVote):
                store.record_vote(number, attempt, digest(name))

    stored = {(v.number, v.attempt): v.digest for number in range(3) for v in store.votes(number)}
    assert stored == {place: digest(name) for place, name in expected.items()}
    store.close()


def test_two_processes_on_one_database_cannot_vote_twice(chain, url):
    """Two stores stand for them: each has connections of its own, and no lock in common but the database's."""
    other = Store(url, DEPLOYMENT)

    def vote(number: int, store: Store, name: str) -> bool:
        try:
            store.record_vote(number, 0, digest(name))
        except DoubleVote:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for number in range(25):
            first = pool.submit(vote, number, chain.store, "first")
            second = pool.submit(vote, number, other, "second")
            assert first.result() != second.result()
    other.close()
