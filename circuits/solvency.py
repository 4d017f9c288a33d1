"""Proving and checking the solvency window of `solvency_terms`: commitments and openings in, one proof out.

A proof commits to the high limb of cash (with a handle and an opening proof, so that the committee can open
it) and to the auxiliaries a_j, W_u and further bounds, and shows all rows with one range proof. An audited account's
proof also brings the limb's handle for its auditor, within the limb's opening proof.
"""

from dataclasses import dataclass
from typing import Final

from circuits.auditor import AuditorHandle, AuditorKey, Handle
from circuits.equation import Equation, require_all
from circuits.errors import DecodingError, Insolvent, ProofRejected, WitnessInvalid
from circuits.group import IDENTITY, POINT_BYTES, Point, decode_point, encode_point, scalar
from circuits.linear import bind_statement, check_openings, linear_equation, prove_linear
from circuits.nonces import draw_nonces
from circuits.opening import OpeningClaim, opening_bytes, prove_opening
from circuits.pedersen import COMMITMENT_BYTES, Commitment, CommitmentKey, Opening
from circuits.solvency_terms import (
    CASH_OFFSET,
    LIMB_BITS,
    QUANTITY_BITS,
    Exposure,
    SolvencyTerms,
    evaluate_solvency,
    solvency_statement,
    worst_outcome,
)
from circuits.transcript import ProofContext, Transcript

__all__ = [
    "Exposure",
    "SolvencyClaim",
    "SolvencyInputs",
    "SolvencyProof",
    "SolvencySizes",
    "SolvencyTerms",
    "SolvencyWitness",
    "evaluate_solvency",
    "prove_solvency",
    "solvency_sizes",
]

KIND: Final = b"solvency"
COUNT_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class SolvencyInputs:
    """The public commitments: the stored cash', one per exposure, then q_T and x if the terms have them."""

    cash: Commitment
    exposures: tuple[Commitment, ...]
    trade: Commitment | None
    transfer: Commitment | None = None

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        """All of them, in the statement's order."""
        moved = (entry for entry in (self.trade, self.transfer) if entry is not None)
        return (self.cash, *self.exposures, *moved)


@dataclass(frozen=True, slots=True)
class SolvencyWitness:
    """The owner's openings of the inputs."""

    cash: Opening
    exposures: tuple[Opening, ...]
    trade: Opening | None
    transfer: Opening | None = None

    @property
    def openings(self) -> tuple[Opening, ...]:
        """All of them, in the statement's order."""
        moved = (entry for entry in (self.trade, self.transfer) if entry is not None)
        return (self.cash, *self.exposures, *moved)


