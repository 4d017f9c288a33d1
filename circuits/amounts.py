"""Proof that committed amounts are not negative and below 2^40: the rows of a private transfer and of a withdrawal.

A transfer of x out of a balance proves (x, balance − x); a withdrawal of a public amount proves (balance − amount). The
differences are commitments that everybody computes; the owner's margin after the movement is a proof of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from circuits.equation import Equation, require_all
from circuits.linear import (
    LinearStatement,
    Row,
    bind_statement,
    check_openings,
    linear_equation,
    prove_linear,
)
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.transcript import ProofContext, Transcript

KIND: Final = b"amounts"
AMOUNT_BITS: Final = 40
LEDGER_BOUND: Final = 1 << (AMOUNT_BITS + 1)
"""Bound on the difference of two ledger amounts, each below 2^40 in size."""


@dataclass(frozen=True, slots=True)
class AmountsClaim:
    """The public side: each of `amounts` (at least one) holds an integer in [0, 2^40)."""

    amounts: tuple[Commitment, ...]
    proof: bytes
    context: ProofContext

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The equation to check.

        Raises:
            ProofRejected: wrong length or an encoding that is not canonical.
            StatementUnsound: no amounts at all.
        """
        statement = _statement(len(self.amounts))
        transcript = _begin(key, statement, self.amounts, self.context)
        points = [amount.c for amount in self.amounts]
        return [linear_equation(statement, points, self.proof, transcript)]

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof.

        Raises:
            ProofRejected: it does not hold.
            StatementUnsound: no amounts at all.
        """
        require_all(key, self.equations(key))


def prove_amounts(
    key: CommitmentKey, openings: Sequence[Opening], amounts: Sequence[Commitment], context: ProofContext
) -> bytes:
    """Prove that every opened amount lies in [0, 2^40).

    Raises:
        WitnessInvalid: one does not, or an opening is not its commitment's.
        StatementUnsound: no amounts at all.
    """
    statement = _statement(len(amounts))
    check_openings(key, amounts, openings)
    return prove_linear(key, statement, openings, _begin(key, statement, amounts, context))


def amounts_proof_bytes(count: int) -> int:
    """The length of a proof for `count` amounts."""
    return _statement(count).shape.proof_bytes


@lru_cache(maxsize=16)
def _statement(count: int) -> LinearStatement:
    rows = tuple(Row((index,), (1,), 0, AMOUNT_BITS) for index in range(count))
    return LinearStatement((LEDGER_BOUND,) * count, 0, rows)


def _begin(
    key: CommitmentKey, statement: LinearStatement, amounts: Sequence[Commitment], context: ProofContext
) -> Transcript:
    transcript = Transcript(KIND, context, key.words())
    bind_statement(transcript, statement, amounts, ())
    return transcript
