"""A committee dealt by one hand, for tests of everything that needs a key and is not about how keys are made."""

import secrets
from dataclasses import dataclass

from circuits.committee import CommitteeKey, KeyContribution, KeyOrigin, KeyShare, check_numbers
from circuits.pedersen import HANDLE_BASE
from circuits.polynomials import RandomSource, evaluate, random_polynomial

ORIGIN = bytes(32)


@dataclass(frozen=True, slots=True)
class CommitteeDeal:
    """A dealing: the public key, and the shares in order of index."""

    public: CommitteeKey
    shares: tuple[KeyShare, ...]


def deal_committee(threshold: int, members: int, rng: RandomSource = secrets) -> CommitteeDeal:
    """A fresh key that any `threshold` of `members` can use."""
    check_numbers(threshold, members)
    polynomial = random_polynomial(threshold, rng)
    coefficients = tuple(HANDLE_BASE * coefficient for coefficient in polynomial)
    origin = KeyOrigin(ORIGIN, (KeyContribution.prove(ORIGIN, 1, polynomial[0]),))
    shares = tuple(KeyShare(index, evaluate(polynomial, index)) for index in range(1, members + 1))
    return CommitteeDeal(CommitteeKey.of(coefficients, members, origin), shares)
