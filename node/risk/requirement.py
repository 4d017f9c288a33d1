"""A margin requirement out of the proof system: the least cash with which committed quantities can be proven.

The rows are public; cash and quantities are committed to, each with a proof of its opening, and one range proof shows
all rows. The cash is found by bisection over the rows in plain integers. At that cash a real proof is made and checked;
with one µUSD less the prover finds no proof, and the verifier refuses the one there is.

H is hashed to the curve, so that nobody knows a logarithm of it. Nothing but the statement and the commitments enters
the transcript: these proofs serve no house and no venue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from circuits.equation import require_all
from circuits.errors import ProofRejected, StatementUnsound, WitnessInvalid
from circuits.group import Point, hash_to_point, scalar
from circuits.linear import bind_statement, linear_equation, prove_linear
from circuits.nonces import draw_nonces
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext, Transcript
from node.market.pmrm2.forms import PiecewiseStatement
from node.market.pmrm2.rows import CASH_BITS
from node.risk.errors import NotProven

KEY: Final = CommitmentKey(hash_to_point(b"blinding", b"zkclear/risk/v1/H"))
MAX_ROWS: Final = 4096
_KIND: Final = b"requirement"
_PURPOSE: Final = bytes(keccak(b"zkclear/risk/requirement/1"))
_NOWHERE: Final = Deployment(0, bytes(20), _PURPOSE)
_CASH_REACH: Final = 1 << (CASH_BITS - 1)


@dataclass(frozen=True, slots=True)
class RequirementProof:
    """Opening proofs of the quantities, the auxiliaries' commitments, and the range proof of all rows."""

    openings: tuple[bytes, ...]
    auxiliaries: tuple[Point, ...]
    range: bytes


@dataclass(frozen=True, slots=True)
class ProvenRequirement:
    """`added` is the least cash in µUSD with which a proof exists, negative where some may be taken out.

    `bytes` is the proof's size without the commitments of the quantities.
    """

    added: int
    rows: int
    bytes: int


def prove_requirement(statement: PiecewiseStatement, quantities: Sequence[int]) -> ProvenRequirement:
    """Find the least cash to add to `quantities` (cash first), and prove it with a verified proof.

    Raises:
        NotProven: no cash within 64 bits will do, or a value exceeds the rows' widths; or the proof system contradicts
            the integers, which would be a defect of it.
    """
    if len(statement.rows) > MAX_ROWS:
        raise NotProven(f"{len(statement.rows)} rows are more than {MAX_ROWS}")
    added = least_cash(statement, quantities)
    enough = [quantities[0] + added, *quantities[1:]]
    openings = [Opening.fresh(value) for value in enough]
    commitments = [KEY.commit(opening) for opening in openings]
    try:
        proof = prove_rows(statement, openings, commitments)
        verify_rows(statement, commitments, proof)
    except (WitnessInvalid, StatementUnsound, ProofRejected) as error:
        raise NotProven(str(error)) from error
    _require_refusal(statement, openings, commitments, proof)
    size = sum(map(len, proof.openings)) + 48 * len(proof.auxiliaries) + len(proof.range)
    return ProvenRequirement(added, len(statement.rows), size)


def least_cash(statement: PiecewiseStatement, quantities: Sequence[int]) -> int:
    """By bisection: the least cash to add with which the deciding row holds; no auxiliary depends on cash.

    Raises:
        NotProven: cash would have to exceed 2^63 µUSD.
    """
    values = statement.complete(quantities)

    def short(cash: int) -> bool:
        return statement.slack.evaluate([cash, *values[1:]]) < 0

    low, high = -_CASH_REACH, _CASH_REACH - 1
    if short(high):
        raise NotProven("no cash within 64 bits of µUSD is enough")
    while low < high:
        middle = (low + high) // 2
        if short(middle):
            low = middle + 1
        else:
            high = middle
    return low - quantities[0]


def prove_rows(
    statement: PiecewiseStatement, openings: Sequence[Opening], commitments: Sequence[Commitment]
) -> RequirementProof:
    """Prove that the committed quantities meet the rows.

    Raises:
        WitnessInvalid: they do not, or a value exceeds a row's width.
        StatementUnsound: the rows could wrap around the group order.
    """
    linear, context = statement.linear, _context(statement)
    transcript = Transcript(_KIND, context, KEY.words())
    values = statement.complete([opening.value for opening in openings])[len(openings) :]
    secret = [part for opening in openings for part in (scalar(opening.value), opening.blinding)]
    blindings = draw_nonces(transcript, secret, len(values))
    hidden = [Opening(value, blinding) for value, blinding in zip(values, blindings, strict=True)]
    auxiliaries = tuple(KEY.commit(opening).c for opening in hidden)
    bind_statement(transcript, linear, commitments, auxiliaries)
    rows = prove_linear(KEY, linear, [*openings, *hidden], transcript)
    pairs = zip(openings, commitments, strict=True)
    shown = tuple(prove_opening(KEY, opening, commitment, context) for opening, commitment in pairs)
    return RequirementProof(shown, auxiliaries, rows)


def verify_rows(statement: PiecewiseStatement, commitments: Sequence[Commitment], proof: RequirementProof) -> None:
    """Check a proof against the rows and the commitments.

    Raises:
        ProofRejected: it does not hold.
        StatementUnsound: the rows could wrap around the group order.
    """
    linear, context = statement.linear, _context(statement)
    if not len(commitments) == len(proof.openings) == len(linear.bounds):
        raise ProofRejected("not one commitment and one opening proof per quantity")
    transcript = Transcript(_KIND, context, KEY.words())
    bind_statement(transcript, linear, commitments, proof.auxiliaries)
    points = [*(commitment.c for commitment in commitments), *proof.auxiliaries]
    equations = [linear_equation(linear, points, proof.range, transcript)]
    for commitment, shown in zip(commitments, proof.openings, strict=True):
        equations += OpeningClaim(commitment, shown, context).equations(KEY)
    require_all(KEY, equations)


def _require_refusal(
    statement: PiecewiseStatement,
    openings: Sequence[Opening],
    commitments: Sequence[Commitment],
    proof: RequirementProof,
) -> None:
    """With one µUSD less there is no proof to find, and the one there is does not serve."""
    less = openings[0] - Opening.public(1)
    lowered = commitments[0] - Commitment.public(1)
    try:
        prove_rows(statement, [less, *openings[1:]], [lowered, *commitments[1:]])
    except WitnessInvalid:
        pass
    else:
        raise NotProven("a proof was found with one µUSD less than the rows need")
    try:
        verify_rows(statement, [lowered, *commitments[1:]], proof)
    except ProofRejected:
        return
    raise NotProven("the proof was taken for one µUSD less than it is about")


def _context(statement: PiecewiseStatement) -> ProofContext:
    """The statement's own digest stands for message and grid: the rows carry all prices and parameters."""
    digest = statement.linear.digest
    return ProofContext(_NOWHERE, digest, 0, digest, _PURPOSE)
