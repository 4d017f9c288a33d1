"""Every public input and every byte of every proof: change one, and the proof is void.

Inputs are not listed by hand: `changes` walks through whatever the verifier is given, leaf by leaf, so that a field
that is added to a statement tomorrow is changed as well.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum

import pytest

from circuits.ceremony import CeremonyKind, CeremonyTerms
from circuits.committee import (
    CommitteeKey,
    DecryptionShare,
    KeyContribution,
    decryption_share,
    verify_share,
)
from circuits.dealing import check_dealing, draw_polynomial, make_dealing
from circuits.dleq import EqualLogs, prove_equal_logs, verify_equal_logs
from circuits.equation import require_all
from circuits.errors import CircuitError, LengthMismatch, StatementUnsound
from circuits.group import POINT_BYTES, Point, Scalar, hash_to_point, random_scalar, scalar
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.lower_bounds import NOTHING, Case, Weight
from circuits.opening import OPENING_BYTES, OpeningClaim, prove_opening
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.range_proof import check_range
from circuits.range_prover import RangeProver
from circuits.range_shape import RangeShape, range_shape
from circuits.share_boxes import box_public_key
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
)
from circuits.solvency_terms import solvency_statement
from circuits.transcript import ProofContext, Transcript
from tests.circuits.ceremonies import key_terms, make_key, name, names, seed
from tests.circuits.proofs import CONTEXT, KEY
from tests.support.committee import deal_committee

OTHER_POINT = hash_to_point(b"other", b"zkclear/test")


def changes(value: object) -> Iterator[tuple[str, object]]:
    """Every copy of `value` in which one leaf differs, with the path to the leaf."""
    if isinstance(value, bool):
        yield "", not value
    elif isinstance(value, Enum):
        yield from (("", other) for other in type(value) if other is not value)
    elif isinstance(value, int):
        yield "", value + 2  # an odd charge would be no charge at all
    elif isinstance(value, bytes):
        yield "", value[:-1] + bytes([value[-1] ^ 1])
    elif isinstance(value, Scalar):
        yield "", value + scalar(1)
    elif isinstance(value, Point):
        yield "", value + OTHER_POINT
    elif value is None:
        yield "", Commitment.public(1)
    elif isinstance(value, tuple):
        for place, entry in enumerate(value):
            for path, changed in changes(entry):
                yield f"[{place}]{path}", (*value[:place], changed, *value[place + 1 :])
        if value:
            yield "[-1]", value[:-1]
            yield "[+1]", (*value, *value[-1:])
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _changed_fields(value)
    else:
        raise TypeError(f"no change of a {type(value).__name__}")


def _changed_fields(value: object) -> Iterator[tuple[str, object]]:
    """Built anew. A change that contradicts other fields is left out: no verifier is ever given it."""
    entries = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
    for label, entry in entries.items():
        for path, changed in changes(entry):
            with suppress(StatementUnsound, LengthMismatch):
                rebuilt = type(value)(**{**entries, label: changed})
                yield f".{label}{path}", rebuilt


def flips(data: bytes, heads: Sequence[int] = ()) -> Iterator[tuple[str, bytes]]:
    """One bit of every byte flipped in turn, and of the first byte of every point (`heads`) each of the eight."""
    for at in range(len(data)):
        for bit in range(8) if at in heads else (at * 5 % 8,):
            yield f"byte {at}, bit {bit}", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def all_refused(cases: Iterator[tuple[str, object]], check: Callable[[object], None]) -> int:
    """How many cases there were; each must be refused with a typed error."""
    count = 0
    for path, changed in cases:
        count += 1
        try:
            check(changed)
        except CircuitError:
            continue
        pytest.fail(f"accepted in spite of a change in {path}")
    return count


# ---- openings


@dataclass(frozen=True)
class OpeningInputs:
    key: CommitmentKey
    commitment: Commitment
    context: ProofContext


OPENED = Opening(-12, random_scalar())
OPENING = OpeningInputs(KEY, KEY.commit(OPENED), CONTEXT)
OPENING_PROOF = prove_opening(KEY, OPENED, OPENING.commitment, CONTEXT)


def check_opening(inputs: OpeningInputs, proof: bytes = OPENING_PROOF) -> None:
    OpeningClaim(inputs.commitment, proof, inputs.context).verify(inputs.key)


def test_every_input_of_an_opening_counts() -> None:
    check_opening(OPENING)
    assert all_refused(changes(OPENING), check_opening) == 3 + 7


def test_every_byte_of_an_opening_proof_counts() -> None:
    cases = flips(OPENING_PROOF, range(0, 2 * POINT_BYTES, POINT_BYTES))
    assert all_refused(cases, lambda proof: check_opening(OPENING, proof)) == OPENING_BYTES + 2 * 7


# ---- ranges


@dataclass(frozen=True)
class RangeInputs:
    key: CommitmentKey
    kind: bytes
    widths: tuple[int, ...]
    points: tuple[Point, ...]
    context: ProofContext

    @property
    def shape(self) -> RangeShape:
        return range_shape(self.widths)

    def transcript(self) -> Transcript:
        """Has absorbed what `bind_statement` absorbs of a shape, and the rows."""
        result = Transcript(self.kind, self.context, self.key.words())
        result.absorb(b"widths", b"".join(width.to_bytes(4, "big") for width in self.widths))
        for point in self.points:
            result.absorb_point(b"V", point)
        return result


ROW_OPENINGS = (Opening.fresh(5), Opening.fresh((1 << 64) - 1), Opening.fresh(77))
RANGE = RangeInputs(KEY, b"test", (64, 64, 40), tuple(KEY.commit(opening).c for opening in ROW_OPENINGS), CONTEXT)
RANGE_PROOF = RangeProver(
    KEY,
    RANGE.shape,
    [opening.value for opening in ROW_OPENINGS],
    [opening.blinding for opening in ROW_OPENINGS],
    RANGE.transcript(),
).prove()


def check_rows(inputs: RangeInputs, proof: bytes = RANGE_PROOF) -> None:
    check = check_range(inputs.shape, proof, inputs.transcript())
    # As many weights as widths: a row too few or too many meets the transcript, not this sum.
    for point, weight in zip(inputs.points, check.row_weights, strict=False):
        check.equation.add(point, weight)
    require_all(inputs.key, [check.equation])


def test_every_input_of_a_range_proof_counts() -> None:
    check_rows(RANGE)
    assert all_refused(changes(RANGE), check_rows) == 2 + 5 + 5 + 7


def test_every_byte_of_a_range_proof_counts() -> None:
    points = RANGE.shape.proof_points
    cases = flips(RANGE_PROOF, range(0, points * POINT_BYTES, POINT_BYTES))
    assert all_refused(cases, lambda proof: check_rows(RANGE, proof)) == len(RANGE_PROOF) + points * 7


# ---- linear statements


@dataclass(frozen=True)
class LinearInputs:
    key: CommitmentKey
    statement: LinearStatement
    commitments: tuple[Commitment, ...]
    auxiliaries: tuple[Point, ...]
    context: ProofContext

    def transcript(self) -> Transcript:
        result = Transcript(b"linear test", self.context, self.key.words())
        bind_statement(result, self.statement, self.commitments, self.auxiliaries)
        return result


LINEAR_OPENINGS = (Opening.fresh(500), Opening.fresh(200), Opening.fresh(100))
LINEAR = LinearInputs(
    KEY,
    LinearStatement(
        (1 << 40, 1 << 40),
        1,
        (
            Row((1,), (1,), 0, 40),
            Row((0, 1), (1, -1), 3, 40),
            Row((0, 2), (2, -1), 7, 32),
            Row((0, 1, 2), (3, -7, 11), 1000, 64),
        ),
    ),
    tuple(map(KEY.commit, LINEAR_OPENINGS[:2])),
    (KEY.commit(LINEAR_OPENINGS[2]).c,),
    CONTEXT,
)
LINEAR_PROOF = prove_linear(KEY, LINEAR.statement, LINEAR_OPENINGS, LINEAR.transcript())


def check_linear(inputs: LinearInputs, proof: bytes = LINEAR_PROOF) -> None:
    points = [*(commitment.c for commitment in inputs.commitments), *inputs.auxiliaries]
    require_all(inputs.key, [linear_equation(inputs.statement, points, proof, inputs.transcript())])


def test_every_input_of_a_linear_statement_counts() -> None:
    """But the ledger's bounds: the verifier sets them, and the check against wrapping is all that they are for."""
    check_linear(LINEAR)
    named = [path for path, _ in changes(LINEAR) if not path.startswith(".statement.bounds")]
    for row in range(4):
        head = f".statement.rows[{row}]"
        assert {f"{head}.width", f"{head}.constant", f"{head}.coefficients[0]"} <= set(named)
    cases = ((path, changed) for path, changed in changes(LINEAR) if path in named)
    assert all_refused(cases, check_linear) == len(named) > 30


