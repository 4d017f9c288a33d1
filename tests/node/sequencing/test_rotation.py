from hypothesis import given
from hypothesis import strategies as st

from node.ledger.types import Address
from node.sequencing.rotation import Rotation, proposer_of

VALIDATORS = [Address(bytes([index]) * 20) for index in range(4)]


class HandClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def started(faults: int = 1) -> tuple[Rotation, HandClock]:
    clock = HandClock()
    rotation = Rotation(faults, 1.0, clock)
    rotation.begin(5)
    return rotation, clock


@given(number=st.integers(0, 1 << 40), attempt=st.integers(0, 1 << 20))
def test_any_four_attempts_in_a_row_give_every_validator_a_turn(number: int, attempt: int):
    turns = {proposer_of(VALIDATORS, number, attempt + later) for later in range(4)}

    assert turns == set(VALIDATORS)


def test_the_next_batch_is_the_next_validators_turn():
    assert proposer_of(VALIDATORS, 6, 0) == proposer_of(VALIDATORS, 5, 1)


def test_a_turn_is_given_up_only_after_its_time():
    rotation, clock = started()
    clock.now = 0.9
    assert not rotation.tick()

    clock.now = 1.1

    assert rotation.tick()
    assert rotation.attempt == 1


def test_each_turn_lasts_longer_than_the_one_before_up_to_a_limit():
    rotation, clock = started()
    times = []
    for _ in range(12):
        times.append(rotation.timeout)
        clock.now += rotation.timeout
        assert rotation.tick()

    assert times == sorted(times)
    assert times[1] > times[0]
    assert times[-1] == times[-2] == 8.0


def test_progress_starts_the_turns_time_anew():
    rotation, clock = started()
    clock.now = 0.9
    rotation.progress()
    clock.now = 1.5

    assert not rotation.tick()


def test_a_node_votes_at_its_own_attempt_or_the_next_and_at_no_other():
    rotation, _ = started()
    rotation.adopt(3)

    assert [attempt for attempt in range(8) if rotation.votes_at(attempt)] == [3, 4]


def test_one_validator_alone_cannot_hurry_the_others():
    rotation, _ = started()

    assert not rotation.heard(VALIDATORS[1], 1000)
    assert rotation.attempt == 0


def test_a_node_that_was_away_jumps_to_the_attempt_that_an_honest_validator_has_reached():
    rotation, _ = started()
    rotation.heard(VALIDATORS[1], 1000)

    assert rotation.heard(VALIDATORS[2], 7)
    assert rotation.attempt == 7


def test_attempts_start_from_nothing_at_the_next_batch():
    rotation, _ = started()
    rotation.heard(VALIDATORS[1], 9)
    rotation.heard(VALIDATORS[2], 9)

    rotation.begin(6)

    assert rotation.attempt == 0
    assert not rotation.heard(VALIDATORS[3], 9)
