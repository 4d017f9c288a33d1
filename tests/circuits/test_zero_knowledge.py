"""Zero knowledge: whoever knows the challenges needs no witness, and final scalars look alike for any two witnesses.

Statistics are two-sample Kolmogorov–Smirnov tests between proofs of two witnesses under the same challenges. Each
rejects at p < ALARM, and there are fewer than COMPARISONS of them where nothing may be found, so that a right
implementation fails with probability below 10⁻⁶. Small samples do: where a blinder is missing, a scalar that should be
uniform is constant, and 17 against 17 tell two constants apart with p = 2/C(34,17) = 8.6·10⁻¹⁰.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import pytest
from scipy.stats import ks_2samp

from circuits import dleq, opening, polynomial_proofs, solvency
from circuits.dleq import EqualLogs, verify_equal_logs
from circuits.equation import require_all
from circuits.errors import ProofRejected
from circuits.group import (
    ORDER,
    POINT_BYTES,
    SCALAR_BYTES,
    ZERO,
    Scalar,
    decode_point,
    decode_scalar,
    hash_to_point,
    random_scalar,
    scalar,
)
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation
from circuits.opening import OpeningClaim
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, Opening
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.range_proof import digit_reciprocals, draw_challenges
from circuits.range_prover import RangeProver, _Masks
from circuits.range_shape import MASKS, RangeShape
from circuits.solvency import SolvencyClaim, SolvencyInputs, SolvencyProof
from circuits.solvency_terms import Exposure, SolvencyTerms, evaluate_solvency, solvency_statement
from circuits.transcript import Transcript
from circuits.vectors import dot
from tests.circuits.proofs import CONTEXT, KEY, Committed, prove, transcript, verify
from tests.circuits.simulator import (
    Programme,
    simulate_answers,
    simulate_linear,
    simulate_opening,
    simulate_range,
)
from tests.circuits.test_range_proof import rank

COMPARISONS = 400
ALARM = 1e-6 / COMPARISONS
SMALL, LARGE = 17, 120
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB


# ---- simulators


@pytest.mark.parametrize("widths", [(64,), (10,), (32, 40, 64), (64,) * 16])
def test_a_range_proof_without_a_witness_verifies_under_programmed_challenges_alone(widths: tuple[int, ...]) -> None:
    """Of rows that hold −1 and 2^64 + 5, so that there is no witness at all."""
    rows = Committed.of([-1 if index % 2 else (1 << 64) + 5 for index in range(len(widths))], widths)
    programme = Programme.fresh(rows.shape.fold.rounds)
    proof = simulate_range(KEY, rows.shape, rows.points, programme, transcript(rows, kind=programme.kind))
    verify(rows, proof, kind=programme.kind)
    with pytest.raises(ProofRejected):
        verify(rows, proof)
    other = replace(programme, tau=programme.tau + scalar(1))
    with pytest.raises(ProofRejected):
        verify(rows, proof, kind=other.kind)


def test_a_linear_statement_that_is_false_is_simulated_too() -> None:
    statement = LinearStatement((1 << 40,), 1, (Row((0, 1), (1, -1), 0, 40), Row((0, 1), (-3, 1), -1000, 64)))
    commitments = [KEY.commit(Opening.fresh(-5))]
    programme = Programme.fresh(statement.shape.fold.rounds)
    begin = programme.kind(b"linear", CONTEXT, KEY.words())
    auxiliaries, proof = simulate_linear(KEY, statement, commitments, programme, begin)

    def check(kind: type[Transcript]) -> None:
        replay = kind(b"linear", CONTEXT, KEY.words())
        bind_statement(replay, statement, commitments, auxiliaries)
        points = [commitments[0].c, *auxiliaries]
        require_all(KEY, [linear_equation(statement, points, proof, replay)])

    check(programme.kind)
    with pytest.raises(ProofRejected):
        check(Transcript)


def test_the_solvency_of_a_bankrupt_is_simulated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = SolvencyTerms((2,), (Exposure(0, (-900, 1100), 3, 5, 0, 2, True),), False)
    assert evaluate_solvency(terms, -(10**9), (1000,)) < 0
    inputs = SolvencyInputs(KEY.commit(Opening.fresh(-(10**9))), (KEY.commit(Opening.fresh(1000)),), None)
    statement = solvency_statement(terms)
    programme, e = Programme.fresh(statement.shape.fold.rounds), random_scalar()
    high = Commitment(VALUE_BASE * random_scalar(), HANDLE_BASE * random_scalar())
    begin = programme.kind(solvency.KIND, CONTEXT, KEY.words())
    auxiliaries, shown = simulate_linear(KEY, statement, [*inputs.commitments, high], programme, begin)
    claim = SolvencyClaim(
        terms, inputs, SolvencyProof(high, simulate_opening(KEY, high, e), auxiliaries, shown), CONTEXT
    )
    with pytest.raises(ProofRejected):
        claim.verify(KEY)
    monkeypatch.setattr(solvency, "Transcript", programme.kind)
    monkeypatch.setattr(opening, "_challenge", lambda transcript, masked: e)
    claim.verify(KEY)


def test_the_sigma_proofs_are_simulated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Openings of pairs that have none, and logarithms of points that share none."""
    c = random_scalar()
    bases = tuple(hash_to_point(bytes([i]), b"zkclear/test") for i in range(4))
    malformed = OpeningClaim(Commitment(bases[0], bases[1]), b"", CONTEXT)
    malformed = replace(malformed, proof=simulate_opening(KEY, malformed.commitment, c))
    unequal = EqualLogs(bases[:2], bases[2:])
    unknown = PolynomialStatement(b"test", (Relation(bases[:2], bases[2:]), Relation(bases[1:3], bases[:2])), b"")
    checks: tuple[Callable[[], None], ...] = (
        lambda: malformed.verify(KEY),
        lambda: verify_equal_logs(b"test", unequal, simulate_answers(unequal, c), b""),
        lambda: unknown.verify(simulate_answers(unknown, c)),
    )
    for check in checks:
        with pytest.raises(ProofRejected):
            check()
    for module in (opening, dleq, polynomial_proofs):
        monkeypatch.setattr(module, "_challenge", lambda transcript, masks: c)
    for check in checks:
        check()


