"""Batch verification: many claims, one multi-scalar multiplication, and on failure the names of the bad ones.

Every claim's equations get fresh random non-zero 128-bit weights, drawn after all proofs are fixed; the
scalars of the shared generators add up, so a further claim costs only its own points. A failing batch is
halved until each bad claim stands alone.
"""

from collections.abc import Sequence
from typing import TypeAlias

from circuits.auditor import AuditorClaim
from circuits.equation import Equation, require_all
from circuits.errors import CircuitError, ClaimsRejected, ProofRejected
from circuits.handles import HandlesClaim
from circuits.opening import OpeningClaim
from circuits.pedersen import CommitmentKey
from circuits.solvency import SolvencyClaim

Claim: TypeAlias = OpeningClaim | SolvencyClaim | HandlesClaim | AuditorClaim


def verify_claims(key: CommitmentKey, claims: Sequence[Claim]) -> None:
    """Check all claims at once.

    Raises:
        ClaimsRejected: the indices of every claim that is malformed, unsound or false.
    """
    rejected = []
    pending: dict[int, list[Equation]] = {}
    for index, claim in enumerate(claims):
        try:
            pending[index] = claim.equations(key)
        except CircuitError:
            rejected.append(index)
    rejected += _failing(key, pending)
    if rejected:
        raise ClaimsRejected(tuple(sorted(rejected)))


def _failing(key: CommitmentKey, pending: dict[int, list[Equation]]) -> list[int]:
    """The indices among `pending` whose equations fail, found by halving."""
    try:
        require_all(key, [equation for equations in pending.values() for equation in equations])
    except ProofRejected:
        indices = list(pending)
        if len(indices) == 1:
            return indices
        middle = len(indices) // 2
        halves = (indices[:middle], indices[middle:])
        return [bad for half in halves for bad in _failing(key, {i: pending[i] for i in half})]
    return []
