"""What an owner proves to a vault to leave without the house, and the calldata that says it (contracts/exits.vy).

The statement counts nothing but the account's cash and the one holding that leaves: cash less `units`, or the holding
less `units` and cash, are not negative. Hidden and public balances are proven alike.
"""

from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from circuits.group import POINT_BYTES, SCALAR_BYTES, decode_point, point_words
from circuits.linear import LinearStatement, Row, bind_statement, prove_linear
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext, Transcript
from node.ledger.leaf_format import ACCOUNT_LEAF_TYPES
from node.ledger.types import MAX_AMOUNT, AccountId, Address, Digest

KIND: Final = b"exit"
_TYPE: Final = bytes(
    keccak(b"Exit(uint256 chainId,address vault,bytes32 account,address token,uint256 amount,address to,bytes32 root)")
)
_CASH_BOUND: Final = 1 << 120
_CASH_BITS, _COLLATERAL_BITS = 64, 40
_REQUEST_TYPES: Final = (
    f"({','.join(ACCOUNT_LEAF_TYPES).replace('uint8', 'uint256').replace('bytes32[8]', 'uint256[8]')})",
    "bytes32[]",
    "(uint256[8],uint256,bytes32[])",
    "(uint256,uint256[4][],uint256[])",
    *("address", "uint256", "address"),
)


@dataclass(frozen=True, slots=True)
class Exit:
    """`units` ledger units of `token` from `vault` on a chain to `to`, by the checkpoint with `root`."""

    chain_id: int
    vault: Address
    account: AccountId
    token: Address
    units: int
    to: Address
    root: Digest

    @property
    def digest(self) -> Digest:
        """What the proof is made for."""
        types = ["bytes32", "uint256", "address", "bytes32", "address", "uint256", "address", "bytes32"]
        return Digest(
            bytes(
                keccak(
                    abi_encode(
                        types,
                        [
                            *(_TYPE, self.chain_id, self.vault, self.account),
                            *(self.token, self.units, self.to, self.root),
                        ],
                    )
                )
            )
        )


@dataclass(frozen=True, slots=True)
class ExitProof:
    """The range proof as the contract takes it: base of the digits, points as EIP-2537 words, final scalars."""

    base: int
    points: tuple[tuple[int, ...], ...]
    scalars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HoldingPlace:
    """The holding that leaves: its commitment, its place, and the hashes of all holdings of the account."""

    commitment: Commitment
    place: int
    hashes: tuple[bytes, ...]


def exit_statement(units: int, *, is_cash: bool) -> LinearStatement:
    """Over cash alone, or over the holding that leaves and then cash."""
    if is_cash:
        return LinearStatement((_CASH_BOUND,), 0, (Row((0,), (1,), -units, _CASH_BITS),))
    rows = (Row((0,), (1,), -units, _COLLATERAL_BITS), Row((1,), (1,), 0, _CASH_BITS))
    return LinearStatement((MAX_AMOUNT, _CASH_BOUND), 0, rows)


def prove_exit(
    key: CommitmentKey, deployment: Deployment, leaving: Exit, cash: Opening, holding: Opening | None
) -> ExitProof:
    """`holding` is the opening of the collateral that leaves, None for cash.

    Raises:
        WitnessInvalid: cash or the holding would be negative afterwards, or cash is 2^64 micro-dollars or more.
    """
    statement = exit_statement(leaving.units, is_cash=holding is None)
    openings = (cash,) if holding is None else (holding, cash)
    context = ProofContext(deployment, leaving.digest, 0, bytes(32), bytes(32))
    transcript = Transcript(KIND, context, key.words())
    bind_statement(transcript, statement, [key.commit(opening) for opening in openings], ())
    proof = prove_linear(key, statement, openings, transcript)
    shape = statement.shape
    cut = POINT_BYTES * shape.proof_points
    encoded = [proof[at : at + POINT_BYTES] for at in range(0, cut, POINT_BYTES)]
    points = tuple(_words(point_words(decode_point(data, allow_identity=True))) for data in encoded)
    return ExitProof(shape.base, points, _words(proof[cut:]))


def encode_request(
    leaf: bytes, path: tuple[bytes, ...], holding: HoldingPlace | None, proof: ExitProof, leaving: Exit
) -> bytes:
    """CollateralVault.request_exit; `leaf` is the abi-encoded leaf of the account."""
    types = [kind.replace("bytes32[8]", "uint256[8]") for kind in ACCOUNT_LEAF_TYPES]
    place: tuple[Any, ...] = ((0,) * 8, 0, ())
    if holding is not None:
        place = (_words(holding.commitment.words()), holding.place, holding.hashes)
    values = [
        abi_decode(types, leaf),
        path,
        place,
        (proof.base, proof.points, proof.scalars),
        *(leaving.token, leaving.units, leaving.to),
    ]
    return _selector("request_exit", _REQUEST_TYPES) + abi_encode(_REQUEST_TYPES, values)


def encode_finish(account: AccountId, token: Address) -> bytes:
    """CollateralVault.finish_exit."""
    return _selector("finish_exit", ("bytes32", "address")) + abi_encode(["bytes32", "address"], [account, token])


def _selector(name: str, types: tuple[str, ...]) -> bytes:
    return bytes(keccak(f"{name}({','.join(types)})".encode())[:4])


def _words(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + SCALAR_BYTES], "big") for at in range(0, len(data), SCALAR_BYTES))