# ---- statistics of what a proof shows


@dataclass(frozen=True)
class View:
    """What one proof shows, as numbers in [0, 1): x of C₁, C₂ and S, each final scalar, and v as they give it."""

    numbers: tuple[float, ...]

    @classmethod
    def of(cls, shape: RangeShape, programme: Programme, proof: bytes) -> "View":
        """Only where nothing is folded do the final scalars give v."""
        heads = [decode_point(proof[at : at + POINT_BYTES]) for at in range(0, 3 * POINT_BYTES, POINT_BYTES)]
        start = len(proof) - SCALAR_BYTES * (shape.fold.linear + shape.fold.norm)
        finals = [decode_scalar(proof[at : at + SCALAR_BYTES]) for at in range(start, len(proof), SCALAR_BYTES)]
        shown = [int(final) / ORDER for final in finals]
        if shape.fold.rounds == 0:
            cut = shape.fold.linear
            shown.append(int(programme.value(shape, finals[:cut], finals[cut:])) / ORDER)
        return cls((*(int.from_bytes(bytes(head.to_xy_bytes_be())[:48], "big") / FIELD for head in heads), *shown))


UNFOLDED = (10,)
"""A row of ten bits has five digits in base 4, an odd number: nothing is folded, and l and n are shown as they are."""
HEADS = 3
FIRST_COUNT, FIRST_DIGIT, VALUE = HEADS + MASKS, HEADS + MASKS + 4, HEADS + MASKS + 4 + 5
"""Places in a `View` of an unfolded proof: C₁, C₂, S, then l (masks, counts), n, and v."""
ZEROS = Committed.of((0,), UNFOLDED)
OTHERS = Committed.of((1 + 2 * 4 + 3 * 16 + 64 + 2 * 256,), UNFOLDED)
"""Digits 1, 2, 3, 1, 2: every digit, and every count, differs from those of 0."""


def views(rows: Committed, programme: Programme, count: int, prover: type[RangeProver] = RangeProver) -> list[View]:
    return [View.of(rows.shape, programme, prove(rows, prover, programme.kind)) for _ in range(count)]


def told_apart(left: Sequence[View], right: Sequence[View]) -> list[int]:
    """The places at which two samples differ."""
    columns = zip(*(zip(*(view.numbers for view in sample), strict=True) for sample in (left, right)), strict=True)
    return [place for place, (a, b) in enumerate(columns) if ks_2samp(a, b, method="exact").pvalue < ALARM]