def test_every_byte_of_a_linear_proof_counts() -> None:
    points = LINEAR.statement.shape.proof_points
    cases = flips(LINEAR_PROOF, range(0, points * POINT_BYTES, POINT_BYTES))
    assert all_refused(cases, lambda proof: check_linear(LINEAR, proof)) == len(LINEAR_PROOF) + points * 7


# ---- solvency


@dataclass(frozen=True)
class SolvencyPublic:
    key: CommitmentKey
    claim: SolvencyClaim


EXPOSURES = (
    Exposure(0, (-900, 1100), 3, 5, 60, 2, True),
    Exposure(0, (10, 700), 20, 8, 60, 4, True, unvouched=True),
    Exposure(1, (50_000,), 500, 1, 0, 0, False, withdrawn=True),
    Exposure(1, (60_000,), 400, 2, 0, 0, False),
)
BOUNDS = (
    (Case(shares=(Weight(0, 1),)), Case((Weight(0, -4000), Weight(1, 30)), (), (Weight(0, 7),), 11, 8)),
    (NOTHING, Case(charges=(Weight(0, 20), Weight(1, 10)), constant=500)),
)
TERMS = SolvencyTerms((2, 1), EXPOSURES, True, transfer=True, bounds=BOUNDS)
WITNESS = SolvencyWitness(
    Opening.fresh(10**7), tuple(map(Opening.fresh, (10, -3, 5, 6))), Opening.fresh(-7), Opening.fresh(9)
)
INPUTS = SolvencyInputs(
    KEY.commit(WITNESS.cash),
    tuple(map(KEY.commit, WITNESS.exposures)),
    *map(KEY.commit, WITNESS.openings[-2:]),
)
SOLVENCY = SolvencyPublic(
    KEY, SolvencyClaim(TERMS, INPUTS, prove_solvency(KEY, TERMS, INPUTS, WITNESS, CONTEXT), CONTEXT)
)


