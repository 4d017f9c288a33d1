"""SolvencyVerifier on a real chain: it accepts what a node accepts, for little gas, and nothing else."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from circuits.errors import CircuitError, ProofRejected
from circuits.group import ONE, ORDER, Point, Scalar, hash_to_point, point_words
from circuits.linear import LinearStatement, Row
from circuits.pedersen import VALUE_BASE, CommitmentKey, Opening
from circuits.range_prover import RangeProver
from circuits.range_shape import range_shape
from circuits.solvency import SolvencyClaim, SolvencyInputs, SolvencyTerms, SolvencyWitness, prove_solvency
from circuits.solvency_terms import Exposure, evaluate_solvency
from devnet.anvil import DEV_KEYS, Anvil
from devnet.gas_bench import STATEMENTS, dense_proof
from node.chains.calls import encode_call
from node.chains.compile import house_contract
from node.chains.deploy import deploy_verifier
from node.chains.errors import StatementTooLarge, TransactionReverted
from node.chains.margin_verifier import (
    LinearProof,
    creation_code,
    encode_verify,
    generator_data,
    verify_arguments,
    words,
)
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect, request
from tests.circuits.proofs import CONTEXT, KEY
from tests.node.chains.margin import (
    NAMES,
    MarginChain,
    encode_verify_call,
    mixed_proof,
    prove,
    random_proof,
    verify_here,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOALS = {"1x64": 600_000, "16x64": 3_000_000}
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
OTHER = words(point_words(hash_to_point(b"another", b"zkclear/test")))


def arguments(proof: LinearProof) -> dict[str, Any]:
    """The contract's arguments by name, the lists open to changes."""
    named = dict(zip(NAMES, verify_arguments(proof), strict=True))
    named["scalars"] = list(named["scalars"])
    return named


def small_account() -> SolvencyClaim:
    """An account with two perpetuals, an option and collateral, over two underlyings."""
    exposures = (
        Exposure(0, (-900_000, -400_000, 0, 450_000, 1_100_000), 300, 500, 0, 2, True),
        Exposure(0, (10_000, 40_000, 90_000, 300_000, 700_000), 2_000, 800, 60, 0, True),
        Exposure(1, (-2_000_000, -900_000, 2_500_000), 0, 900, 0, -3, True),
        Exposure(1, (95_000_000, 104_000_000, 120_000_000), 500, 0, 0, 0, False),
    )
    terms, quantities = SolvencyTerms((5, 3), exposures, False), (1000, -300, -40, 25)
    cash = 10_000_000 - evaluate_solvency(terms, 0, quantities) // 1000
    witness = SolvencyWitness(Opening.fresh(cash), tuple(map(Opening.fresh, quantities)), None)
    inputs = SolvencyInputs(KEY.commit(witness.cash), tuple(map(KEY.commit, witness.exposures)), None)
    return SolvencyClaim(terms, inputs, prove_solvency(KEY, terms, inputs, witness, CONTEXT), CONTEXT)


@pytest.mark.parametrize("name", GOALS)
async def test_a_proof_is_verified_within_its_goal_by_a_transaction_below_the_gas_cap(
    margin: MarginChain, name: str
) -> None:
    proof = dense_proof(KEY, CONTEXT, STATEMENTS[name])
    receipt = await margin.relayer.send(margin.verifier, encode_verify(proof))
    assert receipt.gas_used <= GOALS[name]


async def test_the_rows_of_a_small_accounts_solvency_window_are_verified(margin: MarginChain) -> None:
    claim = small_account()
    claim.verify(KEY)
    receipt = await margin.relayer.send(margin.verifier, encode_verify(LinearProof.of_claim(claim)))
    assert receipt.gas_used < 4_000_000


async def test_another_accounts_cash_is_refused_under_the_same_window(margin: MarginChain) -> None:
    claim = small_account()
    inputs = replace(claim.inputs, cash=KEY.commit(Opening.fresh(10**15)))
    richer = LinearProof.of_claim(replace(claim, inputs=inputs))
    assert await margin.reason(arguments(richer)) == "the proof does not hold"


