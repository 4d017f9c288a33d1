"""What the tests of SolvencyVerifier share: proofs of several statements, and a chain that has the contract."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from circuits.equation import require_all
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.pedersen import Opening
from circuits.transcript import Transcript
from devnet.anvil import Anvil
from node.chains.calls import encode_call
from node.chains.errors import RpcRefused, TransactionReverted
from node.chains.margin_verifier import VERIFY_TYPES, LinearProof
from node.chains.relayer import Relayer, revert_reason
from node.chains.rpc import Connection, request
from tests.circuits.proofs import CONTEXT, KEY

GAS_CAP = 1 << 24
NAMES = (
    *("kind", "message_digest", "oracle_round", "grid_digest", "parameters_digest", "commitments", "auxiliaries"),
    *("base", "points", "scalars", "rows"),
)
"""The arguments of SolvencyVerifier.verify."""


@dataclass(frozen=True)
class MarginChain:
    """A chain with the data contracts and a SolvencyVerifier for `CONTEXT`'s deployment and `KEY`."""

    anvil: Anvil
    w3: Connection
    relayer: Relayer
    generators: tuple[bytes, ...]
    verifier: bytes

    async def call(self, to: bytes, data: bytes) -> bytes:
        """What a contract answers. Raises TransactionReverted with its reason."""
        call = {"to": "0x" + to.hex(), "data": "0x" + data.hex(), "gas": hex(GAS_CAP)}
        try:
            return bytes.fromhex((await request(self.w3, "eth_call", call, "latest"))[2:])
        except RpcRefused as refusal:
            raise TransactionReverted(revert_reason(refusal), b"") from refusal

    async def check(self, arguments: dict[str, Any]) -> None:
        """Have the contract check a proof. Raises TransactionReverted."""
        answer = await self.call(self.verifier, encode_verify_call(arguments))
        assert answer == b"", "verification answers nothing"

    async def reason(self, arguments: dict[str, Any]) -> str | None:
        """Why the contract refuses a proof; None if it does not."""
        try:
            await self.check(arguments)
        except TransactionReverted as error:
            return error.reason
        return None


def encode_verify_call(arguments: dict[str, Any]) -> bytes:
    return encode_call("verify", VERIFY_TYPES, [arguments[name] for name in NAMES])


def prove(
    statement: LinearStatement, values: Sequence[int], kind: bytes = b"test", openings: Sequence[Opening] | None = None
) -> LinearProof:
    """A proof over fresh commitments to `values`, ledger variables first."""
    opened = list(openings or map(Opening.fresh, values))
    commitments = [KEY.commit(opening) for opening in opened]
    ledger = len(statement.bounds)
    auxiliaries = tuple(commitment.c for commitment in commitments[ledger:])
    transcript = Transcript(kind, CONTEXT, KEY.words())
    bind_statement(transcript, statement, commitments[:ledger], auxiliaries)
    proof = prove_linear(KEY, statement, opened, transcript)
    return LinearProof(kind, CONTEXT, statement, tuple(commitments[:ledger]), auxiliaries, proof)


def verify_here(proof: LinearProof) -> None:
    """What a node says. Raises ProofRejected."""
    transcript = Transcript(proof.kind, proof.context, KEY.words())
    bind_statement(transcript, proof.statement, proof.commitments, proof.auxiliaries)
    points = [commitment.c for commitment in proof.commitments] + list(proof.auxiliaries)
    require_all(KEY, [linear_equation(proof.statement, points, proof.range, transcript)])


@lru_cache
def mixed_proof() -> LinearProof:
    """Widths that no base divides, signed coefficients and constants, two auxiliaries: small, and has every field."""
    rows = (
        Row((0,), (1,), 1 << 31, 32),
        Row((0, 1), (-3, 5), -7, 41),
        Row((1, 2), (-1, 1), 0, 17),
        Row((0, 1, 2, 3), (1000, -2, 4, -1), 10**9, 40),
    )
    return prove(LinearStatement((1 << 40, 1 << 40), 2, rows), (-1234, 56_789, 60_000, 1_000_000))


def random_proof(seed: int) -> LinearProof:
    """An honest proof of a random statement: each row has the constant that puts it at a random place of its width."""
    draw = random.Random(seed)
    count = draw.randint(1, 5)
    values = [draw.randrange(-(1 << 40), 1 << 40) for _ in range(count)]
    rows = []
    for _ in range(draw.randint(1, 7)):
        variables = sorted(draw.sample(range(count), draw.randint(0, count)))
        factors = [draw.choice((-1, 1)) * draw.randrange(1, 1 << draw.choice((3, 20, 60))) for _ in variables]
        width = draw.randint(1, 80)
        target = draw.choice((0, (1 << width) - 1, draw.randrange(1 << width)))
        reached = sum(factor * values[variable] for variable, factor in zip(variables, factors, strict=True))
        rows.append(Row(tuple(variables), tuple(factors), target - reached, width))
    return prove(LinearStatement((1 << 40,) * count, 0, tuple(rows)), values)
