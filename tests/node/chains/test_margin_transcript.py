"""The contract's transcript and shapes, step by step, beside the node's."""

import pytest
from eth_abi.abi import decode

from circuits.errors import ProofRejected
from circuits.group import ORDER, Scalar, decode_point, point_words
from circuits.linear import LinearStatement, Row, bind_statement
from circuits.pedersen import HANDLE_BASE, VALUE_BASE
from circuits.range_proof import check_range, digit_reciprocals
from circuits.range_shape import range_shape
from circuits.transcript import ProofContext, Transcript
from node.chains.calls import encode_call
from node.chains.compile import compile_contract
from node.chains.deploy import deploy_contract
from node.chains.errors import TransactionReverted
from node.chains.margin_verifier import VERIFY_TYPES, LinearProof, verify_arguments, words
from tests.circuits.proofs import CONTEXT, KEY
from tests.node.chains.conftest import HERE
from tests.node.chains.margin import MarginChain, mixed_proof, prove

pytestmark = pytest.mark.asyncio(loop_scope="module")
POINT = "uint256[4]"


class Recorded(Transcript):
    """Keeps every state and challenge."""

    def __init__(self, kind: bytes, context: ProofContext, key_words: bytes) -> None:
        self.states: list[bytes] = []
        self.drawn: dict[str, list[int]] = {}
        super().__init__(kind, context, key_words)

    def absorb(self, label: bytes, data: bytes) -> None:
        super().absorb(label, data)
        self.states.append(self.state)

    def challenge(self, label: bytes) -> Scalar:
        return self._keep(label, super().challenge(label))

    def short_challenge(self, label: bytes) -> Scalar:
        return self._keep(label, super().short_challenge(label))

    def _keep(self, label: bytes, value: Scalar) -> Scalar:
        self.drawn.setdefault(label.decode(), []).append(int(value))
        return value


@pytest.fixture(scope="module")
def proofs() -> list[LinearProof]:
    """One with every field, and one of more rounds, rows and words of widths."""
    many = LinearStatement((1 << 64,), 0, tuple(Row((0,), (1,), 0, 30 + index) for index in range(18)))
    return [mixed_proof(), prove(many, (12345,))]


@pytest.fixture(scope="module")
def harness_code():
    return compile_contract(HERE / "contracts" / "MarginHarness.vy")


async def deployed(margin: MarginChain, code) -> bytes:
    return (await deploy_contract(margin.relayer, code)).contract or b""


async def test_every_state_and_challenge_is_the_nodes(margin: MarginChain, harness_code, proofs) -> None:
    harness = await deployed(margin, harness_code)
    place, key = CONTEXT.deployment, words(point_words(KEY.blinding_base))
    bases = [key, words(point_words(HANDLE_BASE)), words(point_words(VALUE_BASE))]
    fields = [place.hub_chain_id, "0x" + place.hub.hex(), place.salt, *bases]
    begun = await margin.call(harness, encode_call("begun", ("uint256", "address", "bytes32", *[POINT] * 3), fields))
    for proof in proofs:
        node = Recorded(proof.kind, proof.context, KEY.words())
        assert node.states[0] == begun
        context_state = node.state
        bind_statement(node, proof.statement, proof.commitments, proof.auxiliaries)
        before_commitments = node.states[-1 - len(proof.commitments) - len(proof.auxiliaries)]
        bound = node.state
        check_range(proof.statement.shape, proof.range, node)
        arguments = verify_arguments(proof)
        data = encode_call("states", ("bytes32", *VERIFY_TYPES[:8], "bytes"), [begun, *arguments[:8], arguments[10]])
        assert decode(["bytes32[3]"], await margin.call(harness, data))[0] == (context_state, before_commitments, bound)
        rounds = proof.statement.shape.fold.rounds
        data = encode_call("draw", ("bytes32", "uint256[4][]", "uint256"), [bound, arguments[8], rounds])
        drawn = words(await margin.call(harness, data))
        full = [node.drawn[name][0] for name in ("alpha", "lambda", "varrho", "beta", "tau")]
        assert list(drawn) == [*full, *node.drawn["gamma"], *[0] * (8 - rounds)]


async def test_every_shape_is_the_nodes(margin: MarginChain, harness_code) -> None:
    """Rows in bases from 4 to 256: digits, place values, N, rounds and final lengths."""
    harness = await deployed(margin, harness_code)
    cases = [(64,), (64,) * 16, (1,), (128, 3), (17, 40, 32, 64), (64,) * 64, (40,) * 33, (5,) * 96, (127,)]
    seen = set()
    for widths in cases:
        shape = range_shape(widths)
        rows = b"".join(Row((), (), 0, width).encode() for width in widths)
        answer = words(await margin.call(harness, encode_call("shape", ("bytes", "uint256"), [rows, shape.base])))
        fold = shape.fold
        assert answer[:8] == (
            *(len(widths), shape.base, shape.digits, shape.padded, shape.linear),
            *(fold.rounds, fold.linear, fold.norm),
        )
        assert answer[8 : 8 + len(widths)] == tuple(row.top << 8 | row.count for row in shape.rows)
        seen.add(shape.base)
    assert len(seen) > 5


async def test_a_challenge_of_zero_is_refused(margin: MarginChain, harness_code) -> None:
    harness = await deployed(margin, harness_code)

    async def draw(name: str, state: int) -> int:
        return words(await margin.call(harness, encode_call(name, ("bytes32",), [state.to_bytes(32, "big")])))[0]

    assert await draw("full", ORDER + 5) == 5
    assert await draw("short", (7 << 128) + 9) == 9
    for name, state in (("full", 0), ("full", ORDER), ("full", 2 * ORDER), ("short", 0), ("short", 7 << 128)):
        with pytest.raises(TransactionReverted, match="a challenge is zero"):
            await draw(name, state)


async def test_an_alpha_that_is_the_negative_of_a_digit_is_refused(margin: MarginChain, harness_code) -> None:
    harness = await deployed(margin, harness_code)

    async def inverse(alpha: int, base: int) -> int:
        data = encode_call("inverse_tau", ("uint256",) * 4, [alpha, 3, 5, base])
        return words(await margin.call(harness, data))[0]

    assert await inverse(ORDER - 10, 10) == pow(3, -1, ORDER)
    for digit in (1, 9):
        with pytest.raises(TransactionReverted, match="negative of a digit"):
            await inverse(ORDER - digit, 10)
        with pytest.raises(ProofRejected):
            digit_reciprocals(Scalar(ORDER - digit), 10)


async def test_the_points_of_a_proof_are_those_it_carries_compressed(proofs) -> None:
    for proof in proofs:
        points = verify_arguments(proof)[8]
        encoded = [proof.range[48 * at : 48 * at + 48] for at in range(len(points))]
        assert [words(point_words(decode_point(data, allow_identity=True))) for data in encoded] == list(points)
