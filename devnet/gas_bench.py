"""What a margin proof costs on chain: a chain of its own, real proofs, receipts."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from circuits.group import hash_to_point
from circuits.linear import LinearStatement, Row, bind_statement, prove_linear
from circuits.pedersen import CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext, Transcript
from devnet.anvil import DEV_KEYS, Anvil
from node.chains.deploy import deploy_generators, deploy_verifier
from node.chains.margin_verifier import LinearProof, encode_verify
from node.chains.relayer import Relayer
from node.chains.rpc import connect, disconnect

CHAIN_ID: Final = 31337
KIND: Final = b"bench"
_KEY: Final = CommitmentKey(hash_to_point(b"committee", b"zkclear/v1/bench"))
_CONTEXT: Final = ProofContext(Deployment(CHAIN_ID, b"\1" * 20, b"\2" * 32), b"\3" * 32, 1, b"\4" * 32, b"\5" * 32)
_QUANTITY_BITS: Final = 16
_COEFFICIENT_STEP: Final = 0x9E3779B97F


@dataclass(frozen=True, slots=True)
class Size:
    """`rows` rows of `bits` bits over as many committed integers, each of which stands in every row."""

    rows: int
    bits: int


STATEMENTS: Final = {"1x64": Size(1, 64), "16x64": Size(16, 64)}


def dense_proof(key: CommitmentKey, context: ProofContext, size: Size) -> LinearProof:
    """A proof over a full matrix of 40-bit coefficients, with fresh openings of fixed values."""
    rows = tuple(
        Row(tuple(range(size.rows)), tuple(_coefficient(size, row, at) for at in range(size.rows)), 0, size.bits)
        for row in range(size.rows)
    )
    statement = LinearStatement((1 << _QUANTITY_BITS,) * size.rows, 0, rows)
    openings = [Opening.fresh((1 << _QUANTITY_BITS) - 1 - index) for index in range(size.rows)]
    commitments = tuple(key.commit(opening) for opening in openings)
    transcript = Transcript(KIND, context, key.words())
    bind_statement(transcript, statement, commitments, ())
    proof = prove_linear(key, statement, openings, transcript)
    return LinearProof(KIND, context, statement, commitments, (), proof)


async def measure_gas() -> dict[str, int]:
    """Gas of the whole transaction that verifies one proof of each size, by its receipt.

    Raises AnvilError or ChainError.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with Anvil(CHAIN_ID, Path(folder) / "anvil.log") as anvil:
            w3 = connect(anvil.url)
            try:
                relayer = Relayer(w3, DEV_KEYS[0], CHAIN_ID, poll_interval=0.005)
                verifier = await deploy_verifier(relayer, _CONTEXT.deployment, _KEY, await deploy_generators(relayer))
                gas = {}
                for name, size in STATEMENTS.items():
                    receipt = await relayer.send(verifier, encode_verify(dense_proof(_KEY, _CONTEXT, size)))
                    gas[name] = receipt.gas_used
                return gas
            finally:
                await disconnect(w3)


def _coefficient(size: Size, row: int, place: int) -> int:
    """Any 40 bits, different in every place."""
    return (1 + row * size.rows + place) * _COEFFICIENT_STEP % (1 << 40)