async def test_widths_that_no_base_divides_signed_rows_and_auxiliaries_are_verified(margin: MarginChain) -> None:
    verify_here(mixed_proof())
    await margin.check(arguments(mixed_proof()))


@pytest.mark.parametrize("name", NAMES)
async def test_every_argument_is_bound(margin: MarginChain, name: str) -> None:
    """One bit, or one unit, of each; of lists in every place."""
    honest = arguments(mixed_proof())
    for tampered in _tamperings(name, honest[name]):
        assert await margin.reason(honest | {name: tampered}) is not None


def _tamperings(name: str, honest: Any) -> list[Any]:
    if isinstance(honest, int):
        return [honest + 1, honest - 1, honest + 2]
    if name == "rows":
        return [_flipped(honest, at) for at in range(len(honest))]
    if isinstance(honest, bytes):
        longer = [] if len(honest) == 32 else [honest + b"\0"]
        return [_flipped(honest, 0), _flipped(honest, len(honest) - 1), *longer]
    if name == "scalars":
        return [[*honest[:at], (entry + 1) % ORDER, *honest[at + 1 :]] for at, entry in enumerate(honest)]
    # Another member of the group in each place: for a pair, as C and as D.
    halves = range(0, len(honest[0]), 4)
    return [
        [*honest[:at], (*entry[:half], *OTHER, *entry[half + 4 :]), *honest[at + 1 :]]
        for at, entry in enumerate(honest)
        for half in halves
    ]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", ["commitments", "auxiliaries", "points", "scalars"])
async def test_one_entry_more_one_less_and_two_exchanged_are_refused(margin: MarginChain, name: str) -> None:
    honest = arguments(mixed_proof())
    entries = list(honest[name])
    longer, shorter = [*entries, entries[-1]], entries[:-1]
    exchanged = [entries[1], entries[0], *entries[2:]]
    for tampered in (longer, shorter, exchanged, []):
        assert await margin.reason(honest | {name: tampered}) is not None


async def test_surplus_bytes_are_refused(margin: MarginChain) -> None:
    honest = arguments(mixed_proof())
    assert await margin.reason(honest | {"rows": honest["rows"] + b"\0"}) == "the rows end early"
    assert await margin.reason(honest | {"rows": honest["rows"][:-1]}) == "the rows end early"
    for surplus in (b"\0", bytes(32)):
        with pytest.raises(TransactionReverted, match="longer than its arguments"):
            await margin.call(margin.verifier, encode_verify_call(honest) + surplus)


async def test_a_scalar_that_is_not_reduced_is_refused(margin: MarginChain) -> None:
    honest = arguments(mixed_proof())
    for at, entry in enumerate(honest["scalars"]):
        scalars = [*honest["scalars"][:at], entry + ORDER, *honest["scalars"][at + 1 :]]
        assert await margin.reason(honest | {"scalars": scalars}) == "a scalar is not below the group order"


def _foreign_points() -> dict[str, tuple[int, ...]]:
    """Points that only the precompile can refuse: off the curve, off the subgroup, not canonical."""
    x, y = (int.from_bytes(bytes(VALUE_BASE.to_xy_bytes_be())[at : at + 48], "big") for at in (0, 48))
    return {
        "off the curve": _coordinates(x, (y + 1) % FIELD),
        "off the subgroup": _coordinates(*_point_of_the_curve()),
        "not canonical": _coordinates(x + FIELD, y),
        "a word too large": (1 << 255, *_coordinates(x, y)[1:]),
    }


def _coordinates(x: int, y: int) -> tuple[int, ...]:
    return words(x.to_bytes(64, "big") + y.to_bytes(64, "big"))


