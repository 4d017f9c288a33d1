"""Margin without a network: the example holds, whatever else is shown does not."""

import random
from dataclasses import replace

import pytest

from circuits.group import IDENTITY, ORDER, random_scalar
from circuits.opening import OPENING_BYTES, prove_opening
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, Opening
from circuits.solvency import solvency_sizes
from node.margin import (
    Commitments,
    FileInvalid,
    MarginRejected,
    Market,
    MarketUnusable,
    Openings,
    OpeningsMismatch,
    Portfolio,
    ProvenMargin,
    ShortOfMargin,
    prove_margin,
    verify_margin,
)
from node.margin import proof as module
from node.margin.proof import KEY
from node.market import canonical
from node.market.grid import InstrumentGrid
from node.market.rows import compile_terms

CHALLENGE = "venue 7, desk 3, nonce 1"
PUT = "BTC-20200327-7500-P"
START = 16 + 3 * 32
HELD = ("BTC-20200327", PUT, "BTC-20200327-9000-C", "ETH-PERP")


def refused(proof: bytes, market: Market, commitments: Commitments, challenge: str = CHALLENGE) -> str:
    with pytest.raises(MarginRejected) as rejection:
        verify_margin(proof, market, commitments, challenge=challenge)
    return rejection.value.reason


def entries_end(proof: bytes) -> int:
    return START + 4 + int.from_bytes(proof[START : START + 4], "big")


def test_three_lines_prove_and_verify(portfolio: Portfolio, market: Market) -> None:
    proven = prove_margin(portfolio, market)
    verified = verify_margin(proven.proof, market, proven.commitments)
    assert verified.market == market.digest
    assert verified.commitments == proven.commitments.digest
    assert verified.until == market.state.time + 4 * 3600
    assert [reach.symbol for reach in verified.window.underlyings] == ["BTC", "ETH"]
    for reach in verified.window.underlyings:
        assert reach.low < market.state.price(reach.symbol) < reach.high


def test_the_hedge_is_what_carries_the_book(portfolio: Portfolio, market: Market) -> None:
    naked = replace(portfolio, positions={k: v for k, v in portfolio.positions.items() if k != PUT})
    with pytest.raises(ShortOfMargin) as short:
        prove_margin(naked, market)
    low = market.grid.underlying("BTC").tails.low
    assert next((place.symbol, place.price) for place in short.value.scenarios) == ("BTC", low)
    assert short.value.shortfall_usd > 0
    assert f"{short.value.shortfall_usd.normalize():f} USD" in str(short.value)


@pytest.mark.parametrize("missing", [0, 1, 1_000_000])
def test_the_shortfall_is_exact_to_the_micro_dollar(portfolio: Portfolio, market: Market, missing: int) -> None:
    with pytest.raises(ShortOfMargin) as short:
        prove_margin(replace(portfolio, cash=-(10**12)), market)
    needed = -(10**12) - -short.value.shortfall // 1000
    if missing == 0:
        prove_margin(replace(portfolio, cash=needed), market)
        return
    with pytest.raises(ShortOfMargin) as again:
        prove_margin(replace(portfolio, cash=needed - missing), market)
    assert (missing - 1) * 1000 < again.value.shortfall <= missing * 1000


def test_nothing_that_an_error_or_a_repr_shows_to_others_tells_an_amount(
    portfolio: Portfolio, market: Market, proven: ProvenMargin
) -> None:
    shown = f"{proven!r} {portfolio!r} {proven.openings!r} {proven.commitments!r}"
    for amount in (portfolio.cash, *portfolio.positions.values(), *portfolio.collateral.values()):
        assert str(abs(amount)) not in shown
    with pytest.raises(ShortOfMargin) as short:
        prove_margin(replace(portfolio, cash=-(10**12)), market)
    assert str(short.value.shortfall) not in repr(short.value)


def test_a_portfolio_of_cash_alone_is_proven(market: Market) -> None:
    for cash in (0, 5):
        proven = prove_margin(Portfolio(cash, {}, {}), market)
        assert verify_margin(proven.proof, market, proven.commitments).window.underlyings == ()
    with pytest.raises(ShortOfMargin, match="cash alone") as short:
        prove_margin(Portfolio(-1, {}, {}), market)
    assert short.value.scenarios == ()


def test_a_zero_hides_which_instruments_are_held(market: Market) -> None:
    proven = prove_margin(Portfolio(0, dict.fromkeys(HELD, 0), {"WETH@1": 0}), market)
    verify_margin(proven.proof, market, proven.commitments)