def check_solvency(public: SolvencyPublic) -> None:
    public.claim.verify(public.key)


def test_every_input_of_a_solvency_proof_counts() -> None:
    check_solvency(SOLVENCY)
    seen = {path for path, _ in changes(SOLVENCY)}
    for exposure in range(4):
        terms = f".claim.terms.exposures[{exposure}]"
        assert {f"{terms}.values[0]", f"{terms}.gap_charge", f"{terms}.closing_charge"} <= seen
    assert {".claim.terms.exposures[1].unvouched", ".claim.terms.exposures[2].withdrawn"} <= seen
    assert {".claim.terms.trade", ".claim.terms.transfer"} <= seen
    assert all_refused(changes(SOLVENCY), check_solvency) == len(seen) > 50


def test_every_byte_of_a_solvency_proof_counts() -> None:
    data = SOLVENCY.claim.proof.encode()
    opened = 2 + 2 * POINT_BYTES
    head = [2, 2 + POINT_BYTES, opened, opened + POINT_BYTES]
    points = (
        len(SOLVENCY.claim.proof.auxiliaries)
        + range_shape(tuple(row.width for row in solvency_statement(TERMS).rows)).proof_points
    )
    head += range(opened + OPENING_BYTES, opened + OPENING_BYTES + points * POINT_BYTES, POINT_BYTES)

    def check(changed: bytes) -> None:
        replace(SOLVENCY.claim, proof=SolvencyProof.decode_for(TERMS, changed)).verify(KEY)

    assert all_refused(flips(data, head), check) == len(data) + 7 * len(head)


# ---- equal logarithms, and the committee's decryption shares


@dataclass(frozen=True)
class LogsInputs:
    kind: bytes
    statement: EqualLogs
    context: bytes


SECRET = random_scalar()
BASES = (hash_to_point(b"first", b"zkclear/test"), hash_to_point(b"second", b"zkclear/test"))
LOGS = LogsInputs(b"test", EqualLogs(BASES, tuple(base * SECRET for base in BASES)), b"context")
LOGS_PROOF = prove_equal_logs(LOGS.kind, LOGS.statement, SECRET, LOGS.context)


def check_logs(inputs: LogsInputs, proof: bytes = LOGS_PROOF) -> None:
    verify_equal_logs(inputs.kind, inputs.statement, proof, inputs.context)


def test_every_input_and_byte_of_a_proof_of_equal_logarithms_counts() -> None:
    check_logs(LOGS)
    assert all_refused(changes(LOGS), check_logs) == 2 + 4
    assert all_refused(flips(LOGS_PROOF), lambda proof: check_logs(LOGS, proof)) == 64