def _point_of_the_curve() -> tuple[int, int]:
    """The first point of y² = x³ + 4 that is outside the subgroup; nearly all are."""
    for x in range(1, 100):
        square = (x**3 + 4) % FIELD
        y = pow(square, (FIELD + 1) // 4, FIELD)
        if y * y % FIELD != square:
            continue
        data = x.to_bytes(48, "big") + y.to_bytes(48, "big")
        try:
            Point.from_xy_bytes_be(data)
        except ValueError:
            return x, y
    raise AssertionError("no point found")


@pytest.mark.parametrize("fault", _foreign_points())
@pytest.mark.parametrize("name", ["commitments", "auxiliaries", "points"])
async def test_a_point_that_is_not_of_the_group_is_refused(margin: MarginChain, name: str, fault: str) -> None:
    honest = arguments(mixed_proof())
    for at, entry in enumerate(honest[name]):
        entries = [*honest[name][:at], (*_foreign_points()[fault], *entry[4:]), *honest[name][at + 1 :]]
        assert await margin.reason(honest | {name: entries}) == "a point is not in the group"


async def test_the_identity_is_refused_where_a_node_refuses_it(margin: MarginChain) -> None:
    honest = arguments(mixed_proof())
    identity = (0, 0, 0, 0)
    for at in range(3):
        points = [*honest["points"][:at], identity, *honest["points"][at + 1 :]]
        assert await margin.reason(honest | {"points": points}) == "C1, C2 or S is the identity"
    reason = await margin.reason(honest | {"auxiliaries": [honest["auxiliaries"][0], identity]})
    assert reason == "an auxiliary commitment is the identity"
    points = [*honest["points"][:3], identity, *honest["points"][4:]]
    assert await margin.reason(honest | {"points": points}) == "the proof does not hold"


async def test_a_ledger_commitment_to_nothing_is_allowed(margin: MarginChain) -> None:
    """Collateral of an account that has none: C and D are the identity."""
    statement = LinearStatement((1 << 40, 1 << 40), 0, (Row((0, 1), (1, 1), 0, 40),))
    proof = prove(statement, (0, 5), openings=[Opening.public(0), Opening.fresh(5)])
    assert proof.commitments[0].is_identity()
    await margin.check(arguments(proof))


async def test_malformed_rows_are_refused_with_their_reason(margin: MarginChain) -> None:
    honest = arguments(mixed_proof())
    cases = {
        b"": "a statement without rows",
        _row(0): "a row is not 1 to 128 bits wide",
        _row(129): "a row is not 1 to 128 bits wide",
        _row(64, (4, 1)): "a row names an unknown variable",
        _row(64, (1, 1), (0, 1)): "a row does not name ascending variables",
        _row(64, (1, 1), (1, 1)): "a row does not name ascending variables",
        _row(64, *[(0, 1)] * 5): "a row has more entries than there are variables",
        _row(1) * 97: "the rows end early or are too many",
        _row(128) * 33: "too many digits",
        _row(64)[:36] + b"\xff" * 4: "the rows end early",
    }
    for rows, reason in cases.items():
        shaped = _with_lengths(honest | {"rows": rows, "base": 4})
        assert await margin.reason(shaped) == reason


def _row(width: int, *entries: tuple[int, int]) -> bytes:
    head = width.to_bytes(4, "big") + bytes(32) + len(entries).to_bytes(4, "big")
    return head + b"".join(variable.to_bytes(4, "big") + factor.to_bytes(32, "big") for variable, factor in entries)


def _with_lengths(named: dict[str, Any]) -> dict[str, Any]:
    """As many points and scalars as one row of 64 bits in base 4 asks for, so that the rows' own fault shows."""
    return named | {"points": (named["points"] * 3)[:9], "scalars": (named["scalars"] * 3)[:6]}


@pytest.mark.parametrize("base", [0, 1, 3, 257, 1 << 255])
async def test_a_base_outside_the_range_is_refused(margin: MarginChain, base: int) -> None:
    assert await margin.reason(arguments(mixed_proof()) | {"base": base}) == "the base is not 4 to 256"


async def test_a_round_more_on_an_odd_vector_is_refused(margin: MarginChain) -> None:
    """Folding an odd n would let a free square into v: the number of rounds is the shape's."""
    proof = dense_proof(KEY, CONTEXT, STATEMENTS["1x64"])
    honest, fold = arguments(proof), proof.statement.shape.fold
    assert fold.norm % 2 == 1
    folded = (fold.linear + 1) // 2 + (fold.norm + 1) // 2
    tampered = {"points": [*honest["points"], OTHER, OTHER], "scalars": honest["scalars"][:folded]}
    assert await margin.reason(honest | tampered) == "not the number of points of this shape"


async def test_a_proof_in_another_base_than_a_nodes_is_sound_and_accepted(
    margin: MarginChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuits.range_shape.BASES", (7,))
    range_shape.cache_clear()
    try:
        rows = (Row((0,), (1,), 0, 64), Row((1,), (1,), 0, 33))
        proof = prove(LinearStatement((1 << 64, 1 << 64), 0, rows), (1 << 63, 8))
        named = arguments(proof)
    finally:
        range_shape.cache_clear()
    assert named["base"] == 7
    await margin.check(named)


@pytest.mark.parametrize("seed", range(16))
async def test_contract_and_node_say_the_same_of_random_proofs(margin: MarginChain, seed: int) -> None:
    """Honest ones, and ones with a random byte of the proof changed; a byte that decodes to nothing is refused here."""
    proof, draw = random_proof(seed), random.Random(seed)
    verify_here(proof)
    await margin.check(arguments(proof))
    for _ in range(4):
        at = draw.randrange(len(proof.range))
        changed = replace(proof, range=_flipped(proof.range, at))
        with pytest.raises(CircuitError):
            verify_here(changed)
        try:
            named = arguments(changed)
        except CircuitError:
            continue
        assert await margin.reason(named) is not None


class Truncated(RangeProver):
    """Writes only the digits that fit."""

    def digits(self) -> list[int]:
        rows = zip(self.values, self.shape.widths, self.shape.rows, strict=True)
        written = [digit for value, width, row in rows for digit in row.split(value % (1 << width))]
        return written + [0] * (self.shape.padded - len(written))


class Miscounted(RangeProver):
    """Counts a zero as a one."""

    def multiplicities(self, digits: Sequence[int]) -> list[int]:
        zeros, ones, *others = super().multiplicities(digits)
        return [zeros - 1, ones + 1, *others]


class FalseReciprocals(RangeProver):
    """Two wrong reciprocals of the right sum."""

    def reciprocals(self, digits: Sequence[int], alpha: Scalar, reciprocals: Sequence[Scalar]) -> list[Scalar]:
        first, second, *others = super().reciprocals(digits, alpha, reciprocals)
        return [first + ONE, second - ONE, *others]


@pytest.mark.parametrize(
    ("forger", "value"),
    [(Truncated, -1), (Truncated, (1 << 64) + 5), (Truncated, 1 << 64), (Miscounted, 7), (FalseReciprocals, 7)],
)
async def test_a_cheating_prover_fails_here_as_it_does_at_a_node(
    margin: MarginChain, monkeypatch: pytest.MonkeyPatch, forger: type[RangeProver], value: int
) -> None:
    statement = LinearStatement((1 << 70,), 0, (Row((0,), (1,), 0, 64),))
    monkeypatch.setattr("circuits.linear.RangeProver", forger)
    forged = prove(statement, (value,))
    with pytest.raises(ProofRejected):
        verify_here(forged)
    assert await margin.reason(arguments(forged)) == "the proof does not hold"


async def test_the_truncating_prover_passes_as_long_as_nothing_is_cut(
    margin: MarginChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuits.linear.RangeProver", Truncated)
    await margin.check(arguments(prove(LinearStatement((1 << 70,), 0, (Row((0,), (1,), 0, 64),)), ((1 << 64) - 1,))))


async def test_a_proof_of_another_deployment_or_under_another_key_is_void(margin: MarginChain) -> None:
    deployment = replace(CONTEXT.deployment, salt=b"\x23" * 32)
    key = CommitmentKey(hash_to_point(b"another committee", b"zkclear/test"))
    for other in ((deployment, KEY), (CONTEXT.deployment, key)):
        verifier = await deploy_verifier(margin.relayer, *other, margin.generators)
        elsewhere = replace(margin, verifier=verifier)
        assert await elsewhere.reason(arguments(mixed_proof())) == "the proof does not hold"


async def test_the_contract_names_its_deployment_and_key(margin: MarginChain) -> None:
    assert await margin.call(margin.verifier, encode_call("deployment", (), [])) == CONTEXT.deployment.digest
    assert await margin.call(margin.verifier, encode_call("key", (), [])) == point_words(KEY.blinding_base)


async def test_other_generators_cannot_be_set(margin: MarginChain) -> None:
    """Two data contracts exchanged, and one with two points exchanged."""
    data = generator_data()[0]
    exchanged = data[:65] + data[193:321] + data[65:193] + data[321:]
    other = (await margin.relayer.send(None, creation_code(exchanged))).contract or b""
    first, second, *rest = margin.generators
    for generators in ((second, first, *rest), (other, second, *rest), (b"\x11" * 20, second, *rest)):
        with pytest.raises(TransactionReverted, match="do not hold the generators"):
            await deploy_verifier(margin.relayer, CONTEXT.deployment, KEY, generators)


async def test_the_identity_and_a_stranger_to_the_group_are_refused_as_key(margin: MarginChain) -> None:
    code = house_contract("SolvencyVerifier")
    fields = (31337, "0x" + "11" * 20, b"\x22" * 32)
    addresses = ["0x" + address.hex() for address in margin.generators]
    for point, reason in (((0, 0, 0, 0), "the key is the identity"), (_coordinates(*_point_of_the_curve()), "not in")):
        data = code.bytecode + encode(code.constructor_types, [*fields, point, addresses])
        with pytest.raises(TransactionReverted, match=reason):
            await margin.relayer.send(None, data, gas=8_000_000)


async def test_a_chain_without_eip_2537_accepts_no_proof(margin: MarginChain, tmp_path: Path) -> None:
    """There a call to the precompiles succeeds with empty output: neither a deployment nor a copy of the code
    passes.
    """
    addresses = (*margin.generators, margin.verifier)
    codes = [await request(margin.w3, "eth_getCode", "0x" + address.hex(), "latest") for address in addresses]
    async with Anvil(31337, tmp_path / "old.log", hardfork="cancun") as old:
        w3 = connect(old.url)
        relayer = Relayer(w3, DEV_KEYS[1], 31337, poll_interval=0.005)
        try:
            for address, code in zip(addresses, codes, strict=True):
                await request(w3, "anvil_setCode", "0x" + address.hex(), code)
            there = replace(margin, anvil=old, w3=w3, relayer=relayer)
            assert await there.reason(arguments(mixed_proof())) == "this chain lacks EIP-2537"
            with pytest.raises(TransactionReverted, match="lacks EIP-2537"):
                await deploy_verifier(relayer, CONTEXT.deployment, KEY, margin.generators)
        finally:
            await disconnect(w3)


async def test_a_statement_beyond_the_contracts_limits_is_refused_before_it_is_sent() -> None:
    rows = tuple(Row((0,), (1,), 0, 64) for _ in range(97))
    proof = replace(mixed_proof(), statement=LinearStatement((1 << 40,), 0, rows))
    with pytest.raises(StatementTooLarge) as caught:
        encode_verify(proof)
    assert (caught.value.what, caught.value.have, caught.value.limit) == ("rows", 97, 96)
