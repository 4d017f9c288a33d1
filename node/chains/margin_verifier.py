"""What SolvencyVerifier is called with, and the data contracts that hold its generators: pure.

Proofs travel compressed between nodes; a contract takes points as EIP-2537 words (x and y, 64 bytes each, two words
of 32 bytes). The contract takes less than the nodes do: `encode_verify` refuses a statement that would not fit it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from eth_abi.abi import encode

from circuits.generators import g_vector, h_vector
from circuits.group import POINT_BYTES, SCALAR_BYTES, Point, decode_point, point_words
from circuits.linear import LinearStatement
from circuits.pedersen import Commitment
from circuits.solvency import KIND, SolvencyClaim
from circuits.solvency_terms import solvency_statement
from circuits.transcript import ProofContext
from node.chains.calls import encode_call
from node.chains.errors import StatementTooLarge

MAX_ROW_BYTES: Final = 24576
MAX_ROWS: Final = 96
MAX_COMMITMENTS: Final = 32
MAX_DIGITS: Final = 1024
DATA_POINTS: Final = 64
"""Points in one data contract."""
G_POINTS: Final = 1024
H_POINTS: Final = 320
VERIFY_TYPES: Final = (
    *("bytes", "bytes32", "uint256", "bytes32", "bytes32"),
    *("uint256[8][]", "uint256[4][]", "uint256", "uint256[4][]", "uint256[]", "bytes"),
)
_STOP: Final = b"\0"
"""First byte of a data contract: a call runs into the end at once."""
_COPY_AND_RETURN: Final = "80600a3d393df3"
"""After PUSH2 length: DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN. Returns what follows."""


@dataclass(frozen=True, slots=True)
class LinearProof:
    """A proof of `statement` over `commitments` and `auxiliaries`: `range` are the bytes of the range proof."""

    kind: bytes
    context: ProofContext
    statement: LinearStatement
    commitments: tuple[Commitment, ...]
    auxiliaries: tuple[Point, ...]
    range: bytes

    @classmethod
    def of_claim(cls, claim: SolvencyClaim) -> "LinearProof":
        """The rows of a solvency window. The opening proof of the high limb is no part of it: only the nodes check
        that.
        """
        commitments = (*claim.inputs.commitments, claim.proof.high)
        statement = solvency_statement(claim.terms)
        return cls(KIND, claim.context, statement, commitments, claim.proof.auxiliaries, claim.proof.range)


def words(data: bytes) -> tuple[int, ...]:
    """Bytes as big-endian words of 32 bytes."""
    return tuple(int.from_bytes(data[at : at + SCALAR_BYTES], "big") for at in range(0, len(data), SCALAR_BYTES))


def encode_verify(proof: LinearProof) -> bytes:
    """SolvencyVerifier.verify.

    Raises:
        StatementTooLarge: beyond what the contract takes.
        circuits.errors.DecodingError: a point of the range proof is not one of the group.
    """
    return encode_call("verify", VERIFY_TYPES, verify_arguments(proof))


def verify_arguments(proof: LinearProof) -> list[Any]:
    """The arguments of SolvencyVerifier.verify, in the order of `VERIFY_TYPES`. Raises as `encode_verify`."""
    shape, context = proof.statement.shape, proof.context
    rows = b"".join(row.encode() for row in proof.statement.rows)
    _require_fit("bytes of rows", len(rows), MAX_ROW_BYTES)
    _require_fit("rows", len(proof.statement.rows), MAX_ROWS)
    _require_fit("commitments", len(proof.commitments), MAX_COMMITMENTS)
    _require_fit("auxiliaries", len(proof.auxiliaries), MAX_COMMITMENTS)
    _require_fit("digits", shape.padded, MAX_DIGITS)
    cut = POINT_BYTES * shape.proof_points
    encoded = [proof.range[at : at + POINT_BYTES] for at in range(0, cut, POINT_BYTES)]
    return [
        *(proof.kind, context.message_digest, context.round, context.grid_digest, context.parameters_digest),
        [words(commitment.words()) for commitment in proof.commitments],
        [words(point_words(point)) for point in proof.auxiliaries],
        shape.base,
        [words(point_words(decode_point(data, allow_identity=True))) for data in encoded],
        words(proof.range[cut:]),
        rows,
    ]


@lru_cache(maxsize=1)
def generator_data() -> tuple[bytes, ...]:
    """The code of every data contract, in the verifier's order: G_0 … G_1023, then H_1 … H_320, 64 in each."""
    vectors = (g_vector(G_POINTS), h_vector(H_POINTS))
    return tuple(
        _data(vector[at : at + DATA_POINTS]) for vector in vectors for at in range(0, len(vector), DATA_POINTS)
    )


def creation_code(data: bytes) -> bytes:
    """What deploys a contract whose code is `data`."""
    return bytes.fromhex(f"61{len(data):04x}{_COPY_AND_RETURN}") + data


def _data(points: Sequence[Point]) -> bytes:
    return _STOP + encode(["uint256[4][]"], [[words(point_words(point)) for point in points]])


def _require_fit(what: str, have: int, limit: int) -> None:
    if have > limit:
        raise StatementTooLarge(what, have, limit)
