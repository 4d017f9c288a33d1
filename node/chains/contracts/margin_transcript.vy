# pragma version ~=0.4.3
"""
@title Transcript of a margin proof
@license Apache-2.0
@notice Replays the hash by which prover and nodes draw their challenges, byte for byte.
@dev    A module without state. absorb: state <- keccak(state, len, label, len, data), lengths in 4 bytes;
        challenge: state <- keccak(state, label), modulo r. The labels below carry the lengths that are fixed.
"""

import bls12381
import margin_statement

struct Challenges:
    alpha: uint256
    lam: uint256
    varrho: uint256
    beta: uint256
    tau: uint256
    # q of every folding round
    folds: uint256[MAX_ROUNDS]

MAX_ROUNDS: constant(uint256) = 8
MAX_POINTS: constant(uint256) = 3 + 2 * MAX_ROUNDS
MAX_COMMITMENTS: constant(uint256) = margin_statement.MAX_VARIABLES // 2


@internal
@pure
def _begin(
    hub_chain_id: uint256,
    hub: address,
    salt: bytes32,
    key: uint256[4],
    handle_base: uint256[4],
    value_base: uint256[4],
) -> bytes32:
    """
    @notice The state that has absorbed the protocol's name, the deployment and the public bases.
    """
    generators: bytes32 = keccak256(concat(abi_encode(value_base), b"zkclear/v1/G-vector", b"zkclear/v1/H-vector"))
    return keccak256(
        concat(
            keccak256(b"zkclear/v2"),
            b"\x00\x00\x00\x0adeployment\x00\x00\x01\x74",
            convert(hub_chain_id, bytes32),
            convert(hub, bytes20),
            salt,
            abi_encode(key),
            abi_encode(handle_base),
            generators,
        )
    )


@internal
@pure
def _bind_context(
    begun: bytes32,
    kind: Bytes[32],
    message_digest: bytes32,
    oracle_round: uint256,
    grid_digest: bytes32,
    parameters_digest: bytes32,
) -> bytes32:
    state: bytes32 = keccak256(concat(begun, b"\x00\x00\x00\x04kind", self._length(len(kind)), kind))
    state = keccak256(concat(state, b"\x00\x00\x00\x07message\x00\x00\x00\x20", message_digest))
    state = keccak256(concat(state, b"\x00\x00\x00\x05round\x00\x00\x00\x20", convert(oracle_round, bytes32)))
    state = keccak256(concat(state, b"\x00\x00\x00\x04grid\x00\x00\x00\x20", grid_digest))
    return keccak256(concat(state, b"\x00\x00\x00\x0aparameters\x00\x00\x00\x20", parameters_digest))


@internal
@pure
def _bind_statement(begun: bytes32, variables: uint256, layout: margin_statement.Layout, digest: bytes32) -> bytes32:
    """
    @param digest keccak of the encoded rows.
    """
    widths: Bytes[4 * margin_statement.MAX_ROWS] = slice(abi_encode(layout.widths), 0, 4 * layout.rows)
    state: bytes32 = keccak256(concat(begun, b"\x00\x00\x00\x01k\x00\x00\x00\x20", convert(variables, bytes32)))
    state = keccak256(concat(state, b"\x00\x00\x00\x01M\x00\x00\x00\x20", convert(layout.rows, bytes32)))
    state = keccak256(concat(state, b"\x00\x00\x00\x06widths", self._length(len(widths)), widths))
    state = keccak256(concat(state, b"\x00\x00\x00\x01b\x00\x00\x00\x20", convert(layout.base, bytes32)))
    state = keccak256(concat(state, b"\x00\x00\x00\x06digits\x00\x00\x00\x20", convert(layout.digits, bytes32)))
    state = keccak256(concat(state, b"\x00\x00\x00\x01N\x00\x00\x00\x20", convert(layout.shape.padded, bytes32)))
    return keccak256(concat(state, b"\x00\x00\x00\x04A, b\x00\x00\x00\x20", digest))


@internal
@pure
def _length(count: uint256) -> Bytes[4]:
    return slice(convert(count, bytes32), 28, 4)


@internal
@pure
def _bind_commitments(
    begun: bytes32,
    commitments: DynArray[uint256[8], MAX_COMMITMENTS],
    auxiliaries: DynArray[uint256[4], MAX_COMMITMENTS],
) -> bytes32:
    state: bytes32 = begun
    for commitment: uint256[8] in commitments:
        state = keccak256(concat(state, b"\x00\x00\x00\x04C, D\x00\x00\x01\x00", abi_encode(commitment)))
    for point: uint256[4] in auxiliaries:
        assert not bls12381._is_identity(point), "an auxiliary commitment is the identity"
        state = keccak256(concat(state, b"\x00\x00\x00\x09auxiliary\x00\x00\x00\x80", abi_encode(point)))
    return state


@internal
@pure
def _draw(begun: bytes32, points: DynArray[uint256[4], MAX_POINTS], rounds: uint256) -> Challenges:
    """
    @notice Absorbs C1, C2, S and the rounds' X and R, and draws every challenge between them.
    """
    for i: uint256 in range(3):
        assert not bls12381._is_identity(points[i]), "C1, C2 or S is the identity"
    drawn: Challenges = empty(Challenges)
    state: bytes32 = keccak256(concat(begun, b"\x00\x00\x00\x02C1\x00\x00\x00\x80", abi_encode(points[0])))
    state = keccak256(concat(state, b"alpha"))
    drawn.alpha = self._full(state)
    state = keccak256(concat(state, b"\x00\x00\x00\x02C2\x00\x00\x00\x80", abi_encode(points[1])))
    state = keccak256(concat(state, b"lambda"))
    drawn.lam = self._full(state)
    state = keccak256(concat(state, b"varrho"))
    drawn.varrho = self._full(state)
    state = keccak256(concat(state, b"beta"))
    drawn.beta = self._full(state)
    state = keccak256(concat(state, b"\x00\x00\x00\x01S\x00\x00\x00\x80", abi_encode(points[2])))
    state = keccak256(concat(state, b"tau"))
    drawn.tau = self._full(state)
    for i: uint256 in range(rounds, bound=MAX_ROUNDS):
        state = keccak256(concat(state, b"\x00\x00\x00\x01X\x00\x00\x00\x80", abi_encode(points[3 + 2 * i])))
        state = keccak256(concat(state, b"\x00\x00\x00\x01R\x00\x00\x00\x80", abi_encode(points[4 + 2 * i])))
        state = keccak256(concat(state, b"gamma"))
        drawn.folds[i] = self._short(state)
    return drawn


@internal
@pure
def _full(state: bytes32) -> uint256:
    challenge: uint256 = convert(state, uint256) % bls12381.R
    assert challenge > 0, "a challenge is zero"
    return challenge


@internal
@pure
def _short(state: bytes32) -> uint256:
    """
    @notice The low half: 128 bits.
    """
    challenge: uint256 = convert(state, uint256) & (2**128 - 1)
    assert challenge > 0, "a challenge is zero"
    return challenge
