"""Each row of the solvency window: an account that breaks it alone is refused, whatever auxiliaries its owner picks.

The owner of `owned` sends what it likes for every variable and carries it through the whole proof. With values that
keep all rows it passes; then one value moves and exactly one row breaks, which each test sees to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from circuits.errors import ProofRejected
from circuits.group import IDENTITY, ORDER
from circuits.linear import bind_statement
from circuits.opening import prove_opening
from circuits.pedersen import HANDLE_BASE, Commitment, Opening
from circuits.solvency import KIND, Exposure, SolvencyClaim, SolvencyInputs, SolvencyProof, SolvencyTerms
from circuits.solvency_terms import CASH_OFFSET, LIMB_BITS, solvency_statement, worst_outcome
from circuits.transcript import Transcript
from tests.circuits.proofs import CONTEXT, KEY
from tests.circuits.test_range_forgeries import Forger
from tests.circuits.test_sigma_forgeries import open_blindly

PERPETUAL = Exposure(0, (-900, 1100), 3, 5, 60, 2, True)
WRAPPED = Exposure(1, (50_000,), 500, 0, 0, 0, False, withdrawn=True)
TERMS = SolvencyTerms((2, 1), (PERPETUAL, WRAPPED), True)
FUNDED = SolvencyTerms((2, 1), (replace(PERPETUAL, funding=1 << 62), WRAPPED), True)
"""Two lots of it owe as much cash as the limbs can hold."""
ROWS = ("node 0", "node 1", "collateral", "a − q", "a + q", "withdrawn", "cash", "high", "low", "trade")
LIMIT = solvency_statement(TERMS).shape.rows[ROWS.index("low")].limit
CASH = 10**6


@dataclass(frozen=True)
class Variables:
    """All that the owner picks, in the statement's order."""

    cash: int
    position: int
    collateral: int
    trade: int
    high: int
    size: int
    worst: int
    worst_collateral: int

    @property
    def values(self) -> tuple[int, ...]:
        names = ("cash", "position", "collateral", "trade", "high", "size", "worst", "worst_collateral")
        return tuple(getattr(self, name) for name in names)


def owned(terms: SolvencyTerms = TERMS, cash: int = CASH, position: int = 10, collateral: int = 5) -> Variables:
    """The auxiliaries of an honest owner."""
    outcome = worst_outcome(terms, cash, (position, collateral))
    return Variables(cash, position, collateral, -7, cash + CASH_OFFSET >> LIMB_BITS, abs(position), *outcome.worst)


def broken(terms: SolvencyTerms, values: Sequence[int]) -> list[str]:
    statement = solvency_statement(terms)
    pairs = zip(ROWS, statement.rows, statement.shape.rows, strict=True)
    return [name for name, row, written in pairs if not 0 <= row.evaluate(values) < written.limit]