def without(blinder: str) -> type[RangeProver]:
    """A prover that sets one blinder to zero, a mask, `sigma3` or `s3`; or a whole group, `sigma` or `s`."""

    class Careless(RangeProver):
        def draw_masks(self) -> None:
            super().draw_masks()
            for name, place in blinder_places(self.shape).items():
                if blinder in (name, place[0]):
                    set_blinder(self, name, place, ZERO)

    return Careless


def blinder_places(shape: RangeShape) -> dict[str, tuple[str, int]]:
    """Every blinder by name, with its group and place in it."""
    named = {field.name: (field.name, 0) for field in fields(_Masks)}
    sigma = {f"sigma{digit}": ("sigma", digit) for digit in range(shape.base)}
    return named | sigma | {f"s{place}": ("s", place) for place in range(shape.padded)}


def set_blinder(prover: RangeProver, name: str, place: tuple[str, int], value: Scalar) -> None:
    group, index = place
    if group == "sigma":
        prover._sigma[index] = value
    elif group == "s":
        prover._s[index] = value
    else:
        setattr(prover._masks, name, value)


@pytest.mark.parametrize("widths", [UNFOLDED, (64,)], ids=["unfolded", "folded"])
def test_nothing_a_proof_shows_tells_two_witnesses_apart(widths: tuple[int, ...]) -> None:
    zeros, others = Committed.of((0,), widths), Committed.of((633,), widths)
    programme = Programme.fresh(zeros.shape.fold.rounds)
    assert told_apart(views(zeros, programme, LARGE), views(others, programme, LARGE)) == []


@pytest.mark.parametrize("widths", [UNFOLDED, (64,)], ids=["unfolded", "folded"])
def test_nothing_a_proof_shows_tells_it_from_a_simulated_one(widths: tuple[int, ...]) -> None:
    rows = Committed.of((633,), widths)
    programme = Programme.fresh(rows.shape.fold.rounds)
    simulated = [
        simulate_range(KEY, rows.shape, rows.points, programme, transcript(rows, kind=programme.kind))
        for _ in range(LARGE)
    ]
    shown = [View.of(rows.shape, programme, proof) for proof in simulated]
    assert told_apart(views(rows, programme, LARGE), shown) == []


@pytest.mark.parametrize(
    ("blinder", "seen"),
    [
        ("v1", [VALUE]),
        *((f"sigma{digit}", [FIRST_COUNT + digit]) for digit in range(4)),
        *((f"s{place}", [FIRST_DIGIT + place]) for place in range(5)),
    ],
)
def test_a_blinder_that_only_one_scalar_has_is_missed_by_the_same_test(blinder: str, seen: list[int]) -> None:
    """All others are drawn: what one missing blinder shows of the witness is shown to everybody."""
    programme = Programme.fresh(0)
    prover = without(blinder)
    assert told_apart(views(ZEROS, programme, SMALL, prover), views(OTHERS, programme, SMALL, prover)) == seen


@pytest.mark.parametrize(("group", "first"), [("sigma", 1), ("s", 4)])
def test_folding_does_not_hide_a_missing_group(group: str, first: int) -> None:
    """Final scalars of 64 bits are sums of four entries: it takes a whole group to lay one bare."""
    zeros, others = Committed.of((0,), (64,)), Committed.of(((1 << 64) - 1,), (64,))
    programme = Programme.fresh(zeros.shape.fold.rounds)
    prover = without(group)
    seen = told_apart(views(zeros, programme, SMALL, prover), views(others, programme, SMALL, prover))
    assert seen
    assert set(seen) <= set(range(HEADS + first, HEADS + zeros.shape.fold.linear + zeros.shape.fold.norm))


FED = {
    "h1": ("C1", 0),
    "h2": ("C2", 0),
    "h_s": ("S", 0),
    "p1": (2,),
    "p2": (3,),
    "q1": (2, 4),
    "q2": (2, 3),
    "t2": (3, 5),
    "u1": (4, 5),
    "v1": (3,),
    **{f"sigma{digit}": (MASKS + digit,) for digit in range(4)},
    **{f"s{place}": (MASKS + 4 + place,) for place in range(5)},
}
"""What each blinder must make uniform by itself: entries of l, then of n, or a point.

Entry 1 of l is ⟨s, s⟩_μ with p₁ and p₂, and depends on no witness.
"""


