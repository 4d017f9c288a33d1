# pragma version ~=0.4.3
"""
@title Shows what the verifier of margin proofs keeps to itself
@license Apache-2.0
"""

import margin_scalars
import margin_statement
import margin_transcript


@external
@pure
def begun(
    hub_chain_id: uint256,
    hub: address,
    salt: bytes32,
    key: uint256[4],
    handle_base: uint256[4],
    value_base: uint256[4],
) -> bytes32:
    return margin_transcript._begin(hub_chain_id, hub, salt, key, handle_base, value_base)


@external
@pure
def states(
    begun: bytes32,
    kind: Bytes[32],
    message_digest: bytes32,
    oracle_round: uint256,
    grid_digest: bytes32,
    parameters_digest: bytes32,
    commitments: DynArray[uint256[8], margin_transcript.MAX_COMMITMENTS],
    auxiliaries: DynArray[uint256[4], margin_transcript.MAX_COMMITMENTS],
    base: uint256,
    rows: Bytes[margin_statement.MAX_ROW_BYTES],
) -> bytes32[3]:
    """
    @notice The transcript after the context, after the statement, and after the commitments.
    """
    layout: margin_statement.Layout = margin_statement._layout(rows, base)
    variables: uint256 = len(commitments) + len(auxiliaries)
    first: bytes32 = margin_transcript._bind_context(
        begun, kind, message_digest, oracle_round, grid_digest, parameters_digest
    )
    second: bytes32 = margin_transcript._bind_statement(first, variables, layout, keccak256(rows))
    return [first, second, margin_transcript._bind_commitments(second, commitments, auxiliaries)]


@external
@pure
def draw(
    state: bytes32, points: DynArray[uint256[4], margin_transcript.MAX_POINTS], rounds: uint256
) -> margin_transcript.Challenges:
    return margin_transcript._draw(state, points, rounds)


@external
@pure
def shape(rows: Bytes[margin_statement.MAX_ROW_BYTES], base: uint256) -> margin_statement.Layout:
    return margin_statement._layout(rows, base)


@external
@pure
def full(state: bytes32) -> uint256:
    return margin_transcript._full(state)


@external
@pure
def short(state: bytes32) -> uint256:
    return margin_transcript._short(state)


@external
@view
def inverse_tau(alpha: uint256, tau: uint256, varrho: uint256, base: uint256) -> uint256:
    """
    @notice 1/tau, which comes with 1/(alpha + a) for every digit a.
    """
    drawn: margin_transcript.Challenges = empty(margin_transcript.Challenges)
    drawn.alpha = alpha
    drawn.tau = tau
    drawn.varrho = varrho
    layout: margin_statement.Layout = empty(margin_statement.Layout)
    layout.base = base
    unrolled: margin_scalars.Unrolled = margin_scalars._unroll(drawn, 8)
    layout.shape.rounds = 8
    return margin_scalars._linear_side(drawn, unrolled, layout, empty(uint256[16])).inverse_tau