@dataclass(frozen=True)
class ShareInputs:
    key: CommitmentKey
    public_share: Point
    commitment: Commitment
    share: DecryptionShare
    context: bytes


DEAL = deal_committee(2, 3)
SEALED = DEAL.public.key.commit(Opening.fresh(41))
SHARE = ShareInputs(
    DEAL.public.key,
    DEAL.public.public_share(1),
    SEALED,
    decryption_share(DEAL.public, DEAL.shares[0], SEALED, b"why"),
    b"why",
)


def check_share(inputs: ShareInputs) -> None:
    shares = (inputs.public_share, *DEAL.public.public_shares[1:])
    committee = replace(DEAL.public, key=inputs.key, public_shares=shares)
    verify_share(committee, inputs.commitment, inputs.share, inputs.context)


def test_every_input_and_byte_of_a_decryption_share_counts() -> None:
    check_share(SHARE)
    assert all_refused(changes(SHARE), check_share) == 1 + 1 + 2 + 3 + 1
    data = SHARE.share.encode()
    cases = flips(data, [2])
    assert all_refused(cases, lambda d: check_share(replace(SHARE, share=DecryptionShare.decode(d)))) == len(data) + 7


# ---- the committee's key, and what it is made of


def test_every_input_and_byte_of_a_committees_key_counts() -> None:
    """Its sharing, its origin, and the proofs of possession in it.

    One member fewer is another committee, and so is another sharing of the same H, which a changed sign of A_1 makes:
    no false one, but none that the members' shares belong to.
    """

    def check(committee: CommitteeKey) -> None:
        committee.verify()
        DEAL.shares[1].check(committee)

    check(DEAL.public)
    cases = ((path, changed) for path, changed in changes(DEAL.public) if path != ".public_shares[-1]")
    assert all_refused(cases, check) > 10
    data = DEAL.public.encode()
    points = [4, 4 + POINT_BYTES, 4 + 2 * POINT_BYTES + 32 + 2]
    assert all_refused(flips(data, points), lambda d: check(CommitteeKey.decode(d))) == len(data) + 7 * len(points)


def test_every_input_and_byte_of_a_contribution_counts() -> None:
    made = KeyContribution.prove(b"c" * 32, 1, random_scalar())
    made.verify(b"c" * 32)
    assert all_refused(changes(made), lambda changed: changed.verify(b"c" * 32)) == 3
    assert all_refused(flips(b"c" * 32), made.verify) == 32
    data = made.encode()
    assert all_refused(flips(data, [2]), lambda d: KeyContribution.decode(d).verify(b"c" * 32)) == len(data) + 7


HELD = make_key(3, 4)
HANDED = CeremonyTerms(CeremonyKind.RESHARE, b"c", names(range(1, 5)), names(range(3, 8)), 3, 100, 10, HELD.committee)
RENEWED = replace(HANDED, kind=CeremonyKind.REFRESH, recipients=HANDED.dealers)
DEALER = 2
BOX_KEYS = tuple(box_public_key(bytes([place]) * 32) for place in range(1, 6))


def dealt(terms: CeremonyTerms) -> bytes:
    polynomial = draw_polynomial(terms, DEALER, seed(DEALER), HELD.shares[name(DEALER)])
    return make_dealing(terms, DEALER, polynomial, BOX_KEYS[: len(terms.recipients)], seed(DEALER))


@pytest.mark.parametrize("terms", [key_terms(3, 4), RENEWED, HANDED], ids=["key", "refresh", "resharing"])
def test_every_input_and_byte_of_a_dealing_counts(terms: CeremonyTerms) -> None:
    keys, body = BOX_KEYS[: len(terms.recipients)], dealt(terms)
    check_dealing(terms, DEALER, keys, body)
    # Whoever decodes a committee takes these from its coefficients.
    derived = (".previous.key", ".previous.public_shares", ".previous.threshold")
    cases = [(path, changed) for path, changed in changes(terms) if not path.startswith(derived)]
    assert {".context", ".start", ".round_blocks"} <= {path for path, _ in cases}
    assert all_refused(iter(cases), lambda changed: check_dealing(changed, DEALER, keys, body)) == len(cases)
    with pytest.raises(CircuitError):
        check_dealing(terms, DEALER + 1, keys, body)
    sent = terms.threshold - (terms.previous is not None)
    heads = range(2, 2 + sent * POINT_BYTES, POINT_BYTES)
    assert all_refused(flips(body, heads), lambda d: check_dealing(terms, DEALER, keys, d)) == len(body) + 7 * sent