def place_of(fed: int | str) -> int:
    return ("C1", "C2", "S").index(fed) if isinstance(fed, str) else HEADS + fed


def test_every_blinder_of_the_prover_is_looked_at() -> None:
    assert set(FED) == set(blinder_places(ZEROS.shape))
    assert {fed for places in FED.values() for fed in places} == {*range(MASKS + 4 + 5), "C1", "C2", "S"} - {1}


def test_no_two_blinders_are_the_same_and_none_comes_twice() -> None:
    """Else their difference would show, which no statistic of single scalars sees."""
    drawn: list[int] = []
    for _ in range(3):
        prover = RangeProver(KEY, ZEROS.shape, ZEROS.values, ZEROS.blindings, transcript(ZEROS))
        prover.draw_masks()
        named = (getattr(prover._masks, field.name) for field in fields(_Masks))
        drawn += map(int, (*named, *prover._sigma, *prover._s))
    assert len(drawn) == 3 * len(FED)
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("blinder", FED)
def test_each_blinder_alone_makes_uniform_what_it_feeds_and_is_missed_there(blinder: str) -> None:
    """All other blinders are held fixed. Drawn, this one hides the witness; set to zero, the same test sees it."""
    programme = Programme.fresh(0)
    fixed = {name: random_scalar() for name in FED}
    watched = [place_of(fed) for fed in FED[blinder]]

    class OneDrawn(RangeProver):
        drawn = True

        def draw_masks(self) -> None:
            super().draw_masks()
            for name, place in blinder_places(self.shape).items():
                if name != blinder:
                    set_blinder(self, name, place, fixed[name])
                elif not self.drawn:
                    set_blinder(self, name, place, ZERO)

    class NoneDrawn(OneDrawn):
        drawn = False

    honest = told_apart(views(ZEROS, programme, SMALL, OneDrawn), views(OTHERS, programme, SMALL, OneDrawn))
    careless = told_apart(views(ZEROS, programme, SMALL, NoneDrawn), views(OTHERS, programme, SMALL, NoneDrawn))
    assert not set(watched) & set(honest)
    assert set(watched) <= set(careless)


def test_together_the_masks_make_both_points_and_six_entries_uniform() -> None:
    """Exactly, by rank: eight outputs of ten masks. Any one of nine could be missing; v₁ could not.

    This is the joint statement behind the statistics, which look at one number at a time.
    """
    columns = mask_columns()
    assert rank(list(columns.values())) == 8
    ranks = {name: rank([column for other, column in columns.items() if other != name]) for name in columns}
    assert {name for name, found in ranks.items() if found < 8} == {"v1"}
    heads = ("h1", "h2", "h_s")
    assert rank([columns[name][:3] for name in heads]) == 3, "whatever the logarithms of the bases are"


def mask_columns() -> dict[str, list[Scalar]]:
    """What one unit of each mask adds to the logarithms of C₁ and C₂, and to l_0 … l_5, at random challenges.

    The bases' logarithms are drawn: the columns are those of a holder of all of them.
    """
    shape = ZEROS.shape
    tau, alpha = random_scalar(), random_scalar()
    on_value, *on_h = (random_scalar() for _ in range(1 + MASKS))
    reciprocals = digit_reciprocals(alpha, shape.base)
    challenges = draw_challenges(transcript(ZEROS), shape, alpha, reciprocals)

    def outputs(name: str | None) -> list[Scalar]:
        prover = RangeProver(KEY, shape, ZEROS.values, ZEROS.blindings, transcript(ZEROS))
        prover.draw_masks()
        for blinder, place in blinder_places(shape).items():
            set_blinder(prover, blinder, place, scalar(int(blinder == name)))
        nothing = [ZERO] * shape.padded
        l1 = prover.commit_digits([0] * shape.padded)[0]
        l2 = prover.commit_reciprocals(nothing, reciprocals)[0]
        l_s = prover.commit_masks(nothing, nothing, challenges)[0]
        value = prover._masks.v1
        logs = [on_value * value + dot(on_h, l1[:MASKS]), dot(on_h, l2[:MASKS])]
        return [logs[0], logs[1], *prover.at(tau, l_s, l1, l2)[:MASKS]]

    baseline = outputs(None)
    return {field.name: [a - b for a, b in zip(outputs(field.name), baseline, strict=True)] for field in fields(_Masks)}