@dataclass(frozen=True, slots=True)
class SolvencyProof:
    """The high limb of cash with its opening proof, the auxiliaries (a_j, W_u, bounds), and the range proof of
    all rows.
    """

    high: Commitment
    high_opening: bytes
    auxiliaries: tuple[Point, ...]
    range: bytes
    high_handle: Handle | None = None
    """The high limb's handle for the account's auditor, if it has one."""

    def encode(self) -> bytes:
        """count of auxiliaries (2) ‖ high (96) ‖ its opening (160) ‖ auxiliaries (48 each) ‖ range proof.

        With an auditor's handle: count ‖ high ‖ handle (48) ‖ opening (208) ‖ auxiliaries ‖ range proof.
        """
        count = len(self.auxiliaries).to_bytes(COUNT_BYTES, "big")
        handle = b"" if self.high_handle is None else self.high_handle.encode()
        points = b"".join(map(encode_point, self.auxiliaries))
        return count + self.high.encode() + handle + self.high_opening + points + self.range

    @classmethod
    def decode(cls, data: bytes, *, audited: bool = False) -> "SolvencyProof":
        """From bytes, with a handle if `audited`; the length is checked against the terms when the claim is verified.

        Raises:
            DecodingError: too short, or a point that is not canonical, not in the group, or the identity.
        """
        limb = COUNT_BYTES + COMMITMENT_BYTES
        start = limb + (POINT_BYTES if audited else 0)
        cut = start + opening_bytes(audited=audited)
        end = cut + POINT_BYTES * int.from_bytes(data[:COUNT_BYTES], "big")
        if len(data) < end or len(data) < cut:
            raise DecodingError("solvency proof", f"{len(data)} bytes are too short")
        points = (decode_point(data[at : at + POINT_BYTES]) for at in range(cut, end, POINT_BYTES))
        high = Commitment.decode(data[COUNT_BYTES:limb])
        if IDENTITY in (high.c, high.d):
            raise DecodingError("solvency proof", "the high limb is not blinded")
        handle = Handle.decode(data[limb:start]) if audited else None
        return cls(high, data[start:cut], tuple(points), data[end:], handle)

    @classmethod
    def decode_for(cls, terms: SolvencyTerms, data: bytes, *, audited: bool = False) -> "SolvencyProof":
        """From the bytes of a stranger: the terms fix length and count, and no point is decoded before both
        are right. Decoding checks a point's subgroup, which is dear, and the count would let a sender
        choose how often.

        Raises:
            DecodingError: as `decode`, or not of the size that the terms give.
            StatementUnsound: the terms allow a row to wrap around the group order.
        """
        sizes = solvency_sizes(terms, audited=audited)
        if len(data) != sizes.proof:
            raise DecodingError("solvency proof", f"{len(data)} bytes where {sizes.proof} belong")
        count = int.from_bytes(data[:COUNT_BYTES], "big")
        if count != sizes.auxiliaries:
            raise DecodingError("solvency proof", f"{count} auxiliaries where {sizes.auxiliaries} belong")
        return cls.decode(data, audited=audited)

    def __reduce__(self) -> tuple[object, ...]:
        return (_decoded, (self.encode(), self.high_handle is not None))


def _decoded(data: bytes, audited: bool) -> SolvencyProof:
    return SolvencyProof.decode(data, audited=audited)


@dataclass(frozen=True, slots=True)
class SolvencySizes:
    """What the terms alone decide: bytes of an encoded proof, rows, auxiliary points, and padded digits."""

    proof: int
    rows: int
    auxiliaries: int
    digits: int


@dataclass(frozen=True, slots=True)
class SolvencyClaim:
    """The public side of a proof: `inputs` meet `terms`, for the message that `context` names.

    With `auditor`, the high limb has a handle for it.
    """

    terms: SolvencyTerms
    inputs: SolvencyInputs
    proof: SolvencyProof
    context: ProofContext
    auditor: AuditorKey | None = None

    def equations(self, key: CommitmentKey) -> list[Equation]:
        """The equations to check.

        Raises:
            ProofRejected: inputs or proof do not have the terms' shape, or an encoding is not canonical.
            StatementUnsound: the terms allow a row to wrap around the group order.
        """
        statement = solvency_statement(self.terms)
        proof, inputs = self.proof, self.inputs
        given = (len(inputs.exposures), inputs.trade is not None, inputs.transfer is not None)
        if given != (len(self.terms.exposures), self.terms.trade, self.terms.transfer):
            raise ProofRejected("inputs do not match the terms")
        commitments = [*inputs.commitments, proof.high]
        transcript = Transcript(KIND, self.context, key.words())
        bind_statement(transcript, statement, commitments, proof.auxiliaries)
        points = [commitment.c for commitment in commitments] + list(proof.auxiliaries)
        rows = linear_equation(statement, points, proof.range, transcript)
        limb = OpeningClaim(proof.high, proof.high_opening, self.context, self._audit())
        return [rows, *limb.equations(key)]

    def _audit(self) -> AuditorHandle | None:
        if (self.auditor is None) is not (self.proof.high_handle is None):
            raise ProofRejected("a handle without an auditor, or an auditor without a handle")
        if self.auditor is None or self.proof.high_handle is None:
            return None
        return AuditorHandle(self.auditor, self.proof.high_handle)

    def verify(self, key: CommitmentKey) -> None:
        """Check the proof with one multi-scalar multiplication.

        Raises:
            ProofRejected: it does not hold.
            StatementUnsound: the terms allow a row to wrap around the group order.
        """
        require_all(key, self.equations(key))


