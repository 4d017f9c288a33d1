"""Margin without a network: prove that a portfolio survives its window, check it, and nothing else is needed.

The statement is the ledger's (`circuits.solvency`), on the risk grid that follows from the market file, with the rows
that make each position an integer and keep each collateral from being negative, and with an opening proof of every
commitment: no ledger vouches for them here. What binds it: the market's digest, the grid, the instruments' names, the
commitments, and the verifier's `challenge`, a text of its choice that keeps a proof from serving anybody else or again.

H is hashed to the curve, so that log_B H is unknown to all and nobody but the owner can open anything. The pairs (C, D)
are perfectly binding, and hide under DDH.

    proof bytes: magic (16) ‖ market, commitments, challenge digest (32 each) ‖ length (4) ‖ grid entries of the options
                 held ‖ opening proofs of cash, positions, collateral (160 each) ‖ solvency proof

Options are valued in floating point, where machines differ in the last bit: the prover sends its integers, and the
verifier takes them if they are its own within the last unit, for which the gap charge has room
(`node.market.grid.check_grid`).
"""

from dataclasses import dataclass, field, replace
from typing import Final

from eth_hash.auto import keccak

from circuits.batch import verify_claims
from circuits.errors import ClaimsRejected, DecodingError, Insolvent, StatementUnsound, WitnessInvalid
from circuits.group import hash_to_point
from circuits.opening import OPENING_BYTES, OpeningClaim, prove_opening
from circuits.pedersen import CommitmentKey
from circuits.solvency import (
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
    solvency_sizes,
)
from circuits.transcript import Deployment, ProofContext
from node.margin.book import Commitments, Openings, Portfolio, entry_names, in_order
from node.margin.errors import FileInvalid, MarginRejected, MarketUnusable, OpeningsMismatch, ShortOfMargin
from node.margin.market import Market, require_listed
from node.market import canonical
from node.market.agreement import check_grid
from node.market.errors import MarketError
from node.market.grid import InstrumentGrid, RiskGrid
from node.market.instruments import Curved
from node.market.margin import open_margin
from node.market.rows import compile_terms
from node.market.window import MarginWindow, window_of

KEY: Final = CommitmentKey(hash_to_point(b"blinding", b"zkclear/margin/v1/H"))
"""The commitment key of every standalone proof: nobody knows a logarithm of its H."""
MAX_ROWS: Final = 512
MAX_PROOF_BYTES: Final = 1 << 20
MAX_CHALLENGE_BYTES: Final = 1024
_MAGIC: Final = b"zkclear/margin/1"
_DIGEST: Final = 32
_HEADER_BYTES: Final = len(_MAGIC) + 3 * _DIGEST
_LENGTH_BYTES: Final = 4
_PURPOSE: Final = b"zkclear/margin/standalone/1\0"
_NOWHERE: Final = Deployment(0, bytes(20), bytes(keccak(_PURPOSE)))
"""No chain has the id 0, so that no proof of a house is one of these, and none of these is one of a house."""


@dataclass(frozen=True, slots=True)
class ProvenMargin:
    """`proof` and `commitments` are for the verifier; `openings` stay with the owner, and no repr shows them."""

    proof: bytes
    commitments: Commitments
    openings: Openings = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedMargin:
    """What a proof that holds says: the commitments named by `commitments` survive `window`, after charges.

    `rows` is the number of proven rows; `until` the unix second to which the gap charge reaches.
    """

    market: bytes
    commitments: bytes
    challenge: str
    window: MarginWindow
    until: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Statement:
    """Everything public that a proof is about."""

    grid: RiskGrid
    terms: SolvencyTerms
    rows: int
    context: ProofContext


def prove_margin(
    portfolio: Portfolio, market: Market, *, challenge: str = "", openings: Openings | None = None
) -> ProvenMargin:
    """Prove that the portfolio survives the market's window; `openings` keep commitments that others know already.

    Raises:
        ShortOfMargin: it does not, for the owner's eyes.
        OpeningsMismatch: `openings` are of other entries or amounts.
        FileInvalid: an id that the market does not list, or that has expired there; a challenge too long.
        MarketUnusable: a statement too large.
    """
    portfolio.check("portfolio")
    made = Openings.of(portfolio) if openings is None else openings
    _require_same(portfolio, made)
    commitments = Commitments.to(made, KEY)
    header = _header(market, commitments, challenge, "portfolio")
    statement = _statement(market, market.grid, commitments, header)
    held = in_order(made.cash, made.positions, made.collateral)
    committed = in_order(commitments.cash, commitments.positions, commitments.collateral)
    inputs = SolvencyInputs(committed[0], committed[1:], None)
    witness = SolvencyWitness(held[0], held[1:], None)
    try:
        proof = prove_solvency(KEY, statement.terms, inputs, witness, statement.context)
    except Insolvent as error:
        raise _short(statement, portfolio, error.shortfall) from None
    except WitnessInvalid as error:
        raise FileInvalid("portfolio", "", error.reason) from None
    pairs = zip(held, committed, strict=True)
    shown = b"".join(prove_opening(KEY, secret, public, statement.context) for secret, public in pairs)
    entries = _published(market, commitments)
    length = len(entries).to_bytes(_LENGTH_BYTES, "big")
    return ProvenMargin(header + length + entries + shown + proof.encode(), commitments, made)


