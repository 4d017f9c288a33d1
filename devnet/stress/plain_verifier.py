"""A verifier that is told the openings: it evaluates a statement's rows in plain integers and looks at no proof.

For experiments in which one program plays every owner and nothing is secret. It lives outside `node`, which imports
nothing from here, and no configuration of a node can name it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from circuits.batch import Claim
from circuits.errors import ClaimsRejected
from circuits.opening import OpeningClaim
from circuits.pedersen import Commitment, Opening
from circuits.solvency import SolvencyClaim
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement, worst_outcome


@dataclass(slots=True)
class PlainVerifier:
    """A `node.ledger.claims.Verifier` that knows openings because it computed their commitments itself.

    A claim over a commitment that it was not told of is rejected, and so is every kind of claim but margin and opening.
    """

    commit: Callable[[Opening], Commitment]
    _told: dict[bytes, int] = field(default_factory=dict, repr=False)

    def tell(self, openings: Iterable[Opening]) -> None:
        """Openings that claims may rest on, until `forget`."""
        for opening in openings:
            self._told[self.commit(opening).encode()] = opening.value

    def forget(self) -> None:
        """Let go of everything that was told."""
        self._told.clear()

    def check(self, claims: Sequence[Claim]) -> None:
        """Return if all hold.

        Raises:
            ClaimsRejected: the indices of those that do not.
        """
        rejected = tuple(index for index, claim in enumerate(claims) if not self._holds(claim))
        if rejected:
            raise ClaimsRejected(rejected)

    def _holds(self, claim: Claim) -> bool:
        match claim:
            case OpeningClaim(audit=None):
                return self._value(claim.commitment) is not None
            case SolvencyClaim(auditor=None):
                return self._solvent(claim)
            case _:
                return False

    def _solvent(self, claim: SolvencyClaim) -> bool:
        """Whether every row of the statement holds for the told values, with the best auxiliaries that they allow."""
        given = [self._value(commitment) for commitment in (*claim.inputs.commitments, claim.proof.high)]
        values = [value for value in given if value is not None]
        if len(values) != len(given):
            return False
        terms = claim.terms
        cash, quantities = values[0], values[1 : 1 + len(terms.exposures)]
        sizes = [abs(q) for q, exposure in zip(quantities, terms.exposures, strict=True) if exposure.is_position]
        outcome = worst_outcome(terms, cash, quantities)
        values += [*sizes, *outcome.worst, *outcome.bounds]
        rows = solvency_statement(terms).rows
        return all(0 <= row.evaluate(values) < 1 << row.width for row in rows)

    def _value(self, commitment: Commitment) -> int | None:
        return self._told.get(commitment.encode())


def high_limb(cash: int) -> int:
    """The high limb of `cash` (micro-dollars) that a margin proof commits to."""
    return cash + CASH_OFFSET >> LIMB_BITS