def test_a_proof_is_for_its_challenge_alone(market: Market, proven: ProvenMargin) -> None:
    verify_margin(proven.proof, market, proven.commitments, challenge=CHALLENGE)
    assert "another challenge" in refused(proven.proof, market, proven.commitments, "")
    assert "another challenge" in refused(proven.proof, market, proven.commitments, CHALLENGE + " ")


def test_a_header_that_was_exchanged_does_not_carry_a_proof_over(market: Market, proven: ProvenMargin) -> None:
    """The header is bound into the transcript, not only compared."""
    other = prove_margin(proven.openings.portfolio(), market, challenge="x", openings=proven.openings)
    assert "does not hold" in refused(other.proof[:START] + proven.proof[START:], market, proven.commitments, "x")


@pytest.mark.parametrize("change", ["price", "volatility", "time", "parameter", "another instrument"])
def test_a_proof_is_for_its_market_alone(market: Market, proven: ProvenMargin, change: str) -> None:
    state = market.state
    btc, eth = state.underlyings
    volatility = replace(btc.volatility, sigma_ppm=btc.volatility.sigma_ppm + 1)
    changed = {
        "price": replace(market, state=replace(state, underlyings=(replace(btc, price=btc.price + 1), eth))),
        "volatility": replace(market, state=replace(state, underlyings=(replace(btc, volatility=volatility), eth))),
        "time": replace(market, state=replace(state, time=state.time + 1)),
        "parameter": replace(market, parameters=replace(market.parameters, closing_charge_bps=21)),
        "another instrument": replace(
            market, registry=replace(market.registry, instruments=market.registry.instruments[:-1])
        ),
    }[change]
    names = {entry.id for entry in changed.registry.instruments}
    if change == "another instrument":
        commitments = replace(
            proven.commitments, positions={k: v for k, v in proven.commitments.positions.items() if k in names}
        )
        assert "another market" in refused(proven.proof, changed, commitments)
    else:
        assert "another market" in refused(proven.proof, changed, proven.commitments)
        header = proven.proof[:16] + changed.digest + proven.proof[48:]
        refused(header, changed, proven.commitments)


@pytest.mark.parametrize("shift", [Commitment(VALUE_BASE, IDENTITY), Commitment(IDENTITY, HANDLE_BASE)])
@pytest.mark.parametrize("entry", ["cash", PUT, "WETH@1"])
def test_a_proof_is_for_its_commitments_alone(
    market: Market, proven: ProvenMargin, entry: str, shift: Commitment
) -> None:
    held = proven.commitments
    if entry == "cash":
        changed = replace(held, cash=held.cash + shift)
    elif entry == PUT:
        changed = replace(held, positions={**held.positions, PUT: held.positions[PUT] + shift})
    else:
        changed = replace(held, collateral={entry: held.collateral[entry] + shift})
    assert "another commitments" in refused(proven.proof, market, changed)
    header = proven.proof[:48] + changed.digest + proven.proof[80:]
    assert "does not hold" in refused(header, market, changed)


def test_exchanged_names_of_instruments_are_refused(market: Market, proven: ProvenMargin) -> None:
    held = dict(proven.commitments.positions)
    held["BTC-PERP"] = held.pop("BTC-20200327")
    changed = replace(proven.commitments, positions=held)
    header = proven.proof[:48] + changed.digest + proven.proof[80:]
    refused(header, market, changed)


def test_each_byte_of_a_proof_counts(market: Market, proven: ProvenMargin) -> None:
    chosen = random.Random(7)
    size = len(proven.proof)
    # Every header, length and opening byte region is hit, and the rest by chance.
    for place in {*range(0, START + 4, 13), *chosen.sample(range(START, size), 60), size - 1}:
        changed = bytearray(proven.proof)
        changed[place] ^= 1 << chosen.randrange(8)
        refused(bytes(changed), market, proven.commitments)


@pytest.mark.parametrize("cut", [0, 15, 16, START, START + 3, START + 4, START + 40, -161, -1])
def test_a_truncated_proof_is_refused(market: Market, proven: ProvenMargin, cut: int) -> None:
    refused(proven.proof[:cut], market, proven.commitments)


def test_surplus_bytes_are_refused(market: Market, proven: ProvenMargin) -> None:
    refused(proven.proof + b"\0", market, proven.commitments)
    refused(proven.proof + bytes(module.MAX_PROOF_BYTES), market, proven.commitments)


