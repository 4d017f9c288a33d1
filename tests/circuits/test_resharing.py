"""Shares are renewed and handed on under one key; old and new ones do not work together."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.ceremony import CeremonyFailed, CeremonyKind, CeremonyTerms, FaultKind
from circuits.ceremony_member import CeremonyMember
from circuits.committee import CommitteeKey, KeyShare
from circuits.errors import CircuitError, ProofRejected, ShareUnavailable, StatementUnsound, WitnessInvalid
from circuits.group import ZERO
from circuits.pedersen import HANDLE_BASE
from circuits.polynomials import lagrange_at_zero
from tests.circuits import ceremonies as cast
from tests.circuits.ceremonies import (
    CONTEXT,
    ROUND_BLOCKS,
    START,
    UNPROVABLE,
    Actor,
    Cast,
    Held,
    blamed,
    hold,
    make_ceremony,
    make_key,
    name,
    names,
    opens,
    seed,
)

OLD = make_key(3, 4)
RENEWING = (
    cast.Absent,
    cast.WrongShares,
    cast.NoProof,
    cast.Rubbish,
    cast.Withholds,
    cast.WithholdsWrong,
    cast.WithholdsForGood,
    cast.FalseComplaint,
    cast.ForgedComplaint,
    cast.ClaimsNothingCame,
    cast.Equivocates,
    cast.Malformed,
)


def refresh_terms(held: Held) -> CeremonyTerms:
    members = names(range(1, len(held.committee.public_shares) + 1))
    threshold = held.committee.threshold
    kind = CeremonyKind.REFRESH
    return CeremonyTerms(kind, CONTEXT, members, members, threshold, START, ROUND_BLOCKS, held.committee)


def reshare_terms(held: Held, members: tuple[bytes, ...], threshold: int) -> CeremonyTerms:
    dealers = names(range(1, len(held.committee.public_shares) + 1))
    kind = CeremonyKind.RESHARE
    return CeremonyTerms(kind, CONTEXT, dealers, members, threshold, START, ROUND_BLOCKS, held.committee)


def renew(terms: CeremonyTerms, held: Held, faulty: Cast = {}, label: str = "renewed") -> Held:  # noqa: B006
    return hold(make_ceremony(terms, faulty, held.shares.get, label), faulty)


def interpolated(shares: list[KeyShare]) -> CommitteeKey:
    weights = lagrange_at_zero([share.index for share in shares])
    return HANDLE_BASE * sum((w * share.secret for w, share in zip(weights, shares, strict=True)), ZERO)


REFRESHED = renew(refresh_terms(OLD), OLD)


def test_a_refresh_keeps_the_key_and_changes_every_share() -> None:
    assert REFRESHED.committee.key == OLD.committee.key
    assert REFRESHED.committee.origin == OLD.committee.origin
    REFRESHED.committee.verify()
    for member, share in REFRESHED.shares.items():
        assert share.secret != OLD.shares[member].secret
        assert REFRESHED.committee.public_share(share.index) != OLD.committee.public_share(share.index)
    assert all(opens(REFRESHED.committee, chosen) for chosen in itertools.combinations(REFRESHED.shares.values(), 3))


def test_old_and_new_shares_together_are_useless() -> None:
    old, new = list(OLD.shares.values()), list(REFRESHED.shares.values())
    for fresh in ([0], [0, 1]):
        mixed = [(new if place in fresh else old)[place] for place in range(3)]
        assert interpolated(mixed) != OLD.committee.key.blinding_base
        for committee in (OLD.committee, REFRESHED.committee):
            with pytest.raises(ProofRejected):
                opens(committee, mixed)
    assert interpolated(new[:3]) == interpolated(old[:3]) == OLD.committee.key.blinding_base


def test_a_refresh_can_follow_a_refresh() -> None:
    again = renew(refresh_terms(REFRESHED), REFRESHED, label="again")
    assert again.committee.key == OLD.committee.key
    assert again.committee != REFRESHED.committee
    assert opens(again.committee, list(again.shares.values())[:3])


def test_a_member_that_misses_a_refresh_holds_a_useless_share() -> None:
    renewed = renew(refresh_terms(OLD), OLD, {4: cast.Absent})
    stale = OLD.shares[name(4)]
    with pytest.raises(ProofRejected):
        stale.check(renewed.committee)
    assert opens(renewed.committee, list(renewed.shares.values()))


@settings(max_examples=25)
@given(st.data())
def test_a_refresh_names_up_to_n_minus_t_faulty_members_and_goes_on(data: st.DataObject) -> None:
    place = data.draw(st.integers(1, 4))
    kind = data.draw(st.sampled_from(RENEWING))
    renewed = renew(refresh_terms(OLD), OLD, {place: kind})
    assert renewed.committee.key == OLD.committee.key
    assert blamed(renewed.progress) == (set() if kind in UNPROVABLE else {place})
    assert opens(renewed.committee, list(renewed.shares.values())[:3])


@settings(max_examples=25)
@given(st.data())
def test_any_other_committee_can_take_over_with_any_threshold(data: st.DataObject) -> None:
    members = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=7, unique=True))
    threshold = data.draw(st.integers(1, len(members)))
    terms = reshare_terms(OLD, names(members), threshold)
    count = data.draw(st.integers(0, min(1, len(members) - threshold)))
    place = data.draw(st.sampled_from([1, 2, 3, 4]))
    faulty = {place: data.draw(st.sampled_from(RENEWING))} if count else {}
    renewed = renew(terms, OLD, faulty)
    assert renewed.committee.key == OLD.committee.key
    assert renewed.committee.threshold == threshold
    assert len(renewed.committee.public_shares) == len(members)
    renewed.committee.verify()
    assert blamed(renewed.progress) <= set(faulty)
    chosen = data.draw(st.permutations(list(renewed.shares.values())))[:threshold]
    assert opens(renewed.committee, chosen)


def test_shares_of_two_committees_do_not_work_together() -> None:
    renewed = renew(reshare_terms(OLD, names([1, 2, 5, 6]), 3), OLD)
    mixed = [OLD.shares[name(1)], *list(renewed.shares.values())[1:3]]
    assert interpolated(mixed) != OLD.committee.key.blinding_base
    with pytest.raises(ProofRejected):
        opens(renewed.committee, mixed)


def test_a_committee_that_was_handed_the_key_can_hand_it_on() -> None:
    second = renew(reshare_terms(OLD, names([1, 2, 5, 6, 7]), 4), OLD)
    terms = replace(reshare_terms(OLD, names([8, 9]), 2), previous=second.committee, dealers=names([1, 2, 5, 6, 7]))
    third = renew(terms, second)
    assert third.committee.key == OLD.committee.key
    assert opens(third.committee, list(third.shares.values()))


class OtherSecret(cast.WrongShares):
    """Hands on another secret than its share, as well as it can: A_0 is not its to choose."""

    def body(self, progress):  # type: ignore[no-untyped-def]
        from circuits.dealing import DealtPolynomial, make_dealing
        from circuits.group import scalar
        from circuits.polynomial_proofs import PolynomialStatement

        member, terms = self.member, self.member.terms
        values = (member._polynomial.values[0] + scalar(1), *member._polynomial.values[1:])
        other = DealtPolynomial(values, member._polynomial.blindings)
        keys = progress.keys_for(terms, member.dealer)
        prove, PolynomialStatement.prove = PolynomialStatement.prove, lambda self, secret: bytes(64)  # type: ignore[method-assign,assignment]
        try:
            return make_dealing(terms, member.dealer, other, keys, member._seed)
        finally:
            PolynomialStatement.prove = prove  # type: ignore[method-assign]


@pytest.mark.parametrize("terms", [refresh_terms(OLD), reshare_terms(OLD, names([1, 2, 5, 6]), 3)])
def test_nobody_can_hand_on_another_secret_than_its_share(terms: CeremonyTerms) -> None:
    renewed = renew(terms, OLD, {2: OtherSecret})
    assert renewed.committee.key == OLD.committee.key
    assert {(fault.member, fault.kind) for fault in renewed.progress.faults} == {(name(2), FaultKind.INVALID_DEALING)}


@pytest.mark.parametrize("faulty", [{1: cast.Absent, 2: cast.Absent}, {1: cast.NoProof, 2: cast.Absent}])
def test_too_few_old_members_fail_and_are_named(faulty: dict[int, type[Actor]]) -> None:
    terms = reshare_terms(OLD, names([5, 6, 7]), 2)
    with pytest.raises(CeremonyFailed, match="qualified") as failure:
        renew(terms, OLD, faulty)
    assert {fault.member for fault in failure.value.faults} == set(names(list(faulty)))


def test_a_refresh_of_a_single_members_threshold_is_refused() -> None:
    single = make_key(1, 2)
    with pytest.raises(StatementUnsound, match="no refresh"):
        refresh_terms(single)


def test_a_refresh_cannot_change_the_threshold() -> None:
    with pytest.raises(StatementUnsound, match="resharing"):
        replace(refresh_terms(OLD), threshold=2)


def test_a_dealer_must_hold_its_own_share() -> None:
    terms = reshare_terms(OLD, names([5, 6]), 2)
    with pytest.raises(WitnessInvalid):
        CeremonyMember(terms, name(1), seed(1))
    with pytest.raises(WitnessInvalid):
        CeremonyMember(terms, name(1), seed(1), OLD.shares[name(2)])
    with pytest.raises(ProofRejected):
        CeremonyMember(terms, name(1), seed(1), KeyShare(1, OLD.shares[name(2)].secret))


def test_a_refresh_without_the_old_share_gives_none() -> None:
    ceremony = make_ceremony(refresh_terms(OLD), shares={}.get, label="renewed")
    progress = ceremony.run(ceremony.actors[0])
    with pytest.raises(WitnessInvalid):
        ceremony.actors[0].member.share(progress)


def test_a_leaver_ends_without_a_share() -> None:
    ceremony = make_ceremony(reshare_terms(OLD, names([5, 6]), 2), shares=OLD.shares.get)
    progress = ceremony.run(ceremony.actors[0])
    with pytest.raises(CircuitError) as refusal:
        ceremony.actors[0].member.share(progress)
    assert isinstance(refusal.value, StatementUnsound | ShareUnavailable)