def solvency_sizes(terms: SolvencyTerms, *, audited: bool = False) -> SolvencySizes:
    """The lengths of a proof for these terms; `audited` ones have a handle more, in limb and opening."""
    statement = solvency_statement(terms)
    auxiliaries = statement.auxiliaries - 1
    fixed = COUNT_BYTES + COMMITMENT_BYTES + (POINT_BYTES if audited else 0) + opening_bytes(audited=audited)
    return SolvencySizes(
        fixed + POINT_BYTES * auxiliaries + statement.shape.proof_bytes,
        len(statement.rows),
        auxiliaries,
        statement.shape.padded,
    )


def prove_solvency(
    key: CommitmentKey,
    terms: SolvencyTerms,
    inputs: SolvencyInputs,
    witness: SolvencyWitness,
    context: ProofContext,
    auditor: AuditorKey | None = None,
) -> SolvencyProof:
    """Prove that the account meets the terms; with `auditor`, its handle comes along.

    Raises:
        Insolvent: it does not; names the shortfall, for the owner's eyes.
        WitnessInvalid: the openings are not those of the inputs, or an amount exceeds its stated bound.
        StatementUnsound: the terms allow a row to wrap around the group order.
    """
    if (terms.trade, terms.transfer) != (witness.trade is not None, witness.transfer is not None):
        raise WitnessInvalid("the openings of what moves do not match the terms")
    statement = solvency_statement(terms)
    check_openings(key, inputs.commitments, witness.openings)
    values = _auxiliary_values(terms, witness)
    transcript = Transcript(KIND, context, key.words())
    secret = [part for o in witness.openings for part in (scalar(o.value), o.blinding)]
    blindings = draw_nonces(transcript, secret, len(values))
    openings = [Opening(value, blinding) for value, blinding in zip(values, blindings, strict=True)]
    high = key.commit(openings[0])
    auxiliaries = tuple(key.point(opening) for opening in openings[1:])
    bind_statement(transcript, statement, [*inputs.commitments, high], auxiliaries)
    rows = prove_linear(key, statement, [*witness.openings, *openings], transcript)
    limb = prove_opening(key, openings[0], high, context, auditor)
    handle = None if auditor is None else auditor.handle(openings[0].blinding)
    return SolvencyProof(high, limb, auxiliaries, rows, handle)


def _auxiliary_values(terms: SolvencyTerms, witness: SolvencyWitness) -> list[int]:
    """hi, a_j, W_u, further bounds."""
    quantities = [opening.value for opening in witness.exposures]
    cash = witness.cash.value
    outcome = worst_outcome(terms, cash, quantities)
    if outcome.slack < 0:
        raise Insolvent("the account does not survive its window", -outcome.slack)
    if not -CASH_OFFSET <= cash < CASH_OFFSET:
        raise WitnessInvalid("cash exceeds 63 bits of µUSD")
    if any(q < 0 for q, e in zip(quantities, terms.exposures, strict=True) if e.withdrawn):
        raise WitnessInvalid("more collateral was withdrawn than there is")
    if witness.transfer is not None and not 0 <= witness.transfer.value < 1 << QUANTITY_BITS:
        raise WitnessInvalid("a transfer moves an amount from 0 to 2^40 − 1")
    sizes = [abs(q) for q, e in zip(quantities, terms.exposures, strict=True) if e.is_position]
    return [cash + CASH_OFFSET >> LIMB_BITS, *sizes, *outcome.worst, *outcome.bounds]