# The grid entries that a prover sends.


def with_entries(proven: ProvenMargin, market: Market, change: "dict[str, object]") -> bytes:
    """The proof with the put's entry changed."""

    def changed(entry: InstrumentGrid) -> InstrumentGrid:
        return replace(entry, **change) if entry.id == PUT else entry  # type: ignore[arg-type]

    names = sorted(name for name in HELD if name[-2:] in ("-P", "-C"))
    entries = canonical.encode(module._Published(tuple(changed(market.grid.instrument(name)) for name in names)))
    return proven.proof[:START] + len(entries).to_bytes(4, "big") + entries + proven.proof[entries_end(proven.proof) :]


def test_the_unchanged_entries_are_the_proofs_own(market: Market, proven: ProvenMargin) -> None:
    assert with_entries(proven, market, {}) == proven.proof


@pytest.mark.parametrize(
    "field", ["closing_charge", "short_minimum", "gap_charge", "wide_gap_charge", "underlying", "funding"]
)
def test_a_prover_cannot_choose_its_charges(market: Market, proven: ProvenMargin, field: str) -> None:
    value = "ETH" if field == "underlying" else getattr(market.grid.instrument(PUT), field) - 10**6
    assert "grid entries" in refused(with_entries(proven, market, {field: value}), market, proven.commitments)


def test_a_prover_cannot_choose_its_values(market: Market, proven: ProvenMargin) -> None:
    values = market.grid.instrument(PUT).values
    for changed in ((values[0] + 10**4, *values[1:]), values[:-1], (*values, 0)):
        assert "grid entries" in refused(with_entries(proven, market, {"values": changed}), market, proven.commitments)