def forged(terms: SolvencyTerms, variables: Variables) -> SolvencyClaim:
    statement = solvency_statement(terms)
    openings = [Opening.fresh(value) for value in variables.values]
    cash, position, collateral, trade, high, *points = map(KEY.commit, openings)
    auxiliaries = tuple(point.c for point in points)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    bind_statement(transcript, statement, [cash, position, collateral, trade, high], auxiliaries)
    rows = [row.evaluate(variables.values) % ORDER for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    shown = Forger(KEY, statement.shape, rows, blindings, transcript).prove()
    proof = SolvencyProof(high, prove_opening(KEY, openings[4], high, CONTEXT), auxiliaries, shown)
    return SolvencyClaim(terms, SolvencyInputs(cash, (position, collateral), trade), proof, CONTEXT)


@pytest.mark.parametrize(
    ("terms", "variables"),
    [
        (TERMS, owned()),
        (TERMS, owned(position=-10)),
        (TERMS, owned(position=0, collateral=0)),
        (TERMS, replace(owned(), size=11, worst=owned().worst - 3)),
        (TERMS, replace(owned(), worst=owned().worst - 1)),
        (FUNDED, owned(FUNDED, cash=(1 << 63) - 1, position=2)),
    ],
    ids=["long", "short", "empty", "overstated size", "understated outcome", "much funding"],
)
def test_the_forger_passes_as_long_as_it_keeps_the_rows(terms: SolvencyTerms, variables: Variables) -> None:
    assert broken(terms, variables.values) == []
    forged(terms, variables).verify(KEY)


SHORT = owned(position=-10)
POOR = owned(cash=-(10**6))
HIGH_CASH = (1 << 63) + (256 << LIMB_BITS)
LOW_CASH = -(1 << 63) - (1 << LIMB_BITS)


@pytest.mark.parametrize(
    ("row", "terms", "variables"),
    [
        ("node 0", TERMS, replace(owned(), worst=owned().worst + 1)),
        ("node 1", TERMS, replace(SHORT, worst=SHORT.worst + 1)),
        ("collateral", TERMS, replace(owned(), worst_collateral=owned().worst_collateral + 1)),
        ("a − q", TERMS, replace(owned(), size=9)),
        ("a + q", TERMS, replace(SHORT, size=9)),
        ("withdrawn", TERMS, owned(collateral=-1)),
        ("cash", TERMS, POOR),
        ("high", FUNDED, owned(FUNDED, cash=HIGH_CASH, position=2)),
        ("high", FUNDED, owned(FUNDED, cash=LOW_CASH, position=-2, collateral=10**9)),
        ("low", TERMS, replace(owned(), high=owned().high + 1)),
        ("low", TERMS, replace(owned(), high=owned().high - 1)),
        ("trade", TERMS, replace(owned(), trade=(1 << 31) + 256)),
        ("trade", TERMS, replace(owned(), trade=-(1 << 31) - 1)),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_an_account_that_breaks_one_row_is_refused(row: str, terms: SolvencyTerms, variables: Variables) -> None:
    assert broken(terms, variables.values) == [row]
    with pytest.raises(ProofRejected):
        forged(terms, variables).verify(KEY)


def test_a_limb_reaches_as_far_as_its_digits_and_no_further() -> None:
    """Cash has two cuts where its low limb is below limit − 2^32: whoever opens it must look beyond 2^32."""
    beyond = LIMIT - (1 << LIMB_BITS)
    assert 0 < beyond < 256
    honest = owned(cash=CASH - CASH % (1 << LIMB_BITS) + (1 << LIMB_BITS) + beyond - 1)
    recut = replace(honest, high=honest.high - 1)
    forged(TERMS, recut).verify(KEY)
    further = owned(cash=honest.cash + 1)
    assert broken(TERMS, replace(further, high=further.high - 1).values) == ["low"]
    with pytest.raises(ProofRejected):
        forged(TERMS, replace(further, high=further.high - 1)).verify(KEY)


def test_a_high_limb_that_the_committee_could_not_read_is_refused() -> None:
    """The rows hold for C alone; that D is its handle is what the limb's opening proof says."""
    variables = owned()
    statement = solvency_statement(TERMS)
    openings = [Opening.fresh(value) for value in variables.values]
    cash, position, collateral, trade, high, *points = map(KEY.commit, openings)
    unreadable = Commitment(high.c, high.d + HANDLE_BASE)
    auxiliaries = tuple(point.c for point in points)
    transcript = Transcript(KIND, CONTEXT, KEY.words())
    bind_statement(transcript, statement, [cash, position, collateral, trade, unreadable], auxiliaries)
    rows = [row.evaluate(variables.values) for row in statement.rows]
    blindings = [row.blinding(openings) for row in statement.rows]
    shown = Forger(KEY, statement.shape, rows, blindings, transcript).prove()
    opened = open_blindly(unreadable, openings[4]).proof
    claim = SolvencyClaim(
        TERMS,
        SolvencyInputs(cash, (position, collateral), trade),
        SolvencyProof(unreadable, opened, auxiliaries, shown),
        CONTEXT,
    )
    holds = {equation.relation: equation.residue(KEY) == IDENTITY for equation in claim.equations(KEY)}
    assert holds == {"range": True, "opening of C": True, "opening of D": False}
    with pytest.raises(ProofRejected):
        claim.verify(KEY)
