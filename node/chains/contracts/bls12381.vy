# pragma version ~=0.4.3
"""
@title Scalars and points of BLS12-381
@license Apache-2.0
@notice Inverses modulo the group order r, and sums in G1 by the precompiles of EIP-2537.
@dev    A module without state. A chain without EIP-2537 answers calls to its addresses with success and no output, so
        the length of every answer is checked. G1ADD does not check that a point belongs to the subgroup, G1MSM does:
        nothing but answers of the latter goes through the former. A point is four words: x, then y, as 64-byte
        big-endian integers; the identity is all zeros.
"""

struct Term:
    point: uint256[4]
    scalar: uint256

R: constant(uint256) = 52435875175126190479447740508185965837690552500527637822603658699938581184513
# From 128 points on G1MSM gives no further discount: a longer sum loses nothing by being cut into such pieces.
TERMS: constant(uint256) = 128
TERM_BYTES: constant(uint256) = 160
MODEXP: constant(address) = 0x0000000000000000000000000000000000000005
G1ADD: constant(address) = 0x000000000000000000000000000000000000000b
G1MSM: constant(address) = 0x000000000000000000000000000000000000000C


@internal
@view
def _inverse(x: uint256) -> uint256:
    """
    @notice x^(r-2) modulo r: the inverse of x, and zero for zero.
    """
    length: uint256 = 32
    answer: Bytes[32] = raw_call(
        MODEXP, abi_encode(length, length, length, x, R - 2, R), max_outsize=32, is_static_call=True
    )
    assert len(answer) == 32, "this chain lacks EIP-198"
    return convert(answer, uint256)


@internal
@view
def _add_sum(total: uint256[4], terms: Bytes[TERM_BYTES * TERMS]) -> uint256[4]:
    """
    @notice total + sum scalar·point over encoded terms; reverts unless every point of the terms is of the group.
    """
    success: bool = False
    answer: Bytes[128] = b""
    success, answer = raw_call(G1MSM, terms, max_outsize=128, is_static_call=True, revert_on_failure=False)
    return self._add(total, self._answered(success, answer))


@internal
@view
def _require_no_sum(total: uint256[4], terms: Bytes[TERM_BYTES * TERMS]):
    """
    @notice Reverts unless total + sum scalar·point is the identity.
    @dev    Apart from _add_sum, since room for an answer would lie above the terms, and memory is dear up there.
    """
    success: bool = False
    answer: Bytes[128] = b""
    success, answer = raw_call(G1MSM, terms, max_outsize=128, is_static_call=True, revert_on_failure=False)
    left: uint256[4] = self._add(total, self._answered(success, answer))
    assert self._is_identity(left), "the proof does not hold"


@internal
@pure
def _answered(success: bool, answer: Bytes[128]) -> uint256[4]:
    assert success, "a point is not in the group"
    assert len(answer) == 128, "this chain lacks EIP-2537"
    return abi_decode(answer, uint256[4])


@internal
@view
def _add(a: uint256[4], b: uint256[4]) -> uint256[4]:
    """
    @notice a + b, both answers of G1MSM or the identity.
    """
    if self._is_identity(a):
        return b
    success: bool = False
    answer: Bytes[128] = b""
    success, answer = raw_call(
        G1ADD, abi_encode(a, b), max_outsize=128, is_static_call=True, revert_on_failure=False
    )
    return self._answered(success, answer)


@internal
@pure
def _is_identity(point: uint256[4]) -> bool:
    return point[0] | point[1] | point[2] | point[3] == 0