def test_a_machine_that_rounds_the_last_bit_otherwise_still_proves(
    portfolio: Portfolio, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unit in each option value: the verifier, who computes the other integers, takes the prover's."""
    elsewhere = Market(market.registry, market.parameters, market.state)
    grid = market.grid
    entries = tuple(
        entry if grid.is_linear(entry.id) else replace(entry, values=tuple(value + 1 for value in entry.values))
        for entry in grid.instruments
    )
    elsewhere.__dict__["grid"] = replace(grid, instruments=entries)
    assert elsewhere.grid.digest != grid.digest
    proven = prove_margin(portfolio, elsewhere)
    verify_margin(proven.proof, market, proven.commitments)


# What no ledger vouches for.


def test_half_a_lot_is_refused_by_the_row_of_its_position(market: Market) -> None:
    """With a = q = (r+1)/2 the rows of |q| hold: see tests/circuits/test_integer_positions.py."""
    terms = compile_terms(market.grid, ("BTC-PERP",), (), vouched=False)
    assert all(exposure.unvouched for exposure in terms.exposures)
    with pytest.raises(FileInvalid, match=r"positions\.BTC-PERP"):
        prove_margin(Portfolio(10**12, {"BTC-PERP": (ORDER + 1) // 2}, {}), market)


def test_negative_collateral_is_refused(market: Market) -> None:
    with pytest.raises(FileInvalid, match="collateral"):
        prove_margin(Portfolio(10**12, {}, {"WETH@1": -1}), market)
    terms = compile_terms(market.grid, (), ("WETH@1",), vouched=False)
    assert all(exposure.withdrawn for exposure in terms.exposures)


@pytest.mark.parametrize("place", range(6))
def test_each_commitment_needs_an_opening_proof_of_its_own(market: Market, proven: ProvenMargin, place: int) -> None:
    at = entries_end(proven.proof) + OPENING_BYTES * place
    other = entries_end(proven.proof) + OPENING_BYTES * ((place + 1) % 6)
    taken = proven.proof[other : other + OPENING_BYTES]
    reason = refused(proven.proof[:at] + taken + proven.proof[at + OPENING_BYTES :], market, proven.commitments)
    assert reason.startswith("does not hold: the opening proof of ")


def test_a_commitment_with_junk_in_it_is_refused_by_its_opening(market: Market, proven: ProvenMargin) -> None:
    """A handle for another blinding would open to something else: the sigma proof ties the two together."""
    opening = proven.openings.cash
    crooked = Commitment(KEY.commit(opening).c, HANDLE_BASE * random_scalar())
    commitments = replace(proven.commitments, cash=crooked)
    header = module._header(market, commitments, CHALLENGE, "commitments")
    statement = module._statement(market, market.grid, commitments, header)
    with pytest.raises(Exception, match="opening"):
        prove_opening(KEY, opening, crooked, statement.context)
    refused(header + proven.proof[START:], market, commitments)


# Commitments that stay, and that add up.


def test_the_same_openings_give_the_same_commitments_in_another_market(
    portfolio: Portfolio, market: Market, proven: ProvenMargin
) -> None:
    later = replace(market, state=replace(market.state, time=market.state.time + 900))
    again = prove_margin(portfolio, later, openings=proven.openings)
    assert again.commitments.digest == proven.commitments.digest
    verify_margin(again.proof, later, proven.commitments)


def test_a_changed_amount_never_keeps_its_blinding(portfolio: Portfolio, proven: ProvenMargin) -> None:
    changed = replace(portfolio, cash=portfolio.cash - 1, positions={**portfolio.positions, PUT: 1})
    openings = Openings.of(changed, proven.openings)
    assert openings.cash.blinding != proven.openings.cash.blinding
    assert openings.positions[PUT].blinding != proven.openings.positions[PUT].blinding
    assert openings.positions["ETH-PERP"] is proven.openings.positions["ETH-PERP"]
    assert openings.collateral == proven.openings.collateral


def test_two_books_are_proven_as_one(market: Market) -> None:
    """Neither the long future nor the long put of a desk stands alone at a venue; their sum does."""
    future = Openings.of(Portfolio(-75_000 * 10**6, {"BTC-20200327": 100_000}, {}))
    hedge = Openings.of(Portfolio(5_000 * 10**6, {PUT: 100_000, "BTC-20200327": 0}, {"WETH@1": 100_000}))
    at_first, at_second = Commitments.to(future, KEY), Commitments.to(hedge, KEY)
    total = future + hedge
    with pytest.raises(ShortOfMargin):
        prove_margin(future.portfolio(), market, openings=future)
    proven = prove_margin(total.portfolio(), market, openings=total)
    verify_margin(proven.proof, market, at_first + at_second)
    assert (at_first + at_second).digest == proven.commitments.digest


@pytest.mark.parametrize("entry", ["cash", "positions.ETH-PERP", "collateral.WETH@1", "positions.BTC-PERP"])
def test_openings_of_another_portfolio_are_refused(
    portfolio: Portfolio, market: Market, proven: ProvenMargin, entry: str
) -> None:
    group, _, name = entry.partition(".")
    if group == "cash":
        other = replace(portfolio, cash=portfolio.cash + 1)
    else:
        held = dict(getattr(portfolio, group))
        other = replace(portfolio, **{group: {**held, name: held.get(name, 0) + 1}})
    with pytest.raises(OpeningsMismatch) as mismatch:
        prove_margin(other, market, openings=proven.openings)
    assert mismatch.value.entry == entry


# Bad input.


def test_what_is_not_listed_or_has_expired_is_named(portfolio: Portfolio, market: Market) -> None:
    for group, name in (("positions", "DOGE-PERP"), ("collateral", "BTC-PERP"), ("positions", "WETH@1")):
        with pytest.raises(FileInvalid) as refusal:
            prove_margin(replace(portfolio, **{group: {name: 1}}), market)
        assert (refusal.value.field, "not listed" in refusal.value.reason) == (f"{group}.{name}", True)
    late = replace(market, state=replace(market.state, time=1_585_296_000))
    with pytest.raises(FileInvalid, match="expired"):
        prove_margin(portfolio, late)


def test_a_challenge_has_a_length(portfolio: Portfolio, market: Market) -> None:
    with pytest.raises(FileInvalid, match="challenge"):
        prove_margin(portfolio, market, challenge="é" * 513)


def test_a_statement_too_large_is_refused_on_both_sides(
    portfolio: Portfolio, market: Market, proven: ProvenMargin, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = compile_terms(market.grid, tuple(portfolio.positions), tuple(portfolio.collateral), vouched=False)
    monkeypatch.setattr(module, "MAX_ROWS", solvency_sizes(terms).rows - 1)
    with pytest.raises(MarketUnusable):
        prove_margin(portfolio, market)
    with pytest.raises(MarketUnusable):
        verify_margin(proven.proof, market, proven.commitments, challenge=CHALLENGE)


def test_an_opening_shows_nothing() -> None:
    assert "7" not in repr(Openings(Opening.fresh(7777), {}, {}))
