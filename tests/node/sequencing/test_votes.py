import pytest

from node.chains.certificates import BatchCommitment, ValidatorKey, verify
from node.ledger.types import Address
from node.network.errors import InvalidGossip
from node.sequencing.payloads import VotePayload
from node.sequencing.votes import Certified, VoteBook, commitment_digest, require_certified
from tests.support.ledger import Setting

ONE = BatchCommitment(1, bytes(32), b"\1" * 32, b"\2" * 32)
OTHER = BatchCommitment(1, bytes(32), b"\3" * 32, b"\4" * 32)


def vote(setting: Setting, key: ValidatorKey, commitment: BatchCommitment = ONE, attempt: int = 0) -> VotePayload:
    return VotePayload(attempt, commitment, key.sign_digest(commitment_digest(setting.house, commitment)))


def test_a_quorum_of_votes_makes_a_certificate_that_the_hub_would_take(setting: Setting):
    book = VoteBook(setting.house)
    made = [book.add(Address(key.address), vote(setting, key)) for key in setting.keys[:3]]

    assert made[:2] == [None, None]
    assert made[2] is not None
    verify(made[2].certificate, commitment_digest(setting.house, ONE), setting.house.validators)


def test_the_same_vote_again_does_not_count_twice(setting: Setting):
    book = VoteBook(setting.house)
    for _ in range(3):
        assert book.add(Address(setting.keys[0].address), vote(setting, setting.keys[0])) is None


def test_votes_of_two_attempts_for_one_batch_add_up(setting: Setting):
    book = VoteBook(setting.house)
    first, second, third = setting.keys[:3]
    book.add(Address(first.address), vote(setting, first, attempt=0))
    book.add(Address(second.address), vote(setting, second, attempt=1))

    assert book.add(Address(third.address), vote(setting, third, attempt=2)) is not None


def test_a_second_vote_at_one_attempt_is_reported_and_does_not_count(setting: Setting):
    book = VoteBook(setting.house)
    cheat = setting.keys[0]
    book.add(Address(cheat.address), vote(setting, cheat, ONE))

    with pytest.raises(InvalidGossip, match="second vote"):
        book.add(Address(cheat.address), vote(setting, cheat, OTHER))


def test_a_vote_in_anothers_name_is_refused(setting: Setting):
    book = VoteBook(setting.house)

    with pytest.raises(InvalidGossip):
        book.add(Address(setting.keys[1].address), vote(setting, setting.keys[0]))


def test_a_stranger_has_no_vote(setting: Setting):
    stranger = ValidatorKey.generate()

    with pytest.raises(InvalidGossip, match="no validator"):
        VoteBook(setting.house).add(Address(stranger.address), vote(setting, stranger))


def test_a_certificate_of_another_batch_is_refused(setting: Setting):
    book = VoteBook(setting.house)
    made = [book.add(Address(key.address), vote(setting, key)) for key in setting.keys[:3]][-1]
    assert made is not None

    require_certified(setting.house, made)
    with pytest.raises(InvalidGossip):
        require_certified(setting.house, Certified(OTHER, made.certificate))