def verify_margin(proof: bytes, market: Market, commitments: Commitments, *, challenge: str = "") -> VerifiedMargin:
    """Check that what `commitments` hold survives the market's window. Trusts nothing that the prover sent.

    Raises:
        MarginRejected: the proof does not show it, with the reason.
        FileInvalid: the commitments name what the market does not list; a challenge too long.
        MarketUnusable: a statement too large.
    """
    header = _header(market, commitments, challenge, "commitments")
    _require_header(proof, header)
    grid, rest = _published_grid(proof, market, commitments)
    statement = _statement(market, grid, commitments, header)
    committed = in_order(commitments.cash, commitments.positions, commitments.collateral)
    cut = OPENING_BYTES * len(committed)
    expected = cut + solvency_sizes(statement.terms).proof
    if len(rest) != expected:
        raise MarginRejected(f"the proof has {len(rest)} bytes after its grid where {expected} belong")
    try:
        solvency = SolvencyProof.decode_for(statement.terms, rest[cut:])
    except DecodingError as error:
        raise MarginRejected(str(error)) from error
    inputs = SolvencyInputs(committed[0], committed[1:], None)
    shown = (rest[at : at + OPENING_BYTES] for at in range(0, cut, OPENING_BYTES))
    known = [OpeningClaim(c, part, statement.context) for c, part in zip(committed, shown, strict=True)]
    _require_all([SolvencyClaim(statement.terms, inputs, solvency, statement.context), *known], commitments)
    return VerifiedMargin(
        market.digest,
        commitments.digest,
        challenge,
        window_of(grid, commitments.positions, commitments.collateral),
        market.state.time + market.parameters.max_proof_age_seconds,
        statement.rows,
    )


def _require_all(claims: "list[SolvencyClaim | OpeningClaim]", commitments: Commitments) -> None:
    try:
        verify_claims(KEY, claims)
    except ClaimsRejected as error:
        names = entry_names(commitments.positions, commitments.collateral)
        wrong = [f"the opening proof of {names[place - 1]}" if place else "the margin rows" for place in error.indices]
        raise MarginRejected(f"does not hold: {', '.join(wrong)}") from None


def _header(market: Market, commitments: Commitments, challenge: str, file: str) -> bytes:
    """What the proof begins with, and is bound to; `file` is whose ids an error is about."""
    require_listed(market, file, commitments.positions, commitments.collateral)
    asked = challenge.encode()
    if len(asked) > MAX_CHALLENGE_BYTES:
        raise FileInvalid("challenge", "", f"more than {MAX_CHALLENGE_BYTES} bytes")
    return _MAGIC + market.digest + commitments.digest + bytes(keccak(asked))


def _statement(market: Market, grid: RiskGrid, commitments: Commitments, header: bytes) -> _Statement:
    try:
        terms = compile_terms(grid, tuple(commitments.positions), tuple(commitments.collateral), vouched=False)
        rows = solvency_sizes(terms).rows
    except StatementUnsound as error:
        raise MarketUnusable(str(error)) from error
    if rows > MAX_ROWS:
        raise MarketUnusable(f"the statement has {rows} rows, at most {MAX_ROWS}")
    context = ProofContext(_NOWHERE, bytes(keccak(_PURPOSE + header)), 0, grid.digest, market.parameters.digest)
    return _Statement(grid, terms, rows, context)


def _options_held(market: Market, commitments: Commitments) -> list[str]:
    listed = {entry.id: entry for entry in market.registry.instruments}
    return [name for name in sorted(commitments.positions) if isinstance(listed.get(name), Curved)]


@dataclass(frozen=True, slots=True)
class _Published:
    """The prover's integers for the options it holds, in the order of their ids."""

    entries: tuple[InstrumentGrid, ...]


def _published(market: Market, commitments: Commitments) -> bytes:
    names = _options_held(market, commitments)
    return canonical.encode(_Published(tuple(map(market.grid.instrument, names))))


def _published_grid(proof: bytes, market: Market, commitments: Commitments) -> tuple[RiskGrid, bytes]:
    """The verifier's own grid with the prover's integers for the options held, if they agree; and what follows them."""
    start = _HEADER_BYTES + _LENGTH_BYTES
    end = start + int.from_bytes(proof[_HEADER_BYTES:start], "big")
    own = market.grid
    try:
        sent = canonical.decode(_Published, proof[start:end])
        if [entry.id for entry in sent.entries] != _options_held(market, commitments):
            raise MarginRejected("the proof has grid entries of other options than the commitments name")
        theirs = {entry.id: entry for entry in sent.entries}
        grid = replace(own, instruments=tuple(theirs.get(entry.id, entry) for entry in own.instruments))
        check_grid(grid, own)
    except MarketError as error:
        raise MarginRejected(f"the proof's grid entries: {error}") from error
    return grid, proof[end:]


def _require_header(proof: bytes, header: bytes) -> None:
    if not _HEADER_BYTES < len(proof) <= MAX_PROOF_BYTES or proof[: len(_MAGIC)] != _MAGIC:
        raise MarginRejected("these bytes are no margin proof of this version")
    for place, what in enumerate(("market", "commitments", "challenge")):
        at = len(_MAGIC) + place * _DIGEST
        if proof[at : at + _DIGEST] != header[at : at + _DIGEST]:
            raise MarginRejected(f"the proof was made for another {what}")


def _require_same(portfolio: Portfolio, openings: Openings) -> None:
    opened = openings.portfolio()
    if opened.cash != portfolio.cash:
        raise OpeningsMismatch("cash")
    for group in ("positions", "collateral"):
        wanted, found = getattr(portfolio, group), getattr(opened, group)
        for name in sorted({*wanted, *found}):
            if wanted.get(name) != found.get(name):
                raise OpeningsMismatch(f"{group}.{name}")


def _short(statement: _Statement, portfolio: Portfolio, shortfall: int) -> ShortOfMargin:
    margin = open_margin(statement.grid, portfolio.cash, portfolio.positions, portfolio.collateral)
    return ShortOfMargin(margin.worst, shortfall)
